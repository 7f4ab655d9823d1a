"""The one queue: written with the change, claimed once, done again until it is done."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from belvedere.control.core import clock
from belvedere.control.outbox import services
from belvedere.control.outbox.models import Message
from belvedere.control.outbox.services import Again, Consumer, enqueue, run, run_due

pytestmark = pytest.mark.usefixtures("transactional_db")


class Hands:
    """Handlers that remember what they were given, and do as told."""

    def __init__(self) -> None:
        self.done: list[dict[str, Any]] = []
        self.faults: list[Exception] = []

    def __call__(self, payload: dict[str, Any]) -> None:
        """One handler for all kinds."""
        self.done.append(payload)
        if self.faults:
            raise self.faults.pop(0)


@pytest.fixture
def hands() -> Iterator[Hands]:
    """`test.later` is the worker's, `test.inline` is done after the commit."""
    found = Hands()
    real = dict(services._consumers)
    services.register({"test.later": Consumer(found), "test.inline": Consumer(found, inline=True)})
    yield found
    services.register(real)


def put(kind: str = "test.later", **payload: Any) -> Message:
    with transaction.atomic():
        return enqueue(kind, payload)


def test_a_message_belongs_to_its_change(hands: Hands) -> None:
    """Outside a transaction there is no change; one that is undone takes its messages along."""
    with pytest.raises(RuntimeError):
        enqueue("test.later", {})
    with transaction.atomic():
        enqueue("test.inline", {})
        transaction.set_rollback(True)
    assert run_due() == 0
    assert hands.done == []


@pytest.mark.usefixtures("hands")
def test_what_nobody_consumes_is_refused() -> None:
    with pytest.raises(KeyError), transaction.atomic():
        enqueue("test.unheard", {})
    assert not Message.objects.exists()


def test_inline_is_done_when_the_commit_is(hands: Hands) -> None:
    with transaction.atomic():
        enqueue("test.inline", {"n": 1})
        assert hands.done == []
    assert hands.done == [{"n": 1}]
    assert run_due() == 0


def test_later_is_the_workers(hands: Hands) -> None:
    put(n=1)
    assert hands.done == []
    assert run_due() == 1
    assert run_due() == 0
    assert hands.done == [{"n": 1}]


def test_each_is_done_once_by_however_many(hands: Hands) -> None:
    """Two workers at once, on connections of their own: the conditional UPDATE lets one of them have it."""
    messages = [put(n=n) for n in range(12)]
    start = threading.Barrier(3)

    def work() -> None:
        start.wait()
        try:
            for message in messages:
                run(message.pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(payload["n"] for payload in hands.done) == list(range(12))


def test_a_failure_is_tried_again_later_and_later(hands: Hands) -> None:
    """2, 4, 8 … seconds, at most an hour; after twelve times it stays where somebody can find it."""
    hands.faults = [ValueError("rtsp://user:canary@camera")] * services.MAX_ATTEMPTS
    message = put(n=1)
    waits = []
    at = clock.now()
    for _ in range(services.MAX_ATTEMPTS):
        with clock.frozen_at(at):
            assert run_due() == 1
            assert run_due() == 0
        message.refresh_from_db()
        waits.append(round((message.due_at - at).total_seconds()))
        at = message.due_at
    assert waits[:4] == [2, 4, 8, 16]
    assert max(waits) <= 3600
    assert message.failed_at is not None
    assert message.last_error == "ValueError"
    with clock.frozen_at(at + timedelta(days=2)):
        assert run_due() == 0


def test_an_inline_failure_is_the_workers_to_mend(hands: Hands) -> None:
    """The person's request goes through: the change is true, and the message stays due."""
    hands.faults = [ConnectionError()]
    put("test.inline", n=1)
    with clock.moved_by(timedelta(seconds=3)):
        assert run_due() == 1
    assert hands.done == [{"n": 1}, {"n": 1}]


def test_again_is_no_failure(hands: Hands) -> None:
    """A handler that waits for an answer asks for its turn in a while, as often as it takes."""
    hands.faults = [Again(1.0)] * 40
    message = put(n=1)
    at = clock.now()
    for step in range(41):
        with clock.frozen_at(at + timedelta(seconds=step, milliseconds=step)):
            assert run_due() == 1
    message.refresh_from_db()
    assert (message.failed_at, message.attempts) == (None, 1)
    assert message.done_at is not None


def test_a_crash_in_the_middle_is_done_again(hands: Hands) -> None:
    """Killed between claim and end: nobody has it until the claim runs out, then the next worker does."""
    message = put(n=1)
    Message.objects.filter(pk=message.pk).update(
        claimed_until=clock.now() + timedelta(seconds=services.CLAIM_S), attempts=1
    )
    assert run_due() == 0
    with clock.moved_by(timedelta(seconds=services.CLAIM_S)):
        assert run_due() == 1
    assert hands.done == [{"n": 1}]


@pytest.mark.usefixtures("hands")
def test_a_kind_of_an_older_version_is_put_aside() -> None:
    message = put()
    Message.objects.filter(pk=message.pk).update(kind="test.of_old")
    assert run_due() == 1
    message.refresh_from_db()
    assert message.failed_at is not None


@pytest.mark.usefixtures("hands")
def test_what_was_done_long_ago_goes() -> None:
    put(n=1)
    run_due()
    put(n=2)
    assert services.purge() == 0
    with clock.moved_by(services.KEEP + timedelta(seconds=1)):
        assert services.purge() == 1
    assert Message.objects.get().payload == {"n": 2}
