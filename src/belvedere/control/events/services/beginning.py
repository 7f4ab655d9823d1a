"""The one place that every event passes when it begins, whoever noticed it. Whoever tells people of events begins here.

Called inside the transaction that writes them, with ids that were not there before it.
"""

from collections.abc import Sequence

from belvedere.control.outbox.services import enqueue


def announce(began: Sequence[str]) -> None:
    """These events are new: ids of rows that this transaction wrote."""
    if began:
        enqueue("events.began", {"events": list(began)})
