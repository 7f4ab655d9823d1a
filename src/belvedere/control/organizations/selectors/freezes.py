"""Reading freezes: whether an organization is frozen, by whom, until when, and who agrees that it ends."""

from dataclasses import dataclass
from datetime import datetime

from belvedere.control.access.models import Freeze
from belvedere.control.access.roles import Role
from belvedere.control.accounts.selectors import Person, get_persons
from belvedere.control.core import clock
from belvedere.control.core.errors import NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.principal import Principal
from belvedere.control.organizations.models import Organization
from belvedere.control.organizations.selectors.members import find_tenure
from belvedere.control.organizations.standing import WHOLE


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeView:
    """A freeze that holds now. `begun_by` is None where whoever runs the server began it."""

    id: str
    organization: str
    begun_at: datetime
    ends_at: datetime
    begun_by: Person | None
    owner_agreed: bool
    admin_agreed: bool
    change_id: str


@dataclass(frozen=True, slots=True)
class Freezing:
    """What a member sees of freezing his organization. `may_act`: he is its owner or a Super Admin."""

    organization: str
    organization_name: str
    freeze: FreezeView | None
    may_act: bool
    #: whether his side has agreed that the freeze ends
    has_agreed: bool


def find_freeze(organization: str) -> FreezeView | None:
    """The freeze of an organization, if it is frozen now. The caller has decided who may know."""
    row = Freeze.objects.filter(organization=organization, ends_at__gt=clock.now()).order_by("-ends_at").first()
    if row is None:
        return None
    return FreezeView(
        id=row.pk,
        organization=row.organization,
        begun_at=row.begun_at,
        ends_at=row.ends_at,
        begun_by=get_persons([row.begun_by]).get(row.begun_by),
        owner_agreed=row.owner_agreed_at is not None,
        admin_agreed=row.admin_agreed_at is not None,
        change_id=row.change_id,
    )


def get_freezing(actor: Principal, organization: str) -> Freezing:
    """For every member: a freeze is no secret to those it blinds. Raises NotFound."""
    tenure = find_tenure(actor.id, organization) if is_id(organization) else None
    if tenure is None:
        raise NotFound
    freeze, role = find_freeze(organization), tenure.standing.role
    has_agreed = freeze is not None and (freeze.owner_agreed if role is Role.OWNER else freeze.admin_agreed)
    name = Organization.objects.values_list("name", flat=True).get(pk=organization)
    return Freezing(organization, name, freeze, role in WHOLE, has_agreed and role in WHOLE)
