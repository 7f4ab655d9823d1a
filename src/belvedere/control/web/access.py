"""Why somebody can see something; and what he sees of what one manages, looked at as he does. Read only (B-4)."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from belvedere.contracts.permissions import Permission
from belvedere.control.access.roles import TITLES
from belvedere.control.accounts.selectors import Person
from belvedere.control.core import clock
from belvedere.control.core.errors import Invalid, NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.requests import principal_of
from belvedere.control.sharing import services
from belvedere.control.sharing.changes import Change, parse_without
from belvedere.control.sharing.selectors import (
    Consequence,
    Reason,
    Seen,
    Verdict,
    ViewedAs,
    Why,
    explain_all,
    get_given,
    list_consequences,
    view_as,
)
from belvedere.control.sharing.words import footage_words, hours_words
from belvedere.control.web.cameras import SLOTS, rights_slots
from belvedere.control.web.context import here, person
from belvedere.control.web.errors import answers_refusals
from belvedere.control.web.panel_cards import SLOTS as PANEL_SLOTS
from belvedere.control.web.panel_cards import panel_slots

#: so many sentences stand on a page that asks whether to do it; the others are counted
SAID: Final = 12
#: one opening is good for so long in one sign-in: looking at another hour is the same look
LOOKS_FOR: Final = timedelta(hours=1)
#: what a browser's own field for date and time sends
_STAMP: Final = "%Y-%m-%dT%H:%M"
_LABELS: Final = {bit: (key, label) for bit, key, label in (*SLOTS, *PANEL_SLOTS)} | {
    Permission.CONFIGURE: ("configure", gettext_lazy("Set it up")),
    Permission.SHARE: ("share", gettext_lazy("Share it")),
}
_OPENED: Final = "looking_as"
_OF_THE_PAST: Final = (Permission.PLAYBACK, Permission.EXPORT)


# ── What a change would mean ─────────────────────────────────────────────────────────────────────────────────────────


def consequence_lines(rows: Iterable[Consequence]) -> dict[str, Any]:
    """For `_consequence.html`: sentences, and how many more there are."""
    found = [{"text": row.text, "is_kept": bool(row.kept)} for row in rows]
    return {"lines": found[:SAID], "more": len(found[SAID:])}


def ending_lines(request: HttpRequest, shares: Iterable[str]) -> dict[str, Any]:
    """The same of shares of one's own that would end together."""
    change = Change(without=frozenset(shares))
    return consequence_lines(list_consequences(principal_of(request), change))


@require_GET
@answers_refusals
def share_consequence(request: HttpRequest, share_id: str, camera_id: str) -> HttpResponse:
    """What it would mean if a share gave only the ticked permissions on one camera. A part of its form."""
    actor = principal_of(request)
    given = get_given(actor, share_id)
    if camera_id not in {item.resource for item in given.items}:
        raise NotFound
    ticked = set(request.GET.getlist("permission"))
    wanted = sum((bit for bit in Permission if bit.wire_names[0] in ticked), start=Permission(0))
    rows = list_consequences(actor, Change(narrowed={(given.id, camera_id): wanted}))
    shown = consequence_lines(row for row in rows if row.lost or row.kept != wanted)
    return render(request, "web/_consequence.html", {"consequence": shown, "lead": _("As it is ticked now:")})


# ── Why ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


@require_GET
@answers_refusals
def why(request: HttpRequest) -> HttpResponse:
    """Every permission of somebody on a camera or panel, and why; with `without`, as it would be after that."""
    actor, asked = principal_of(request), request.GET
    account, names = asked.get("account", "")[:254], asked.getlist("without")
    kind, resource = next(((key, asked[key]) for key in ("camera", "panel") if key in asked), ("", ""))
    if not account or not is_id(resource):
        raise NotFound
    now = explain_all(actor, account=account, kind="panel" if kind == "panel" else "camera", resource=resource)
    change = parse_without(names)
    then = explain_all(actor, account=account, kind=now.thing.kind, resource=resource, change=change) if names else now
    context = {
        "nav": "sharing",
        "person": person(now.account or Person("", "", now.address)),
        "is_known": now.account is not None,
        "may_look": now.account is not None and now.account.id != actor.id and bool(_sources(now, [])),
        "thing": now.thing,
        "thing_url": reverse(now.thing.kind, args=[now.thing.id]),
        "account": account,
        "text": then.text,
        "is_changed": bool(names),
        "offered": _slots(now, now.offered, is_offered=True) if now.offered else None,
        "paused": _slots(now, now.paused, is_offered=True) if now.paused else None,
        "rows": [_verdict(before, after, now) for before, after in zip(now.verdicts, then.verdicts, strict=True)],
        "sources": _sources(now, names),
        "plain_url": _why_url(account, kind, resource),
    }
    return render(request, "web/why.html", context)


def _why_url(account: str, kind: str, resource: str) -> str:
    return f"{reverse('access-why')}?{urlencode({'account': account, kind: resource})}"


def _slots(found: Why | Seen, permissions: Permission, *, is_offered: bool = False) -> list[dict[str, Any]]:
    slots = panel_slots if found.thing.kind == "panel" else rights_slots
    return slots(permissions, is_offered=is_offered)


