"""Offering, answering, changing, extending and ending shares."""

from belvedere.control.sharing.items import Item
from belvedere.control.sharing.services.changing import change_share
from belvedere.control.sharing.services.covering import end_uncovered_shares
from belvedere.control.sharing.services.growing import extend_shares
from belvedere.control.sharing.services.offers import (
    accept_share,
    end_share,
    end_shares_of_closed,
    leave_share,
    offer_share,
    reject_share,
    set_remark,
)
from belvedere.control.sharing.services.recipients import add_recipient, remove_recipient

__all__ = [
    "Item",
    "accept_share",
    "add_recipient",
    "change_share",
    "end_share",
    "end_shares_of_closed",
    "end_uncovered_shares",
    "extend_shares",
    "leave_share",
    "offer_share",
    "reject_share",
    "remove_recipient",
    "set_remark",
]
