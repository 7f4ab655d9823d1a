"""Admin → Sites: the places of an organization and what stands there. Admin → Settings: the organization itself."""

from functools import cache
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import available_timezones

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from belvedere.contracts.permissions import Permission
from belvedere.control.accounts.selectors import get_persons
from belvedere.control.core.errors import NotFound, ReauthenticationRequired, Refusal
from belvedere.control.core.requests import principal_of
from belvedere.control.devices.selectors import DeviceView, list_devices
from belvedere.control.devices.services import remove_site
from belvedere.control.organizations import services
from belvedere.control.organizations.selectors import (
    SiteView,
    get_owner,
    get_site,
    list_sites,
)
from belvedere.control.streaming.selectors import list_cuts
from belvedere.control.web.admin import admin_frame, sit_down
from belvedere.control.web.context import person
from belvedere.control.web.errors import answers_refusals

PAGE: Final = 50
SITE_FIELDS: Final = ("name", "region", "time_zone", "address")
#: states of devices, those that ask to be looked at first
_STATES: Final = ("offline", "unknown", "online")


@cache
def time_zones() -> tuple[str, ...]:
    """Those that are a place: what one may choose from. The service takes every name that it knows."""
    return ("UTC", *sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/")))


@require_GET
@answers_refusals
def sites(request: HttpRequest) -> HttpResponse:
    """The sites where one manages, with the devices on each and how they are."""
    desk = sit_down(request)
    here: dict[str, list[DeviceView]] = {}
    for device in list_devices(desk.actor):
        if device.organization == desk.organization.id:
            here.setdefault(device.site, []).append(device)
    rows = [row for row in list_sites(desk.actor, desk.organization.id) if row.id in desk.management.sites]
    sought, page = request.GET.get("q", "").strip()[:80], request.GET.get("page", "")
    found = [row for row in rows if sought.casefold() in f"{row.name} {row.region} {row.address}".casefold()]
    start = PAGE * (int(page) if page.isdecimal() and len(page) < 5 else 0)
    more = {"q": sought, "page": start // PAGE + 1}
    context = admin_frame("sites") | {
        "organization": desk.organization,
        "is_whole": desk.management.is_whole,
        "has_many": len(rows) > PAGE,
        "sought": sought,
        "sites": [_site(row, here.get(row.id, [])) for row in found[start : start + PAGE]],
        "more_url": f"{reverse('admin-sites')}?{urlencode(more)}" if len(found) > start + PAGE else "",
    }
    return render(request, "web/admin_sites.html", context)


def _site(row: SiteView, devices: list[DeviceView]) -> dict[str, Any]:
    states = [device.state for device in devices]
    return {
        "id": row.id,
        "name": row.name,
        "region": row.region,
        "time_zone": row.time_zone,
        "address": row.address,
        "devices": [_device(device) for device in sorted(devices, key=lambda device: _STATES.index(device.state))],
        "counts": {state: states.count(state) for state in _STATES},
    }


def _device(device: DeviceView) -> dict[str, Any]:
    """A device with what is wrong with it, if something is."""
    worst = next((view for view in device.cameras if view.state == device.state), None)  # none of a panel
    return {
        "id": device.id,
        "name": device.name,
        "state": device.state,
        "since": worst.since if worst else None,
        "error": worst.error if worst and device.state == "offline" else "",
        "icon": device.kind if device.kind == "recorder" else "arm" if device.kind == "panel" else "camera",
    }


@require_http_methods(["GET", "POST"])
@answers_refusals
def site_add(request: HttpRequest) -> HttpResponse:
    """A further place. Needs user management on the whole organization."""
    desk = sit_down(request)
    if not desk.management.is_whole:
        raise NotFound
    typed = {key: request.POST.get(key, "") for key in SITE_FIELDS}
    if request.method != "POST":
        typed |= {"region": desk.organization.region, "time_zone": desk.organization.time_zone}
    else:
        try:
            site = services.add_site(desk.actor, organization=desk.organization.id, **typed)
            messages.success(request, _("%(name)s is there. Devices can be added to it now.") % {"name": site.name})
            return redirect("admin-sites")
        except NotFound:
            raise
        except Refusal as refusal:
            return _site_form(request, desk.organization.id, typed, error=refusal)
    return _site_form(request, desk.organization.id, typed)


@require_http_methods(["GET", "POST"])
@answers_refusals
def site(request: HttpRequest, site_id: str) -> HttpResponse:
    """What a site is called and where it lies."""
    actor = principal_of(request)
    view = _managed_site(request, site_id)
    typed = {key: getattr(view, key) for key in SITE_FIELDS}
    error = None
    if request.method == "POST":
        typed = {key: request.POST.get(key, typed[key]) for key in SITE_FIELDS}
        try:
            services.edit_site(
                actor,
                site=site_id,
                name=typed["name"],
                region=typed["region"],
                zone=typed["time_zone"],
                address=typed["address"],
            )
            messages.success(request, _("Saved."))
            return redirect("admin-sites")
        except NotFound:
            raise
        except Refusal as refusal:
            error = refusal
    return _site_form(request, view.organization, typed, site=view, error=error)


def _managed_site(request: HttpRequest, site: str) -> SiteView:
    """A site whose members the actor manages. Raises NotFound."""
    view = get_site(principal_of(request), site)
    if Permission.MANAGE not in view.permissions:
        raise NotFound
    return view


def _site_form(
    request: HttpRequest,
    organization: str,
    typed: dict[str, str],
    *,
    site: SiteView | None = None,
    error: Refusal | None = None,
) -> HttpResponse:
    context = admin_frame("sites") | {
        "organization": organization,
        "typed": typed,
        "site": site,
        "zones": time_zones(),
        "error": error.message if error else "",
        "wrong": error.extra.get("field", "") if error else "",
    }
    return render(request, "web/admin_site.html", context, status=error.status if error else 200)


@require_http_methods(["GET", "POST"])
@answers_refusals
def site_delete(request: HttpRequest, site_id: str) -> HttpResponse:
    """Say what goes and what moves, then give the site up. Devices move along, or it stays."""
    desk = sit_down(request)
    view = _managed_site(request, site_id)
    devices = [device for device in list_devices(desk.actor) if device.site == site_id]
    error: Refusal | None = None
    target = request.POST.get("move_devices_to", "")
    if request.method == "POST":
        try:
            change_id = remove_site(desk.actor, site=site_id, move_devices_to=target)
            if list_cuts(change_id):
                return redirect("receipt", change_id)
            messages.success(request, _("%(name)s is gone.") % {"name": view.name})
            return redirect("admin-sites")
        except (NotFound, ReauthenticationRequired):
            raise
        except Refusal as refusal:
            error = refusal
    others = [row for row in list_sites(desk.actor, view.organization) if Permission.MANAGE in row.permissions]
    context = admin_frame("sites") | {
        "site": view,
        "devices": [_device(device) for device in devices],
        "others": [{"id": row.id, "name": row.name, "is_chosen": row.id == target} for row in others if row != view],
        "error": error.message if error else "",
    }
    return render(request, "web/admin_site_delete.html", context, status=error.status if error else 200)


# ── The organization itself ──────────────────────────────────────────────────────────────────────────────────────────


@require_http_methods(["GET", "POST"])
@answers_refusals
def settings(request: HttpRequest) -> HttpResponse:
    """Name, region, time zone; who owns it; handing it over, and leaving."""
    desk = sit_down(request)
    organization = desk.organization
    typed = {"name": organization.name, "region": organization.region, "time_zone": organization.time_zone}
    error: Refusal | None = None
    if request.method == "POST":
        typed = {key: request.POST.get(key, value) for key, value in typed.items()}
        try:
            services.edit_organization(
                desk.actor,
                organization=organization.id,
                name=typed["name"],
                region=typed["region"],
                zone=typed["time_zone"],
            )
            messages.success(request, _("Saved."))
            return redirect("admin-settings")
        except NotFound:
            raise
        except Refusal as refusal:
            error = refusal
    owner = get_owner(organization.id)
    owners = get_persons([owner])
    context = admin_frame("settings") | {
        "organization": organization,
        "typed": typed,
        "zones": time_zones(),
        "is_whole": desk.management.is_whole,
        "owner": person(owners[owner]),
        "error": error.message if error else "",
        "wrong": error.extra.get("field", "") if error else "",
    }
    return render(request, "web/admin_settings.html", context, status=error.status if error else 200)
