"""Between FFmpeg and the camera: one connection to one address, and no other, whatever the camera says.

FFmpeg follows an RTSP 302 to any host and port (seen), so one camera could show us another, or reach into our network
(N28). It therefore talks to a relay on loopback, which has connected to the address that was judged, and lets through
what it understands: until PLAY is asked for, only whole, well-formed answers that are no redirects. After that FFmpeg
follows nothing, and bytes are passed on as they come.

Where the operator chose UDP, pictures come beside it, straight from the camera. FFmpeg would send its own packets to
whatever `source=` and `server_port=` the camera names, so the relay writes the judged address there, and lets no port
outside the reach pass (docs/decisions/0014).
"""

import contextlib
import math
import re
import select
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from belvedere.contracts.events import SourceError
from belvedere.media.sources.failure import SourceFailure

_CHUNK: Final = 64 * 1024
#: Milliseconds: how late a stall may be seen.
_LOOK_MS: Final = 250
#: While nobody watches, pictures are passed on so often: what a camera costs is waking up for each of them (measured).
_EASE_S: Final = 0.2
_MAX_HEAD: Final = 16 * 1024
_MAX_BODY: Final = 256 * 1024
_HEAD_END: Final = b"\r\n\r\n"
#: What two readers could end in two ways.
_AMBIGUOUS: Final = re.compile(rb"(?<!\r)\n|\r(?!\n)|\x00")
_STATUS: Final = re.compile(rb"RTSP/1\.0 ([1-9]\d\d)(?: [^\r\n]*)?")
_FIELD: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n]*)")


class Objection(Exception):  # noqa: N818  said to nobody but ourselves
    """The camera said something that must not reach FFmpeg. `code` is what people are told."""

    def __init__(self, reason: str, code: SourceError = SourceError.NOT_RTSP) -> None:
        super().__init__(reason)
        self.code = code


class AnswerFilter:
    """What a camera may say before PLAY: answers and interleaved packets, whole ones. Pure."""

    def __init__(self, pin: Callable[[bytes], bytes] | None = None) -> None:
        """`pin` rewrites the value of a Transport header, or raises Objection; without it the value may pass."""
        self._buffer = bytearray()
        self._pin = pin

    def feed(self, data: bytes) -> bytes:
        """Take what came, return what may go on. Raises Objection."""
        self._buffer += data
        passed = bytearray()
        while (size := self._whole()) and size <= len(self._buffer):
            passed += self._pinned(bytes(self._buffer[:size]))
            del self._buffer[:size]
        return bytes(passed)

    def _pinned(self, message: bytes) -> bytes:
        if self._pin is None or message[:1] == b"$":
            return message
        head, end, body = message.partition(_HEAD_END)
        first, *lines = head.split(b"\r\n")
        fields = [line.partition(b":") for line in lines]
        kept = [
            b"Transport: " + self._pin(value.strip()) if name.lower() == b"transport" else name + colon + value
            for name, colon, value in fields
        ]
        return b"\r\n".join([first, *kept]) + end + body

    def rest(self) -> bytes:
        """What was held back as incomplete; it is no longer ours to judge."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest

    def _whole(self) -> int:
        """Size of the message at the front, 0 while that is not known."""
        buffer = self._buffer
        if buffer[:1] == b"$":
            return 4 + int.from_bytes(buffer[2:4]) if len(buffer) >= 4 else 0
        end = buffer.find(_HEAD_END)
        if end < 0:
            if len(buffer) > _MAX_HEAD:
                raise Objection("an answer without end")
            return 0
        return end + len(_HEAD_END) + _judge(bytes(buffer[:end]))


def _judge(head: bytes) -> int:
    """Size of the body behind an answer's head. Raises Objection for what is no answer, or a redirect."""
    first, *lines = head.split(b"\r\n")
    status = _STATUS.fullmatch(first)
    if _AMBIGUOUS.search(head) or status is None or len(head) > _MAX_HEAD:
        raise Objection("not an answer")
    if status[1].startswith(b"3"):
        raise Objection("a redirect", SourceError.NOT_ALLOWED)
    sizes = []
    for line in lines:
        field = _FIELD.fullmatch(line)
        if field is None:
            raise Objection("not a header")
        if field[1].lower() == b"content-length":
            sizes.append(field[2].strip())
    if not sizes:
        return 0
    if len(sizes) > 1 or not sizes[0].isdigit() or int(sizes[0]) > _MAX_BODY:
        raise Objection("a body without a clear end")
    return int(sizes[0])


