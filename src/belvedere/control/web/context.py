"""What the frame of every page needs: who one is, where one is, where one can go."""

from typing import Any, Final

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission
from belvedere.control.accounts.selectors import Person
from belvedere.control.appeals.selectors import claims_to, requests_to
from belvedere.control.core.errors import NotFound
from belvedere.control.core.principal import Principal, once
from belvedere.control.core.requests import principal_of
from belvedere.control.core.waiting import count_each
from belvedere.control.devices.panels import PanelView
from belvedere.control.devices.selectors import CameraView, list_cameras, things_to_share
from belvedere.control.handover.selectors import handovers_to
from belvedere.control.organizations.selectors import (
    OrganizationView,
    SiteView,
    invitations_to,
    list_organizations,
    list_received_invitations,
    list_sites,
)
from belvedere.control.providers.selectors import engagements_to, wishes_to
from belvedere.control.sharing.selectors import offers_to
from belvedere.control.web.deputies import list_claims_to_know
from belvedere.control.web.freezing import list_freezes
from belvedere.control.web.invited import invitation_card

#: session keys of the chosen organization, and of its name, for the day it is no longer there
_CHOSEN, _CHOSEN_NAME = "organization", "organization_name"
#: the cookie that remembers the choice beyond the sign-in, of whoever chose last in this browser
_LAST: Final = "__Host-bv-organization" if settings.IS_HTTPS else "bv-organization"
_YEAR_S: Final = 365 * 86400


def person(someone: Person | Principal) -> dict[str, Any]:
    """A person as templates show him: initials and a hue that is always his."""
    words = (someone.name or someone.email or "?").split()
    initials = (words[0][:1] + (words[-1][:1] if len(words) > 1 else words[0][1:2])).upper()
    hue = sum(someone.id.encode()) % 8
    return {
        "id": someone.id,
        "name": someone.name or someone.email,
        "email": someone.email,
        "initials": initials,
        "hue": hue,
    }


# ── Where one is ─────────────────────────────────────────────────────────────────────────────────────────────────────


def organizations_of(request: HttpRequest) -> list[OrganizationView]:
    """The actor's organizations."""
    return list_organizations(principal_of(request))


def current_organization(request: HttpRequest, organizations: list[OrganizationView]) -> OrganizationView | None:
    """The organization that pages show (VV 22): chosen in this sign-in, or in the last one; the personal one at first.

    One that ended while he was in it leads back, with a sentence that says so.
    """
    chosen = request.session.get(_CHOSEN, "") or last_choice(request)
    for row in organizations:
        if row.id == chosen:
            if _CHOSEN not in request.session:
                enter(request, row)
            return row
    fallback = organizations[0] if organizations else None
    lost = request.session.pop(_CHOSEN_NAME, "")
    if lost and fallback:
        enter(request, fallback)
        words = _("You are no longer a member of %(lost)s. You are in %(here)s now.")
        messages.info(request, words % {"lost": lost, "here": fallback.name})
    return fallback


def last_choice(request: HttpRequest) -> str:
    """The organization this account chose last in this browser; "" if none."""
    return str(request.get_signed_cookie(_LAST, default="", salt=principal_of(request).id) or "")


def enter(request: HttpRequest, organization: OrganizationView) -> None:
    """From now on this sign-in's pages show this organization."""
    request.session[_CHOSEN], request.session[_CHOSEN_NAME] = organization.id, organization.name


def choose(request: HttpRequest, organization: OrganizationView) -> HttpResponse:
    """Go into an organization, now and whenever this account comes back to this browser."""
    enter(request, organization)
    response = redirect("wall")
    response.set_signed_cookie(
        _LAST,
        organization.id,
        salt=principal_of(request).id,
        max_age=_YEAR_S,
        secure=settings.IS_HTTPS,
        httponly=True,
        samesite="Lax",
    )
    return response


def landing(request: HttpRequest) -> str:
    """Where a sign-in that was on no way leads: to the choice while there is one to make, else to the wall."""
    actor = principal_of(request)
    organizations = list_organizations(actor)
    if last_choice(request) in {row.id for row in organizations}:
        return reverse("wall")
    has_choice = len(organizations) > 1 or bool(list_received_invitations(actor))
    return reverse("organizations" if has_choice else "wall")


def is_in(view: CameraView | PanelView, organization: OrganizationView | None) -> bool:
    """Whether pages of this organization show this. What others share with a person is in his own."""
    if organization is None:
        return True
    return view.organization == organization.id if view.mine else organization.is_personal


def here(request: HttpRequest) -> OrganizationView | None:
    """The chosen organization, asked for by itself."""
    return current_organization(request, organizations_of(request))


