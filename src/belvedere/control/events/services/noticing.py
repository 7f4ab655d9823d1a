"""Events that no camera tells: that it is away, what is wrong with its disk or node, that a panel rings.

They are noticed by looking, again and again, at what is true: an event begins where there is none open of what is, and
ends where there is one of what is no more. Two who look at once make one event (`events_one_open_…`).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.db import transaction
from django.db.models import F, Max, Q

from belvedere.contracts.camera_events import JOIN_S, EventKind, EventSource
from belvedere.contracts.panels import PanelState, PanelStateWord
from belvedere.control.access.guard import unguarded
from belvedere.control.core import clock
from belvedere.control.devices.models import Camera, Panel
from belvedere.control.events.models import Event
from belvedere.control.events.services.beginning import announce
from belvedere.control.recordings.models import Placement
from belvedere.control.recordings.selectors import SILENT_AFTER

#: A camera that is back sooner was not away: a switch that restarts, a cable that is put into another port.
AWAY: Final = timedelta(seconds=30)
_JOIN: Final = timedelta(seconds=JOIN_S)
#: what a recording says when it is the disk that fails it
_DISK_ERRORS: Final = ("disk_full", "disk_failed", "disk_slow")


class _Trouble(NamedTuple):
    """What is the case now: of which camera, whose, since when."""

    organization: str
    since: datetime


@unguarded("the worker's own housekeeping")
def notice_events() -> None:
    """Look at what is the case now. A constant number of statements, where nothing begins."""
    away, diskless, filling, unheard = _cameras_away(), _cameras_without_disk(), _cameras_filling(), _cameras_unheard()
    # A camera that nobody has heard of since is not back.
    _settle(EventKind.OFFLINE, away, over=Q(camera__state="online"))
    _settle(EventKind.STORAGE, diskless, over=~Q(camera__in=diskless))
    _settle(EventKind.FILLING, filling, over=~Q(camera__in=filling))
    _settle(EventKind.NODE_LOST, unheard, over=~Q(camera__state="unknown"))


def _cameras_away() -> dict[str, _Trouble]:
    at = clock.now()
    rows = Camera.objects.filter(closed_at=None, disabled_at=None, state="offline", state_since__lte=at - AWAY)
    # What was never there is not away.
    rows = rows.filter(last_drop_at__isnull=False)
    columns = rows.values_list("pk", "organization_id", "state_since")
    return {pk: _Trouble(owner, since or at) for pk, owner, since in columns}


def _cameras_without_disk() -> dict[str, _Trouble]:
    at = clock.now()
    rows = Placement.objects.filter(error__in=_DISK_ERRORS, seen_at__gt=at - SILENT_AFTER, camera__closed_at=None)
    return {pk: _Trouble(owner, at) for pk, owner in rows.values_list("camera", "camera__organization")}


def _cameras_filling() -> dict[str, _Trouble]:
    """Those whose footage goes early, because their disk is nearly full."""
    at = clock.now()
    rows = Placement.objects.filter(volume__state="filling", seen_at__gt=at - SILENT_AFTER)
    columns = rows.filter(camera__closed_at=None).values_list("camera", "camera__organization")
    return {pk: _Trouble(owner, at) for pk, owner in columns}


def _cameras_unheard() -> dict[str, _Trouble]:
    """Those whose node fell silent (`devices.settle_nodes`). Of what no node ever spoke of, none was lost."""
    at = clock.now()
    rows = Camera.objects.filter(closed_at=None, disabled_at=None, state="unknown", state_since__lte=at - AWAY)
    columns = rows.exclude(state_run="").values_list("pk", "organization_id", "state_since")
    return {pk: _Trouble(owner, since or at) for pk, owner, since in columns}


@transaction.atomic
def _settle(kind: EventKind, troubled: Mapping[str, _Trouble], *, over: Q) -> None:
    at = clock.now()
    mine = Event.objects.filter(kind=kind, source=EventSource.OURSELVES)
    is_gone = Q(camera__closed_at__isnull=False) | Q(camera__disabled_at__isnull=False)
    ended = list(mine.filter(ended_at=None).filter(over | is_gone).values_list("pk", flat=True))
    if ended:
        Event.objects.filter(pk__in=ended, ended_at=None).update(ended_at=at, heard_at=at)
    open_ones = set(mine.filter(ended_at=None, camera__in=troubled).values_list("camera", flat=True))
    fresh = {camera: trouble for camera, trouble in troubled.items() if camera not in open_ones}
    if not fresh:
        return
    # What comes and goes is one event that goes on.
    lately = mine.filter(camera__in=fresh, ended_at__gt=at - _JOIN - AWAY).values_list("camera").order_by("camera")
    again: dict[str, str] = dict(lately.annotate(last=Max("pk")))
    if again:
        Event.objects.filter(pk__in=again.values()).update(ended_at=None, heard_at=at, count=F("count") + 1)
    began = [
        Event(
            organization_id=trouble.organization,
            camera_id=camera,
            kind=kind.value,
            source=EventSource.OURSELVES.value,
            started_at=trouble.since,
            heard_at=at,
        )
        for camera, trouble in fresh.items()
        if camera not in again
    ]
    _begin(began)


@unguarded("said by the media node itself, which the bus holds to its own name")
@transaction.atomic
def note_panel_state(said: PanelState) -> None:
    """An alarm begins when a panel rings, and is over when it says that it does not. Silence says nothing."""
    row = Panel.objects.filter(pk=said.panel, closed_at=None).select_related("device").first()
    # What was taken for its state is the row's: older words than the last were dropped.
    if row is None or (row.state_run, row.state_sequence) != (said.run, said.sequence):
        return
    at = clock.now()
    alarms = Event.objects.filter(panel=row, ended_at=None)
    if said.state is PanelStateWord.TRIGGERED:
        if not alarms.exists():
            _begin(
                [
                    Event(
                        organization_id=row.device.organization_id,
                        panel=row,
                        kind=EventKind.ALARM.value,
                        source=EventSource.PANEL.value,
                        started_at=min(row.state_since or at, at),
                        heard_at=at,
                    )
                ]
            )
    elif said.state is not PanelStateWord.UNKNOWN:
        alarms.update(ended_at=at, heard_at=at)


def _begin(rows: list[Event]) -> None:
    """Write them; somebody who noticed the same was there first where the database says so."""
    if rows:
        Event.objects.bulk_create(rows, ignore_conflicts=True)
        written = Event.objects.filter(pk__in=[row.pk for row in rows])
        announce(list(written.values_list("pk", flat=True)))
