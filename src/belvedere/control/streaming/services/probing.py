"""Tickets in somebody's name that nobody sees anything by: to find out what he is let do."""

import secrets
from datetime import datetime

from belvedere.contracts.sessions import Quality, SessionKind
from belvedere.control.accounts.models import digest_of
from belvedere.control.core import clock
from belvedere.control.core.principal import Principal
from belvedere.control.streaming.models import ViewingSession


def issue_probe(
    asker: Principal,
    *,
    principal: str,
    camera: str,
    kind: SessionKind,
    node: str,
    start: datetime | None = None,
    end: datetime | None = None,
) -> tuple[str, str]:
    """A ticket in somebody's name for a node to try at its own door: (session, secret), for that node alone.

    The caller has decided that `asker` may know what comes of it. Nothing is asked here: whether it opens is for the
    claim to decide, by the principal's own rights. It lives as long as the credential of who asked.
    """
    secret = secrets.token_urlsafe(16)
    row = ViewingSession.objects.create(
        secret_hash=digest_of(secret),
        principal=principal,
        credential=asker.credential,
        probed_by=asker.id,
        camera_id=camera,
        kind=kind,
        quality=Quality.MAIN,
        start_at=start,
        end_at=end,
        issued_at=clock.now(),
        node=node,
    )
    return row.pk, secret
