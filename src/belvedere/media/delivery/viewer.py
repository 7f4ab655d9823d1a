"""The socket of one viewer, from its handshake to its end.

A viewer has a position in the ring and is pumped: by each new fragment, and when its transport drained. It is never
written to while its transport still holds something; a reader that falls behind goes on at a newer key frame.

Who may look back leaves the stream while he does; then `playback` writes, by the same rule. `looking` switches.
"""

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Any, Final

import msgspec

from belvedere.contracts.permissions import Permission
from belvedere.contracts.sessions import CloseCode
from belvedere.media.delivery.counters import Counters
from belvedere.media.delivery.goodbye import reset, say_goodbye, socket_of
from belvedere.media.delivery.looking import Looking, PlayerMessage, Scene
from belvedere.media.delivery.sessions import Lease
from belvedere.media.delivery.stream import VIDEO_TRACK, CurrentTrack, LiveStream
from belvedere.media.delivery.websocket import FrameReader, Message, Opcode, WebSocketError, frame
from belvedere.media.ring import LiveFragment

#: The kernel would hide 4 MB, that is 16 s of video, from a reader who has stopped (measured).
SEND_BUFFER: Final = 64 * 1024
#: A reader that takes nothing for so long is dropped.
STUCK_AFTER_S: Final = 3.0
_PING_EVERY_S: Final = 15.0
#: Nothing heard for so long: nobody is there. Presence is shown to owners, so it has to be true.
_SILENT_AFTER_S: Final = 40.0
_MESSAGES_A_SECOND: Final = 50
_GOING_AWAY: Final = 1001
_LIVE_VIEW: Final = int(Permission.LIVE_VIEW)
_LISTEN: Final = int(Permission.LISTEN)


