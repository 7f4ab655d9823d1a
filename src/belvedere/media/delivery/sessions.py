"""The law of viewing sessions, without a socket, a bus or a clock: every moment is an argument (ADR 0003).

    i    A lease only narrows: permissions are intersected, `_from` takes the later one; ended is final for that id.
    ii   Deadlines run on our monotonic clock from the moment the *question* was sent. A push never extends.
    iii  At its moment a lease narrows by itself: expiry and weekly hours need no message.

`pending` is remembered before control is asked: a loss that is pushed while the answer is under way is not forgotten.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from belvedere.contracts.permissions import NONE, Permission
from belvedere.contracts.sessions import MAX_TTL_MS, RENEW_BATCH, CloseCode, LeaseState, RenewRequest, SessionKind

#: How long an ended id is remembered. No ticket and no answer under way lives nearly as long.
_REMEMBER_S: Final = 300.0

#: A session without any of these has ended: there is nothing left to send on it.
_NEEDED: Final = {
    SessionKind.LIVE: Permission.LIVE_VIEW,
    SessionKind.PLAYBACK: Permission.PLAYBACK,
    # Of now, or of the past: their lease carries the one or the other.
    SessionKind.HLS: Permission.PLAYBACK | Permission.LIVE_VIEW,
    SessionKind.SNAPSHOT: Permission.PLAYBACK | Permission.LIVE_VIEW,
    SessionKind.TALK: Permission.TALK,
    SessionKind.EXPORT: Permission.EXPORT,
}


@dataclass(frozen=True, slots=True)
class Ending:
    """A session that is over: close code, and the words for `why` and `by`."""

    session: str
    code: int
    why: str
    by: str = ""


class Verdict(Enum):
    """What a state from control meant for a session we hold."""

    SAME = "same"
    NARROWED = "narrowed"
    MORE = "more"  # control would give more than we hold: the player may open anew
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Lease:
    """What one session may do, until when. Ask `allows` before every write."""

    session: str
    kind: SessionKind
    permissions: Permission
    deadline: float
    playback_from: float | None = None
    export_from: float | None = None
    #: (moment, what remains): all that is known to narrow by itself
    narrowings: list[tuple[float, Permission]] = field(default_factory=list)
    #: the last moment at which anything was asked or pushed: an answer to an older question may only narrow
    heard_at: float = 0.0
    #: permissions the player was told of that are more than we hold
    offered: Permission = NONE
    #: nothing changes by itself before this moment
    _good_until: float = 0.0
    #: `permissions` as a plain number: flags are slow, and this is asked before every write
    _bits: int = 0

    def allows(self, permission: int, now: float) -> bool:
        """Whether `permission` (its bit) holds at this moment. Narrows by itself when its time has come."""
        if now >= self._good_until:
            self.advance(now)
        return now < self._good_until and self._bits & permission != 0

    @property
    def good_until(self) -> float:
        """Before this moment nothing of it ends by itself: for work that is done where the lease cannot be asked."""
        return self._good_until

    def advance(self, now: float) -> None:
        """Apply what narrows by itself (iii)."""
        due = [rest for moment, rest in self.narrowings if moment <= now]
        if due:
            self.narrowings = [entry for entry in self.narrowings if entry[0] > now]
            for rest in due:
                self.permissions &= rest
        self._settle()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left of what this kind of session is for."""
        return not self.permissions & _NEEDED[self.kind]

    def narrow(self, state: LeaseState, now: float) -> None:
        """Law (i): take over whatever is less; never the deadline. `now` is what the state's spans count from."""
        self.permissions &= state.held
        self.playback_from = _later(self.playback_from, state.playback_from)
        self.export_from = _later(self.export_from, state.export_from)
        if state.narrow_in_ms is not None:
            self._add_narrowing(now + state.narrow_in_ms / 1000, Permission(state.narrow_to))
        self._settle()

    def extend(self, asked_at: float, ttl_ms: int) -> None:
        """Law (ii): the only way a deadline moves on."""
        self.deadline = asked_at + min(ttl_ms, MAX_TTL_MS) / 1000
        self._settle()

    def _add_narrowing(self, moment: float, rest: Permission) -> None:
        """Remember it, unless one that is as early and as strict is there; it replaces those it covers."""
        if any(m <= moment and r & rest == r for m, r in self.narrowings):
            return
        self.narrowings = [(m, r) for m, r in self.narrowings if not (moment <= m and rest & r == rest)]
        self.narrowings.append((moment, rest))

    def _settle(self) -> None:
        self._bits = int(self.permissions)
        self._good_until = min([self.deadline, *(moment for moment, _ in self.narrowings)])


def _later(ours: float | None, theirs: float | None) -> float | None:
    """None is: not at all. What is None once stays so."""
    return None if ours is None or theirs is None else max(ours, theirs)


def code_of(why: str) -> int:
    """The close code that a reason of control's stands for."""
    return {"not_found": CloseCode.NOT_FOUND, "too_many": CloseCode.TOO_MANY, "no_answer": CloseCode.LEASE_LOST}.get(
        why, CloseCode.ENDED
    )


