"""What stands between somebody and the closing of his account."""

from dataclasses import dataclass
from typing import Literal

from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Device
from belvedere.control.organizations.models import Membership


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Something that would be left without an owner. `others`: members of the organization beside the actor."""

    kind: Literal["device", "organization"]
    id: str
    name: str
    organization: str
    is_personal: bool
    others: int = 0


def list_obstacles(actor: Principal) -> list[Obstacle]:
    """Organizations the actor owns that have other members, then devices of those he owns. Two queries."""
    others = Membership.objects.filter(organization__owner_id=actor.id, is_active=True).exclude(account_id=actor.id)
    counted: dict[str, Obstacle] = {}
    for row in others.select_related("organization").order_by("organization__name", "pk"):
        owned = row.organization
        before = counted[owned.pk].others if owned.pk in counted else 0
        counted[owned.pk] = Obstacle("organization", owned.pk, owned.name, owned.name, owned.is_personal, before + 1)
    devices = Device.objects.filter(organization__owner_id=actor.id, unbound_at=None).select_related("organization")
    return [
        *counted.values(),
        *(
            Obstacle("device", row.pk, row.name, row.organization.name, row.organization.is_personal)
            for row in devices.order_by("organization__name", "name", "pk")
        ),
    ]
