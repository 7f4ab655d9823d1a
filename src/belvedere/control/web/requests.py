"""Asking the owner for a share, and answering who asks."""

from datetime import UTC, datetime, time
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from belvedere.contracts.permissions import Permission, parse_names
from belvedere.control.appeals import services
from belvedere.control.appeals.selectors import ReceivedRequest, SentRequest, get_received_request, is_panel_attempt
from belvedere.control.core.errors import Invalid, NotFound, Refusal
from belvedere.control.core.requests import principal_of
from belvedere.control.devices.selectors import get_camera
from belvedere.control.sharing.services import Item
from belvedere.control.web.cameras import SLOTS
from belvedere.control.web.context import person
from belvedere.control.web.errors import answers_refusals
from belvedere.control.web.panel_cards import SLOTS as PANEL_SLOTS


def _choices(chosen: Permission, *, is_panel: bool = False) -> list[dict[str, Any]]:
    slots = PANEL_SLOTS if is_panel else SLOTS
    return [{"value": bit.wire_names[0], "label": label, "chosen": bit in chosen} for bit, _key, label in slots]


def _read_permissions(request: HttpRequest) -> Permission:
    try:
        return parse_names(request.POST.getlist("permission"))
    except ValueError:
        raise Invalid(_("Choose what they may do."), field="permissions") from None


def _read_end(request: HttpRequest) -> datetime | None:
    """The end of the day that was chosen; None for none. Raises Invalid."""
    text = request.POST.get("until", "").strip()
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if text and day is None:
        raise Invalid(_("That is no day."), field="ends_at")
    return datetime.combine(day, time(23, 59, 59), UTC) if day else None


@require_http_methods(["GET", "POST"])
@answers_refusals
def request_new(request: HttpRequest) -> HttpResponse:
    """What for, how long, and why; sent. What happens to it is not said: it may be that there is nobody to ask."""
    data = request.POST if request.method == "POST" else request.GET
    asked = services.Asked(attempt=data.get("attempt", ""), camera=data.get("camera", ""))
    if request.method == "GET":
        return _ask_page(request, asked, Permission.LIVE_VIEW | Permission.ARM)
    permissions = Permission(0)
    try:
        permissions = _read_permissions(request)
        services.request_access(
            principal_of(request),
            asked=asked,
            permissions=permissions,
            reason=request.POST.get("reason", ""),
            ends_at=_read_end(request),
        )
    except Refusal as refusal:
        return _ask_page(request, asked, permissions, error=refusal.message, status=refusal.status)
    messages.success(request, _("Asked. If the owner says yes, the offer comes to your inbox."))
    return redirect("inbox")


def _ask_page(
    request: HttpRequest, asked: services.Asked, permissions: Permission, *, error: str = "", status: int = 200
) -> HttpResponse:
    actor = principal_of(request)
    try:
        name = get_camera(actor, asked.camera).label if asked.camera else ""
    except NotFound:
        name = ""  # asked for all the same, like any other
    is_panel = is_panel_attempt(actor, asked.attempt)
    context = {
        "nav": "inbox",
        "asked": asked,
        "camera_name": name,
        "is_panel": is_panel,
        "choices": _choices(permissions, is_panel=is_panel),
        "reason": request.POST.get("reason", ""),
        "until": request.POST.get("until", ""),
        "error": error,
    }
    return render(request, "web/request_new.html", context, status=status)


def request_card(view: ReceivedRequest) -> dict[str, Any]:
    """A request as templates show it; the inbox lists those that wait."""
    return {
        "id": view.id,
        "state": view.state,
        "requester": person(view.requester),
        "device": view.device_name,
        "cameras": [{"id": pk, "name": name, "chosen": pk in view.wanted} for pk, name in view.cameras.items()],
        "is_panel": view.is_panel,
        "choices": _choices(view.permissions, is_panel=view.is_panel),
        "reason": view.reason,
        "until": view.ends_at,
        "asked_at": view.asked_at,
        "decided_at": view.decided_at,
    }


def sent_notice(row: SentRequest) -> dict[str, Any]:
    """What became of one's own request, for the inbox."""
    name = row.camera_name or _("a device you could not add")
    words = {
        "pending": _("You asked for %(name)s"),
        "approved": _("You were offered %(name)s, as you asked"),
        "denied": _("Your request for %(name)s was denied"),
        "ended": _("Your request for %(name)s is over"),
        "expired": _("Your request for %(name)s ran out"),
    }
    title = words[row.state] % {"name": name}
    return {"icon": "mail", "title": title, "text": row.reason, "at": row.decided_at or row.asked_at}


@require_GET
@answers_refusals
def request(request: HttpRequest, request_id: str) -> HttpResponse:
    """One request: who asks, for what, why; the two answers, or the one that was given."""
    return _answer_page(request, request_id)


def _answer_page(request: HttpRequest, request_id: str, *, error: str = "", status: int = 200) -> HttpResponse:
    view = get_received_request(principal_of(request), request_id)
    context = {"nav": "inbox", "request_": request_card(view), "error": error}
    return render(request, "web/request.html", context, status=status)


@require_POST
@answers_refusals
def request_approve(request: HttpRequest, request_id: str) -> HttpResponse:
    """Offer what was chosen. It is an offer like any other, which they still have to accept."""
    actor = principal_of(request)
    view = get_received_request(actor, request_id)
    try:
        permissions = _read_permissions(request)
        items = [Item(camera, permissions) for camera in request.POST.getlist("camera")]
        if view.is_panel:
            items = [Item(view.device, permissions, "panel")]
        services.approve_request(actor, request=request_id, items=items, ends_at=_read_end(request))
    except NotFound:
        raise
    except Refusal as refusal:
        return _answer_page(request, request_id, error=refusal.message, status=refusal.status)
    messages.success(request, _("Offered. They see it once they accept."))
    return redirect("inbox")


@require_POST
@answers_refusals
def request_deny(request: HttpRequest, request_id: str) -> HttpResponse:
    """Say no."""
    is_blocked = request.POST.get("block") == "on"
    services.deny_request(principal_of(request), request=request_id, is_blocked=is_blocked)
    messages.success(request, _("Denied. They are told that you said no, and nothing else."))
    return redirect("inbox")


@require_POST
@answers_refusals
def requester_unblock(request: HttpRequest, organization_id: str, blocked_id: str) -> HttpResponse:
    """Hear somebody's requests again."""
    services.unblock_requester(principal_of(request), organization=organization_id, account=blocked_id)
    messages.success(request, _("You hear of their requests again, from now on. They are not told."))
    return redirect("sharing")
