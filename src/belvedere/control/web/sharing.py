"""The share flow, Manage sharing, and the inbox."""

from datetime import timedelta
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from belvedere.contracts.permissions import Permission, parse_names
from belvedere.control.appeals.selectors import list_blocked, list_claims, list_received_requests, list_sent_requests
from belvedere.control.core import clock
from belvedere.control.core.errors import Invalid, NotFound, Refusal
from belvedere.control.core.names import clean_email
from belvedere.control.core.principal import Principal
from belvedere.control.core.requests import principal_of
from belvedere.control.devices.panels import PanelView
from belvedere.control.devices.selectors import CameraView, get_stability, list_bind_attempts, list_cameras
from belvedere.control.handover.selectors import list_received_handovers
from belvedere.control.organizations.selectors import list_received_invitations
from belvedere.control.sharing import services
from belvedere.control.sharing.selectors import (
    GivenShare,
    ItemView,
    ReceivedShare,
    get_given,
    list_decided_since,
    list_ended_since,
    list_given,
    list_received,
    list_recipients,
)
from belvedere.control.web.cameras import rights_slots, tile
from belvedere.control.web.claims import claim_card
from belvedere.control.web.context import follow, here, is_in, list_cameras_here, person
from belvedere.control.web.errors import answers_refusals
from belvedere.control.web.handovers import handover_card
from belvedere.control.web.invited import invitation_card
from belvedere.control.web.panel_cards import list_panels_here, panel_slots
from belvedere.control.web.requests import request_card, sent_notice

STEPS: Final = ("recipient", "cameras", "permissions", "review")
NEWS: Final = timedelta(days=30)


# ── The share flow: four steps, each a page of its own, everything so far in the form ────────────────────────────────


@require_http_methods(["GET", "POST"])
@answers_refusals
def share(request: HttpRequest) -> HttpResponse:
    """Recipient → cameras → permissions → review → sent. State travels in the form: nothing is kept in between."""
    actor = principal_of(request)
    data = request.POST if request.method == "POST" else request.GET
    shareable = [view for view in list_cameras(actor) if view.may(Permission.SHARE)]
    for view in shareable:
        if view.id == data.get("camera"):
            follow(request, view)
    mine = [view for view in shareable if is_in(view, here(request))]
    if not mine:
        raise NotFound
    chosen = [view for view in mine if view.id in data.getlist("camera")]
    draft: dict[str, Any] = {
        "to": data.get("to", "").strip(),
        "remark": data.get("remark", "").strip(),
        "message": data.get("message", "").strip(),
        "cameras": chosen,
        "permissions": data.getlist("permission") or ["live_view"],
    }
    step, error = _next_step(request, actor, draft)
    if step == "sent":
        return _send(request, actor, draft, mine)
    return _share_page(request, actor, step, draft, mine, error=error)


def _next_step(request: HttpRequest, actor: Principal, draft: dict[str, Any]) -> tuple[str, str]:
    """Where the form wants to go, or back to the step whose answer is missing."""
    wanted = (request.POST if request.method == "POST" else request.GET).get("step", "recipient")
    if wanted not in (*STEPS, "sent") or (wanted == "sent" and request.method != "POST"):
        return "recipient", ""
    if wanted == "recipient":
        return wanted, ""
    try:
        draft["to"] = clean_email(draft["to"])
    except Invalid as invalid:
        return "recipient", invalid.message
    if draft["to"] == actor.email:
        return "recipient", _("That is your own address. You see this camera already.")
    if wanted == "cameras":
        return wanted, ""
    if not draft["cameras"]:
        return "cameras", _("Choose at least one camera.")
    try:
        parse_names(draft["permissions"])
    except ValueError:
        return "permissions", _("Choose what they may do.")
    return wanted, ""


