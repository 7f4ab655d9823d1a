"""A deputy: named by the owner, agreed by himself, who may claim the organization when its owner does not come back.

He may be the ex-partner (threats, row `recovery`). So it takes fourteen days; everybody is told by every way, on the
first of them and again; one word of anybody who watches over it ends it, and so does the owner's being there (N4).
"""

from datetime import timedelta
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from belvedere.control.access.guard import unguarded
from belvedere.control.accounts.recovery import list_last_there
from belvedere.control.accounts.selectors import get_persons, require_fresh
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Forbidden, Invalid, NotFound
from belvedere.control.core.offers import OPEN_STATES, OfferState, move
from belvedere.control.core.principal import Principal, system
from belvedere.control.organizations.models import Deputy, OwnershipClaim
from belvedere.control.organizations.selectors.deputies import find_deputy, get_deputizing
from belvedere.control.organizations.selectors.freezes import find_freeze
from belvedere.control.organizations.selectors.members import find_tenure_in_force
from belvedere.control.organizations.selectors.organizations import get_owner
from belvedere.control.organizations.services.founding import hold_organization
from belvedere.control.organizations.services.freezing import require_thawed
from belvedere.control.organizations.services.recovering import pass_on
from belvedere.control.organizations.services.telling import tell_account, tell_everyway, tell_watchers
from belvedere.control.organizations.standing import WHOLE
from belvedere.control.outbox.services import enqueue

WAIT: Final = timedelta(days=14)
#: when everybody is told again, counted from the first day
REMIND_AFTER: Final = (timedelta(days=7), timedelta(days=13))
#: how soon nobody claims again after somebody objected
REST: Final = timedelta(days=30)
#: how many claims may end by themselves, or be taken back, in that time: each is told to everybody, by every way
IN_VAIN: Final = 3


@unguarded("the owner alone: a rule on the owner field, which no permission says")
@transaction.atomic
def name_deputy(actor: Principal, *, organization: str, account: str) -> str:
    """Ask a Super Admin to be one's deputy, in place of any other; the deputy's id. He counts once he agrees.

    Raises NotFound, Forbidden (who does not own it), ReauthenticationRequired, Invalid (no Super Admin), Frozen.
    """
    seen = get_deputizing(actor, organization)
    if not seen.is_owner:
        raise Forbidden
    require_fresh(actor)
    if account not in {person.id for person in seen.candidates}:
        raise Invalid(_("Only a Super Admin of this organization can be its deputy."), field="account")
    if hold_organization(organization) != actor.id:
        raise Conflict(_("The owner changed in the meantime. Nothing was changed."))
    require_thawed(organization)
    if seen.deputy and seen.deputy.account.id == account:
        return seen.deputy.id
    _end_all(organization, by=actor.id, why="replaced")
    row = Deputy.objects.create(
        organization_id=organization, account_id=account, named_by_id=actor.id, offered_at=clock.now()
    )
    _write(actor, organization, "deputy.named", account=account)
    tell_account(organization, account, "deputy_asked", who=actor.name)
    return row.pk


def _end_all(organization: str, *, by: str, why: str) -> None:
    """Whoever was deputy is none any more, and what he claimed is over."""
    at = clock.now()
    rows: list[Deputy | OwnershipClaim] = [
        *Deputy.objects.filter(organization=organization, state__in=OPEN_STATES),
        *OwnershipClaim.objects.filter(organization=organization, state=OfferState.PENDING),
    ]
    for row in rows:
        if move(row, OfferState.REVOKED, at=at, ended_by=by, ended_reason=why) and isinstance(row, Deputy):
            enqueue("lost.helper", {"deputy": row.pk})


