"""Recordings in words: whether a camera is recorded, sizes, lengths of footage, weekly hours as one types them."""

import re
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from belvedere.contracts.hours import DAYS
from belvedere.contracts.recordings import RecordMode
from belvedere.control.recordings.forecast import Forecast
from belvedere.control.recordings.glance import RecordingGlance
from belvedere.control.recordings.selectors import ExportView, VolumeView

DAY_NAMES: Final = {
    "mon": gettext_lazy("Monday"),
    "tue": gettext_lazy("Tuesday"),
    "wed": gettext_lazy("Wednesday"),
    "thu": gettext_lazy("Thursday"),
    "fri": gettext_lazy("Friday"),
    "sat": gettext_lazy("Saturday"),
    "sun": gettext_lazy("Sunday"),
}
_ERRORS: Final = {
    "disk_full": gettext_lazy("the disk is full"),
    "disk_slow": gettext_lazy("the disk is too slow"),
    "disk_failed": gettext_lazy("the disk does not answer"),
    "no_picture": gettext_lazy("no picture comes from the camera"),
    "unsupported_codec": gettext_lazy("its way of coding pictures is not supported"),
}
_STATES: Final = {
    "ok": gettext_lazy("It has room."),
    "filling": gettext_lazy("It is nearly full: the oldest footage goes early."),
    "full": gettext_lazy("It is full, and nothing is recorded on it."),
    "slow": gettext_lazy("It is slower than what is to be written. Seconds may be missing."),
    "refused": gettext_lazy(
        "It is not the disk that was there before. Nothing is written until the right one is back."
    ),
    "failed": gettext_lazy("It does not answer. What is on it cannot be played now."),
    "silent": gettext_lazy("Its server has not spoken for a while. What is on it cannot be played now."),
}
_WINDOW: Final = re.compile(r"(\d{1,2}):(\d{2})\s*[-–—]\s*(\d{1,2}):(\d{2})")


def recording_chip(glance: RecordingGlance | None) -> dict[str, Any] | None:
    """The mark beside a camera's name, for those who may configure it: its state, and why it is not recorded."""
    if glance is None:
        return None
    state = "off" if glance.mode is RecordMode.OFF else "on" if glance.is_recording else "not"
    if glance.mode is RecordMode.SCHEDULED and state == "not" and not glance.error:
        state = "waiting"
    return {
        "state": "not" if glance.error and state != "off" else state,
        "error": error_words(glance.error),
        "since": glance.last,
        "rate": glance.rate,
    }


def error_words(error: str) -> str:
    """Why nothing is recorded, as the end of a sentence; "" where nothing is wrong."""
    return str(_ERRORS.get(error, error.replace("_", " ")))


def volume_line(row: VolumeView) -> dict[str, Any]:
    """A disk as the settings show it."""
    state = "silent" if row.is_silent else row.state
    used = max(0, row.total - row.free)
    return {
        "is_well": state == "ok",
        "words": str(_STATES.get(state, state)),
        "total": size_words(row.total) if row.total else "",
        "free": size_words(row.free),
        "percent": round(used * 100 / row.total) if row.total else None,
    }


def size_words(size: float) -> str:
    """`640 MB`, `1.4 TB`; decimal, as disks are sold."""
    for unit, step in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if size >= step:
            value = size / step
            return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
    return f"{size / 1e3:.0f} kB"


def forecast_words(found: Forecast | None) -> str:
    """How far back footage will reach, and what keeps it from reaching further; "" while nobody knows."""
    if found is None:
        return ""
    if found.days < 1:
        hours = max(1, round(found.days * 24))
        span = ngettext("about %(count)d hour", "about %(count)d hours", hours) % {"count": hours}
    else:
        days = round(found.days)
        span = ngettext("about %(count)d day", "about %(count)d days", days) % {"count": days}
    sentence = {
        "days": _("At the present rate footage will reach %(span)s back, as you set it."),
        "bytes": _("At the present rate footage will reach %(span)s back: then the gigabytes are used up."),
        "disk": _("At the present rate footage will reach %(span)s back: then the disk is full."),
    }[found.limited_by]
    return sentence % {"span": span}


def export_line(row: ExportView) -> dict[str, Any]:
    """An export as lists show it."""
    return {
        "id": row.id,
        "camera_name": row.camera_name,
        "start": row.start,
        "end": row.end,
        "state": row.state,
        "asked_at": row.asked_at,
        "made_at": row.made_at,
        "sent": row.sent,
        "total": row.total,
        "percent": min(100, row.sent * 100 // row.total) if row.total else 0,
        "size": size_words(row.total) if row.total else "",
        "sha256": row.sha256,
    }


# ── Weekly hours ─────────────────────────────────────────────────────────────────────────────────────────────────────


def hours_lines(hours: dict[str, Any] | None) -> dict[str, str]:
    """Day → `08:00–18:00, 22:00–24:00`, as one types it."""
    weekly = hours["weekly"] if hours else {}
    return {day: ", ".join(f"{first}–{last}" for first, last in weekly.get(day, ())) for day in DAYS}


def parse_line(text: str) -> list[list[str]]:
    """What was typed for one day, as windows. Raises ValueError for what is no window, or ends before it begins."""
    windows = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        found = _WINDOW.fullmatch(part)
        if not found:
            raise ValueError(part)
        first, last = (int(found[index]) * 60 + int(found[index + 1]) for index in (1, 3))
        if not first < last <= 24 * 60 or int(found[2]) > 59 or int(found[4]) > 59:
            raise ValueError(part)
        windows.append([f"{at // 60:02d}:{at % 60:02d}" for at in (first, last)])
    return windows
