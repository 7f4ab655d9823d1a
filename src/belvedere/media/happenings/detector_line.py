"""The line to one broker that detectors speak on: connected again and again, and what is heard there of our cameras."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from typing import Final

import structlog

from belvedere.contracts.brokers import BrokerError, BrokerSource
from belvedere.contracts.camera_events import EventKind, EventSource
from belvedere.contracts.detectors import AWAY
from belvedere.contracts.events import SourceError
from belvedere.media.brokers import open_session
from belvedere.media.happenings.book import EventBook
from belvedere.media.happenings.frigate import MAX_PAYLOAD, Sighting, read_available, read_sighting, topics_of
from belvedere.media.sources.backoff import Backoff
from belvedere.mqtt import Message, MqttFailure

log = structlog.get_logger()

#: Objects that are tracked at once on one line; of more, only that there were more is known.
_MAX_HELD: Final = 1000


class DetectorLine:
    """One broker, and whose detectors speak there: (prefix, name) → cameras. Everything heard goes into the book."""

    def __init__(
        self,
        source: BrokerSource,
        places: dict[tuple[str, str], list[str]],
        book: EventBook,
        on_change: Callable[["DetectorLine"], None],
        own_ports: Collection[int] = (),
    ) -> None:
        self.error = ""
        #: camera → when something was last said of it, seconds since the epoch
        self.heard_at: dict[str, float] = {}
        self._source = source
        self._places = places
        self._book = book
        self._on_change = on_change
        self._own_ports = own_ports
        self._is_up = False
        self._away: set[str] = set()
        self._held: set[tuple[str, EventKind, str]] = set()

    def states(self) -> dict[str, str]:
        """Camera → why nothing is heard of it, or ""."""
        return {
            camera: self.error or (AWAY if prefix in self._away else "")
            for (prefix, _name), cameras in self._places.items()
            for camera in cameras
            if self._is_up or self.error
        }

    def withdraw(self, cameras: Collection[str]) -> None:
        """What is said of these is nobody's business any more."""
        for known in self._places.values():
            known[:] = [camera for camera in known if camera not in cameras]
        self._held = {held for held in self._held if held[0] not in cameras}

    def rearrange(self, places: Mapping[tuple[str, str], Collection[str]]) -> bool:
        """Hear for these cameras from now on, without a break; False: they need topics that are not listened to.

        A topic that nobody needs any more is left with the connection, and what comes there is dropped unread.
        """
        if not places.keys() <= self._places.keys():
            return False
        left = {
            camera for place, known in self._places.items() for camera in known if camera not in places.get(place, ())
        }
        self._let_go({held for held in self._held if held[0] in left})
        self._places = {place: list(places.get(place, ())) for place in self._places}
        return True

    async def run(self) -> None:
        """Keep connected for ever."""
        backoff = Backoff()
        while True:
            started = time.monotonic()
            code: SourceError | BrokerError = SourceError.DROPPED
            try:
                await self._listen()
            except MqttFailure as failure:
                code = failure.code
            except Exception as error:  # one broker's surprise must not end its supervision
                code = SourceError.FAILED
                # Not the text: it may contain what was in the packet.
                log.error("detector_surprise", error=type(error).__name__)  # noqa: TRY400  a traceback could carry the source
            known = code if isinstance(code, SourceError) else SourceError.FAILED
            wait = backoff.next(known, stood_s=time.monotonic() - started)
            log.info("detector_lost", code=code.value, again_in_s=round(wait, 1))
            self._is_up, self.error = False, code.value
            self.release()
            self._on_change(self)
            await asyncio.sleep(wait)

    def release(self, prefix: str = "") -> None:
        """Nobody says any more that it goes on: so far as anybody knows, it ends here."""
        self._let_go({held for held in self._held if not prefix or held[2].startswith(f"{prefix}/")})

    def _let_go(self, gone: set[tuple[str, EventKind, str]]) -> None:
        self._held -= gone
        for camera, kind, key in gone:
            self._book.hear(camera, kind, EventSource.MQTT, key=key, is_on=False)

    async def _listen(self) -> None:
        self._places = {place: cameras for place, cameras in self._places.items() if cameras}
        prefixes = sorted({prefix for prefix, _name in self._places})
        topics = [
            topic
            for prefix in prefixes
            for topic in topics_of(prefix, [name for known, name in self._places if known == prefix])
        ]
        async with await open_session(self._source, self._own_ports, max_payload=MAX_PAYLOAD) as session:
            await session.subscribe(*topics)
            self._is_up, self.error, self._away = True, "", set()
            self._on_change(self)
            async for message in session.messages():
                self._take(message, prefixes)

    def _take(self, message: Message, prefixes: list[str]) -> None:
        for prefix in prefixes:
            rest = message.topic.removeprefix(f"{prefix}/")
            if rest == message.topic or message.payload is None:
                continue
            if rest == "available":
                self._note_available(prefix, read_available(message.payload))
            elif sighting := read_sighting(rest, message.payload):
                self._see(prefix, sighting, is_initial=message.is_retained)

    def _note_available(self, prefix: str, is_there: bool | None) -> None:
        if is_there is None:
            return
        before = set(self._away)
        if is_there:
            self._away.discard(prefix)
        else:
            self._away.add(prefix)
            self.release(prefix)
        if before != self._away:
            self._on_change(self)

    def _see(self, prefix: str, sighting: Sighting, *, is_initial: bool) -> None:
        key = f"{prefix}/{sighting.key}"
        for camera in self._places.get((prefix, sighting.name), ()):
            self.heard_at[camera] = time.time()
            held = camera, sighting.kind, key
            if sighting.is_on and not is_initial and len(self._held) < _MAX_HELD:
                self._held.add(held)
            elif not sighting.is_on:
                self._held.discard(held)
            self._book.hear(
                *(camera, sighting.kind, EventSource.MQTT),
                key=key,
                is_on=sighting.is_on,
                is_initial=is_initial,
                label=sighting.label,
            )
            self._on_change(self)
