"""Putting things into the outbox, and doing them.

`enqueue` is called inside the transaction of the change. A kind is either *inline* (done in the same thread right
after the commit, because a person waits for it) or left to the worker. Both ways claim the row by a conditional UPDATE
first, so that it is not done twice at once; a handler is still written so that twice does no harm.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F, Q

from belvedere.control.core import clock, sql
from belvedere.control.core.transactions import assert_in_transaction
from belvedere.control.outbox.models import Message

log = structlog.get_logger(__name__)

type Handler = Callable[[dict[str, Any]], None]

CLAIM_S = 30
MAX_ATTEMPTS = 12
KEEP = timedelta(days=14)


class Again(Exception):  # noqa: N818  an answer of a handler, not a fault
    """Raised by a handler that is not finished: run it again in `in_s` seconds. Does not count as a failure."""

    def __init__(self, in_s: float) -> None:
        self.in_s = in_s
        super().__init__()


@dataclass(frozen=True, slots=True)
class Consumer:
    """What is done with one kind of message."""

    handler: Handler
    inline: bool = False


_consumers: dict[str, Consumer] = {}


def register(table: dict[str, Consumer]) -> None:
    """Set the one table of consumers (`control/consumers.py`)."""
    _consumers.clear()
    _consumers.update(table)


def enqueue(kind: str, payload: dict[str, Any], *, in_s: float = 0) -> Message:
    """Write one message with the change. An unknown kind is refused here, not found out at night."""
    assert_in_transaction()
    consumer = _consumers[kind]
    at = clock.now()
    message = Message(kind=kind, payload=payload, due_at=at + timedelta(seconds=in_s))
    if consumer.inline and not in_s:
        # Born claimed, by us: between the commit and the doing stands nothing but this function.
        message.claimed_until, message.attempts = at + timedelta(seconds=CLAIM_S), 1
        transaction.on_commit(lambda: _do(message))
    sql.insert(message)
    return message


def run(message_id: str) -> bool:
    """Claim one message and do it. False if somebody else has it, or it is not due."""
    at = clock.now()
    claimed = Message.objects.filter(
        Q(claimed_until=None) | Q(claimed_until__lte=at), pk=message_id, done_at=None, failed_at=None, due_at__lte=at
    ).update(claimed_until=at + timedelta(seconds=CLAIM_S), attempts=F("attempts") + 1)
    if claimed:
        _do(Message.objects.get(pk=message_id))
    return bool(claimed)


def _do(message: Message) -> None:
    """Do a claimed message and write down how it went. Never raises what the handler raises."""
    row = Message.objects.filter(pk=message.pk)
    consumer = _consumers.get(message.kind)
    if consumer is None:
        row.update(failed_at=clock.now(), last_error="nobody consumes this kind")
        return
    try:
        consumer.handler(message.payload)
    except Again as again:
        row.update(claimed_until=None, due_at=clock.now() + timedelta(seconds=again.in_s), attempts=F("attempts") - 1)
    except Exception as error:
        _put_off(message, error)
    else:
        row.update(done_at=clock.now(), claimed_until=None)


def _put_off(message: Message, error: Exception) -> None:
    # The type alone: an exception's text may carry an address or a secret.
    what = type(error).__name__
    log.warning("outbox.failed", kind=message.kind, attempts=message.attempts, error=what)
    changes: dict[str, Any] = {"claimed_until": None, "last_error": what}
    if message.attempts >= MAX_ATTEMPTS:
        changes["failed_at"] = clock.now()
    else:
        changes["due_at"] = clock.now() + timedelta(seconds=min(2**message.attempts, 3600))
    Message.objects.filter(pk=message.pk).update(**changes)


def run_due(*, limit: int = 50) -> int:
    """Do what is due; the number of messages done. Called by the worker, again and again."""
    at = clock.now()
    due = (
        Message.objects.filter(Q(claimed_until=None) | Q(claimed_until__lte=at))
        .filter(done_at=None, failed_at=None, due_at__lte=at)
        .order_by("due_at")
        .values_list("pk", flat=True)[:limit]
    )
    return sum(run(message_id) for message_id in list(due))


def purge() -> int:
    """Delete what was done long ago."""
    return Message.objects.filter(done_at__lt=clock.now() - KEEP).delete()[0]
