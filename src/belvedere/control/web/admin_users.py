"""Admin → Users: who belongs, who was invited and has not answered, and inviting more."""

from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from belvedere.control.access.roles import TITLES, Role
from belvedere.control.core import clock
from belvedere.control.core.errors import NotFound, ReauthenticationRequired, Refusal
from belvedere.control.core.names import clean_address
from belvedere.control.core.requests import principal_of
from belvedere.control.organizations import services
from belvedere.control.organizations.selectors import (
    Management,
    MemberFilter,
    MemberView,
    SentInvitation,
    get_invitation,
    list_invitations,
    list_members,
)
from belvedere.control.organizations.services.invitations import VALID
from belvedere.control.organizations.services.members import read_wish
from belvedere.control.organizations.standing import FUTURE, Standing
from belvedere.control.web.admin import Desk, admin_frame, sit_down
from belvedere.control.web.context import person
from belvedere.control.web.errors import answers_refusals
from belvedere.control.web.role_words import holdings, names_of, standing_words
from belvedere.control.web.standing_form import Draft, read_draft, standing_fields, wish_of

PAGE: Final = 50
#: an invitation that ran out is shown for so long: to be sent again, or forgotten
FORGOTTEN_AFTER: Final = timedelta(days=30)
#: with less left than this it asks to be looked at
SOON: Final = timedelta(days=1)


@require_GET
@answers_refusals
def users(request: HttpRequest) -> HttpResponse:
    """Members, and invitations that wait or ran out, in one table, page by page."""
    desk = sit_down(request)
    query = {key: request.GET.get(key, "").strip()[:254] for key in ("q", "role", "site")}
    invitations = _invitations(desk, query)
    start = _number(request.GET.get("waiting", ""))
    shown = invitations[start : start + PAGE] if not request.GET.get("after") else []
    limit = PAGE - len(shown)
    look_for = MemberFilter(text=query["q"], role=query["role"], site=query["site"])
    page = list_members(
        desk.actor,
        desk.organization.id,
        look_for=look_for,
        after=request.GET.get("after", ""),
        limit=limit or 1,
        management=desk.management,
    )
    asked = {key: value for key, value in query.items() if value}
    if start + len(shown) < len(invitations) and not request.GET.get("after"):
        more = {"waiting": str(start + len(shown))}
    else:
        more = {"after": page.after} if page.after else {}
    context = admin_frame("users") | {
        "organization_name": desk.organization.name,
        "asked": asked,
        "asked_query": urlencode(asked),
        "roles": [{"value": role.value, "name": name} for role, name in TITLES.items()],
        "sites": desk.management.sites,
        "invitations": [_invitation(row, desk.management) for row in shown],
        "invitation_count": len(invitations),
        "members": [_member(row, desk.management) for row in page.items[:limit]],
        "member_count": page.total,
        "is_first": not (start or request.GET.get("after")),
        "more_url": f"{reverse('admin-users')}?{urlencode(asked | more)}" if more else "",
        "sent": _sent(desk, request.GET.get("sent", "")),
    }
    return render(request, "web/admin_users.html", context)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 6 else 0


def _invitations(desk: Desk, query: dict[str, str]) -> list[SentInvitation]:
    """Of each address the latest, if it still waits or ran out of late; filtered as the members are."""
    rows = list_invitations(
        desk.actor,
        desk.organization.id,
        text=query["q"],
        since=clock.now() - FORGOTTEN_AFTER,
        is_latest=True,
        management=desk.management,
    )
    return [row for row in rows if _is_sought(row.standing, query["role"], query["site"])]


def _is_sought(standing: Standing, role: str, site: str) -> bool:
    """As `list_members` narrows members: by a role that was named somewhere, by a site that is not dark."""
    named = {place: standing.on(place) for place in {*standing.overrides, *(standing.sites or ())}}
    if standing.sites is None:
        named[FUTURE] = standing.role
    held = {named.get(site, named.get(FUTURE, Role.NO_ACCESS))} if site else {*named.values()}
    return role in held if role else not site or held != {Role.NO_ACCESS}


def _places(standing: Standing, management: Management) -> dict[str, Any]:
    """Role and sites as two cells: the common role and where, then what differs."""
    (role, names), *others = holdings(standing, management.sites)
    return {
        "role": TITLES[role],
        "sites": _("Every site") if names is None else names_of(names),
        "others": [(TITLES[other], _("every site") if where is None else names_of(where)) for other, where in others],
    }


def _member(row: MemberView, management: Management) -> dict[str, Any]:
    return {
        "id": row.id,
        "person": person(row.account),
        "is_me": row.is_me,
        "since": row.since,
        "last_seen_at": row.last_seen_at,
        **_places(row.standing, management),
    }


