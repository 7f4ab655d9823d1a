"""Reading who stands in for an owner, and the claim he made. For those who watch over the organization alone."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from belvedere.control.access.roles import Role
from belvedere.control.accounts.selectors import Person, get_persons
from belvedere.control.core.errors import Forbidden, NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.offers import OPEN_STATES, OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.organizations.models import Deputy, Organization, OwnershipClaim
from belvedere.control.organizations.selectors.members import find_tenure_in_force
from belvedere.control.organizations.selectors.trust import list_watchers
from belvedere.control.organizations.standing import WHOLE


@dataclass(frozen=True, slots=True, kw_only=True)
class DeputyView:
    """Whom the owner named. `has_agreed`: he said yes, and may claim."""

    id: str
    account: Person
    named_at: datetime
    has_agreed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnershipClaimView:
    """A claim that waits: at `due_at` the claimant owns the organization, unless somebody objects."""

    id: str
    organization: str
    organization_name: str
    claimant: Person
    owner: Person
    made_at: datetime
    due_at: datetime
    is_mine: bool
    #: the reader is the owner: that he reads it may be all that is needed
    is_against_me: bool


@dataclass(frozen=True, slots=True)
class Deputizing:
    """An organization's deputy and claim, as its owner or a Super Admin sees them."""

    organization: str
    organization_name: str
    owner: Person
    deputy: DeputyView | None
    claim: OwnershipClaimView | None
    is_owner: bool
    is_deputy: bool
    #: Super Admins, of whom an owner may name one
    candidates: tuple[Person, ...]


def find_deputy(organization: str) -> Deputy | None:
    """The deputy who counts: named by who owns it now, and a Super Admin of it still, or asked to be. Two queries."""
    row = (
        Deputy.objects.filter(organization=organization, state__in=OPEN_STATES, account__is_active=True)
        .select_related("organization", "account")
        .first()
    )
    if row is None or row.named_by_id != row.organization.owner_id:
        return None
    tenure = find_tenure_in_force(row.account_id, organization)
    return row if tenure and tenure.standing.role is Role.SUPER_ADMIN else None


def get_deputizing(actor: Principal, organization: str) -> Deputizing:
    """For the owner and the Super Admins. Raises NotFound for who is no member, Forbidden for who is less."""
    tenure = find_tenure_in_force(actor.id, organization) if is_id(organization) else None
    if tenure is None:
        raise NotFound
    if tenure.standing.role not in WHOLE:
        raise Forbidden
    row = find_deputy(organization)
    claims = list_ownership_claims(actor, [organization])
    owned = Organization.objects.select_related("owner").get(pk=organization)
    watchers = list_watchers(organization)
    return Deputizing(
        organization=organization,
        organization_name=owned.name,
        owner=Person(owned.owner.pk, owned.owner.name, owned.owner.email),
        deputy=DeputyView(
            id=row.pk,
            account=Person(row.account.pk, row.account.name, row.account.email),
            named_at=row.offered_at,
            has_agreed=row.state == OfferState.ACCEPTED,
        )
        if row
        else None,
        claim=claims[0] if claims else None,
        is_owner=owned.owner_id == actor.id,
        is_deputy=row is not None and row.account_id == actor.id,
        candidates=tuple(one for one in watchers if one.id != owned.owner_id),
    )


def list_ownership_claims(actor: Principal, organizations: Iterable[str]) -> list[OwnershipClaimView]:
    """Claims that wait in these organizations, which the actor watches over: the caller has decided. Two queries."""
    asked = list(organizations)
    if not asked:
        return []
    rows = OwnershipClaim.objects.filter(organization__in=asked, state=OfferState.PENDING)
    found = list(rows.select_related("organization").order_by("due_at", "pk"))
    people = get_persons({who for row in found for who in (row.claimant_id, row.owner_id)}) if found else {}
    return [
        OwnershipClaimView(
            id=row.pk,
            organization=row.organization_id,
            organization_name=row.organization.name,
            claimant=people[row.claimant_id],
            owner=people[row.owner_id],
            made_at=row.offered_at,
            due_at=row.due_at,
            is_mine=row.claimant_id == actor.id,
            is_against_me=row.owner_id == actor.id,
        )
        for row in found
    ]
