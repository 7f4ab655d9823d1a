"""Sessions between the bus and the sockets: ask, renew, obey, report.

The law itself is in `sessions`; here it gets a clock, a bus, and hands that can cut.
"""

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

import structlog

from belvedere.bus import Bus, BusError
from belvedere.contracts.recordings import SessionWatched, Span
from belvedere.contracts.sessions import (
    OPEN_TIMEOUT_S,
    RENEW_EVERY_S,
    CloseCode,
    Cut,
    LeasePush,
    LeaseReceipt,
    LeaseState,
    OpenReply,
    OpenRequest,
    RenewReply,
    RenewRequest,
    SessionClosed,
)
from belvedere.contracts.subjects import (
    SESSION_CLOSED,
    SESSION_LEASE,
    SESSION_OPEN,
    SESSION_RENEW,
    SESSION_WATCHED,
    of_node,
)
from belvedere.media.delivery.counters import Counters
from belvedere.media.delivery.reports import Reports
from belvedere.media.delivery.sessions import Ending, Lease, Sessions, Verdict

log = structlog.get_logger()

#: Without an answer, ask again after this.
_ASK_AGAIN_S: Final = 1.0
#: Deadlines, stuck readers and pings are looked at this often. Writes look for themselves.
TICK_S: Final = 0.1
#: Unanswered leases end so much ahead of their deadline: by the next look, should it come late, it would have passed.
AHEAD_S: Final = 2 * TICK_S
#: The moment of a cut is remembered so long: control asks again until it has the receipt.
_REMEMBER_S: Final = 300.0


class Viewer(Protocol):
    """Whatever lives under a lease: a socket, or a session by plain HTTP."""

    def cut(self, code: int, why: str, by: str = "") -> float:
        """End it now: nothing is written after this. Returns when, in seconds since the epoch."""

    def tell(self, message: dict[str, Any]) -> None:
        """Pass a message on, where there is a way to."""

    def check(self, now: float) -> None:
        """Be looked at, a few times a second."""


