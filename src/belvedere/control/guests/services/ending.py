"""Ending a guest link by hand, and forgetting who came."""

from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q

from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import unguarded
from belvedere.control.access.selectors import get_decision
from belvedere.control.access.services import end_grants
from belvedere.control.core import clock
from belvedere.control.core.errors import NotFound
from belvedere.control.core.ids import is_id, new_id
from belvedere.control.core.principal import Principal
from belvedere.control.devices.selectors import find_camera_path
from belvedere.control.guests.models import GuestLink, GuestVisit

#: the log of use, after the end
KEEP: Final = timedelta(days=90)


@unguarded("the actor's own link, or one all of whose cameras he may share")
@transaction.atomic
def end_link(actor: Principal, *, link: str) -> str:
    """End a link and all that is watched through it. Twice is harmless. The change id. Raises NotFound."""
    row = GuestLink.objects.filter(pk=link).first() if is_id(link) else None
    if row is None or not _may_end(actor, row):
        raise NotFound
    change_id = new_id()
    if not close_link(row, by=actor.id, reason="revoked", change_id=change_id):
        return row.change_id
    return end_grants(
        actor,
        organization=row.organization_id,
        reason="revoked",
        action="guest_link.revoked",
        thing=f"guest_link:{row.pk}",
        origin_ids=[row.pk],
        change_id=change_id,
        details={"name": row.name},
    )


def _may_end(actor: Principal, link: GuestLink) -> bool:
    if link.giver_id == actor.id:
        return True
    cameras = link.cameras.filter(ended_at=None).values_list("camera_id", flat=True)
    paths = [find_camera_path(camera) for camera in cameras]
    return bool(paths) and all(path and get_decision(actor.id, path).allows(Permission.SHARE) for path in paths)


def close_link(link: GuestLink, *, by: str, reason: str, change_id: str) -> bool:
    """Mark it as over. Whether it was us who ended it."""
    rows = GuestLink.objects.filter(pk=link.pk, ended_at=None)
    changes = {"ended_at": clock.now(), "ended_by": by, "ended_reason": reason, "change_id": change_id}
    if not rows.update(**changes):
        link.refresh_from_db()
        return False
    return True


@unguarded("the worker's own housekeeping")
def purge_visits() -> None:
    """The log of use, once its link has been over for as long as the viewing ledger is kept."""
    over = clock.now() - KEEP
    GuestVisit.objects.filter(Q(link__ended_at__lt=over) | Q(link__ends_at__lt=over)).delete()
