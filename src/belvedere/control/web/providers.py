"""Service providers: Admin → Service for who engages them, *My installations* for themselves."""

from collections.abc import Callable
from datetime import datetime, time
from functools import wraps
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from belvedere.contracts.permissions import Permission, parse_names
from belvedere.control.core.errors import Forbidden, Invalid, NotFound, Refusal
from belvedere.control.core.requests import principal_of
from belvedere.control.devices.selectors import list_devices
from belvedere.control.handover.installations import Installation, list_installations
from belvedere.control.organizations.selectors import get_site
from belvedere.control.providers import services
from belvedere.control.providers.selectors import EngagementView, WishView, get_engagement, get_wish, list_engagements
from belvedere.control.sharing.selectors.grounds import rights_words
from belvedere.control.web.admin import Desk, admin_frame, sit_down
from belvedere.control.web.cameras import SLOTS
from belvedere.control.web.context import person
from belvedere.control.web.errors import answers_refusals
from belvedere.control.web.invited import time_left

STATES: Final = {
    "not_invited": gettext_lazy("Owner not invited yet"),
    "not_registered": gettext_lazy("Invited, not answered"),
    "invited": gettext_lazy("Invited, has the offer"),
    "accepted": gettext_lazy("Handed over"),
    "ended": gettext_lazy("Your rights have ended"),
}
_FIRST: Final = Permission.LIVE_VIEW | Permission.CONFIGURE


def _choices(chosen: Permission) -> list[dict[str, Any]]:
    bits = [(Permission.CONFIGURE, gettext_lazy("Set devices up")), *((bit, label) for bit, _key, label in SLOTS)]
    return [{"value": bit.wire_names[0], "label": label, "chosen": bit in chosen} for bit, label in bits]


def _read_permissions(request: HttpRequest) -> Permission:
    try:
        return parse_names(request.POST.getlist("permission"))
    except ValueError:
        raise Invalid(_("Choose what they may do."), field="permissions") from None


def _read_end(request: HttpRequest, zone: str) -> datetime | None:
    """The end of the day that was chosen, as it ends in that zone; None for none. Raises Invalid."""
    text = request.POST.get("until", "").strip()
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if text and day is None:
        raise Invalid(_("That is no day."), field="ends_at")
    return datetime.combine(day, time(23, 59, 59), ZoneInfo(zone)) if day else None


def _read_hours(request: HttpRequest) -> int | None:
    text = request.POST.get("hours", "")
    return int(text) if text.isdecimal() and len(text) < 3 else None


def engagement_card(view: EngagementView) -> dict[str, Any]:
    """An engagement as both sides read it."""
    return {
        "id": view.id,
        "site": view.site_name,
        "organization": view.organization_name,
        "giver": person(view.giver),
        "provider": person(view.provider),
        "rights": rights_words(view.permissions),
        "devices": list(view.devices.values()) if view.devices else None,
        "message": view.message,
        "state": view.state,
        "ends_at": view.ends_at,
        "left": time_left(view.ends_at) if view.state == "accepted" else "",
        "ended_at": view.ended_at,
        "offered_at": view.offered_at,
        "wish": wish_card(view.wish) if view.wish else None,
        "zone": view.zone,
        "choices": _choices(view.permissions),
    }


def wish_card(view: WishView) -> dict[str, Any]:
    """What a provider asks for."""
    return {
        "id": view.id,
        "engagement": view.engagement,
        "site": view.site_name,
        "provider": person(view.provider),
        "rights": rights_words(view.permissions),
        "choices": _choices(view.permissions),
        "hours": view.hours,
        "until": view.until,
        "zone": view.zone,
        "last_day": view.until.astimezone(ZoneInfo(view.zone)).date().isoformat() if view.until else "",
        "reason": view.reason,
        "asked_at": view.asked_at,
    }


# ── Who engages ──────────────────────────────────────────────────────────────────────────────────────────────────────


@require_http_methods(["GET", "POST"])
@answers_refusals
def admin_providers(request: HttpRequest) -> HttpResponse:
    """Who sets things up here for us, until when; what they ask for; and a form to engage somebody."""
    desk = sit_down(request)
    if request.method == "GET":
        return _admin_page(request, desk)
    chosen = Permission(0)
    try:
        chosen = _read_permissions(request)
        ends_at = _read_end(request, get_site(desk.actor, request.POST.get("site", "")).time_zone)
        if ends_at is None:
            raise Invalid(_("Say until when. Nobody is engaged without an end."), field="ends_at")
        services.offer_engagement(
            desk.actor,
            site=request.POST.get("site", ""),
            address=request.POST.get("account", ""),
            permissions=chosen,
            ends_at=ends_at,
            devices=request.POST.getlist("device"),
            message=request.POST.get("message", ""),
        )
    except (NotFound, Forbidden):
        raise
    except Refusal as refusal:
        return _admin_page(request, desk, chosen=chosen, error=refusal.message, status=refusal.status)
    messages.success(request, _("Offered. Nothing is theirs to do before they accept."))
    return redirect("admin-providers")


