"""The three laws, held against an oracle that is too simple to be wrong.

The machine under test gets everything a bus can do to it: answers late, lost or twice, pushes in any order, restarts of
either side. The oracle keeps every fact that was ever delivered and looks through all of them for each question.
"""

from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from belvedere.contracts.permissions import NONE, Permission
from belvedere.contracts.sessions import MAX_TTL_MS, RENEW_BATCH, CloseCode, LeaseState, RenewRequest, SessionKind
from belvedere.media.delivery.sessions import Ending, Lease, Sessions, Verdict

LIVE = Permission.LIVE_VIEW
MORE = Permission.LIVE_VIEW | Permission.LISTEN
TTL_S = MAX_TTL_MS / 1000


def state(session: str, permissions: Permission = LIVE, **fields: object) -> LeaseState:
    return LeaseState(session=session, permissions=int(permissions), **{"ttl_ms": MAX_TTL_MS, **fields})  # type: ignore[arg-type]


def opened(sessions: Sessions, session: str = "s", at: float = 0.0, answer: LeaseState | None = None) -> Lease:
    assert sessions.begin(session)
    lease = sessions.admit(answer or state(session), SessionKind.LIVE, at, at)
    assert isinstance(lease, Lease)
    return lease


def test_a_lease_holds_from_the_question_on() -> None:
    sessions = Sessions("run")
    assert sessions.begin("s")
    lease = sessions.admit(state("s"), SessionKind.LIVE, asked_at=100.0, now=101.9)
    assert isinstance(lease, Lease)
    assert lease.allows(LIVE, 114.999)
    assert not lease.allows(LIVE, 115.0)
    assert not lease.allows(Permission.LISTEN, 101.0)
    assert [ending.code for ending in sessions.expire(115.0)] == [CloseCode.LEASE_LOST]


def test_a_loss_pushed_while_the_answer_is_under_way_is_remembered() -> None:
    sessions = Sessions("run")
    assert sessions.begin("s")
    assert isinstance(sessions.push(state("s", NONE, why="revoked", by="Olivia"), 0.1), Ending)
    assert sessions.admit(state("s"), SessionKind.LIVE, 0.0, 0.2) == Ending("s", 4403, "revoked", "Olivia")
    assert not sessions.begin("s")


def test_a_push_never_extends_and_an_older_answer_only_narrows() -> None:
    sessions = Sessions("run")
    lease = opened(sessions)
    sessions.push(state("s"), 10.0)
    assert not lease.allows(LIVE, TTL_S)
    assert sessions.renew(state("s"), asked_at=9.0, now=10.1) is Verdict.SAME
    assert lease.deadline == TTL_S  # asked before the push was heard
    sessions.renew(state("s"), asked_at=11.0, now=11.1)
    assert lease.deadline == 11.0 + TTL_S
    sessions.renew(state("s"), asked_at=10.5, now=11.2)
    assert lease.deadline == 11.0 + TTL_S  # nor does an older answer shorten what a newer one gave


# N18
def test_a_late_still_so_never_widens() -> None:
    sessions = Sessions("run")
    lease = opened(sessions, answer=state("s", MORE))
    assert sessions.push(state("s", LIVE), 1.0) is Verdict.NARROWED
    assert sessions.push(state("s", MORE), 1.1) is Verdict.MORE
    assert sessions.push(state("s", MORE), 1.2) is Verdict.SAME  # said once
    assert lease.permissions == LIVE
    assert isinstance(sessions.push(state("s", NONE, why="revoked"), 2.0), Ending)
    assert isinstance(sessions.push(state("s", MORE), 2.1), Ending)
    assert sessions.renew(state("s", MORE), 2.2, 2.3) is Verdict.UNKNOWN
    assert "s" not in sessions.open
    assert not sessions.begin("s")


