"""The socket of one talker, from its handshake to its end (docs/reference/talk-socket.md).

A camera hears nothing but what was said under a lease, just now, by whoever has the floor: the lease is asked before
every packet, what is late is dropped, and what comes after the end is dropped unread.
"""

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec
import structlog

from belvedere.contracts.events import SourceError, StreamSource
from belvedere.contracts.permissions import Permission
from belvedere.contracts.sessions import CloseCode
from belvedere.media.delivery.goodbye import reset, say_goodbye
from belvedere.media.delivery.sessions import Lease
from belvedere.media.delivery.websocket import MAX_TEXT, FrameReader, Message, Opcode, WebSocketError, frame
from belvedere.media.talk.backchannel import Backchannel
from belvedere.media.talk.failure import TalkError, TalkFailure
from belvedere.media.talk.floor import Floor
from belvedere.media.talk.speech import Speech
from belvedere.media.talk.tone import tone
from belvedere.media.talk.voice import BYTES_A_SAMPLE, RATES, Voice

log = structlog.get_logger()

#: Nobody speaks longer at a time: a microphone that was forgotten does not stay open.
LONGEST_S: Final = 300.0
#: A browser sends sound all the time while its button is held; without any, nobody holds it.
SILENT_AFTER_S: Final = 5.0
MAX_SOUND: Final = 64 * 1024
#: Sound in pieces of 20 ms is fifty a second; the rest is room for a line that stuttered.
_MESSAGES_A_SECOND: Final = 150
#: Nobody speaks faster than time passes: so many seconds of sound in one second, and it is a flood.
_FLOOD: Final = 4
_USUAL_RATE: Final = RATES[0]
_GOING_AWAY: Final = 1001
_DONE: Final = 1000
_TALK: Final = int(Permission.TALK)


class TalkMessage(msgspec.Struct, frozen=True):
    """What a talker says beside sound; unknown fields and types are passed over, for pages newer than we are.

    rate  of the sound that follows, in hertz: before any of it
    """

    type: str
    rate: Literal[8000, 16000, 48000] = 8000


@dataclass(frozen=True, kw_only=True)
class TalkRoom:
    """What talkers need of the node.

    find_source  camera → the way to it now; None: it is not carried here
    own_ports    TCP ports on loopback that are no cameras
    """

    find_source: Callable[[str], StreamSource | None]
    own_ports: Collection[int] = ()
    floor: Floor = field(default_factory=Floor)


