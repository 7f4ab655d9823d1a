"""Who can see what, all of it: people × cameras, for who may share those cameras. A constant number of queries."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from belvedere.contracts.permissions import NONE, Permission, normalize
from belvedere.control.access.models import Grant, Origin
from belvedere.control.accounts.selectors import Person, get_persons
from belvedere.control.core import clock, sql
from belvedere.control.core.offers import OPEN_STATES, OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.devices.selectors import CameraView, list_cameras
from belvedere.control.organizations.selectors import get_standings
from belvedere.control.sharing.models import Share, in_states
from belvedere.control.streaming.selectors import list_watchers

#: a share nobody has used for so long is flagged (B-10)
UNUSED_AFTER: Final = timedelta(days=30)
#: what ends within this is about to
ENDING_WITHIN: Final = timedelta(days=7)

_ITEMS: Final = (
    "SELECT item.share_id, item.camera_id, item.permissions, item.given_at <= %s FROM sharing_shareitem AS item "
    "JOIN sharing_share AS share ON share.id = item.share_id "
    "WHERE share.organization_id = %s AND share.state IN (%s, %s) AND item.ended_at IS NULL "
    "AND item.camera_id IS NOT NULL"
)


class GivenCell(NamedTuple):
    """What one share gives somebody on one camera. `is_mine`: the actor gave it, and may change it here.

    There are thousands: a tuple is made in a third of the time of a frozen dataclass.
    """

    share: str
    permissions: Permission
    is_mine: bool
    is_pending: bool
    starts_at: datetime | None
    ends_at: datetime | None
    hours: str
    is_unused: bool
    is_ending: bool


@dataclass(slots=True)
class MatrixCell:
    """All that somebody has on one camera: by a role, which is not changed here, and by shares."""

    by_role: Permission = NONE
    given: list[GivenCell] = field(default_factory=list)

    @property
    def permissions(self) -> Permission:
        """What is in force, all together."""
        found = self.by_role
        for one in self.given:
            if not one.is_pending:
                found |= one.permissions
        return found

    @property
    def offered(self) -> Permission:
        """What waits for an answer."""
        found = NONE
        for one in self.given:
            if one.is_pending:
                found |= one.permissions
        return found

    @property
    def mine(self) -> GivenCell | None:
        """The share that the actor may change here."""
        return next((one for one in self.given if one.is_mine), None)

    @property
    def ends_at(self) -> datetime | None:
        """The first end of what ends."""
        return min((one.ends_at for one in self.given if one.ends_at), default=None)


@dataclass(slots=True)
class MatrixPerson:
    """One row. `account` is None as long as nothing was accepted: then there is an address, and no name (N1).

    `recipient` and `remark` are the actor's own, "" where he shared nothing with them; `roles` is what they are as
    members, site by site.
    """

    key: str
    #: an e-mail address; or a number in E.164, of whom there is no more to know yet
    address: str
    account: Person | None = None
    recipient: str = ""
    remark: str = ""
    roles: set[str] = field(default_factory=set)
    cells: dict[str, MatrixCell] = field(default_factory=dict)
    #: whether something of theirs ends within days, waits for their answer, or is there and not used
    is_ending: bool = False
    is_pending: bool = False
    is_unused: bool = False

    @property
    def name(self) -> str:
        """Name, or address."""
        return self.account.name if self.account and self.account.name else self.address


@dataclass(frozen=True, slots=True)
class Matrix:
    """The cameras that the actor may share, and everybody who has anything on one of them, by name."""

    cameras: list[CameraView]
    people: list[MatrixPerson]


def get_matrix(actor: Principal, organization: str) -> Matrix:
    """Everybody who has anything on a camera of this organization that the actor may share.

    What he may not share he learns nothing of (N17): without such a camera it is empty. The actor himself is not in it.
    """
    cameras = [
        view
        for view in list_cameras(actor)
        if view.mine and view.organization == organization and view.may(Permission.SHARE)
    ]
    if not cameras:
        return Matrix([], [])
    people: dict[str, MatrixPerson] = {}
    _add_members(actor, organization, cameras, people)
    _add_shares(actor, organization, {view.id for view in cameras}, people)
    found = [row for row in people.values() if row.cells]
    return Matrix(cameras, sorted(found, key=lambda row: (row.name.casefold(), row.key)))


def _add_members(
    actor: Principal, organization: str, cameras: list[CameraView], people: dict[str, MatrixPerson]
) -> None:
    of_site: dict[str, list[str]] = {}
    for view in cameras:
        of_site.setdefault(view.site or "", []).append(view.id)
    rows = Grant.objects.filter(
        resource__in=[organization, *of_site], origin=Origin.MEMBERSHIP, ended_at=None
    ).values_list("principal", "resource", "permissions", "origin_id")
    grants = [row for row in rows if row[0] != actor.id]
    known = get_persons(principal for principal, *_rest in grants)
    standings = get_standings({origin_id for *_rest, origin_id in grants})
    for principal, resource, bits, origin_id in grants:
        permissions = normalize(Permission(bits))
        if not permissions or principal not in known:
            continue
        account = known[principal]
        row = people.setdefault(account.email, MatrixPerson(account.id, account.email, account))
        for site in of_site if resource == organization else [resource]:
            if origin_id in standings:
                row.roles.add(standings[origin_id].on(site).value)
            for camera in of_site[site]:
                row.cells.setdefault(camera, MatrixCell()).by_role |= permissions


def _add_shares(actor: Principal, organization: str, cameras: set[str], people: dict[str, MatrixPerson]) -> None:
    at = clock.now()
    rows = Share.objects.filter(in_states(OPEN_STATES, at), organization=organization)
    shares = {row.pk: row for row in rows.select_related("recipient__account")}
    rows_of_items = sql.fetch(_ITEMS, at - UNUSED_AFTER, organization, *OPEN_STATES)
    watched = list_watchers(cameras, since=at - UNUSED_AFTER)
    whose = {pk: _person_of(actor, share, people) for pk, share in shares.items()}
    sets: dict[int, Permission] = {}
    for share_id, camera, bits, is_old in rows_of_items:
        share = shares.get(share_id)
        if share is None or camera not in cameras:
            continue
        row = whose[share_id]
        if bits not in sets:
            sets[bits] = Permission(bits)
        one = GivenCell(
            share_id,
            sets[bits],
            share.sharer_id == actor.id,
            share.state == OfferState.PENDING,
            share.starts_at,
            share.ends_at,
            share.hours,
            bool(is_old) and (share.accepted_by, camera) not in watched,
            share.ends_at is not None and share.ends_at <= at + ENDING_WITHIN,
        )
        if camera not in row.cells:
            row.cells[camera] = MatrixCell()
        row.cells[camera].given.append(one)
        row.is_ending |= one.is_ending
        row.is_pending |= one.is_pending
        row.is_unused |= one.is_unused


def _person_of(actor: Principal, share: Share, people: dict[str, MatrixPerson]) -> MatrixPerson:
    """The row of whom this share is for. An offer is to an address: whose it is shows once it was accepted."""
    recipient, is_mine = share.recipient, share.sharer_id == actor.id
    is_known = share.state == OfferState.ACCEPTED or is_mine
    account = recipient.account if is_known else None
    address = account.email if account else recipient.address
    row = people.setdefault(address, MatrixPerson(account.pk if account else recipient.pk, address))
    if account and row.account is None:
        row.account = Person(account.pk, account.name, account.email)
    if is_mine:
        row.recipient, row.remark = recipient.pk, recipient.remark
    return row
