"""Making, opening, changing and ending guest links."""

from belvedere.control.guests.services.changing import LinkPatch, change_link, narrow_links
from belvedere.control.guests.services.covering import end_links_of_closed, end_uncovered_links
from belvedere.control.guests.services.ending import (
    KEEP,
    close_links,
    end_all_links,
    end_link,
    end_links_of_account,
    purge_visits,
)
from belvedere.control.guests.services.giving import MAX_USES
from belvedere.control.guests.services.making import MadeLink, make_link
from belvedere.control.guests.services.opening import PasscodeNeeded, open_link

__all__ = [
    "KEEP",
    "MAX_USES",
    "LinkPatch",
    "MadeLink",
    "PasscodeNeeded",
    "change_link",
    "close_links",
    "end_all_links",
    "end_link",
    "end_links_of_account",
    "end_links_of_closed",
    "end_uncovered_links",
    "make_link",
    "narrow_links",
    "open_link",
    "purge_visits",
]
