"""What ties two people: what one would lose, and the other give back, if they moved apart (threats.md §5).

Read for whoever moves out, as far as he manages it: of what the other has elsewhere he learns nothing (N17).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from django.db.models import Q

from belvedere.contracts.permissions import Permission
from belvedere.control.access.models import Grant
from belvedere.control.access.roles import Role
from belvedere.control.access.selectors import list_resources_once_held
from belvedere.control.accounts.models import RecoveryContact
from belvedere.control.accounts.selectors import Person, get_persons, list_verified_addresses
from belvedere.control.appeals.models import AccessRequest, DeviceClaim
from belvedere.control.core import clock
from belvedere.control.core.errors import Forbidden, NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.offers import OPEN_STATES, OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Camera, Device, Kind, Panel
from belvedere.control.guests.models import GuestLink
from belvedere.control.handover.models import Handover, HandoverState
from belvedere.control.handover.models.transfers import OPEN
from belvedere.control.organizations.models import Deputy, Invitation, Membership, Organization, Site
from belvedere.control.organizations.selectors import get_management, get_member, list_organizations
from belvedere.control.providers.models import Engagement
from belvedere.control.sharing.models import Share, in_states
from belvedere.control.sharing.selectors.moving_out import list_counterparts, shares_given_back, shares_that_end

type What = Literal[
    "role", "share", "offer", "given_on", "link", "invitation", "request", "handover", "service", "deputy", "contact"
]

#: people listed at once
MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Tie:
    """One thing. `where`: the organization, or whose it is; `names`: the role, the cameras, the link's name."""

    what: What
    id: str
    where: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A device whose password, or code, the other may know: he added it, or could look at how it is reached."""

    id: str
    name: str
    organization: str
    is_panel: bool
    revision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ties:
    """All between the actor and one other person.

    loses        what the other loses, and what he brought there
    gives_back   what the actor has of him, and what he belongs to that is the other's
    stays        organizations where the actor may not remove him: who is above him decides
    devices      what is to get another password afterwards
    managed      organizations that the actor manages whole, where the other has something
    his          organizations that are the other's, where the actor has something
    """

    person: Person
    loses: list[Tie] = field(default_factory=list)
    gives_back: list[Tie] = field(default_factory=list)
    stays: list[Tie] = field(default_factory=list)
    devices: list[KnownDevice] = field(default_factory=list)
    managed: tuple[str, ...] = ()
    his: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Counterpart:
    """Somebody with whom there is anything to end."""

    person: Person
    #: organizations where both belong and the actor manages, and those of his where the actor belongs
    organizations: tuple[str, ...]


def list_managed(actor: Principal) -> dict[str, str]:
    """Id → name of the organizations that the actor manages whole."""
    found = {}
    for view in list_organizations(actor):
        try:
            if view.is_managed and get_management(actor, view.id).is_whole:
                found[view.id] = view.name
        except (NotFound, Forbidden):
            continue  # he left it while we looked
    return found


def list_people(actor: Principal) -> list[Counterpart]:
    """Everybody whom the actor could move apart from, by name."""
    managed = list_managed(actor)
    places: dict[str, list[str]] = {}
    rows = Membership.objects.filter(organization__in=managed, is_active=True).exclude(account_id=actor.id)
    for account, organization in rows.values_list("account_id", "organization_id").order_by("organization__name", "pk"):
        places.setdefault(account, []).append(managed[organization])
    mine = Membership.objects.filter(account_id=actor.id, is_active=True).exclude(organization__owner_id=actor.id)
    for owner, name in mine.values_list("organization__owner_id", "organization__name"):
        if name not in places.setdefault(owner, []):
            places[owner].append(name)
    found = get_persons(sorted({*places, *list_counterparts(actor, managed)})[:MOST])
    people = sorted(found.values(), key=lambda person: (person.name.casefold(), person.id))
    return [Counterpart(person, tuple(places.get(person.id, ()))) for person in people]


def get_ties(actor: Principal, account: str) -> Ties:
    """All between the actor and this account. Raises NotFound where there is nothing: also of who does not exist."""
    person = get_persons([account]).get(account) if is_id(account) and account != actor.id else None
    if person is None or not person.email:
        raise NotFound
    managed = list_managed(actor)
    loses, stays = _roles(actor, account, managed)
    for share in shares_that_end(actor, account, managed).select_related("organization").order_by("pk"):
        loses.append(_share_tie(share))
    kept = {tie.id for tie in stays}
    loses += _brought(account, managed, kept)
    loses += _asked(person, managed)
    loses += _trusted(actor, person, managed)
    his = dict(Organization.objects.filter(owner_id=account).values_list("pk", "name"))
    gives_back = [
        Tie("role", row.pk, his[row.organization_id], (row.role,))
        for row in Membership.objects.filter(account_id=actor.id, organization__in=his, is_active=True).order_by("pk")
    ]
    received = shares_given_back(actor, account, his).select_related("organization", "sharer")
    gives_back += [Tie("share", row.pk, row.sharer.name, _names(row)) for row in received.order_by("pk")]
    if not (loses or gives_back or stays):
        raise NotFound
    loses += [Tie("handover", row.pk, row.organization.name) for row in list_open_handovers(actor.id, person)]
    return Ties(
        person=person,
        loses=loses,
        gives_back=gives_back,
        stays=stays,
        devices=_known_devices(account, managed),
        managed=tuple(sorted(managed)),
        his=tuple(sorted(his)),
    )


def _roles(actor: Principal, account: str, managed: dict[str, str]) -> tuple[list[Tie], list[Tie]]:
    """His memberships where the actor manages: those that he may end, and those he may not."""
    ends: list[Tie] = []
    stays: list[Tie] = []
    rows = Membership.objects.filter(account_id=account, organization__in=managed, is_active=True)
    for row in rows.order_by("organization_id"):
        tie = Tie("role", row.pk, managed[row.organization_id], (row.role,))
        (ends if row.role != Role.OWNER and get_member(actor, row.pk).may_remove else stays).append(tie)
    return ends, stays


def _share_tie(share: Share) -> Tie:
    return Tie(
        "offer" if share.state == OfferState.PENDING else "share", share.pk, share.organization.name, _names(share)
    )


def _names(share: Share) -> tuple[str, ...]:
    items = share.items.filter(ended_at=None).select_related("camera", "panel__device")
    return tuple(sorted(item.thing.name for item in items))


def _brought(account: str, managed: dict[str, str], kept: Collection[str]) -> list[Tie]:
    """What he shares on, and the guest links he made: they rest on his membership, and end with it (rule 5)."""
    at = clock.now()
    resting = Q(organization__in=managed) & ~Q(membership__in=kept)
    shares = Share.objects.filter(resting, in_states(OPEN_STATES, at), sharer_id=account)
    links = GuestLink.objects.filter(resting, giver_id=account, ended_at=None, ends_at__gt=at)
    return [
        *(Tie("given_on", row.pk, managed[row.organization_id], _names(row)) for row in shares.order_by("pk")),
        *(Tie("link", row.pk, managed[row.organization_id], (row.name,)) for row in links.order_by("pk")),
    ]


def _asked(person: Person, managed: dict[str, str]) -> list[Tie]:
    """What waits: invitations of him and by him, what he asks for, devices he claims."""
    waiting = Q(state=OfferState.PENDING)
    invitations = list_open_invitations(person, managed)
    requests = AccessRequest.objects.filter(
        waiting, requester_id=person.id, organization__in=managed, is_heard=True
    ).select_related("device")
    claims = DeviceClaim.objects.filter(
        waiting, claimant_id=person.id, device__organization__in=managed
    ).select_related("device")
    return [
        *(Tie("invitation", row.pk, managed[row.organization_id], (row.address,)) for row in invitations),
        *(Tie("request", row.pk, managed[row.organization_id], (row.device.name,)) for row in requests),
        *(Tie("request", row.pk, managed[row.device.organization_id], (row.device.name,)) for row in claims),
    ]


def _trusted(actor: Principal, person: Person, managed: dict[str, str]) -> list[Tie]:
    """What he was trusted with: setting up, standing in for an owner, helping the actor back in."""
    contacts = RecoveryContact.objects.filter(account_id=actor.id, address=person.email).order_by("pk")
    return [
        *(Tie("service", row.pk, managed[row.organization_id]) for row in list_engagements_of(person, managed)),
        *(Tie("deputy", row.pk, managed[row.organization_id]) for row in list_deputizing(person.id, managed)),
        *(Tie("contact", row.pk, actor.name) for row in contacts),
    ]


def list_engagements_of(person: Person, organizations: Collection[str]) -> list[Engagement]:
    """What a service provider has, or is offered, in these organizations."""
    his = Q(provider_id=person.id) | Q(provider=None, address=person.email)
    rows = Engagement.objects.filter(his, organization__in=organizations, state__in=OPEN_STATES)
    return list(rows.filter(ends_at__gt=clock.now()).order_by("pk"))


def list_deputizing(account: str, organizations: Collection[str]) -> list[Deputy]:
    """Where somebody is named to claim one of these organizations, whether he agreed or not."""
    rows = Deputy.objects.filter(account_id=account, organization__in=organizations, state__in=OPEN_STATES)
    return list(rows.order_by("pk"))


def list_open_invitations(person: Person, organizations: Collection[str]) -> list[Invitation]:
    """Invitations to these organizations that wait: of this person, and by him."""
    rows = Invitation.objects.filter(organization__in=organizations, state=OfferState.PENDING)
    return list(rows.filter(Q(address=person.email) | Q(inviter_id=person.id)).order_by("pk"))


def list_open_handovers(actor: str, person: Person) -> list[Handover]:
    """What the actor plans to give the other, and what either offers the other, to own.

    What the other merely plans is known to nobody but him.
    """
    to_me = Q(receiver_id=actor) | Q(receiver=None, receiver_email__in=list_verified_addresses(actor))
    to_him = Q(receiver_id=person.id) | Q(receiver_email=person.email)
    pair = Q(giver_id=actor) & to_him | Q(giver_id=person.id, state=HandoverState.PENDING) & to_me
    return list(Handover.objects.filter(pair, state__in=OPEN).select_related("organization").order_by("pk"))


def _known_devices(account: str, managed: dict[str, str]) -> list[KnownDevice]:
    """Devices of these organizations that he added, or whose settings he could ever read; panels he could arm."""
    held = list_resources_once_held(account, Permission.CONFIGURE)
    armed = list_resources_once_held(account, Permission.ARM)
    rows = Device.objects.filter(organization__in=managed, unbound_at=None).order_by("name", "pk")
    return [
        KnownDevice(row.pk, row.name, managed[row.organization_id], row.kind == Kind.PANEL, row.revision)
        for row in rows
        if row.bound_by == account
        or held & {row.organization_id, row.site_id}
        or (row.kind == Kind.PANEL and armed & {row.pk, row.site_id, row.organization_id})
    ]


def list_reconnected(revisions: Mapping[str, str]) -> set[str]:
    """Those of these devices whose connection was changed since it was this revision. The caller may see them."""
    rows = Device.objects.filter(pk__in=list(revisions)).values_list("pk", "revision")
    return {pk for pk, revision in rows if revision != revisions[pk]}


def list_leftovers(account: str, organizations: Collection[str], *, but: Collection[str]) -> dict[str, list[str]]:
    """Organization → grants that an account still holds in it, whatever gave them; not those of these origins."""
    places: dict[str, str] = {organization: organization for organization in organizations}
    for model, organization in (
        (Site, "organization_id"),
        (Camera, "organization_id"),
        (Panel, "device__organization_id"),
    ):
        rows = model._default_manager.filter(**{f"{organization}__in": list(organizations)})  # noqa: SLF001  Django's public spelling
        places |= dict(rows.values_list("pk", organization))
    grants = Grant.objects.filter(principal=account, ended_at=None).exclude(origin_id__in=list(but))
    found: dict[str, list[str]] = {}
    for pk, resource in grants.values_list("pk", "resource"):
        if resource in places:
            found.setdefault(places[resource], []).append(pk)
    return found