@unguarded("the deputy's own word")
@transaction.atomic
def agree_to_deputize(actor: Principal, *, organization: str) -> None:
    """Say yes to being the deputy; the owner is told. A second time is harmless.

    Raises NotFound, Forbidden, ReauthenticationRequired, Conflict (he is asked no more).
    """
    row = _own(actor, organization)
    require_fresh(actor)
    if row.state == OfferState.ACCEPTED:
        return
    if not move(row, OfferState.ACCEPTED, at=clock.now()):
        raise Conflict(_("You are not asked any more. Nothing was changed."))
    _write(actor, organization, "deputy.agreed")
    tell_watchers(organization, "deputy_agreed", who=actor.name)


def _own(actor: Principal, organization: str) -> Deputy:
    """The actor's own being asked, or being deputy. Raises NotFound, Forbidden."""
    if not get_deputizing(actor, organization).is_deputy:
        raise Forbidden
    row = find_deputy(organization)
    if row is None:
        raise NotFound
    return row


@unguarded("the owner's or the deputy's own word, which needs nobody's consent")
@transaction.atomic
def end_deputy(actor: Principal, *, organization: str) -> None:
    """No deputy any more: the owner takes it back, or the deputy wants it no more. What he claimed is over with it.

    Wants no fresh proof: it only keeps things as they are. Raises NotFound, Forbidden.
    """
    seen = get_deputizing(actor, organization)
    if seen.deputy is None:
        return
    if not (seen.is_owner or seen.is_deputy):
        raise Forbidden
    hold_organization(organization)
    now = find_deputy(organization)
    if now is None or now.account_id != seen.deputy.account.id:
        return
    _end_all(organization, by=actor.id, why="dismissed" if seen.is_owner else "left")
    _write(actor, organization, "deputy.ended", account=seen.deputy.account.id)
    tell_watchers(organization, "deputy_ended", who=actor.name, detail=seen.deputy.account.name)


