"""Offering, answering and withdrawing handovers."""

from belvedere.control.handover.services.closing import expire_handovers
from belvedere.control.handover.services.moving_out import move_out
from belvedere.control.handover.services.offering import (
    decline_handover,
    offer_handover,
    withdraw_handover,
)
from belvedere.control.handover.services.planning import Choice, change_plan, plan_handover
from belvedere.control.handover.services.taking import accept_handover
from belvedere.control.handover.services.undoing import undo_handover

__all__ = [
    "Choice",
    "accept_handover",
    "change_plan",
    "decline_handover",
    "expire_handovers",
    "move_out",
    "offer_handover",
    "plan_handover",
    "undo_handover",
    "withdraw_handover",
]
