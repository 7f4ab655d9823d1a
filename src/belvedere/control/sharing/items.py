"""What may be offered: cameras and panels with permissions, checked against who gives them."""

from dataclasses import dataclass
from typing import Final, Literal

from django.utils.translation import gettext as _

from belvedere.contracts.permissions import NONE, SHAREABLE, Permission, normalize
from belvedere.control.access.decision import Decision, GrantFacts, covered
from belvedere.control.access.guard import check
from belvedere.control.access.roles import PERMISSIONS
from belvedere.control.core import clock
from belvedere.control.core.errors import Forbidden, Invalid
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Camera, Panel
from belvedere.control.devices.panels import SHAREABLE_OF_PANELS
from belvedere.control.organizations.standing import Standing
from belvedere.control.sharing.terms import EVERYTHING, Footage, When

MAX_ITEMS: Final = 64


@dataclass(frozen=True, slots=True)
class Item:
    """One camera or panel and what is offered on it.

    `footage` is how far back playback reaches. None: nothing was said of that, so it stays as it was, or is all there
    is. `group` is the group it comes by, that its share follows from then on; "" if it was chosen by hand.
    """

    resource: str
    permissions: Permission
    kind: Literal["camera", "panel"] = "camera"
    footage: Footage | None = None
    group: str = ""

    @property
    def reach(self) -> Footage:
        """How far back playback reaches."""
        return self.footage or EVERYTHING


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
        if item.kind == "camera" and Permission.ARM in item.permissions:
            raise Invalid(_("Arming is for security panels: a camera has nothing to arm."), field="permissions")
        permissions = normalize(item.permissions)
        if permissions != item.permissions:
            raise Invalid(
                _("Listening, talking and moving need live view; export needs playback."), field="permissions"
            )
        if not permissions:
            raise Invalid(_("Choose what they may do: nothing is given by itself."), field="permissions")
        if item.reach != EVERYTHING and Permission.PLAYBACK not in permissions:
            raise Invalid(_("How far back somebody may look means nothing without playback."), field="footage")
        found.append(item)
    return found


def check_items(actor: Principal, items: list[Item], when: When) -> str:
    """The one organization all of it belongs to. The actor may share each, and holds what he gives (rule 5): for as
    long, at those hours, and as far back.

    Raises NotFound, Forbidden, Invalid (of several organizations).
    """
    for item in items:
        decision = check(actor, Permission.SHARE, on=item.kind, resource=item.resource)
        if item.permissions & ~decision.permissions:
            raise Forbidden(_("You cannot give what you do not hold yourself."))
        if item.permissions & ~list_givable(decision, item, when):
            raise Forbidden(_("You cannot give it for longer, or farther back, than you hold it yourself."))
    offered = [item.resource for item in items]
    owners = {
        *Camera.objects.filter(pk__in=offered).values_list("organization_id", flat=True),
        *Panel.objects.filter(pk__in=offered).values_list("device__organization_id", flat=True),
    }
    if len(owners) != 1:
        raise Invalid(_("The cameras of one share belong to one organization."), field="items")
    return str(owners.pop())


def list_givable(decision: Decision, item: Item, when: When) -> Permission:
    """Of what an item gives in that time, what whoever `decision` is about may give (rule 5)."""
    at = clock.now()
    wanted = facts_of(item, when, given_at=at.timestamp())
    # Whoever gives it has to be one who may share it, for as long.
    found = covered(
        decision.because, wanted._replace(permissions=wanted.permissions | Permission.SHARE), at.timestamp()
    )
    return normalize(found & item.permissions) if Permission.SHARE in found else NONE


def covers(standing: Standing | None, site: str, permissions: Permission) -> bool:
    """Whether whoever is that may still give these permissions on a site (rule 5)."""
    held = PERMISSIONS[standing.on(site)] if standing else NONE
    return Permission.SHARE in held and not permissions & ~held


def facts_of(item: Item, when: When, *, given_at: float) -> GrantFacts:
    """What an item would give, as decisions read grants; accepted at `given_at`."""
    return GrantFacts(
        id="",
        resource=item.resource,
        permissions=int(item.permissions),
        origin="",
        origin_id="",
        starts_at=when.starts_at.timestamp() if when.starts_at else None,
        ends_at=when.ends_at.timestamp() if when.ends_at else None,
        hours=when.hours,
        footage_last_s=item.reach.last_s,
        footage_from=given_at if item.reach.is_since_grant else None,
    )


def check_once(items: list[Item]) -> None:
    """Raises Invalid for what cannot be given for one time: a camera is watched, not used."""
    if len(items) != 1 or items[0].kind != "panel" or Permission.ARM not in items[0].permissions:
        raise Invalid(_("One use is for one panel, to arm or disarm it."), field="once")
