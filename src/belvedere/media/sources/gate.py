"""The timestamp gate: what cameras send as time → a time line that only goes forward.

No decode time, small steps back and jumps are normal life with cameras; only a true break starts a new run.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

#: Farther than this in either direction is another time line (a camera's clock was set).
MAX_JUMP_S: Final = 30
#: A step back smaller than this is jitter; a greater one is a clock, and from there on we follow it.
_JITTER_S: Final = 0.2
_FIRST_DURATION_S: Final = 0.04


class Verdict(Enum):
    """What becomes of a packet that gets no time."""

    DROP = "drop"
    BREAK = "break"


@dataclass(frozen=True, slots=True)
class Moment:
    """When a frame is decoded, in ticks from the run's first frame, and how long after the one before."""

    time: int
    duration: int


class TimestampGate:
    """The gate of one run. The first packet it lets through is at 0."""

    def __init__(self, timescale: int) -> None:
        """Take the ticks a second of what comes and of what goes."""
        self._max_jump = MAX_JUMP_S * timescale
        self._jitter = int(_JITTER_S * timescale)
        self._duration = int(_FIRST_DURATION_S * timescale)
        self._shift: int | None = None
        self._last = 0

    def admit(self, dts: int | None) -> Moment | Verdict:
        """Place a packet. DROP: it has no time. BREAK: it belongs to a new run, which needs a new gate."""
        if dts is None:
            return Verdict.DROP
        if self._shift is None:
            self._shift = -dts
            return Moment(0, self._duration)
        delta = dts + self._shift - self._last
        if abs(delta) > self._max_jump:
            return Verdict.BREAK
        if delta <= -self._jitter:
            self._shift += self._duration - delta  # go on where we were, at the same pace
            delta = self._duration
        elif delta <= 0:
            delta = 1
        else:
            self._duration = delta
        self._last += delta
        return Moment(self._last, self._duration)
