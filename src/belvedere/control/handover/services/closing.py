"""What ends plans and offers without anything changing hands, and what is written and told of it."""

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.control.access.guard import unguarded
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict
from belvedere.control.core.offers import OfferState, move
from belvedere.control.core.principal import Principal, system
from belvedere.control.handover.models import OPEN, Handover, HandoverState
from belvedere.control.handover.selectors.transfers import FORGOTTEN
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
        if close_offer(row, actor, reason="owner_changed") and row.state == HandoverState.REVOKED:
            # Somebody was asked, and waits no more.
            write_plan_entry(actor, row, "handover.withdrawn", reason="owner_changed")
            tell(row, "receiver")


def close_offer(row: Handover, actor: Principal, *, reason: str = "") -> bool:
    """Take a plan or an offer back. Whether it was us."""
    at = clock.now()
    if move(row, OfferState.REVOKED, at=at, only_from=OfferState.PENDING, ended_by=actor.id, ended_reason=reason):
        return True
    drafts = Handover.objects.filter(pk=row.pk, state=HandoverState.DRAFT)
    return bool(
        drafts.update(state=HandoverState.REVOKED, ended_at=at, ended_by=actor.id, ended_reason=reason or "discarded")
    )


def is_forgotten(row: Handover) -> bool:
    """Whether it is a plan that nobody touched for too long, written down or not."""
    return row.ended_reason == FORGOTTEN or (row.state == HandoverState.DRAFT and clock.now() >= row.expires_at)


def refuse_over(row: Handover) -> Conflict:
    """What became of a handover that waits no more."""
    if is_forgotten(row):
        return Conflict(_("This plan has expired: nobody touched it for thirty days. Nothing was changed."))
    words = {
        HandoverState.DRAFT: _("Something changed since it was offered. They were asked again. Nothing was changed."),
        HandoverState.ACCEPTED: _("This handover was accepted already. Nothing was changed."),
        HandoverState.REJECTED: _("This handover was declined. Nothing was changed."),
        HandoverState.REVOKED: _("This handover was withdrawn. Nothing was changed."),
        HandoverState.EXPIRED: _("This handover has expired: it was good for fourteen days. Nothing was changed."),
    }
    return Conflict(words[HandoverState(row.state)])


@transaction.atomic
def expire(row: Handover) -> None:
    """Write down that an offer ran out and tell both, or a plan, and tell its giver; else see what it is by now."""
    at = clock.now()
    drafts = Handover.objects.filter(pk=row.pk, state=HandoverState.DRAFT, expires_at__lte=at)
    if drafts.update(state=HandoverState.EXPIRED, decided_at=at, ended_reason=FORGOTTEN):
        row.refresh_from_db()
        write_plan_entry(system("server"), row, "handover.plan_expired")
        tell(row, "giver")
    elif move(row, OfferState.EXPIRED, at=at):
        write_plan_entry(system("server"), row, "handover.expired")
        tell(row, "giver", "receiver")
    else:
        row.refresh_from_db()


@unguarded("the worker's own housekeeping")
def expire_handovers(*, organization: str = "") -> int:
    """Write down what ran out, in one organization if told: how many."""
    rows = Handover.objects.filter(state__in=OPEN, expires_at__lte=clock.now())
    due = list((rows.filter(organization_id=organization) if organization else rows)[:500])
    for row in due:
        expire(row)
    return len(due)