def pin_to(ip: str, may_reach: Callable[[int], bool]) -> Callable[[bytes], bytes]:
    """For AnswerFilter: UDP packets go to `ip` alone, to ports that `may_reach` allows, and come from there alone."""

    def pin(transport: bytes) -> bytes:
        if b"," in transport or b"server_port" not in transport.lower():
            raise Objection("not one way for pictures")
        kept = []
        for part in transport.split(b";"):
            name, _, value = part.strip().partition(b"=")
            match name.lower():
                case b"multicast":
                    raise Objection("pictures for everybody", SourceError.NOT_ALLOWED)
                case b"source" if value.strip(b'"').decode("latin-1") != ip:
                    raise Objection("pictures from somebody else", SourceError.NOT_ALLOWED)
                case b"server_port" if not all(_may_use(port, may_reach) for port in value.split(b"-")):
                    raise Objection("a port outside the reach", SourceError.NOT_ALLOWED)
                case b"source" | b"destination":
                    continue
            kept.append(part.strip())
        return b";".join([*kept, b"source=" + ip.encode()])

    return pin


def _may_use(port: bytes, may_reach: Callable[[int], bool]) -> bool:
    return port.isdigit() and len(port) <= 5 and may_reach(int(port))


class Relay:
    """One conversation. A context manager: connected and listening inside, everything closed after it."""

    def __init__(self, ip: str, port: int, *, timeout_s: float, pin: Callable[[bytes], bytes] | None = None) -> None:
        """Connect to the camera. Raises SourceFailure: REFUSED, UNREACHABLE. `pin`: see AnswerFilter."""
        try:
            self._camera = socket.create_connection((ip, port), timeout=timeout_s)
        except ConnectionRefusedError:
            raise SourceFailure(SourceError.REFUSED) from None
        except OSError:
            raise SourceFailure(SourceError.UNREACHABLE) from None
        self._camera.settimeout(None)
        self._camera.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1)
        self._listener.settimeout(timeout_s)
        self._player: socket.socket | None = None
        self._filter: AnswerFilter | None = AnswerFilter(pin)
        self._thread = threading.Thread(target=self._run, name="camera relay", daemon=True)
        self._due = math.inf
        self._watched: threading.Event | None = None
        #: why the conversation was ended by us, if so
        self.objection: SourceError | None = None

    @property
    def port(self) -> int:
        """Where FFmpeg finds it, on 127.0.0.1; the first to come is served."""
        port: int = self._listener.getsockname()[1]
        return port

    def expect(self, within_s: float) -> None:
        """End it as STALLED unless this is called again within so many seconds: for whoever reads what FFmpeg makes.

        PyAV's own timeout would do, but takes the interpreter's lock at each of FFmpeg's thirty polls a frame to ask
        what time it is: with four cameras a third of what each of them cost (measured).
        """
        self._due = time.monotonic() + within_s

    def ease(self, watched: threading.Event) -> None:
        """From now on pass several pictures on at once, except while that is set; setting it takes effect at once."""
        self._watched = watched

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End: wake whatever waits, then wait for it."""
        for sock in (self._listener, self._camera, self._player):
            if sock is not None:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def _run(self) -> None:
        try:
            with self._camera, self._listener:
                self._player, _ = self._listener.accept()
                self._listener.close()
                with self._player:
                    self._player.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self._pass_on(self._player)
        except OSError:
            return  # one of the two is gone, and so the other

    def _pass_on(self, player: socket.socket) -> None:
        poller = select.poll()
        for sock in (self._camera, player):
            poller.register(sock, select.POLLIN)
        camera = self._camera.fileno()
        # One for all: taking 64 KiB anew for each read, to hand most of it back, is work.
        buffer = bytearray(_CHUNK)
        view = memoryview(buffer)
        size = 0
        while True:
            for ready, _ in poller.poll(_LOOK_MS):
                size = (self._camera if ready == camera else player).recv_into(buffer)
                if size == 0:
                    return
                if ready != camera:
                    self._to_camera(player, bytes(view[:size]))
                elif self._filter is None:
                    player.sendall(view[:size])
                else:
                    try:
                        player.sendall(self._filter.feed(bytes(view[:size])))
                    except Objection as objection:
                        self.objection = objection.code
                        return
            if time.monotonic() > self._due:  # also where bytes come, but never a frame
                self.objection = SourceError.STALLED
                return
            if self._watched is not None and size < _CHUNK:
                self._watched.wait(_EASE_S)

    def _to_camera(self, player: socket.socket, data: bytes) -> None:
        if self._filter is not None and data.startswith(b"PLAY "):  # FFmpeg writes a request at once
            if rest := self._filter.rest():
                player.sendall(rest)
            self._filter = None
        self._camera.sendall(data)
