"""Shares: what one gave, what one was offered, whom one shared with, what rests on a membership."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import and_
from typing import Any, Literal

from django.db.models import F, Max, Prefetch, Q, QuerySet

from belvedere.contracts.permissions import NONE, Permission, normalize
from belvedere.control.accounts.models import digest_of
from belvedere.control.accounts.selectors import Person, list_proven
from belvedere.control.core import clock
from belvedere.control.core.errors import NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.offers import OPEN_STATES, OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Camera
from belvedere.control.organizations.selectors import (
    get_management,
    get_member,
)
from belvedere.control.sharing.models import (
    IS_BOUND,
    THINGS,
    Recipient,
    Share,
    ShareGroup,
    ShareItem,
    in_states,
    of_addresses,
    of_recipient,
    of_things,
)
from belvedere.control.sharing.selectors.blocking import sharers_blocked_by
from belvedere.control.sharing.terms import Footage, hours_wire, least
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


@dataclass(frozen=True, slots=True)
class RestingShare:
    """A share given under somebody's membership: to which address, cameras by name, and on which sites they are."""

    id: str
    recipient: str
    cameras: list[str]
    sites: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """A share of other cameras of a recorder, that a camera which came later may join: with what they all have, and as
    far back as the least of them.
    """

    share: str
    state: str
    recipient_id: str
    recipient_name: str | None
    #: an e-mail address, or a number in E.164
    recipient_address: str
    remark: str
    permissions: Permission
    footage: Footage


@dataclass(frozen=True, slots=True)
class PastRecipient:
    """Somebody one has shared with."""

    id: str
    #: an e-mail address, or a number in E.164
    address: str
    name: str | None
    remark: str
    sees: int


def with_items(rows: QuerySet[Share]) -> QuerySet[Share]:
    """With all that a view of them needs."""
    items = Prefetch("items", ShareItem.objects.filter(ended_at=None).select_related(*THINGS))
    follows = Prefetch("follows", ShareGroup.objects.select_related("group"))
    return rows.select_related("recipient", "recipient__account", "sharer").prefetch_related(items, follows)


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
    return ReceivedShare(
        id=share.pk,
        sharer=sharer,
        message=share.message,
        items=_items(share),
        follows=_follows(share),
        is_muted=share.is_muted,
        is_by_phone=bool(share.recipient.phone),
        **_life(share),
    )


def is_to(actor: Principal) -> Q:
    """Offers to an address or number that the actor has proven, but for those of whom he has blocked."""
    return of_addresses(list_proven(actor.id), of="recipient__") & ~Q(sharer__in=sharers_blocked_by(actor.id))


def _mine(actor: Principal) -> QuerySet[Share]:
    """Shares meant for the actor: to an address he has proven, or accepted by him."""
    rows = with_items(Share.objects.all())
    waiting = in_states([OfferState.PENDING], clock.now())
    pending = rows.filter(waiting, is_to(actor))
    decided = rows.exclude(state=OfferState.PENDING).filter(accepted_by=actor.id)
    return pending | decided


def list_given(
    actor: Principal,
    *,
    states: Iterable[str] = OPEN_STATES,
    recipient: str = "",
    before: str = "",
    limit: int | None = None,
) -> list[GivenShare]:
    """Shares the actor gave, newest first: all, or those of one recipient; at most `limit` that are older than
    `before`.
    """
    rows = with_items(Share.objects.filter(in_states(list(states), clock.now()), sharer_id=actor.id))
    if recipient:
        rows = rows.filter(of_recipient(recipient))
    return given_views(_part(rows, before, limit))


def count_given(actor: Principal, recipient: str) -> int:
    """How many shares and offers of the actor's one recipient has now."""
    return Share.objects.filter(
        in_states(OPEN_STATES, clock.now()), of_recipient(recipient), sharer=actor.id
    ).count()


def _part(rows: QuerySet[Share], before: str, limit: int | None) -> QuerySet[Share]:
    """Ids grow with time, so that a page goes on where the last one ended, whatever came or went since."""
    if before:
        rows = rows.filter(pk__lt=before)
    return rows.order_by("-pk")[:limit]


