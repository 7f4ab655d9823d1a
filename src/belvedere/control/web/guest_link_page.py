"""One guest link, for who made it: what it opens, who watches, who came; and changing it."""

from datetime import timedelta
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from belvedere.contracts.permissions import Permission
from belvedere.control.core import clock
from belvedere.control.core.errors import Invalid, NotFound, Refusal
from belvedere.control.core.requests import principal_of
from belvedere.control.guests import services
from belvedere.control.guests.selectors import GuestLinkView, get_link
from belvedere.control.streaming.selectors import list_cuts
from belvedere.control.web.errors import answers_refusals
from belvedere.control.web.guest_links import (
    REACHES,
    RIGHTS,
    SPANS,
    card,
    footage_of,
    number,
    permissions_of,
)

PASSCODES: Final = {
    "keep": gettext_lazy("Stays as it is"),
    "new": gettext_lazy("A new one"),
    "none": gettext_lazy("None any more"),
}


@require_GET
@answers_refusals
def guest_link(request: HttpRequest, link_id: str) -> HttpResponse:
    """What it opens, and the log of its use."""
    return render(request, "web/guest_link.html", {"nav": "sharing", "link": _whole(_get(request, link_id))})


def _get(request: HttpRequest, link: str) -> GuestLinkView:
    return get_link(principal_of(request), link)


def _whole(view: GuestLinkView) -> dict[str, Any]:
    is_over = view.state in {"ended", "expired"}
    return card(view) | {"created_at": view.created_at, "is_mine": view.is_mine, "is_over": is_over}


@require_http_methods(["GET", "POST"])
@answers_refusals
def guest_link_change(request: HttpRequest, link_id: str) -> HttpResponse:
    """Change a link one made; less acts at once, and leads to the receipt."""
    view = _get(request, link_id)
    if not view.is_mine or view.state in {"ended", "expired"}:
        raise NotFound
    if request.method == "GET":
        return _form(request, view)
    try:
        change_id = services.change_link(principal_of(request), link=link_id, **_patch(request, view))
    except NotFound:
        raise
    except Refusal as refusal:
        return _form(request, view, error=refusal.message, status=refusal.status)
    if list_cuts(change_id):
        return redirect("receipt", change_id)
    messages.success(request, _("Changed. It holds from now on."))
    return redirect("guest-link", link_id)


def _patch(request: HttpRequest, view: GuestLinkView) -> services.LinkPatch:
    """What the form says. Raises Invalid."""
    data = request.POST
    permissions, passcode = permissions_of(data), data.get("asks", "")
    patch: services.LinkPatch = {
        "name": data.get("name", ""),
        "cameras": [pk for pk in view.cameras if pk in data.getlist("camera")],
        "permissions": permissions,
        "max_uses": number(data.get("uses", "")),
    }
    if Permission.PLAYBACK in permissions and data.get("reach") != "":
        patch["footage"] = footage_of(data.get("reach", ""))
    if span := data.get("span", ""):
        if number(span) not in SPANS:
            raise Invalid(_("Choose one of what is offered."), field="span")
        patch["ends_at"] = clock.now() + timedelta(hours=number(span))
    if passcode not in PASSCODES:
        raise Invalid(_("Choose one of what is offered."), field="passcode")
    if passcode != "keep":
        patch["passcode"] = data.get("passcode", "") if passcode == "new" else ""
        if passcode == "new" and not patch["passcode"]:
            raise Invalid(_("Type the new passcode, or choose that none is asked for."), field="passcode")
    return patch


def _form(request: HttpRequest, view: GuestLinkView, *, error: str = "", status: int = 200) -> HttpResponse:
    """As it was typed, or as the link is."""
    typed, shown = request.POST, _whole(view)
    reach = typed.get("reach", "") if typed else _reach(view)
    rights = typed.getlist("permission") if typed else view.permissions.wire_names
    stay = typed.getlist("camera") if typed else list(view.cameras)
    context = {
        "nav": "sharing",
        "link": shown,
        "cameras": [{"id": pk, "name": name, "chosen": pk in stay} for pk, name in view.cameras.items()],
        "choices": [
            {"value": value, "label": label, "icon": icon, "chosen": value in rights} for value, label, icon in RIGHTS
        ],
        "spans": [(str(hours), words) for hours, words in SPANS.items()],
        "reaches": [(str(seconds), words) for seconds, words in REACHES.items()],
        "is_other_reach": view.footage is not None and _reach(view) == "",
        "asks": PASSCODES.items() if view.has_passcode else [("keep", _("None, as now")), ("new", PASSCODES["new"])],
        "typed": {
            "name": typed.get("name", view.name),
            "span": typed.get("span", ""),
            "reach": reach,
            "uses": typed.get("uses", str(view.max_uses)),
            "asks": typed.get("asks", "keep"),
        },
        "max_uses": services.MAX_USES,
        "error": error,
    }
    return render(request, "web/guest_link_change.html", context, status=status)


def _reach(view: GuestLinkView) -> str:
    """How far back it reaches, if that is one of what is offered; a day where there is no playback yet."""
    seconds = view.footage.last_s or 0 if view.footage else 24 * 3600
    return str(seconds) if seconds in REACHES else ""
