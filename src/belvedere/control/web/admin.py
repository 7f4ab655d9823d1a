"""What the pages under Admin share: for which organization they are, and the tabs among them."""

from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from belvedere.control.core.errors import NotFound
from belvedere.control.core.principal import Principal
from belvedere.control.core.requests import principal_of
from belvedere.control.organizations.selectors import (
    Management,
    OrganizationView,
    get_management,
    get_organization,
    list_organizations,
)
from belvedere.control.web.context import current_organization, has_things_to_share, is_administered

TABS: Final = (
    ("users", gettext_lazy("Users")),
    ("sites", gettext_lazy("Sites")),
    ("providers", gettext_lazy("Service")),
    ("audit", gettext_lazy("Audit")),
    ("settings", gettext_lazy("Settings")),
)


def administered_organization(request: HttpRequest) -> OrganizationView:
    """The organization this browser is in. Raises NotFound for who belongs to none."""
    organization = current_organization(request, list_organizations(principal_of(request)))
    if organization is None:
        raise NotFound
    return organization


@dataclass(frozen=True, slots=True)
class Desk:
    """Where one sits: the actor, the organization that the page speaks for, and where in it he manages members."""

    actor: Principal
    organization: OrganizationView
    management: Management


def sit_down(request: HttpRequest) -> Desk:
    """The current organization; a form says itself for which one it was filled in, whatever was switched to since.

    Raises NotFound, and Forbidden for members without user management (VV 1).
    """
    actor = principal_of(request)
    asked = request.POST.get("organization", "")
    organization = get_organization(actor, asked) if asked else administered_organization(request)
    is_equipped = has_things_to_share(actor, organization.id)
    if organization.is_managed and not is_administered(organization, is_equipped=is_equipped):
        raise NotFound
    return Desk(actor, organization, get_management(actor, organization.id))


def admin_frame(tab: str) -> dict[str, Any]:
    """What `web/_admin.html` needs."""
    tabs = [{"key": key, "label": label, "url": f"/admin/{key}"} for key, label in TABS]
    return {"nav": "admin", "admin_tab": tab, "admin_tabs": tabs}