class Sessions:
    """All sessions of one run of one node."""

    def __init__(self, run: str) -> None:
        self.run = run
        self.open: dict[str, Lease] = {}
        self._pending: dict[str, list[tuple[LeaseState, float]]] = {}
        self._ended: dict[str, float] = {}
        self._rounds = itertools.count(1)

    def begin(self, session: str) -> bool:
        """Remember that control is about to be asked, *before* it is. False: this id was here already."""
        if session in self._pending or session in self.open or session in self._ended:
            return False
        self._pending[session] = []
        return True

    def abandon(self, session: str) -> None:
        """No answer came. Had there been one, it must not count: it may be older than what was pushed meanwhile."""
        self._pending.pop(session, None)

    def admit(self, state: LeaseState, kind: SessionKind, asked_at: float, now: float) -> Lease | Ending:
        """Control's answer to the question of `asked_at`, intersected with all that was pushed while it was pending."""
        pushed = self._pending.pop(state.session, None)
        if pushed is None:
            return Ending(state.session, CloseCode.ENDED, "unasked")
        lease = Lease(
            state.session,
            kind,
            state.held,
            deadline=asked_at,
            playback_from=state.playback_from,
            export_from=state.export_from,
            heard_at=asked_at,
        )
        lease.narrow(state, asked_at)
        lease.extend(asked_at, state.ttl_ms)
        told = state
        for push, pushed_at in pushed:
            lease.narrow(push, pushed_at)
            lease.heard_at = max(lease.heard_at, pushed_at)
            if push.is_ended:
                told = push
        lease.advance(now)
        if lease.is_empty:
            if any(push.is_ended for push, _ in pushed):
                self._ended[state.session] = now
            why = told.why or "ended"
            return Ending(state.session, code_of(why), why, told.by)
        if now >= lease.deadline:
            return Ending(state.session, CloseCode.LEASE_LOST, "no_answer")
        self.open[state.session] = lease
        return lease

    def push(self, state: LeaseState, now: float) -> Verdict | Ending:
        """Hear a state that nobody asked for. An Ending is to be carried out before the next fragment."""
        pending = self._pending.get(state.session)
        if pending is not None:
            pending.append((state, now))
            return (
                Ending(state.session, code_of(state.why), state.why, state.by) if state.is_ended else Verdict.NARROWED
            )
        lease = self.open.get(state.session)
        if lease is None:
            if state.session in self._ended:
                return Ending(state.session, CloseCode.ENDED, state.why, state.by)
            return Verdict.UNKNOWN
        before = lease.permissions
        lease.narrow(state, now)
        lease.heard_at = max(lease.heard_at, now)
        return self._judge(lease, state, before, now)

    def renew(self, state: LeaseState, asked_at: float, now: float) -> Verdict | Ending:
        """Hear one state of the answer to the renewal of `asked_at`."""
        lease = self.open.get(state.session)
        if lease is None:
            return Verdict.UNKNOWN
        before = lease.permissions
        is_alive = now < lease.deadline  # what was over before the answer came stays over
        lease.narrow(state, asked_at)
        if is_alive and not state.is_ended and asked_at >= lease.heard_at:
            lease.heard_at = asked_at
            lease.extend(asked_at, state.ttl_ms)
        return self._judge(lease, state, before, now)

    def expire(self, now: float, *, ahead_s: float = 0.0) -> list[Ending]:
        """Sessions that are over by themselves: narrowed to nothing, or at a deadline that comes within `ahead_s`.

        Who looks from time to time says until when it will not look again: a socket is closed by its deadline, not soon
        after. What ends by its own moment (iii) is worth every second of it, and is never ended ahead.
        """
        found = []
        for lease in self.open.values():
            lease.advance(now)
            if lease.is_empty:
                found.append(Ending(lease.session, CloseCode.ENDED, "expired"))
            elif now + ahead_s >= lease.deadline:
                found.append(Ending(lease.session, CloseCode.LEASE_LOST, "no_answer"))
        for ending in found:
            self.end(ending.session, now)
        for session in [session for session, at in self._ended.items() if now - at > _REMEMBER_S]:
            del self._ended[session]
        return found

    def end(self, session: str, now: float) -> None:
        """Be done with a session, for good: its id never opens again here."""
        if self.open.pop(session, None) is not None:
            self._ended[session] = now

    def round(self) -> list[RenewRequest]:
        """One walk through all sessions, in batches. Never empty: an empty round tells control that nothing is left."""
        number = next(self._rounds)
        batches: Sequence[Iterable[str]] = list(itertools.batched(self.open, RENEW_BATCH)) or [()]
        return [
            RenewRequest(run=self.run, sessions=list(batch), full_round=number, last=index == len(batches) - 1)
            for index, batch in enumerate(batches)
        ]

    def _judge(self, lease: Lease, state: LeaseState, before: Permission, now: float) -> Verdict | Ending:
        lease.advance(now)
        if lease.is_empty:
            self.end(lease.session, now)
            why = state.why or "ended"
            return Ending(lease.session, code_of(why), why, state.by)
        more = state.held & ~lease.permissions & ~lease.offered
        if more:
            lease.offered |= more
            return Verdict.MORE
        return Verdict.SAME if lease.permissions == before else Verdict.NARROWED
