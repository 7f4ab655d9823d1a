"""What ends plans and offers without anything changing hands, and what is written and told of it."""

from typing import Any

from django.db import transaction

from belvedere.control.access.guard import unguarded
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock
from belvedere.control.core.offers import OfferState, move
from belvedere.control.core.principal import Principal, system
from belvedere.control.handover.models import OPEN, Handover, HandoverState
from belvedere.control.outbox.services import enqueue


def write_plan_entry(actor: Principal, row: Handover, action: str, **details: Any) -> None:
    """One audit entry of a handover, in the giving organization."""
    write_entry(
        actor=actor,
        action=action,
        thing=f"handover:{row.pk}",
        organization=row.organization_id,
        change_id=row.change_id,
        **details,
    )


def tell(row: Handover, *sides: str) -> None:
    """One message for each: where one mail fails, the other is not sent again."""
    for side in sides:
        enqueue("mail.handover_answered", {"handover": row.pk, "to": side})


def drop_plans(actor: Principal, *, organization: str, owner: str) -> None:
    """Close what a former owner had planned or offered of an organization. In the caller’s transaction."""
    for row in Handover.objects.filter(organization=organization, state__in=OPEN).exclude(giver=owner):
        close_offer(row, actor, reason="owner_changed")


def close_offer(row: Handover, actor: Principal, *, reason: str = "") -> bool:
    """Take a plan or an offer back. Whether it was us."""
    at = clock.now()
    if move(row, OfferState.REVOKED, at=at, only_from=OfferState.PENDING, ended_by=actor.id, ended_reason=reason):
        return True
    drafts = Handover.objects.filter(pk=row.pk, state=HandoverState.DRAFT)
    return bool(
        drafts.update(state=HandoverState.REVOKED, ended_at=at, ended_by=actor.id, ended_reason=reason or "discarded")
    )


@transaction.atomic
def expire(row: Handover) -> None:
    """Write down that an offer ran out, and tell both sides; where it did not wait any more, see what it is."""
    if move(row, OfferState.EXPIRED, at=clock.now()):
        write_plan_entry(system("server"), row, "handover.expired")
        tell(row, "giver", "receiver")
    else:
        row.refresh_from_db()


@unguarded("the worker's own housekeeping")
def expire_handovers(*, organization: str = "") -> int:
    """Write down what ran out, in one organization if told: how many."""
    rows = Handover.objects.filter(state=HandoverState.PENDING, expires_at__lte=clock.now())
    due = list((rows.filter(organization_id=organization) if organization else rows)[:500])
    for row in due:
        expire(row)
    return len(due)
