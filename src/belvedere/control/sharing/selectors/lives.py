"""What became of shares by themselves, and is about to: for the inbox of both sides. A constant number of queries."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from django.db.models import F, Q

from belvedere.control.core import clock
from belvedere.control.core.offers import OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.sharing.models import Share, in_states
from belvedere.control.sharing.selectors.shares import (
    GivenShare,
    ReceivedShare,
    given_views,
    received_view,
    with_items,
)

_LATEST: Final = 20
#: both sides were reminded of its end, and it is that end still
_IS_ENDING: Final = Q(reminded_end_at=F("ends_at"))


def list_over_since(actor: Principal, since: datetime) -> list[GivenShare]:
    """Shares the actor gave that ended of late by themselves: used, or not used for too long."""
    rows = Share.objects.filter(
        sharer_id=actor.id, state=OfferState.REVOKED, ended_reason__in=("used", "unused"), ended_at__gte=since
    )
    return given_views(with_items(rows).order_by("-ended_at")[:_LATEST])


def list_given_ending(actor: Principal) -> list[GivenShare]:
    """Shares the actor gave of whose end he was reminded, the next one first."""
    rows = Share.objects.filter(_IS_ENDING, in_states([OfferState.ACCEPTED], clock.now()), sharer_id=actor.id)
    return given_views(with_items(rows).order_by("ends_at")[:_LATEST])


def list_running_shares(shares: Collection[str]) -> dict[str, datetime | None]:
    """Those that were accepted and are not over, with their end. The caller acts for the server. One query."""
    rows = Share.objects.filter(in_states([OfferState.ACCEPTED], clock.now()), pk__in=shares)
    return dict(rows.values_list("pk", "ends_at"))


def list_received_ending(actor: Principal) -> list[ReceivedShare]:
    """Shares the actor has that end soon, the next one first."""
    rows = Share.objects.filter(_IS_ENDING, in_states([OfferState.ACCEPTED], clock.now()), accepted_by=actor.id)
    return [received_view(row) for row in with_items(rows).order_by("ends_at")[:_LATEST]]


def list_received_paused(actor: Principal) -> list[ReceivedShare]:
    """Shares the actor has that their sharers let rest, the latest first."""
    rows = Share.objects.filter(in_states([OfferState.ACCEPTED], clock.now()), accepted_by=actor.id)
    rows = rows.filter(paused_at__isnull=False, is_muted=False)
    return [received_view(row) for row in with_items(rows).order_by("-paused_at")[:_LATEST]]
