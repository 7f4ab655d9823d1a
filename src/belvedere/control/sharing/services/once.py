"""Shares that are good for one command to one panel, or for 24 hours, whichever comes first (HC-30)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import unguarded
from belvedere.control.access.models import Origin
from belvedere.control.access.selectors import get_decision
from belvedere.control.access.services import end_grants
from belvedere.control.core import clock
from belvedere.control.core.errors import Forbidden
from belvedere.control.core.ids import new_id
from belvedere.control.core.offers import OfferState, move
from belvedere.control.core.principal import Principal, system
from belvedere.control.devices.panels import find_panel_path
from belvedere.control.outbox.services import enqueue
from belvedere.control.sharing.models import Share, in_states

REASON: Final = "used"
#: a command is answered within seconds; a use claimed for longer is of a process that died over it
SETTLED_WITHIN: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class OneUse:
    """The one use of a share, claimed for a command that is on its way."""

    actor: Principal
    share: str

    def settle(self, *, was_sent: bool) -> None:
        """Used: the share is over. Not sent: it is as it was."""
        if was_sent:
            _end(self.actor, self.share)
        else:
            Share.objects.filter(pk=self.share, state=OfferState.ACCEPTED).update(used_at=None)


@unguarded("asked by the panel's own service, whose guard has decided")
def claim_use(actor: Principal, *, panel: str) -> OneUse | None:
    """The use that this command needs; None where the actor may do it as often as he likes.

    The conditional UPDATE is committed before anything is sent: of two commands at once one gets the use. Raises
    Forbidden for the other.
    """
    path = find_panel_path(panel)
    grounds = get_decision(actor.id, path).because if path else ()
    arms = {(one.origin, one.origin_id) for one in grounds if Permission.ARM in Permission(one.permissions)}
    shares = [origin_id for origin, origin_id in arms if origin == Origin.SHARE]
    at = clock.now()
    Share.objects.filter(pk__in=shares).update(last_used_at=at)
    once = sorted(Share.objects.filter(pk__in=shares, is_once=True).values_list("pk", flat=True))
    if len(once) < len(arms):
        return None
    for pk in once:
        unused = Share.objects.filter(in_states([OfferState.ACCEPTED], at), pk=pk, used_at=None)
        if unused.update(used_at=at):
            return OneUse(actor, pk)
    if once:
        raise Forbidden(_("You were given this for one time, and it was used."))
    return None


@transaction.atomic
def _end(actor: Principal, pk: str) -> None:
    share, change_id = Share.objects.get(pk=pk), new_id()
    if not move(share, OfferState.REVOKED, at=clock.now(), ended_by=actor.id, ended_reason=REASON, change_id=change_id):
        return  # ended meanwhile, by whoever
    end_grants(
        actor,
        organization=share.organization_id,
        reason=REASON,
        action="share.used",
        thing=f"share:{pk}",
        origin_ids=[pk],
        change_id=change_id,
    )
    enqueue("mail.share_used", {"share": pk})


@unguarded("the worker's own housekeeping")
def settle_uses() -> int:
    """End what was claimed and never settled: nobody knows whether that command went out. How many."""
    claimed = Share.objects.filter(state=OfferState.ACCEPTED, used_at__lte=clock.now() - SETTLED_WITHIN)
    rows = list(claimed.values_list("pk", flat=True)[:500])
    for pk in rows:
        _end(system("server"), pk)
    return len(rows)
