"""What the pages under Admin share: for which organization they are, and the tabs among them."""

from typing import Any, Final

from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from belvedere.control.core.errors import NotFound
from belvedere.control.core.requests import principal_of
from belvedere.control.organizations.selectors import OrganizationView, list_organizations
from belvedere.control.web.context import current_organization

TABS: Final = (
    ("users", gettext_lazy("Users")),
    ("sites", gettext_lazy("Sites")),
    ("audit", gettext_lazy("Audit")),
    ("settings", gettext_lazy("Settings")),
)


def administered_organization(request: HttpRequest) -> OrganizationView:
    """The organization this browser is in. Raises NotFound for who belongs to none."""
    organization = current_organization(request, list_organizations(principal_of(request)))
    if organization is None:
        raise NotFound
    return organization


def admin_frame(tab: str) -> dict[str, Any]:
    """What `web/_admin.html` needs."""
    tabs = [{"key": key, "label": label, "url": f"/admin/{key}"} for key, label in TABS]
    return {"nav": "admin", "admin_tab": tab, "admin_tabs": tabs}
