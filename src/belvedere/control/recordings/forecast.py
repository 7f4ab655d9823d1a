"""How far back footage will reach, at the rate it is written now. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

_FOREVER: Final = float("inf")
#: an emergency begins when less than this is free: the oldest footage of all goes first
RESERVE_PART: Final = 0.02
RESERVE_BYTES: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Forecast:
    """Footage will reach about `days` back, and what keeps it from reaching further."""

    days: float
    limited_by: Literal["days", "bytes", "disk"]


@dataclass(frozen=True, slots=True)
class Rate:
    """One camera's: bytes a day, and the days after which its own bounds delete the oldest."""

    bytes_a_day: float
    days: float

    @classmethod
    def of(cls, bytes_a_day: float, keep_days: int, keep_bytes: int) -> "Rate":
        """By the settings of a camera."""
        return cls(bytes_a_day, min(keep_days, keep_bytes / bytes_a_day if keep_bytes and bytes_a_day else _FOREVER))


def room_of(total: int, free: int, footage: int) -> float:
    """Bytes that footage can fill on a disk before an emergency begins."""
    return max(0.0, free + footage - max(total * RESERVE_PART, RESERVE_BYTES))


def days_on_disk(room: float, rates: Iterable[Rate]) -> float:
    """How many days of all these cameras fit: those whose own bounds come sooner take no more from then on."""
    waiting = sorted(rates, key=lambda rate: rate.days)
    together = sum(rate.bytes_a_day for rate in waiting)
    days = 0.0
    for rate in waiting:
        needed = (rate.days - days) * together
        if needed > room:
            return days + room / together
        room -= needed
        days = rate.days
        together -= rate.bytes_a_day
    return _FOREVER


def forecast(bytes_a_day: float, keep_days: int, keep_bytes: int, on_disk: float) -> Forecast | None:
    """Of one camera on a disk with room for so many days. None while nobody knows its rate."""
    if not bytes_a_day:
        return None
    own = Rate.of(bytes_a_day, keep_days, keep_bytes).days
    if on_disk < own:
        return Forecast(on_disk, "disk")
    return Forecast(own, "bytes" if own < keep_days else "days")
