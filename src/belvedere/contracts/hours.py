"""Weekly hours: windows of wall time in a zone. When a grant holds, and when a camera is recorded. Pure: no clock.

Both planes read the same text: JSON, as `{"weekly":{"mon":[["09:00","12:00"]]},"zone":"Europe/Madrid"}`. Instants are
seconds since the epoch.
"""

import json
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@lru_cache(maxsize=4096)
def parse_hours(text: str) -> tuple[ZoneInfo, dict[str, list[tuple[int, int]]]]:
    """The zone, and for each day its windows in minutes since midnight. For what `validate_hours` has let through."""
    hours = json.loads(text)
    weekly = {
        day: [(_minutes(first), _minutes(last)) for first, last in windows] for day, windows in hours["weekly"].items()
    }
    return ZoneInfo(hours["zone"]), weekly


def _minutes(text: str) -> int:
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


def window_end(text: str, at: float) -> float:
    """The end of the weekly window that `at` lies in; `at` itself if in none. Windows are wall time of the zone."""
    zone, weekly = parse_hours(text)
    local = datetime.fromtimestamp(at, zone)
    minute = local.hour * 60 + local.minute
    for first, last in weekly.get(DAYS[local.weekday()], ()):
        if first <= minute < last:
            midnight = datetime(local.year, local.month, local.day)  # noqa: DTZ001  wall time, made aware below
            wall = midnight + timedelta(minutes=last)
            end = wall.replace(tzinfo=zone).astimezone(UTC).timestamp()
            # In the hour that a clock change repeats, the wall clock ran back over the end: it holds a minute more,
            # and is asked again.
            return end if end > at else at + 60
    return at


def is_open(text: str, at: float) -> bool:
    """Whether `at` lies in a window."""
    return window_end(text, at) > at


def validate_hours(hours: dict[str, object]) -> str:
    """The stored form of weekly hours. Raises ValueError with what is wrong."""
    zone, weekly = hours.get("zone"), hours.get("weekly")
    if set(hours) != {"zone", "weekly"} or not isinstance(zone, str) or not isinstance(weekly, dict):
        message = 'hours look like {"zone": "Europe/Madrid", "weekly": {"mon": [["09:00", "12:00"]]}}'
        raise ValueError(message)
    text = json.dumps({"zone": zone, "weekly": weekly}, sort_keys=True, separators=(",", ":"))
    try:
        _zone, parsed = parse_hours(text)
        windows = [window for day in parsed.values() for window in day]
        is_good = (
            bool(windows) and set(parsed) <= set(DAYS) and all(0 <= first < last <= 1440 for first, last in windows)
        )
    except (KeyError, ValueError, TypeError, AttributeError, OSError):
        is_good = False
    if not is_good:
        message = "weekly hours are days mon to sun with windows from 00:00 to 24:00 in a known zone"
        raise ValueError(message)
    return text
