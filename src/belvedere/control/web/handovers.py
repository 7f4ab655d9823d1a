"""Handing an organization over: offered on one page, answered on another, by people who have proved who they are."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from belvedere.control.accounts.selectors import require_fresh
from belvedere.control.core.errors import Conflict, Invalid
from belvedere.control.core.principal import Principal
from belvedere.control.core.requests import principal_of
from belvedere.control.handover import services
from belvedere.control.handover.selectors import (
    HandoverView,
    find_waiting_handover,
    get_handover,
    get_owned_organization,
    list_possible_receivers,
)
from belvedere.control.organizations.selectors import OrganizationView
from belvedere.control.streaming.selectors import list_cuts
from belvedere.control.web.context import person
from belvedere.control.web.errors import answers_refusals


@require_http_methods(["GET", "POST"])
@answers_refusals
def handover_new(request: HttpRequest) -> HttpResponse:
    """To whom, and what then; one sentence that says what will be true; sent. The choice travels in the address."""
    actor = principal_of(request)
    data = request.POST if request.method == "POST" else request.GET
    organization = get_owned_organization(actor, data.get("organization", ""))
    choice = {"receiver": data.get("receiver", ""), "afterwards": data.get("afterwards", "")}
    if request.method == "GET":
        waiting = find_waiting_handover(actor, organization.id)
        if waiting:
            return redirect("handover", waiting.id)
        # Asked for before anything is typed, not after.
        require_fresh(actor)
        return _offer_page(request, actor, organization, choice)
    try:
        handover = services.offer_handover(actor, organization=organization.id, **choice)
    except (Invalid, Conflict) as refusal:
        nothing = {"receiver": "", "afterwards": ""}
        return _offer_page(request, actor, organization, nothing, error=refusal.message, status=refusal.status)
    messages.success(request, _("Offered. You own it until they accept."))
    return redirect("handover", handover)


def _offer_page(
    request: HttpRequest,
    actor: Principal,
    organization: OrganizationView,
    choice: dict[str, str],
    *,
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    receivers = [person(row) for row in list_possible_receivers(actor, organization.id)]
    receiver = next((row for row in receivers if row["id"] == choice["receiver"]), None)
    context = {
        "nav": "admin",
        "place": {"id": organization.id, "name": organization.name, "is_personal": organization.is_personal},
        "receivers": receivers,
        "receiver": receiver if choice["afterwards"] in {"super_admin", "leaves"} else None,
        "afterwards": choice["afterwards"],
        "error": error,
    }
    return render(request, "web/handover_new.html", context, status=status)


def handover_card(view: HandoverView) -> dict[str, Any]:
    """A handover as templates show it; the inbox lists those that wait for one's own answer."""
    return {
        "id": view.id,
        "place": {"id": view.organization, "name": view.organization_name},
        "giver": person(view.giver),
        "receiver": person(view.receiver),
        "is_leaving": view.afterwards == "leaves",
        "is_received": view.is_received,
        "state": view.state,
        "offered_at": view.offered_at,
        "expires_at": view.expires_at,
        "decided_at": view.decided_at,
    }


@require_GET
@answers_refusals
def handover(request: HttpRequest, handover_id: str) -> HttpResponse:
    """One handover: to whom it is offered, what it means; to who offered it, the wait; then what became of it."""
    view = get_handover(principal_of(request), handover_id)
    context = {
        "nav": "inbox" if view.is_received else "admin",
        "handover": handover_card(view),
        "cuts": list_cuts(view.change_id) if view.change_id else [],
    }
    return render(request, "web/handover.html", context)


@require_POST
@answers_refusals
def handover_accept(request: HttpRequest, handover_id: str) -> HttpResponse:
    """Become the owner."""
    services.accept_handover(principal_of(request), handover=handover_id)
    return redirect("handover", handover_id)


@require_POST
@answers_refusals
def handover_decline(request: HttpRequest, handover_id: str) -> HttpResponse:
    """Turn it down."""
    services.decline_handover(principal_of(request), handover=handover_id)
    messages.success(request, _("Declined. They are told, and stay the owner."))
    return redirect("handover", handover_id)


@require_POST
@answers_refusals
def handover_withdraw(request: HttpRequest, handover_id: str) -> HttpResponse:
    """Take it back."""
    services.withdraw_handover(principal_of(request), handover=handover_id)
    messages.success(request, _("Withdrawn. You stay the owner, and they are told."))
    return redirect("handover", handover_id)
