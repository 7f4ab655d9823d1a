"""Freeing a device of an owner who left it behind: by presence, in the open, and slowly (HC 26).

The claimant types the device's own password; a node tries it inside the reach of his organization, and of what is
stored nothing helps him (N39). Its owner is told at once and says no with one click; a sign-in of his says it too.
"""

from datetime import timedelta
from typing import Final, Unpack

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import requires, unguarded
from belvedere.control.accounts.recovery import list_last_there
from belvedere.control.appeals.models import DeviceClaim
from belvedere.control.appeals.selectors import find_attempt_device, get_claim, is_panel_attempt
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock, limits
from belvedere.control.core.errors import Conflict, NotFound
from belvedere.control.core.offers import OfferState, move
from belvedere.control.core.principal import Principal, system
from belvedere.control.devices.selectors import is_in_use
from belvedere.control.devices.services import TypedFields, prove_presence, release_device
from belvedere.control.organizations.selectors import get_owner
from belvedere.control.outbox.services import enqueue

WAIT: Final = timedelta(hours=72)
REST_AFTER_REFUSAL: Final = timedelta(days=30)
CLAIMS_A_DAY: Final = 5


@requires(Permission.CONFIGURE, on="site")
def claim_device(actor: Principal, *, site: str, attempt: str, **typed: Unpack[TypedFields]) -> str:
    """Claim the device that one was refused, from the site it should have been bound to; the claim's id.

    A second time while the first one waits is harmless. Raises NotFound (no attempt of the actor's), Invalid,
    NetworkNotAllowed, TestFailed (it does not take that password), Conflict (another device answers, it asks for no
    password, its owner uses it, another claim waits), RateLimited, Unavailable.
    """
    limits.hit("claim", actor.id, limit=CLAIMS_A_DAY, per_s=86400)
    device = find_attempt_device(actor, attempt)
    if device is None:
        raise NotFound
    if is_panel_attempt(actor, attempt):
        # Who knows a broker's password and a topic has not shown that he stands before the panel.
        raise Conflict(_("A security panel cannot be claimed from afar. Ask its owner. Nothing was changed."))
    waiting = DeviceClaim.objects.filter(device=device, state=OfferState.PENDING).first()
    if waiting and waiting.claimant_id == actor.id:
        return waiting.pk
    # Presence first: who has none learns nothing of the device, not even whether it is in use.
    prove_presence(actor, site=site, device=device, **typed)
    if is_in_use(device):
        raise Conflict(
            _("Its owner still uses this device, so it is not left behind. Ask the owner. Nothing was changed.")
        )
    if _was_refused(actor, device):
        raise Conflict(_("Its owner has refused you this device of late. Nothing was changed."))
    return _claim(actor, site=site, attempt=attempt, device=device)


def _was_refused(actor: Principal, device: str) -> bool:
    rows = DeviceClaim.objects.filter(device=device, claimant_id=actor.id, state=OfferState.REJECTED)
    return rows.filter(decided_at__gt=clock.now() - REST_AFTER_REFUSAL).exists()


@transaction.atomic
def _claim(actor: Principal, *, site: str, attempt: str, device: str) -> str:
    at = clock.now()
    row = DeviceClaim(
        claimant_id=actor.id, device_id=device, attempt_id=attempt, site_id=site, offered_at=at, due_at=at + WAIT
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        raise Conflict(_("Somebody has claimed this device already. Nothing was changed.")) from None
    _write(row, action="claim.made")
    enqueue("mail.claim_made", {"claim": row.pk})
    return row.pk


def _write(row: DeviceClaim, *, action: str, actor: Principal | None = None, **details: str) -> None:
    """In the owner's audit. Who claims is not named there: as for an attempt, its owner reads that it happened."""
    write_entry(
        actor=actor or Principal(id="", name=""),
        action=action,
        thing=f"claim:{row.pk}",
        organization=row.device.organization_id,
        site=row.device.site_id,
        name=row.device.name,
        **details,
    )


@unguarded("the selector finds it for those alone who may configure the device")
@transaction.atomic
def refuse_claim(actor: Principal, *, claim: str) -> None:
    """Say no to a claim: it is over, and its claimant is told. A second time is harmless. Raises NotFound, Conflict."""
    if get_claim(actor, claim).is_mine:
        raise NotFound  # one's own claim on what one may configure there is none
    row = DeviceClaim.objects.select_related("device").get(pk=claim)
    if not move(row, OfferState.REJECTED, at=clock.now(), ended_by=actor.id):
        row.refresh_from_db()
        if row.state != OfferState.REJECTED:
            raise Conflict(_("This claim is over already. Nothing was changed."))
        return
    _write(row, action="claim.refused", actor=actor)
    enqueue("mail.claim_ended", {"claim": row.pk})


@unguarded("the worker's own housekeeping")
def settle_claims() -> int:
    """End claims whose owner showed himself, and free what nobody answered for: how many were settled."""
    rows = DeviceClaim.objects.filter(state=OfferState.PENDING).select_related("device").order_by("offered_at")[:500]
    return sum(_settle(row) for row in rows)


def _settle(row: DeviceClaim) -> bool:
    if why := _why_over(row):
        return _end(row, why)
    return clock.now() >= row.due_at and _release(row)


def _why_over(row: DeviceClaim) -> str:
    """Why a claim cannot stand any more; "" while it can."""
    owner = get_owner(row.device.organization_id)
    there = list_last_there([owner]).get(owner)
    if row.device.unbound_at is not None:
        return "unbound"
    if there and there > row.offered_at:
        return "owner_signed_in"
    return "in_use" if is_in_use(row.device_id) else ""


@transaction.atomic
def _end(row: DeviceClaim, why: str) -> bool:
    if not move(row, OfferState.REVOKED, at=clock.now(), only_from=OfferState.PENDING, ended_reason=why):
        return False
    _write(row, action="claim.lapsed", actor=system("server"), why=why)
    enqueue("mail.claim_ended", {"claim": row.pk})
    return True


@transaction.atomic
def _release(row: DeviceClaim) -> bool:
    if not move(row, OfferState.ACCEPTED, at=clock.now()):
        return False
    change_id = release_device(system("server"), device=row.device_id)
    DeviceClaim.objects.filter(pk=row.pk).update(change_id=change_id)
    for side in ("owner", "claimant"):
        enqueue("mail.claim_released", {"claim": row.pk, "to": side})
    return True
