"""Whether a camera is recorded less than before. Pure."""

from belvedere.contracts.hours import parse_hours
from belvedere.contracts.recordings import RecordMode

#: (mode, hours): when a camera is recorded
type Recorded = tuple[str, str]


def records_all_of(plan: Recorded, other: Recorded) -> bool:
    """Whether `plan` records at every minute of a week at which `other` does. Of two zones nobody can say: then not."""
    if plan[0] == RecordMode.CONTINUOUS or other[0] == RecordMode.OFF:
        return True
    if plan[0] == RecordMode.OFF or other[0] == RecordMode.CONTINUOUS:
        return False
    (zone, weekly), (other_zone, others) = parse_hours(plan[1]), parse_hours(other[1])
    return zone == other_zone and _minutes_of(others) <= _minutes_of(weekly)


def _minutes_of(weekly: dict[str, list[tuple[int, int]]]) -> set[tuple[str, int]]:
    return {
        (day, minute) for day, windows in weekly.items() for first, last in windows for minute in range(first, last)
    }