class LeaseKeeper:
    """Holds the sessions of one run of one node. `serve` runs until cancelled."""

    def __init__(
        self,
        bus: Bus,
        node: str,
        run: str,
        counters: Counters,
        *,
        clock: Callable[[], float] = time.monotonic,
        renew_every_s: float = RENEW_EVERY_S,
    ) -> None:
        self._bus = bus
        self._node = node
        self._counters = counters
        self.reports = Reports(bus, node, run)
        self._clock = clock
        self._renew_every_s = renew_every_s
        self._sessions = Sessions(run)
        self._viewers: dict[str, Viewer] = {}
        self._cut_at: dict[str, float] = {}
        self._renew_now = asyncio.Event()
        self._reports: set[asyncio.Task[None]] = set()

    @property
    def watching(self) -> int:
        """Sessions open now."""
        return len(self._viewers)

    def viewers(self) -> tuple[Viewer, ...]:
        """Everybody with an open session."""
        return tuple(self._viewers.values())

    async def start(self) -> None:
        """Hear pushes, from now on. To be called before the node says hello."""
        await self._bus.subscribe(of_node(SESSION_LEASE, self._node), LeasePush, self._on_push, concurrency=1)
        self._bus.on_reconnect(self._on_reconnect)

    async def serve(self) -> None:
        """Renew, and end what runs out; for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._renew_for_ever(), name="renew leases")
            tasks.create_task(self._tick_for_ever(), name="expire leases")

    async def open(self, session: str, secret: str, peer: str, origin: str | None) -> tuple[Lease, OpenReply] | Ending:
        """Turn a ticket into a lease. The viewer is to be given to `take` before anything else is awaited."""
        if not self._sessions.begin(session):
            self._counters.refused += 1
            return Ending(session, CloseCode.NOT_FOUND, "not_found")
        question = OpenRequest(session=session, secret=secret, run=self._sessions.run, peer=peer, origin=origin)
        asked_at = self._clock()
        reply: OpenReply | None = None
        try:
            reply = await self._bus.request(
                of_node(SESSION_OPEN, self._node), question, OpenReply, timeout=OPEN_TIMEOUT_S
            )
        except BusError:
            log.info("open_unanswered", session=session)
        except asyncio.CancelledError:
            self._sessions.abandon(session)
            raise
        if reply is None or reply.lease.session != session:
            self._sessions.abandon(session)
            self._report(session, "no_answer")
            self._counters.refused += 1
            return Ending(session, CloseCode.LEASE_LOST, "no_answer")
        admitted = self._sessions.admit(reply.lease, reply.kind, asked_at, self._clock())
        if isinstance(admitted, Ending):
            self._counters.refused += 1
            if not reply.lease.is_ended:
                self._report(session, admitted.why)
            return admitted
        return admitted, reply

    def take(self, session: str, viewer: Viewer) -> None:
        """Remember who watches under a session, to be able to cut."""
        self._viewers[session] = viewer
        self._counters.opened += 1

    def release(self, session: str, why: str) -> None:
        """The socket ended, or never came to be: the session is over, and control hears of it."""
        if session not in self._sessions.open and session not in self._viewers:
            return
        self._sessions.end(session, self._clock())
        self._viewers.pop(session, None)
        self._report(session, why)

    def watched(self, session: str, spans: list[Span]) -> None:
        """Tell control which footage went to the viewer of a session."""
        self._say(SESSION_WATCHED, SessionWatched(run=self._sessions.run, session=session, spans=spans))

    async def close(self) -> None:
        """Tell the viewers to look elsewhere, and control that they are gone."""
        for viewer in self.viewers():
            viewer.cut(1001, "restart")
        if self._reports:
            await asyncio.wait(self._reports, timeout=1.0)

    # -- from control -------------------------------------------------------------------------------------------

    async def _on_push(self, push: LeasePush, subject: str) -> LeaseReceipt:
        """Act, then answer. No await in between: the next fragment comes after this."""
        del subject
        now = self._clock()
        return LeaseReceipt(cuts=[self._obey(state, now) for state in push.leases])

    def _obey(self, state: LeaseState, now: float) -> Cut:
        outcome = self._sessions.push(state, now)
        if isinstance(outcome, Ending):
            return Cut(session=state.session, state="cut", cut_at=self._cut(outcome))
        if outcome is Verdict.UNKNOWN:
            return Cut(session=state.session, state="unknown")
        self._mention(state.session, outcome, now)
        return Cut(session=state.session, state="narrowed")

    def _cut(self, ending: Ending) -> float:
        """Carry it out. The moment of the first time, if this was not it."""
        session = ending.session
        viewer = self._viewers.pop(session, None)
        if viewer is None:
            return self._cut_at.setdefault(session, time.time())
        cut_at = self._cut_at[session] = viewer.cut(ending.code, ending.why, ending.by)
        if ending.code == CloseCode.LEASE_LOST:
            self._counters.lapses += 1
        else:
            self._counters.cuts += 1
        log.info("session_ended", session=session, why=ending.why)
        self._report(session, ending.why)
        return cut_at

    def _mention(self, session: str, verdict: Verdict, now: float) -> None:
        viewer = self._viewers.get(session)
        if verdict is Verdict.MORE and viewer is not None:
            viewer.tell({"type": "rights"})
        if viewer is not None:
            viewer.check(now)  # a part of what it shows may have ended

    # -- to control ---------------------------------------------------------------------------------------------

    async def _on_reconnect(self) -> None:
        self._renew_now.set()

    async def _renew_for_ever(self) -> None:
        while True:
            started = self._clock()
            answered = await self._renew_all()
            pause = self._renew_every_s * random.uniform(0.9, 1.1) if answered else _ASK_AGAIN_S  # noqa: S311  jitter
            self._renew_now.clear()
            try:
                async with asyncio.timeout(max(0.0, pause - (self._clock() - started))):
                    await self._renew_now.wait()
            except TimeoutError:
                continue

    async def _renew_all(self) -> bool:
        """One round. False: somewhere on the way no answer came."""
        for batch in self._sessions.round():
            if not await self._renew(batch):
                return False
        return True

    async def _renew(self, batch: RenewRequest) -> bool:
        asked_at = self._clock()
        try:
            reply = await self._bus.request(of_node(SESSION_RENEW, self._node), batch, RenewReply, timeout=_ASK_AGAIN_S)
        except BusError:
            return False
        now = self._clock()
        asked = set(batch.sessions)
        for state in reply.leases:
            if state.session not in asked:
                continue
            outcome = self._sessions.renew(state, asked_at, now)
            if isinstance(outcome, Ending):
                self._cut(outcome)
            else:
                self._mention(state.session, outcome, now)
        return True

    async def _tick_for_ever(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            now = self._clock()
            for ending in self._sessions.expire(now, ahead_s=AHEAD_S):
                self._cut(ending)
            for viewer in self.viewers():
                viewer.check(now)
            self._forget_old_cuts()

    def _forget_old_cuts(self) -> None:
        horizon = time.time() - _REMEMBER_S
        while self._cut_at and (oldest := next(iter(self._cut_at.items())))[1] < horizon:
            del self._cut_at[oldest[0]]

    def _report(self, session: str, why: str) -> None:
        self._say(SESSION_CLOSED, SessionClosed(run=self._sessions.run, session=session, at=time.time(), why=why))

    def _say(self, subject: str, message: SessionClosed | SessionWatched) -> None:
        task = asyncio.get_running_loop().create_task(self._publish(subject, message))
        self._reports.add(task)
        task.add_done_callback(self._reports.discard)

    async def _publish(self, subject: str, message: SessionClosed | SessionWatched) -> None:
        while True:
            try:
                await self._bus.publish(of_node(subject, self._node), message)
            except BusError:
                if isinstance(message, SessionClosed):
                    return  # two full rounds without it tell control the same
                await asyncio.sleep(_ASK_AGAIN_S)  # nothing else will tell who watched what
            else:
                return
