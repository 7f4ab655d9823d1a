"""A device's own page: how it has been, what it is, who sees it, and everything that can be done to it."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from belvedere.contracts.permissions import Permission
from belvedere.control.core.errors import AlreadyBound, NotFound, ReauthenticationRequired, Refusal
from belvedere.control.core.requests import principal_of
from belvedere.control.devices import services
from belvedere.control.devices.health import Health, list_health
from belvedere.control.devices.selectors import CameraView, DeviceView, get_camera, get_device
from belvedere.control.organizations.selectors import (
    MemberFilter,
    SiteView,
    get_site,
    list_members,
    list_organizations,
    list_sites,
)
from belvedere.control.sharing.selectors import list_access, list_panel_access
from belvedere.control.streaming.selectors import list_cuts
from belvedere.control.web.cameras import tile
from belvedere.control.web.device_add import sites_to_equip
from belvedere.control.web.device_form import DeviceForm, show_refusal
from belvedere.control.web.device_shares import newcomers
from belvedere.control.web.device_words import bitrate_words, codec_words, day_bar, device_line, off_mark
from belvedere.control.web.errors import answers_refusals


@require_GET
@answers_refusals
def device(request: HttpRequest, device_id: str) -> HttpResponse:
    """The device, its last day, its cameras."""
    return _page(request, get_device(principal_of(request), device_id))


def _page(request: HttpRequest, view: DeviceView, *, status: int = 200, **more: Any) -> HttpResponse:
    actor = principal_of(request)
    health = list_health(view)
    context = {
        "nav": "devices",
        "device": device_line(view)
        | {
            "manufacturer": view.manufacturer,
            "model": view.model,
            "firmware": view.firmware,
            "serial": view.serial,
            "transport": view.transport,
            "is_onvif": view.is_onvif,
            "inspected_at": view.inspected_at,
            "found_address": view.found_address,
            "created_at": view.created_at,
            "mine": view.mine,
        },
        "cameras": [_camera(row, health.get(row.id, Health())) for row in view.cameras],
        "newcomers": newcomers(actor, view),
        "may_hand_over": any(row.is_owned for row in list_organizations(actor) if row.id == view.organization),
        "may_move": view.mine and Permission.MANAGE in get_site(actor, view.site).permissions,
    }
    return render(request, "web/device.html", context | more, status=status)


def _camera(view: CameraView, health: Health) -> dict[str, Any]:
    return {
        "id": view.id,
        "name": view.name,
        "state": view.state,
        "since": view.since,
        "error": view.error if view.state == "offline" else "",
        "off": off_mark(view),
        "shared_with": view.shared_with,
        "size": f"{view.width} × {view.height}" if view.width else "",
        "fps": view.fps,
        "codec": codec_words(health.codec),
        "bitrate": bitrate_words(health.bitrate),
        "drops": health.drops,
        "uptime": None if health.uptime is None else round(health.uptime * 100),
        "bar": day_bar(health),
    }


@require_POST
@answers_refusals
def device_rename(request: HttpRequest, device_id: str) -> HttpResponse:
    """Change a device's name."""
    services.rename_device(principal_of(request), device=device_id, name=request.POST.get("name", ""))
    return redirect("device", device_id)


@require_POST
@answers_refusals
def camera_rename(request: HttpRequest, camera_id: str) -> HttpResponse:
    """Change one camera's name, for everybody; back to its device."""
    actor = principal_of(request)
    services.rename_camera(actor, camera=camera_id, name=request.POST.get("name", ""))
    return redirect("device", get_camera(actor, camera_id).device)


@require_POST
@answers_refusals
def device_switch(request: HttpRequest, device_id: str) -> HttpResponse:
    """Off for everybody, or on again. What was cut is on the receipt's lines, here counted."""
    actor = principal_of(request)
    view = get_device(actor, device_id)
    if request.POST.get("to") == "on":
        services.enable_device(actor, device=device_id)
        messages.success(request, _("%(name)s is on again.") % {"name": view.name})
    else:
        change_id = services.disable_device(actor, device=device_id)
        cut = len(list_cuts(change_id))
        watched = ngettext("One picture was cut.", "%(count)d pictures were cut.", cut) % {"count": cut} if cut else ""
        messages.success(
            request,
            _("%(name)s is off, for everybody. Everybody who may see it reads that it is.") % {"name": view.name}
            + (f" {watched}" if watched else ""),
        )
    return redirect("device", device_id)


# ── A recorder's further channels ────────────────────────────────────────────────────────────────────────────────────


@require_POST
@answers_refusals
def device_refresh(request: HttpRequest, device_id: str) -> HttpResponse:
    """Ask the device what it is by now. Channels that are not cameras yet are offered, and nothing more."""
    actor = principal_of(request)
    get_device(actor, device_id)
    try:
        found = services.refresh_device(actor, device=device_id)
    except NotFound:
        raise
    except Refusal as refusal:
        return _page(request, get_device(actor, device_id), status=refusal.status, refused=refusal.message)
    fresh = [{"token": row.token, "name": row.name} for row in found]
    return _page(request, get_device(actor, device_id), fresh=fresh, is_fresh=True)


