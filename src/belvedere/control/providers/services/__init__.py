"""Engaging a service provider, and answering what he asks for."""

from belvedere.control.providers.services.asking import HOURS, approve_wish, ask_for_more, deny_wish
from belvedere.control.providers.services.ending import (
    end_of_account,
    end_uncovered_engagements,
    expire_engagements,
)
from belvedere.control.providers.services.engaging import (
    accept_engagement,
    decline_engagement,
    end_engagement,
    leave_engagement,
    offer_engagement,
)
from belvedere.control.providers.services.handing import (
    adopt_engagements,
    carry_engagements,
    close_engagements,
    leave_engagements,
    narrow_engagements,
)

__all__ = [
    "HOURS",
    "accept_engagement",
    "adopt_engagements",
    "approve_wish",
    "ask_for_more",
    "carry_engagements",
    "close_engagements",
    "decline_engagement",
    "deny_wish",
    "end_engagement",
    "end_of_account",
    "end_uncovered_engagements",
    "expire_engagements",
    "leave_engagement",
    "leave_engagements",
    "narrow_engagements",
    "offer_engagement",
]
