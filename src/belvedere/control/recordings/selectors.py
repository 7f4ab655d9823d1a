"""Reading recordings: how a camera is recorded, where there is footage, whose exports there are.

Nobody learns of footage outside his window: questions are clipped to it before they are asked, and answers again after
(N15, N23).
"""

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from belvedere.contracts import subjects
from belvedere.contracts.permissions import Permission
from belvedere.contracts.recordings import (
    JOIN_S,
    MAX_COVERAGE_S,
    REPORT_EVERY_S,
    CoverageReply,
    CoverageRequest,
    RecordMode,
)
from belvedere.contracts.sessions import Quality
from belvedere.control.access.guard import check
from belvedere.control.core import clock, media
from belvedere.control.core.errors import NotFound, Unavailable
from belvedere.control.core.ids import is_id
from belvedere.control.core.principal import Principal
from belvedere.control.core.spans import Pair, check_period, clip, join, without
from belvedere.control.devices.models import MediaNode
from belvedere.control.devices.selectors import NODE_IS_GONE_AFTER
from belvedere.control.recordings.forecast import Forecast, Rate, days_on_disk, forecast, room_of
from belvedere.control.recordings.models import Export, Placement, RecordingSettings, Volume

#: how long one question about coverage may take
COVERAGE_TIMEOUT_S: Final = 2.0
MAX_COVERAGE: Final = timedelta(seconds=MAX_COVERAGE_S)
#: what a node has not spoken of for so long, nobody knows
SILENT_AFTER: Final = timedelta(seconds=3 * REPORT_EVERY_S)
#: states of a volume that nothing can be read from just now
UNREADABLE: Final = frozenset({"refused", "failed"})


@dataclass(frozen=True, slots=True)
class Period:
    """From an instant up to, not including, another."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Coverage:
    """When there is footage; and of which periods nobody can say, because who holds them does not answer."""

    covered: list[Period] = field(default_factory=list)
    unknown: list[Period] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeView:
    """A disk, as those see it whose camera's footage is there. `is_silent`: its node has not spoken of it lately."""

    volume: str
    state: str
    total: int
    free: int
    error: str
    is_silent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingSettingsView:
    """How a camera is recorded, and how that goes.

    hours        weekly windows, as `{"zone", "weekly"}`; None where none were ever set
    first, last  the oldest and the latest footage of it, on all volumes
    bytes, rate  what it takes, and what it takes more each day
    error        a stable word (disk_full, no_picture, …), or ""
    """

    camera: str
    mode: RecordMode
    quality: Quality
    with_audio: bool
    keep_days: int
    keep_bytes: int
    hours: dict[str, Any] | None
    forecast: Forecast | None
    is_recording: bool
    error: str
    first: datetime | None
    last: datetime | None
    bytes: int
    rate: int
    volumes: list[VolumeView]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportView:
    """An export of one's own. `state`: running, done, ended (before it was whole). Sizes in bytes."""

    id: str
    session: str
    camera: str
    camera_name: str
    start: datetime
    end: datetime
    state: str
    asked_at: datetime
    sent: int
    total: int
    sha256: str
    made_at: datetime | None


# ── Settings ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def settings_of(camera: str) -> RecordingSettings:
    """The row, or the defaults unsaved. The caller has decided who may know."""
    return RecordingSettings.objects.filter(pk=camera).first() or RecordingSettings(camera_id=camera)


def get_recording_settings(actor: Principal, camera: str) -> RecordingSettingsView:
    """How a camera is recorded, for those who may configure it. Raises NotFound, Forbidden."""
    check(actor, Permission.CONFIGURE, on="camera", resource=camera)
    row = settings_of(camera)
    placed = list(Placement.objects.filter(camera=camera).select_related("volume").order_by("-seen_at", "pk"))
    held = [(place.first_at, place.last_at) for place in placed if place.first_at and place.last_at]
    writing = next((place for place in placed if place.is_recording), placed[0] if placed else None)
    return RecordingSettingsView(
        camera=camera,
        mode=RecordMode(row.mode),
        quality=Quality(row.quality),
        with_audio=row.with_audio,
        keep_days=row.keep_days,
        keep_bytes=row.keep_bytes,
        hours=json.loads(row.hours) if row.hours else None,
        forecast=_forecast(row, writing),
        is_recording=any(place.is_recording and not _is_silent(place.seen_at) for place in placed),
        error=next((place.error for place in placed if place.error), ""),
        first=min((first for first, _last in held), default=None),
        last=max((last for _first, last in held), default=None),
        bytes=sum(place.bytes for place in placed),
        rate=writing.rate if writing else 0,
        volumes=[_volume_view(place.volume) for place in placed],
    )


