"""Offering, answering, changing, extending and ending shares."""

from belvedere.control.sharing.items import Item
from belvedere.control.sharing.services.blocking import block_sharer, unblock_sharer
from belvedere.control.sharing.services.changing import change_share, prolong_share
from belvedere.control.sharing.services.closing import close_account, end_shares_of_account, erase_private_words
from belvedere.control.sharing.services.covering import end_uncovered_shares
from belvedere.control.sharing.services.groups import (
    MAX_CAMERAS,
    change_group,
    drop_closed_cameras,
    make_group,
    remove_group,
    unfollow_group,
)
from belvedere.control.sharing.services.growing import extend_shares
from belvedere.control.sharing.services.handing import (
    Carried,
    adopt_shares,
    carry_shares,
    close_shares,
    narrow_shares,
    share_until,
    tell_shares_ended,
)
from belvedere.control.sharing.services.joining import make_join_link
from belvedere.control.sharing.services.lapsing import lapse_unused, set_lapse
from belvedere.control.sharing.services.looking import open_view_as
from belvedere.control.sharing.services.moving_out import end_shares_with, give_back_shares, hear_no_more
from belvedere.control.sharing.services.muting import mute_share
from belvedere.control.sharing.services.offers import (
    accept_share,
    end_share,
    end_shares_of_closed,
    leave_share,
    offer_share,
    reject_share,
    set_remark,
)
from belvedere.control.sharing.services.once import claim_use, settle_uses
from belvedere.control.sharing.services.pausing import pause_share, resume_share
from belvedere.control.sharing.services.presets import (
    MAX_PRESETS,
    PresetPatch,
    change_preset,
    make_preset,
    remove_preset,
)
from belvedere.control.sharing.services.recipients import add_recipient, remove_recipient
from belvedere.control.sharing.services.reminding import remind_of_ends, remind_of_offers, remind_recipient
from belvedere.control.sharing.services.reviewing import keep_unused, put_review_away
from belvedere.control.sharing.usage import LAPSES

__all__ = [
    "LAPSES",
    "MAX_CAMERAS",
    "MAX_PRESETS",
    "Carried",
    "Item",
    "PresetPatch",
    "accept_share",
    "add_recipient",
    "adopt_shares",
    "block_sharer",
    "carry_shares",
    "change_group",
    "change_preset",
    "change_share",
    "claim_use",
    "close_account",
    "close_shares",
    "drop_closed_cameras",
    "end_share",
    "end_shares_of_account",
    "end_shares_of_closed",
    "end_shares_with",
    "end_uncovered_shares",
    "erase_private_words",
    "extend_shares",
    "give_back_shares",
    "hear_no_more",
    "keep_unused",
    "lapse_unused",
    "leave_share",
    "make_group",
    "make_join_link",
    "make_preset",
    "mute_share",
    "narrow_shares",
    "offer_share",
    "open_view_as",
    "pause_share",
    "prolong_share",
    "put_review_away",
    "reject_share",
    "remind_of_ends",
    "remind_of_offers",
    "remind_recipient",
    "remove_group",
    "remove_preset",
    "remove_recipient",
    "resume_share",
    "set_lapse",
    "set_remark",
    "settle_uses",
    "share_until",
    "tell_shares_ended",
    "unblock_sharer",
    "unfollow_group",
]
