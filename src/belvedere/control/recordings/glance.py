"""Recordings at a glance: whether cameras are recorded, how far back one may look. For pages that show more besides."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from belvedere.contracts.permissions import Permission
from belvedere.contracts.recordings import RecordMode
from belvedere.control.access.guard import check
from belvedere.control.core import clock
from belvedere.control.core.principal import Principal
from belvedere.control.devices.selectors import CameraView
from belvedere.control.recordings.models import Placement, RecordingSettings
from belvedere.control.recordings.selectors import SILENT_AFTER


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingGlance:
    """How one camera's recording goes. `error`: a stable word, or ""; `last`: the latest footage, None where none is.

    rate  bytes a day; 0 while nobody knows
    """

    mode: RecordMode
    is_recording: bool
    error: str
    last: datetime | None
    rate: int


def glance_at_recording(views: Iterable[CameraView]) -> dict[str, RecordingGlance]:
    """Camera → how its recording goes, of those that the actor of these views may configure. Two queries."""
    mine = [view.id for view in views if view.may(Permission.CONFIGURE)]
    if not mine:
        return {}
    modes = dict(RecordingSettings.objects.filter(pk__in=mine).values_list("pk", "mode"))
    placed: dict[str, list[Placement]] = {}
    for row in Placement.objects.filter(camera__in=mine).order_by("-seen_at", "pk"):
        placed.setdefault(row.camera_id, []).append(row)
    return {camera: _glance(modes.get(camera), placed.get(camera, [])) for camera in mine}


def _glance(mode: str | None, placed: list[Placement]) -> RecordingGlance:
    lately = [row for row in placed if row.seen_at >= clock.now() - SILENT_AFTER]
    return RecordingGlance(
        mode=RecordMode(mode) if mode else RecordMode.CONTINUOUS,
        is_recording=any(row.is_recording for row in lately),
        error=next((row.error for row in lately if row.error), ""),
        last=max((row.last_at for row in placed if row.last_at), default=None),
        rate=next((row.rate for row in placed if row.rate), 0),
    )


def get_earliest(actor: Principal, camera: str) -> float:
    """The first instant of footage that the actor may know of, seconds since the epoch; 0 where nothing bounds it.

    Needs `playback`. Raises NotFound, Forbidden.
    """
    earliest = check(actor, Permission.PLAYBACK, on="camera", resource=camera).playback_from
    return max(earliest or 0.0, 0.0)
