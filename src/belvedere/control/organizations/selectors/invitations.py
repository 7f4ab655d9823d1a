"""Reading invitations: those one's organization sent, and those one was sent."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Exists, OuterRef, Q, QuerySet

from belvedere.control.access.roles import Role
from belvedere.control.accounts.models import digest_of
from belvedere.control.accounts.selectors import Person, addresses_proven_by, numbers_proven_by
from belvedere.control.core import clock
from belvedere.control.core.errors import Forbidden, NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.offers import OfferState
from belvedere.control.core.principal import Principal, once
from belvedere.control.organizations.models import Invitation
from belvedere.control.organizations.selectors.members import Management, get_management
from belvedere.control.organizations.standing import Standing, highest, may_take

#: the life of every offer, in the words of invitations
STATES: Final = {
    OfferState.PENDING: "pending",
    OfferState.ACCEPTED: "accepted",
    OfferState.REJECTED: "declined",
    OfferState.REVOKED: "cancelled",
    OfferState.EXPIRED: "expired",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SentInvitation:
    """An invitation as the managers of its organization see it."""

    id: str
    organization: str
    address: str
    standing: Standing
    state: str
    inviter: Person
    offered_at: datetime
    expires_at: datetime
    decided_at: datetime | None
    #: whether the reader may send it again or take it back: he could have sent it himself
    may_act: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedInvitation:
    """An invitation as the invited sees it: the organization's name, the inviter, role and end, and nothing else."""

    id: str
    organization_name: str
    inviter: Person
    role: Role
    state: str
    expires_at: datetime
    address: str


def standing_offered(invitation: Invitation) -> Standing:
    """What is offered, as it was written down."""
    role = Role(invitation.role)
    roles = {site: Role(name) for site, name in invitation.site_roles.items()}
    if invitation.is_everywhere:
        return Standing(role, None, roles)
    return Standing(
        role,
        frozenset(site for site, held in roles.items() if held is role),
        {site: held for site, held in roles.items() if held is not role},
    )


def state_of(invitation: Invitation) -> str:
    """The state now: what ran out is expired, whether or not somebody has written that down."""
    if invitation.state == OfferState.PENDING and clock.now() >= invitation.expires_at:
        return STATES[OfferState.EXPIRED]
    return STATES[OfferState(invitation.state)]


def _sent(row: Invitation, management: Management) -> SentInvitation:
    standing = standing_offered(row)
    return SentInvitation(
        id=row.pk,
        organization=row.organization_id,
        address=row.address,
        standing=standing if management.is_whole else standing.seen_from(management.sites),
        state=state_of(row),
        inviter=Person(row.inviter.pk, row.inviter.name, row.inviter.email),
        offered_at=row.offered_at,
        expires_at=row.expires_at,
        decided_at=row.decided_at,
        may_act=may_take(management.standing, standing),
    )


def _is_seen(row: Invitation, management: Management) -> bool:
    """All of them, or those that give something on the manager's own sites, or name one to give nothing there."""
    standing = standing_offered(row)
    return management.is_whole or any(
        site in row.site_roles or standing.on(site) is not Role.NO_ACCESS for site in management.sites
    )


def list_invitations(
    actor: Principal,
    organization: str,
    *,
    text: str = "",
    states: tuple[str, ...] = ("pending", "expired"),
    since: datetime | None = None,
    is_latest: bool = False,
    management: Management | None = None,
) -> list[SentInvitation]:
    """Invitations, newest first; with `is_latest` only those after which none went to the same address.

    `management` is the actor's own there, if just read. A constant number of queries. Raises NotFound, Forbidden.
    """
    management = management or get_management(actor, organization)
    rows = Invitation.objects.filter(organization_id=organization).select_related("inviter")
    wanted = [state for state, name in STATES.items() if name in states]
    if STATES[OfferState.EXPIRED] in states and OfferState.PENDING not in wanted:
        wanted.append(OfferState.PENDING)
    rows = rows.filter(state__in=wanted)
    if since:
        rows = rows.filter(offered_at__gte=since)
    if is_latest:
        later = Invitation.objects.filter(
            organization_id=organization, address=OuterRef("address"), offered_at__gt=OuterRef("offered_at")
        )
        rows = rows.exclude(Exists(later))
    for word in text.split():
        rows = rows.filter(address__icontains=word)
    views = [_sent(row, management) for row in rows.order_by("-offered_at", "-pk")[:500] if _is_seen(row, management)]
    return [view for view in views if view.state in states]


def get_invitation(actor: Principal, invitation: str) -> SentInvitation:
    """One invitation, for who manages what it gives. Raises NotFound."""
    row = _rows().filter(pk=invitation).first() if is_id(invitation) else None
    if row is None:
        raise NotFound
    try:
        management = get_management(actor, row.organization_id)
    except Forbidden:
        # Of who else was invited a plain member knows nothing.
        raise NotFound from None
    if not _is_seen(row, management):
        raise NotFound
    return _sent(row, management)


def _rows() -> QuerySet[Invitation]:
    return Invitation.objects.select_related("organization", "inviter")


def _received(row: Invitation) -> ReceivedInvitation:
    standing = standing_offered(row)
    return ReceivedInvitation(
        id=row.pk,
        organization_name=row.organization.name,
        inviter=Person(row.inviter.pk, row.inviter.name, row.inviter.email),
        role=highest(standing),
        state=state_of(row),
        expires_at=row.expires_at,
        address=row.address,
    )


@once
def list_received_invitations(actor: Principal) -> list[ReceivedInvitation]:
    """Invitations that wait for the actor at an address or number he has proven, newest first."""
    return [_received(row) for row in invitations_to(actor).order_by("-offered_at")]


def invitations_to(actor: Principal) -> QuerySet[Invitation]:
    """The same as rows, to be counted."""
    return _sent_to(actor).filter(state=OfferState.PENDING, expires_at__gt=clock.now())


def _sent_to(actor: Principal) -> QuerySet[Invitation]:
    own = Q(address__in=addresses_proven_by(actor.id)) | Q(address__in=numbers_proven_by(actor.id))
    return _rows().filter(own)


def get_received_invitation(actor: Principal, invitation: str) -> ReceivedInvitation:
    """One that was sent to the actor. Raises NotFound for anybody else's."""
    row = _sent_to(actor).filter(pk=invitation).first() if is_id(invitation) else None
    if row is None:
        raise NotFound
    return _received(row)


def find_invitation_by_token(token: str) -> ReceivedInvitation | None:
    """The invitation whose latest mail carries this token. For who holds the mail: nobody else has the token."""
    row = _rows().filter(~Q(token_digest=""), token_digest=digest_of(token)).first() if token else None
    return _received(row) if row else None


def find_waiting_address(invitation: str) -> str:
    """Where an invitation that still waits was sent; "" otherwise. For who has shown the secret of its mail."""
    row = Invitation.objects.filter(pk=invitation).first() if is_id(invitation) else None
    return row.address if row and state_of(row) == "pending" else ""
