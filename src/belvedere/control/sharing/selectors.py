"""Reading shares: what one gave, what one was offered, who can see a camera."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import Final, Literal

from django.db.models import Prefetch, Q, QuerySet
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission, normalize
from belvedere.control.access.decision import Decision, GrantFacts
from belvedere.control.access.guard import check
from belvedere.control.access.models import Origin
from belvedere.control.access.roles import TITLES, Role
from belvedere.control.access.selectors import Holder, ResourcePath, get_decision, list_holders
from belvedere.control.accounts.models import digest_of
from belvedere.control.accounts.selectors import Person, find_verified, get_persons, list_verified_addresses
from belvedere.control.core.errors import NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.names import clean_email
from belvedere.control.core.offers import OPEN_STATES, OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.devices.panels import READERS, find_panel_path
from belvedere.control.devices.selectors import find_camera_path, find_device_path
from belvedere.control.organizations.selectors import (
    get_management,
    get_member,
    get_organization,
    get_site,
    get_standings,
)
from belvedere.control.sharing.models import THINGS, Recipient, Share, ShareItem, of_things


@dataclass(frozen=True, slots=True)
class ItemView:
    """One camera or panel of a share."""

    kind: Literal["camera", "panel"]
    resource: str
    name: str
    permissions: Permission


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenShare:
    """A share as its giver sees it. The recipient's name is None until accepted: the address is all one typed."""

    id: str
    state: str
    recipient_id: str
    recipient_name: str | None
    recipient_email: str
    remark: str
    message: str
    items: list[ItemView]
    offered_at: datetime
    decided_at: datetime | None
    ended_at: datetime | None
    ends_at: datetime | None
    change_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedShare:
    """A share as its recipient sees it: name, sharer, offered rights, and nothing else until accepted (HC 17)."""

    id: str
    state: str
    sharer: Person
    message: str
    items: list[ItemView]
    offered_at: datetime
    decided_at: datetime | None
    ended_at: datetime | None
    ended_reason: str
    ends_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """One grant that somebody's access rests on, or the offer of one: who gave it, what, since when, until when.

    `origin` is `share` or a role. `given_by` is None for what nobody else gave: an owner’s own. `share` and `remark`
    are there for who gave the share, and "" for everybody else.
    """

    origin: str
    permissions: Permission
    given_by: Person | None
    since: datetime | None
    ends_at: datetime | None
    share: str = ""
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRow:
    """Somebody who can see a camera, or was offered to, and why: one row a person, however many grounds."""

    account: Person | None
    email: str
    state: str
    because: list[Ground]

    @property
    def origin(self) -> str:
        """The strongest ground's: a role before a share."""
        return self.because[0].origin

    @property
    def permissions(self) -> Permission:
        """All grounds together."""
        return reduce(or_, (ground.permissions for ground in self.because))

    @property
    def since(self) -> datetime | None:
        """Since the first of them."""
        return min((ground.since for ground in self.because if ground.since), default=None)

    @property
    def ends_at(self) -> datetime | None:
        """When the last of them ends; None if one of them has no end."""
        ends = [ground.ends_at for ground in self.because]
        return None if None in ends else max(end for end in ends if end)

    @property
    def share(self) -> str:
        """A share that whoever asks has given, and may end; "" if there is none."""
        return next((ground.share for ground in self.because if ground.share), "")


@dataclass(frozen=True, slots=True)
class RestingShare:
    """A share given under somebody's membership: to which address, cameras by name, and on which sites they are."""

    id: str
    recipient: str
    cameras: list[str]
    sites: frozenset[str]


@dataclass(frozen=True, slots=True)
class PastRecipient:
    """Somebody one has shared with."""

    id: str
    email: str
    name: str | None
    remark: str
    sees: int


def _with_items(rows: QuerySet[Share]) -> QuerySet[Share]:
    items = Prefetch("items", ShareItem.objects.filter(ended_at=None).select_related(*THINGS))
    return rows.select_related("recipient", "recipient__account", "sharer").prefetch_related(items)


def _items(share: Share) -> list[ItemView]:
    """Cameras first, each kind by name."""
    views = [
        ItemView("panel" if item.panel_id else "camera", item.resource, item.thing.name, Permission(item.permissions))
        for item in share.items.all()
    ]
    return sorted(views, key=lambda view: (view.kind, view.name, view.resource))


