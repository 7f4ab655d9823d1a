"""Whose offers reach an account no more. Nobody but that account reads it."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from belvedere.control.accounts.selectors import Person
from belvedere.control.core.principal import Principal
from belvedere.control.sharing.models import BlockedSharer


@dataclass(frozen=True, slots=True)
class BlockedView:
    """Somebody whose offers one does not get."""

    sharer: Person
    blocked_at: datetime


def list_blocked_sharers(actor: Principal) -> list[BlockedView]:
    """Whom the actor has blocked, the latest first. One query."""
    rows = BlockedSharer.objects.filter(account_id=actor.id).select_related("sharer").order_by("-blocked_at", "-pk")
    return [BlockedView(Person(row.sharer.pk, row.sharer.name, row.sharer.email), row.blocked_at) for row in rows]


def is_blocked(account: str, sharer: str) -> bool:
    """Whether offers of this sharer stay away from this account."""
    return BlockedSharer.objects.filter(account_id=account, sharer_id=sharer).exists()


def sharers_blocked_by(account: str) -> QuerySet[BlockedSharer, str]:
    """Their ids, to be left out of a query."""
    return BlockedSharer.objects.filter(account_id=account).values_list("sharer_id", flat=True)
