"""What one was offered and has: by an address or number that one has proven to be one's own."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q, QuerySet

from belvedere.control.accounts.models import digest_of
from belvedere.control.accounts.selectors import addresses_proven_by, numbers_proven_by
from belvedere.control.core import clock
from belvedere.control.core.errors import NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.offers import OPEN_STATES, OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.sharing.models import (
    Share,
    ShareItem,
    in_states,
    of_things,
)
from belvedere.control.sharing.selectors.blocking import sharers_blocked_by
from belvedere.control.sharing.selectors.shares import ReceivedShare, part, received_view, with_items


def is_to(actor: Principal) -> Q:
    """Offers to an address or number that the actor has proven, but for those of whom he has blocked."""
    by_mail = Q(recipient__email__in=addresses_proven_by(actor.id))
    by_phone = Q(recipient__phone__in=numbers_proven_by(actor.id))
    return (by_mail | by_phone) & ~Q(sharer__in=sharers_blocked_by(actor.id))


def _mine(actor: Principal) -> QuerySet[Share]:
    """Shares meant for the actor: to an address he has proven, or accepted by him."""
    rows = with_items(Share.objects.all())
    waiting = in_states([OfferState.PENDING], clock.now())
    pending = rows.filter(waiting, is_to(actor))
    decided = rows.exclude(state=OfferState.PENDING).filter(accepted_by=actor.id)
    return pending | decided


def list_received(
    actor: Principal, *, states: Iterable[str] = OPEN_STATES, before: str = "", limit: int | None = None
) -> list[ReceivedShare]:
    """Shares meant for the actor, newest first; at most `limit` that are older than `before`."""
    rows = _mine(actor).filter(in_states(list(states), clock.now()))
    return [received_view(row) for row in part(rows, before, limit)]


def offers_to(actor: Principal) -> QuerySet[Share]:
    """Offers that wait for the actor, to be counted."""
    return Share.objects.filter(in_states([OfferState.PENDING], clock.now()), is_to(actor))


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


def find_join_address(secret: str) -> str:
    """The address or number of the offer whose message or link carried this secret, while it waits; "" otherwise."""
    if not secret:
        return ""
    digest = digest_of(secret)
    is_its = Q(join_digest=digest) | Q(link_digest=digest)
    row = Share.objects.filter(is_its, in_states([OfferState.PENDING], clock.now())).select_related("recipient").first()
    return row.recipient.address if row else ""


def list_ended_since(actor: Principal, since: datetime) -> list[ReceivedShare]:
    """Shares the actor had that ended of late, for the inbox."""
    at = clock.now()
    revoked = Q(state=OfferState.REVOKED, ended_at__gte=since)
    ran_out = in_states([OfferState.EXPIRED], at) & Q(state=OfferState.ACCEPTED, ends_at__gte=since)
    rows = with_items(Share.objects.filter(revoked | ran_out, accepted_by=actor.id))
    found = sorted((received_view(row) for row in rows), key=lambda row: row.ended_at or at, reverse=True)
    return found[:20]
