"""When a share holds, and how far back it lets somebody look: what comes in, made sense of. Pure but for the words."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypedDict

from django.utils.translation import gettext as _

from belvedere.contracts.hours import validate_hours
from belvedere.control.core.errors import Invalid

HOUR: Final = 3600
DAY: Final = 24 * HOUR
#: ten years: longer than any disk remembers, and short enough for every calendar
MAX_LAST_S: Final = 3650 * DAY
MAX_HOURS_TEXT: Final = 4000
#: what is for one time lasts from acceptance on, or from its start, if that is later
ONCE_LASTS: Final = timedelta(hours=24)
_DURATION: Final = re.compile(r"P(?:(\d{1,4})D)?(?:T(\d{1,5})H)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Footage:
    """How far back playback reaches: so many seconds, or not before acceptance, or (neither) all there is."""

    last_s: int | None = None
    is_since_grant: bool = False

    @property
    def wire(self) -> dict[str, str] | None:
        """As in the API: `{"last": "P7D"}`, `{"since": "grant"}`, or None for all there is."""
        if self.is_since_grant:
            return {"since": "grant"}
        if self.last_s is None:
            return None
        return {"last": span_wire(self.last_s)}


EVERYTHING: Final = Footage()


def least(windows: Iterable[Footage]) -> Footage:
    """The window that shows least to somebody who gets it now."""
    found = list(windows)
    if any(window.is_since_grant for window in found):
        return Footage(is_since_grant=True)
    return Footage(min((window.last_s for window in found if window.last_s is not None), default=None))


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """From when until when, and at which hours of the week: the stored form of `contracts.hours`, "" for any."""

    starts_at: datetime | None = None
    ends_at: datetime | None = None
    hours: str = ""


class TermsPatch(TypedDict, total=False):
    """What is to change of a share's terms; what is not there stays. None: no such bound any more."""

    starts_at: datetime | None
    ends_at: datetime | None
    hours: dict[str, Any] | None
    footage: Footage


def end_of_once(when: When, at: datetime) -> datetime:
    """When a share for one time that is accepted at `at` ends if it is not used."""
    latest = max(at, when.starts_at or at) + ONCE_LASTS
    return min(latest, when.ends_at or latest)


def parse_footage(wire: Mapping[str, object] | None) -> Footage:
    """`{"last": "P7D"}` in days and hours of ISO 8601, or `{"since": "grant"}`; None = all there is. Raises Invalid."""
    if wire is None:
        return EVERYTHING
    if dict(wire) == {"since": "grant"}:
        return Footage(is_since_grant=True)
    seconds = parse_span(wire.get("last")) if set(wire) == {"last"} else None
    if seconds is None:
        raise Invalid(
            _("Say how far back as {“last”: “P7D”} in days, {“last”: “PT24H”} in hours, or {“since”: “grant”}."),
            field="footage",
        )
    return Footage(last_s=seconds)


def parse_span(text: object) -> int | None:
    """Seconds of `P7D`, `PT8H`, `P1DT12H`: an hour to ten years; None for what is no such span."""
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    seconds = int(found[1] or 0) * DAY + int(found[2] or 0) * HOUR if found else 0
    return seconds if 0 < seconds <= MAX_LAST_S else None


def span_wire(seconds: int) -> str:
    """`P7D` for whole days, `PT8H` for hours."""
    days, rest = divmod(seconds, DAY)
    return f"PT{seconds // HOUR}H" if rest else f"P{days}D"


def clean_hours(hours: Mapping[str, Any] | None) -> str:
    """The stored form of `{"zone", "weekly"}`; "" for None. Raises Invalid."""
    if hours is None:
        return ""
    try:
        text = validate_hours(dict(hours))
    except ValueError:
        text = ""
    if not text or len(text) > MAX_HOURS_TEXT:
        raise Invalid(
            _("Weekly hours are days with windows from 00:00 to 24:00, as 08:00–18:00, in a known time zone."),
            field="hours",
        )
    return text


def hours_wire(hours: str) -> dict[str, Any] | None:
    """The stored form as it came in; None for any hour."""
    return dict(json.loads(hours)) if hours else None


def check_when(when: When, at: datetime) -> None:
    """Raises Invalid for an end that has passed, or that comes before the start."""
    if when.ends_at is not None and when.ends_at <= at:
        raise Invalid(_("That end lies in the past."), field="ends_at")
    if when.starts_at is not None and when.ends_at is not None and when.ends_at <= when.starts_at:
        raise Invalid(_("It would end before it starts."), field="ends_at")
