"""Putting things into the outbox, and doing them.

`enqueue` is called inside the transaction of the change. A kind is either *inline* (done in the same thread right
after the commit, because a person waits for it) or left to the worker. Both ways claim the row by a conditional UPDATE
first, so that it is not done twice at once; a handler is still written so that twice does no harm.

What waits for others' machines would hold the worker up: such kinds have a *lane*, and whoever runs it takes them.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
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
    """What is done with one kind of message. Without a handler its lane takes many at once, by `take`."""

    handler: Handler | None
    inline: bool = False
    #: who does it; "" = the worker, one after the other
    lane: str = ""


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


def enqueue_many(kind: str, rows: Iterable[tuple[dict[str, Any], str]]) -> None:
    """The same for many of a kind that is not inline: (payload, to) each."""
    assert_in_transaction()
    _consumers[kind]
    at = clock.now()
    Message.objects.bulk_create(
        [Message(kind=kind, payload=payload, to=to, due_at=at) for payload, to in rows], batch_size=500
    )


def take(kinds: Collection[str], *, room: int, busy: Mapping[str, int], each: int) -> list[Message]:
    """Claim what is due of these kinds, as much as there is room for, and settle it later by `settle` or `put_off`.

    `busy`: how many are under way to whom. No more than `each` go to one at once: who is slow keeps no other waiting.
    """
    at, under_way = clock.now(), Counter(busy)
    taken: list[Message] = []
    while len(taken) < room:
        full = [to for to, count in under_way.items() if count >= each]
        due = (
            Message.objects.filter(Q(claimed_until=None) | Q(claimed_until__lte=at))
            .filter(done_at=None, failed_at=None, due_at__lte=at, kind__in=kinds)
            .exclude(to__in=full)
            .order_by("due_at", "pk")[: room - len(taken)]
        )
        chosen = []
        for message in due:
            if under_way[message.to] < each:
                under_way[message.to] += 1
                chosen.append(message)
        if not chosen:
            break
        until = at + timedelta(seconds=CLAIM_S)
        won = sql.fetch(
            "UPDATE outbox_message SET claimed_until = %s, attempts = attempts + 1 "  # noqa: S608  marks only
            f"WHERE id IN ({sql.marks(chosen)}) AND (claimed_until IS NULL OR claimed_until <= %s) "
            "AND done_at IS NULL AND failed_at IS NULL RETURNING id",
            until,
            *(message.pk for message in chosen),
            at,
        )
        mine = {pk for (pk,) in won}
        for message in chosen:
            if message.pk in mine:
                message.attempts, message.claimed_until = message.attempts + 1, until
                taken.append(message)
    return taken


def settle(messages: Collection[Message]) -> None:
    """These were done."""
    if messages:
        rows = Message.objects.filter(pk__in=[message.pk for message in messages])
        rows.update(done_at=clock.now(), claimed_until=None)


def put_off(message: Message, why: str, *, in_s: float = 0) -> None:
    """It failed: again after a while, twice as long each time, `in_s` at least; given up after twelve times."""
    changes: dict[str, Any] = {"claimed_until": None, "last_error": why}
    if message.attempts >= MAX_ATTEMPTS:
        changes["failed_at"] = clock.now()
    else:
        changes["due_at"] = clock.now() + timedelta(seconds=max(in_s, min(2**message.attempts, 3600)))
    Message.objects.filter(pk=message.pk).update(**changes)


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
    if consumer is None or consumer.handler is None:
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
    put_off(message, what)


def run_due(*, limit: int = 50, lane: str = "") -> int:
    """Do what is due in a lane; the number of messages done. Called again and again, by the worker for its own."""
    at = clock.now()
    elsewhere = [kind for kind, consumer in _consumers.items() if consumer.lane != lane]
    due = (
        Message.objects.filter(Q(claimed_until=None) | Q(claimed_until__lte=at))
        .filter(done_at=None, failed_at=None, due_at__lte=at)
        .exclude(kind__in=elsewhere)
        .order_by("due_at")
        .values_list("pk", flat=True)[:limit]
    )
    return sum(run(message_id) for message_id in list(due))


def purge() -> int:
    """Delete what was done long ago."""
    return Message.objects.filter(done_at__lt=clock.now() - KEEP).delete()[0]
