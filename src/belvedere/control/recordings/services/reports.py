"""What media nodes ask and say of footage: what to record and to keep, what there is, how their disks are."""

from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from belvedere.contracts.recordings import (
    PLANS_BATCH,
    FootageReport,
    Holding,
    PlansReply,
    PlansRequest,
    RecordingPlan,
    RecordMode,
)
from belvedere.contracts.sessions import Quality
from belvedere.control.access.guard import unguarded
from belvedere.control.core import clock
from belvedere.control.core.ids import is_id
from belvedere.control.devices.models import Camera, MediaNode
from belvedere.control.devices.selectors import NODE_IS_GONE_AFTER, choose_node
from belvedere.control.recordings.models import Placement, RecordingSettings, Volume
from belvedere.control.recordings.selectors import SILENT_AFTER, UNREADABLE

#: the last instant that a row can hold
_LAST = datetime.max.replace(tzinfo=UTC).timestamp() - 1
_SAID = ("first_at", "last_at", "bytes", "rate", "is_recording", "error", "seen_at")


@unguarded("asked by the media node itself, which the bus holds to its own name")
def list_plans(node: str, request: PlansRequest) -> PlansReply | None:
    """What this node has to record, and what to keep of all it holds; one page.

    A camera that is closed, off or carried by another node is recorded no more, but what there is of it stays its own
    and is kept as long as its settings say (rule 7). A run that we do not know gets no answer, so that it goes on as it
    was told: an empty one would end all of its recordings.
    """
    me = MediaNode.objects.filter(pk=node, run=request.run).first()
    if me is None:
        return None
    live = MediaNode.objects.filter(last_seen_at__gt=clock.now() - NODE_IS_GONE_AFTER).exclude(pk=node)
    nodes = [me, *live]
    held = Placement.objects.filter(camera=OuterRef("pk"), volume__node=node)
    rows = Camera.objects.filter(Q(closed_at=None, device__unbound_at=None) | Exists(held), pk__gt=request.after)
    page = list(rows.annotate(is_held=Exists(held)).select_related("recording_settings").order_by("pk")[:PLANS_BATCH])
    plans = []
    for camera in page:
        is_mine = choose_node(camera.pk, nodes) is me
        if is_mine or camera.is_held:
            is_recorded = is_mine and camera.closed_at is None and camera.disabled_at is None
            plans.append(_plan(camera, is_recorded=is_recorded))
    return PlansReply(plans, page[-1].pk if len(page) == PLANS_BATCH else "")


def _plan(camera: Camera, *, is_recorded: bool) -> RecordingPlan:
    row = getattr(camera, "recording_settings", None) or RecordingSettings(camera=camera)
    mode = RecordMode(row.mode) if is_recorded else RecordMode.OFF
    return RecordingPlan(
        camera=camera.pk,
        mode=mode,
        quality=Quality(row.quality),
        with_audio=row.with_audio,
        keep_days=row.keep_days,
        keep_bytes=row.keep_bytes,
        hours=row.hours if mode is RecordMode.SCHEDULED else "",
    )


@unguarded("said by the media node itself, which the bus holds to its own name")
@transaction.atomic
def record_footage(node: str, report: FootageReport) -> None:
    """What a node holds of its cameras on one volume, and how that volume is."""
    if not MediaNode.objects.filter(pk=node, run=report.run).exists():
        return
    at = clock.now()
    said = report.volume
    volume, _is_new = Volume.objects.update_or_create(
        node=node,
        volume=said.id[:64],
        defaults={
            "state": said.state[:20],
            "total": said.total,
            "free": said.free,
            "footage": said.footage,
            "error": said.error[:40],
            "seen_at": at,
        },
    )
    holdings = {row.camera: row for row in report.holdings if is_id(row.camera)}
    known = Camera.objects.filter(pk__in=holdings).values_list("pk", flat=True)
    Placement.objects.bulk_create(
        [_placement(volume, holdings[camera], at) for camera in known],
        update_conflicts=True,
        unique_fields=("camera", "volume"),
        update_fields=_SAID,
    )
    # What a whole round leaves out is gone. A disk that cannot be read says nothing of what is on it.
    if report.is_last and said.state not in UNREADABLE:
        Placement.objects.filter(volume=volume, seen_at__lt=at - SILENT_AFTER).delete()


def _placement(volume: Volume, said: Holding, at: datetime) -> Placement:
    return Placement(
        camera_id=said.camera,
        volume=volume,
        first_at=_instant(said.first),
        last_at=_instant(said.last),
        bytes=said.bytes,
        rate=said.rate,
        is_recording=said.is_recording,
        error=said.error[:40],
        seen_at=at,
    )


def _instant(at: float | None) -> datetime | None:
    return datetime.fromtimestamp(at, UTC) if at is not None and 0 <= at < _LAST else None
