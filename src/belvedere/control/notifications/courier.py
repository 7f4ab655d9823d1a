"""Carries what is to be sent, by many hands at once. One slow endpoint takes a few of them, and never all (N31).

The rounds belong to one thread, which alone speaks to the database; hands have nothing but parcels. What was under way
when the server died is due again half a minute later, under the same ids, by which its receivers know it.
"""

import threading
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Final

import structlog
from django.db import DatabaseError, transaction

from belvedere.control.notifications.channels import Channel
from belvedere.control.notifications.egress import Answer, NoAnswer, NotReachable
from belvedere.control.notifications.parcels import KINDS, Parcel, pack
from belvedere.control.notifications.services.brokers import note_forgotten
from belvedere.control.notifications.services.endpoints import Tried, note_answered, note_failed, note_gone, note_tried
from belvedere.control.notifications.services.taking_back import note_pushed
from belvedere.control.notifications.services.telling import tell_of_events
from belvedere.control.notifications.taken_back import CLOSE, pack_closes
from belvedere.control.outbox.models import Message
from belvedere.control.outbox.services import put_off, settle, take

log = structlog.get_logger(__name__)

HANDS: Final = 64
#: At once to one push service, which serves many browsers; to one webhook or broker, or the mail server.
EACH: Final = {
    KINDS[Channel.PUSH]: 24,
    CLOSE: 24,
    KINDS[Channel.WEBHOOK]: 3,
    KINDS[Channel.MAIL]: 6,
    KINDS[Channel.MQTT]: 3,
}
#: Events are told of and parcels sent by turns: a storm of the one does not keep the other.
TOLD_A_ROUND: Final = 64
LOOK_S: Final = 0.05
_GONE: Final = frozenset({404, 410})
#: what is put into the outbox when events begin
BEGAN: Final = "events.began"


class Courier:
    """Tells of events, and sends what that brings."""

    def __init__(self, hands: int = HANDS) -> None:
        self._hands = hands
        self._pool = ThreadPoolExecutor(hands, thread_name_prefix="courier")
        self._under_way: dict[Future[Answer], Parcel] = {}
        self._changed = threading.Event()

    def run(self, stop: threading.Event) -> None:
        """Rounds until `stop`; then a moment for what is under way."""
        while not stop.is_set():
            try:
                if not self.round():
                    self._changed.wait(LOOK_S)
            except DatabaseError as error:
                log.warning("worker_waits", error=type(error).__name__)
                stop.wait(1)
            except Exception as error:  # one surprise must not be why nobody is told of anything any more
                log.error("courier_surprise", error=type(error).__name__)  # noqa: TRY400  a traceback could carry keys
                stop.wait(1)
        self.finish()

    def round(self) -> int:
        """Put down what came back, tell of what happened, take more. How much there was to do."""
        self._changed.clear()
        back = self._put_down([future for future in self._under_way if future.done()])
        return back + self.tell() + self._take_up()

    def tell(self) -> int:
        """Tell of what was announced; nothing is sent yet. How many announcements there were."""
        taken = take([BEGAN], room=TOLD_A_ROUND, busy={}, each=TOLD_A_ROUND)
        try:
            self._tell(taken)
        except DatabaseError:
            raise
        except Exception as error:
            # One of them cannot be told: that is no reason to keep the others waiting.
            log.warning("outbox.failed", kind=BEGAN, count=len(taken), error=type(error).__name__)
            for message in taken:
                self._tell_alone(message)
        return len(taken)

    def finish(self, timeout_s: float = 3.0) -> None:
        """Wait for what is under way, write down how it went, and rest."""
        done, _late = wait(self._under_way, timeout=timeout_s)
        self._put_down(done)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def drain(self) -> None:
        """Rounds until nothing is due: for commands, tests and benches."""
        while self.round() or self._under_way:
            wait(self._under_way, timeout=1, return_when="FIRST_COMPLETED")

    def _tell(self, messages: list[Message]) -> None:
        if messages:
            tell_of_events({"events": [event for message in messages for event in message.payload["events"]]})
            settle(messages)

    def _tell_alone(self, message: Message) -> None:
        try:
            self._tell([message])
        except DatabaseError:
            raise
        except Exception as error:
            put_off(message, type(error).__name__)

    def _take_up(self) -> int:
        room = self._hands - len(self._under_way)
        if room <= 0:
            return 0
        busy = Counter(parcel.message.to for parcel in self._under_way.values())
        taken: list[Message] = []
        for kind, each in EACH.items():
            taken += take([kind], room=room - len(taken), busy=busy, each=each)
        # Somebody's resolver may take longer than a claim lasts: whom a hand still works for, it does not send twice.
        under_way = {parcel.message.pk for parcel in self._under_way.values()}
        taken = [message for message in taken if message.pk not in under_way]
        if not taken:
            return 0
        parcels = pack([message for message in taken if message.kind != CLOSE])
        parcels += pack_closes([message for message in taken if message.kind == CLOSE])
        sent = {parcel.message.pk for parcel in parcels}
        settle([message for message in taken if message.pk not in sent])
        for parcel in parcels:
            future = self._pool.submit(parcel.send)
            self._under_way[future] = parcel
            future.add_done_callback(lambda _future: self._changed.set())
        return len(taken)

    def _put_down(self, done: "set[Future[Answer]] | list[Future[Answer]]") -> int:
        answered, tried = [], []
        for future in done:
            parcel = self._under_way.pop(future)
            status, why = None, ""
            try:
                answer = future.result()
            except (NotReachable, NoAnswer) as error:
                why = error.why
                self._failed(parcel, why)
            except Exception as error:
                why = type(error).__name__
                self._failed(parcel, why)
            else:
                status = answer.status
                if 200 <= status < 300:
                    answered.append(parcel)
                elif status in _GONE:
                    note_gone(parcel.channel, parcel.target, status)
                    settle([parcel.message])
                else:
                    self._failed(parcel, f"http_{status}", in_s=answer.retry_after_s)
            if parcel.channel is Channel.WEBHOOK:
                message = parcel.message
                tried.append(Tried(message.pk, parcel.target, parcel.kind, message.attempts, status, why))
        if answered:
            # Together: each commit by itself waits for the disk.
            with transaction.atomic():
                settle([parcel.message for parcel in answered])
                note_answered({(parcel.channel, parcel.target) for parcel in answered})
                note_pushed({_shown_by(parcel) for parcel in answered} - {""})
                note_forgotten({_forgotten_by(parcel) for parcel in answered if "forget" in parcel.message.payload})
        if tried:
            note_tried(tried)
        return len(done)

    def _failed(self, parcel: Parcel, why: str, *, in_s: float = 0) -> None:
        log.warning("notification_not_sent", kind=parcel.message.kind, reason=why, attempts=parcel.message.attempts)
        put_off(parcel.message, why, in_s=in_s)
        note_failed(parcel.channel, parcel.target)


def _forgotten_by(parcel: Parcel) -> tuple[str, str]:
    """The broker, and what it was told to forget."""
    return parcel.target, str(parcel.message.payload["forget"])


def _shown_by(parcel: Parcel) -> str:
    """The notification that a browser shows now; "" where it shows none: a test, or what takes one back."""
    return str(parcel.message.payload.get("notification", "")) if parcel.channel is Channel.PUSH else ""
