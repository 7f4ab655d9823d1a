"""Who can see a camera or panel, through which grants, and why: for those who may share it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import Any, Final, Literal

from belvedere.contracts.permissions import Permission
from belvedere.control.access.decision import GrantFacts
from belvedere.control.access.guard import check, find_path
from belvedere.control.access.models import Origin
from belvedere.control.access.roles import Role
from belvedere.control.access.selectors import Holder, ResourcePath, list_holders
from belvedere.control.accounts.selectors import Person, get_persons
from belvedere.control.core import clock
from belvedere.control.core.errors import NotFound
from belvedere.control.core.offers import OPEN_STATES, OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.devices.panels import READERS
from belvedere.control.organizations.selectors import get_standings
from belvedere.control.sharing.models import ShareItem, in_states, of_things
from belvedere.control.sharing.terms import EVERYTHING, Footage, hours_wire

#: origins that come after every role
_NO_ROLES: Final = frozenset({Origin.SHARE, Origin.GUEST_LINK})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """One grant that somebody's access rests on, or the offer of one: who gave it, what, since when, until when.

    `holds_now` False: it holds at another hour or day. `footage` is how far back it reaches.

    `origin` is `share`, `guest_link` or a role. `given_by` is None for what nobody else gave: an owner’s own. `share`
    and `remark` are there for who gave the share, and "" for everybody else. `source` is the id of the share, of the
    membership or of the guest link, whoever gave it.
    """

    origin: str
    permissions: Permission
    given_by: Person | None
    since: datetime | None
    ends_at: datetime | None
    starts_at: datetime | None = None
    hours: dict[str, Any] | None = None
    footage: Footage = EVERYTHING
    holds_now: bool = True
    share: str = ""
    remark: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRow:
    """Somebody who can see a camera, or was offered to, and why: one row a person, however many grounds."""

    account: Person | None
    address: str
    state: Literal["accepted", "pending", "paused"]
    because: list[Ground]

    @property
    def origin(self) -> str:
        """The strongest ground's: a role before a share."""
        return self.because[0].origin

    @property
    def permissions(self) -> Permission:
        """All grounds that hold now together; all there are, where none does just now."""
        now = [ground for ground in self.because if ground.holds_now]
        return reduce(or_, (ground.permissions for ground in now or self.because))

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


def list_access(actor: Principal, camera: str) -> list[AccessRow]:
    """Who can see this camera and why, offers that wait among them. Needs `share`. Raises NotFound, Forbidden."""
    check(actor, Permission.SHARE, on="camera", resource=camera)
    path = find_path(actor, "camera", camera)
    if path is None:
        raise NotFound
    return _list_access(actor, path, list_holders(path))


def list_panel_access(actor: Principal, panel: str) -> list[AccessRow]:
    """Who may arm this panel or is notified, and why. Needs `share`. Raises NotFound, Forbidden."""
    check(actor, Permission.SHARE, on="panel", resource=panel)
    path = find_path(actor, "panel", panel)
    if path is None:
        raise NotFound
    holders = [
        holder
        for holder in list_holders(path)
        if any(grant.permissions & READERS for grant in (*holder.decision.because, *holder.later))
    ]
    return _list_access(actor, path, holders)


def _list_access(actor: Principal, path: ResourcePath, holders: list[Holder]) -> list[AccessRow]:
    grants = [grant for holder in holders for grant in (*holder.decision.because, *holder.later)]
    people = get_persons([holder.principal for holder in holders] + [grant.created_by for grant in grants])
    standings = get_standings(grant.origin_id for grant in grants if grant.origin == Origin.MEMBERSHIP)
    items = _list_open_items(path.leaf)
    shares = {item.share_id: item.share for item in items if item.share.sharer_id == actor.id}

    def ground(holder: Holder, grant: GrantFacts, *, holds_now: bool) -> Ground:
        share, standing = shares.get(grant.origin_id), standings.get(grant.origin_id)
        return Ground(
            # The role here: what somebody is on other sites is no reason, and not the reader's to know.
            origin=standing.on(path.site).value if standing else grant.origin,
            permissions=Permission(grant.permissions),
            given_by=people.get(grant.created_by) if grant.created_by != holder.principal else None,
            since=holder.given_at.get(grant.id),
            starts_at=datetime.fromtimestamp(grant.starts_at, UTC) if grant.starts_at else None,
            ends_at=datetime.fromtimestamp(grant.ends_at, UTC) if grant.ends_at else None,
            hours=hours_wire(grant.hours),
            footage=Footage(grant.footage_last_s, grant.footage_from is not None),
            holds_now=holds_now,
            share=share.pk if share else "",
            remark=share.recipient.remark if share else "",
            source=grant.origin_id,
        )

    rows = []
    for holder in holders:
        because = [ground(holder, grant, holds_now=True) for grant in holder.decision.because]
        because += [ground(holder, grant, holds_now=False) for grant in holder.later]
        because.sort(key=lambda row: row.origin in _NO_ROLES)
        person = people.get(holder.principal)
        rows.append(
            AccessRow(account=person, address=person.email if person else "", state="accepted", because=because)
        )
    rows.sort(key=lambda row: (row.origin != Role.OWNER, row.origin in _NO_ROLES, row.address))
    return rows + _resting_access(actor, items)


def _list_open_items(resource: str) -> list[ShareItem]:
    """It in all shares that are in force, rest, or wait for an answer; whoever gave them."""
    is_open = in_states(OPEN_STATES, clock.now(), of="share__")
    items = ShareItem.objects.filter(of_things([resource]), is_open, ended_at=None)
    return list(items.select_related("share__recipient__account", "share__sharer").order_by("share__offered_at"))


def _resting_access(actor: Principal, items: list[ShareItem]) -> list[AccessRow]:
    """Shares that are in force nowhere: offers that wait, and what its sharer lets rest. Whose address an offer went to
    is nobody's business yet.
    """
    found: dict[tuple[str, str], AccessRow] = {}
    for item in items:
        share, is_mine = item.share, item.share.sharer_id == actor.id
        if share.state == OfferState.ACCEPTED and share.paused_at is None:
            continue
        known = share.recipient.account if share.paused_at else None
        row = AccessRow(
            account=Person(known.pk, known.name, known.email) if known else None,
            address=known.email if known else share.recipient.address,
            state="paused" if share.paused_at else "pending",
            because=[],
        )
        found.setdefault((row.state, row.address), row).because.append(
            Ground(
                origin="share",
                permissions=Permission(item.permissions),
                given_by=Person(share.sharer.pk, share.sharer.name, share.sharer.email),
                since=share.offered_at,
                starts_at=share.starts_at,
                ends_at=share.ends_at,
                hours=hours_wire(share.hours),
                footage=item.footage,
                holds_now=share.paused_at is None,
                share=share.pk if is_mine else "",
                remark=share.recipient.remark if is_mine else "",
            )
        )
    return list(found.values())
