"""Manage sharing, and the inbox. The flow that leads there is in `share.py`."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from belvedere.control.appeals.selectors import list_blocked, list_claims, list_received_requests, list_sent_requests
from belvedere.control.core import clock
from belvedere.control.core.errors import NotFound
from belvedere.control.core.names import is_phone
from belvedere.control.core.principal import Principal
from belvedere.control.core.requests import principal_of
from belvedere.control.devices.selectors import list_bind_attempts
from belvedere.control.handover.selectors import list_received_handovers
from belvedere.control.organizations.selectors import list_received_invitations
from belvedere.control.providers.selectors import list_waiting_engagements, list_wishes
from belvedere.control.sharing import services
from belvedere.control.sharing.selectors import (
    GivenShare,
    ItemView,
    Part,
    ReceivedShare,
    count_by_part,
    get_received,
    list_by_part,
    list_decided_since,
    list_ended_since,
    list_received,
)
from belvedere.control.web.blinding import blinding_notices
from belvedere.control.web.cameras import rights_slots
from belvedere.control.web.claims import claim_card
from belvedere.control.web.context import count_waiting, has_things_to_share, here, person
from belvedere.control.web.errors import answers_refusals
from belvedere.control.web.handovers import handover_card
from belvedere.control.web.invited import invitation_card
from belvedere.control.web.matters import matter_notices
from belvedere.control.web.notifications import inbox_lines
from belvedere.control.web.panel_cards import panel_slots
from belvedere.control.web.providers import engagement_card, wish_card
from belvedere.control.web.requests import request_card, sent_notice
from belvedere.control.web.restored import restored_notices
from belvedere.control.web.reviewing import review_notices
from belvedere.control.web.share_notices import share_notices
from belvedere.control.web.share_words import item_words, terms_line

NEWS: Final = timedelta(days=30)
#: as many offers stand in the inbox at once; who answers them sees the next
OFFERS: Final = 30
#: so many shares of each kind stand on one page of those one gave
PAGE: Final = 30
#: why a share ended that followed a group
OF_GROUPS: Final = ("left_group", "group_deleted")


# ── Manage sharing ───────────────────────────────────────────────────────────────────────────────────────────────────


def face(key: str, name: str) -> dict[str, Any]:
    """Somebody who may have no account, as pages show people."""
    return person(Principal(id=key, name=name))


def item_card(item: ItemView, *, is_offered: bool) -> dict[str, Any]:
    """A camera or panel of a share, as both sides' pages show it."""
    slots = panel_slots if item.kind == "panel" else rights_slots
    return {
        "camera_name": item.name,
        "rights": slots(item.permissions, is_offered=is_offered),
        "footage": item_words(item),
        "url": reverse(item.kind, args=[item.resource]),
        "kind": item.kind,
        "resource": item.resource,
    }


def given_card(row: GivenShare) -> dict[str, Any]:
    """A share as its giver's pages show it."""
    is_pending = row.state == "pending"
    return {
        "id": row.id,
        "state": row.state,
        "person": face(row.recipient_id, row.recipient_name or row.recipient_address)
        | {"email": row.recipient_address},
        "is_by_phone": is_phone(row.recipient_address),
        "remark": row.remark,
        "message": row.message,
        "items": [item_card(item, is_offered=is_pending) for item in row.items],
        "has_camera": any(item.kind == "camera" for item in row.items),
        "offered_at": row.offered_at,
        "decided_at": row.decided_at,
        "terms": terms_line(row),
        "url": reverse("share-page", args=[row.id]),
        "paused_at": row.paused_at,
        "is_once": row.is_once,
        "is_unused": row.is_unused,
        "last_used_at": row.last_used_at,
        "is_ending": row.is_ending,
        "follows": [{"name": group.name, "url": reverse("group", args=[group.group])} for group in row.follows],
    }


@require_GET
@answers_refusals
def sharing(request: HttpRequest) -> HttpResponse:
    """Who can see what of mine, and what still waits for an answer."""
    actor, chosen = principal_of(request), here(request)
    if chosen is None or not has_things_to_share(actor, chosen.id):
        raise NotFound
    only, before = request.GET.get("only", ""), request.GET.get("before", "")[:26]
    counts = count_by_part(actor, chosen.id)
    parts = [part for part, count in counts.items() if count and only in ("", part)]
    given = list_by_part(actor, chosen.id, parts, before=before if only else "", limit=PAGE + 1)
    context = {
        "nav": "sharing",
        "parts": [_part(part, given[part], counts[part]) for part in parts],
        "only": only,
        "blocked": [] if only else _blocked(request),
    }
    return render(request, "web/sharing.html", context)


