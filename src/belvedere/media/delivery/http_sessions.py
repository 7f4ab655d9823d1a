"""Sessions by plain HTTP: a ticket becomes a secret in a path, and every request under it asks the lease of now.

What lies under the secret is the `Content` of a session: a list of pieces, a download, a picture. It is built when the
ticket comes, by kind (`listener.CONTENTS`); here is what all kinds have in common: the secret, the end, and bytes that
stop when a right does.
"""

import asyncio
import hashlib
import hmac
import re
import secrets
import socket
import struct
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import structlog

from belvedere.contracts.permissions import Permission
from belvedere.contracts.sessions import OpenReply
from belvedere.media.delivery.answers import answer, answer_head
from belvedere.media.delivery.counters import Counters
from belvedere.media.delivery.request_head import RequestHead
from belvedere.media.delivery.sessions import Lease
from belvedere.media.footage import FootageGone

log = structlog.get_logger()

OPEN_PATH: Final = "/media/v1/open"
SECRET_PATH: Final = "/media/v1/s/"  # noqa: S105  where secrets go, not one
#: A session nobody asks anything of lapses after so long.
LAPSE_S: Final = 60.0
#: What is read and written at once. The lease is asked before each.
CHUNK: Final = 256 * 1024
#: A reader that takes nothing for so long is dropped: a download may be paused, but not for ever.
STUCK_AFTER_S: Final = 60.0
#: Requests of one session at once.
MAX_EXCHANGES: Final = 16
#: Disks are read in so many threads.
_READERS: Final = 4
#: 256 bits in base64, and a name without anything that could be read in two ways.
_TARGET: Final = re.compile(r"/media/v1/s/([0-9A-Za-z_-]{43})/([0-9a-z-]{1,64}\.[0-9a-z]{1,5})", re.ASCII)
#: A page shows our pictures from its own port, or host: another origin, but one site. What protects them is the secret.
FOR_PAGES: Final = {"Cross-Origin-Resource-Policy": "same-site"}
_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER with no time: abort() throws away what the kernel holds


@dataclass(frozen=True, slots=True)
class Grant:
    """What a session was opened for, and the lease that says how much of it still holds."""

    session: str
    lease: Lease
    reply: OpenReply
    clock: Callable[[], float]

    def allows(self, permission: Permission) -> bool:
        """Whether it holds now."""
        return self.lease.allows(int(permission), self.clock())


class Body(Protocol):
    """Bytes that are sent in chunks."""

    @property
    def size(self) -> int:
        """All of them."""

    def may_send(self, offset: int) -> bool:
        """Whether what lies there, and what follows, may be sent by the lease of now. Asked right before each write."""

    def read(self, offset: int, size: int) -> bytes:
        """Exactly so many, from a thread that may wait for a disk. Raises FootageGone, OSError."""

    def close(self) -> None:
        """Nobody reads on; also from a thread."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a content answers. `body` is sent from `start` up to, not including, `end`."""

    content_type: str
    body: Body | bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    start: int = 0
    end: int | None = None

    @property
    def span(self) -> tuple[int, int]:
        """(from, up to) of the body."""
        size = len(self.body) if isinstance(self.body, bytes) else self.body.size
        return self.start, size if self.end is None else self.end


class Content(Protocol):
    """What lies under the secret of one session."""

    @property
    def entry(self) -> str:
        """The name a ticket leads to."""

    async def find(self, name: str, head: RequestHead) -> Answer | None:
        """What has this name, decided by the lease of now. None: nothing, whatever the reason. Raises FootageGone."""

    def sent(self, answer: Answer, upto: int) -> None:
        """So much of this answer went out, seen from the start of its body."""

    def close(self) -> None:
        """The session is over."""


class HttpSession:
    """One session: ended as a viewer is, by the same hands."""

    def __init__(
        self, grant: Grant, content: Content, digest: bytes, on_close: Callable[["HttpSession", str], None]
    ) -> None:
        self.grant = grant
        self.content = content
        self.digest = digest
        self._on_close = on_close
        self._exchanges: set[Exchange] = set()
        self._used_at = grant.clock()
        self._is_over = False

    @property
    def is_crowded(self) -> bool:
        """Whether it asks for too much at once."""
        return len(self._exchanges) >= MAX_EXCHANGES

    def join(self, exchange: "Exchange") -> None:
        """A request more."""
        self._exchanges.add(exchange)

    def leave(self, exchange: "Exchange") -> None:
        """A request less. Harmless twice."""
        self._exchanges.discard(exchange)
        self._used_at = self.grant.clock()

    def cut(self, code: int, why: str, by: str = "") -> float:
        """End it now: nothing is written after this. Returns when, in seconds since the epoch.

        What waits in the kernel is thrown away too. HTTP has no goodbye: who asks again hears that there is nothing.
        """
        del code, by
        for exchange in tuple(self._exchanges):
            exchange.drop()
        cut_at = time.time()
        self._finish(why)
        return cut_at

    def tell(self, message: dict[str, Any]) -> None:
        """Nothing can be told between two requests."""

    def check(self, now: float) -> None:
        """Be looked at, a few times a second: stuck, or no longer used."""
        for exchange in tuple(self._exchanges):
            exchange.check(now)
        if not self._exchanges and now - self._used_at > LAPSE_S:
            self._finish("lapsed")

    def _finish(self, why: str) -> None:
        if not self._is_over:
            self._is_over = True
            self.content.close()
            self._on_close(self, why)


