"""Reading handovers: each is known to its two sides alone, and as a plan to its giver alone."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from belvedere.control.access.roles import Role
from belvedere.control.accounts.models import digest_of
from belvedere.control.accounts.selectors import Person, addresses_proven_by
from belvedere.control.core import clock
from belvedere.control.core.errors import Forbidden, NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Device
from belvedere.control.handover.models import OPEN, Handover, HandoverState, Kind
from belvedere.control.organizations.models import Membership, Site
from belvedere.control.organizations.selectors import OrganizationView, get_organization
from belvedere.control.sharing.selectors.blocking import sharers_blocked_by
from belvedere.control.streaming.selectors import CutView, list_cuts

#: the life of every offer, in the words of handovers
STATES: Final = {
    HandoverState.DRAFT: "draft",
    HandoverState.PENDING: "pending",
    HandoverState.ACCEPTED: "accepted",
    HandoverState.REJECTED: "declined",
    HandoverState.REVOKED: "withdrawn",
    HandoverState.EXPIRED: "expired",
}
#: why an accepted one was taken back
UNDONE: Final = "undone"
#: why a plan is over that nobody touched any more
FORGOTTEN: Final = "forgotten"


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverView:
    """A handover as either side sees it."""

    id: str
    kind: str
    organization: str
    organization_name: str
    #: what goes: the organization, or one of its sites or devices
    thing: str
    thing_name: str
    giver: Person
    #: no more than an address until somebody has answered who is not known to the giver anyway (N1)
    receiver: Person
    #: what the giver is once it is done: `super_admin`, `leaves`, or `warranty` until `warranty_until`
    afterwards: str
    warranty_until: datetime | None
    passes_credentials: bool
    state: str
    offered_at: datetime
    expires_at: datetime
    decided_at: datetime | None
    #: until when either side can undo it
    final_at: datetime | None
    change_id: str
    #: of a site or device: the organization it went to, and its id there
    destination: str
    became: str
    #: whether the actor is the one who is to answer
    is_received: bool


def state_of(handover: Handover) -> str:
    """The state now, written down or not: what ran out is expired, what nobody undid is done."""
    at = clock.now()
    if handover.state in OPEN and at >= handover.expires_at:
        return STATES[HandoverState.EXPIRED]
    if handover.state == HandoverState.ACCEPTED and (handover.final_at is None or at >= handover.final_at):
        return "done"
    if handover.state == HandoverState.REVOKED and handover.ended_reason == UNDONE:
        return UNDONE
    return STATES[HandoverState(handover.state)]


def _known_to(actor: Principal) -> QuerySet[Handover]:
    """Those of which the actor is one side. Who is no member any more knows nothing of the organization (VV 34).

    But for the day in which he could still undo it. A plan is its giver's alone.
    """
    own = {"account_id": actor.id, "is_active": True}
    is_member = Exists(Membership.objects.filter(organization=OuterRef("organization"), **own))
    waits = Q(state=HandoverState.PENDING, receiver=None, receiver_email__in=addresses_proven_by(actor.id))
    # Whom one blocked has no way in by this one, either.
    received = Q(receiver_id=actor.id) | waits
    received &= ~(Q(state=HandoverState.PENDING) & Q(giver__in=sharers_blocked_by(actor.id)))
    is_open = Q(kind__in=[Kind.SITE, Kind.DEVICE]) | Q(final_at__gt=clock.now(), state=HandoverState.ACCEPTED)
    # What was thrown away or forgotten before it was offered, nobody else has heard of.
    was_offered = ~Q(state=HandoverState.DRAFT) & ~Q(extent="")
    given = Q(giver_id=actor.id) & (is_member | Q(final_at__gt=clock.now(), state=HandoverState.ACCEPTED))
    rows = Handover.objects.filter(given | (received & (is_member | is_open) & was_offered))
    return rows.select_related("organization", "site", "device", "giver", "receiver").order_by("-offered_at", "-pk")


def name_of(row: Handover) -> str:
    """What the thing that goes is called."""
    return (row.device or row.site or row.organization).name


def receiver_of(row: Handover) -> Person:
    """The other side, as far as the giver may know it."""
    if row.receiver is None:
        return Person("", row.receiver_email, row.receiver_email)
    return Person(row.receiver.pk, row.receiver.name, row.receiver.email)


def _view(actor: Principal, row: Handover) -> HandoverView:
    is_giver = row.giver_id == actor.id
    return HandoverView(
        id=row.pk,
        kind=row.kind,
        organization=row.organization_id,
        organization_name=row.organization.name,
        thing=row.thing,
        thing_name=name_of(row),
        giver=Person(row.giver.pk, row.giver.name, row.giver.email),
        receiver=receiver_of(row),
        afterwards=row.afterwards,
        warranty_until=row.warranty_until,
        passes_credentials=row.passes_credentials,
        state=state_of(row),
        offered_at=row.offered_at,
        expires_at=row.expires_at,
        decided_at=row.ended_at or row.decided_at,
        final_at=row.final_at,
        change_id=row.change_id,
        # Where it went is the new owner's to tell.
        destination="" if is_giver and row.kind != Kind.ORGANIZATION else row.destination_id or "",
        became="" if is_giver and row.kind != Kind.ORGANIZATION else row.became,
        is_received=not is_giver,
    )


def list_own_cuts(actor: Principal, handover: str) -> list[CutView]:
    """What the change cut, as far as it is the actor's business. Raises NotFound.

    Of a site or device each side knows its own pictures alone: who watched what in the other's organization is not told
    to whoever it went to, or came from (N17).
    """
    view = get_handover(actor, handover)
    cuts = list_cuts(view.change_id) if view.change_id else []
    return [cut for cut in cuts if view.kind == Kind.ORGANIZATION or cut.account.id == actor.id]


def list_handovers(actor: Principal) -> list[HandoverView]:
    """Those the actor plans, gave or was offered, newest first. Two queries."""
    return [_view(actor, row) for row in _known_to(actor)]


def list_received_handovers(actor: Principal) -> list[HandoverView]:
    """Those that wait for the actor's answer, newest first. Two queries."""
    return [_view(actor, row) for row in handovers_to(actor)]