def _verdict(before: Verdict, after: Verdict, found: Why) -> dict[str, Any]:
    key, label = _LABELS[after.permission]
    return {
        "key": key,
        "label": label,
        "is_allowed": after.is_allowed,
        "is_lost": before.is_allowed and not after.is_allowed,
        "footage_from": after.footage_from,
        "because": [_reason(row, after, found) for row in after.because],
        "later": [_reason(row, after, found) for row in after.later],
        "needs": after.needs,
    }


def _reason(row: Reason, one: Verdict, found: Why) -> dict[str, Any]:
    return {
        "text": row.text,
        "since": found.since.get(row.id),
        # When a share ends stands in its sentence.
        "terms": {
            "hours": hours_words(row.hours),
            "starts_at": row.starts_at,
            "ends_at": None if row.origin == "share" else row.ends_at,
        },
        "footage": footage_words(row.footage) if one.permission in _OF_THE_PAST else "",
        "url": _source_url(row),
    }


def _source_url(row: Reason) -> str:
    """Where it can be changed. A share that somebody else gave is his to change."""
    if row.origin == "share":
        return reverse("share-terms", args=[row.id]) if row.is_mine else ""
    return reverse("admin-member", args=[row.id]) if row.origin == "membership" else reverse("guest-links")


def _sources(found: Why, left_out: list[str]) -> list[dict[str, Any]]:
    """Everything that gives any of it, to leave out and look again."""
    reasons = {f"{row.origin}:{row.id}": row for one in found.verdicts for row in (*one.because, *one.later)}
    return [
        {
            "value": value,
            "label": _("The role %(role)s") % {"role": TITLES[row.role]} if row.role else row.text,
            "is_out": value in left_out,
        }
        for value, row in reasons.items()
    ]


# ── As somebody else sees it ─────────────────────────────────────────────────────────────────────────────────────────


@require_http_methods(["GET", "POST"])
@answers_refusals
def view_as_somebody(request: HttpRequest, recipient_id: str) -> HttpResponse:
    """What an account, or one of one's recipients, sees of this organization's cameras that one may share.

    GET of somebody shows a door that says what is behind it. POST is what opens it, for an hour, and is written down.
    """
    actor, chosen = principal_of(request), here(request)
    if chosen is None or not is_id(recipient_id):
        raise NotFound
    if request.method == "POST":
        account = services.open_view_as(actor, who=recipient_id, organization=chosen.id)
        opened = {key: at for key, at in request.session.get(_OPENED, {}).items() if _is_fresh(at)}
        request.session[_OPENED] = opened | {f"{chosen.id}:{account}": clock.now().isoformat()}
        return redirect("view-as", account)
    zone, names = ZoneInfo(chosen.time_zone), request.GET.getlist("without")
    at, change = _instant(request.GET.get("at", ""), zone), parse_without(names)
    found = view_as(actor, recipient_id, organization=chosen.id, at=at, change=change)
    if found.account is None and not found.address:
        raise NotFound
    context: dict[str, Any] = {
        "nav": "sharing",
        "person": person(found.account or Person(recipient_id, "", found.address)),
        "who": recipient_id,
    }
    opened_at = request.session.get(_OPENED, {}).get(f"{chosen.id}:{found.account.id}" if found.account else "", "")
    if not _is_fresh(opened_at):
        context |= {"is_known": found.account is not None, "place": chosen}
        return render(request, "web/view_as_door.html", context)
    context |= _looked(found, names) | {
        "at": found.at,
        "at_text": found.at.astimezone(zone).strftime(_STAMP),
        "is_now": at is None,
        "zone": chosen.time_zone,
        "place": chosen,
        "consequence": consequence_lines(
            row for row in list_consequences(actor, change) if found.account and row.account.id == found.account.id
        ),
    }
    return render(request, "web/view_as.html", context)


def _is_fresh(opened_at: str) -> bool:
    return bool(opened_at) and clock.now() - datetime.fromisoformat(opened_at) < LOOKS_FOR


def _instant(text: str, zone: ZoneInfo) -> datetime | None:
    """From a browser's field, in the organization's zone; None for now. Raises Invalid."""
    if not text:
        return None
    try:
        return datetime.strptime(text, _STAMP).replace(tzinfo=zone)
    except ValueError:
        raise Invalid(_("Choose a day and a time."), field="at") from None


def _looked(found: ViewedAs, names: list[str]) -> dict[str, Any]:
    return {
        "seen": [_tile(row, found) for row in found.seen],
        "later": [_tile(row, found) for row in found.later],
        "unseen": found.unseen,
        "sources": [
            {"value": value, "label": label[:1].upper() + label[1:], "is_out": value in names}
            for value, label in found.sources
        ],
        "is_changed": bool(names),
    }


def _tile(row: Seen, found: ViewedAs) -> dict[str, Any]:
    thing, account = row.thing, found.account.id if found.account else found.address
    return {
        "kind": thing.kind,
        "name": thing.name,
        "site": thing.site_name,
        "is_on": thing.is_on,
        "rights": _slots(row, row.permissions),
        "footage_from": row.playback_from,
        "terms": {"hours": hours_words(row.hours), "ends_at": row.ends_at},
        "through": list(row.through),
        "why_url": _why_url(account, thing.kind, thing.id),
    }
