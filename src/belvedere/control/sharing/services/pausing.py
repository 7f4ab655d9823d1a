"""Letting a share rest, and having it go on (B-5). It acts like less right: at once, with a receipt. Its end comes all
the same.
"""

from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from belvedere.control.access.guard import unguarded
from belvedere.control.access.services import end_grants
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict
from belvedere.control.core.ids import new_id
from belvedere.control.core.offers import OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.organizations.services import touch_membership
from belvedere.control.outbox.services import enqueue
from belvedere.control.sharing.models import Share, in_states
from belvedere.control.sharing.projection import get_own_share, list_still_givable, project_item

REASON: Final = "paused"
#: who was away for less need not be told that it goes on
WORTH_A_MAIL: Final = timedelta(hours=1)


def _get_own(actor: Principal, share: str) -> Share:
    """A share the actor gave, with its membership held for the rest of the transaction. Raises NotFound, Conflict."""
    row = get_own_share(actor, share)
    touch_membership(row.membership_id)
    return row


@unguarded("the actor's own given share")
@transaction.atomic
def pause_share(actor: Principal, *, share: str) -> str:
    """Let an accepted share rest: what runs on it ends at once. The change id, for the receipt.

    Raises NotFound, Conflict (it waits for an answer, is over, or rests already).
    """
    row = _get_own(actor, share)
    at = clock.now()
    running = Share.objects.filter(in_states([OfferState.ACCEPTED], at), pk=row.pk, paused_at=None)
    if not running.update(paused_at=at, version=F("version") + 1):
        raise Conflict(_("Only what somebody can see now can be paused. Nothing was changed."))
    return end_grants(
        actor,
        organization=row.organization_id,
        reason=REASON,
        action="share.paused",
        thing=f"share:{row.pk}",
        origin_ids=[row.pk],
    )


@unguarded("the actor's own given share; decides again on all of it that he may give it still")
@transaction.atomic
def resume_share(actor: Principal, *, share: str) -> str:
    """Have a share that rests go on, with the terms it has by now. The change id.

    Its recipient is told, unless it rested for less than an hour. Raises NotFound, Conflict (it does not rest, is over,
    or the actor can give nothing of it any more).
    """
    row = _get_own(actor, share)
    items, since = list_still_givable(row), row.paused_at
    resting = Share.objects.filter(in_states([OfferState.ACCEPTED], clock.now()), pk=row.pk, paused_at=since)
    # What was not to be used is not held against it: it is warned of anew.
    if since is None or not resting.update(paused_at=None, lapse_warned_at=None, version=F("version") + 1):
        raise Conflict(_("This share is not paused, or it is over. Nothing was changed."))
    if not items:
        raise Conflict(_("You can no longer give any of this. Nothing was changed."))
    row.paused_at = None
    at = clock.now()
    given_at = {one.resource: one.given_at for one in row.items.filter(ended_at=None)}
    for item in items:
        # Footage "since they accepted" goes back to then, not to now.
        project_item(row, item, given_at=given_at[item.resource] or at)
    change_id = new_id()
    write_entry(
        actor=actor,
        action="share.resumed",
        thing=f"share:{row.pk}",
        organization=row.organization_id,
        change_id=change_id,
    )
    if at - since > WORTH_A_MAIL:
        enqueue("mail.share_resumed", {"share": row.pk, "at": clock.now().isoformat()})
    return change_id
