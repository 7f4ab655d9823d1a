"""An export while media makes it: begun, under way, whole and signed."""

import re
from typing import Final

from django.conf import settings
from django.db import transaction

from belvedere.contracts.recordings import ExportFinished, ExportProgress, ExportSigned, Span
from belvedere.control.access.guard import unguarded
from belvedere.control.accounts.selectors import Person, get_persons
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock, signing
from belvedere.control.core.principal import Principal
from belvedere.control.core.spans import clip, join
from belvedere.control.recordings.manifests import KEY, VERSION, canonical, instant, list_spans, signed_bytes
from belvedere.control.recordings.models import Export

_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@unguarded("told by the opening of its session, which decided; the ticket was guarded")
@transaction.atomic
def record_export_opened(session: str, *, address: str) -> None:
    """Somebody came with the ticket: from now on it is an export, and the audit says whose."""
    row = Export.objects.select_related("camera").get(session=session)
    person = _exporter(row)
    write_entry(
        actor=Principal(id=row.by, name=person.name, email=person.email, address=address),
        action="camera.exported",
        thing=f"camera:{row.camera_id}",
        organization=row.camera.organization_id,
        site=row.camera.site_id,
        name=row.camera_name,
        export=row.pk,
        start=instant(row.start_at),
        end=instant(row.end_at),
    )


@unguarded("said by the media node of its own sessions")
def record_export_progress(node: str, progress: ExportProgress) -> None:
    """So many bytes of so many were sent. The last word wins, until the export is whole."""
    rows = Export.objects.filter(session=progress.session, session__node=node, session__run=progress.run, signature="")
    rows.update(sent=progress.sent, total=progress.total)


@unguarded("asked by the media node of its own sessions")
@transaction.atomic
def sign_export(node: str, finished: ExportFinished) -> ExportSigned:
    """A file is whole: compose its manifest and sign it, once. The same word said again is taken, another is not."""
    rows = Export.objects.filter(session=finished.session, session__node=node, session__run=finished.run)
    row = rows.filter(session__opened_at__isnull=False).first()
    if row is None or not _SHA256.fullmatch(finished.sha256) or finished.size < 0:
        return ExportSigned(accepted=False)
    at, signer = clock.now(), signing.Signer(KEY)
    person = _exporter(row)
    spans = join(clip(((span.start, span.end) for span in finished.spans), *_range(row)))
    manifest = {
        "version": VERSION,
        "key": signer.id,
        "installation": settings.BELVEDERE.url,
        "export": row.pk,
        "camera": {"id": row.camera_id, "name": row.camera_name},
        "from": instant(row.start_at),
        "to": instant(row.end_at),
        "spans": list_spans([Span(start, end) for start, end in spans]),
        "sha256": finished.sha256,
        "size": finished.size,
        "exporter": {"id": person.id, "name": person.name, "email": person.email},
        "made_at": instant(at),
    }
    signed = Export.objects.filter(pk=row.pk, signature="").update(
        sha256=finished.sha256,
        sent=finished.size,
        total=finished.size,
        manifest=canonical(manifest),
        signature=signer.sign(signed_bytes(manifest)),
        made_at=at,
    )
    return ExportSigned(accepted=bool(signed) or row.sha256 == finished.sha256)


def _range(row: Export) -> tuple[float, float]:
    return row.start_at.timestamp(), row.end_at.timestamp()


def _exporter(row: Export) -> Person:
    return get_persons([row.by]).get(row.by, Person(row.by, "", ""))
