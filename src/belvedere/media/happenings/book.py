"""Many words of a camera, one event: begins, goes on, ends; grouped, and ended by us where the camera forgets to.

There is one row for each camera and kind, however much is said: a storm of a thousand a minute is one event with a
count, told to control once in a while.
"""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from belvedere.contracts.camera_events import (
    JOIN_S,
    MAX_LABELS,
    MAX_LENGTH_S,
    REPORTS_BATCH,
    EventKind,
    EventReport,
    EventSource,
)
from belvedere.contracts.ids import new_id

#: What is over as it is said is seen to last so long.
PULSE_S: Final = 3.0
#: An event is told of at once, and then no more often than that.
TELL_EVERY_S: Final = 2.0
#: Rules that may hold one event open.
_MAX_KEYS: Final = 32
#: Events that control has not heard of yet; of more, the oldest are lost.
MAX_UNTOLD: Final = 5000


@dataclass(slots=True, eq=False)
class _Row:
    camera: str
    kind: EventKind
    source: EventSource
    started_at: float
    id: str = field(default_factory=new_id)
    ended_at: float | None = None
    count: int = 1
    #: what it was called, in the order of hearing
    labels: list[str] = field(default_factory=list)
    #: what holds it open; and until when it is open anyway
    keys: set[str] = field(default_factory=set)
    until: float = 0.0
    version: int = 0
    told_at: float = 0.0


class Telling(NamedTuple):
    """A report on its way, and of which state of its row it is."""

    row: _Row
    version: int
    report: EventReport


class EventBook:
    """All events of one run of a node."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._rows: dict[tuple[str, EventKind], _Row] = {}
        self._untold: dict[str, _Row] = {}
        self._sequence = 0

    def hear(
        self,
        camera: str,
        kind: EventKind,
        source: EventSource,
        *,
        key: str,
        is_on: bool | None,
        is_initial: bool = False,
        label: str = "",
    ) -> None:
        """A rule (`key`) of a camera says that it is so, or no more; None: it was, just now.

        What was so before anybody listened is no event, but one that was told of before goes on.
        """
        now = self._clock()
        row = self._rows.get((camera, kind))
        is_held = row is not None and key in row.keys
        if is_on is False:
            if row is not None and is_held:
                row.keys.discard(key)
                self._end_if_over(row, now)
            return
        if is_initial or (is_on and is_held):
            return
        row = self._begin(row, camera, kind, source, now)
        if label and label not in row.labels and len(row.labels) < MAX_LABELS:
            row.labels.append(label)
        if is_on is None:
            row.until = now + PULSE_S
        elif len(row.keys) < _MAX_KEYS:
            row.keys.add(key)

    def tick(self) -> None:
        """End what is over; to be called every second or so."""
        now = self._clock()
        for where, row in list(self._rows.items()):
            if row.ended_at is None:
                if now - row.started_at >= MAX_LENGTH_S:
                    row.keys.clear()
                    row.until = 0.0
                self._end_if_over(row, now)
            elif now - row.ended_at > JOIN_S:
                del self._rows[where]

    def forget(self, cameras: Collection[str]) -> None:
        """These are no longer ours: what was not told of them is not told any more."""
        for where in [where for where in self._rows if where[0] in cameras]:
            del self._rows[where]
        for pk in [pk for pk, row in self._untold.items() if row.camera in cameras]:
            del self._untold[pk]

    def next(self) -> list[Telling]:
        """What control should hear now: a batch, the oldest first."""
        now = self._clock()
        due = [row for row in self._untold.values() if now - row.told_at >= TELL_EVERY_S]
        return [self._telling(row) for row in due[:REPORTS_BATCH]]

    def told(self, tellings: list[Telling]) -> None:
        """Control has heard these. What changed meanwhile is told again."""
        for row, version, report in tellings:
            row.told_at = self._clock()
            if row.version == version:
                self._untold.pop(report.id, None)

    def _begin(self, row: _Row | None, camera: str, kind: EventKind, source: EventSource, now: float) -> _Row:
        if row is not None and (row.ended_at is None or now - row.ended_at <= JOIN_S) and self._has_room(row, now):
            row.ended_at = None
            row.count += 1
        else:
            if row is not None and row.ended_at is None:
                row.ended_at = now
                self._changed(row)
            row = self._rows[camera, kind] = _Row(camera, kind, source, now)
        self._changed(row)
        return row

    def _has_room(self, row: _Row, now: float) -> bool:
        return now - row.started_at < MAX_LENGTH_S

    def _end_if_over(self, row: _Row, now: float) -> None:
        if not row.keys and row.until <= now:
            row.ended_at = now
            self._changed(row)

    def _changed(self, row: _Row) -> None:
        row.version += 1
        self._untold.setdefault(row.id, row)
        if len(self._untold) > MAX_UNTOLD:
            del self._untold[next(iter(self._untold))]

    def _telling(self, row: _Row) -> Telling:
        self._sequence += 1
        report = EventReport(
            *(row.id, self._sequence, row.camera, row.kind, row.source, row.started_at, row.ended_at, row.count),
            label=", ".join(row.labels),
        )
        return Telling(row, row.version, report)
