"""The devices of an organization: where they stand, how they are, what deserves a look."""

from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from belvedere.control.core.requests import principal_of
from belvedere.control.devices.health import list_alerts
from belvedere.control.devices.selectors import DeviceView, list_devices
from belvedere.control.web.context import here, list_sites_to_equip
from belvedere.control.web.device_words import device_line
from belvedere.control.web.errors import answers_refusals

PAGE: Final = 100
#: what can be looked for, with its words
SHOWN: Final = {
    "all": gettext_lazy("All"),
    "attention": gettext_lazy("To look at"),
    "off": gettext_lazy("Switched off"),
}


@require_GET
@answers_refusals
def devices(request: HttpRequest) -> HttpResponse:
    """The devices of the chosen organization that one may configure, site by site, with their state (VV 22, 35)."""
    organization = here(request)
    everything = [
        row for row in list_devices(principal_of(request)) if not organization or row.organization == organization.id
    ]
    shown, text = request.GET.get("show", "all"), request.GET.get("q", "").strip()[:80]
    by_kind = {key: [row for row in everything if _is_shown(row, key)] for key in SHOWN}
    rows = [row for row in by_kind.get(shown, everything) if text.casefold() in _words(row)]
    rows.sort(key=lambda row: (row.site_name.casefold(), row.site))
    page = request.GET.get("page", "")
    start = PAGE * (int(page) if page.isdecimal() and len(page) < 5 else 0)
    asked = {"show": shown if shown in SHOWN else "all", "q": text}
    context: dict[str, Any] = {
        "nav": "devices",
        "may_add": bool(list_sites_to_equip(request)),
        "has_any": bool(everything),
        "devices": [device_line(row) for row in rows[start : start + PAGE]],
        "filters": [
            {"key": key, "label": label, "count": len(by_kind[key]), "url": "?" + urlencode(asked | {"show": key})}
            for key, label in SHOWN.items()
        ],
        "more_url": "?" + urlencode(asked | {"page": start // PAGE + 1}) if rows[start + PAGE :] else "",
    }
    return render(request, "web/devices.html", context | asked)


def _is_shown(row: DeviceView, key: str) -> bool:
    if key == "attention":
        return bool(list_alerts(row))
    return key == "all" or (bool(row.cameras) and not row.is_enabled)


def _words(row: DeviceView) -> str:
    names = " ".join(camera.name for camera in row.cameras)
    return f"{row.name} {names} {row.site_name} {row.shown_address} {row.manufacturer} {row.model}".casefold()