def get_given(actor: Principal, share: str) -> GivenShare:
    """One share the actor gave. Raises NotFound."""
    row = with_items(Share.objects.filter(pk=share, sharer_id=actor.id)).first() if is_id(share) else None
    if row is None:
        raise NotFound
    return given_views([row])[0]


def find_given_by_change(actor: Principal, change_id: str) -> GivenShare | None:
    """The share that the actor ended in this change."""
    row = (
        with_items(Share.objects.filter(change_id=change_id, sharer_id=actor.id)).first() if is_id(change_id) else None
    )
    return given_views([row])[0] if row else None


def list_received(
    actor: Principal, *, states: Iterable[str] = OPEN_STATES, before: str = "", limit: int | None = None
) -> list[ReceivedShare]:
    """Shares meant for the actor, newest first; at most `limit` that are older than `before`."""
    rows = _mine(actor).filter(in_states(list(states), clock.now()))
    return [received_view(row) for row in _part(rows, before, limit)]


def count_offers(actor: Principal) -> int:
    """How many offers wait for the actor."""
    waiting = in_states([OfferState.PENDING], clock.now())
    return Share.objects.filter(waiting, is_to(actor)).count()


def get_received(actor: Principal, share: str) -> ReceivedShare:
    """One share meant for the actor. Raises NotFound."""
    row = _mine(actor).filter(pk=share).first() if is_id(share) else None
    if row is None:
        raise NotFound
    return received_view(row)


def find_received_of_camera(actor: Principal, camera: str) -> ReceivedShare | None:
    """The share by which the actor sees this camera, or the last one by which he did."""
    return _find_received(actor, camera)


def find_received_of_panel(actor: Principal, panel: str) -> ReceivedShare | None:
    """The same of a panel."""
    return _find_received(actor, panel)


def is_used_up(actor: Principal, panel: str) -> bool:
    """Whether the last that the actor was given of a panel was one time, and he used it."""
    if not is_id(panel):
        return False
    items = ShareItem.objects.filter(panel=panel).values("share")
    last = Share.objects.filter(accepted_by=actor.id, pk__in=items).order_by("-decided_at").first()
    return last is not None and last.is_once and last.ended_reason == "used"


def _find_received(actor: Principal, resource: str) -> ReceivedShare | None:
    if not is_id(resource):
        return None
    items = ShareItem.objects.filter(of_things([resource])).values("share")
    row = with_items(Share.objects.filter(accepted_by=actor.id, pk__in=items)).order_by("ended_at", "-decided_at")
    return received_view(found) if (found := row.first()) else None


def list_recipients(actor: Principal) -> list[PastRecipient]:
    """Everybody the actor has shared with and not taken off his list, the latest first."""
    rows = (
        Recipient.objects.filter(sharer_id=actor.id)
        .annotate(last_offered_at=Max("shares__offered_at"))
        .filter(Q(removed_at=None) | Q(last_offered_at__gt=F("removed_at")))
        .select_related("account")
        .order_by("-created_at")
    )
    sees: dict[str, int] = {}
    accepted = in_states([OfferState.ACCEPTED], clock.now(), of="share__")
    items = ShareItem.objects.filter(accepted, share__sharer_id=actor.id, ended_at=None)
    for recipient in items.values_list("share__recipient_id", flat=True):
        sees[recipient] = sees.get(recipient, 0) + 1
    return [
        PastRecipient(row.pk, row.address, row.account.name if row.account else None, row.remark, sees.get(row.pk, 0))
        for row in rows
    ]


