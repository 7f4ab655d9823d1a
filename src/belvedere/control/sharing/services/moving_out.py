"""The part of moving out that is about shares: what one person has of another, and what he offers, ends together.

`handover` knows the rest of what ties two people, and calls these in one transaction.
"""

from collections.abc import Collection
from typing import Final

from django.db import transaction

from belvedere.control.access.guard import unguarded
from belvedere.control.access.services import end_grants
from belvedere.control.core import clock
from belvedere.control.core.offers import OfferState, move
from belvedere.control.core.principal import Principal
from belvedere.control.organizations.services import touch_membership
from belvedere.control.outbox.services import enqueue
from belvedere.control.sharing.models import SILENTLY, BlockedSharer, Recipient
from belvedere.control.sharing.selectors.moving_out import shares_given_back, shares_that_end

REASON: Final = "moved_out"


@unguarded("asked by moving out, whose selector has found what the actor may end")
@transaction.atomic
def end_shares_with(
    actor: Principal, *, account: str, organizations: Collection[str], change_id: str, is_silent: bool = False
) -> int:
    """End what an account has, or was offered, of the actor and in these organizations: how many shares.

    It leaves the actor's list. `is_silent`: it gets no mail, and sees what it would see if the cameras were unbound.
    """
    at, reason = clock.now(), SILENTLY if is_silent else REASON
    ended: dict[str, list[str]] = {}
    told: list[str] = []
    for share in shares_that_end(actor, account, organizations).order_by("pk"):
        touch_membership(share.membership_id)
        was = share.state
        if not move(share, OfferState.REVOKED, at=at, ended_by=actor.id, ended_reason=reason, change_id=change_id):
            continue
        ended.setdefault(share.organization_id, []).append(share.pk)
        if was == OfferState.ACCEPTED and not is_silent:
            told.append(share.pk)
    if told:
        enqueue("mail.share_ended", {"share": told[0], "also": told[1:]})
    # A note on somebody who is gone is nobody's business any more.
    Recipient.objects.filter(sharer_id=actor.id, account_id=account).update(removed_at=at, remark="")
    for organization, shares in sorted(ended.items()):
        end_grants(
            actor,
            organization=organization,
            reason=REASON,
            action="person.shares_ended",
            # Of his own shares he reads in his log: this stands where he does not look.
            thing=f"organization:{organization}",
            origin_ids=shares,
            change_id=change_id,
            details={"account": account, "shares": shares},
            is_silent=is_silent,
        )
    return sum(map(len, ended.values()))


@unguarded("the actor's own received shares, all of them of one person")
@transaction.atomic
def give_back_shares(
    actor: Principal, *, account: str, organizations: Collection[str], change_id: str, is_silent: bool = False
) -> int:
    """Give back what the actor has of an account, or of organizations that belong to it: how many shares."""
    at = clock.now()
    left = [
        share
        for share in shares_given_back(actor, account, organizations).order_by("pk")
        if move(share, OfferState.LEFT, at=at, ended_by=actor.id, ended_reason="left", change_id=change_id)
    ]
    for share in left:
        end_grants(
            actor,
            organization=share.organization_id,
            reason="left",
            action="share.left",
            thing=f"share:{share.pk}",
            origin_ids=[share.pk],
            change_id=change_id,
            details={"was": OfferState.ACCEPTED.value},
            is_silent=is_silent,
        )
        if not is_silent:
            enqueue("mail.share_ended", {"share": share.pk})
    return len(left)


@unguarded("the actor's own list of those he hears nothing more of")
@transaction.atomic
def hear_no_more(actor: Principal, *, account: str) -> None:
    """Let no offer of this account reach the actor, as `block_sharer` does for who made one. Twice is harmless.

    Written down with the moving out that it belongs to.
    """
    BlockedSharer.objects.get_or_create(account_id=actor.id, sharer_id=account, defaults={"blocked_at": clock.now()})
