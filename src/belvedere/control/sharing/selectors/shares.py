"""A share as each side sees it: the views, and how rows become them. Who may look, its askers have decided."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from django.db.models import Prefetch, QuerySet

from belvedere.contracts.permissions import Permission
from belvedere.control.accounts.selectors import Person
from belvedere.control.core import clock
from belvedere.control.core.offers import OfferState
from belvedere.control.sharing.models import (
    SILENTLY,
    THINGS,
    Share,
    ShareGroup,
    ShareItem,
)
from belvedere.control.sharing.terms import Footage, hours_wire
from belvedere.control.sharing.usage import UNUSED_AFTER, is_unused, lapses_at
from belvedere.control.streaming.selectors import list_last_viewed


@dataclass(frozen=True, slots=True)
class ItemView:
    """One camera or panel of a share."""

    kind: Literal["camera", "panel"]
    resource: str
    name: str
    permissions: Permission
    footage: Footage


@dataclass(frozen=True, slots=True)
class FollowView:
    """A group whose later cameras come to the share, and what they give at most."""

    group: str
    name: str
    permissions: Permission
    footage: Footage


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenShare:
    """A share as its giver sees it. The recipient's name is None until accepted: the address is all one typed."""

    id: str
    state: str
    recipient_id: str
    recipient_name: str | None
    #: an e-mail address, or a number in E.164
    recipient_address: str
    remark: str
    message: str
    items: list[ItemView]
    follows: list[FollowView]
    offered_at: datetime
    decided_at: datetime | None
    ended_at: datetime | None
    starts_at: datetime | None
    ends_at: datetime | None
    #: weekly windows, `{"zone", "weekly"}`; None = at any hour
    hours: dict[str, Any] | None
    change_id: str
    #: to be sent back with a change, so that nobody overwrites what he has not read
    version: int
    ended_reason: str
    paused_at: datetime | None
    is_once: bool
    #: until when an offer can be answered, and when its recipient was reminded of it
    answer_by: datetime | None
    reminded_at: datetime | None
    #: what one tap prolongs it by; None: it cannot be prolonged
    term: timedelta | None
    #: both sides were reminded that it ends
    is_ending: bool
    #: by the ledger, and by the panel's commands; None: never, since it was accepted
    last_used_at: datetime | None
    is_unused: bool
    #: after so many days without use it ends by itself, and when that would be
    lapse_unused_days: int | None
    lapses_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedShare:
    """A share as its recipient sees it: name, sharer, offered rights, and nothing else until accepted (HC 17)."""

    id: str
    state: str
    sharer: Person
    message: str
    items: list[ItemView]
    follows: list[FollowView]
    offered_at: datetime
    decided_at: datetime | None
    ended_at: datetime | None
    ended_reason: str
    starts_at: datetime | None
    ends_at: datetime | None
    hours: dict[str, Any] | None
    #: since when the sharer lets it rest: it is there, and opens nothing
    paused_at: datetime | None
    #: one command, or 24 hours from acceptance on
    is_once: bool
    answer_by: datetime | None
    #: both sides were reminded that it ends
    is_ending: bool
    #: he wants no messages about it; only he reads that
    is_muted: bool
    #: it was offered to his number, so that the sharer reads name and e-mail address only once it is accepted
    is_by_phone: bool


def with_items(rows: QuerySet[Share]) -> QuerySet[Share]:
    """With all that a view of them needs."""
    return with_people(rows).prefetch_related(*contents())


def with_people(rows: QuerySet[Share]) -> QuerySet[Share]:
    """With both sides of each; for views of them their contents are asked for, too."""
    return rows.select_related("recipient", "recipient__account", "sharer")


def contents() -> "list[Prefetch[Any]]":  # quoted: no generic at run time
    """What a share gives, and which groups it follows: one question each, for however many shares."""
    items = Prefetch("items", ShareItem.objects.filter(ended_at=None).select_related(*THINGS))
    return [items, Prefetch("follows", ShareGroup.objects.select_related("group"))]


