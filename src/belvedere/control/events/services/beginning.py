"""The one place that every event passes when it begins, whoever noticed it. Whoever tells people of events begins here.

Called inside the transaction that writes them, with ids that were not there before it.
"""

from collections.abc import Sequence

import structlog

log = structlog.get_logger(__name__)


def announce(began: Sequence[str]) -> None:
    """These events are new: ids of rows that this transaction wrote."""
    if began:
        log.debug("events_began", count=len(began))
