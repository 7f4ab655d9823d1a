"""Recordings at a glance: whether cameras are recorded, how far back one may look. For pages that show more besides."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from belvedere.contracts.permissions import Permission
from belvedere.contracts.recordings import RecordMode
from belvedere.control.access.guard import check
from belvedere.control.core import clock
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Camera
from belvedere.control.devices.selectors import CameraView
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
    """Camera → how its recording goes, of those that the actor of these views may configure. One query."""
    mine = [view.id for view in views if view.may(Permission.CONFIGURE)]
    if not mine:
        return {}
    columns = (f"placements__{name}" for name in _Placed._fields)
    rows = Camera.objects.filter(pk__in=mine).order_by("-placements__seen_at", "placements")
    modes: dict[str, str | None] = {}
    placed: dict[str, list[_Placed]] = {}
    for camera, mode, seen_at, *row in rows.values_list("pk", "recording_settings__mode", *columns):
        modes[camera] = mode
        if seen_at:
            placed.setdefault(camera, []).append(_Placed(seen_at, *row))
    return {camera: _glance(modes.get(camera), placed.get(camera, [])) for camera in mine}


class _Placed(NamedTuple):
    """What a volume says of a camera."""

    seen_at: datetime
    last_at: datetime | None
    is_recording: bool
    error: str
    rate: int


def _glance(mode: str | None, placed: list[_Placed]) -> RecordingGlance:
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
