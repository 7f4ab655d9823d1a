"""What may be offered: cameras and panels with permissions, checked against who gives them."""

from dataclasses import dataclass
from typing import Final, Literal

from django.utils.translation import gettext as _

from belvedere.contracts.permissions import SHAREABLE, Permission, normalize
from belvedere.control.access.guard import check
from belvedere.control.core.errors import Forbidden, Invalid
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Camera, Panel
from belvedere.control.devices.panels import SHAREABLE_OF_PANELS

MAX_ITEMS: Final = 64


@dataclass(frozen=True, slots=True)
class Item:
    """One camera or panel and what is offered on it."""

    resource: str
    permissions: Permission
    kind: Literal["camera", "panel"] = "camera"


def normalize_items(items: list[Item]) -> list[Item]:
    """The items, if each makes sense and none stands twice. Raises Invalid."""
    if not items or len(items) > MAX_ITEMS:
        raise Invalid(_("Choose at least one camera, and at most %(count)d.") % {"count": MAX_ITEMS}, field="items")
    if len({item.resource for item in items}) != len(items):
        raise Invalid(_("A camera stands twice in this share."), field="items")
    found = []
    for item in items:
        if item.permissions & ~SHAREABLE:
            raise Invalid(_("Only members of an organization can hold that permission."), field="permissions")
        if item.kind == "panel" and item.permissions & ~SHAREABLE_OF_PANELS:
            raise Invalid(
                _("A panel can be armed and disarmed, and tell of alarms. It has no picture."), field="permissions"
            )
        permissions = normalize(item.permissions)
        if permissions != item.permissions:
            raise Invalid(
                _("Listening, talking and moving need live view; export needs playback."), field="permissions"
            )
        if not permissions:
            raise Invalid(_("Choose what they may do: nothing is given by itself."), field="permissions")
        found.append(Item(item.resource, permissions, item.kind))
    return found


def check_items(actor: Principal, items: list[Item]) -> str:
    """The one organization all of it belongs to. The actor may share each, and holds what he gives (rule 5).

    Raises NotFound, Forbidden, Invalid (of several organizations).
    """
    for item in items:
        decision = check(actor, Permission.SHARE, on=item.kind, resource=item.resource)
        if item.permissions & ~decision.permissions:
            raise Forbidden(_("You cannot give what you do not hold yourself."))
    offered = [item.resource for item in items]
    owners = {
        *Camera.objects.filter(pk__in=offered).values_list("organization_id", flat=True),
        *Panel.objects.filter(pk__in=offered).values_list("device__organization_id", flat=True),
    }
    if len(owners) != 1:
        raise Invalid(_("The cameras of one share belong to one organization."), field="items")
    return str(owners.pop())
