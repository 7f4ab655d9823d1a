"""Handing an organization, a site or a device over: planned on one page, answered on another, by people who have proved
who they are.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from belvedere.contracts.permissions import Permission
from belvedere.control.access.roles import Role
from belvedere.control.accounts.selectors import Person, require_fresh
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Invalid
from belvedere.control.core.principal import Principal
from belvedere.control.core.requests import principal_of
from belvedere.control.handover import services
from belvedere.control.handover.selectors import (
    Caution,
    HandoverView,
    Plan,
    PlanRow,
    Thing,
    find_open_handover,
    get_handover,
    get_plan,
    get_thing,
    list_cautions,
    list_own_cuts,
    list_possible_receivers,
)
from belvedere.control.organizations.selectors import list_organizations, list_sites
from belvedere.control.sharing.selectors.grounds import rights_words
from belvedere.control.web.cameras import rights_slots
from belvedere.control.web.context import person
from belvedere.control.web.errors import answers_refusals
from belvedere.control.web.panel_cards import panel_slots
from belvedere.control.web.role_words import role_name

#: rows of one kind on a page: what is open comes first, so that the last page is reached by deciding
SHOWN: Final = 50
_WARRANTY_DAYS: Final = 14
_SUBJECTS: Final = {
    "member": gettext_lazy("Members"),
    "share": gettext_lazy("People it is shared with"),
    "guest_link": gettext_lazy("Guest links"),
    "engagement": gettext_lazy("Service providers"),
    "notification": gettext_lazy("Who is told of what happens"),
}
_WHY: Final = {
    "receiver": gettext_lazy("they will own it"),
    "moves": gettext_lazy("it leaves this organization"),
    "pending": gettext_lazy("they have not answered yet"),
    "giver_leaves": gettext_lazy("it is your own, and you go"),
    "member_ends": gettext_lazy("whoever made it goes"),
    "all_ends": gettext_lazy("all they have ends"),
}
_CAUTIONS: Final[dict[Caution, Any]] = {
    "looks_like_installer": gettext_lazy(
        "The new owner owns many organizations, as installers do. Should it not belong to who lives or works there?"
    ),
    "no_recovery_contact": gettext_lazy(
        "The new owner has no recovery contact: a lost password could mean that nobody gets in."
    ),
    "offline": gettext_lazy("Not everything is online. The new owner cannot see what does not answer."),
    "has_share": gettext_lazy("The new owner has a share of it already. It ends: they will own it."),
    "passes_credentials": gettext_lazy(
        "The passwords of the devices go along. The new owner should change them at the devices."
    ),
}
#: the same, as its receiver reads of himself
_OWN_CAUTIONS: Final[dict[Caution, Any]] = {
    "looks_like_installer": gettext_lazy(
        "You own many organizations, as installers do. Should it not belong to who lives or works there?"
    ),
    "no_recovery_contact": gettext_lazy(
        "You have no recovery contact: if you lose your password, nobody gets in. Name one under Account."
    ),
}


@require_http_methods(["GET", "POST"])
@answers_refusals
def handover_new(request: HttpRequest) -> HttpResponse:
    """What goes, to whom, and what then: a plan, of which nobody else knows yet."""
    actor = principal_of(request)
    data = request.POST if request.method == "POST" else request.GET
    kind = next((kind for kind in ("site", "device") if data.get(kind)), "organization")
    thing = get_thing(actor, kind, data.get(kind, ""))
    if request.method == "GET":
        waiting = find_open_handover(actor, thing.id)
        if waiting:
            return redirect("handover", waiting.id)
        # Asked for before anything is typed, not after.
        require_fresh(actor)
        return _new_page(request, actor, thing, data)
    try:
        handover = services.plan_handover(
            actor,
            kind=kind,
            thing=thing.id,
            receiver=data.get("receiver", ""),
            afterwards=data.get("afterwards", ""),
            warranty_until=_end_of(data.get("until", ""), thing.organization.time_zone),
            passes_credentials="passes_credentials" in data,
        )
    except (Invalid, Conflict) as refusal:
        return _new_page(request, actor, thing, data, error=refusal.message, status=refusal.status)
    return redirect("handover", handover)


def _new_page(
    request: HttpRequest, actor: Principal, thing: Thing, data: QueryDict, *, error: str = "", status: int = 200
) -> HttpResponse:
    is_whole = thing.kind == "organization"
    receivers = list_possible_receivers(actor, thing.id) if is_whole else []
    context = {
        "nav": "admin",
        "thing": {"id": thing.id, "name": thing.name, "kind": thing.kind.value},
        "place": {"id": thing.organization.id, "name": thing.organization.name},
        "is_stuck": is_whole and thing.organization.is_personal,
        "receivers": [person(row) for row in receivers],
        "receiver": data.get("receiver", ""),
        "afterwards": data.get("afterwards", "super_admin" if is_whole else "leaves"),
        "until": data.get("until", "") or f"{clock.now() + timedelta(days=_WARRANTY_DAYS):%Y-%m-%d}",
        "passes_credentials": "passes_credentials" in data,
        "error": error,
    }
    return render(request, "web/handover_new.html", context, status=status)


def _end_of(day: str, zone: str) -> datetime | None:
    """The end of a day somebody chose, where the organization is; None for what is no day."""
    try:
        chosen = date.fromisoformat(day)
    except ValueError:
        return None
    return datetime.combine(chosen, time(23, 59), tzinfo=ZoneInfo(zone))


def handover_card(view: HandoverView) -> dict[str, Any]:
    """A handover as templates show it; the inbox lists those that wait for one's own answer."""
    return {
        "id": view.id,
        "kind": view.kind,
        "place": {"id": view.organization, "name": view.organization_name},
        "thing": {"id": view.thing, "name": view.thing_name},
        "giver": person(view.giver),
        "receiver": person(view.receiver),
        "afterwards": view.afterwards,
        "warranty_until": view.warranty_until,
        "passes_credentials": view.passes_credentials,
        "is_received": view.is_received,
        "state": view.state,
        "offered_at": view.offered_at,
        "expires_at": view.expires_at,
        "decided_at": view.decided_at,
        "final_at": view.final_at,
        "became": view.became,
        "destination": view.destination,
    }


