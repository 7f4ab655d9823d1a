"""Watching without a picture: tickets, claims and renewals as a media node sends them, and a node that hears pushes."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine

import msgspec

import cast
from belvedere.bus.connection import Bus
from belvedere.bus.server import BusServer
from belvedere.contracts import events, recordings, sessions, subjects
from belvedere.contracts.permissions import Permission
from belvedere.control.accounts import services as accounts
from belvedere.control.core import clock
from belvedere.control.core.principal import Principal
from belvedere.control.devices.services import record_hello
from belvedere.control.streaming import services

LIVE = int(Permission.LIVE_VIEW)
RUN = "run-1"


def hello(run: str = RUN, node: str = "local") -> None:
    if record_hello(node, events.Hello(node, run, "ws://localhost:1", "key")):
        services.fence_node(node, run)


def with_token(person: cast.Person) -> Principal:
    """The person, come with a token."""
    token, _secret = accounts.issue_token(person.id, name="t", scopes=["watch"], days=1, by=person.actor)
    return Principal(id=person.id, name=person.name, email=person.email, credential=f"token:{token.pk}")


def ticket(person: cast.Person, camera: str, *, origin: str | None = None) -> tuple[str, str]:
    """A fresh ticket's id and secret."""
    url = services.open_ticket(with_token(person), camera=camera, origin=origin).url
    session, secret = url.rpartition("ticket=")[2].split(".")
    return session, secret


def claim(
    session: str, secret: str, *, node: str = "local", run: str = RUN, origin: str | None = None
) -> sessions.LeaseState:
    return services.claim_session(node, sessions.OpenRequest(session, secret, run, "127.0.0.1", origin)).lease


def watch(person: cast.Person, camera: str) -> str:
    """Open a session; its id."""
    session, secret = ticket(person, camera)
    assert claim(session, secret).permissions & LIVE
    return session


def renew(*ids: str, run: str = RUN) -> dict[str, sessions.LeaseState]:
    reply = services.renew_sessions("local", sessions.RenewRequest(run, list(ids), 1, last=True))
    return {lease.session: lease for lease in reply.leases}


class Node:
    """A node that hears pushes and answers as it is told; real bus, no video."""

    def __init__(self, server: BusServer) -> None:
        self.heard: list[sessions.LeaseState] = []
        #: camera → the spans that it says it has footage of; and what it was asked
        self.footage: dict[str, list[tuple[float, float]]] = {}
        self.asked: list[recordings.CoverageRequest] = []
        self.answers = True
        #: done between a question about footage and its answer
        self.meanwhile: Callable[[], None] | None = None
        self._server = server
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    async def _listen(self) -> None:
        self._bus = await Bus.connect(self._server.url, *self._server.user_of("media-local"), "media-local")
        await self._bus.subscribe(subjects.of_node(subjects.SESSION_LEASE, "local"), sessions.LeasePush, self._hear)
        coverage = subjects.of_node(subjects.FOOTAGE_COVERAGE, "local")
        await self._bus.subscribe(coverage, recordings.CoverageRequest, self._tell)

    async def _hear(self, push: sessions.LeasePush, _subject: str) -> sessions.LeaseReceipt | None:
        self.heard += push.leases
        if not self.answers:
            await asyncio.sleep(1)
        at = clock.now().timestamp()
        return sessions.LeaseReceipt(
            [sessions.Cut(row.session, "cut" if row.is_ended else "narrowed", at) for row in push.leases]
        )

    async def _tell(self, question: recordings.CoverageRequest, _subject: str) -> recordings.CoverageReply:
        """All it has, unclipped: what may be known is for control to say."""
        self.asked.append(question)
        if self.meanwhile:
            await asyncio.to_thread(self.meanwhile)
        if not self.answers:
            await asyncio.sleep(5)
        return recordings.CoverageReply([recordings.Span(*span) for span in self.footage.get(question.camera, [])])

    def run[T](self, work: Coroutine[None, None, T]) -> T:
        """Do something in its loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def answer[M: msgspec.Struct](
        self, subject: str, kind: type[M], handler: Callable[[M, str], Awaitable[msgspec.Struct | None]]
    ) -> None:
        """Answer these questions, too."""
        self.run(self._bus.subscribe(subjects.of_node(subject, "local"), kind, handler))

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._bus.close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