def _admin_page(
    request: HttpRequest, desk: Desk, *, chosen: Permission = _FIRST, error: str = "", status: int = 200
) -> HttpResponse:
    views = list_engagements(desk.actor, "given", organization=desk.organization.id)
    sites = [{"id": pk, "name": name, "devices": []} for pk, name in desk.management.sites.items()]
    for device in list_devices(desk.actor):
        for site in sites:
            if site["id"] == device.site:
                site["devices"].append({"id": device.id, "name": device.name})  # type: ignore[attr-defined]  # a list
    context = admin_frame("providers") | {
        "wishes": [wish_card(view.wish) for view in views if view.wish],
        "open": [engagement_card(view) for view in views if view.is_open],
        "over": [engagement_card(view) for view in views if not view.is_open][:20],
        "sites": sites,
        "choices": _choices(chosen),
        "hours": services.HOURS,
        "typed": {key: request.POST.get(key, "") for key in ("account", "site", "until", "message")},
        "devices": request.POST.getlist("device"),
        "organization_id": desk.organization.id,
        "error": error,
    }
    return render(request, "web/admin_providers.html", context, status=status)


def _answering(then: str) -> Callable[[Callable[..., str]], Callable[..., HttpResponse]]:
    """A view of a button: what was done is said on the page one comes back to, and so is a refusal."""

    def decorate(act: Callable[..., str]) -> Callable[..., HttpResponse]:
        @wraps(act)
        def view(request: HttpRequest, **ids: str) -> HttpResponse:
            try:
                messages.success(request, act(request, **ids))
            except NotFound:
                raise
            except Refusal as refusal:
                messages.error(request, refusal.message)
            return redirect(then)

        return require_POST(answers_refusals(view))

    return decorate


@_answering("admin-providers")
def provider_end(request: HttpRequest, engagement_id: str) -> str:
    """End an engagement at once."""
    services.end_engagement(principal_of(request), engagement=engagement_id)
    return _("Ended. Whatever they had open is cut.")


@_answering("admin-providers")
def wish_approve(request: HttpRequest, wish_id: str) -> str:
    """Give what was asked for, or what was ticked instead."""
    actor = principal_of(request)
    until = _read_end(request, get_wish(actor, wish_id).zone)
    hours = None if until else _read_hours(request)
    services.approve_wish(actor, wish=wish_id, permissions=_read_permissions(request), hours=hours, until=until)
    return _("Given. It ends by itself.")


@_answering("admin-providers")
def wish_deny(request: HttpRequest, wish_id: str) -> str:
    """Say no."""
    services.deny_wish(principal_of(request), wish=wish_id)
    return _("Denied. They are told that you said no, and nothing else.")


# ── Who is engaged ───────────────────────────────────────────────────────────────────────────────────────────────────


@require_GET
@answers_refusals
def installations(request: HttpRequest) -> HttpResponse:
    """What one sets up for others: offers that wait, installations and how they stand, what may be done there."""
    actor = principal_of(request)
    views = list_engagements(actor, "received")
    devices: dict[str, list[dict[str, str]]] = {}
    for device in list_devices(actor):
        if not device.mine:
            devices.setdefault(device.site, []).append(
                {"name": device.name, "url": reverse("device", args=[device.id]), "state": device.state}
            )
    sites = {view.id: view.site for view in views}
    context = {
        "nav": "inbox",
        "offers": [engagement_card(view) for view in views if view.state == "pending"],
        "installations": [_installation(row, devices, sites) for row in list_installations(actor)],
        "hours": services.HOURS,
    }
    return render(request, "web/installations.html", context)


def _installation(row: Installation, devices: dict[str, list[dict[str, str]]], sites: dict[str, str]) -> dict[str, Any]:
    running = [view for view in row.engagements if view.state == "accepted"]
    asks = next((view for view in row.engagements if view.state != "ended"), None) if "ask" in row.acts else None
    return {
        "name": row.name,
        "state": row.state,
        "state_words": STATES[row.state] if row.handover or row.state != "accepted" else _("In your care"),
        "owner": person(row.owner) if row.owner else None,
        "handover": row.handover,
        "is_planned": row.state in {"not_invited", "not_registered", "invited"},
        "organization": row.organization,
        "rights_until": row.rights_until,
        "left": time_left(row.rights_until) if row.rights_until and row.state == "accepted" else "",
        "engagements": [engagement_card(view) | {"things": devices.get(sites[view.id], [])} for view in running],
        "ask": engagement_card(asks) if asks else None,
        "waits": any(view.wish for view in row.engagements),
    }


@_answering("installations")
def installation_accept(request: HttpRequest, engagement_id: str) -> str:
    """Take an engagement on."""
    actor = principal_of(request)
    services.accept_engagement(actor, engagement=engagement_id)
    view = get_engagement(actor, engagement_id)
    return _("%(site)s is in your care: %(left)s.") % {"site": view.site_name, "left": time_left(view.ends_at)}


@_answering("installations")
def installation_decline(request: HttpRequest, engagement_id: str) -> str:
    """Turn one down."""
    services.decline_engagement(principal_of(request), engagement=engagement_id)
    return _("Declined. They are told.")


@_answering("installations")
def installation_leave(request: HttpRequest, engagement_id: str) -> str:
    """Give one up."""
    services.leave_engagement(principal_of(request), engagement=engagement_id)
    return _("Given up. Nothing of it is yours to do any more.")


@_answering("installations")
def installation_ask(request: HttpRequest, engagement_id: str) -> str:
    """Ask for rights, for some hours or until a date."""
    actor = principal_of(request)
    until = _read_end(request, get_engagement(actor, engagement_id).zone)
    services.ask_for_more(
        actor,
        engagement=engagement_id,
        permissions=_read_permissions(request),
        reason=request.POST.get("reason", ""),
        hours=None if until else _read_hours(request),
        until=until,
    )
    return _("Asked. You are told what they say.")
