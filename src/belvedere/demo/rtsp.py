"""A camera server: RTSP 1.0 (RFC 2326) as IP cameras speak it, with faults on demand.

It serves the sample cameras of the demo and stands in for real ones in tests. One server has many mounts; a mount is
one stream of one camera under one path. Everybody who watches a mount sees the same picture at the same moment, on
one clock that runs from the mount's first day on: a late viewer joins in the middle, as in front of a real camera.

    async with CameraServer() as server:
        server.add("/yard/main", clip, username="demo", password="secret")
        print(server.url("/yard/main"))

Where no event loop runs, CameraServerThread brings its own:

    with CameraServerThread() as server:
        yard = server.add("/yard/main", test_clip())
        yard.faults.stalled = True
        server.run(server.drop("/yard/main"))
"""

import asyncio
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Final, Self

from belvedere.demo.backchannel import Ear
from belvedere.demo.clips import Clip
from belvedere.demo.coded_sound import CodedSound
from belvedere.demo.mounts import Faults, Mount
from belvedere.demo.rtsp_auth import Login, Scheme
from belvedere.demo.rtsp_connection import Connection
from belvedere.demo.sound import Sound

__all__ = ["CameraServer", "CameraServerThread", "Faults", "Mount", "Scheme"]

_HOST: Final = "127.0.0.1"


class CameraServer:
    """An RTSP server on loopback. `port` 0 takes any free one, and keeps it until the server ends."""

    def __init__(self, port: int = 0, *, timeout_s: float = 60.0) -> None:
        """Listen from `async with` on. A client that says nothing for `timeout_s` is dropped, playing or not."""
        self.port = port
        #: TCP connections accepted since the start
        self.connections = 0
        self._timeout_s = timeout_s
        self._mounts: dict[str, Mount] = {}
        self._open: dict[Connection, asyncio.Task[None]] = {}
        self._listener: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        """Listen. Raises OSError if the port is taken."""
        await self._listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up on everybody and free the port."""
        self._stop_listening()
        await self._hang_up(list(self._open))

    def add(
        self,
        path: str,
        clip: Clip,
        *,
        username: str | None = None,
        password: str | None = None,
        schemes: tuple[Scheme, ...] = (Scheme.MD5,),
        audio: Sound | CodedSound | None = None,
        ear: Ear | None = None,
        faults: Faults | None = None,
    ) -> Mount:
        """Serve a clip under `path` (a query may be part of it), to all or to one login. From any thread, at any time.

        Raises ValueError for a path without a leading slash.
        """
        if not path.startswith("/"):
            message = f"a path starts with a slash: {path!r}"
            raise ValueError(message)
        login = None if username is None else Login(username, password or "", schemes)
        mount = Mount(path, clip, login=login, audio=audio, faults=faults or Faults())
        mount.ear = ear
        self._mounts[path.rstrip("/")] = mount
        return mount

    def url(self, path: str) -> str:
        """Where a stream is, without credentials."""
        return f"rtsp://{_HOST}:{self.port}{path}"

    def find(self, target: str) -> Mount | None:
        """The mount a request means: by its own path, or that of one of its tracks."""
        return self._mounts.get(target.partition("/trackID=")[0].rstrip("/"))

    @property
    def open_connections(self) -> int:
        """TCP connections there are now."""
        return len(self._open)

    @property
    def playing(self) -> int:
        """Sessions that are watching now, over all mounts."""
        return sum(mount.playing for mount in self._mounts.values())

    @property
    def plays(self) -> int:
        """Sessions that began to watch since the start, over all mounts."""
        return sum(mount.plays for mount in self._mounts.values())

    @property
    def packets_sent(self) -> int:
        """RTP packets of all mounts; see `Mount.packets_sent`."""
        return sum(mount.packets_sent for mount in self._mounts.values())

    async def refuse(self) -> None:
        """Fault: refuse new connections until `accept`; those that stand are kept."""
        self._stop_listening()

    async def accept(self) -> None:
        """Listen again, on the same port."""
        await self._listen()

    async def drop(self, path: str | None = None) -> None:
        """Fault: cut the TCP connections of everybody at this mount, or of everybody."""
        await self._hang_up([connection for connection in self._open if path is None or connection.path == path])

    async def _hang_up(self, connections: list[Connection]) -> None:
        """Cut them off, and see them end."""
        for connection in connections:
            connection.abort()
        await asyncio.gather(*(self._open[connection] for connection in connections))

    async def _listen(self) -> None:
        if self._listener is None:
            self._listener = await asyncio.start_server(self._serve, _HOST, self.port)
            self.port = self._listener.sockets[0].getsockname()[1]

    def _stop_listening(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = Connection(reader, writer, find=self.find, timeout_s=self._timeout_s)
        self._open[connection] = asyncio.ensure_future(self._converse(connection))

    async def _converse(self, connection: Connection) -> None:
        try:
            await connection.run()
        finally:
            del self._open[connection]


class CameraServerThread(CameraServer):
    """A camera server in a thread and a loop of its own, for tests that have none. Coroutines go through `run`."""

    def __enter__(self) -> Self:
        """Start the thread and listen. Raises OSError if the port is taken."""
        self._own_loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._own_loop.run_forever, name="camera-server", daemon=True)
        self._thread.start()
        try:
            return self.run(self.__aenter__())
        except OSError:
            self._stop_thread()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up on everybody and end the thread."""
        self.run(self.__aexit__(kind, error, trace))
        self._stop_thread()

    def run[T](self, work: Coroutine[None, None, T]) -> T:
        """Run one of the server's coroutines in its loop, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._own_loop).result(timeout=10)

    def _stop_thread(self) -> None:
        self._own_loop.call_soon_threadsafe(self._own_loop.stop)
        self._thread.join()
        self._own_loop.close()
