"""Reading events. What happened is the past: it is for who may look back, as far back as he may, and for nobody else.

An event belongs to the instant it began at. What began before somebody's window did not happen for him, even if it
went on into it (N15, N23). The past of a panel, which has no footage, is for those who set it up (ADR 0020).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import or_
from typing import Final

from django.db.models import Max, Q, QuerySet
from django.utils.translation import gettext as _

from belvedere.contracts.camera_events import EventKind, EventSource
from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import check
from belvedere.control.access.selectors import ResourcePath, grants_of
from belvedere.control.core import clock
from belvedere.control.core.errors import Forbidden, Invalid, NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.principal import Principal
from belvedere.control.core.spans import check_period
from belvedere.control.devices.models import Camera, Panel
from belvedere.control.devices.selectors import CameraView
from belvedere.control.events.models import Event
from belvedere.control.recordings.models import Placement
from belvedere.control.recordings.selectors import MAX_COVERAGE

#: On one time line; a pixel cannot tell more of them apart.
MAX_MARKS: Final = 3000
#: On the wall, what is older is no news.
LATELY: Final = timedelta(hours=1)
#: What is being recorded can be read so long after it happened.
_WRITTEN_AFTER: Final = timedelta(seconds=15)
#: Where there is nothing to bound a question.
_EVER: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """An event as somebody sees it who may look back to it. Of a camera or of a panel; the other one is None.

    end          None while it goes on
    count        how often its source said so
    label        what its source calls what it saw, where it knows more than the kind; or ""
    unkept       more that began within the same minute, of which nothing else is known
    has_picture  whether there is footage of its beginning, as far as its nodes have said
    """

    id: str
    camera: str | None
    panel: str | None
    kind: EventKind
    source: EventSource
    label: str
    start: datetime
    end: datetime | None
    count: int
    unkept: int
    has_picture: bool


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events, the latest first. `before`: where the next page begins; None on the last one."""

    items: list[EventView]
    before: list[str] | None


@dataclass(frozen=True, slots=True)
class EventGlance:
    """What happened last at a camera."""

    kind: EventKind
    at: datetime


def list_events(
    actor: Principal,
    *,
    camera: str = "",
    panel: str = "",
    start: datetime | None = None,
    end: datetime | None = None,
    kinds: Collection[EventKind] = (),
    before: list[str] | None = None,
    limit: int = 100,
) -> EventPage:
    """What happened between two instants, of one camera or panel, or of all whose past the actor may see.

    A constant number of queries. Raises NotFound, Forbidden for a camera or panel that is asked for by name; Invalid.
    """
    start, end = start or _EVER, end or clock.now() + timedelta(seconds=1)
    if not start < end:
        raise Invalid(_("The end must come after the start."), field="to")
    if camera:
        rows = _of_windows({camera: _window_of(actor, camera)})
    elif panel:
        check(actor, Permission.CONFIGURE, on="panel", resource=panel, of_member=True)
        rows = Event.objects.filter(panel=panel)
    else:
        rows = _of_everything(actor)
    rows = rows.filter(started_at__gte=start, started_at__lt=end)
    if kinds:
        rows = rows.filter(kind__in=[kind.value for kind in kinds])
    if before:
        at, last = datetime.fromisoformat(before[0]), before[1]
        rows = rows.filter(Q(started_at__lt=at) | Q(started_at=at, pk__lt=last))
    found = list(rows.order_by("-started_at", "-pk")[: limit + 1])
    page = found[:limit]
    more = [page[-1].started_at.isoformat(), page[-1].pk] if len(found) > limit else None
    return EventPage(_views(page), more)


def list_marks(actor: Principal, camera: str, start: datetime, end: datetime) -> list[EventView]:
    """What stands on a camera's time line between two instants, in order; of too much, the latest.

    Needs `playback`. Raises NotFound, Forbidden, Invalid.
    """
    earliest = _window_of(actor, camera)
    check_period(start, end, longest=MAX_COVERAGE, message=_("At most a year can be asked for at once."))
    rows = _of_windows({camera: earliest}).filter(started_at__gte=start, started_at__lt=end)
    return _views(list(rows.order_by("-started_at", "-pk")[:MAX_MARKS]))[::-1]


