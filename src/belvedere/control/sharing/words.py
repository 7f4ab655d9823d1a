"""The terms of a share in words, for mails and pages alike: “weekdays 8–18”, “of the last 24 hours”."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from belvedere.contracts.hours import DAYS
from belvedere.control.sharing.terms import DAY, HOUR, Footage

_SHORT: Final = dict(
    zip(DAYS, map(gettext_lazy, ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")), strict=True),
)
_FULL: Final = [["00:00", "24:00"]]


def hours_words(hours: dict[str, Any] | None) -> str:
    """`weekdays 8–18`, `Mon–Wed 8:30–12, 14–18; Sat`; "" for any hour."""
    if not hours:
        return ""
    weekly = hours["weekly"]
    runs = [
        (list(days), windows)
        for windows, days in groupby((day for day in DAYS), key=lambda day: weekly.get(day) or [])
        if windows
    ]
    if [days for days, _windows in runs] == [["sat", "sun"]]:
        return " ".join(filter(None, (_("weekends"), _windows_words(runs[0][1]))))
    return "; ".join(" ".join(filter(None, (_days_words(days), _windows_words(windows)))) for days, windows in runs)


def _days_words(days: Sequence[str]) -> str:
    if len(days) == len(DAYS):
        return _("every day")
    if list(days) == list(DAYS[:5]):
        return _("weekdays")
    return str(_SHORT[days[0]]) if len(days) == 1 else f"{_SHORT[days[0]]}–{_SHORT[days[-1]]}"


def _windows_words(windows: list[list[str]]) -> str:
    windows = [list(window) for window in windows]
    return "" if windows == _FULL else ", ".join(f"{_clock(first)}–{_clock(last)}" for first, last in windows)


def _clock(text: str) -> str:
    hour, minute = text.split(":")
    return f"{int(hour)}:{minute}" if int(minute) else str(int(hour))


def footage_words(footage: Footage) -> str:
    """`of the last 24 hours`, `since they accept`; "" for all there is."""
    if footage.is_since_grant:
        return _("from the day they accept")
    if footage.last_s is None:
        return ""
    if footage.last_s <= 2 * DAY or footage.last_s % DAY:
        count = footage.last_s // HOUR
        return ngettext("of the last hour", "of the last %(count)d hours", count) % {"count": count}
    return _("of the last %(count)d days") % {"count": footage.last_s // DAY}


def term_words(term: timedelta) -> str:
    """How long something was given for: `3 days`, `8 hours`, `30 minutes`; the nearest of them."""
    seconds = term.total_seconds()
    if seconds >= DAY - HOUR / 2:
        count = max(1, round(seconds / DAY))
        if abs(seconds - count * DAY) <= HOUR / 2:
            return ngettext("%(count)d day", "%(count)d days", count) % {"count": count}
    if seconds >= HOUR:
        count = round(seconds / HOUR)
        return ngettext("%(count)d hour", "%(count)d hours", count) % {"count": count}
    count = max(1, round(seconds / 60))
    return ngettext("%(count)d minute", "%(count)d minutes", count) % {"count": count}