def _part(part: Part, rows: list[GivenShare], count: int) -> dict[str, Any]:
    """One of the lists of the page, as far as one page of it goes: the rest is a page of its own."""
    return {
        "name": part,
        "title": {
            "pending": _("Waiting for an answer"),
            "accepted": _("They can see it now"),
            "paused": _("Paused"),
        }[part],
        "count": count,
        "shares": [given_card(row) for row in rows[:PAGE]],
        "more": urlencode({"only": part, "before": rows[PAGE - 1].id}) if len(rows) > PAGE else "",
    }


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
        "items": [item_card(item, is_offered=True) for item in row.items],
        "has_panel": any(item.kind == "panel" for item in row.items),
        "message": row.message,
        "offered_at": row.offered_at,
        "is_by_phone": row.is_by_phone,
        "answer_by": row.answer_by,
        "is_once": row.is_once,
        "terms": terms_line(row),
        "follows": [group.name for group in row.follows],
    }


def _list_offers(request: HttpRequest, asked: str) -> list[ReceivedShare]:
    """The latest offers that wait, and the one that was asked for, however old it is."""
    actor = principal_of(request)
    rows = list_received(actor, states=["pending"], limit=OFFERS) if count_waiting(request)["offers"] else []
    if asked and asked not in {row.id for row in rows}:
        with suppress(NotFound):
            found = get_received(actor, asked)
            rows += [found] if found.state == "pending" else []
    return rows


@require_GET
@answers_refusals
def inbox(request: HttpRequest) -> HttpResponse:
    """Offers and invitations that wait for an answer, and what happened of late. One's own, wherever one is."""
    actor = principal_of(request)
    offers = [_offer(row) for row in _list_offers(request, request.GET.get("offer", ""))]
    has_invitations = bool(count_waiting(request)["invitations"])
    invitations = [invitation_card(row) for row in list_received_invitations(actor)] if has_invitations else []
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
        "lines": inbox_lines(actor),
        "notices": _notices(actor),
    }
    return render(request, "web/inbox.html", context | _waiting(request))


def _waiting(request: HttpRequest) -> dict[str, list[dict[str, Any]]]:
    """What waits beside offers and invitations. What there is none of is not asked for."""
    actor, counts = principal_of(request), count_waiting(request)
    ways: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "handovers": lambda: [handover_card(row) for row in list_received_handovers(actor)],
        "engagements": lambda: [engagement_card(row) for row in list_waiting_engagements(actor)],
        "wishes": lambda: [wish_card(row) for row in list_wishes(actor)],
        "requests": lambda: [request_card(row) for row in list_received_requests(actor)],
        "claims": lambda: [claim_card(row) for row in list_claims(actor) if not row.is_mine],
    }
    return {kind: list_them() if counts[kind] else [] for kind, list_them in ways.items()}


def _ended_words(row: ReceivedShare) -> str:
    if row.ended_reason == "released":
        return _("Released to somebody who stood at the device")
    if row.ended_reason == "used":
        return _("You used what %(who)s gave you for one time") % {"who": row.sharer.name}
    if row.ended_reason in OF_GROUPS:
        return _("The cameras left the group that %(who)s shares with you") % {"who": row.sharer.name}
    if row.ended_reason == "unused":
        return _("You did not use what %(who)s shared with you, and it ended") % {"who": row.sharer.name}
    if row.ended_reason == "account_closed":
        return _("%(who)s closed the account that shared with you") % {"who": row.sharer.name}
    if row.ended_reason == "expired":
        return _("What %(who)s shared with you ended as agreed") % {"who": row.sharer.name}
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
    words = {
        "accepted": _("%(who)s accepted"),
        "rejected": _("%(who)s said no"),
        "left": _("%(who)s left"),
        "expired": _("What you shared with %(who)s ended as agreed"),
    }
    closed = _("The account of %(who)s was closed")
    for given in list_decided_since(actor, since):
        who = given.recipient_name or given.recipient_address
        notices.append(
            {
                "icon": "people",
                "title": (closed if given.ended_reason == "account_closed" else words[given.state]) % {"who": who},
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
    notices += share_notices(actor, since)
    notices += blinding_notices(actor, since)
    notices += review_notices(actor)
    notices += restored_notices(actor)
    notices += matter_notices(actor)
    notices += [sent_notice(row) for row in list_sent_requests(actor) if (row.decided_at or row.asked_at) >= since]
    return sorted(notices, key=lambda row: row["at"], reverse=True)


@require_POST
@answers_refusals
def offer_accept(request: HttpRequest, share_id: str) -> HttpResponse:
    """Take what was offered, and go and look at it."""
    actor = principal_of(request)
    services.accept_share(actor, share=share_id)
    row = get_received(actor, share_id)
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