@unguarded("the deputy alone, whom the owner named; decided again when the time has passed")
@transaction.atomic
def claim_ownership(actor: Principal, *, organization: str) -> str:
    """Say that the owner does not come back; the claim's id. In fourteen days he owns it, unless somebody objects.

    A second time while it waits is harmless. Raises NotFound, Forbidden (no deputy, or he has not agreed),
    ReauthenticationRequired, Conflict (somebody objected of late, or it was claimed in vain too often), Frozen.
    """
    _own(actor, organization)
    require_fresh(actor)
    owner = hold_organization(organization)
    require_thawed(organization)
    # Read again once it is held: who is dismissed at this moment claims nothing.
    if _own(actor, organization).state != OfferState.ACCEPTED:
        raise Forbidden(_("Agree to be the deputy first. Nothing was changed."))
    claims = OwnershipClaim.objects.filter(organization=organization)
    waiting = claims.filter(state=OfferState.PENDING).first()
    if waiting:
        return waiting.pk
    at = clock.now()
    if claims.filter(state=OfferState.REJECTED, decided_at__gt=at - REST).exists():
        raise Conflict(_("Somebody objected within the last thirty days. Speak to each other. Nothing was changed."))
    if claims.filter(state=OfferState.REVOKED, ended_at__gt=at - REST).count() >= IN_VAIN:
        raise Conflict(_("This was claimed in vain often enough in the last thirty days. Nothing was changed."))
    row = OwnershipClaim(
        organization_id=organization, claimant_id=actor.id, owner_id=owner, offered_at=at, due_at=at + WAIT
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        raise Conflict(_("This was claimed at the same moment. Nothing was changed.")) from None
    _write(actor, organization, "ownership_claim.made", before=owner)
    _tell_of_claim(row, "claim_made", actor.name)
    return row.pk


def _tell_of_claim(row: OwnershipClaim, what: str, who: str) -> None:
    until = date_format(row.due_at, "DATE_FORMAT")
    tell_everyway(row.organization_id, what, owner=row.owner_id, who=who, detail=until)


@unguarded("whoever watches over the organization: a rule on roles, which no permission says")
@transaction.atomic
def end_ownership_claim(actor: Principal, *, organization: str) -> None:
    """Object to a claim, or take one's own back: nothing changes hands. A second time is harmless.

    Wants no fresh proof: who finds a foreign hand at work is in a hurry. Raises NotFound, Forbidden.
    """
    tenure = find_tenure_in_force(actor.id, organization)
    if tenure is None:
        raise NotFound
    if tenure.standing.role not in WHOLE:
        raise Forbidden
    row = OwnershipClaim.objects.filter(organization=organization, state=OfferState.PENDING).first()
    if row is None:
        return
    is_mine = row.claimant_id == actor.id
    to = OfferState.REVOKED if is_mine else OfferState.REJECTED
    if move(row, to, at=clock.now(), only_from=OfferState.PENDING, ended_by=actor.id):
        _write(actor, organization, "ownership_claim.withdrawn" if is_mine else "ownership_claim.objected")
        tell_everyway(organization, "claim_ended", owner=row.owner_id, who=actor.name)


@unguarded("the worker's own housekeeping")
def settle_ownership_claims() -> int:
    """End claims whose owner was there, remind of those that wait, carry out what nobody objected to: how many."""
    rows = OwnershipClaim.objects.filter(state=OfferState.PENDING).order_by("due_at", "pk")[:500]
    return sum(_settle(row) for row in rows)


def _settle(row: OwnershipClaim) -> bool:
    if why := _why_over(row):
        return _lapse(row, why)
    at = clock.now()
    if at >= row.due_at:
        return _carry_out(row)
    passed = sum(at >= row.offered_at + after for after in REMIND_AFTER)
    return passed > row.reminders and _remind(row, passed)


def _why_over(row: OwnershipClaim) -> str:
    """Why a claim cannot stand any more; "" while it can."""
    there = list_last_there([row.owner_id]).get(row.owner_id)
    if there and there > row.offered_at:
        return "owner_was_there"
    deputy = find_deputy(row.organization_id)
    is_deputy = deputy is not None and deputy.account_id == row.claimant_id and deputy.state == OfferState.ACCEPTED
    return "" if is_deputy and get_owner(row.organization_id) == row.owner_id else "no_deputy"


@transaction.atomic
def _lapse(row: OwnershipClaim, why: str) -> bool:
    if not move(row, OfferState.REVOKED, at=clock.now(), only_from=OfferState.PENDING, ended_reason=why):
        return False
    _write(system("server"), row.organization_id, "ownership_claim.lapsed", why=why)
    tell_everyway(row.organization_id, "claim_lapsed", owner=row.owner_id)
    return True


@transaction.atomic
def _remind(row: OwnershipClaim, passed: int) -> bool:
    if not OwnershipClaim.objects.filter(pk=row.pk, reminders=row.reminders).update(reminders=passed):
        return False
    _tell_of_claim(row, "claim_waits", get_persons([row.claimant_id])[row.claimant_id].name)
    return True


@transaction.atomic
def _carry_out(row: OwnershipClaim) -> bool:
    hold_organization(row.organization_id)
    # Asked again with the organization held: who comes back at this moment is not overlooked.
    # While it is frozen nothing changes hands; afterwards it does.
    if find_freeze(row.organization_id) is not None or _why_over(row):
        return False
    if not move(row, OfferState.ACCEPTED, at=clock.now()):
        return False
    change_id = pass_on(system("server"), row.organization_id, giver=row.owner_id, taker=row.claimant_id)
    OwnershipClaim.objects.filter(pk=row.pk).update(change_id=change_id)
    deputy = Deputy.objects.get(organization=row.organization_id, state=OfferState.ACCEPTED)
    move(deputy, OfferState.REVOKED, at=clock.now(), ended_reason="became_owner")
    enqueue("lost.helper", {"deputy": deputy.pk})
    _write(system("server"), row.organization_id, "ownership_claim.carried_out", account=row.claimant_id)
    who = get_persons([row.claimant_id])[row.claimant_id].name
    tell_everyway(row.organization_id, "claim_carried_out", owner=row.owner_id, who=who)
    return True


def _write(actor: Principal, organization: str, action: str, **details: Any) -> None:
    write_entry(actor=actor, action=action, thing=f"organization:{organization}", organization=organization, **details)
