"""Shares that are good for one command to one panel, or for 24 hours, whichever comes first (HC-30).

What a panel shows that it did not take, a wrong code, is given back, thrice at most: codes have few digits. Should it
take it late after all, that was the one time (N33).
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from belvedere.contracts.panels import PanelAct, PanelStateWord
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
from belvedere.control.devices.models import Panel
from belvedere.control.devices.panels import find_panel_path
from belvedere.control.devices.uses import Fate
from belvedere.control.outbox.services import enqueue
from belvedere.control.sharing.models import Share, in_states

REASON: Final = "used"
#: a command is answered within seconds; a use claimed for longer is of a process that died over it
SETTLED_WITHIN: Final = timedelta(minutes=1)
#: how often a use is given back that the panel did not take, and for how long it may still take it
TRIES: Final = 3
TAKEN_LATE_WITHIN: Final = timedelta(minutes=1)


class UsedUp(Forbidden):
    """The one time is over."""

    code = "used_up"

    @classmethod
    def default_message(cls) -> str:
        """The sentence if the caller has none."""
        return _("You were given this for one time, and it was used.")


@dataclass(frozen=True, slots=True)
class OneUse:
    """The one use of a share, claimed for a command that is on its way."""

    actor: Principal
    share: str
    panel: str
    act: PanelAct

    def settle(self, fate: Fate) -> None:
        """Sent: the share is over. Not sent: it is as it was. Not taken: the same, three times."""
        mine = Share.objects.filter(pk=self.share, state=OfferState.ACCEPTED)
        if fate is Fate.UNSENT:
            mine.update(used_at=None)
        elif fate is Fate.SENT or not self._give_back():
            _end(self.actor, self.share)

    @transaction.atomic
    def _give_back(self) -> bool:
        """Whether it could be: the panel has not taken it meanwhile, and did not refuse it too often."""
        # The panel's row first, as whoever writes its state does: one of us two sees what the other did.
        Panel.objects.filter(pk=self.panel).update(closed_at=F("closed_at"))
        state = Panel.objects.values_list("state", flat=True).get(pk=self.panel)
        if _shows(self.act, PanelStateWord(state)):
            return False
        unspent = Share.objects.filter(pk=self.share, state=OfferState.ACCEPTED, tries__lt=TRIES)
        fields = {"used_at": None, "tries": F("tries") + 1, "tried_act": self.act.value, "tried_at": clock.now()}
        return bool(unspent.update(**fields))


def _shows(act: PanelAct, state: PanelStateWord) -> bool:
    """Whether a panel that says this did that, or is about to."""
    return state is act.goal or state in act.on_the_way


@unguarded("asked by the panel's own service, whose guard has decided")
def claim_use(actor: Principal, *, panel: str, act: PanelAct) -> OneUse | None:
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
            return OneUse(actor, pk, panel, act)
    if once:
        raise UsedUp
    return None


@unguarded("told by the service that wrote the state")
def note_taken_late(panel: str, state: PanelStateWord) -> None:
    """A panel does what somebody told it a moment ago, and seemed not to take: that was his one time (N33)."""
    tried = Share.objects.filter(state=OfferState.ACCEPTED, tried_at__gt=clock.now() - TAKEN_LATE_WITHIN)
    for pk, act in tried.filter(is_once=True, items__panel=panel).values_list("pk", "tried_act"):
        if _shows(PanelAct(act), state):
            _end(system("server"), pk)


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
