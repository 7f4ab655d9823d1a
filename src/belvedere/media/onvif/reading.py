"""Taking values out of what devices say: any may be missing, repeated, or of another kind than the schema has it."""

from datetime import UTC, datetime
from typing import Any, Final

_MAX_WORDS: Final = 80
_MAC_DIGITS: Final = 12


def dig(value: Any, *names: str) -> Any:
    """`dig(profile, "PTZConfiguration", "Name")`, or None where one of them is not there."""
    for name in names:
        value = getattr(value, name, None)
    return value


def many(value: Any) -> list[Any]:
    """What may be a list, one thing or nothing, as a list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def words(said: object, limit: int = _MAX_WORDS) -> str:
    r"""`" Front\n door "` → `"Front door"`; None → `""`. What steers a terminal or turns text around is dropped."""
    if said is None:
        return ""
    spaced = "".join(" " if char.isspace() else char for char in str(said)[: limit * 8])
    return " ".join("".join(char for char in spaced if char.isprintable()).split())[:limit].rstrip()


def whole(said: object) -> int:
    """A number of pixels, 0 if it is none."""
    return said if isinstance(said, int) and 0 < said <= 65_535 else 0


def rate(said: object) -> float:
    """Frames a second, 0 if it is none."""
    return float(said) if isinstance(said, int | float) and 0 < said <= 1000 else 0.0


def mac_of(said: object) -> str:
    """`00-1A-2b-3c-4d-5e` → `00:1a:2b:3c:4d:5e`; "" for what is none, or belongs to nobody."""
    digits = "".join(char for char in str(said or "")[:64].lower() if char in "0123456789abcdef")
    if len(digits) != _MAC_DIGITS or digits in {"0" * _MAC_DIGITS, "f" * _MAC_DIGITS}:
        return ""
    return ":".join(digits[i : i + 2] for i in range(0, _MAC_DIGITS, 2))


def instant(said: Any) -> float | None:
    """ONVIF's DateTime in seconds since the epoch; None if it is none."""
    date, time = dig(said, "Date"), dig(said, "Time")
    try:
        return datetime(
            *(date.Year, date.Month, date.Day), *(time.Hour, time.Minute, min(time.Second, 59)), tzinfo=UTC
        ).timestamp()
    except (AttributeError, TypeError, ValueError, OverflowError):
        return None
