"""Reading handovers: each is known to its two sides alone, and to them while they are members."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from belvedere.control.access.roles import Role
from belvedere.control.accounts.selectors import Person
from belvedere.control.core import clock
from belvedere.control.core.errors import Forbidden, NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.offers import OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.handover.models import Handover
from belvedere.control.organizations.models import Membership
from belvedere.control.organizations.selectors import OrganizationView, get_organization

#: the life of every offer, in the words of handovers
STATES: Final = {
    OfferState.PENDING: "pending",
    OfferState.ACCEPTED: "accepted",
    OfferState.REJECTED: "declined",
    OfferState.REVOKED: "withdrawn",
    OfferState.EXPIRED: "expired",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverView:
    """A handover as either side sees it."""

    id: str
    kind: str
    organization: str
    organization_name: str
    giver: Person
    receiver: Person
    #: what the giver is once it is done: `super_admin`, or `leaves`
    afterwards: str
    state: str
    offered_at: datetime
    expires_at: datetime
    decided_at: datetime | None
    change_id: str
    #: whether the actor is the one who is to answer
    is_received: bool


def state_of(handover: Handover) -> str:
    """The state now: what ran out is expired, whether or not somebody has written that down."""
    if handover.state == OfferState.PENDING and clock.now() >= handover.expires_at:
        return STATES[OfferState.EXPIRED]
    return STATES[OfferState(handover.state)]


def _known_to(actor: Principal) -> QuerySet[Handover]:
    """Those of which the actor is one side. Who is no member any more knows nothing of the organization (VV 34)."""
    membership = Membership.objects.filter(organization=OuterRef("organization"), account_id=actor.id, is_active=True)
    rows = Handover.objects.filter(Q(giver_id=actor.id) | Q(receiver_id=actor.id)).filter(Exists(membership))
    return rows.select_related("organization", "giver", "receiver").order_by("-offered_at", "-pk")


def _view(actor: Principal, row: Handover) -> HandoverView:
    return HandoverView(
        id=row.pk,
        kind=row.kind,
        organization=row.organization_id,
        organization_name=row.organization.name,
        giver=Person(row.giver.pk, row.giver.name, row.giver.email),
        receiver=Person(row.receiver.pk, row.receiver.name, row.receiver.email),
        afterwards=row.afterwards,
        state=state_of(row),
        offered_at=row.offered_at,
        expires_at=row.expires_at,
        decided_at=row.decided_at or row.ended_at,
        change_id=row.change_id,
        is_received=row.receiver_id == actor.id,
    )


def list_handovers(actor: Principal) -> list[HandoverView]:
    """Those the actor gave or was offered, newest first. One query."""
    return [_view(actor, row) for row in _known_to(actor)]


def list_received_handovers(actor: Principal) -> list[HandoverView]:
    """Those that wait for the actor's answer, newest first. One query."""
    rows = _known_to(actor).filter(receiver_id=actor.id, state=OfferState.PENDING, expires_at__gt=clock.now())
    return [_view(actor, row) for row in rows]


def get_handover(actor: Principal, handover: str) -> HandoverView:
    """One of the actor's own. Raises NotFound."""
    row = _known_to(actor).filter(pk=handover).first() if is_id(handover) else None
    if row is None:
        raise NotFound
    return _view(actor, row)


def find_waiting_handover(actor: Principal, organization: str) -> HandoverView | None:
    """The one that waits in this organization, if the actor is a side of it."""
    rows = _known_to(actor).filter(organization_id=organization, state=OfferState.PENDING, expires_at__gt=clock.now())
    row = rows.first() if is_id(organization) else None
    return _view(actor, row) if row else None


def get_owned_organization(actor: Principal, organization: str) -> OrganizationView:
    """An organization that the actor owns: the field decides, no role. Raises NotFound, Forbidden for its members."""
    view = get_organization(actor, organization)
    if not view.is_owned:
        raise Forbidden
    return view


def list_possible_receivers(actor: Principal, organization: str) -> list[Person]:
    """Who could own it next, by name. Raises NotFound, Forbidden. A constant number of queries."""
    get_owned_organization(actor, organization)
    rows = list_receivers(organization).order_by("account__name", "pk")
    return [Person(row.account.pk, row.account.name, row.account.email) for row in rows]


def list_receivers(organization: str) -> QuerySet[Membership]:
    """Memberships that may become the owner's: of Super Admins who can sign in and have proven their address."""
    return Membership.objects.filter(
        organization_id=organization,
        role=Role.SUPER_ADMIN,
        is_active=True,
        account__is_active=True,
        account__emailaddress__email=F("account__email"),
        account__emailaddress__verified=True,
    ).select_related("account")