def _is_silent(seen_at: datetime) -> bool:
    return seen_at < clock.now() - SILENT_AFTER


def _volume_view(row: Volume) -> VolumeView:
    return VolumeView(
        volume=row.volume,
        state=row.state,
        total=row.total,
        free=row.free,
        error=row.error,
        is_silent=_is_silent(row.seen_at),
    )


def _forecast(row: RecordingSettings, writing: Placement | None) -> Forecast | None:
    if writing is None or row.mode == RecordMode.OFF:
        return None
    disk = writing.volume
    # A camera without settings is kept as a fresh row of them would say.
    bounds = "camera__recording_settings__keep_days", "camera__recording_settings__keep_bytes"
    usual = RecordingSettings()
    others = (
        Placement.objects.filter(volume=disk, is_recording=True).exclude(pk=writing.pk).values_list("rate", *bounds)
    )
    rates = [
        Rate.of(rate, days if days is not None else usual.keep_days, size if size is not None else usual.keep_bytes)
        for rate, days, size in others.values_list("rate", *bounds)
    ]
    own = Rate.of(writing.rate, row.keep_days, row.keep_bytes)
    on_disk = days_on_disk(room_of(disk.total, disk.free, disk.footage), [*rates, own])
    return forecast(writing.rate, row.keep_days, row.keep_bytes, on_disk)


# ── Coverage ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def clip_to_window(earliest: float | None, start: datetime, end: datetime) -> Pair | None:
    """The part of a period that may be known of: not before `earliest`, not after now. None where nothing is left."""
    if earliest is None:
        return None
    first, last = max(start.timestamp(), earliest, 0.0), min(end.timestamp(), clock.now().timestamp())
    return (first, last) if first < last else None


def list_coverage(actor: Principal, camera: str, start: datetime, end: datetime) -> Coverage:
    """When there is footage of a camera between two instants, as far as the actor may know. All its nodes are asked.

    Needs `playback`. Raises NotFound, Forbidden, Invalid.
    """
    decision = check(actor, Permission.PLAYBACK, on="camera", resource=camera)
    check_period(start, end, longest=MAX_COVERAGE, message=_("At most a year can be asked for at once."))
    window = clip_to_window(decision.playback_from, start, end)
    if window is None:
        return Coverage()
    covered, unknown = ask_coverage(camera, *window)
    # Rights may have ended, and the window moved on, while the nodes were asked.
    decision = check(actor, Permission.PLAYBACK, on="camera", resource=camera)
    window = clip_to_window(decision.playback_from, start, end)
    return Coverage(_periods(clip(covered, *window)), _periods(clip(unknown, *window))) if window else Coverage()


def ask_coverage(camera: str, start: float, end: float) -> tuple[list[Pair], list[Pair]]:
    """(covered, unknown) between two instants, asked of every node that holds something of the camera.

    The caller has clipped the question to what may be known.
    """
    placed = list_placements(camera, start, end)
    nodes = sorted({place.volume.node for place in placed})
    # Side by side: a silent node costs its two seconds once.
    with ThreadPoolExecutor(max(1, len(nodes))) as pool:
        answers = dict(zip(nodes, pool.map(lambda node: _ask(node, camera, start, end), nodes), strict=True))
    covered = join((span for spans in answers.values() for span in spans or ()), within_s=JOIN_S)
    dark = [place for place in placed if answers[place.volume.node] is None or place.volume.state in UNREADABLE]
    return clip(covered, start, end), without(_dark_spans(camera, placed, dark, start, end), covered)


def is_any_dark(camera: str, start: float, end: float) -> bool:
    """Whether there may be footage of a camera between two instants that nobody can be asked for just now."""
    placed = list_placements(camera, start, end)
    live = {node.pk for node in _list_live({place.volume.node for place in placed})}
    dark = [place for place in placed if place.volume.node not in live or place.volume.state in UNREADABLE]
    return bool(_dark_spans(camera, placed, dark, start, end))


