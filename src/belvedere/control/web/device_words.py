"""Devices in words: their state and what is wrong with it, clocks, bitrates, a day as a bar."""

from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from belvedere.contracts.permissions import Permission
from belvedere.control.devices.health import CLOCK_IS_WRONG_AFTER_S, Health, list_alerts
from belvedere.control.devices.selectors import CameraView, DeviceView
from belvedere.control.web.context import person

#: the bar of a day is drawn so wide, in units of its own
BAR: Final = 1440


def off_mark(view: CameraView) -> dict[str, Any] | None:
    """Since when a camera is switched off, and by whom, for those who may read that; None where it is on.

    `until`: a member took private hours. That is said to all alike, and of nobody by name.
    """
    if view.disabled_at is None:
        return None
    by = person(view.disabled_by) if view.disabled_by else None
    return {"at": view.disabled_at, "by": by, "until": view.private_until}


def device_line(view: DeviceView) -> dict[str, Any]:
    """A device as lists and its own page show it."""
    off = None if view.is_enabled or not view.cameras else off_mark(view.cameras[0])
    since = _since(view)
    return {
        "id": view.id,
        "kind": view.kind,
        "name": view.name,
        "site": view.site_name,
        "state": view.state,
        "since": since,
        "off": off,
        "alerts": list_alerts(view),
        "drift": drift_words(view.clock_drift_s),
        "address": view.shown_address,
        "what": " ".join(word for word in (view.manufacturer, view.model) if word),
        "cameras": len(view.cameras),
        "share_url": _share_url(view),
        "error": "" if off or view.state != "offline" else _error(view),
    }


def _share_url(view: DeviceView) -> str:
    """Where it is shared: a recorder with the cameras it has; "" for whoever may not (HC 3)."""
    if view.panel:
        return reverse("panel-share", args=[view.panel.id]) if view.panel.may(Permission.SHARE) else ""
    cameras = [("camera", row.id) for row in view.cameras if row.may(Permission.SHARE)]
    return f"{reverse('share')}?{urlencode(cameras)}" if cameras else ""


def _since(view: DeviceView) -> datetime | None:
    """Since when the worst of its cameras is as it is."""
    return min((row.since for row in view.cameras if row.state == view.state and row.since), default=None)


def _error(view: DeviceView) -> str:
    return next((row.error for row in view.cameras if row.state == "offline" and row.error), "")


def drift_words(drift_s: float | None) -> str:
    """How far a clock is off, as one says it; "" where nobody knows."""
    if drift_s is None:
        return ""
    size = abs(drift_s)
    if size <= CLOCK_IS_WRONG_AFTER_S:
        return _("right to the second") if size < 2 else _("right within half a minute")
    if size < 3600:
        minutes = max(1, round(size / 60))
        span = ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    elif size < 172800:
        hours = round(size / 3600)
        span = ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
    else:
        days = round(size / 86400)
        span = ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
    return (_("%(span)s fast") if drift_s > 0 else _("%(span)s slow")) % {"span": span}


#: how devices, FFmpeg and browsers begin to name what people call H.264 and H.265
_CODECS: Final = {"h264": "H.264", "avc": "H.264", "h265": "H.265", "hevc": "H.265", "hvc1": "H.265", "hev1": "H.265"}


def codec_words(codec: str) -> str:
    """`avc1.64001F`, `H264` or `h264` as people call it: H.264."""
    lower = codec.lower()
    return next((word for start, word in _CODECS.items() if lower.startswith(start)), codec.upper())


def bitrate_words(bits: int) -> str:
    """`2.7 Mbit/s`; "" for nothing."""
    if not bits:
        return ""
    return f"{bits / 1e6:.1f} Mbit/s" if bits >= 1e6 else f"{bits // 1000} kbit/s"


def day_bar(health: Health) -> list[dict[str, Any]]:
    """The last day as rectangles of one bar: x and width in its units, whether it was online."""
    return [
        {
            "x": round(row.start * BAR),
            # What lasted less than a minute is still seen.
            "width": max(1, round(row.length * BAR)),
            "is_online": row.is_online,
            "since": row.since,
            "until": row.until,
        }
        for row in health.stretches
    ]
