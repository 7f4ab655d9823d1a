"""The line to one panel: connected again and again, what it says last, and commands that go out now or never."""

import asyncio
import json
import time
from collections.abc import Callable, Collection

import structlog

from belvedere.contracts.brokers import BrokerError
from belvedere.contracts.events import SourceError
from belvedere.contracts.panels import (
    ANSWER_WITHIN_S,
    PanelAct,
    PanelAnswer,
    PanelAnswerCode,
    PanelError,
    PanelSource,
    PanelStateWord,
)
from belvedere.media.brokers import open_session
from belvedere.media.sources.backoff import Backoff
from belvedere.mqtt import Message, MqttFailure, MqttSession

log = structlog.get_logger()

_ONLINE, _OFFLINE = b"online", b"offline"
_WORDS = {word.value.encode(): word for word in PanelStateWord if word is not PanelStateWord.UNKNOWN}


class PanelLine:
    """One panel, from `run` until that task is cancelled. `on_change(line)` whenever there is something to report."""

    def __init__(
        self,
        panel: str,
        revision: str,
        source: PanelSource,
        on_change: Callable[["PanelLine"], None],
        own_ports: Collection[int] = (),
    ) -> None:
        self.panel = panel
        self.revision = revision
        self.error = ""
        self.since = time.time()
        self._source = source
        self._on_change = on_change
        self._own_ports = own_ports
        self._session: MqttSession | None = None
        self._is_available = False
        self._said = PanelStateWord.UNKNOWN
        self._heard = 0
        self._news = asyncio.Event()

    @property
    def state(self) -> PanelStateWord:
        """What it said last; unknown while it cannot be heard, or says itself that it is away."""
        return self._said if self._session and self._is_available else PanelStateWord.UNKNOWN

    async def run(self) -> None:
        """Keep connected for ever."""
        backoff = Backoff()
        while True:
            started = time.monotonic()
            try:
                await self._listen()
            except MqttFailure as failure:
                code: SourceError | BrokerError = failure.code
            except Exception as error:  # one panel's surprise must not end its supervision
                code = SourceError.FAILED
                # Not the text: it may contain what was in the packet.
                log.error("panel_surprise", device=self.panel, error=type(error).__name__)  # noqa: TRY400  a traceback could carry the source
            else:
                code = SourceError.DROPPED
            known = code if isinstance(code, SourceError) else SourceError.FAILED
            wait = backoff.next(known, stood_s=time.monotonic() - started)
            log.info("panel_lost", device=self.panel, code=code.value, again_in_s=round(wait, 1))
            self._settle(self._forget, code.value)
            await asyncio.sleep(wait)

    async def _listen(self) -> None:
        source = self._source
        topics = [source.state_topic, *([source.availability_topic] if source.availability_topic else [])]
        async with await open_session(source, self._own_ports) as session:
            await session.subscribe(*topics)
            self._settle(self._begin, session)
            async for message in session.messages():
                self._settle(self._take, message)

    def _begin(self, session: MqttSession) -> None:
        self._session, self._is_available, self.error = session, not self._source.availability_topic, ""

    def _take(self, message: Message) -> None:
        """Believe what is one of the known words on one of our topics, and nothing else."""
        payload = (message.payload or b"").strip()
        if message.topic == self._source.availability_topic and payload in {_ONLINE, _OFFLINE}:
            self._is_available = payload == _ONLINE
            self.error = "" if self._is_available else PanelError.OFFLINE.value
        if message.topic == self._source.state_topic:
            word = _WORDS.get(payload)
            if word is None:
                # What it is now, nobody can tell: the word before is no longer true.
                self._said, self.error = PanelStateWord.UNKNOWN, PanelError.UNREADABLE.value
            else:
                self._said, self.error = word, "" if self._is_available else self.error
            self._heard += 1

    def _forget(self, code: str) -> None:
        self._session, self._is_available = None, False
        self._said, self.error = PanelStateWord.UNKNOWN, code

    def _settle[T](self, change: Callable[[T], None], what: T) -> None:
        """Change something; if it shows, say so."""
        before = self.state, self.error
        change(what)
        if self.state != before[0]:
            self.since = time.time()
        if (self.state, self.error) != before:
            self._on_change(self)
        self._news.set()
        self._news = asyncio.Event()

    async def command(self, act: PanelAct, code: str) -> PanelAnswer:
        """Tell it, once, if it is there this moment; wait until it shows that it took it, or 5 s.

        MQTT 3.1.1 has no word for a wrong code. What shows it is the panel: there all the while, the command at its
        broker, and its state as before. A panel that only the broker remembers shows nothing.

        Without a code the payload is the bare word (`ARM_HOME`), with one it is Home Assistant's usual template,
        `{"action": "ARM_HOME", "code": "1234"}`.
        """
        session = self._session
        if session is None or not self._is_available:
            return PanelAnswer(PanelAnswerCode.UNREACHABLE)
        payload = json.dumps({"action": act.payload, "code": code}) if code else act.payload
        heard, before = self._heard, self.state
        has_arrived = False
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await session.publish(self._source.command_topic, payload.encode())
                has_arrived = True
                while not self._has_taken(act, heard):
                    await self._news.wait()
        except (TimeoutError, MqttFailure):
            # It may have arrived: nobody may read here that it did not.
            is_there = bool(self._source.availability_topic) or self._heard > heard
            is_known = has_arrived and is_there and self._session is session
            is_as_before = self.state is before is not PanelStateWord.UNKNOWN
            is_refusal = is_known and is_as_before
            return PanelAnswer(PanelAnswerCode.NOT_TAKEN if is_refusal else PanelAnswerCode.UNANSWERED, self.state)
        return PanelAnswer(PanelAnswerCode.OK, self.state)

    def _has_taken(self, act: PanelAct, heard_before: int) -> bool:
        return self.state is act.goal or (self._heard > heard_before and self.state in act.on_the_way)