def _given(share: Share) -> GivenShare:
    # Whose account it is was nobody's business until something was accepted. After that it is known.
    known = share.recipient.account
    return GivenShare(
        id=share.pk,
        state=share.state,
        recipient_id=share.recipient_id,
        recipient_name=known.name if known else None,
        recipient_email=share.recipient.email,
        remark=share.recipient.remark,
        message=share.message,
        items=_items(share),
        offered_at=share.offered_at,
        decided_at=share.decided_at,
        ended_at=share.ended_at,
        ends_at=share.ends_at,
        change_id=share.change_id,
    )


def _received(share: Share) -> ReceivedShare:
    sharer = Person(share.sharer.pk, share.sharer.name, share.sharer.email)
    return ReceivedShare(
        id=share.pk,
        state=share.state,
        sharer=sharer,
        message=share.message,
        items=_items(share),
        offered_at=share.offered_at,
        decided_at=share.decided_at,
        ended_at=share.ended_at,
        ended_reason=share.ended_reason,
        ends_at=share.ends_at,
    )


def _mine(actor: Principal) -> QuerySet[Share]:
    """Shares meant for the actor: to an address he has proven, or accepted by him."""
    rows = _with_items(Share.objects.all())
    pending = rows.filter(state=OfferState.PENDING, recipient__email__in=list_verified_addresses(actor.id))
    decided = rows.exclude(state=OfferState.PENDING).filter(accepted_by=actor.id)
    return pending | decided


def list_given(actor: Principal, *, states: Iterable[str] = OPEN_STATES) -> list[GivenShare]:
    """Shares the actor gave, newest first."""
    rows = _with_items(Share.objects.filter(sharer_id=actor.id, state__in=list(states)))
    return [_given(row) for row in rows.order_by("-offered_at", "-pk")]


def get_given(actor: Principal, share: str) -> GivenShare:
    """One share the actor gave. Raises NotFound."""
    row = _with_items(Share.objects.filter(pk=share, sharer_id=actor.id)).first() if is_id(share) else None
    if row is None:
        raise NotFound
    return _given(row)


def find_given_by_change(actor: Principal, change_id: str) -> GivenShare | None:
    """The share that the actor ended in this change."""
    row = (
        _with_items(Share.objects.filter(change_id=change_id, sharer_id=actor.id)).first() if is_id(change_id) else None
    )
    return _given(row) if row else None


def list_received(actor: Principal, *, states: Iterable[str] = OPEN_STATES) -> list[ReceivedShare]:
    """Shares meant for the actor, newest first."""
    rows = _mine(actor).filter(state__in=list(states)).order_by("-offered_at", "-pk")
    return [_received(row) for row in rows]


def count_offers(actor: Principal) -> int:
    """How many offers wait for the actor."""
    addresses = list_verified_addresses(actor.id)
    return Share.objects.filter(state=OfferState.PENDING, recipient__email__in=addresses).count()


def get_received(actor: Principal, share: str) -> ReceivedShare:
    """One share meant for the actor. Raises NotFound."""
    row = _mine(actor).filter(pk=share).first() if is_id(share) else None
    if row is None:
        raise NotFound
    return _received(row)


def find_received_of_camera(actor: Principal, camera: str) -> ReceivedShare | None:
    """The share by which the actor sees this camera, or the last one by which he did."""
    return _find_received(actor, camera)


def find_received_of_panel(actor: Principal, panel: str) -> ReceivedShare | None:
    """The same of a panel."""
    return _find_received(actor, panel)


def _find_received(actor: Principal, resource: str) -> ReceivedShare | None:
    if not is_id(resource):
        return None
    items = ShareItem.objects.filter(of_things([resource])).values("share")
    row = _with_items(Share.objects.filter(accepted_by=actor.id, pk__in=items)).order_by("ended_at", "-decided_at")
    return _received(found) if (found := row.first()) else None


def list_recipients(actor: Principal) -> list[PastRecipient]:
    """Everybody the actor has shared with, the latest first."""
    rows = Recipient.objects.filter(sharer_id=actor.id).select_related("account").order_by("-created_at")
    sees: dict[str, int] = {}
    for recipient in ShareItem.objects.filter(share__sharer_id=actor.id, share__state=OfferState.ACCEPTED).values_list(
        "share__recipient_id", flat=True
    ):
        sees[recipient] = sees.get(recipient, 0) + 1
    return [
        PastRecipient(row.pk, row.email, row.account.name if row.account else None, row.remark, sees.get(row.pk, 0))
        for row in rows
    ]