class HttpSessions:
    """All sessions of this node that live by HTTP, by the digest of their secrets."""

    def __init__(self, counters: Counters, on_close: Callable[[HttpSession, str], None]) -> None:
        """`on_close(session, why)` is called once for each, whatever ends it."""
        self._counters = counters
        self._on_close = on_close
        self._sessions: dict[bytes, HttpSession] = {}
        self._readers = ThreadPoolExecutor(_READERS, "delivery-reader")

    def begin(self, grant: Grant, content: Content) -> tuple[HttpSession, str]:
        """A session, and the path its ticket leads to. The secret is nowhere but in that path."""
        secret = secrets.token_urlsafe(32)
        digest = _digest_of(secret)
        session = self._sessions[digest] = HttpSession(grant, content, digest, self._closed)
        return session, f"{SECRET_PATH}{secret}/{content.entry}"

    def serve(self, transport: asyncio.Transport, head: RequestHead) -> None:
        """Answer a GET or HEAD under SECRET_PATH. Whatever does not lead to a living session is the same 404."""
        found = _TARGET.fullmatch(head.path)
        session = self._find(found[1]) if found is not None and not head.query else None
        if found is None or session is None:
            transport.write(answer(404))
            transport.close()
        elif session.is_crowded:
            transport.write(answer(429, headers={"Retry-After": "1"}))
            transport.close()
        else:
            Exchange(transport, session, found[2], head, self._counters, self._readers).begin()

    def close(self) -> None:
        """No more is read."""
        self._readers.shutdown(wait=False, cancel_futures=True)

    def _find(self, secret: str) -> HttpSession | None:
        digest = _digest_of(secret)
        session = self._sessions.get(digest)
        return session if session is not None and hmac.compare_digest(session.digest, digest) else None

    def _closed(self, session: HttpSession, why: str) -> None:
        self._sessions.pop(session.digest, None)
        self._on_close(session, why)


class Exchange(asyncio.Protocol):
    """One request and its answer, after which the connection is closed."""

    def __init__(
        self,
        transport: asyncio.Transport,
        session: HttpSession,
        name: str,
        head: RequestHead,
        counters: Counters,
        readers: ThreadPoolExecutor,
    ) -> None:
        self._transport = transport
        self._session = session
        self._name = name
        self._head = head
        self._counters = counters
        self._readers = readers
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._blocked_at: float | None = None
        self._is_over = False

    def begin(self) -> None:
        """Take the connection over, and answer."""
        self._transport.set_protocol(self)
        self._transport.set_write_buffer_limits(high=0)
        self._session.join(self)
        self._task = asyncio.get_running_loop().create_task(self._run())

    def drop(self) -> None:
        """End it without another byte."""
        if self._is_over:
            return
        self._leave()
        sock: socket.socket = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()

    def check(self, now: float) -> None:
        """Be looked at, a few times a second: is anybody reading."""
        if self._blocked_at is not None and now - self._blocked_at > STUCK_AFTER_S:
            self._counters.stuck += 1
            self.drop()

    # -- the transport ------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Nothing may follow the head (N20)."""
        del data
        self._counters.bad_requests += 1
        self.drop()

    def eof_received(self) -> bool:
        """Who asks may be done with talking: the answer goes on."""
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """All was sent, or nobody is there."""
        del exc
        self._leave()

    def pause_writing(self) -> None:
        """The kernel took less than we gave it."""
        self._writable.clear()
        self._blocked_at = self._session.grant.clock()

    def resume_writing(self) -> None:
        """All that waited is with the kernel."""
        self._blocked_at = None
        self._writable.set()

    # -- inside -------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            found = await self._session.content.find(self._name, self._head)
        except FootageGone:
            found = None
        except Exception:  # whatever it is, the one who asks shall not wait for it
            log.exception("answer_failed", session=self._session.grant.session)
            self.drop()
            return
        if self._is_over:
            return
        if found is None:
            self._transport.write(answer(404))
        else:
            await self._send(found)
        if not self._is_over:
            self._transport.close()

    async def _send(self, found: Answer) -> None:
        start, end = found.span
        headers = {**FOR_PAGES, **found.headers}
        head = answer_head(found.status, end - start, content_type=found.content_type, headers=headers)
        if self._head.method == "HEAD":
            self._transport.write(head)
        elif isinstance(found.body, bytes):
            self._transport.write(head + found.body[start:end])
        else:
            self._transport.write(head)
            try:
                await self._send_chunks(found, found.body, start, end)
            finally:
                self._readers.submit(found.body.close)

    async def _send_chunks(self, found: Answer, body: Body, at: int, end: int) -> None:
        """Law: the lease is asked for each chunk, and between that and the write nothing is awaited.

        While one chunk is on its way the next is read; it may still not be sent.
        """
        reading = self._read(body, at, end)
        try:
            while at < end:
                data = await reading
                reading = self._read(body, at + len(data), end)
                await self._writable.wait()
                if self._is_over:
                    return
                if not body.may_send(at):
                    self.drop()
                    return
                self._transport.write(data)
                at += len(data)
                self._counters.bytes_out += len(data)
                self._session.content.sent(found, at)
        except (FootageGone, OSError):
            log.info("footage_gone", session=self._session.grant.session)
            self.drop()
        finally:
            reading.cancel()

    def _read(self, body: Body, at: int, end: int) -> asyncio.Future[bytes]:
        if at >= end:
            nothing: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
            return nothing
        return asyncio.get_running_loop().run_in_executor(self._readers, body.read, at, min(CHUNK, end - at))

    def _leave(self) -> None:
        self._is_over = True
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        self._session.leave(self)


def _digest_of(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