@require_POST
@answers_refusals
def device_channels(request: HttpRequest, device_id: str) -> HttpResponse:
    """Make cameras of the ticked channels. Nobody but members sees them."""
    actor = principal_of(request)
    wishes = [
        services.ChannelWish(token=token, name=request.POST.get(f"name.{token}", ""))
        for token in dict.fromkeys(request.POST.getlist("channel"))
    ]
    try:
        added = services.add_channels(actor, device=device_id, channels=wishes)
    except NotFound:
        raise
    except Refusal as refusal:
        return _page(request, get_device(actor, device_id), status=refusal.status, refused=refusal.message)
    count = len(added)
    words = ngettext("One camera was added.", "%(count)d cameras were added.", count) % {"count": count}
    messages.success(request, f"{words} {_('They are shared with nobody.')}" if added else _("Nothing was added."))
    return redirect("device", device_id)


# ── Another address, another site, an end ────────────────────────────────────────────────────────────────────────────


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
@answers_refusals
def device_address(request: HttpRequest, device_id: str) -> HttpResponse:
    """A new address, user, password or transport: all of them typed anew, for no page ever shows them."""
    actor = principal_of(request)
    view = get_device(actor, device_id)
    sites = sites_to_equip(request)
    if request.method == "GET":
        way = {"way": "brand" if request.GET.get("way") == "brand" else "address", "transport": view.transport}
        if request.GET.get("from") == "found":
            way["address"] = view.found_address  # ours, not the link's: nobody is led elsewhere
        return _address_page(request, view, DeviceForm(None, sites=sites, initial=way))
    form = DeviceForm(request.POST, sites=sites)
    if not form.is_valid():
        return _address_page(request, view, form, status=422)
    try:
        services.readdress_device(actor, device=device_id, **form.typed())
    except NotFound:
        raise
    except AlreadyBound as refusal:
        context = {"nav": "devices", "name": view.name, "message": refusal.message, **refusal.extra}
        return render(request, "web/already_bound.html", context, status=refusal.status)
    except Refusal as refusal:
        show_refusal(form, refusal.message, str(refusal.extra.get("field", "")))
        return _address_page(request, view, form, status=refusal.status)
    messages.success(request, _("Saved. The picture comes from there now; everybody keeps what they may see."))
    return redirect("device", device_id)


def _address_page(request: HttpRequest, view: DeviceView, form: DeviceForm, *, status: int = 200) -> HttpResponse:
    way = form["way"].value() or "address"
    context = {"nav": "devices", "device": device_line(view), "form": form, "way": way}
    return render(request, "web/device_address.html", context, status=status)


@require_http_methods(["GET", "POST"])
@answers_refusals
def device_move(request: HttpRequest, device_id: str) -> HttpResponse:
    """Choose a site, read who will gain and who will lose sight, then move it."""
    actor = principal_of(request)
    view = get_device(actor, device_id)
    others = [
        row
        for row in list_sites(actor, view.organization)
        if Permission.MANAGE in row.permissions and row.id != view.site
    ]
    chosen = next((row for row in others if row.id == request.POST.get("site", request.GET.get("site", ""))), None)
    message = ""
    if request.method == "POST":
        try:
            services.move_device(actor, device=device_id, site=request.POST.get("site", ""))
            messages.success(request, _("%(name)s stands there now.") % {"name": view.name})
            return redirect("device", device_id)
        except (NotFound, ReauthenticationRequired):
            raise
        except Refusal as refusal:
            message = refusal.message
    context = {
        "nav": "devices",
        "device": device_line(view),
        "sites": [{"id": row.id, "name": row.name} for row in others],
        "chosen": {"id": chosen.id, "name": chosen.name} if chosen else None,
        "message": message,
    } | (_who_changes(request, view, chosen) if chosen else {})
    return render(request, "web/device_move.html", context, status=409 if message else 200)


def _who_changes(request: HttpRequest, view: DeviceView, to: SiteView) -> dict[str, list[str]]:
    """Members with a role on the one site and none on the other, as far as the actor knows them."""
    before, after = (_members_of(request, view.organization, site) for site in (view.site, to.id))
    names = before | after
    return {
        "losing": sorted(names[pk] for pk in before.keys() - after.keys()),
        "gaining": sorted(names[pk] for pk in after.keys() - before.keys()),
    }


def _members_of(request: HttpRequest, organization: str, site: str) -> dict[str, str]:
    found: dict[str, str] = {}
    after = ""
    while True:
        page = list_members(
            principal_of(request), organization, look_for=MemberFilter(site=site), after=after, limit=500
        )
        found |= {row.account.id: row.account.name or row.account.email for row in page.items}
        after = page.after
        if not after:
            return found


@require_http_methods(["GET", "POST"])
@answers_refusals
def device_unbind(request: HttpRequest, device_id: str) -> HttpResponse:
    """Say what will be lost, then give the device up."""
    actor = principal_of(request)
    view = get_device(actor, device_id)
    if request.method == "POST":
        services.unbind_device(actor, device=device_id)
        messages.success(request, _("%(name)s is no longer yours, and nobody sees it any more.") % {"name": view.name})
        return redirect("devices")
    rows = [row for camera in view.cameras for row in list_access(actor, camera.id)]
    if view.panel:
        rows = list_panel_access(actor, device_id)
    people = {row.address for row in rows if "share" in {why.origin for why in row.because}}
    context = {
        "nav": "devices",
        "device": {"id": view.id, "name": view.name, "site": view.site_name},
        "people": sorted(people),
        "cameras": [tile(camera, None) for camera in view.cameras],
    }
    return render(request, "web/device_unbind.html", context)
