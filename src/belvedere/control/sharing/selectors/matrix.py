"""Who can see what, all of it: people × cameras and panels, for who may share those. A constant number of queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

from belvedere.contracts.permissions import NONE, Permission, normalize
from belvedere.control.access.models import Grant, Origin
from belvedere.control.accounts.selectors import Person, get_persons
from belvedere.control.core import clock, sql
from belvedere.control.core.offers import OPEN_STATES, OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.devices.panels import SHAREABLE_OF_PANELS, list_panels
from belvedere.control.devices.selectors import list_cameras
from belvedere.control.organizations.selectors import get_standings
from belvedere.control.sharing.models import Share, in_states
from belvedere.control.sharing.usage import UNUSED_AFTER, is_idle
from belvedere.control.streaming.selectors import list_last_viewed

#: what ends within this is about to
ENDING_WITHIN: Final = timedelta(days=7)
_NEVER: Final = datetime.min.replace(tzinfo=UTC)

_ITEMS: Final = (
    "SELECT item.share_id, COALESCE(item.camera_id, item.panel_id), item.permissions "
    "FROM sharing_shareitem AS item JOIN sharing_share AS share ON share.id = item.share_id "
    "WHERE share.organization_id = %s AND share.state IN (%s, %s) AND item.ended_at IS NULL"
)
_SHARE: Final = (
    "pk",
    "sharer_id",
    "state",
    "accepted_by",
    "offered_at",
    "decided_at",
    "last_used_at",
    "starts_at",
    "ends_at",
    "hours",
    "paused_at",
    "recipient_id",
    "recipient__email",
    "recipient__phone",
    "recipient__remark",
    "recipient__account_id",
    "recipient__account__name",
    "recipient__account__email",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixThing:
    """A camera or a panel that the actor may share. `permissions`: his own; `has`: what a camera is made for."""

    id: str
    kind: Literal["camera", "panel"]
    name: str
    site: str
    site_name: str
    permissions: Permission
    has: tuple[str, ...] = ()

    def may(self, permission: Permission) -> bool:
        """Whether the actor holds `permission`."""
        return permission in self.permissions


class GivenTerms(NamedTuple):
    """What one share says of all that it gives. `is_mine`: the actor gave it, and may change it."""

    share: str
    is_mine: bool
    is_pending: bool
    is_paused: bool
    starts_at: datetime | None
    ends_at: datetime | None
    hours: str
    is_ending: bool


class GivenCell(NamedTuple):
    """What one share gives somebody on one camera or panel.

    Cells that are alike are one. `is_unused`: nobody uses the share, by the rule that holds for it everywhere.
    """

    terms: GivenTerms
    permissions: Permission
    is_unused: bool

    @property
    def share(self) -> str:
        """Its id."""
        return self.terms.share

    @property
    def is_in_force(self) -> bool:
        """Whether it was accepted, and does not rest."""
        return not (self.terms.is_pending or self.terms.is_paused)


@dataclass(slots=True)
class MatrixCell:
    """All that somebody has on one camera or panel: by a role, which is not changed here, and by shares."""

    by_role: Permission = NONE
    given: tuple[GivenCell, ...] = ()

    @property
    def permissions(self) -> Permission:
        """What is in force, all together."""
        found = self.by_role
        for one in self.given:
            if one.is_in_force:
                found |= one.permissions
        return found

    @property
    def offered(self) -> Permission:
        """What waits for an answer."""
        found = NONE
        for one in self.given:
            if one.terms.is_pending:
                found |= one.permissions
        return found

    @property
    def paused(self) -> Permission:
        """What rests."""
        found = NONE
        for one in self.given:
            if one.terms.is_paused:
                found |= one.permissions
        return found

    @property
    def mine(self) -> GivenCell | None:
        """The share that the actor may change here."""
        return next((one for one in self.given if one.terms.is_mine), None)

    @property
    def ends_at(self) -> datetime | None:
        """The first end of what ends."""
        return min((one.terms.ends_at for one in self.given if one.terms.ends_at), default=None)


@dataclass(slots=True)
class MatrixPerson:
    """One row. `account` is None as long as nothing was accepted: then there is an address, and no name (N1).

    `recipient` and `remark` are the actor's own, "" where he shared nothing with them; `roles` is what they are as
    members, site by site. Cells are made when they are asked for: a page shows a part of them.
    """

    key: str
    #: an e-mail address; or a number in E.164, of whom there is no more to know yet
    address: str
    account: Person | None = None
    recipient: str = ""
    remark: str = ""
    roles: set[str] = field(default_factory=set)
    #: id of a camera or panel → what a role gives there, what shares give there
    by_role: dict[str, Permission] = field(default_factory=dict)
    given: dict[str, tuple[GivenCell, ...]] = field(default_factory=dict)
    #: whether something of theirs ends within days, waits for their answer, rests, or is there and not used
    is_ending: bool = False
    is_pending: bool = False
    is_paused: bool = False
    is_unused: bool = False

    @property
    def name(self) -> str:
        """Name, or address."""
        return self.account.name if self.account and self.account.name else self.address

    @property
    def things(self) -> set[str]:
        """Ids of the cameras and panels where they have anything."""
        return self.by_role.keys() | self.given.keys()

    def cell(self, thing: str) -> MatrixCell | None:
        """What they have there; None for nothing."""
        by_role, given = self.by_role.get(thing, NONE), self.given.get(thing, ())
        return MatrixCell(by_role, given) if by_role or given else None

    @property
    def cells(self) -> dict[str, MatrixCell]:
        """All of them."""
        return {thing: MatrixCell(self.by_role.get(thing, NONE), self.given.get(thing, ())) for thing in self.things}

    def note(self, terms: GivenTerms, *, is_unused: bool) -> None:
        """Remember what the row is looked for by."""
        self.is_unused |= is_unused
        self.is_ending |= terms.is_ending
        self.is_pending |= terms.is_pending
        self.is_paused |= terms.is_paused


@dataclass(frozen=True, slots=True)
class Matrix:
    """The cameras and panels that the actor may share, and everybody who has anything on one of them, by name."""

    things: list[MatrixThing]
    people: list[MatrixPerson]


def get_matrix(actor: Principal, organization: str) -> Matrix:
    """Everybody who has anything on a camera or panel of this organization that the actor may share.

    What he may not share he learns nothing of (N17): without such a thing it is empty. The actor himself is not in it.
    """
    things = _list_things(actor, organization)
    if not things:
        return Matrix([], [])
    people: dict[str, MatrixPerson] = {}
    _add_members(actor, organization, things, people)
    _add_shares(actor, organization, {thing.id: thing.kind == "camera" for thing in things}, people)
    found = [row for row in people.values() if row.by_role or row.given]
    return Matrix(things, sorted(found, key=lambda row: (row.name.casefold(), row.key)))


def _list_things(actor: Principal, organization: str) -> list[MatrixThing]:
    cameras = [
        MatrixThing(
            id=view.id,
            kind="camera",
            name=view.label,
            site=view.site or "",
            site_name=view.site_name,
            permissions=view.permissions,
            has=tuple(view.has),
        )
        for view in list_cameras(actor)
        if view.mine and view.organization == organization and view.may(Permission.SHARE)
    ]
    panels = [
        MatrixThing(
            id=view.id,
            kind="panel",
            name=view.name,
            site=view.site or "",
            site_name=view.site_name,
            permissions=view.permissions,
        )
        for view in list_panels(actor)
        if view.mine and view.organization == organization and view.may(Permission.SHARE)
    ]
    return cameras + panels


def _add_members(
    actor: Principal, organization: str, things: list[MatrixThing], people: dict[str, MatrixPerson]
) -> None:
    of_site: dict[str, list[MatrixThing]] = {}
    for thing in things:
        of_site.setdefault(thing.site, []).append(thing)
    rows = Grant.objects.filter(
        resource__in=[organization, *of_site], origin=Origin.MEMBERSHIP, ended_at=None
    ).values_list("principal", "resource", "permissions", "origin_id")
    grants = [row for row in rows if row[0] != actor.id]
    known = get_persons(principal for principal, *_rest in grants)
    standings = get_standings({origin_id for *_rest, origin_id in grants})
    for principal, resource, bits, origin_id in grants:
        held = normalize(Permission(bits))
        if not held or principal not in known:
            continue
        account = known[principal]
        row = people.setdefault(account.email, MatrixPerson(account.id, account.email, account))
        for site in of_site if resource == organization else [resource]:
            if origin_id in standings:
                row.roles.add(standings[origin_id].on(site).value)
            for thing in of_site[site]:
                if permissions := held if thing.kind == "camera" else held & SHAREABLE_OF_PANELS:
                    row.by_role[thing.id] = row.by_role.get(thing.id, NONE) | permissions


class _Given(NamedTuple):
    """One share while items are sorted in: whose row, its terms, and its cells, few as they are."""

    row: MatrixPerson
    terms: GivenTerms
    is_unused: bool
    cells: dict[int, tuple[GivenCell]]


def _add_shares(
    actor: Principal, organization: str, things: Mapping[str, bool], people: dict[str, MatrixPerson]
) -> None:
    """`things`: id → whether it is a camera."""
    at = clock.now()
    rows = Share.objects.filter(in_states(OPEN_STATES, at), organization=organization).values(*_SHARE)
    found = {share["pk"]: share for share in rows}
    items = [item for item in sql.fetch(_ITEMS, organization, *OPEN_STATES) if item[0] in found]
    used = _last_uses(found, items, at)
    shares = {
        pk: _Given(
            _person_of(actor, share, people), _terms_of(actor, share, at), _is_unused(share, used.get(pk), at), {}
        )
        for pk, share in found.items()
    }
    for share_id, thing, bits in items:
        if thing not in things:
            continue
        row, terms, is_unused, cells = shares[share_id]
        # Of thousands of items most are like another one of their share: they get the same cell.
        cell = cells.get(bits)
        if cell is None:
            cell = cells[bits] = (GivenCell(terms, Permission(bits), is_unused),)
            row.note(terms, is_unused=is_unused)
        row.given[thing] = row.given[thing] + cell if thing in row.given else cell


def _last_uses(
    shares: Mapping[str, Mapping[str, Any]], items: Sequence[tuple[str, str, int]], at: datetime
) -> dict[str, datetime]:
    """Share → when the ledger last saw somebody use it, as far as that matters. Not what another share gave before."""
    viewed = list_last_viewed(since=at - UNUSED_AFTER, cameras={thing for _share, thing, _bits in items})
    found: dict[str, datetime] = {}
    for share_id, thing, _bits in items if viewed else ():
        share = shares[share_id]
        until = viewed.get((share["accepted_by"], thing))
        if until and until >= (share["decided_at"] or share["offered_at"]) and until > found.get(share_id, _NEVER):
            found[share_id] = until
    return found


def _is_unused(share: Mapping[str, Any], seen_at: datetime | None, at: datetime) -> bool:
    """The rule of `usage.is_unused`, on a row: what waits or rests is not to be used."""
    if share["state"] != OfferState.ACCEPTED or share["paused_at"]:
        return False
    given_at = max(one for one in (share["decided_at"] or share["offered_at"], share["starts_at"]) if one)
    used_at = max((one for one in (share["last_used_at"], seen_at) if one), default=None)
    return is_idle(at, since=max(used_at or given_at, given_at), was_used=used_at is not None)


def _terms_of(actor: Principal, share: Mapping[str, Any], at: datetime) -> GivenTerms:
    """What the share says of all its items."""
    ends_at = share["ends_at"]
    return GivenTerms(
        share["pk"],
        share["sharer_id"] == actor.id,
        share["state"] == OfferState.PENDING,
        share["paused_at"] is not None,
        share["starts_at"],
        ends_at,
        share["hours"],
        ends_at is not None and ends_at <= at + ENDING_WITHIN,
    )


def _person_of(actor: Principal, share: Mapping[str, Any], people: dict[str, MatrixPerson]) -> MatrixPerson:
    """The row of whom this share is for. An offer is to an address: whose it is shows once it was accepted."""
    is_mine = share["sharer_id"] == actor.id
    account = share["recipient__account_id"] if is_mine or share["state"] == OfferState.ACCEPTED else None
    typed = share["recipient__email"] or share["recipient__phone"]
    address = share["recipient__account__email"] if account else typed
    row = people.setdefault(address, MatrixPerson(account or share["recipient_id"], address))
    if account and row.account is None:
        row.account = Person(account, share["recipient__account__name"], address)
    if is_mine:
        row.recipient, row.remark = share["recipient_id"], share["recipient__remark"]
    return row