def handovers_to(actor: Principal) -> QuerySet[Handover]:
    """The same as rows, to be counted."""
    rows = _known_to(actor).filter(state=HandoverState.PENDING, expires_at__gt=clock.now())
    return rows.exclude(giver_id=actor.id)


def find_handover(actor: Principal, handover: str) -> Handover:
    """The row of one of the actor's own, for services. Raises NotFound."""
    row = _known_to(actor).filter(pk=handover).first() if is_id(handover) else None
    if row is None:
        raise NotFound
    return row


def get_handover(actor: Principal, handover: str) -> HandoverView:
    """One of the actor's own. Raises NotFound."""
    return _view(actor, find_handover(actor, handover))


def find_open_handover(actor: Principal, thing: str) -> HandoverView | None:
    """The plan or offer of this organization, site or device, if the actor is a side of it."""
    rows = _known_to(actor).filter(thing=thing, state__in=OPEN, expires_at__gt=clock.now())
    row = rows.first() if is_id(thing) else None
    return _view(actor, row) if row else None


def find_handover_address(secret: str) -> str:
    """The address whose mail carried this secret, while its offer waits; "" otherwise. Leads through sign-up (VA 5)."""
    rows = Handover.objects.filter(state=HandoverState.PENDING, expires_at__gt=clock.now(), receiver=None)
    row = rows.filter(join_digest=digest_of(secret)).first() if secret else None
    return row.receiver_email if row else ""


def get_owned_organization(actor: Principal, organization: str) -> OrganizationView:
    """An organization that the actor owns: the field decides, no role. Raises NotFound, Forbidden for its members."""
    view = get_organization(actor, organization)
    if not view.is_owned:
        raise Forbidden
    return view


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """What an owner may hand over: his organization, or one of its sites or devices."""

    kind: Kind
    id: str
    name: str
    organization: OrganizationView


def get_thing(actor: Principal, kind: str, thing: str) -> Thing:
    """What the actor wants to hand over, if it is his to give. Raises NotFound, Forbidden for who does not own it."""
    if kind not in Kind.values or not is_id(thing):
        raise NotFound
    if kind == Kind.ORGANIZATION:
        view = get_owned_organization(actor, thing)
        return Thing(kind=Kind.ORGANIZATION, id=thing, name=view.name, organization=view)
    rows: Iterable[tuple[str, str]] = (
        Site.objects.filter(pk=thing, closed_at=None).values_list("organization_id", "name")
        if kind == Kind.SITE
        else Device.objects.filter(pk=thing, unbound_at=None).values_list("organization_id", "name")
    )
    for organization, name in rows:
        view = get_owned_organization(actor, organization)
        return Thing(kind=Kind(kind), id=thing, name=name, organization=view)
    raise NotFound


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
