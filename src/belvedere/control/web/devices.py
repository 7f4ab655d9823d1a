"""Adding, naming and unbinding devices."""

from typing import cast

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from belvedere.contracts.permissions import Permission
from belvedere.control.core.errors import AlreadyBound, NotFound, Refusal
from belvedere.control.core.requests import principal_of
from belvedere.control.devices import services
from belvedere.control.devices.selectors import get_device, list_devices
from belvedere.control.sharing.selectors import list_access, list_panel_access
from belvedere.control.web.cameras import tile
from belvedere.control.web.context import here, list_sites_to_equip
from belvedere.control.web.errors import answers_refusals


class DeviceForm(forms.Form):
    """What is needed to bind a camera. Rules are the service's."""

    name = forms.CharField(max_length=80, label=gettext_lazy("Name"))
    site = forms.ChoiceField(
        label=gettext_lazy("Site"), error_messages={"invalid_choice": gettext_lazy("Choose one of your own sites.")}
    )
    address = forms.CharField(max_length=500, label=gettext_lazy("Address"))
    sub_address = forms.CharField(max_length=500, required=False, label=gettext_lazy("Second, smaller stream"))
    username = forms.CharField(max_length=200, required=False, label=gettext_lazy("User"))
    password = forms.CharField(max_length=200, required=False, label=gettext_lazy("Password"), strip=False)

    def __init__(self, data: QueryDict | None, *, sites: list[tuple[str, str]]) -> None:
        super().__init__(data)
        self.fields["site"].choices = sites  # type: ignore[attr-defined]  # it is a ChoiceField


def _sites(request: HttpRequest) -> list[tuple[str, str]]:
    return [(site.id, site.name) for site in list_sites_to_equip(request)]


@require_GET
@answers_refusals
def devices(request: HttpRequest) -> HttpResponse:
    """The devices of the chosen organization that one may configure, site by site, with their state (VV 22, 35)."""
    organization = here(request)
    rows = [
        row for row in list_devices(principal_of(request)) if not organization or row.organization == organization.id
    ]
    rows.sort(key=lambda row: row.site_name.casefold())
    return render(
        request,
        "web/devices.html",
        {
            "nav": "devices",
            "may_add": bool(_sites(request)),
            "devices": [
                {
                    "id": row.id,
                    "name": row.name,
                    "site": row.site_name,
                    "state": row.state,
                    "address": row.shown_address,
                    "created_at": row.created_at,
                    "cameras": [tile(view, None) for view in row.cameras],
                    "panel_url": reverse("panel", args=[row.id]) if row.panel else "",
                    "may_share_panel": bool(row.panel and row.panel.may(Permission.SHARE)),
                }
                for row in rows
            ],
        },
    )


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
@answers_refusals
def device_add(request: HttpRequest) -> HttpResponse:
    """Bind a camera. A device that has an owner leads to the page that says so."""
    sites = _sites(request)
    if request.method == "GET" and not sites:
        return redirect("devices")  # which says what is missing
    form = DeviceForm(request.POST or None, sites=sites)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            device = services.add_device(
                principal_of(request),
                **data,
                is_tested=request.POST.get("skip_test") != "on",
            )
        except AlreadyBound as refusal:
            context = {
                "nav": "devices",
                "hint": refusal.extra["hint"],
                "name": data["name"],
                "message": refusal.message,
            }
            return render(request, "web/already_bound.html", context, status=refusal.status)
        except NotFound:
            raise
        except Refusal as refusal:
            field = str(refusal.extra.get("field", ""))
            form.add_error(field if field in form.fields else None, refusal.message)
            return render(request, "web/device_add.html", {"nav": "devices", "form": form}, status=refusal.status)
        camera = get_device(principal_of(request), device).cameras[0]
        messages.success(request, _("%(name)s is yours. Nobody else can see it yet.") % {"name": camera.name})
        return redirect("camera", camera.id)
    status = 422 if form.errors else 200
    return render(request, "web/device_add.html", {"nav": "devices", "form": form}, status=status)


@sensitive_post_parameters("password")
@require_POST
def device_probe(request: HttpRequest) -> HttpResponse:
    """Try the address that is typed, live; save nothing. A partial page."""
    fields = {key: request.POST.get(key, "") for key in ("address", "sub_address", "username", "password")}
    try:
        typed = cast("services.TypedFields", fields)
        found = services.probe_device(principal_of(request), site=request.POST.get("site", ""), **typed)
    except Refusal as refusal:
        context = {"ok": False, "code": refusal.code, "message": refusal.message}
        return render(request, "web/_probe_result.html", context)
    context = {
        "ok": found.is_playable,
        "code": found.code,
        "codec": found.codec,
        "width": found.width,
        "height": found.height,
        "fps": found.fps,
        "audio": found.audio,
        "took_ms": found.took_ms,
        "message": services.explain_probe(found),
    }
    return render(request, "web/_probe_result.html", context)


@require_POST
@answers_refusals
def device_rename(request: HttpRequest, device_id: str) -> HttpResponse:
    """Change a device's name."""
    services.rename_device(principal_of(request), device=device_id, name=request.POST.get("name", ""))
    return redirect("devices")


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
    people = {row.email for row in rows if "share" in {why.origin for why in row.because}}
    context = {
        "nav": "devices",
        "device": {"id": view.id, "name": view.name, "site": view.site_name},
        "people": sorted(people),
        "cameras": [tile(camera, None) for camera in view.cameras],
    }
    return render(request, "web/device_unbind.html", context)
