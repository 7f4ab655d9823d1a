"""When a share counts as unused (B-10). Pure."""

from datetime import datetime, timedelta
from typing import Final

from belvedere.control.core.offers import OfferState
from belvedere.control.sharing.models import Share

#: used once, and no more for so long; or never, in so long
UNUSED_AFTER: Final = timedelta(days=90)
NEVER_USED_AFTER: Final = timedelta(days=30)
#: after how many days without use a share may end by itself
LAPSES: Final = (30, 90)
#: so long before that both sides are told
NOTICE: Final = timedelta(days=7)


def idle_since(share: Share) -> datetime:
    """When it was used last; never: since when it could have been."""
    given_at = max(at for at in (share.decided_at or share.offered_at, share.starts_at) if at)
    return max(share.last_used_at or given_at, given_at)


def is_unused(share: Share, at: datetime) -> bool:
    """Whether to flag it. What rests, or waits for an answer, is not to be used."""
    if share.state_at(at) != OfferState.ACCEPTED or share.paused_at:
        return False
    return is_idle(at, since=idle_since(share), was_used=share.last_used_at is not None)


def is_idle(at: datetime, *, since: datetime, was_used: bool) -> bool:
    """Whether what is in force was not used for too long: since its last use, or since it could have been used."""
    return at - since >= (UNUSED_AFTER if was_used else NEVER_USED_AFTER)


def lapses_at(share: Share) -> datetime:
    """When a share that is to lapse does, unless it is used."""
    by_use = idle_since(share) + timedelta(days=share.lapse_unused_days or 0)
    return max(by_use, share.lapse_warned_at + NOTICE) if share.lapse_warned_at else by_use