def test_it_narrows_by_itself() -> None:
    sessions = Sessions("run")
    lease = opened(sessions, answer=state("s", MORE, narrow_in_ms=4000, narrow_to=int(LIVE)))
    assert lease.allows(Permission.LISTEN, 3.99)
    assert not lease.allows(Permission.LISTEN, 4.0)
    assert lease.allows(LIVE, 4.0)
    sessions.renew(state("s", LIVE, narrow_in_ms=2000, narrow_to=0), 5.0, 5.1)
    assert not sessions.expire(6.9)
    assert sessions.expire(7.0) == [Ending("s", CloseCode.ENDED, "expired")]
    assert not lease.allows(LIVE, 7.0)


def test_who_looks_from_time_to_time_ends_a_lease_by_its_deadline_and_nothing_else_ahead() -> None:
    sessions = Sessions("run")
    opened(sessions, "unanswered")
    opened(sessions, "timed", answer=state("timed", narrow_in_ms=int(TTL_S * 1000) - 10, narrow_to=0))
    assert sessions.expire(TTL_S - 0.3, ahead_s=0.2) == []
    sessions.renew(state("timed"), asked_at=TTL_S - 0.25, now=TTL_S - 0.24)
    assert sessions.expire(TTL_S - 0.2, ahead_s=0.2) == [Ending("unanswered", CloseCode.LEASE_LOST, "no_answer")]
    assert sessions.expire(TTL_S - 0.01, ahead_s=0.2) == [Ending("timed", CloseCode.ENDED, "expired")]


def test_a_later_narrowing_does_not_replace_an_earlier_one() -> None:
    sessions = Sessions("run")
    lease = opened(sessions, answer=state("s", narrow_in_ms=4000, narrow_to=0))
    for second in (1.0, 2.0, 3.0):
        sessions.renew(state("s", narrow_in_ms=60_000, narrow_to=0), second, second)
    assert len(lease.narrowings) == 1
    assert not lease.allows(LIVE, 4.0)


def test_the_earliest_footage_only_moves_later() -> None:
    sessions = Sessions("run")
    lease = opened(sessions, answer=state("s", playback_from=50.0))
    for given, held in ((40.0, 50.0), (60.0, 60.0), (None, None), (10.0, None)):
        sessions.push(state("s", playback_from=given), 1.0)
        assert lease.playback_from == held


@pytest.mark.parametrize(
    ("why", "code"), [("revoked", 4403), ("not_found", 4404), ("too_many", 4429), ("", 4403), ("no_answer", 4408)]
)
def test_close_codes(why: str, code: int) -> None:
    sessions = Sessions("run")
    sessions.begin("s")
    ending = sessions.admit(state("s", NONE, why=why), SessionKind.LIVE, 0, 0)
    assert isinstance(ending, Ending)
    assert ending.code == code
    assert sessions.begin("s")  # refused is not ended: the right secret may still come


def test_rounds_walk_through_all_and_end_once() -> None:
    sessions = Sessions("run")
    assert [(r.sessions, r.last) for r in sessions.round()] == [([], True)]
    for index in range(RENEW_BATCH * 2 + 1):
        opened(sessions, f"s{index}")
    batches = sessions.round()
    assert [(len(b.sessions), b.full_round, b.last) for b in batches] == [
        (RENEW_BATCH, 2, False),
        (RENEW_BATCH, 2, False),
        (1, 2, True),
    ]


@dataclass
class Truth:
    """What control knows of one session."""

    permissions: Permission = MORE
    is_claimed: bool = False
    run: str = ""
    #: since when it has been over, if it is
    lost_at: float | None = None
    expires_at: float | None = None

    def state(self, session: str, run: str, now: float) -> LeaseState:
        if self.run != run:
            return state(session, NONE, why="not_found")
        held = self.permissions if self.expires_at is None or now < self.expires_at else NONE
        if self.expires_at is not None and held:
            return state(session, held, narrow_in_ms=int((self.expires_at - now) * 1000), narrow_to=0)
        return state(session, held, why="" if held else "revoked")


