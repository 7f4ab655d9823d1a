"""The access review: what nobody used for long, to be kept or ended; and who left, with what ended (B-10).

A share is used by being watched. A membership is used where it is: by watching there, or by doing anything that the
organization's audit has. Whoever answered is asked again in the next quarter.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from django.core.cache import cache

from belvedere.control.access.roles import Role
from belvedere.control.accounts.selectors import Person, get_persons
from belvedere.control.audit.selectors import EntryFilter, list_active, list_entries
from belvedere.control.core import clock
from belvedere.control.core.errors import NotFound
from belvedere.control.core.offers import OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Camera
from belvedere.control.organizations.models import Membership
from belvedere.control.organizations.oversight import find_audit_scope
from belvedere.control.organizations.selectors import get_management, list_organizations
from belvedere.control.sharing.models import ReviewAnswer, Share, in_states
from belvedere.control.sharing.selectors.shares import given_views, with_items
from belvedere.control.streaming.selectors import list_last_viewed

UNUSED_FOR: Final = timedelta(days=60)
#: how far back the leavers' report goes, and how many it names
LEFT_WITHIN: Final = timedelta(days=365)
_LEAVERS: Final = 100
#: what stands in an answer that put the reminder on the wall away
PUT_AWAY: Final = ""
#: how long the wall goes by what was last found: it is opened more often than anything else
_REMEMBERED_S: Final = 3600

type Kind = Literal["share", "member"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unused:
    """What nobody used for sixty days.

    names       the cameras of a share; the role of a member
    since       the last use, or since when it could have been used
    may_lapse   whether it can be left to end by itself: a share of one's own
    """

    kind: Kind
    id: str
    name: str
    address: str
    organization: str
    names: tuple[str, ...]
    since: datetime
    was_used: bool
    may_lapse: bool


@dataclass(frozen=True, slots=True)
class Leaver:
    """Somebody whose membership ended: when, by whom (None: himself), and how much ended with it."""

    person: Person
    at: datetime
    role: str
    by: str | None
    shares: int
    links: int


def quarter_of(at: datetime) -> str:
    """`2026Q4`."""
    return f"{at.year}Q{(at.month - 1) // 3 + 1}"


def list_unused(actor: Principal) -> list[Unused]:
    """Shares the actor gave, or that stand in organizations he owns, and members there, that were not used for sixty
    days; what he answered for in this quarter is not asked again. The longest unused first.
    """
    at = clock.now()
    owned = {view.id: view.name for view in list_organizations(actor) if view.is_owned}
    answered = set(
        ReviewAnswer.objects.filter(account_id=actor.id, quarter=quarter_of(at)).values_list("thing", flat=True)
    )
    rows = [*_shares(actor, owned, at), *_members(actor, owned, at)]
    found = sorted((row for row in rows if row.id not in answered), key=lambda row: (row.since, row.id))
    cache.set(_key(actor), len(found), timeout=_REMEMBERED_S)
    return found


def count_to_remind_of(actor: Principal) -> int:
    """How many of them the wall says there are; 0 once that was put away, until the next quarter.

    As of the last look at them, within an hour: two queries at most between looks, however much is shared.
    """
    answers = ReviewAnswer.objects.filter(account_id=actor.id, quarter=quarter_of(clock.now()), thing=PUT_AWAY)
    if answers.exists():
        return 0
    known: int | None = cache.get(_key(actor))
    return len(list_unused(actor)) if known is None else known


def _key(actor: Principal) -> str:
    return f"review:{actor.id}"


def find_unused(actor: Principal, kind: str, thing: str) -> Unused:
    """One of them. Raises NotFound."""
    for row in list_unused(actor):
        if (row.kind, row.id) == (kind, thing):
            return row
    raise NotFound


def _shares(actor: Principal, owned: Collection[str], at: datetime) -> list[Unused]:
    rows = Share.objects.filter(in_states([OfferState.ACCEPTED], at), paused_at=None, is_once=False)
    # What is to lapse is decided on already.
    rows = rows.filter(lapse_unused_days=None, decided_at__lte=at - UNUSED_FOR)
    mine = rows.filter(sharer_id=actor.id) | rows.filter(organization__in=list(owned))
    shares = {row.pk: row for row in with_items(mine).select_related("organization")}
    found = []
    for view in given_views(shares.values()):
        share = shares[view.id]
        since = max(filter(None, (view.last_used_at, view.decided_at, view.starts_at)))
        if at - since >= UNUSED_FOR:
            found.append(
                Unused(
                    kind="share",
                    id=view.id,
                    name=view.recipient_name or view.recipient_address,
                    address=view.recipient_address,
                    organization=share.organization.name,
                    names=tuple(item.name for item in view.items),
                    since=since,
                    was_used=view.last_used_at is not None,
                    may_lapse=share.sharer_id == actor.id,
                )
            )
    return found


def _members(actor: Principal, owned: dict[str, str], at: datetime) -> list[Unused]:
    since = at - UNUSED_FOR
    rows = Membership.objects.filter(organization__in=owned, is_active=True, created_at__lte=since)
    members = list(rows.exclude(account_id=actor.id).exclude(role=Role.OWNER).select_related("account"))
    if not members:
        return []
    cameras = dict(Camera.objects.filter(organization__in=owned).values_list("pk", "organization_id"))
    viewed = {(account, cameras[camera]) for account, camera in list_last_viewed(since=since, cameras=cameras.keys())}
    acted = list_active(owned, since)
    return [
        Unused(
            kind="member",
            id=row.pk,
            name=row.account.name,
            address=row.account.email,
            organization=owned[row.organization_id],
            names=(row.role,),
            since=max(row.created_at, since),
            was_used=False,
            may_lapse=False,
        )
        for row in members
        if (row.account_id, row.organization_id) not in viewed | acted
    ]


def list_leavers(actor: Principal, organization: str) -> list[Leaver]:
    """Who left an organization within a year, the latest first, with what ended. For who manages all of it.

    Raises NotFound, Forbidden.
    """
    if not get_management(actor, organization).is_whole:
        return []
    scope, since = find_audit_scope(actor, organization), clock.now() - LEFT_WITHIN
    entries = [
        entry
        for action in ("member.removed", "member.left")
        for entry in list_entries(scope, EntryFilter(action=action, start=since), limit=_LEAVERS).items
    ]
    ended: dict[tuple[str, str], int] = {}
    for action in ("share.lapsed", "guest_link.lapsed"):
        for entry in list_entries(scope, EntryFilter(action=action, start=since), limit=10 * _LEAVERS).items:
            ended[action, entry.change_id] = ended.get((action, entry.change_id), 0) + 1
    people = get_persons(entry.text("account") for entry in entries)
    found = [
        Leaver(
            people.get(entry.text("account"), Person("", "", "")),
            entry.at,
            str((entry.fields.get("before") or {}).get("role", "")),
            None if entry.action == "member.left" else entry.text("actor_name"),
            ended.get(("share.lapsed", entry.change_id), 0),
            ended.get(("guest_link.lapsed", entry.change_id), 0),
        )
        for entry in entries
    ]
    return sorted(found, key=lambda row: row.at, reverse=True)[:_LEAVERS]
