"""What the frame of every page needs: who one is, where one is, where one can go."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission
from belvedere.control.accounts.selectors import Person
from belvedere.control.core.principal import Principal
from belvedere.control.core.requests import principal_of
from belvedere.control.devices.selectors import list_cameras
from belvedere.control.organizations.selectors import OrganizationView, list_organizations
from belvedere.control.sharing.selectors import count_offers


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


def current_organization(request: HttpRequest, organizations: list[OrganizationView]) -> OrganizationView | None:
    """The chosen organization, remembered in the session; the personal one at first."""
    chosen = request.session.get("organization")
    return next((row for row in organizations if row.id == chosen), organizations[0] if organizations else None)


def frame(request: HttpRequest) -> dict[str, Any]:
    """The context processor of `base.html`."""
    base: dict[str, Any] = {"csp_nonce": getattr(request, "csp_nonce", ""), "nav": ""}
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated or request.headers.get("HX-Request"):
        return base
    actor = principal_of(request)
    organizations = list_organizations(actor)
    offers = count_offers(actor)
    may_share = any(row.may(Permission.SHARE) for row in list_cameras(actor))
    return base | {
        "me": person(actor),
        "organization": current_organization(request, organizations),
        "organizations": organizations,
        "inbox_count": offers,
        "nav_items": _nav(offers, may_share=may_share),
    }


def _nav(offers: int, *, may_share: bool) -> list[dict[str, Any]]:
    items = [
        {"key": "wall", "label": _("Wall"), "url": reverse("wall"), "icon": "wall", "count": 0},
        {"key": "devices", "label": _("Devices"), "url": reverse("devices"), "icon": "camera", "count": 0},
    ]
    # A recipient has no share or user management, in no place (VA 4).
    if may_share:
        items.append({"key": "sharing", "label": _("Sharing"), "url": reverse("sharing"), "icon": "people", "count": 0})
    items.append({"key": "inbox", "label": _("Inbox"), "url": reverse("inbox"), "icon": "inbox", "count": offers})
    return items
