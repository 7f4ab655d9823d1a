"""What media nodes say of events. A batch is a handful of statements, however many events and cameras are in it.

A report is state: said twice, late or out of order, the same row stands at the end. A storm costs little: a camera gets
so many rows a minute, and of more there is but a number.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Case, Count, F, Max, Value, When

from belvedere.contracts.camera_events import (
    MAX_A_MINUTE,
    REPORTABLE,
    REPORTS_BATCH,
    EventReport,
    EventReports,
    EventsTaken,
)
from belvedere.control.access.guard import unguarded
from belvedere.control.core import clock, sql
from belvedere.control.core.ids import is_id
from belvedere.control.devices.models import Camera, MediaNode
from belvedere.control.events.models import Event
from belvedere.control.events.services.beginning import announce

MINUTE: Final = timedelta(minutes=1)
#: An event that a node could not tell of for longer is no news any more.
OLDEST: Final = timedelta(days=1)
_MAX_LABEL: Final = 100
_COLUMNS: Final = (
    *("id", "organization_id", "camera_id", "kind", "source", "started_at", "ended_at"),
    *("count", "unkept", "run", "sequence", "heard_at", "label"),
)
_GROWS: Final = ("ended_at", "count", "sequence", "heard_at", "label")
_INSERT: Final = f"INSERT INTO events_event ({', '.join(_COLUMNS)}) VALUES "  # noqa: S608  constants
#: Only the run that began an event says how it goes on, and only its newer words count.
_UPDATE: Final = (
    f" ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _GROWS)}"
    " WHERE events_event.camera_id = excluded.camera_id AND events_event.kind = excluded.kind"
    " AND events_event.run = excluded.run AND events_event.sequence < excluded.sequence"
)


@unguarded("said by the media node itself, which the bus holds to its own name")
@transaction.atomic
def record_events(node: str, said: EventReports) -> EventsTaken:
    """Keep what a node's cameras say. What is of no camera here, or of one that is closed or off, is dropped."""
    if not MediaNode.objects.filter(pk=node, run=said.run).exists():
        return EventsTaken(accepted=False)
    reports = _last_words(said.reports)
    owners = dict(
        Camera.objects.filter(
            pk__in={report.camera for report in reports}, closed_at=None, disabled_at=None
        ).values_list("pk", "organization_id")
    )
    reports = [report for report in reports if report.camera in owners]
    known = set(Event.objects.filter(pk__in=[row.id for row in reports]).values_list("pk", flat=True))
    new, unkept = _within_bounds([report for report in reports if report.id not in known])
    rows = [*new, *(report for report in reports if report.id in known)]
    if rows:
        at = clock.now()
        row = f"({sql.marks(_COLUMNS)})"
        values = [value for report in rows for value in _values(report, owners[report.camera], said.run, at)]
        sql.change(_INSERT + ", ".join([row] * len(rows)) + _UPDATE, *values)
    _count_unkept(unkept)
    announce([report.id for report in new])
    return EventsTaken(accepted=True)


def _last_words(reports: list[EventReport]) -> list[EventReport]:
    """The latest of each event, of those that can be events."""
    found: dict[str, EventReport] = {}
    for report in sorted(reports[:REPORTS_BATCH], key=lambda row: row.sequence):
        if is_id(report.id) and is_id(report.camera) and report.kind in REPORTABLE and _is_news(report.started_at):
            found[report.id] = report
    return list(found.values())


def _is_news(at: float) -> bool:
    now = clock.now()
    return (now - OLDEST).timestamp() < at < (now + MINUTE).timestamp()


def _within_bounds(new: list[EventReport]) -> tuple[list[EventReport], Counter[str]]:
    """Those there is room for in this minute, and of which cameras how many there is none for."""
    if not new:
        return [], Counter()
    since = clock.now() - MINUTE
    # What began in this minute was heard of in it, too: by that, an index finds it.
    lately = Event.objects.filter(
        camera__in={report.camera for report in new}, heard_at__gt=since, started_at__gt=since
    )
    taken = Counter(dict(lately.values_list("camera").annotate(n=Count("pk")).order_by("camera")))
    kept = []
    unkept: Counter[str] = Counter()
    for report in sorted(new, key=lambda row: row.started_at):
        if taken[report.camera] < MAX_A_MINUTE:
            taken[report.camera] += 1
            kept.append(report)
        else:
            unkept[report.camera] += 1
    return kept, unkept


def _count_unkept(unkept: Counter[str]) -> None:
    """On the newest event of each of these cameras: that the storm goes on."""
    if unkept:
        rows = Event.objects.filter(camera__in=unkept).values("camera").order_by("camera")
        newest = rows.annotate(newest=Max("pk")).values_list("newest", flat=True)
        more = Case(*(When(camera=camera, then=Value(n)) for camera, n in unkept.items()), default=Value(0))
        Event.objects.filter(pk__in=list(newest)).update(unkept=F("unkept") + more)


def _values(report: EventReport, organization: str, run: str, at: datetime) -> tuple[object, ...]:
    started = min(datetime.fromtimestamp(report.started_at, UTC), at)
    ended = None
    if report.ended_at is not None:
        ended = datetime.fromtimestamp(min(max(report.ended_at, started.timestamp()), at.timestamp()), UTC)
    return (
        *(report.id, organization, report.camera, report.kind.value, report.source.value, started, ended),
        *(max(report.count, 1), 0, run, report.sequence, at),
        _clean_label(report.label),
    )


def _clean_label(text: str) -> str:
    """A node's words end up on pages and in mails: printable, or none (N32)."""
    return text[:_MAX_LABEL] if text.isprintable() else ""