@require_GET
@answers_refusals
def handover(request: HttpRequest, handover_id: str) -> HttpResponse:
    """One handover: its plan, for who makes it; what it means, for who may accept; then what became of it."""
    actor = principal_of(request)
    view = get_handover(actor, handover_id)
    if view.state == "draft":
        return _plan_page(request, actor, handover_id)
    return _offer_page(request, actor, view)


def _offer_page(
    request: HttpRequest, actor: Principal, view: HandoverView, *, error: str = "", status: int = 200
) -> HttpResponse:
    is_asked = view.is_received and view.state == "pending"
    context = {
        "nav": "inbox" if view.is_received else "admin",
        "handover": handover_card(view),
        "cautions": [_OWN_CAUTIONS[one] for one in list_cautions(actor, view.id)] if is_asked else [],
        "places": _places(actor, view) if is_asked else [],
        "cuts": list_own_cuts(actor, view.id),
        "error": error,
    }
    return render(request, "web/handover.html", context, status=status)


def _places(actor: Principal, view: HandoverView) -> list[dict[str, str]]:
    """Where the receiver may put it: his organizations for a site, their sites for a device."""
    found = []
    for row in list_organizations(actor):
        if row.id == view.organization:
            continue
        if view.kind == "site" and row.role in {Role.OWNER, Role.SUPER_ADMIN}:
            found.append({"id": row.id, "name": row.name})
        if view.kind == "device":
            sites = [site for site in list_sites(actor, row.id) if Permission.CONFIGURE in site.permissions]
            found += [{"id": site.id, "name": f"{row.name}: {site.name}"} for site in sites]
    return found


# ── The plan ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _plan_page(
    request: HttpRequest, actor: Principal, handover: str, *, error: str = "", status: int = 200
) -> HttpResponse:
    plan = get_plan(actor, handover)
    zone = _zone_of(actor, plan.handover.organization)
    keeps, ends, waits = _tally(plan)
    context = {
        "nav": "admin",
        "handover": handover_card(plan.handover),
        "goes": plan.goes,
        "cameras": sum(thing.cameras for thing in plan.goes),
        "offline": [thing.name for thing in plan.goes if not thing.is_online],
        "sections": [_section(plan, subject, zone) for subject in _SUBJECTS],
        "all": len(plan.rows),
        "decided": len(plan.rows) - len(plan.open_rows),
        "open": len(plan.open_rows),
        "changed": sum(row.is_changed for row in plan.rows),
        "keeps": keeps,
        "ends": ends,
        "waits": waits,
        "cautions": [_CAUTIONS[one] for one in list_cautions(actor, handover)],
        "soon": f"{clock.now() + timedelta(days=_WARRANTY_DAYS):%Y-%m-%d}",
        "error": error,
    }
    return render(request, "web/handover_plan.html", context, status=status)


def _tally(plan: Plan) -> tuple[int, int, int]:
    """How many go on for good, end with the handover, and go on until a day."""
    said = Counter(row.verdict.value for row in plan.rows if row.verdict and row.subject != "notification")
    return said["carry_over"], said["end"], said["end_on"]


def _section(plan: Plan, subject: str, zone: str) -> dict[str, Any]:
    rows = [row for row in plan.rows if row.subject == subject]
    ordered = sorted(rows, key=lambda row: (not row.is_open, len(row.verdicts) == 1, row.who.casefold()))
    return {
        "subject": subject,
        "title": _SUBJECTS[subject],
        "count": len(rows),
        "open": sum(row.is_open for row in rows),
        "rows": [_row(row, zone) for row in ordered[:SHOWN]],
        "more": max(0, len(rows) - SHOWN),
    }


