"""One member: what he is, changing it, removing him; and one's own leaving. What will be lost is said before."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from belvedere.contracts.permissions import NONE
from belvedere.control.access.roles import PERMISSIONS, TITLES, Role
from belvedere.control.accounts.selectors import require_fresh
from belvedere.control.core.errors import NotFound, ReauthenticationRequired, Refusal
from belvedere.control.core.principal import Principal
from belvedere.control.core.requests import principal_of
from belvedere.control.organizations import services
from belvedere.control.organizations.selectors import (
    Management,
    MemberView,
    get_management,
    get_member,
    get_organization,
)
from belvedere.control.organizations.services.members import read_wish
from belvedere.control.organizations.standing import Standing
from belvedere.control.sharing.selectors import RestingShare, foresee_member, list_resting_shares
from belvedere.control.streaming.selectors import list_cuts
from belvedere.control.web.access import consequence_lines
from belvedere.control.web.admin import admin_frame
from belvedere.control.web.admin_users import typed
from belvedere.control.web.context import person
from belvedere.control.web.errors import answers_refusals
from belvedere.control.web.role_words import RIGHTS, names_of, standing_words
from belvedere.control.web.standing_form import draft_of, read_draft, standing_fields, wish_of


@require_http_methods(["GET", "POST"])
@answers_refusals
def member(request: HttpRequest, member_id: str) -> HttpResponse:
    """What one member is; the form to change it, the page that says what is lost, then the change."""
    actor = principal_of(request)
    view, management = _look(actor, member_id)
    draft = read_draft(request.POST) if request.method == "POST" else draft_of(view.standing)
    version = request.POST.get("version", "")
    error: Refusal | None = None
    if request.method == "POST" and request.POST.get("step") != "edit":
        try:
            wish = wish_of(draft, management)
            after = read_wish(wish, before=view.standing, sites=management.sites)
            if Role.SUPER_ADMIN in {view.standing.role, after.role}:
                require_fresh(actor)  # asked now: not after the last question was answered
            if request.POST.get("step") != "save" and after != view.standing:
                return render(request, "web/admin_member_review.html", _review(request, view, management, after))
            change_id = services.change_member(
                actor,
                member=member_id,
                wish=wish,
                version=int(version) if version.isdecimal() and len(version) < 10 else None,
                adopt_shares=request.POST.get("shares") == "adopt",
            )
            words = _("%(name)s is %(standing)s now.")
            standing = standing_words(after, management.sites)
            return _done(request, change_id, words % {"name": view.account.name, "standing": standing})
        except (NotFound, ReauthenticationRequired):
            raise
        except Refusal as refusal:
            error = refusal
            # What he is by now may be something else than what was looked at: it stands above the form.
            view, management = _look(actor, member_id)
    context = _frame(actor, view, management) | {
        "error": error.message if error else "",
        "version": view.version,
        "since": view.since,
        "last_seen_at": view.last_seen_at,
    }
    if view.may_change:
        context |= standing_fields(draft, management, is_new=False)
    return render(request, "web/admin_member.html", context, status=error.status if error else 200)


def _look(actor: Principal, member: str) -> tuple[MemberView, Management]:
    """A member and where the actor manages. Raises NotFound, and Forbidden for who merely belongs."""
    view = get_member(actor, member)
    return view, get_management(actor, view.organization)


def _frame(actor: Principal, view: MemberView, management: Management) -> dict[str, Any]:
    return admin_frame("users") | {
        "organization": get_organization(actor, view.organization),
        "member": {
            "id": view.id,
            "person": person(view.account),
            "standing": standing_words(view.standing, management.sites),
            "is_me": view.is_me,
            "is_owner": view.standing.role is Role.OWNER,
            "may_change": view.may_change,
            "may_remove": view.may_remove,
        },
    }


def _done(request: HttpRequest, change_id: str, words: str) -> HttpResponse:
    """To the receipt if anything was running; else back to the list, with a sentence."""
    if list_cuts(change_id):
        return redirect("receipt", change_id)
    messages.success(request, words)
    return redirect("admin-users")


def _review(request: HttpRequest, view: MemberView, management: Management, after: Standing) -> dict[str, Any]:
    actor = principal_of(request)
    changes = _changes(view.standing, after, management)
    lost = {pk for row in changes if row["loses"] for pk in row["sites"]}
    resting = [row for row in list_resting_shares(actor, view.id) if lost & row.sites] if lost else []
    return _frame(actor, view, management) | {
        "after": standing_words(after, management.sites),
        "is_future": after.sites is None and view.standing.sites is not None,
        "changes": changes,
        "loses": bool(lost),
        "shares": _shares(resting),
        "consequence": consequence_lines(foresee_member(actor, view.id, after)) if lost else None,
        "typed": typed(request),
    }


def _changes(before: Standing, after: Standing, management: Management) -> list[dict[str, Any]]:
    """Site by site, those together that change alike: what he was there, what he becomes, what he loses and gains."""
    found: dict[tuple[Role, Role], list[str]] = {}
    for site in management.sites:
        if before.on(site) is not after.on(site):
            found.setdefault((before.on(site), after.on(site)), []).append(site)
    return [
        {
            "sites": sites,
            "where": names_of([management.sites[site] for site in sites]),
            "was": TITLES[was],
            "becomes": TITLES[becomes],
            "loses": _rights(was, becomes),
            "gains": _rights(becomes, was),
        }
        for (was, becomes), sites in found.items()
    ]


def _rights(of: Role, without: Role) -> list[str]:
    """In words: what the one role may and the other may not."""
    bits = PERMISSIONS[of] & ~PERMISSIONS[without]
    return [str(label) for label, needs in RIGHTS if bits & needs != NONE]


def _shares(rows: list[RestingShare]) -> list[dict[str, Any]]:
    return [{"recipient": row.recipient, "cameras": row.cameras} for row in rows]


@require_http_methods(["GET", "POST"])
@answers_refusals
def member_remove(request: HttpRequest, member_id: str) -> HttpResponse:
    """Say what ends, then end the membership."""
    actor = principal_of(request)
    view, management = _look(actor, member_id)
    if not view.may_remove:
        raise NotFound
    if Role.SUPER_ADMIN is view.standing.role:
        require_fresh(actor)
    if request.method == "POST":
        version = request.POST.get("version", "")
        change_id = services.remove_member(
            actor,
            member=member_id,
            version=int(version) if version.isdecimal() and len(version) < 10 else None,
            adopt_shares=request.POST.get("shares") == "adopt",
        )
        return _done(request, change_id, _("%(name)s is no longer a member.") % {"name": view.account.name})
    context = _frame(actor, view, management) | {
        "version": view.version,
        "shares": _shares(list_resting_shares(actor, view.id)),
        "consequence": consequence_lines(foresee_member(actor, view.id)),
    }
    return render(request, "web/admin_member_remove.html", context)


@require_http_methods(["GET", "POST"])
@answers_refusals
def organization_leave(request: HttpRequest, organization_id: str) -> HttpResponse:
    """One's own membership, for every member: say what ends, then leave. The owner is told why he cannot."""
    actor = principal_of(request)
    organization = get_organization(actor, organization_id)
    if organization.is_personal:
        raise NotFound  # nobody leaves his own home
    if request.method == "POST":
        services.remove_member(actor, member=organization.membership)
        words = _("You have left %(organization)s. Your account and your other organizations are as they were.")
        messages.success(request, words % {"organization": organization.name})
        return redirect("wall")
    context = {
        "organization": organization,
        "role": TITLES[Role(organization.role)],
        "shares": _shares(list_resting_shares(actor, organization.membership)),
    }
    return render(request, "web/organization_leave.html", context)