def get_event(actor: Principal, event: str) -> EventView:
    """One of them. Raises NotFound: also for what began before one's window (N23)."""
    row = Event.objects.filter(pk=event).first() if is_id(event) else None
    if row is None:
        raise NotFound
    try:
        if row.camera_id is not None:
            rows = _of_windows({row.camera_id: _window_of(actor, row.camera_id)})
            if not rows.filter(pk=event).exists():
                raise NotFound
        else:
            check(actor, Permission.CONFIGURE, on="panel", resource=str(row.panel_id), of_member=True)
    except Forbidden:
        # Who may not look back does not learn that there was something.
        raise NotFound from None
    return _views([row])[0]


def glance_at_events(views: Iterable[CameraView]) -> dict[str, EventGlance]:
    """Camera → what happened last within the hour, of those whose past the actor of these views may see. One query."""
    windows = {view.id: max(view.playback_from, 0.0) for view in views if view.playback_from is not None}
    if not windows:
        return {}
    rows = _of_windows(windows).filter(started_at__gte=clock.now() - LATELY).order_by("camera", "kind")
    latest: dict[str, EventGlance] = {}
    for camera, kind, at in rows.values_list("camera", "kind").annotate(at=Max("started_at")):
        if camera not in latest or latest[camera].at < at:
            latest[camera] = EventGlance(EventKind(kind), at)
    return latest


def _window_of(actor: Principal, camera: str) -> float:
    """The first instant that the actor may know of, seconds since the epoch. Raises NotFound, Forbidden."""
    earliest = check(actor, Permission.PLAYBACK, on="camera", resource=camera).playback_from
    return 0.0 if earliest is None else max(earliest, 0.0)


def _windows(actor: Principal) -> dict[str, float]:
    """Camera → the first instant that the actor may know of, of all whose past he may see."""
    grants = grants_of(actor)
    held = grants.resources
    rows = Camera.objects.filter(closed_at=None).filter(Q(pk__in=held) | Q(site__in=held) | Q(organization__in=held))
    found = {}
    for pk, site, organization in rows.values_list("pk", "site", "organization"):
        earliest = grants.decide(ResourcePath(pk, site, organization)).playback_from
        if earliest is not None:
            found[pk] = max(earliest, 0.0)
    return found


def _of_windows(windows: dict[str, float]) -> QuerySet[Event]:
    """Events of these cameras, each from its own instant on. Most windows are the same."""
    cameras: dict[float, list[str]] = {}
    for camera, earliest in windows.items():
        cameras.setdefault(earliest, []).append(camera)
    return Event.objects.filter(reduce(or_, map(_within, cameras.items()), Q(pk__in=[])))


def _within(window: tuple[float, list[str]]) -> Q:
    earliest, cameras = window
    return Q(camera__in=cameras, started_at__gte=datetime.fromtimestamp(earliest, UTC))


def _of_everything(actor: Principal) -> QuerySet[Event]:
    grants = grants_of(actor)
    held = grants.resources
    rows = Panel.objects.filter(closed_at=None, device__unbound_at=None).filter(
        Q(pk__in=held) | Q(device__site__in=held) | Q(device__organization__in=held)
    )
    panels = [
        pk
        for pk, site, organization in rows.values_list("pk", "device__site", "device__organization")
        if grants.decide(ResourcePath(pk, site, organization)).allows(Permission.CONFIGURE)
    ]
    return _of_windows(_windows(actor)) | Event.objects.filter(panel__in=panels)


def _views(rows: list[Event]) -> list[EventView]:
    held: dict[str, list[tuple[datetime, datetime]]] = {}
    written = clock.now() - _WRITTEN_AFTER
    places = Placement.objects.filter(
        camera__in={row.camera_id for row in rows if row.camera_id}, first_at__isnull=False
    )
    for camera, first, last, goes_on in places.values_list("camera", "first_at", "last_at", "is_recording"):
        if first is not None and last is not None:
            held.setdefault(camera, []).append((first, written if goes_on else last))
    return [_view(row, held.get(row.camera_id or "", [])) for row in rows]


def _view(row: Event, held: list[tuple[datetime, datetime]]) -> EventView:
    return EventView(
        id=row.pk,
        camera=row.camera_id,
        panel=row.panel_id,
        kind=EventKind(row.kind),
        source=EventSource(row.source),
        label=row.label,
        start=row.started_at,
        end=row.ended_at,
        count=row.count,
        unkept=row.unkept,
        has_picture=any(first <= row.started_at < last for first, last in held),
    )
