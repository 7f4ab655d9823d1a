"""What becomes of shares when the account that received them is closed."""

from typing import Any

from django.db import transaction

from belvedere.control.access.guard import unguarded
from belvedere.control.access.services import end_grants
from belvedere.control.core import clock
from belvedere.control.core.ids import new_id
from belvedere.control.core.offers import OfferState, move
from belvedere.control.core.principal import system
from belvedere.control.outbox.services import enqueue
from belvedere.control.sharing.models import Share, in_states

_REASON = "account_closed"


@unguarded("accounts are closed by whoever runs the server, whose right accounts have decided")
def end_shares_of_account(payload: dict[str, Any]) -> None:
    """End everything that an account has accepted of others. Their sharers read why. Handler of `account.disabled`.

    Offers that wait stay as they are: that there was an account behind the address is nobody's business (N1).
    """
    accepted = Share.objects.filter(in_states([OfferState.ACCEPTED], clock.now()), accepted_by=payload["account"])
    # One by one: there may be very many, and nobody is to wait for the last of them.
    for share in accepted.select_related("recipient").order_by("pk"):
        _end(share)


@transaction.atomic
def _end(share: Share) -> None:
    change_id = new_id()
    if not move(share, OfferState.LEFT, at=clock.now(), ended_reason=_REASON, change_id=change_id):
        return
    end_grants(
        system("server"),
        organization=share.organization_id,
        reason=_REASON,
        action="share.closed",
        thing=f"share:{share.pk}",
        origin_ids=[share.pk],
        change_id=change_id,
        details={"recipient": share.recipient.address},
    )
    enqueue("mail.share_ended", {"share": share.pk})
