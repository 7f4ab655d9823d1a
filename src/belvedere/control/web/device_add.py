"""Adding a device: where it is, what it is, what it is called. Nothing is kept before the last step.

The form stays on the page from the first look to the last click, so that a password is typed once and never sent back.
"""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from belvedere.contracts.devices import Channel, InspectResult, OnvifStream
from belvedere.contracts.events import ProbeResult
from belvedere.control.core.errors import AlreadyBound, Invalid, NotFound, Refusal
from belvedere.control.core.principal import Principal
from belvedere.control.core.requests import principal_of
from belvedere.control.devices import services
from belvedere.control.devices.labels import Label, is_named_by, parse_label
from belvedere.control.devices.selectors import get_device
from belvedere.control.devices.services import TypedFields
from belvedere.control.devices.services.labels import MAX_FRAME, MAX_PICTURE, read_label
from belvedere.control.devices.templates import TEMPLATES
from belvedere.control.web.context import list_sites_to_equip
from belvedere.control.web.device_form import WAYS, DeviceForm, show_refusal
from belvedere.control.web.device_words import codec_words, drift_words
from belvedere.control.web.errors import answers_refusals


def sites_to_equip(request: HttpRequest) -> list[tuple[str, str]]:
    """Where one may add devices here, as choices."""
    return [(site.id, site.name) for site in list_sites_to_equip(request)]


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
@answers_refusals
def device_add(request: HttpRequest) -> HttpResponse:
    """The ways to a device; a POST binds it. A device that has an owner leads to the page that says so."""
    sites = sites_to_equip(request)
    if request.method == "GET":
        if not sites:
            return redirect("devices")  # which says what is missing
        form = DeviceForm(None, sites=sites, initial={"address": request.GET.get("address", "")[:500]})
        return _page(request, form, way=request.GET.get("way", ""), more={"name": request.GET.get("name", "")[:80]})
    form = DeviceForm(request.POST, sites=sites)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        device = services.add_device(
            principal_of(request),
            site=request.POST.get("site", ""),
            name=form.cleaned_data["name"],
            is_tested=request.POST.get("skip_test") != "on",
            **form.typed(chosen=request.POST),
        )
    except AlreadyBound as refusal:
        context = {"nav": "devices", "name": form.cleaned_data["name"], "message": refusal.message, **refusal.extra}
        return render(request, "web/already_bound.html", context, status=refusal.status)
    except NotFound:
        raise
    except Refusal as refusal:
        show_refusal(form, refusal.message, str(refusal.extra.get("field", "")))
        return _page(request, form, status=refusal.status)
    return _added(request, device)


def _added(request: HttpRequest, device: str) -> HttpResponse:
    view = get_device(principal_of(request), device)
    messages.success(request, _("%(name)s is yours. Nobody else can see it yet.") % {"name": view.name})
    return redirect("camera", view.cameras[0].id) if len(view.cameras) == 1 else redirect("device", device)


def _page(
    request: HttpRequest, form: DeviceForm, *, way: str = "", status: int = 200, more: dict[str, Any] | None = None
) -> HttpResponse:
    if form.is_bound:
        way = "brand" if form.data.get("way") == "brand" else "address"
    way = way if way in WAYS else next(iter(WAYS))
    context = {
        "nav": "devices",
        "form": form,
        "way": way,
        "ways": [
            {"key": key, "label": label, "url": f"{reverse('device-add')}?{urlencode({'way': key})}"}
            for key, label in WAYS.items()
        ],
        "notes": [{"brand": row.label, "note": row.note} for row in TEMPLATES.values() if row.note],
        "on_label": None,
    }
    return render(request, "web/device_add.html", context | (more or {}), status=status)


# ── Searching, and reading labels ────────────────────────────────────────────────────────────────────────────────────


@require_POST
@answers_refusals
def device_search(request: HttpRequest) -> HttpResponse:
    """Who answers in the networks one may reach. `label`, if one was read: what fits it comes first."""
    sites = sites_to_equip(request)
    label = parse_label(request.POST.get("label", ""))
    found: dict[str, Any] = {"has_searched": True}
    try:
        reply = services.discover_devices(principal_of(request), site=sites[0][0] if sites else "")
        rows = [_found(row, label) for row in reply.found]
        found |= {"found": sorted(rows, key=lambda row: (not row["fits"], row["host"])), "is_cut": reply.is_cut}
    except NotFound:
        raise
    except Refusal as refusal:
        found["message"] = refusal.message
    if request.headers.get("HX-Request"):
        return render(request, "web/_devices_found.html", found)
    return _page(request, DeviceForm(None, sites=sites), way="search", more=found)


def _found(row: Any, label: Label) -> dict[str, Any]:
    name = row.name or row.hardware or row.host
    query = urlencode({"way": "address", "address": row.address, "name": name})
    return {
        "name": name,
        "host": row.host,
        "note": ", ".join(dict.fromkeys(word for word in (row.hardware, row.location) if word and word != name)),
        "fits": is_named_by(label, f"{row.endpoint} {row.name} {row.hardware}"),
        "url": f"{reverse('device-add')}?{query}",
    }