def list_resting_shares(actor: Principal, member: str) -> list[RestingShare]:
    """What rests on a membership and would end with it: one's own, or as far as the actor manages those sites.

    Raises NotFound, Forbidden. A constant number of queries.
    """
    view = get_member(actor, member)
    items = ShareItem.objects.filter(share__membership=member, share__state__in=OPEN_STATES, ended_at=None)
    if not view.is_me:
        sites = list(get_management(actor, view.organization).sites)
        items = items.filter(Q(camera__site__in=sites) | Q(panel__device__site__in=sites))
    found: dict[Share, list[ShareItem]] = {}
    things = items.select_related("share__recipient", *THINGS)
    for item in things.order_by("share__recipient__email", "camera__name", "pk"):
        found.setdefault(item.share, []).append(item)
    return [
        RestingShare(
            share.pk,
            share.recipient.email,
            [item.thing.name for item in rows],
            frozenset(item.thing.site_id for item in rows),
        )
        for share, rows in found.items()
    ]


def list_access(actor: Principal, camera: str) -> list[AccessRow]:
    """Who can see this camera and why, offers that wait among them. Needs `share`. Raises NotFound, Forbidden."""
    check(actor, Permission.SHARE, on="camera", resource=camera)
    path = find_camera_path(camera)
    if path is None:
        raise NotFound
    return _list_access(actor, path, list_holders(path))


def list_panel_access(actor: Principal, panel: str) -> list[AccessRow]:
    """Who may arm this panel or is notified, and why. Needs `share`. Raises NotFound, Forbidden."""
    check(actor, Permission.SHARE, on="panel", resource=panel)
    path = find_panel_path(panel)
    if path is None:
        raise NotFound
    holders = [holder for holder in list_holders(path) if holder.decision.permissions & READERS]
    return _list_access(actor, path, holders)


def _list_access(actor: Principal, path: ResourcePath, holders: list[Holder]) -> list[AccessRow]:
    grants = [grant for holder in holders for grant in holder.decision.because]
    people = get_persons([holder.principal for holder in holders] + [grant.created_by for grant in grants])
    standings = get_standings(grant.origin_id for grant in grants if grant.origin == Origin.MEMBERSHIP)
    shares = {
        row.pk: row
        for row in Share.objects.filter(
            pk__in=[grant.origin_id for grant in grants if grant.origin == Origin.SHARE], sharer_id=actor.id
        ).select_related("recipient")
    }

    def ground(holder: Holder, grant: GrantFacts) -> Ground:
        share, standing = shares.get(grant.origin_id), standings.get(grant.origin_id)
        return Ground(
            # The role here: what somebody is on other sites is no reason, and not the reader's to know.
            origin=standing.on(path.site).value if standing else "share",
            permissions=Permission(grant.permissions),
            given_by=people.get(grant.created_by) if grant.created_by != holder.principal else None,
            since=holder.given_at.get(grant.id),
            ends_at=datetime.fromtimestamp(grant.ends_at, UTC) if grant.ends_at else None,
            share=share.pk if share else "",
            remark=share.recipient.remark if share else "",
        )

    rows = []
    for holder in holders:
        because = sorted(
            (ground(holder, grant) for grant in holder.decision.because), key=lambda row: row.origin == "share"
        )
        person = people.get(holder.principal)
        rows.append(AccessRow(account=person, email=person.email if person else "", state="accepted", because=because))
    rows.sort(key=lambda row: (row.origin != Role.OWNER, row.origin == "share", row.email))
    return rows + _pending_access(actor, path.leaf)


def _pending_access(actor: Principal, resource: str) -> list[AccessRow]:
    items = (
        ShareItem.objects.filter(of_things([resource]), share__state=OfferState.PENDING)
        .select_related("share__recipient", "share__sharer")
        .order_by("share__offered_at")
    )
    offers: dict[str, list[Ground]] = {}
    for item in items:
        share, is_mine = item.share, item.share.sharer_id == actor.id
        offers.setdefault(share.recipient.email, []).append(
            Ground(
                origin="share",
                permissions=Permission(item.permissions),
                given_by=Person(share.sharer.pk, share.sharer.name, share.sharer.email),
                since=share.offered_at,
                ends_at=share.ends_at,
                share=share.pk if is_mine else "",
                remark=share.recipient.remark if is_mine else "",
            )
        )
    return [AccessRow(account=None, email=email, state="pending", because=because) for email, because in offers.items()]


