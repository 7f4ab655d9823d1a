"""Weekly hours, as both planes read them. The decision's own tests hold them against an oracle, minute by minute."""

from datetime import UTC, datetime

import pytest

from belvedere.contracts.hours import is_open, validate_hours, window_end

MORNING = validate_hours(
    {"zone": "Europe/Madrid", "weekly": {"mon": [["09:00", "12:00"]], "sun": [["22:00", "24:00"]]}}
)


def _at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("at", "is_in"),
    [
        ("2026-06-15T06:59:59", False),
        ("2026-06-15T07:00:00", True),
        ("2026-06-15T09:59:59", True),
        ("2026-06-15T10:00:00", False),
        ("2026-06-16T08:00:00", False),
        ("2026-06-14T21:59:59", True),
        ("2026-06-14T22:00:00", False),
    ],
)
def test_a_window_holds_from_its_first_minute_to_its_last(at: str, is_in: bool) -> None:
    assert is_open(MORNING, _at(at)) == is_in


def test_a_window_ends_where_the_wall_clock_says() -> None:
    """An hour of summer time more or less: the same wall clock, another instant."""
    assert window_end(MORNING, _at("2026-06-15T08:00")) == _at("2026-06-15T10:00")
    assert window_end(MORNING, _at("2026-12-14T09:00")) == _at("2026-12-14T11:00")


@pytest.mark.parametrize(
    "hours",
    [
        {},
        {"zone": "Europe/Madrid"},
        {"zone": "Moon/Sea", "weekly": {"mon": [["09:00", "12:00"]]}},
        {"zone": "UTC", "weekly": {}},
        {"zone": "UTC", "weekly": {"mon": []}},
        {"zone": "UTC", "weekly": {"someday": [["09:00", "12:00"]]}},
        {"zone": "UTC", "weekly": {"mon": [["12:00", "09:00"]]}},
        {"zone": "UTC", "weekly": {"mon": [["09:00", "25:00"]]}},
        {"zone": "UTC", "weekly": {"mon": "all day"}},
        {"zone": "UTC", "weekly": {"mon": [["09:00", "12:00"]]}, "more": 1},
    ],
)
def test_hours_that_make_no_sense_are_refused(hours: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="hours"):
        validate_hours(hours)
