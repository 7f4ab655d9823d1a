"""Reminding: once of an offer that waits, and once of an end that comes (B-5, B-10).

What was reminded of is claimed by a conditional UPDATE against exactly that: an end that was changed in the meantime is
another one, and of the old one nobody hears.
"""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from belvedere.control.access.guard import unguarded
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict
from belvedere.control.core.offers import OfferState
from belvedere.control.core.principal import Principal, system
from belvedere.control.outbox.services import enqueue
from belvedere.control.sharing.models import Share, in_states
from belvedere.control.sharing.projection import get_own_share

#: an offer that waits so long is brought to mind, if the sharer has not done it
REMIND_AFTER: Final = timedelta(days=3)
DAY: Final = timedelta(days=1)
HOUR: Final = timedelta(hours=1)
_A_RUN: Final = 500


@unguarded("the actor's own offer; its recipient gets the message that he got before")
@transaction.atomic
def remind_recipient(actor: Principal, *, share: str) -> None:
    """Send the message of an offer that waits a second time; never a third.

    Raises NotFound, Conflict (answered, over, or reminded already).
    """
    row = get_own_share(actor, share)
    if not _remind(actor, row):
        raise Conflict(_("They were reminded already, or the offer does not wait any more. Once is enough."))


@unguarded("the worker's own housekeeping")
def remind_of_offers() -> int:
    """Remind whoever has not answered for days; the number of offers."""
    at = clock.now()
    waiting = Share.objects.filter(
        in_states([OfferState.PENDING], at), reminded_at=None, offered_at__lte=at - REMIND_AFTER
    )
    return sum(_remind(system("server"), row) for row in list(waiting.order_by("offered_at")[:_A_RUN]))


@transaction.atomic
def _remind(actor: Principal, share: Share) -> bool:
    at = clock.now()
    waiting = Share.objects.filter(in_states([OfferState.PENDING], at), pk=share.pk, reminded_at=None)
    if not waiting.update(reminded_at=at):
        return False
    write_entry(actor=actor, action="share.reminded", thing=f"share:{share.pk}", organization=share.organization_id)
    enqueue("mail.share_offered", {"share": share.pk, "again": True})
    return True


def _remind_before(share: Share) -> timedelta:
    """How long before its end both sides hear of it: a day, an hour; zero for what lasts no longer than a visit."""
    whole = share.term or timedelta()
    if whole > 2 * DAY:
        return DAY
    return HOUR if whole > 3 * HOUR else timedelta()


@unguarded("the worker's own housekeeping")
def remind_of_ends() -> int:
    """Tell both sides of what ends soon; the number of shares."""
    at = clock.now()
    fresh = Q(reminded_end_at=None) | ~Q(reminded_end_at=F("ends_at"))
    soon = Share.objects.filter(fresh, in_states([OfferState.ACCEPTED], at), ends_at__lte=at + DAY, is_once=False)
    due = [row for row in soon.order_by("ends_at") if row.ends_at and at >= row.ends_at - _remind_before(row)]
    return sum(_tell_of_end(row.pk, row.ends_at) for row in due[:_A_RUN] if row.ends_at)


@transaction.atomic
def _tell_of_end(pk: str, ends_at: datetime) -> bool:
    fresh = Q(reminded_end_at=None) | ~Q(reminded_end_at=ends_at)
    if not Share.objects.filter(fresh, pk=pk, state=OfferState.ACCEPTED, ends_at=ends_at).update(
        reminded_end_at=ends_at
    ):
        return False
    for to in ("sharer", "recipient"):
        enqueue("mail.share_ending", {"share": pk, "ends_at": ends_at.isoformat(), "to": to})
    return True