def _row(row: PlanRow, zone: str) -> dict[str, Any]:
    return {
        "key": row.key,
        "who": row.who,
        "person": person(Person(row.account, row.who, row.address)) if row.subject != "guest_link" else None,
        "address": row.address if row.address != row.who else "",
        "role": role_name(row.role) if row.role else "",
        "rights": _slots(row.permissions) if row.subject in {"share", "guest_link"} else None,
        "may": rights_words(row.permissions) if row.subject == "engagement" else "",
        "things": row.things,
        "ends_at": row.ends_at,
        "giver": row.giver,
        "verdicts": [verdict.value for verdict in row.verdicts],
        "verdict": row.verdict.value if row.verdict else "",
        # The day it was chosen as: the end of it may be the next one elsewhere.
        "until": f"{row.until.astimezone(ZoneInfo(zone)):%Y-%m-%d}" if row.until else "",
        "is_open": row.is_open,
        "is_changed": row.is_changed,
        "is_said": len(row.verdicts) == 1 and not row.is_open,
        "why": _WHY.get(row.why, ""),
        "facts": row.facts,
    }


def _slots(permissions: Permission) -> list[dict[str, Any]]:
    """The seven slots of cameras; the two of panels where there is nothing else; both where one share gives both."""
    if Permission.ARM not in permissions:
        return rights_slots(permissions)
    arm, *_told = panel_slots(permissions)
    is_panel = not permissions & ~(Permission.ARM | Permission.NOTIFY)
    return panel_slots(permissions) if is_panel else [*rights_slots(permissions), arm]


@require_POST
@answers_refusals
def handover_decide(request: HttpRequest, handover_id: str) -> HttpResponse:
    """Decide on what hangs on it: row by row, or all of a kind that is still open. What was chosen by then is kept."""
    actor = principal_of(request)
    rest, _dot, rest_of = request.POST.get("rest", "").partition(":")
    try:
        services.change_plan(
            actor,
            handover=handover_id,
            choices=_unsaved(actor, handover_id, request.POST),
            rest=rest,
            rest_of=rest_of,
        )
    except (Invalid, Conflict) as refusal:
        return _plan_page(request, actor, handover_id, error=refusal.message, status=refusal.status)
    return redirect("handover", handover_id)


def _zone_of(actor: Principal, organization: str) -> str:
    return next((row.time_zone for row in list_organizations(actor) if row.id == organization), "UTC")


def _choices(data: QueryDict, zone: str) -> Iterable[services.Choice]:
    for field, verdict in data.items():
        if field.startswith("verdict:") and verdict:
            key = field.removeprefix("verdict:")
            yield services.Choice(
                key=key,
                verdict=str(verdict),
                until=_end_of(data.get(f"until:{key}", ""), zone),
                facts=data.get(f"facts:{key}", ""),
            )


def _unsaved(actor: Principal, handover: str, data: QueryDict) -> list[services.Choice]:
    """What is chosen on the page and is not so in the plan. Of what went in the meantime nothing is to be decided."""
    plan = get_plan(actor, handover)
    rows = {row.key: row for row in plan.rows}
    chosen = _choices(data, _zone_of(actor, plan.handover.organization))
    return [choice for choice in chosen if choice.key in rows and not _holds(rows[choice.key], choice)]


def _holds(row: PlanRow, choice: services.Choice) -> bool:
    return row.verdict == choice.verdict and (choice.verdict != "end_on" or row.until == choice.until)


@require_POST
@answers_refusals
def handover_offer(request: HttpRequest, handover_id: str) -> HttpResponse:
    """Send it to the new owner: as it was read, so that what was chosen since is saved, and read first."""
    actor = principal_of(request)
    try:
        if unsaved := _unsaved(actor, handover_id, request.POST):
            services.change_plan(actor, handover=handover_id, choices=unsaved)
            messages.info(request, _("What you decided just now is saved. Read it once more, then offer it."))
            return redirect("handover", handover_id)
        services.offer_handover(actor, handover=handover_id)
    except (Invalid, Conflict) as refusal:
        if get_handover(actor, handover_id).state != "draft":
            raise
        return _plan_page(request, actor, handover_id, error=refusal.message, status=refusal.status)
    messages.success(request, _("Offered. You own it until they accept."))
    return redirect("handover", handover_id)


# ── The answers ──────────────────────────────────────────────────────────────────────────────────────────────────────


@require_POST
@answers_refusals
def handover_accept(request: HttpRequest, handover_id: str) -> HttpResponse:
    """Become the owner."""
    actor = principal_of(request)
    try:
        services.accept_handover(
            actor,
            handover=handover_id,
            organization=request.POST.get("organization", ""),
            found=request.POST.get("found", "").strip() if not request.POST.get("organization") else "",
            site=request.POST.get("site", ""),
        )
    except Invalid as refusal:
        view = get_handover(actor, handover_id)
        return _offer_page(request, actor, view, error=refusal.message, status=refusal.status)
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
    """Take it back, or throw the plan away."""
    services.withdraw_handover(principal_of(request), handover=handover_id)
    messages.success(request, _("Withdrawn. You stay the owner."))
    return redirect("handover", handover_id)


@require_POST
@answers_refusals
def handover_undo(request: HttpRequest, handover_id: str) -> HttpResponse:
    """Give it back, or take it back, within a day."""
    services.undo_handover(principal_of(request), handover=handover_id)
    messages.success(request, _("Undone. Both of you are told."))
    return redirect("handover", handover_id)