def list_extensions(actor: Principal, device: str) -> dict[str, list[Extension]]:
    """Camera → the shares the actor gave of other cameras of this device, before there was that one (rule 9).

    Not those whose recipient has it from the actor already, nor those that it has left. Two queries.
    """
    items = (
        ShareItem.objects.filter(share__sharer=actor.id, camera__device=device)
        .filter(IS_BOUND, in_states(OPEN_STATES, clock.now(), of="share__"))
        .select_related("share__recipient__account")
        .order_by("share__recipient__email", "share__recipient__phone", "share__pk")
    )
    shares: dict[Share, list[ShareItem]] = {}
    seen: set[tuple[str, str | None]] = set()
    for item in items:
        shares.setdefault(item.share, []).append(item)
        seen.add((item.share.recipient_id, item.camera_id))
    if not shares:
        return {}
    oldest = min(share.offered_at for share in shares)
    later = Camera.objects.filter(device=device, closed_at=None, created_at__gt=oldest).order_by("name", "pk")
    found: dict[str, list[Extension]] = {}
    for camera, created_at in later.values_list("pk", "created_at"):
        for share, held in shares.items():
            view = _extension(share, [item for item in held if item.ended_at is None])
            if created_at > share.offered_at and (share.recipient_id, camera) not in seen and view.permissions:
                found.setdefault(camera, []).append(view)
    return found


def _extension(share: Share, held: list[ShareItem]) -> Extension:
    known = share.recipient.account
    bits = reduce(and_, (Permission(item.permissions) for item in held)) if held else NONE
    return Extension(
        share=share.pk,
        state=share.state,
        recipient_id=share.recipient_id,
        recipient_name=known.name if known else None,
        recipient_address=share.recipient.address,
        remark=share.recipient.remark,
        permissions=normalize(bits),
        footage=least(item.footage for item in held if Permission.PLAYBACK in Permission(bits)),
    )


def list_resting_shares(actor: Principal, member: str) -> list[RestingShare]:
    """What rests on a membership and would end with it: one's own, or as far as the actor manages those sites.

    Raises NotFound, Forbidden. A constant number of queries.
    """
    view = get_member(actor, member)
    is_open = in_states(OPEN_STATES, clock.now(), of="share__")
    items = ShareItem.objects.filter(is_open, share__membership=member, ended_at=None)
    if not view.is_me:
        sites = list(get_management(actor, view.organization).sites)
        items = items.filter(Q(camera__site__in=sites) | Q(panel__device__site__in=sites))
    found: dict[Share, list[ShareItem]] = {}
    things = items.select_related("share__recipient", *THINGS)
    for item in things.order_by("share__recipient__email", "share__recipient__phone", "camera__name", "pk"):
        found.setdefault(item.share, []).append(item)
    return [
        RestingShare(
            share.pk,
            share.recipient.address,
            [item.thing.name for item in rows],
            frozenset(item.thing.site_id for item in rows),
        )
        for share, rows in found.items()
    ]


def find_join_address(secret: str) -> str:
    """The address or number whose message carried this secret, while its offer waits; "" otherwise."""
    row = (
        Share.objects.filter(in_states([OfferState.PENDING], clock.now()), join_digest=digest_of(secret))
        .select_related("recipient")
        .first()
        if secret
        else None
    )
    return row.recipient.address if row else ""


def list_ended_since(actor: Principal, since: datetime) -> list[ReceivedShare]:
    """Shares the actor had that ended of late, for the inbox."""
    at = clock.now()
    revoked = Q(state=OfferState.REVOKED, ended_at__gte=since)
    ran_out = in_states([OfferState.EXPIRED], at) & Q(state=OfferState.ACCEPTED, ends_at__gte=since)
    rows = with_items(Share.objects.filter(revoked | ran_out, accepted_by=actor.id))
    found = sorted((received_view(row) for row in rows), key=lambda row: row.ended_at or at, reverse=True)
    return found[:20]


def list_decided_since(actor: Principal, since: datetime) -> list[GivenShare]:
    """Answers to the actor's offers of late: accepted, rejected, left."""
    rows = with_items(
        Share.objects.filter(sharer_id=actor.id, state__in=(OfferState.ACCEPTED, OfferState.REJECTED, OfferState.LEFT))
    )
    recent = [row for row in rows.order_by("-decided_at")[:40] if (row.ended_at or row.decided_at or since) >= since]
    return given_views(recent[:20])