class Talker(asyncio.Protocol):
    """One talker. `speak` gives it a camera, `cut` takes the word away."""

    def __init__(
        self,
        transport: asyncio.Transport,
        clock: Callable[[], float],
        on_close: Callable[["Talker", str], None],
    ) -> None:
        """`on_close(talker, why)` is called once, when the socket is over for whatever reason."""
        self.session = ""
        self._transport = transport
        self._clock = clock
        self._on_close = on_close
        self._reader = FrameReader(MAX_SOUND)
        self._lease: Lease | None = None
        self._room: TalkRoom | None = None
        self._camera = ""
        self._source: StreamSource | None = None
        self._rate = _USUAL_RATE
        self._speech: Speech | None = None
        self._way: Backchannel | None = None
        self._task: asyncio.Task[None] | None = None
        #: something to do for the task: sound, or the end of it
        self._stirred = asyncio.Event()
        self._is_ready = False
        #: the button was let go: what is left is said, then it is over
        self._is_done = False
        self._is_closing = False
        self._is_over = False
        self._began_at = self._heard_at = self._second = clock()
        self._messages = self._bytes = 0

    # -- what others may ask of it -----------------------------------------------------------------------------

    @property
    def is_over(self) -> bool:
        """Whether its end has been told."""
        return self._is_over

    def speak(self, camera: str, lease: Lease, room: TalkRoom, holder: str, *, is_probe: bool = False) -> None:
        """Begin, if nobody else has the floor. `holder` is who control says has it, "" if that may not be known.

        A probe opens the way, and closes it again: the camera hears nothing.
        """
        if self._is_closing:
            return
        self._camera, self._lease, self._room = camera, lease, room
        self._source = room.find_source(camera)
        if self._source is None:
            self.cut(_GOING_AWAY, "moved")
        elif not room.floor.take(camera, self):
            self.tell({"type": "busy", "holder": holder or None})
            self.cut(CloseCode.BUSY, "busy", holder)
        else:
            self._began_at = self._heard_at = self._clock()
            self.tell({"type": "connecting"})
            talk = self._knock if is_probe else self._talk
            self._task = asyncio.get_running_loop().create_task(talk(self._source, room), name="talk")

    def tell(self, message: dict[str, Any]) -> None:
        """Send a text message; few and short, so that they always fit."""
        if not self._is_closing:
            self._transport.write(frame(Opcode.TEXT, msgspec.json.encode(message)))

    def cut(self, code: int, why: str, by: str = "") -> float:
        """End it now: the camera hears nothing after this. Returns when, in seconds since the epoch."""
        self._fall_silent()
        if not self._is_closing:
            self._is_closing = True
            say_goodbye(self._transport, code, msgspec.json.encode({"why": why, "by": by} if by else {"why": why}))
        cut_at = time.time()
        self._finish(why)
        return cut_at

    def check(self, now: float) -> None:
        """Be looked at, a few times a second."""
        if self._is_closing:
            return
        if self._lease is not None and not self._may_speak():
            self._fall_silent()
        if self._source is not None and not self._is_still_there():
            self.cut(_GOING_AWAY, "moved")
        elif now - self._began_at > LONGEST_S:
            self.cut(_DONE, "too_long")
        elif self._is_ready and now - self._heard_at > SILENT_AFTER_S:
            self.cut(_DONE, "silent")

    # -- the transport ------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Frames of the page."""
        if self._is_closing:
            return  # unread; our goodbye has its second
        try:
            for message in self._reader.feed(data):
                self._hear(message)
        except WebSocketError as error:
            self._fall_silent()
            self._is_closing = True
            say_goodbye(self._transport, error.code, b"")
            self._finish("protocol")

    def eof_received(self) -> bool:
        """The page sends no more, so it is gone: close."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        del exc
        self._is_closing = True
        self._fall_silent()
        self._finish("left")

    def pause_writing(self) -> None:
        """A page that does not even take a few words is not there."""
        self._is_closing = True
        self._fall_silent()
        reset(self._transport)
        self._finish("stuck")

    # -- what is heard ------------------------------------------------------------------------------------------

    def _hear(self, message: Message) -> None:
        if self._is_closing:
            return
        self._count(message)
        match message.opcode:
            case Opcode.TEXT:
                self._obey(message.payload)
            case Opcode.BINARY:
                self._take_sound(message.payload)
            case Opcode.PING:
                self._transport.write(frame(Opcode.PONG, message.payload))
            case Opcode.CLOSE:
                self._fall_silent()
                self._is_closing = True
                say_goodbye(self._transport, _DONE, b"")
                self._finish("left")

    def _count(self, message: Message) -> None:
        now = self._clock()
        if now - self._second >= 1:
            self._second, self._messages, self._bytes = now, 0, 0
        self._messages += 1
        self._bytes += len(message.payload)
        if self._messages > _MESSAGES_A_SECOND or self._bytes > self._rate * BYTES_A_SAMPLE * _FLOOD:
            raise WebSocketError(1008, "too much")

    def _obey(self, payload: bytes) -> None:
        if len(payload) > MAX_TEXT:
            raise WebSocketError(1009, "too long")
        try:
            order = msgspec.json.decode(payload, type=TalkMessage)
        except msgspec.DecodeError:
            raise WebSocketError(1007, "not a message of ours") from None
        match order.type:
            case "begin" if self._speech is None:
                self._rate = order.rate
            case "end":
                self._is_done = True
                self._stirred.set()

    def _take_sound(self, pcm: bytes) -> None:
        if len(pcm) % BYTES_A_SAMPLE:
            raise WebSocketError(1007, "half a sample")
        if not self._is_ready or self._is_done or self._speech is None:
            return  # nobody was asked to speak yet, or any more
        self._heard_at = self._clock()
        self._speech.feed(pcm)
        self._stirred.set()

    # -- what is said -------------------------------------------------------------------------------------------

    async def _talk(self, source: StreamSource, room: TalkRoom) -> None:
        """From the first word with the camera to the last. What ends it from outside cancels it."""
        try:
            way = self._way = await Backchannel.open(source, room.own_ports, clock=self._clock)
            way.lost.add_done_callback(self._camera_left)
            self._speech = speech = Speech(self._rate, way.packet_ms)
            voice = Voice(way.track, self._rate)
            speech.feed(tone(self._rate))
            speech.end()
            is_heard = await self._say_all(way, voice, speech)
            self._is_ready = True
            self._heard_at = self._clock()
            self.tell({"type": "ready"})
            while is_heard and not self._is_done:
                await self._stirred.wait()
                self._stirred.clear()
                is_heard = await self._say_all(way, voice, speech)
            speech.end()
            if is_heard and await self._say_all(way, voice, speech):
                self._way = None
                self.cut(_DONE, "done")
                await way.close()
        except TalkFailure as failure:
            self._fail(failure.code)
        except Exception:
            log.exception("talk_broke", session=self.session, camera=self._camera)
            self._fail(SourceError.FAILED)

    async def _knock(self, source: StreamSource, room: TalkRoom) -> None:
        """As far as `_talk` goes before the first packet."""
        try:
            way = await Backchannel.open(source, room.own_ports, clock=self._clock)
            self.tell({"type": "ready"})
            self.cut(_DONE, "done")
            await way.close()
        except TalkFailure as failure:
            self._fail(failure.code)
        except Exception:
            log.exception("talk_broke", session=self.session, camera=self._camera)
            self._fail(SourceError.FAILED)

    async def _say_all(self, way: Backchannel, voice: Voice, speech: Speech) -> bool:
        """All that is there, at the pace of speech. False: the word was taken away, and whoever did it says why."""
        while not speech.is_empty:
            if wait := speech.wait(self._clock()):
                await asyncio.sleep(wait)
            block = speech.take(self._clock())
            for payload in voice.feed(block) if block else ():
                # Law: before every write, the moment and the permission.
                if not self._may_speak():
                    self._fall_silent()
                    return False
                way.send(payload)
        return True

    def _may_speak(self) -> bool:
        lease = self._lease
        return (
            not self._is_closing and lease is not None and lease.allows(_TALK, self._clock()) and self._is_still_there()
        )

    def _is_still_there(self) -> bool:
        """Whether the camera is carried here, and by the same way: one that was unbound or moved hears nothing more."""
        return self._room is not None and self._room.find_source(self._camera) is self._source

    def _camera_left(self, lost: asyncio.Task[None]) -> None:
        if not lost.cancelled() and isinstance(failure := lost.exception(), TalkFailure):
            self._fail(failure.code)

    def _fail(self, code: SourceError | TalkError) -> None:
        if self._is_closing:
            return
        log.info("talk_failed", session=self.session, camera=self._camera, error=code.value)
        self.tell({"type": "failed", "why": code.value})
        self.cut(CloseCode.CAMERA_FAILED, code.value)

    def _fall_silent(self) -> None:
        """From here on the camera hears nothing, not even what is under way to it."""
        way, task, self._way, self._task = self._way, self._task, None, None
        if self._speech is not None:
            self._speech.clear()
        if task is not None and task is not asyncio.current_task():
            task.cancel()
        if way is not None:
            way.abort()
        if self._room is not None:
            self._room.floor.leave(self._camera, self)

    def _finish(self, why: str) -> None:
        if not self._is_over:
            self._is_over = True
            self._on_close(self, why)
