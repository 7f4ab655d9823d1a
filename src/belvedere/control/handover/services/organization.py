"""Handing an organization over: offered by its owner, taken by a Super Admin, both with a fresh proof of who they are.

Nothing changes hands before the acceptance; then everything does, in one transaction. A second acceptance is harmless.
"""

from datetime import timedelta
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from belvedere.control.access.guard import unguarded
from belvedere.control.accounts.selectors import get_persons, require_fresh
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock, limits
from belvedere.control.core.errors import Conflict, Forbidden, Invalid
from belvedere.control.core.offers import OfferState, move
from belvedere.control.core.principal import Principal, system
from belvedere.control.handover.models import Afterwards, Handover, HandoverState, Kind
from belvedere.control.handover.selectors import get_handover, get_owned_organization, list_receivers
from belvedere.control.organizations.services import change_owner, hold_organization
from belvedere.control.outbox.services import enqueue

VALID: Final = timedelta(days=14)
OFFERS_A_DAY: Final = 20


@unguarded("the owner alone: a rule on the owner field, which no permission says")
def offer_handover(actor: Principal, *, organization: str, receiver: str, afterwards: str) -> str:
    """Offer an organization to one of its Super Admins, named by account or address; the handover's id.

    `afterwards` says what the actor will be: `super_admin`, or `leaves`. Raises NotFound, Forbidden (a member who does
    not own it), ReauthenticationRequired, Invalid (a personal organization, nobody who could own it), Conflict (one
    waits already), RateLimited.
    """
    view = get_owned_organization(actor, organization)
    require_fresh(actor)
    if view.is_personal:
        raise Invalid(
            _("This organization came with your account and stays with it. Found another one to hand over."),
            field="organization",
        )
    if afterwards not in Afterwards.values:
        raise Invalid(_("Say what you will be afterwards: a Super Admin, or gone."), field="afterwards")
    account = _find_receiver(organization, receiver)
    limits.hit("handover", actor.id, limit=OFFERS_A_DAY, per_s=86400)
    expire_handovers(organization=organization)
    return _offer(actor, organization, account, Afterwards(afterwards))


def _find_receiver(organization: str, receiver: str) -> str:
    wanted = receiver.strip().lower()
    for row in list_receivers(organization):
        if wanted in {row.account_id, row.account.email}:
            return row.account_id
    raise Invalid(
        _("Only a Super Admin of this organization with a confirmed address can take it over."), field="receiver"
    )


