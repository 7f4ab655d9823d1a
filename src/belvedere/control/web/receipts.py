"""The receipt of a change that ended something: what was cut, and when. Proof, not reassurance."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from belvedere.control.accounts.selectors import Person, get_persons
from belvedere.control.audit.selectors import EntryView, find_caused, find_proof
from belvedere.control.core.errors import NotFound
from belvedere.control.core.principal import Principal
from belvedere.control.core.requests import principal_of
from belvedere.control.sharing.selectors import GivenShare, find_given_by_change, list_given
from belvedere.control.streaming.selectors import CutView, list_cuts
from belvedere.control.web.context import person
from belvedere.control.web.errors import answers_refusals


@require_GET
@answers_refusals
def receipt(request: HttpRequest, change_id: str) -> HttpResponse:
    """For who made the change: of a member, of a site, or the end of a share."""
    actor = principal_of(request)
    caused = find_caused(actor, change_id, _ABOUT)
    share = None if caused else find_given_by_change(actor, change_id)
    proof = find_proof(change_id)
    ended_at = caused.at if caused else share.ended_at if share else None
    if proof is None or ended_at is None:
        raise NotFound
    shown = _of_change(caused) if caused else _of_share(actor, share) if share else {}
    shown |= _cuts(list_cuts(change_id), ended_at) | {
        "ended_at": ended_at,
        "audit": {"seq": proof.sequence, "hash": proof.digest},
    }
    nav = shown.get("nav", "admin" if caused else "sharing")
    return render(request, "web/receipt.html", {"nav": nav, "receipt": shown})


def _cuts(rows: list[CutView], ended_at: datetime) -> dict[str, Any]:
    cuts = [_cut(cut, ended_at) for cut in rows]
    known = [cut["after_ms"] for cut in cuts if cut["after_ms"] is not None]
    took = max(known) if cuts and len(known) == len(cuts) else None
    return {
        "cuts": cuts,
        "is_complete": len(known) == len(cuts),
        "took_ms": took,
        "scale_ms": max(10, -(-(took or 10) // 10) * 10),
    }


def _cut(cut: CutView, ended_at: datetime) -> dict[str, Any]:
    after = max(0, round((cut.cut_at - ended_at).total_seconds() * 1000)) if cut.cut_at else None
    return {
        "kind": cut.kind,
        "label": {"live": _("Live view"), "talk": _("Talk")}.get(cut.kind, cut.kind),
        "camera": cut.camera_name,
        "whose": cut.account.name or cut.account.email,
        "since": cut.since,
        "cut_at": cut.cut_at,
        "after_ms": after,
        "ends_by": cut.ends_by,
    }


def _of_share(actor: Principal, share: GivenShare) -> dict[str, Any]:
    name = share.recipient_name or share.recipient_address
    still = [row for row in list_given(actor, states=["accepted"]) if row.recipient_address == share.recipient_address]
    return {
        "person": person(Principal(id=share.recipient_id, name=name)) | {"email": share.recipient_address},
        "was_pending": share.decided_at is None,
        "cameras": [item.name for item in share.items],
        "still": [item.name for row in still for item in row.items],
        "give_back_url": f"{reverse('share')}?to={share.recipient_address}&step=permissions"
        + "".join(f"&camera={item.resource}" for item in share.items if item.kind == "camera"),
    }


# ── Changes of members and sites ─────────────────────────────────────────────────────────────────────────────────────


def _changed(entry: EntryView, who: str) -> dict[str, Any]:
    return {
        "title": format_html(_("What <bdi>{name}</bdi> may do has changed"), name=who),
        "keeps": [_("Whatever the new role still gives goes on, unbroken")],
        "url": reverse("admin-member", args=[entry.thing.removeprefix("member:")]),
        "link": _("See what they are now"),
    }


def _removed(_entry: EntryView, who: str) -> dict[str, Any]:
    return {
        "title": format_html(_("<bdi>{name}</bdi> is no longer a member"), name=who),
        "keeps": [_("Their account and their other organizations live on")],
        "url": reverse("admin-invite"),
        "link": _("Invite them again"),
    }


def _left(_entry: EntryView, _who: str) -> dict[str, Any]:
    return {
        "title": _("You have left"),
        "keeps": [_("Your account and your other organizations are as they were")],
        "url": reverse("wall"),
        "link": _("Go to the wall"),
    }


def _closed(entry: EntryView, _who: str) -> dict[str, Any]:
    return {
        "title": format_html(_("The site <bdi>{name}</bdi> is gone"), name=entry.text("name")),
        "keeps": [_("Its devices stand where you moved them, with their shares")],
        "url": reverse("admin-sites"),
        "link": _("See the sites"),
    }


def _share_changed(_entry: EntryView, _who: str) -> dict[str, Any]:
    return {
        "title": _("What you share has changed"),
        "keeps": [_("Whatever the share still gives goes on, unbroken")],
        "url": reverse("sharing-matrix"),
        "link": _("See who can see what"),
        "nav": "sharing",
    }


def _share_paused(entry: EntryView, _who: str) -> dict[str, Any]:
    return {
        "title": _("What you share is paused"),
        "keeps": [_("The share itself is as it was, and goes on when you say so"), _("If it has an end, that comes")],
        "url": reverse("share-page", args=[entry.thing.removeprefix("share:")]),
        "link": _("See this share"),
        "nav": "sharing",
    }


def _guest_ended(entry: EntryView, _who: str) -> dict[str, Any]:
    return {
        "title": format_html(_("The guest link <bdi>{name}</bdi> opens nothing any more"), name=entry.text("name")),
        "keeps": [_("Your other guest links and shares are as they were")],
        "url": reverse("guest-links"),
        "link": _("See the guest links"),
        "nav": "sharing",
    }


def _guest_changed(entry: EntryView, _who: str) -> dict[str, Any]:
    return {
        "title": format_html(_("What the guest link <bdi>{name}</bdi> opens has changed"), name=entry.text("name")),
        "keeps": [_("Whatever the link still opens goes on, unbroken")],
        "url": reverse("guest-link", args=[entry.thing.removeprefix("guest_link:")]),
        "link": _("See the guest link"),
        "nav": "sharing",
    }


def _recipient_removed(entry: EntryView, _who: str) -> dict[str, Any]:
    address = entry.text("recipient")
    return {
        "title": format_html(_("Nothing is shared with <bdi>{name}</bdi> any more"), name=address),
        "keeps": [_("What others share with them is as it was")],
        "url": f"{reverse('share')}?{urlencode({'to': address, 'step': 'cameras'})}",
        "link": _("Share with them again"),
        "nav": "sharing",
    }


def _group_changed(entry: EntryView, _who: str) -> dict[str, Any]:
    return {
        "title": format_html(_("What follows <bdi>{name}</bdi> has changed"), name=entry.text("name")),
        "keeps": [_("What was chosen by hand in these shares goes on, unbroken")],
        "url": reverse("groups"),
        "link": _("See the groups"),
        "nav": "sharing",
    }


_ABOUT: Final[dict[str, Callable[[EntryView, str], dict[str, Any]]]] = {
    "member.changed": _changed,
    "member.removed": _removed,
    "member.left": _left,
    "site.closed": _closed,
    "guest_link.changed": _guest_changed,
    "guest_link.revoked": _guest_ended,
    "recipient.removed": _recipient_removed,
    "share.changed": _share_changed,
    "group.changed": _group_changed,
    "group.removed": _group_changed,
    "share.paused": _share_paused,
}


def _of_change(entry: EntryView) -> dict[str, Any]:
    account = entry.text("account")
    who = get_persons([account]).get(account, Person("", "", ""))
    return _ABOUT[entry.action](entry, who.name or who.email)
