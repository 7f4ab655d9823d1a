"""Closing one's own account, and what becomes of shares when an account is closed or erased."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.control.access.guard import unguarded
from belvedere.control.access.services import end_grants
from belvedere.control.accounts.selectors import require_fresh
from belvedere.control.accounts.services import close_sign_in
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Forbidden
from belvedere.control.core.ids import new_id
from belvedere.control.core.offers import OPEN_STATES, OfferState, move
from belvedere.control.core.principal import Principal, system
from belvedere.control.devices.models import Alias
from belvedere.control.organizations.selectors import list_organizations
from belvedere.control.organizations.services import hold_organization, leave_all
from belvedere.control.outbox.services import enqueue
from belvedere.control.sharing.models import BlockedSharer, Recipient, Share, in_states
from belvedere.control.sharing.selectors.closing import list_obstacles

_REASON = "account_closed"


@unguarded("the actor's own account, by a fresh proof that it is his")
@transaction.atomic
def close_account(actor: Principal) -> str:
    """Close one's own account: nothing of it works any more, at once. The change id, under which its streams were cut.

    What others shared with it ends a moment later (`account.disabled`); nobody can use it meanwhile. Raises Forbidden
    (by a token: no program closes anybody's account), ReauthenticationRequired, Conflict while it owns devices or an
    organization with other members.
    """
    if actor.scopes is not None:
        raise Forbidden(_("Only a signed-in person closes an account."))
    require_fresh(actor)
    # Held in one order by everybody: organizations, shares, and the audit's chains last.
    for organization in sorted(view.id for view in list_organizations(actor)):
        hold_organization(organization)
    if list_obstacles(actor):
        raise Conflict(_("This account still owns something. Hand it over or remove it first. Nothing was changed."))
    _end_given(actor)
    leave_all(actor)
    return close_sign_in(actor)


def _end_given(actor: Principal) -> None:
    """What the actor shared from organizations of others, answered or not. Their members and recipients read why."""
    at = clock.now()
    given = Share.objects.filter(in_states(OPEN_STATES, at), sharer_id=actor.id).select_related("recipient")
    ended: list[tuple[Share, bool]] = []
    for share in given.order_by("pk"):
        was_accepted = share.state == OfferState.ACCEPTED
        if move(share, OfferState.REVOKED, at=at, ended_by=actor.id, ended_reason=_REASON, change_id=new_id()):
            ended.append((share, was_accepted))
    for share, was_accepted in ended:
        _cut(actor, share, action="share.giver_closed")
        if was_accepted:
            enqueue("mail.share_ended", {"share": share.pk})


@unguarded("accounts are closed by their holders, or by whoever runs the server: accounts have decided")
def end_shares_of_account(payload: dict[str, Any]) -> None:
    """End everything that an account has accepted of others. Their sharers read why. Handler of `account.disabled`.

    Offers that wait stay as they are: that there was an account behind the address is nobody's business (N1). What it
    accepted after it was brought back, if that was sooner than this, is new and stays.
    """
    before = datetime.fromisoformat(payload["at"])
    accepted = Share.objects.filter(in_states([OfferState.ACCEPTED], clock.now()), accepted_by=payload["account"])
    # One by one: there may be very many, and nobody is to wait for the last of them.
    for share in accepted.filter(decided_at__lte=before).select_related("recipient").order_by("pk"):
        _end_received(share)


@transaction.atomic
def _end_received(share: Share) -> None:
    if not move(share, OfferState.LEFT, at=clock.now(), ended_reason=_REASON, change_id=new_id()):
        return
    _cut(system("server"), share, action="share.closed")
    enqueue("mail.share_ended", {"share": share.pk})


def _cut(actor: Principal, share: Share, *, action: str) -> None:
    end_grants(
        actor,
        organization=share.organization_id,
        reason=_REASON,
        action=action,
        thing=f"share:{share.pk}",
        origin_ids=[share.pk],
        change_id=share.change_id,
        details={"recipient": share.recipient.address},
    )


@unguarded("accounts are erased by the worker, once nobody can bring them back")
@transaction.atomic
def erase_private_words(payload: dict[str, str]) -> None:
    """Forget what an account that is no more wrote for itself alone: remarks, names of cameras, whom it blocked."""
    account = payload["account"]
    Recipient.objects.filter(sharer_id=account).update(remark="")
    Alias.objects.filter(account_id=account).delete()
    BlockedSharer.objects.filter(account_id=account).delete()