def _dark_spans(camera: str, placed: list[Placement], dark: list[Placement], start: float, end: float) -> list[Pair]:
    """Of which periods these silent ones may hold something: of none that is past keeping, or recorded elsewhere."""
    if not dark:
        return []
    kept_since = (clock.now() - timedelta(days=settings_of(camera).keep_days)).timestamp()
    has_moved = any(place.is_recording and not _is_silent(place.seen_at) for place in placed if place not in dark)
    spans = (_extent(place, end, goes_on=not has_moved) for place in dark)
    return join(clip(spans, max(start, kept_since), end))


def list_placements(camera: str, start: float, end: float) -> list[Placement]:
    """Where there is, or may be, footage of a camera between two instants, as its nodes said last."""
    since, until = datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC)
    # What is being recorded has grown since it was spoken of.
    rows = Placement.objects.filter(camera=camera, first_at__lt=until).filter(
        Q(last_at__gt=since) | Q(is_recording=True)
    )
    return list(rows.select_related("volume").order_by("pk"))


def _extent(place: Placement, end: float, *, goes_on: bool = True) -> Pair:
    """From its first footage to its last; what was being recorded has gone on since."""
    first, last = place.first_at or place.seen_at, place.last_at or place.seen_at
    return first.timestamp(), end if place.is_recording and goes_on else last.timestamp()


def _ask(node: str, camera: str, start: float, end: float) -> list[Pair] | None:
    """One node's answer; None if it gives none."""
    question = CoverageRequest(camera, start, end)
    subject = subjects.of_node(subjects.FOOTAGE_COVERAGE, node)
    try:
        reply = media.ask(subject, question, CoverageReply, timeout=COVERAGE_TIMEOUT_S)
    except Unavailable:
        return None
    return [(span.start, span.end) for span in reply.spans]


def _periods(spans: Iterable[Pair]) -> list[Period]:
    return [Period(datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC)) for start, end in spans]


def list_nodes_with_footage(camera: str, start: float, end: float) -> list[MediaNode]:
    """Nodes that live and hold footage of a camera between two instants, who holds most of it first."""
    held: dict[str, float] = {}
    for place in list_placements(camera, start, end):
        if place.volume.state not in UNREADABLE:
            length = sum(last - first for first, last in clip([_extent(place, end)], start, end))
            held[place.volume.node] = held.get(place.volume.node, 0.0) + length
    return sorted(_list_live(held), key=lambda node: (-held[node.pk], node.pk))


def _list_live(nodes: Iterable[str]) -> QuerySet[MediaNode]:
    return MediaNode.objects.filter(pk__in=set(nodes), last_seen_at__gt=clock.now() - NODE_IS_GONE_AFTER)


# ── Exports ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def list_exports(actor: Principal, *, camera: str = "", limit: int | None = None) -> list[ExportView]:
    """One's own exports, the latest first: all, or `limit` of one camera. Those of cameras one cannot see any more
    stay: the file was had.
    """
    rows = _exports_of(actor).order_by("-pk")
    if camera:
        rows = rows.filter(camera_id=camera)
    return [_export_view(row) for row in rows[:limit]]


def get_export(actor: Principal, export: str) -> ExportView:
    """One of them. Raises NotFound."""
    return _export_view(_get(actor, export))


def get_manifest(actor: Principal, export: str) -> dict[str, Any]:
    """What is handed on beside the file: `{"manifest", "signature"}`. Raises NotFound, until there is one."""
    row = _get(actor, export)
    if not row.signature:
        raise NotFound
    return {"manifest": json.loads(row.manifest), "signature": row.signature}


def _get(actor: Principal, export: str) -> Export:
    row = _exports_of(actor).filter(pk=export).first() if is_id(export) else None
    if row is None:
        raise NotFound
    return row


def _exports_of(actor: Principal) -> QuerySet[Export]:
    # A ticket that nobody came with, or that was refused when somebody did, is no export.
    rows = Export.objects.filter(by=actor.id, session__opened_at__isnull=False)
    return rows.exclude(session__closed_at=F("session__opened_at")).select_related("session")


def _export_view(row: Export) -> ExportView:
    return ExportView(
        id=row.pk,
        session=row.session_id,
        camera=row.camera_id,
        camera_name=row.camera_name,
        start=row.start_at,
        end=row.end_at,
        state="done" if row.signature else "ended" if row.session.closed_at else "running",
        asked_at=row.session.issued_at,
        sent=row.sent,
        total=row.total,
        sha256=row.sha256,
        made_at=row.made_at,
    )
