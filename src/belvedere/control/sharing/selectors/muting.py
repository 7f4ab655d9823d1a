"""Which messages about what is shared with somebody he does not want. It is his own; the sharer reads nothing of it.

Muted is what comes while a share lasts. That it ended, or is about to, he is told all the same.
"""

from collections.abc import Iterable

from belvedere.control.core import clock
from belvedere.control.core.offers import OfferState
from belvedere.control.sharing.models import Share, ShareItem, in_states


def is_muted(account: str, share: str) -> bool:
    """Whether this account wants no messages about this share. One query."""
    return Share.objects.filter(pk=share, accepted_by=account, is_muted=True).exists()


def list_muted_shares(shares: Iterable[str]) -> set[str]:
    """Those of these shares that their recipients want no messages about. One query."""
    return set(Share.objects.filter(pk__in=list(shares), is_muted=True).values_list("pk", flat=True))


def find_told_recipient(share: str) -> tuple[str, str] | None:
    """Recipient and sharer of a share that is in force and not muted; else None. The caller acts for the server."""
    row = Share.objects.filter(pk=share, is_muted=False, paused_at=None).first()
    if row is None or row.state_at(clock.now()) != OfferState.ACCEPTED:
        return None
    return row.accepted_by, row.sharer_id


def list_muted_things(account: str) -> set[str]:
    """The cameras and panels of which an account wants no messages: every share that gives it them is muted.

    What it sees as a member beside that, whoever asks has to look at himself. One query.
    """
    accepted = in_states([OfferState.ACCEPTED], clock.now(), of="share__")
    rows = ShareItem.objects.filter(accepted, share__accepted_by=account, ended_at=None)
    heard: set[str] = set()
    muted: set[str] = set()
    for camera, panel, is_quiet in rows.values_list("camera_id", "panel_id", "share__is_muted"):
        (muted if is_quiet else heard).add(camera or panel)
    return muted - heard