def find_join_address(secret: str) -> str:
    """The address whose mail carried this secret, while its offer waits; "" otherwise."""
    row = (
        Share.objects.filter(join_digest=digest_of(secret), state=OfferState.PENDING)
        .select_related("recipient")
        .first()
        if secret
        else None
    )
    return row.recipient.email if row else ""


def list_ended_since(actor: Principal, since: datetime) -> list[ReceivedShare]:
    """Shares the actor had that ended of late, for the inbox."""
    rows = _with_items(Share.objects.filter(accepted_by=actor.id, state=OfferState.REVOKED, ended_at__gte=since))
    return [_received(row) for row in rows.order_by("-ended_at")[:20]]


def list_decided_since(actor: Principal, since: datetime) -> list[GivenShare]:
    """Answers to the actor's offers of late: accepted, rejected, left."""
    rows = _with_items(
        Share.objects.filter(sharer_id=actor.id, state__in=(OfferState.ACCEPTED, OfferState.REJECTED, OfferState.LEFT))
    )
    recent = [row for row in rows.order_by("-decided_at")[:40] if (row.ended_at or row.decided_at or since) >= since]
    return [_given(row) for row in recent[:20]]


@dataclass(frozen=True, slots=True)
class Reason:
    """One grant that gives what was asked about, in words. `role` is what a member is there."""

    origin: Literal["share", "membership"]
    id: str
    role: Role | None
    resource: str
    text: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Whether somebody may, because of what; and from which instant on there is footage for him, None = no bound."""

    is_allowed: bool = False
    footage_from: datetime | None = None
    because: tuple[Reason, ...] = ()


_PATHS: Final = {"camera": find_camera_path, "device": find_device_path}


def explain_access(
    actor: Principal, *, account: str, permission: Permission, kind: Literal["camera", "device"], resource: str
) -> Explanation:
    """Why somebody, by id or whole address, may use one permission on what the actor may share.

    Who may not and who does not exist are one answer. Raises Invalid for what is no address; NotFound for whatever the
    actor may not share: of other owners' cameras nobody learns who sees them (N17).
    """
    path = _PATHS[kind](resource) if is_id(resource) else None
    if path is None or not get_decision(actor.id, path).allows(Permission.SHARE):
        raise NotFound
    if is_id(account):
        person = get_persons([account]).get(account)
    else:
        person = find_verified(clean_email(account, field="account"))
    decision = get_decision(person.id, path) if person else Decision()
    if person is None or not decision.allows(permission):
        return Explanation()
    grants = [grant for grant in decision.because if permission in normalize(Permission(grant.permissions))]
    return Explanation(True, _footage_from(decision, permission), tuple(_reasons(actor, person, path, grants)))


def _footage_from(decision: Decision, permission: Permission) -> datetime | None:
    bounds = {Permission.PLAYBACK: decision.playback_from, Permission.EXPORT: decision.export_from}
    bound = bounds.get(permission)
    return None if bound is None or bound == -float("inf") else datetime.fromtimestamp(bound, UTC)


def _reasons(actor: Principal, person: Person, path: ResourcePath, grants: list[GrantFacts]) -> Iterable[Reason]:
    standings = get_standings(grant.origin_id for grant in grants if grant.origin == Origin.MEMBERSHIP)
    shares = Share.objects.select_related("sharer").in_bulk(
        [grant.origin_id for grant in grants if grant.origin == Origin.SHARE]
    )
    for grant in grants:
        if share := shares.get(grant.origin_id):
            words = {"sharer": share.sharer.name, "name": person.name}
            text = _("%(sharer)s shared it with %(name)s") % words
            if share.ends_at:
                words["end"] = date_format(share.ends_at, "j F Y")
                text = _("%(sharer)s shared it with %(name)s until %(end)s") % words
            yield Reason("share", share.pk, None, grant.resource, text)
        elif standing := standings.get(grant.origin_id):
            role = standing.on(path.site)
            is_whole = grant.resource == path.organization
            place = get_organization(actor, path.organization) if is_whole else get_site(actor, path.site)
            words = {"name": person.name, "role": str(TITLES[role]), "place": place.name}
            text = _("%(name)s is %(role)s of %(place)s") % words
            yield Reason("membership", grant.origin_id, role, grant.resource, text)
