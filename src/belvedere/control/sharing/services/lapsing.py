"""Shares that nobody uses: when they were used last, and their end, where the sharer wants one (B-10).

Use is what the ledger says. It forgets after months, so what it says is kept with the share as it is read.
"""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from belvedere.control.access.guard import unguarded
from belvedere.control.access.services import end_grants
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Invalid
from belvedere.control.core.ids import new_id
from belvedere.control.core.offers import OPEN_STATES, OfferState, move
from belvedere.control.core.principal import Principal, system
from belvedere.control.outbox.services import enqueue
from belvedere.control.sharing.models import Share, ShareItem, in_states
from belvedere.control.sharing.projection import get_own_share
from belvedere.control.sharing.usage import LAPSES, NOTICE, lapses_at
from belvedere.control.streaming.selectors import list_last_viewed

REASON: Final = "unused"
#: of what the ledger keeps for certain, and far more than lies between two looks
LOOK_BACK: Final = timedelta(days=7)
_PAGE: Final = 500


@unguarded("the actor's own given share")
@transaction.atomic
def set_lapse(actor: Principal, *, share: str, days: int | None) -> None:
    """Have a share end by itself after so many days without use; None: never. Raises NotFound, Invalid, Conflict."""
    if days is not None and days not in LAPSES:
        raise Invalid(_("Choose 30 or 90 days, or never."), field="lapse_unused_days")
    row = get_own_share(actor, share)
    still_open = Share.objects.filter(in_states(OPEN_STATES, clock.now()), pk=row.pk)
    if not still_open.update(lapse_unused_days=days, lapse_warned_at=None):
        raise Conflict(_("This share is over already."))
    write_entry(
        actor=actor,
        action="share.lapse_set",
        thing=f"share:{row.pk}",
        organization=row.organization_id,
        days=days or 0,
    )


@unguarded("the worker's own housekeeping")
def lapse_unused() -> int:
    """Note what was used, tell both sides of what will end unused, and end what was told of in time: how many ended."""
    note_uses()
    at = clock.now()
    _running().filter(lapse_warned_at__lt=F("last_used_at")).update(lapse_warned_at=None)
    for row in list(_running().exclude(lapse_unused_days=None).filter(lapse_warned_at=None)):
        if at >= lapses_at(row) - NOTICE:
            _warn(row.pk)
    due = _running().exclude(lapse_unused_days=None).filter(lapse_warned_at__lte=at - NOTICE)
    return sum(_lapse(row) for row in list(due) if at >= lapses_at(row))


def _running() -> QuerySet[Share]:
    """What could be used and is not. What rests is not held against anybody."""
    return Share.objects.filter(in_states([OfferState.ACCEPTED], clock.now()), paused_at=None)


@transaction.atomic
def _warn(pk: str) -> None:
    if _running().filter(pk=pk, lapse_warned_at=None).update(lapse_warned_at=clock.now()):
        for to in ("sharer", "recipient"):
            enqueue("mail.share_lapsing", {"share": pk, "to": to})


@transaction.atomic
def _lapse(share: Share) -> bool:
    change_id = new_id()
    if not move(
        share,
        OfferState.REVOKED,
        at=clock.now(),
        only_from=OfferState.ACCEPTED,
        ended_reason=REASON,
        change_id=change_id,
    ):
        return False
    end_grants(
        system("server"),
        organization=share.organization_id,
        reason=REASON,
        action="share.unused",
        thing=f"share:{share.pk}",
        origin_ids=[share.pk],
        change_id=change_id,
    )
    enqueue("mail.share_ended", {"share": share.pk})
    return True


@unguarded("the worker's own housekeeping")
def note_uses() -> None:
    """Write down with each share when the ledger says that it was used last."""
    viewed = sorted(list_last_viewed(since=clock.now() - LOOK_BACK).items())
    for start in range(0, len(viewed), _PAGE):
        part = dict(viewed[start : start + _PAGE])
        _note(part)


def _note(viewed: dict[tuple[str, str], datetime]) -> None:
    accounts, cameras = {account for account, _camera in viewed}, {camera for _account, camera in viewed}
    items = ShareItem.objects.filter(share__accepted_by__in=accounts, camera__in=cameras, ended_at=None)
    last: dict[str, datetime] = {}
    for share, account, camera in items.values_list("share_id", "share__accepted_by", "camera_id"):
        if at := viewed.get((account, camera)):
            last[share] = max(at, last.get(share, at))
    for share, at in last.items():
        older = Q(last_used_at=None) | Q(last_used_at__lt=at)
        Share.objects.filter(older, pk=share, decided_at__lte=at).update(last_used_at=at)
