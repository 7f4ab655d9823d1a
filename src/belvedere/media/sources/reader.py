"""The supervisor of one camera stream: connect, read, hand over; and when it ends, however it ends, try again."""

import asyncio
import random
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from av.audio.stream import AudioStream

from belvedere.contracts.events import SourceError, StreamSource
from belvedere.media.fmp4 import Fragment, Track
from belvedere.media.fmp4.joining import HEARD, SOUND, VIDEO
from belvedere.media.sources.backoff import Backoff
from belvedere.media.sources.connection import Announced, RawPacket, open_camera
from belvedere.media.sources.failure import SourceFailure
from belvedere.media.sources.mailbox import Mailbox
from belvedere.media.sources.remux import Remuxer
from belvedere.media.sources.sound import G711, SoundPacket, SoundRemuxer

log = structlog.get_logger()

#: A camera that sends no key frame for so long shows nothing.
_KEY_FRAME_WITHIN_S: Final = 30.0
#: Frames within one such span that no camera sends (120 a second); a burst of buffered ones at the start passes.
_RATE_SPAN_S: Final = 10.0
_RATE_LIMIT: Final = 1200
#: Handed over and not taken: the loop is stuck, and memory must not fill meanwhile.
_MAX_WAITING: Final = 2000


@dataclass(frozen=True, slots=True)
class Opened:
    """Connected and signed in; frames are to be expected. fps as announced, 0 if it was not."""

    audio: str
    fps: float


@dataclass(frozen=True, slots=True)
class Lost:
    """Not connected, or not any more."""

    code: SourceError


type SourceEvent = Opened | Track | Fragment | Lost


class CameraReader:
    """A thread for one stream of one camera, from `start` to `stop`.

    on_events is called in the loop with lists of events in order: Opened, Track, Fragment …, Lost, Opened, …
    """

    def __init__(
        self,
        name: str,
        source: StreamSource,
        on_events: Callable[[list[SourceEvent]], None],
        *,
        own_ports: Collection[int] = (),
        watched: threading.Event | None = None,
        listened: threading.Event | None = None,
        heard: threading.Event | None = None,
        chance: random.Random | None = None,
    ) -> None:
        """Must be made in the running loop that is to get the events. `name` is for logs: camera and quality.

        While `watched` is given and not set, frames may come late, up to a fifth of a second, and several at once.
        While `listened` is given and set, sound comes too, as files hold it: a Track of number SOUND after each one of
        the picture, and its fragments. While `heard` is: as the camera sends it, of number HEARD where that is another.
        """
        self._name = name
        self._source = source
        self._own_ports = own_ports
        self._watched = watched
        # One that nobody else has is never set.
        self._wanted = {SOUND: listened or threading.Event(), HEARD: heard or threading.Event()}
        self._backoff = Backoff(chance)
        self._mailbox: Mailbox[SourceEvent] = Mailbox(asyncio.get_running_loop(), on_events)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"camera {name}", daemon=True)

    def start(self) -> None:
        """Begin. Returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End; no event comes after this. The thread goes by itself, at the latest when its read times out."""
        self._stop.set()
        self._mailbox.close()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread, blocking. Whether it is gone."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.is_set():
            started = time.monotonic()
            try:
                self._read()
            except SourceFailure as failure:
                code = failure.code
            except Exception as error:  # one camera's surprise must not end its supervision
                code = SourceError.FAILED
                # Not the text: it may contain the address with its password.
                log.error("source_surprise", stream=self._name, error=type(error).__name__)  # noqa: TRY400  # a traceback could carry the address
            else:
                return  # told to stop
            wait = self._backoff.next(code, stood_s=time.monotonic() - started)
            log.info("source_lost", stream=self._name, code=code.value, again_in_s=round(wait, 1))
            self._mailbox.put(Lost(code))
            self._stop.wait(wait)

    def _read(self) -> None:
        """One connection. Returns when told to stop, raises SourceFailure when the camera ended it."""
        with open_camera(self._source, self._own_ports) as connection:
            announced = connection.announced
            if not announced.is_playable:
                raise SourceFailure(SourceError.UNSUPPORTED_CODEC)
            self._mailbox.put(Opened(announced.audio, announced.fps))
            feed = _Feed(announced, connection.sound, self._wanted)
            key_due = time.monotonic() + _KEY_FRAME_WITHIN_S
            rate = _RateLimit()
            for packet in connection.packets(feed.wants_sound):
                now = time.monotonic()
                if self._stop.is_set():
                    return
                rate.count(now)
                for event in feed.take(packet):
                    self._mailbox.put(event)
                    if isinstance(event, Track) and self._watched is not None:
                        connection.ease(self._watched)  # not before: a track knows when it began
                    if isinstance(event, Fragment) and event.is_key and event.track == VIDEO:
                        key_due = now + _KEY_FRAME_WITHIN_S
                if now > key_due:
                    raise SourceFailure(SourceError.NO_VIDEO)
                if len(self._mailbox) > _MAX_WAITING:
                    raise SourceFailure(SourceError.FAILED)


class _Feed:
    """Packets of one connection → events. Sound costs nothing before its first packet comes."""

    def __init__(self, announced: Announced, sound: AudioStream | None, wanted: Mapping[int, threading.Event]) -> None:
        self._picture = Remuxer(announced.codec, announced.extradata, announced.ticks_per_second)
        self._stream = sound
        self._wanted = wanted
        #: SOUND, HEARD → the sound in this form, made when it is first wanted; None: FFmpeg cannot
        self._forms: dict[int, SoundRemuxer | None] = {}
        #: the run of the picture, and the forms of sound that know it
        self._run: Track | None = None
        self._begun: set[int] = set()

    def wants_sound(self) -> bool:
        """Whether packets of sound are of use, in whatever form."""
        return any(wanted.is_set() for wanted in self._wanted.values())

    def take(self, packet: RawPacket | SoundPacket) -> Sequence[Track | Fragment]:
        utc = time.time()
        if not isinstance(packet, RawPacket):
            return self._hear(packet, utc)
        made = self._picture.feed(packet.data, dts=packet.dts, pts=packet.pts, is_key=packet.is_key, utc=utc)
        if made and isinstance(made[0], Track):
            self._run = made[0]
            self._begun.clear()
        return made

    def _hear(self, packet: SoundPacket, utc: float) -> Sequence[Track | Fragment]:
        if self._stream is None or self._run is None:
            return ()
        if self._stream.codec_context.name in G711:
            numbers = [number for number, wanted in self._wanted.items() if wanted.is_set()]
        else:
            numbers = [SOUND]  # one form for both
        made: list[Track | Fragment] = []
        for number in numbers:
            form = self._form(number, self._stream)
            if form is None:
                continue
            if number not in self._begun:
                self._begun.add(number)
                made.append(form.begin(self._run.utc_at_zero))
            made += form.feed(packet, utc)
        return made

    def _form(self, number: int, stream: AudioStream) -> SoundRemuxer | None:
        if number not in self._forms:
            try:
                self._forms[number] = SoundRemuxer(stream, number)
            except ValueError:
                self._forms[number] = None
        return self._forms[number]


class _RateLimit:
    def __init__(self) -> None:
        self._until = 0.0
        self._count = 0

    def count(self, now: float) -> None:
        if now >= self._until:
            self._until = now + _RATE_SPAN_S
            self._count = 0
        self._count += 1
        if self._count > _RATE_LIMIT:
            raise SourceFailure(SourceError.FAILED)
