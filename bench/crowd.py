"""Viewers and cameras in processes of their own: what stands around must not share a loop with what is measured.

    async with Crowd.gathered() as crowd:
        viewer = await crowd.watch(url)      # has its first picture
        at, code = await viewer.closed       # seconds of time.monotonic(), which is one clock for all processes

`python -m bench.crowd viewers` reads addresses, one a line, and writes `open N`, then `closed N AT CODE`.
`python -m bench.crowd cameras COUNT` serves cameras on loopback, writes the address of each, and ends with its input.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

from belvedere.demo.clips import test_clip
from belvedere.demo.rtsp import CameraServer


class Closed(NamedTuple):
    """The end of a viewer's socket: when, by time.monotonic(), and the code of its close frame, 1006 without one."""

    at: float
    code: int


@dataclass
class Viewer:
    """A viewer in the other process."""

    opened: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    closed: "asyncio.Future[Closed]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Crowd:
    """A process full of viewers, seen from the outside."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """Use `Crowd.gathered`."""
        self._process = process
        self._viewers: list[Viewer] = []

    @classmethod
    @contextlib.asynccontextmanager
    async def gathered(cls) -> AsyncIterator["Crowd"]:
        """An empty crowd; on leaving everybody goes home."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bench.crowd",
            "viewers",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        crowd = cls(process)
        hearing = asyncio.create_task(crowd._hear())
        try:
            yield crowd
        finally:
            hearing.cancel()
            process.terminate()
            await process.wait()

    async def watch(self, url: str) -> Viewer:
        """Send somebody to this address. Raises TimeoutError if he sees nothing in 10 s."""
        assert self._process.stdin
        viewer = Viewer()
        self._viewers.append(viewer)
        self._process.stdin.write(url.encode() + b"\n")
        async with asyncio.timeout(10):
            await viewer.opened
        return viewer

    async def _hear(self) -> None:
        assert self._process.stdout
        async for line in self._process.stdout:
            word, number, *rest = line.decode().split()
            viewer = self._viewers[int(number)]
            if word == "open":
                viewer.opened.set_result(None)
            else:
                viewer.closed.set_result(Closed(float(rest[0]), int(rest[1])))


class Socket(asyncio.Protocol):
    """A viewer that reads everything and keeps nothing."""

    def __init__(self, number: int, url: str) -> None:
        """The `number`th, who goes to `url`."""
        self._number = number
        self._url = urlsplit(url)
        self._tail = b""
        self._bytes = 0
        self._is_open = False
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        transport.write(
            f"GET {self._url.path}?{self._url.query} HTTP/1.1\r\nHost: {self._url.netloc}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """Count, and keep the end: the close frame is the last thing to come."""
        self._bytes += len(data)
        self._tail = (self._tail + data)[-128:] if len(data) < 128 else data[-128:]
        if not self._is_open and self._bytes > 2000:
            self._is_open = True
            _say(f"open {self._number}")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        """Say when."""
        _say(f"closed {self._number} {time.monotonic():.6f} {self._close_code}")

    def pong(self) -> None:
        """Say a word, as a browser does: who is silent is dropped."""
        if self._transport and not self._transport.is_closing():
            self._transport.write(b"\x8a\x80\0\0\0\0")

    @property
    def _close_code(self) -> int:
        at = self._tail.rfind(b"\x88")
        return int.from_bytes(self._tail[at + 2 : at + 4]) if at >= 0 and at + 4 <= len(self._tail) else 1006


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def _lines() -> AsyncIterator[str]:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        yield line.decode().strip()


async def be_viewers() -> None:
    """Watch whatever is named, until the input ends."""
    crowd: list[Socket] = []
    loop = asyncio.get_running_loop()

    async def answer() -> None:
        while True:
            await asyncio.sleep(5)
            for socket in crowd:
                socket.pong()

    answering = asyncio.create_task(answer())
    async for url in _lines():
        socket = Socket(len(crowd), url)
        crowd.append(socket)
        parts = urlsplit(url)
        await loop.create_connection(lambda socket=socket: socket, parts.hostname or "", parts.port or 80)  # type: ignore[misc]  # mypy loses the type of a default
    answering.cancel()


async def be_cameras(count: int) -> None:
    """Serve so many cameras until the input ends."""
    async with CameraServer() as server:
        for number in range(count):
            server.add(f"/camera{number}", test_clip())
            _say(server.url(f"/camera{number}"))
        async for _line in _lines():
            pass


if __name__ == "__main__":
    asyncio.run(be_viewers() if sys.argv[1] == "viewers" else be_cameras(int(sys.argv[2])))