def _items(share: Share) -> list[ItemView]:
    """Cameras first, each kind by name."""
    views = [
        ItemView(
            "panel" if item.panel_id else "camera",
            item.resource,
            item.thing.name,
            Permission(item.permissions),
            item.footage,
        )
        for item in share.items.all()
    ]
    return sorted(views, key=lambda view: (view.kind, view.name, view.resource))


def _follows(share: Share) -> list[FollowView]:
    rows = sorted(share.follows.all(), key=lambda row: (row.group.key, row.group_id))
    return [FollowView(row.group_id, row.group.name, Permission(row.permissions), row.footage) for row in rows]


def _life(share: Share) -> dict[str, Any]:
    """What both sides read alike of its time. What has run out has ended at its end, for the reason it was given."""
    state = share.state_at(clock.now())
    has_run_out = state == OfferState.EXPIRED != share.state
    return {
        "state": state.value,
        "offered_at": share.offered_at,
        "decided_at": share.decided_at,
        "ended_at": share.runs_out_at if has_run_out else share.ended_at,
        "starts_at": share.starts_at,
        "ends_at": share.ends_at,
        "hours": hours_wire(share.hours),
        "paused_at": share.paused_at if state == OfferState.ACCEPTED else None,
        "is_once": share.is_once,
        "answer_by": share.runs_out_at if state == OfferState.PENDING else None,
        "is_ending": state == OfferState.ACCEPTED
        and share.ends_at is not None
        and share.reminded_end_at == share.ends_at,
        "ended_reason": "expired" if state == OfferState.EXPIRED else share.ended_reason,
    }


def given_views(rows: Iterable[Share]) -> list[GivenShare]:
    """As their giver sees them, with when each was used last: what is kept, and what the ledger says. One query."""
    rows = list(rows)
    given = [row for row in rows if row.accepted_by]
    cameras = {item.camera_id for row in given for item in row.items.all() if item.camera_id}
    viewed = list_last_viewed(since=clock.now() - UNUSED_AFTER, cameras=cameras) if cameras else {}
    for row in given:
        found = [viewed.get((row.accepted_by, item.camera_id or "")) for item in row.items.all()]
        since = row.decided_at or row.offered_at
        # What was watched before this was accepted was another share's.
        row.last_used_at = max((at for at in (row.last_used_at, *found) if at and at >= since), default=None)
    return [_given(row) for row in rows]


def _given(share: Share) -> GivenShare:
    # Whose account it is was nobody's business until something was accepted. After that it is known.
    known = share.recipient.account
    return GivenShare(
        id=share.pk,
        recipient_id=share.recipient_id,
        recipient_name=known.name if known else None,
        recipient_address=share.recipient.address,
        remark=share.recipient.remark,
        message=share.message,
        items=_items(share),
        follows=_follows(share),
        change_id=share.change_id,
        version=share.version,
        reminded_at=share.reminded_at,
        term=share.term if not share.is_once else None,
        last_used_at=share.last_used_at,
        is_unused=is_unused(share, clock.now()),
        lapse_unused_days=share.lapse_unused_days,
        lapses_at=lapses_at(share) if share.lapse_unused_days and share.state == OfferState.ACCEPTED else None,
        **_life(share),
    )


def received_view(share: Share) -> ReceivedShare:
    """As its recipient sees it."""
    sharer = Person(share.sharer.pk, share.sharer.name, share.sharer.email)
    life = _life(share)
    if life["ended_reason"] == SILENTLY:
        life["ended_reason"] = "unbound"
    return ReceivedShare(
        id=share.pk,
        sharer=sharer,
        message=share.message,
        items=_items(share),
        follows=_follows(share),
        is_muted=share.is_muted,
        is_by_phone=bool(share.recipient.phone),
        **life,
    )


def part(rows: QuerySet[Share], before: str, limit: int | None) -> QuerySet[Share]:
    """Ids grow with time, so that a page goes on where the last one ended, whatever came or went since."""
    if before:
        rows = rows.filter(pk__lt=before)
    return rows.order_by("-pk")[:limit]
