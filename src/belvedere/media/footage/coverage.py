"""When there is footage of a camera: merged spans in memory, so that a month is not read again for each question.

A camera's spans are read from the index when they are first asked for, and follow what is committed from then on.
"""

import itertools
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Final

from belvedere.contracts.recordings import JOIN_S

_JOIN_US: Final = int(JOIN_S * 1_000_000)

type Spans = list[tuple[int, int]]


def merge(times: Iterable[tuple[int, int]]) -> Spans:
    """(start, end) in order of their start → the same without overlaps, and without breaks shorter than `JOIN_S`."""
    merged: Spans = []
    for start, end in times:
        if merged and start - merged[-1][1] < _JOIN_US:
            if end > merged[-1][1]:
                merged[-1] = merged[-1][0], end
        else:
            merged.append((start, end))
    return merged


def clip(spans: Spans, start_us: int, end_us: int) -> Spans:
    """What of merged spans lies between two instants."""
    first = bisect_right(spans, start_us, key=itemgetter(1))
    last = bisect_left(spans, end_us, key=itemgetter(0))
    return [(max(start, start_us), min(end, end_us)) for start, end in spans[first:last]]


def coarse(spans: Spans, most: int) -> Spans:
    """At most so many of merged spans, by telling those as one that lie closest together."""
    if len(spans) <= most:
        return spans
    breaks = sorted(later[0] - earlier[1] for earlier, later in itertools.pairwise(spans))
    short = breaks[len(spans) - most - 1]
    told = [spans[0]]
    for start, end in spans[1:]:
        if start - told[-1][1] <= short:
            told[-1] = told[-1][0], end
        else:
            told.append((start, end))
    return told


class Coverage:
    """The spans of the cameras that somebody asked for. Safe in any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spans: dict[str, Spans] = {}
        self._changes = 0

    def between(self, camera: str, start_us: int, end_us: int, read: Callable[[], Spans]) -> Spans:
        """A camera's spans between two instants; `read` gets all its segments' times from the index, in order."""
        with self._lock:
            if camera in self._spans:
                return clip(self._spans[camera], start_us, end_us)
            changes = self._changes
        spans = merge(read())
        with self._lock:
            if changes == self._changes:  # else what was read may be older than what was told since
                self._spans[camera] = spans
        return clip(spans, start_us, end_us)

    def add(self, camera: str, start_us: int, end_us: int) -> None:
        """There is a segment more; harmless when it was known."""
        with self._lock:
            self._changes += 1
            spans = self._spans.get(camera)
            if spans is None:
                return
            first = bisect_right(spans, start_us - _JOIN_US, key=itemgetter(1))
            last = bisect_left(spans, end_us + _JOIN_US, key=itemgetter(0))
            spans[first:last] = merge(sorted([*spans[first:last], (start_us, end_us)]))

    def remove(self, camera: str, start_us: int, first_left_us: int | None) -> None:
        """Segments went, the last of which began at `start_us`; the first that is left begins at `first_left_us`.

        Retention takes the oldest, so that mostly a beginning is cut off. Else the camera is read again.
        """
        with self._lock:
            self._changes += 1
            spans = self._spans.pop(camera, None)
            if spans is not None and first_left_us is not None and start_us < first_left_us:
                self._spans[camera] = clip(spans, first_left_us, 1 << 62)
