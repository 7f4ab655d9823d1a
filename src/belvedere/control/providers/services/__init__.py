"""Engaging a service provider, and answering what he asks for."""

from belvedere.control.providers.services.asking import HOURS, approve_wish, ask_for_more, deny_wish
from belvedere.control.providers.services.ending import (
    end_all_engagements,
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

__all__ = [
    "HOURS",
    "accept_engagement",
    "approve_wish",
    "ask_for_more",
    "decline_engagement",
    "deny_wish",
    "end_all_engagements",
    "end_engagement",
    "end_of_account",
    "end_uncovered_engagements",
    "expire_engagements",
    "leave_engagement",
    "offer_engagement",
]
