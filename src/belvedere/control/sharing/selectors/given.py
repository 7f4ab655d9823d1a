"""What one gave: shares and offers, and whom one shared with."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.db.models import Count, F, Max, Q, prefetch_related_objects

from belvedere.control.core import clock
from belvedere.control.core.errors import NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.offers import OPEN_STATES, OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.sharing.models import (
    Recipient,
    Share,
    ShareItem,
    in_states,
    of_recipient,
)
from belvedere.control.sharing.selectors.shares import (
    GivenShare,
    contents,
    given_views,
    part,
    with_items,
    with_people,
)

#: of what one gave: it waits for an answer, is in force, rests
type Part = Literal["pending", "accepted", "paused"]


@dataclass(frozen=True, slots=True)
class PastRecipient:
    """Somebody one has shared with."""

    id: str
    #: an e-mail address, or a number in E.164
    address: str
    name: str | None
    remark: str
    sees: int


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
    return given_views(part(rows, before, limit))


def count_given(actor: Principal, recipient: str) -> int:
    """How many shares and offers of the actor's one recipient has now."""
    return Share.objects.filter(in_states(OPEN_STATES, clock.now()), of_recipient(recipient), sharer=actor.id).count()


def count_by_part(actor: Principal, organization: str) -> dict[Part, int]:
    """Part → how many shares there are in it, of those that the actor gave in an organization. One query."""
    counts = {name: Count("pk", filter=where) for name, where in _parts(clock.now()).items()}
    found = Share.objects.filter(sharer=actor.id, organization=organization).aggregate(**counts)
    return {name: found[name] for name in counts}


def list_by_part(
    actor: Principal, organization: str, parts: Iterable[Part], *, before: str = "", limit: int
) -> dict[Part, list[GivenShare]]:
    """Shares the actor gave in an organization, newest first, of each of these parts at most `limit` that are older
    than `before`. A query for each part, and three for all of them.
    """
    given = with_people(Share.objects.filter(sharer_id=actor.id, organization=organization))
    where = _parts(clock.now())
    found = {name: list(part(given.filter(where[name]), before, limit)) for name in parts}
    rows = [row for each in found.values() for row in each]
    prefetch_related_objects(rows, *contents())
    views = {view.id: view for view in given_views(rows)}
    return {name: [views[row.pk] for row in each] for name, each in found.items()}


def _parts(at: datetime) -> dict[Part, Q]:
    accepted = in_states([OfferState.ACCEPTED], at)
    return {
        "pending": in_states([OfferState.PENDING], at),
        "accepted": accepted & Q(paused_at=None),
        "paused": accepted & Q(paused_at__isnull=False),
    }


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


def list_decided_since(actor: Principal, since: datetime) -> list[GivenShare]:
    """Answers to the actor's offers of late: accepted, rejected, left."""
    rows = with_items(
        Share.objects.filter(sharer_id=actor.id, state__in=(OfferState.ACCEPTED, OfferState.REJECTED, OfferState.LEFT))
    )
    recent = [row for row in rows.order_by("-decided_at")[:40] if (row.ended_at or row.decided_at or since) >= since]
    return given_views(recent[:20])


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