@require_POST
@answers_refusals
def device_label(request: HttpRequest) -> HttpResponse:
    """A picture of a device's label, or what is typed off it, leads to the address, or to the search.

    A frame of somebody's camera is answered with its code's text alone, or with nothing: many of them come.
    """
    picture = request.FILES.get("picture")
    if isinstance(picture, UploadedFile) and request.POST.get("frame"):
        return _read_frame(principal_of(request), picture.read(MAX_FRAME + 1))
    sites = sites_to_equip(request)
    try:
        if isinstance(picture, UploadedFile):
            label = read_label(principal_of(request), picture=picture.read(MAX_PICTURE + 1))
        else:
            label = parse_label(_typed_label(request))
    except Refusal as refusal:
        form = DeviceForm(None, sites=sites)
        return _page(request, form, way="label", status=refusal.status, more={"message": refusal.message})
    if label.address:
        form = DeviceForm(None, sites=sites, initial={"address": label.address})
        return _page(request, form, way="address", more={"on_label": label})
    way = "search" if label.is_known else "label"
    return _page(request, DeviceForm(None, sites=sites), way=way, more={"on_label": label})


def _read_frame(actor: Principal, picture: bytes) -> HttpResponse:
    try:
        label = read_label(actor, picture=picture, is_frame=True)
    except Invalid:
        return HttpResponse(status=204)
    return JsonResponse({"text": label.text})


def _typed_label(request: HttpRequest) -> str:
    if text := request.POST.get("text", "").strip():
        return text
    raise Invalid(_("Choose a picture of the label, or type what stands on it."), field="text")


# ── Looking ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@sensitive_post_parameters("password")
@require_POST
@answers_refusals
def device_look(request: HttpRequest) -> HttpResponse:
    """Ask the device that is typed what it is, try its picture, save nothing. What is there can then be named."""
    sites = sites_to_equip(request)
    form = DeviceForm(request.POST, sites=sites)
    is_partial = bool(request.headers.get("HX-Request"))
    if not form.is_valid():
        wrong = " ".join(str(error) for errors in form.errors.values() for error in errors)
        look: dict[str, Any] = {"is_good": False, "message": wrong}
    else:
        try:
            look = _look(request, form)
        except NotFound:
            raise
        except Refusal as refusal:
            look = {"is_good": False, "message": refusal.message, "may_skip": form.is_bare}
    shown = {"look": look, "form": form, "is_partial": is_partial}
    return render(request, "web/_device_look.html", shown) if is_partial else _page(request, form, more=shown)


def _look(request: HttpRequest, form: DeviceForm) -> dict[str, Any]:
    actor, site, typed = principal_of(request), form.site_id, form.typed()
    chosen = set(request.POST.getlist("channel")) if "has_channels" in request.POST else None
    if form.is_bare:
        found = services.probe_device(actor, site=site, **typed)
        channels = [{"token": wish.token, "name": wish.name, "number": wish.token} for wish in typed["channels"] or []]
        return _tested(found) | {"channels": _with_ticks(channels, chosen), "may_skip": not found.is_playable}
    facts = services.inspect_device(actor, site=site, **typed)
    look: dict[str, Any] = {"device": _facts(facts), "name": _suggestion(request, facts)}
    if len(facts.channels) > 1:
        look["channels"] = _with_ticks([_channel(row, number) for number, row in enumerate(facts.channels, 1)], chosen)
    if not facts.channels:
        return look | {"is_good": False, "message": _("It answers, but lists no channel with a picture.")}
    first = facts.channels[0]
    # The rest of what was typed holds for its streams as well: user, password, transport.
    streams = typed | TypedFields(address=first.main.url, sub_address=first.sub.url if first.sub else "", channels=None)
    return look | _tested(services.probe_device(actor, site=site, **streams))


def _tested(found: ProbeResult) -> dict[str, Any]:
    return {
        "is_good": found.is_playable,
        "message": services.explain_probe(found),
        "picture": {"words": _stream_words(found), "audio": found.audio, "took_ms": found.took_ms},
    }


def _suggestion(request: HttpRequest, facts: InspectResult) -> str:
    """What it could be called: as typed, as it was found, or as its only channel says."""
    named = request.POST.get("name", "") or (facts.channels[0].name if len(facts.channels) == 1 else "")
    return named or facts.model


def _facts(facts: InspectResult) -> dict[str, Any]:
    return {
        "manufacturer": facts.manufacturer,
        "model": facts.model,
        "firmware": facts.firmware,
        "serial": facts.serial,
        "drift": drift_words(facts.clock_drift_s),
    }


def _channel(row: Channel, number: int) -> dict[str, Any]:
    return {
        "token": row.token,
        "number": number,
        "name": row.name,
        "streams": [_stream_words(stream) for stream in (row.main, row.sub) if stream],
        "is_doubtful": codec_words(row.main.codec) == "H.265",
        "has": [
            word
            for word, is_so in ((_("sound"), row.has_audio), (_("talk"), row.has_talk), (_("moves"), row.has_ptz))
            if is_so
        ],
    }


def _with_ticks(channels: list[dict[str, Any]], chosen: set[str] | None) -> list[dict[str, Any]]:
    return [row | {"is_ticked": chosen is None or row["token"] in chosen} for row in channels]


def _stream_words(stream: OnvifStream | ProbeResult) -> str:
    """`H.264, 1280 × 720, 25 fps`: as much of it as the device says."""
    size = f"{stream.width} × {stream.height}" if stream.width else ""
    rate = _("%(fps)d fps") % {"fps": round(stream.fps)} if stream.fps else ""
    return ", ".join(word for word in (codec_words(stream.codec), size, rate) if word)
