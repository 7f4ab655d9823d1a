"""Guest links, for who gives them: made, listed, ended."""

from datetime import timedelta
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from belvedere.contracts.permissions import Permission, parse_names
from belvedere.control.core import clock
from belvedere.control.core.errors import Invalid, NotFound, Refusal
from belvedere.control.core.requests import principal_of
from belvedere.control.devices.selectors import CameraView, list_cameras
from belvedere.control.guests import services
from belvedere.control.guests.selectors import GuestLinkView, get_link, list_links
from belvedere.control.sharing.terms import DAY, HOUR, Footage
from belvedere.control.web.cameras import rights_slots, tile
from belvedere.control.web.context import follow, here, is_in, person
from belvedere.control.web.errors import answers_refusals

#: hours → words: for how long a link is good
SPANS: Final = {
    1: gettext_lazy("an hour"),
    2: gettext_lazy("two hours"),
    8: gettext_lazy("eight hours"),
    24: gettext_lazy("a day"),
    7 * 24: gettext_lazy("a week"),
    30 * 24: gettext_lazy("30 days"),
}
#: seconds → words: how far back playback reaches; 0 = from now on
REACHES: Final = {
    0: gettext_lazy("what is recorded from now on"),
    HOUR: gettext_lazy("the last hour"),
    DAY: gettext_lazy("the last day"),
    7 * DAY: gettext_lazy("the last week"),
}
RIGHTS: Final = (("live_view", gettext_lazy("Live view"), "live"), ("playback", gettext_lazy("Playback"), "playback"))


@require_GET
@answers_refusals
def guest_links(request: HttpRequest) -> HttpResponse:
    """Those that are open, and those that were."""
    links = [card(row) for row in list_links(principal_of(request))]
    if not links and not _shareable(request):
        raise NotFound
    context = {
        "nav": "sharing",
        "open": [row for row in links if row["state"] in {"open", "used_up"}],
        "over": [row for row in links if row["state"] in {"expired", "ended"}],
    }
    return render(request, "web/guest_links.html", context)


def card(view: GuestLinkView) -> dict[str, Any]:
    """A link as lists and its own page show it."""
    reach = view.footage.last_s or 0 if view.footage else None
    return {
        "id": view.id,
        "name": view.name,
        "state": view.state,
        "giver": None if view.is_mine else person(view.giver),
        "cameras": [{"name": name, "url": reverse("camera", args=[pk])} for pk, name in view.cameras.items()],
        "rights": rights_slots(view.permissions),
        "reach": None if reach is None else REACHES.get(reach) or _("a part of the past"),
        "has_passcode": view.has_passcode,
        "ends_at": view.ends_at,
        "ended_at": view.ended_at,
        "uses": view.uses,
        "watching": view.watching,
        "url": reverse("guest-link", args=[view.id]),
        "max_uses": view.max_uses,
        "paused_until": view.paused_until,
        "visits": view.visits,
    }


def _shareable(request: HttpRequest) -> list[CameraView]:
    return [view for view in list_cameras(principal_of(request)) if view.may(Permission.SHARE)]


@require_http_methods(["GET", "POST"])
@answers_refusals
def guest_link_new(request: HttpRequest) -> HttpResponse:
    """One page: which cameras, what, how long, how often; then the address, shown once."""
    data = request.POST if request.method == "POST" else request.GET
    everything = _shareable(request)
    for view in everything:
        if view.id in data.getlist("camera"):
            follow(request, view)
    cameras = [view for view in everything if is_in(view, here(request))]
    if not cameras:
        raise NotFound
    if request.method == "GET":
        return _form(request, cameras)
    try:
        made = _make(request)
    except NotFound:
        raise
    except Refusal as refusal:
        return _form(request, cameras, error=refusal.message, status=refusal.status)
    address = f"{request.build_absolute_uri(reverse('guest', args=[made.id]))}#{made.secret}"
    context = {"nav": "sharing", "address": address, "link": card(get_link(principal_of(request), made.id))}
    return render(request, "web/guest_link_made.html", context)


def _make(request: HttpRequest) -> services.MadeLink:
    data = request.POST
    permissions, span = permissions_of(data), number(data.get("span", ""))
    if span not in SPANS:
        raise Invalid(_("Choose one of what is offered."), field="span")
    return services.make_link(
        principal_of(request),
        name=data.get("name", ""),
        cameras=data.getlist("camera"),
        permissions=permissions,
        ends_at=clock.now() + timedelta(hours=span),
        max_uses=number(data.get("uses", "")),
        passcode=data.get("passcode", ""),
        footage=footage_of(data.get("reach", "")) if Permission.PLAYBACK in permissions else None,
    )


def permissions_of(data: QueryDict) -> Permission:
    """What is ticked. Raises Invalid."""
    try:
        return parse_names(data.getlist("permission"))
    except ValueError:
        raise Invalid(_("Choose what they may do."), field="permission") from None


def footage_of(text: str) -> Footage:
    """The reach that is chosen. Raises Invalid."""
    reach = number(text)
    if reach not in REACHES:
        raise Invalid(_("Choose one of what is offered."), field="reach")
    return Footage(reach) if reach else Footage(is_since_grant=True)


def number(text: str) -> int:
    """-1 for what is none: no bound allows it."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else -1


def _form(request: HttpRequest, cameras: list[CameraView], *, error: str = "", status: int = 200) -> HttpResponse:
    data = request.POST if request.method == "POST" else request.GET
    chosen, rights = data.getlist("camera"), data.getlist("permission") or ["live_view"]
    context = {
        "nav": "sharing",
        "cameras": [tile(view, None) | {"chosen": view.id in chosen or len(cameras) == 1} for view in cameras],
        "choices": [
            {"value": value, "label": label, "icon": icon, "chosen": value in rights} for value, label, icon in RIGHTS
        ],
        "spans": SPANS.items(),
        "reaches": REACHES.items(),
        "name": data.get("name", ""),
        "span": number(data.get("span", "2")),
        "reach": number(data.get("reach", str(DAY))),
        "uses": data.get("uses", "3"),
        "max_uses": services.MAX_USES,
        "error": error,
    }
    return render(request, "web/guest_link_new.html", context, status=status)


@require_POST
@answers_refusals
def guest_link_end(request: HttpRequest, link_id: str) -> HttpResponse:
    """End a link, and what is watched through it; then the receipt."""
    return redirect("receipt", services.end_link(principal_of(request), link=link_id))