def list_cameras_here(request: HttpRequest) -> list[CameraView]:
    """The cameras of the chosen organization; in one's own, also those that others share with one."""
    chosen = here(request)
    return [view for view in list_cameras(principal_of(request)) if is_in(view, chosen)]


def list_shareable_here(request: HttpRequest) -> list[CameraView]:
    """Those of them that one may share. Raises NotFound for none: who has nothing to share has no such pages (VA 4)."""
    cameras = [view for view in list_cameras_here(request) if view.mine and view.may(Permission.SHARE)]
    if not cameras:
        raise NotFound
    return cameras


def follow(request: HttpRequest, view: CameraView | PanelView) -> None:
    """A link to a camera or panel leads into the organization it belongs to."""
    organizations = organizations_of(request)
    if not is_in(view, current_organization(request, organizations)):
        enter(request, next(row for row in organizations if is_in(view, row)))


def list_sites_to_equip(request: HttpRequest) -> list[SiteView]:
    """Sites of the chosen organization where one may add devices."""
    chosen = here(request)
    sites = list_sites(principal_of(request), chosen.id) if chosen else []
    return [site for site in sites if Permission.CONFIGURE in site.permissions]


# ── The frame ────────────────────────────────────────────────────────────────────────────────────────────────────────


def is_administered(organization: OrganizationView, *, is_equipped: bool) -> bool:
    """Whether there is an *Admin* for the actor there (VV 1).

    Each account owns a personal organization. As long as it holds nothing there is nothing to manage, and who merely
    received a share has no user management anywhere (VA 4).
    """
    return organization.is_managed and (is_equipped or not organization.is_personal)


def frame(request: HttpRequest) -> dict[str, Any]:
    """The context processor of `base.html`."""
    base: dict[str, Any] = {"csp_nonce": getattr(request, "csp_nonce", ""), "nav": ""}
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated or request.headers.get("HX-Request"):
        return base
    actor = principal_of(request)
    organizations = organizations_of(request)
    chosen = current_organization(request, organizations)
    counts = count_waiting(request)
    may_share = chosen is not None and has_things_to_share(actor, chosen.id)
    invitations = [invitation_card(row) for row in list_received_invitations(actor)] if counts["invitations"] else []
    waiting = sum(counts.values())
    has_admin = chosen is not None and is_administered(chosen, is_equipped=may_share)
    return base | {
        "me": person(actor),
        "organization": chosen,
        "organizations": organizations,
        "invitations": invitations,
        "inbox_count": waiting,
        "freezes": list_freezes(actor, organizations),
        "ownership_claims": list_claims_to_know(actor, organizations),
        "nav_items": _nav(chosen, waiting, may_share=may_share, has_admin=has_admin),
    }


@once
def _count(actor: Principal, organization: str) -> dict[str, int]:
    """What the frame counts: what waits for the actor's answer, and what he may share in an organization. One query."""
    cameras, panels = things_to_share(actor, organization)
    return count_each(
        cameras=cameras,
        panels=panels,
        invitations=invitations_to(actor),
        offers=offers_to(actor),
        handovers=handovers_to(actor),
        requests=requests_to(actor),
        claims=claims_to(actor),
        engagements=engagements_to(actor),
        wishes=wishes_to(actor),
    )


def count_waiting(request: HttpRequest) -> dict[str, int]:
    """How much of each kind waits for the actor's answer, wherever he is."""
    chosen = here(request)
    counts = _count(principal_of(request), chosen.id if chosen else "")
    return {kind: count for kind, count in counts.items() if kind not in {"cameras", "panels"}}


def has_things_to_share(actor: Principal, organization: str) -> bool:
    """Whether there is a camera or panel in an organization that the actor may share."""
    counts = _count(actor, organization)
    return bool(counts["cameras"] or counts["panels"])


def _nav(chosen: OrganizationView | None, waiting: int, *, may_share: bool, has_admin: bool) -> list[dict[str, Any]]:
    items = [{"key": "wall", "label": _("Wall"), "url": reverse("wall"), "icon": "wall", "count": 0}]
    # What one may not do has no entry: no devices where one configures none, no sharing for a recipient (VA 4).
    if chosen is None or chosen.is_managed:
        items.append({"key": "devices", "label": _("Devices"), "url": reverse("devices"), "icon": "camera", "count": 0})
    if may_share:
        items.append({"key": "sharing", "label": _("Sharing"), "url": reverse("sharing"), "icon": "people", "count": 0})
    items.append({"key": "inbox", "label": _("Inbox"), "url": reverse("inbox"), "icon": "inbox", "count": waiting})
    if has_admin:
        items.append({"key": "admin", "label": _("Admin"), "url": reverse("admin-users"), "icon": "admin", "count": 0})
    return items
