"""Offering, answering and withdrawing handovers."""

from belvedere.control.handover.services.moving_out import move_out
from belvedere.control.handover.services.organization import (
    accept_handover,
    decline_handover,
    expire_handovers,
    offer_handover,
    withdraw_handover,
)

__all__ = ["accept_handover", "decline_handover", "expire_handovers", "move_out", "offer_handover", "withdraw_handover"]
