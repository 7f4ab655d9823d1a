"""Offering what was planned, turning it down, taking it back, letting it run out. Nothing changes hands by these."""

from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.control.access.guard import unguarded
from belvedere.control.accounts.selectors import list_verified_addresses, require_fresh
from belvedere.control.core import clock, limits
from belvedere.control.core.errors import Conflict, Forbidden
from belvedere.control.core.offers import OfferState, move
from belvedere.control.core.principal import Principal, system
from belvedere.control.handover.models import OPEN, Handover, HandoverState
from belvedere.control.handover.selectors.plan import extent_of, list_rows
from belvedere.control.handover.selectors.transfers import find_handover, get_thing
from belvedere.control.handover.services.closing import close_offer, expire, refuse_over, tell, write_plan_entry
from belvedere.control.handover.services.planning import KEPT, VALID, find_draft
from belvedere.control.organizations.services import hold_organization
from belvedere.control.outbox.services import enqueue

OFFERS_A_DAY: Final = 20


@unguarded("the giver's own plan, of what he owns")
def offer_handover(actor: Principal, *, handover: str) -> None:
    """Offer what was planned, for fourteen days, once everything that hangs on it is decided.

    Raises NotFound, Forbidden, ReauthenticationRequired, RateLimited, Conflict: offered already, or something is not
    decided or has changed since it was (`undecided` has the keys: it is asked again, never applied).
    """
    row = find_draft(actor, handover)
    get_thing(actor, row.kind, row.thing)
    require_fresh(actor)
    limits.hit("handover", actor.id, limit=OFFERS_A_DAY, per_s=86400)
    _offer(actor, row)


@transaction.atomic
def _offer(actor: Principal, row: Handover) -> None:
    if hold_organization(row.organization_id) != actor.id:
        raise Conflict(_("The owner changed in the meantime. Nothing was changed."))
    at = clock.now()
    claimed = Handover.objects.filter(pk=row.pk, state=HandoverState.DRAFT).update(
        state=HandoverState.PENDING, offered_at=at, expires_at=at + VALID, extent=extent_of(row)
    )
    if not claimed:
        raise Conflict(_("It was offered or withdrawn just now. Nothing was changed."))
    still = [found.key for found in list_rows(row) if found.is_open]
    if still:
        raise Conflict(_("Not everything is decided yet, or it has changed since. Look again."), undecided=still)
    write_plan_entry(actor, row, "handover.offered", receiver=row.receiver_email, afterwards=row.afterwards)
    for side in ("giver", "receiver"):
        enqueue("mail.handover_offered", {"handover": row.pk, "to": side})


def find_as(actor: Principal, handover: str, *, is_giver: bool) -> Handover:
    """One of the actor's own, from the side whose act this is. Raises NotFound, Forbidden for the other side."""
    row = find_handover(actor, handover)
    if (row.giver_id == actor.id) is not is_giver:
        raise Forbidden
    if row.state in OPEN and clock.now() >= row.expires_at:
        expire(row)
    return row


@unguarded("the receiver's own answer")
def decline_handover(actor: Principal, *, handover: str) -> None:
    """Turn it down; the giver is told. A second time is harmless. Raises NotFound, Forbidden, Conflict."""
    row = find_as(actor, handover, is_giver=False)
    _decline(actor, row)


@transaction.atomic
def _decline(actor: Principal, row: Handover) -> None:
    if not move(row, OfferState.REJECTED, at=clock.now(), ended_by=actor.id, receiver_id=actor.id):
        row.refresh_from_db()
        if row.state == HandoverState.REJECTED:
            return
        raise refuse_over(row)
    write_plan_entry(actor, row, "handover.declined")
    tell(row, "giver")


@unguarded("the giver's own plan or offer")
def withdraw_handover(actor: Principal, *, handover: str) -> None:
    """Take an offer back, and tell its receiver; or throw a plan away. A second time is harmless.

    Wants no fresh proof: it only keeps things as they are, and whoever finds a foreign hand at work is in a hurry.
    Raises NotFound, Forbidden, Conflict.
    """
    row = find_as(actor, handover, is_giver=True)
    _withdraw(actor, row)


@transaction.atomic
def _withdraw(actor: Principal, row: Handover) -> None:
    was = row.state
    if not close_offer(row, actor):
        row.refresh_from_db()
        if row.state == HandoverState.REVOKED:
            return
        raise refuse_over(row)
    write_plan_entry(actor, row, "handover.withdrawn")
    if was == HandoverState.PENDING:
        tell(row, "receiver")


@transaction.atomic
def return_to_plan(row: Handover, **details: Any) -> None:
    """An offer whose facts have changed is a plan again: its giver is asked anew, nothing is applied."""
    back = Handover.objects.filter(pk=row.pk, state=HandoverState.PENDING).update(
        state=HandoverState.DRAFT, expires_at=clock.now() + KEPT
    )
    if back:
        write_plan_entry(system("server"), row, "handover.returned", **details)
        tell(row, "giver")


def is_addressed_to(row: Handover, account: str) -> bool:
    """Whether this account is who it was offered to, with an address that it has proven."""
    return row.receiver_id == account or row.receiver_email in list_verified_addresses(account)