def _invitation(row: SentInvitation, management: Management) -> dict[str, Any]:
    left = row.expires_at - clock.now()
    return {
        "id": row.id,
        "address": row.address,
        "initial": row.address[:1].upper(),
        "is_expired": row.state == "expired",
        "is_soon": left < SOON,
        "left": left_words(left),
        "left_hours": max(0, round(left / timedelta(hours=1))),
        "of_hours": round(VALID / timedelta(hours=1)),
        "inviter": row.inviter.name,
        "offered_at": row.offered_at,
        "expires_at": row.expires_at,
        "may_act": row.may_act,
        **_places(row.standing, management),
    }


def left_words(left: timedelta) -> str:
    """“5 d 3 h left”, “9 h left”, “40 min left”."""
    minutes = max(0, int(left.total_seconds() // 60))
    days, hours = minutes // 1440, minutes % 1440 // 60
    if days:
        return _("%(days)d d %(hours)d h left") % {"days": days, "hours": hours}
    return _("%(hours)d h left") % {"hours": hours} if hours else _("%(minutes)d min left") % {"minutes": minutes}


def _sent(desk: Desk, invitation: str) -> str:
    """The confirmation after sending: it stays as long as the page does (VV 9)."""
    if not invitation:
        return ""
    try:
        row = get_invitation(desk.actor, invitation)
    except NotFound:
        return ""
    if row.state != "pending":
        return ""
    words = ngettext(
        "Invitation sent to %(address)s as %(standing)s. Good for %(days)d day.",
        "Invitation sent to %(address)s as %(standing)s. Good for %(days)d days.",
        VALID.days,
    )
    standing = standing_words(row.standing, desk.management.sites)
    return words % {"address": row.address, "standing": standing, "days": VALID.days}


# ── Inviting ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@require_http_methods(["GET", "POST"])
@answers_refusals
def invite(request: HttpRequest) -> HttpResponse:
    """The form, then the sentence that says what will be true, then it is sent. Nothing is kept in between."""
    desk = sit_down(request)
    draft = read_draft(request.POST)
    if request.method != "POST":
        draft = Draft(role=request.GET.get("role", ""), is_everywhere=False, sites=frozenset(), roles={})
    address, step = request.POST.get("account", "").strip()[:254], request.POST.get("step", "")
    error: Refusal | None = None
    if step in {"review", "send"}:
        try:
            address = clean_address(address)
            wish = wish_of(draft, desk.management)
            standing = read_wish(wish, before=None, sites=desk.management.sites)
            if step == "send":
                sent = services.invite_member(desk.actor, organization=desk.organization.id, address=address, wish=wish)
                return redirect(f"{reverse('admin-users')}?{urlencode({'sent': sent})}")
            return render(request, "web/admin_invite_review.html", _review(request, desk, address, standing))
        except (NotFound, ReauthenticationRequired):
            raise
        except Refusal as refusal:
            error = refusal
    context = (
        admin_frame("users")
        | standing_fields(draft, desk.management, is_new=True)
        | {
            "organization": desk.organization,
            "account": address,
            "error": error.message if error else "",
            "wrong": error.extra.get("field", "") if error else "",
        }
    )
    return render(request, "web/admin_invite.html", context, status=error.status if error else 200)


def _review(request: HttpRequest, desk: Desk, address: str, standing: Standing) -> dict[str, Any]:
    return admin_frame("users") | {
        "organization": desk.organization,
        "account": address,
        "standing": standing_words(standing, desk.management.sites),
        "is_future": standing.sites is None,
        "manages": standing.is_whole and standing.role in {Role.SUPER_ADMIN, Role.ADMIN},
        "until": clock.now() + VALID,
        "typed": typed(request),
    }


def typed(request: HttpRequest) -> list[tuple[str, str]]:
    """The form as it was typed, to travel on through the page that sums it up."""
    own = {"csrfmiddlewaretoken", "step"}
    return [(key, value) for key in request.POST if key not in own for value in request.POST.getlist(key)]


@require_POST
@answers_refusals
def invitation_resend(request: HttpRequest, invitation_id: str) -> HttpResponse:
    """Send it again: the old link opens nothing any more, and it is good for seven new days."""
    sent = services.resend_invitation(principal_of(request), invitation=invitation_id)
    return redirect(f"{reverse('admin-users')}?{urlencode({'sent': sent})}")


@require_POST
@answers_refusals
def invitation_cancel(request: HttpRequest, invitation_id: str) -> HttpResponse:
    """Take an invitation back."""
    actor = principal_of(request)
    row = get_invitation(actor, invitation_id)
    services.cancel_invitation(actor, invitation=invitation_id)
    words = _("The invitation to %(address)s is cancelled. The link in the mail opens nothing any more.")
    messages.success(request, words % {"address": row.address})
    return redirect("admin-users")