@transaction.atomic
def _offer(actor: Principal, organization: str, receiver: str, afterwards: Afterwards) -> str:
    # Whoever stopped being the owner at this moment would else leave one that waits in the new owner's way.
    if hold_organization(organization) != actor.id:
        raise Conflict(_("The owner changed in the meantime. Nothing was changed."))
    at = clock.now()
    row = Handover(
        state=HandoverState.PENDING,
        kind=Kind.ORGANIZATION,
        organization_id=organization,
        thing=organization,
        giver_id=actor.id,
        receiver_id=receiver,
        receiver_email=get_persons([receiver])[receiver].email,
        afterwards=afterwards,
        offered_at=at,
        expires_at=at + VALID,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        raise Conflict(_("A handover of this organization waits already. Withdraw that one first.")) from None
    _write(actor, row, action="handover.offered", receiver=receiver, afterwards=afterwards.value)
    for side in ("giver", "receiver"):
        enqueue("mail.handover_offered", {"handover": row.pk, "to": side})
    return row.pk


def _write(actor: Principal, row: Handover, *, action: str, **details: Any) -> None:
    write_entry(actor=actor, action=action, thing=f"handover:{row.pk}", organization=row.organization_id, **details)


def _tell(row: Handover, *sides: str) -> None:
    """One message for each: where one mail fails, the other is not sent again."""
    for side in sides:
        enqueue("mail.handover_answered", {"handover": row.pk, "to": side})


def _get_as(actor: Principal, handover: str, *, receiver: bool) -> Handover:
    """One of the actor's own, from the side whose act this is. Raises NotFound, Forbidden for the other side."""
    if get_handover(actor, handover).is_received is not receiver:
        raise Forbidden
    row = Handover.objects.select_related("giver").get(pk=handover)
    if row.state == OfferState.PENDING and clock.now() >= row.expires_at:
        _expire(row)
    return row


@unguarded("the receiver's own acceptance of what the owner offered him; both are decided again here")
def accept_handover(actor: Principal, *, handover: str) -> str:
    """Become the owner; the change id. A second time is harmless.

    Not atomic as a whole: that it was found expired outlives the refusal. Raises NotFound, Forbidden,
    ReauthenticationRequired, Conflict (answered, withdrawn, expired; one of the two is no longer what he was).
    """
    row = _get_as(actor, handover, receiver=True)
    if row.state == OfferState.ACCEPTED:
        return row.change_id
    require_fresh(actor)
    return _take(actor, row)


@transaction.atomic
def _take(actor: Principal, row: Handover) -> str:
    # Held in one order by everybody: the organization, the handover, the two memberships.
    hold_organization(row.organization_id)
    if not move(row, OfferState.ACCEPTED, at=clock.now()):
        row.refresh_from_db()
        if row.state == OfferState.ACCEPTED:
            return row.change_id
        raise _over(row)
    if not row.giver.is_active:
        raise Conflict(_("The account that offered this no longer works. Nothing was changed."))
    if not list_receivers(row.organization_id).filter(account_id=actor.id).exists():
        raise Conflict(_("Only a Super Admin of this organization with a confirmed address can take it over."))
    change_id = change_owner(
        actor,
        organization=row.organization_id,
        giver=row.giver_id,
        is_leaving=row.is_leaving,
    )
    Handover.objects.filter(pk=row.pk).update(change_id=change_id)
    _write(actor, row, action="handover.accepted")
    _tell(row, "giver", "receiver")
    return change_id


def _over(row: Handover) -> Conflict:
    """What became of a handover that waits no more."""
    words = {
        OfferState.ACCEPTED: _("This handover was accepted already. Nothing was changed."),
        OfferState.REJECTED: _("This handover was declined. Nothing was changed."),
        OfferState.REVOKED: _("This handover was withdrawn. Nothing was changed."),
        OfferState.EXPIRED: _("This handover has expired: it was good for fourteen days. Nothing was changed."),
    }
    return Conflict(words[OfferState(row.state)])


@unguarded("the receiver's own answer")
def decline_handover(actor: Principal, *, handover: str) -> None:
    """Turn it down; the giver is told. A second time is harmless. Raises NotFound, Forbidden, Conflict."""
    row = _get_as(actor, handover, receiver=True)
    _end(actor, row, OfferState.REJECTED, action="handover.declined", tell="giver")


@unguarded("the giver's own offer")
def withdraw_handover(actor: Principal, *, handover: str) -> None:
    """Take it back; the receiver is told. A second time is harmless. Raises NotFound, Forbidden, Conflict.

    Wants no fresh proof: it only keeps things as they are, and whoever finds a foreign hand at work is in a hurry.
    """
    row = _get_as(actor, handover, receiver=False)
    _end(actor, row, OfferState.REVOKED, action="handover.withdrawn", tell="receiver")


@transaction.atomic
def _end(actor: Principal, row: Handover, to: OfferState, *, action: str, tell: str) -> None:
    if not move(row, to, at=clock.now(), only_from=OfferState.PENDING, ended_by=actor.id):
        row.refresh_from_db()
        if row.state == to:
            return
        raise _over(row)
    _write(actor, row, action=action)
    _tell(row, tell)


@transaction.atomic
def _expire(row: Handover) -> None:
    if move(row, OfferState.EXPIRED, at=clock.now()):
        _write(system("server"), row, action="handover.expired")
        _tell(row, "giver", "receiver")
    else:
        row.refresh_from_db()


@unguarded("the worker's own housekeeping")
def expire_handovers(*, organization: str = "") -> int:
    """Write down what ran out, in one organization if told: how many."""
    rows = Handover.objects.filter(state=OfferState.PENDING, expires_at__lte=clock.now())
    due = list((rows.filter(organization_id=organization) if organization else rows)[:500])
    for row in due:
        _expire(row)
    return len(due)