class Viewer(asyncio.Protocol):
    """One viewer. `watch` puts it before a stream, `cut` takes it away from there."""

    def __init__(
        self,
        transport: asyncio.Transport,
        counters: Counters,
        clock: Callable[[], float],
        on_close: Callable[["Viewer", str], None],
    ) -> None:
        """`on_close(viewer, why)` is called once, when the socket is over for whatever reason."""
        self.session = ""
        self._transport = transport
        self._counters = counters
        self._clock = clock
        self._on_close = on_close
        self._reader = FrameReader()
        self._stream: LiveStream | None = None
        self._lease: Lease | None = None
        self._looking: Looking | None = None
        self._current: CurrentTrack | None = None
        self._position: int | None = None
        self._told_online = True
        self._is_paused = False
        self._is_lagging = False
        self._blocked_at: float | None = None
        self._is_closing = False
        self._is_over = False
        #: texts held back while the transport is full
        self._waiting: list[bytes] = []
        #: what the player said before there was a lease; few, by the limit on messages
        self._early: list[PlayerMessage] = []
        self._heard_at = self._pinged_at = self._second = clock()
        self._messages = 0
        transport.set_write_buffer_limits(high=0)
        socket_of(transport).setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)

    # -- what others may ask of it -----------------------------------------------------------------------------

    @property
    def lease(self) -> Lease | None:
        """The lease it watches under."""
        return self._lease

    @property
    def stream(self) -> LiveStream | None:
        """What it watches."""
        return self._stream

    @property
    def is_over(self) -> bool:
        """Whether its end has been told."""
        return self._is_over

    def watch(self, stream: LiveStream, lease: Lease, scene: Scene | None = None) -> None:
        """Begin: the state of the camera, the init segment, the ring from its last key frame."""
        if self._is_closing:
            return
        self._begin(lease, scene or Scene(find_stream=lambda: stream, footage=None, report=lambda _: None))
        self._stream = stream
        stream.join(self)
        self._tune(stream)
        self._follow_early()
        self.pump()

    def look_back(self, lease: Lease, scene: Scene, start: float | None) -> None:
        """Begin in the past, at an instant, or where the player says."""
        if self._is_closing:
            return
        self._begin(lease, scene)
        if start is not None:
            self._early.insert(0, PlayerMessage("seek", to=start))
        self._follow_early()

    def take(self, current: CurrentTrack, position: int, fragment: LiveFragment) -> bool:
        """Write the newest fragment, if that is all there is to do; else `pump` has to look. The hot path."""
        if (
            position != self._position
            or current is not self._current
            or self._blocked_at is not None
            or self._is_paused
            or self._is_closing
            # Law: before every write, the moment and the permission.
            or self._lease is None
            or not self._lease.allows(_LIVE_VIEW, self._clock())
        ):
            return False
        self._position = position + 1
        self._transport.write(fragment.wire)
        return True

    def pump(self) -> None:
        """Write what is due, as far as the transport takes it at once."""
        if self._looking is not None:
            self._looking.pump()
        stream, lease = self._stream, self._lease
        if stream is None or lease is None or self._is_closing:
            return
        if self._blocked_at is not None:
            self._is_lagging = True
            return
        if stream.is_online != self._told_online:
            self._tell_state(stream)
        if self._is_paused or stream.current is None or not self._introduce(stream, lease):
            return
        ring = stream.ring
        position = self._place(stream)
        while position is not None and self._blocked_at is None:
            fragment = ring.get(position)
            if fragment is None or not lease.allows(_LIVE_VIEW, self._clock()):
                break
            self._transport.write(fragment.wire)
            self._counters.fragments_out += 1
            self._counters.bytes_out += len(fragment.wire)
            position += 1
        self._position = position
        if position == ring.end:
            self._is_lagging = False

    def tell(self, message: dict[str, Any]) -> None:
        """Send a text message; if the transport is full, as soon as it is not."""
        if self._is_closing:
            return
        data = frame(Opcode.TEXT, msgspec.json.encode(message))
        if self._blocked_at is None:
            self._transport.write(data)
        else:
            self._waiting.append(data)

    def cut(self, code: int, why: str, by: str = "") -> float:
        """End it now: nothing is written after this. Returns when, in seconds since the epoch.

        A player that keeps up gets a close frame with the reason; with one that does not, what waits for it in the
        kernel is thrown away too.
        """
        if not self._is_closing:
            self._detach()
            if self._transport.get_write_buffer_size() == 0 and self._blocked_at is None:
                say_goodbye(self._transport, code, msgspec.json.encode({"why": why, "by": by} if by else {"why": why}))
            else:
                reset(self._transport)
        cut_at = time.time()
        self._finish(why)
        return cut_at

    def turn_away(self, *, is_gone: bool) -> None:
        """What it watches is no longer carried here. A player that is told 1001 comes back with a new ticket."""
        if is_gone:
            self.cut(CloseCode.NOT_FOUND, "not_found")
        else:
            self.cut(_GOING_AWAY, "moved")

    def check(self, now: float) -> None:
        """Be looked at, a few times a second: stuck, silent, or due for a ping."""
        if self._is_closing:
            return
        if self._blocked_at is not None and now - self._blocked_at > STUCK_AFTER_S:
            self._counters.stuck += 1
            self.drop("stuck")
        elif now - self._heard_at > _SILENT_AFTER_S:
            self.drop("silent")
        elif now - self._pinged_at > _PING_EVERY_S and self._blocked_at is None:
            self._pinged_at = now
            self._transport.write(frame(Opcode.PING, b""))
        if self._looking is not None and not self._is_closing:
            self._looking.check(now)

    def drop(self, why: str) -> None:
        """End it without a word: nobody would read it."""
        self._detach()
        reset(self._transport)
        self._finish(why)

    # -- what it may be told to show ----------------------------------------------------------------------------

    @property
    def is_free(self) -> bool:
        """Whether the transport holds nothing."""
        return self._blocked_at is None and not self._is_closing

    def send(self, wire: bytes) -> None:
        """Write one binary message, framed already."""
        self._transport.write(wire)
        self._counters.fragments_out += 1
        self._counters.bytes_out += len(wire)

    def join(self, stream: LiveStream) -> None:
        """Show the present, from the last key frame on."""
        self._stream = stream
        self._is_paused = False
        self._position = None
        stream.join(self)
        self._tune(stream)
        self.pump()

    def leave(self) -> None:
        """Show nothing of the present; begin anew with whatever is joined next."""
        if self._stream is not None:
            self._stream.leave(self)
        self._tune(None)
        self._stream = self._current = self._position = None
        self._told_online = True

    def hold(self) -> None:
        """Send nothing of the present until it is joined again."""
        self._is_paused = True
        self._tune(None)

    # -- the transport ------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Frames of the player."""
        try:
            for message in self._reader.feed(data):
                self._hear(message)
        except WebSocketError as error:
            if self._is_closing:
                self._transport.abort()
                return
            self._detach()
            say_goodbye(self._transport, error.code, b"")
            self._finish("protocol")

    def eof_received(self) -> bool:
        """The player sends no more, so it is gone: close."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        del exc
        self._detach()
        self._finish("left")

    def pause_writing(self) -> None:
        """The kernel took less than we gave it."""
        if self._blocked_at is None:
            self._blocked_at = self._clock()

    def resume_writing(self) -> None:
        """All that waited is with the kernel."""
        self._blocked_at = None
        if self._is_closing:
            return
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._transport.write(b"".join(waiting))
        self.pump()

    # -- inside -------------------------------------------------------------------------------------------------

    def _introduce(self, stream: LiveStream, lease: Lease) -> bool:
        """Say what is to come, once for each track. Whether fragments may follow."""
        current = stream.current
        if current is None or not lease.allows(_LIVE_VIEW, self._clock()):
            return False
        if current is self._current:
            return True
        self._current = current
        self._position = None
        track = current.track
        self.tell(
            {
                "type": "init",
                "track": VIDEO_TRACK,
                "kind": track.kind,
                "codec": track.codec,
                "width": track.width,
                "height": track.height,
                "timescale": track.timescale,
                "utc_at_zero": track.utc_at_zero,
                "sound": stream.has_sound and lease.allows(_LISTEN, self._clock()),
            }
        )
        self._transport.write(current.wire)
        return self._blocked_at is None

    def _place(self, stream: LiveStream) -> int | None:
        """Where to go on: where we were; from the newest key frame when we come anew, or are behind it."""
        ring, position = stream.ring, self._position
        if position is None:
            return ring.start
        if ring.start is not None and ring.start > position and (self._is_lagging or ring.get(position) is None):
            return self._skip(ring.start - position, ring.start)
        if position < ring.end and ring.get(position) is None:
            return self._skip(ring.end - position, None)
        return position

    def _skip(self, count: int, position: int | None) -> int | None:
        self._counters.skipped += count
        self._is_lagging = False
        self.tell({"type": "lag", "skipped": count})
        return position

    def _tell_state(self, stream: LiveStream) -> None:
        self._told_online = stream.is_online
        self._current = None
        self._position = None
        state = "online" if stream.is_online else "offline"
        self.tell({"type": "camera", "state": state, "since": round(stream.since, 3)})

    def _hear(self, message: Message) -> None:
        now = self._heard_at = self._clock()
        if now - self._second >= 1:
            self._second, self._messages = now, 0
        self._messages += 1
        if self._messages > _MESSAGES_A_SECOND:
            raise WebSocketError(1008, "too many messages")
        match message.opcode:
            case Opcode.TEXT if not self._is_closing:
                self._obey(message.payload)
            case Opcode.BINARY:
                raise WebSocketError(1003, "text only")
            case Opcode.PING if self._blocked_at is None and not self._is_closing:
                self._transport.write(frame(Opcode.PONG, message.payload))
            case Opcode.CLOSE:
                self._answer_close()

    def _obey(self, payload: bytes) -> None:
        try:
            order = msgspec.json.decode(payload, type=PlayerMessage)
        except msgspec.DecodeError:
            raise WebSocketError(1007, "not a message of ours") from None
        if self._lease is None:
            self._early.append(order)  # nothing is decided yet
        else:
            self._follow(order)

    def _begin(self, lease: Lease, scene: Scene) -> None:
        self._lease = lease
        self._looking = Looking(lease, scene, self, self._clock)

    def _tune(self, stream: LiveStream | None) -> None:
        if self._looking is not None:
            self._looking.hearing.tune(stream)

    def _follow_early(self) -> None:
        early, self._early = self._early, []
        for order in early:
            self._follow(order)

    def _follow(self, order: PlayerMessage) -> None:
        if self._looking is not None:
            self._looking.follow(order)

    def _answer_close(self) -> None:
        if not self._is_closing:
            self._detach()
            say_goodbye(self._transport, 1000, b"")
            self._finish("left")
        self._transport.close()

    def _detach(self) -> None:
        """From here on nothing of the stream is written."""
        self._is_closing = True
        self._waiting.clear()
        if self._looking is not None:
            self._looking.end()
        self.leave()

    def _finish(self, why: str) -> None:
        if not self._is_over:
            self._is_over = True
            self._on_close(self, why)
