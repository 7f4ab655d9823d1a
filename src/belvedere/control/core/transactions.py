"""What must happen in one transaction with something else."""

from django.db import connection


def assert_in_transaction() -> None:
    """Refuse to be called outside the transaction of a change: a message without its change is a lie."""
    if not connection.in_atomic_block:
        message = "an outbox message is written inside the transaction of the change"
        raise RuntimeError(message)