@dataclass
class Heard:
    """What was delivered to media about one session, in one run."""

    facts: list[tuple[LeaseState, float]] = field(default_factory=list)
    #: asked_at of every answer that came
    asked: list[float] = field(default_factory=list)
    #: a lease that has run out stays so, whatever comes
    is_over: bool = False

    def look(self, now: float) -> None:
        self.is_over |= bool(self.asked) and not any(now < at + TTL_S for at in self.asked)

    def allows(self, permission: Permission, now: float) -> bool:
        """The oracle: look at every fact there is."""
        if self.is_over or not self.asked:
            return False
        for told, counted_from in self.facts:
            if permission not in told.held:
                return False
            if told.narrow_in_ms is not None and now >= counted_from + told.narrow_in_ms / 1000:
                return False
        return True


@dataclass
class Question:
    """On its way to control, or its answer on the way back."""

    kind: str
    run: str
    asked_at: float
    sessions: list[str]
    answers: list[LeaseState] | None = None


class BusOfHorrors(RuleBasedStateMachine):
    """Sessions between a control that tells the truth and a bus that tells it whenever it likes."""

    ids = Bundle("ids")
    questions = Bundle("questions")
    pushes = Bundle("pushes")

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.runs = 0
        self.truths: dict[str, Truth] = {}
        self.open_before: set[str] = set()
        self.over: set[str] = set()

    @initialize()
    def start(self) -> None:
        self._restart()

    def _restart(self) -> None:
        self.runs += 1
        self.sessions = Sessions(f"run{self.runs}")
        self.heard: dict[str, Heard] = {}
        self.open_before, self.over = set(), set()

    @rule(target=ids, seconds=st.sampled_from([0.0, 1.0, 1.9]), end=st.sampled_from([None, 4, 12]))
    def somebody_starts_to_watch(self, seconds: float, end: int | None) -> str:
        """As it should be: most sessions have to begin well for anything to go wrong later."""
        session = self._issue()
        self.truths[session].expires_at = None if end is None else self.now + end
        question = self._present(session)
        assert question is not None
        self._decide(question)
        self.time_passes(seconds)
        self._deliver(question)
        return session

    @rule(target=ids, rest=st.sampled_from([NONE, LIVE]))
    def a_right_is_lost_while_the_answer_is_under_way(self, rest: Permission) -> str:
        session = self._issue()
        question = self._present(session)
        assert question is not None
        self._decide(question)
        push = self._lose(session, rest)
        assert push is not None
        self._hear(push)
        self._deliver(question)
        if rest is NONE:
            self.over.add(session)
        return session

    @rule(target=ids)
    def a_ticket_is_issued(self) -> str:
        return self._issue()

    def _issue(self) -> str:
        session = f"s{len(self.truths)}"
        self.truths[session] = Truth()
        return session

    @rule(target=questions, session=ids)
    def a_ticket_is_presented(self, session: str) -> object:
        return self._present(session) or multiple()

    def _present(self, session: str) -> Question | None:
        if not self.sessions.begin(session):
            return None
        assert session not in self.over
        return Question("open", self.sessions.run, self.now, [session])

    @rule(target=questions)
    def a_renewal_is_asked(self) -> object:
        return multiple(*self._ask())

    @rule()
    def a_renewal_goes_well(self) -> None:
        for question in self._ask():
            self._decide(question)
            self._deliver(question)

    def _ask(self) -> list[Question]:
        requests: list[RenewRequest] = self.sessions.round()
        return [Question("renew", self.sessions.run, self.now, request.sessions) for request in requests]

    @rule(question=questions)
    def control_decides(self, question: Question) -> None:
        self._decide(question)

    def _decide(self, question: Question) -> None:
        if question.answers is not None:
            return
        question.answers = []
        for session in question.sessions:
            truth = self.truths[session]
            if question.kind == "open":
                if truth.is_claimed:
                    question.answers.append(state(session, NONE, why="not_found"))
                    continue
                truth.is_claimed, truth.run = True, question.run
            question.answers.append(truth.state(session, question.run, self.now))

    @rule(question=consumes(questions))
    def an_answer_arrives(self, question: Question) -> None:
        self._deliver(question)

    @rule(question=questions)
    def an_answer_arrives_and_comes_again(self, question: Question) -> None:
        if question.kind == "renew":
            self._deliver(question)

    def _deliver(self, question: Question) -> None:
        if question.run != self.sessions.run:
            return  # the one who asked is no more
        if question.answers is None or (question.kind == "open" and self.now > question.asked_at + 2):
            if question.kind == "open":
                self.sessions.abandon(question.sessions[0])
            return
        for answer in question.answers:
            if question.kind == "open":
                self.sessions.admit(answer, SessionKind.LIVE, question.asked_at, self.now)
            elif answer.session in self.sessions.open:
                self.sessions.renew(answer, question.asked_at, self.now)
            else:
                continue
            heard = self.heard.setdefault(answer.session, Heard())
            if all(question.asked_at >= at for _, at in heard.facts):
                heard.asked.append(question.asked_at)
            self._note(answer, question.asked_at)

    def _note(self, told: LeaseState, counted_from: float) -> None:
        self.heard.setdefault(told.session, Heard()).facts.append((told, counted_from))

    @rule(target=pushes, session=ids, rest=st.sampled_from([NONE, LIVE, Permission.NOTIFY]))
    def a_right_is_lost(self, session: str, rest: Permission) -> object:
        return self._lose(session, rest) or multiple()

    def _lose(self, session: str, rest: Permission) -> LeaseState | None:
        """Commit the loss; the push, where there is anybody to push to."""
        truth = self.truths[session]
        truth.permissions &= rest
        if LIVE not in truth.permissions and truth.lost_at is None:
            truth.lost_at = self.now
        return truth.state(session, truth.run, self.now) if truth.is_claimed else None

    @rule(target=pushes, session=ids, seconds=st.integers(1, 30))
    def a_right_gets_an_end(self, session: str, seconds: int) -> object:
        truth = self.truths[session]
        if truth.expires_at is None:
            truth.expires_at = self.now + seconds
        return truth.state(session, truth.run, self.now) if truth.is_claimed else multiple()

    @rule(push=pushes)
    def a_push_arrives(self, push: LeaseState) -> None:
        """It stays in the bundle: it may come again, and later than everything else."""
        self._hear(push)

    def _hear(self, push: LeaseState) -> None:
        known = push.session in self.sessions.open or not self.sessions.begin(push.session)
        if not known:
            self.sessions.abandon(push.session)
        self.sessions.push(push, self.now)
        if known:
            self._note(push, self.now)

    @rule(seconds=st.sampled_from([0.01, 0.5, 1.0, 3.0, 5.0, 9.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        for heard in self.heard.values():
            heard.look(self.now)

    @rule()
    def a_tick(self) -> None:
        for ending in self.sessions.expire(self.now):
            assert ending.session not in self.sessions.open

    @rule(chance=st.integers(0, 9))
    def media_restarts(self, chance: int) -> None:
        if chance == 0:
            self._restart()

    @invariant()
    def ended_is_final(self) -> None:
        now_open = set(self.sessions.open)
        self.over |= self.open_before - now_open
        assert not self.over & now_open
        self.open_before = now_open

    @invariant()
    def every_write_is_covered(self) -> None:
        for session, lease in self.sessions.open.items():
            truth, heard = self.truths[session], self.heard[session]
            for permission in (LIVE, Permission.LISTEN):
                allowed = lease.allows(permission, self.now)
                assert allowed <= heard.allows(permission, self.now), (session, permission)
            if lease.allows(LIVE, self.now):
                # Bus dead, push lost, renewal lost: no loss takes longer than a lease.
                assert truth.lost_at is None or self.now < truth.lost_at + TTL_S
                assert truth.expires_at is None or self.now < truth.expires_at + TTL_S
                assert truth.run == self.sessions.run

    @invariant()
    def what_is_asked_and_answered_holds(self) -> None:
        """Or the rest would hold of a machine that refuses everything."""
        for session, lease in self.sessions.open.items():
            heard = self.heard[session]
            latest = max(heard.asked)
            newest = max(at for told, at in heard.facts)
            if newest == latest and heard.allows(LIVE, self.now):
                assert lease.allows(LIVE, self.now)


BusOfHorrors.TestCase.settings = settings(max_examples=250, stateful_step_count=40, deadline=None)
TestBusOfHorrors = BusOfHorrors.TestCase
