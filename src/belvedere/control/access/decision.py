"""The decision: grants and an instant in, what is allowed and why out. Pure: no database, no clock.

It is the only function that says what somebody may do, on every surface. Times are seconds since the epoch.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from belvedere.contracts.permissions import NONE, Permission, normalize

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FOREVER: Final = float("inf")


class GrantFacts(NamedTuple):
    """One grant in force, as the database tells it."""

    id: str
    resource: str
    permissions: int
    origin: str
    origin_id: str
    created_by: str = ""
    starts_at: float | None = None
    ends_at: float | None = None
    hours: str = ""
    footage_last_s: int | None = None
    footage_from: float | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What is allowed at one instant.

    permissions     the union over all grants that hold
    playback_from   the earliest instant of footage; None where there is no playback, -inf where there is no bound
    export_from     the same for export
    because         the grants that hold, for "why?"
    narrows_at      the next instant at which a grant that holds now stops holding; inf = none does
    """

    permissions: Permission = NONE
    playback_from: float | None = None
    export_from: float | None = None
    because: tuple[GrantFacts, ...] = field(default=())
    narrows_at: float = _FOREVER

    def allows(self, permission: Permission) -> bool:
        """Whether every bit of `permission` is there."""
        return permission in self.permissions


NOTHING: Final = Decision()


def decide(grants: Iterable[GrantFacts], at: float) -> Decision:
    """What `grants`, all of one principal on one resource path, allow at `at`."""
    permissions = NONE
    playback_from = export_from = None
    because = []
    narrows_at = _FOREVER
    for grant in grants:
        until = _holds_until(grant, at)
        if until <= at:
            continue
        given = normalize(Permission(grant.permissions))
        if not given:
            continue
        permissions |= given
        because.append(grant)
        narrows_at = min(narrows_at, until)
        if Permission.PLAYBACK in given:
            earliest = _earliest(grant, at)
            playback_from = earliest if playback_from is None else min(playback_from, earliest)
            if Permission.EXPORT in given:
                export_from = earliest if export_from is None else min(export_from, earliest)
    if not because:
        return NOTHING
    return Decision(permissions, playback_from, export_from, tuple(because), narrows_at)


def _holds_until(grant: GrantFacts, at: float) -> float:
    """The instant up to which `grant` holds without a break from `at`; `at` itself if it does not hold."""
    if grant.starts_at is not None and at < grant.starts_at:
        return at
    until = _FOREVER
    if grant.ends_at is not None:
        if at >= grant.ends_at:
            return at
        until = grant.ends_at
    if grant.hours:
        until = min(until, _window_end(grant.hours, at))
    return until


def _earliest(grant: GrantFacts, at: float) -> float:
    earliest = -_FOREVER
    if grant.footage_last_s is not None:
        earliest = at - grant.footage_last_s
    if grant.footage_from is not None:
        earliest = max(earliest, grant.footage_from)
    return earliest


@lru_cache(maxsize=4096)
def _parse_hours(text: str) -> tuple[ZoneInfo, dict[str, list[tuple[int, int]]]]:
    hours = json.loads(text)
    weekly = {
        day: [(_minutes(first), _minutes(last)) for first, last in windows] for day, windows in hours["weekly"].items()
    }
    return ZoneInfo(hours["zone"]), weekly


def _minutes(text: str) -> int:
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


def _window_end(text: str, at: float) -> float:
    """The end of the weekly window that `at` lies in; `at` itself if in none. Windows are wall time of the zone."""
    zone, weekly = _parse_hours(text)
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


def validate_hours(hours: dict[str, object]) -> str:
    """The stored form of weekly hours. Raises ValueError with what is wrong."""
    zone, weekly = hours.get("zone"), hours.get("weekly")
    if set(hours) != {"zone", "weekly"} or not isinstance(zone, str) or not isinstance(weekly, dict):
        message = 'hours look like {"zone": "Europe/Madrid", "weekly": {"mon": [["09:00", "12:00"]]}}'
        raise ValueError(message)
    text = json.dumps({"zone": zone, "weekly": weekly}, sort_keys=True, separators=(",", ":"))
    try:
        _zone, parsed = _parse_hours(text)
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