def _share_page(
    request: HttpRequest,
    actor: Principal,
    step: str,
    draft: dict[str, Any],
    mine: list[CameraView],
    *,
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    recipients = list_recipients(actor)
    known = next((row for row in recipients if row.email == draft["to"]), None)
    first = draft["cameras"][0] if draft["cameras"] else mine[0]
    context = {
        "nav": "sharing",
        "step": step,
        "step_number": STEPS.index(step) + 1 if step in STEPS else len(STEPS),
        "error": error,
        "to": draft["to"],
        "to_name": (known.name if known and known.name else draft["to"]),
        "remark": draft["remark"] or (known.remark if known else ""),
        "message": draft["message"],
        "recipients": [
            _face(row.id, row.name or row.email) | {"email": row.email, "remark": row.remark, "sees": row.sees}
            for row in recipients
        ],
        "cameras": [tile(view, None) | {"chosen": view in draft["cameras"]} for view in mine],
        "chosen": [tile(view, None) | {"rights": rights_slots(_permissions(draft))} for view in draft["cameras"]],
        "permissions": draft["permissions"],
        "choices": [{"value": "live_view", "key": "live", "label": _("Live view"), "chosen": True}],
        "camera": tile(first, None),
        "stability": get_stability(actor, first.id) if first.mine else None,
    }
    return render(request, "web/share.html", context, status=422 if error and status == 200 else status)


def _permissions(draft: dict[str, Any]) -> Permission:
    try:
        return parse_names(draft["permissions"])
    except ValueError:
        return Permission.LIVE_VIEW


def _face(key: str, name: str) -> dict[str, Any]:
    return person(Principal(id=key, name=name))


def _send(request: HttpRequest, actor: Principal, draft: dict[str, Any], mine: list[CameraView]) -> HttpResponse:
    try:
        share_id = services.offer_share(
            actor,
            recipient=draft["to"],
            items=[services.Item(view.id, _permissions(draft)) for view in draft["cameras"]],
            remark=draft["remark"],
            message=draft["message"],
        )
    except NotFound:
        raise
    except Refusal as refusal:
        return _share_page(request, actor, "review", draft, mine, error=refusal.message, status=refusal.status)
    return _sent(request, actor, share_id)


def _sent(request: HttpRequest, actor: Principal, share_id: str) -> HttpResponse:
    given = get_given(actor, share_id)
    return render(request, "web/share_sent.html", {"nav": "sharing", "share": _given(given)})


# ── Manage sharing ───────────────────────────────────────────────────────────────────────────────────────────────────


def _item(item: ItemView, *, is_offered: bool) -> dict[str, Any]:
    slots = panel_slots if item.kind == "panel" else rights_slots
    return {
        "camera_name": item.name,
        "rights": slots(item.permissions, is_offered=is_offered),
        "url": reverse(item.kind, args=[item.resource]),
    }


def _given(row: GivenShare) -> dict[str, Any]:
    is_pending = row.state == "pending"
    return {
        "id": row.id,
        "state": row.state,
        "person": _face(row.recipient_id, row.recipient_name or row.recipient_email) | {"email": row.recipient_email},
        "remark": row.remark,
        "message": row.message,
        "items": [_item(item, is_offered=is_pending) for item in row.items],
        "offered_at": row.offered_at,
        "decided_at": row.decided_at,
        "ends_at": row.ends_at,
    }


@require_GET
@answers_refusals
def sharing(request: HttpRequest) -> HttpResponse:
    """Who can see what of mine, and what still waits for an answer."""
    actor = principal_of(request)
    things: list[CameraView | PanelView] = [*list_cameras_here(request), *list_panels_here(request)]
    shareable = {view.id for view in things if view.may(Permission.SHARE)}
    if not shareable:
        raise NotFound
    # What is in one share is of one organization.
    shares = [_given(row) for row in list_given(actor) if any(item.resource in shareable for item in row.items)]
    context = {
        "nav": "sharing",
        "accepted": [row for row in shares if row["state"] == "accepted"],
        "pending": [row for row in shares if row["state"] == "pending"],
        "blocked": _blocked(request),
    }
    return render(request, "web/sharing.html", context)


def _blocked(request: HttpRequest) -> list[dict[str, Any]]:
    chosen = here(request)
    rows = list_blocked(principal_of(request), chosen.id) if chosen else []
    return [{"person": person(row.account), "since": row.since} for row in rows]


@require_POST
@answers_refusals
def share_end(request: HttpRequest, share_id: str) -> HttpResponse:
    """End a share, or withdraw an offer; then the receipt."""
    change_id = services.end_share(principal_of(request), share=share_id)
    return redirect("receipt", change_id)


# ── Inbox ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _offer(row: ReceivedShare) -> dict[str, Any]:
    return {
        "id": row.id,
        "sharer": person(row.sharer),
        "items": [_item(item, is_offered=True) for item in row.items],
        "has_panel": any(item.kind == "panel" for item in row.items),
        "message": row.message,
        "offered_at": row.offered_at,
        "ends_at": row.ends_at,
    }


@require_GET
@answers_refusals
def inbox(request: HttpRequest) -> HttpResponse:
    """Offers and invitations that wait for an answer, and what happened of late. One's own, wherever one is."""
    actor = principal_of(request)
    offers = [_offer(row) for row in list_received(actor, states=["pending"])]
    invitations = [invitation_card(row) for row in list_received_invitations(actor)]
    asked = request.GET.get("offer", "") or request.GET.get("invitation", "")
    offer = next((row for row in offers if row["id"] == asked), None)
    card = next((row for row in invitations if row["id"] == asked), None)
    if asked and not (offer or card):
        messages.info(request, _("That offer is not open any more."))
    if not (offer or card):
        offer = offers[0] if offers else None
        card = invitations[0] if invitations and not offer else None
    context = {
        "nav": "inbox",
        "offers": offers,
        "selected": offer,
        "card": card,
        "handovers": [handover_card(row) for row in list_received_handovers(actor)],
        "requests": [request_card(row) for row in list_received_requests(actor)],
        "claims": [claim_card(row) for row in list_claims(actor) if not row.is_mine],
        "notices": _notices(actor),
    }
    return render(request, "web/inbox.html", context)


def _ended_words(row: ReceivedShare) -> str:
    if row.ended_reason == "released":
        return _("Released to somebody who stood at the device")
    return _("%(who)s ended your access") % {"who": row.sharer.name}


def _notices(actor: Principal) -> list[dict[str, Any]]:
    since = clock.now() - NEWS
    notices = [
        {
            "icon": "key",
            "title": _("Someone tried to add %(name)s as theirs") % {"name": name},
            "text": _("Refused. You are still its only owner."),
            "at": at,
        }
        for name, at in list_bind_attempts(actor, since=since)
    ]
    words = {"accepted": _("%(who)s accepted"), "rejected": _("%(who)s said no"), "left": _("%(who)s left")}
    for given in list_decided_since(actor, since):
        who = given.recipient_name or given.recipient_email
        notices.append(
            {
                "icon": "people",
                "title": words[given.state] % {"who": who},
                "text": ", ".join(item.name for item in given.items),
                "at": given.ended_at or given.decided_at or since,
            }
        )
    notices += [
        {
            "icon": "cameraoff",
            "title": _ended_words(row),
            "text": ", ".join(item.name for item in row.items),
            "at": row.ended_at or since,
        }
        for row in list_ended_since(actor, since)
    ]
    notices += [sent_notice(row) for row in list_sent_requests(actor) if (row.decided_at or row.asked_at) >= since]
    return sorted(notices, key=lambda row: row["at"], reverse=True)


@require_POST
@answers_refusals
def offer_accept(request: HttpRequest, share_id: str) -> HttpResponse:
    """Take what was offered, and go and look at it."""
    actor = principal_of(request)
    services.accept_share(actor, share=share_id)
    row = next(row for row in list_received(actor, states=["accepted"]) if row.id == share_id)
    messages.success(request, _("You can now see what %(name)s shares with you.") % {"name": row.sharer.name})
    return redirect(row.items[0].kind, row.items[0].resource) if len(row.items) == 1 else redirect("wall")


@require_POST
@answers_refusals
def offer_reject(request: HttpRequest, share_id: str) -> HttpResponse:
    """Turn an offer down."""
    services.reject_share(principal_of(request), share=share_id)
    messages.success(request, _("Rejected. They are told that you said no, and nothing else."))
    return redirect("inbox")


@require_POST
@answers_refusals
def share_leave(request: HttpRequest, share_id: str) -> HttpResponse:
    """Remove something shared from one's own list."""
    services.leave_share(principal_of(request), share=share_id)
    messages.success(request, _("Removed from your list. You cannot see it any more."))
    return redirect("wall")
