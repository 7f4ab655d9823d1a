"""The life of offers, walked at random and held against a model that knows no database."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

import cast
from belvedere.contracts.permissions import Permission
from belvedere.control.access.models import Grant
from belvedere.control.audit.verification import verify_chains
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, NotFound, RateLimited, Refusal
from belvedere.control.devices.selectors import get_camera, list_cameras
from belvedere.control.devices.services import unbind_device
from belvedere.control.sharing import services
from belvedere.control.sharing.models import ANSWER_WITHIN, Share
from rows import get_rows, put_rows

LIVE = Permission.LIVE_VIEW
BOTH = LIVE | Permission.PLAYBACK
indexes = st.integers(0, 2)


class Life(RuleBasedStateMachine):
    """Olivia offers Rita cameras; both do what they like, in any order, as time goes by."""

    people: cast.Cast

    @initialize()
    def begin(self) -> None:
        """Nothing is offered, everything is bound."""
        self.now = datetime(2026, 6, 1, 12, tzinfo=UTC)
        #: share → (state, camera, permissions, end); and until when each may be answered
        self.shares: dict[str, tuple[str, str, Permission, datetime | None]] = {}
        self.answer_by: dict[str, datetime] = {}
        self.bound = [self.people.courtyard, self.people.pool, self.people.counter]

    def pick(self, index: int) -> str | None:
        """One of the shares there ever were."""
        known = sorted(self.shares)
        return known[index % len(known)] if known else None

    def is_over(self, share: str) -> bool:
        """Open as far as its row says, but past its end, or never answered in time."""
        state, _, _, ends_at = self.shares[share]
        is_unanswered = state == "pending" and self.now >= self.answer_by[share]
        return state in {"pending", "accepted"} and (is_unanswered or bool(ends_at and self.now >= ends_at))

    def move(self, share: str, state: str) -> None:
        """What the model believes."""
        self.shares[share] = (state, *self.shares[share][1:])

    @rule(hours=st.integers(1, 200))
    def time_goes_by(self, hours: int) -> None:
        """Nothing runs: expiry needs no job."""
        self.now += timedelta(hours=hours)

    @rule(index=indexes, permissions=st.sampled_from([LIVE, BOTH]), hours=st.none() | st.integers(1, 100))
    def offer(self, index: int, permissions: Permission, hours: int | None) -> None:
        """An offer of one camera; refused where one waits or holds, or too soon after a no."""
        camera = [self.people.courtyard, self.people.pool, self.people.counter][index]
        ends_at = self.now + timedelta(hours=hours) if hours else None
        is_open = any(
            state in {"pending", "accepted"} and of == camera and not self.is_over(share)
            for share, (state, of, _, _) in self.shares.items()
        )
        with clock.frozen_at(self.now):
            try:
                share = services.offer_share(
                    self.people.olivia.actor,
                    recipient=self.people.rita.email,
                    items=[services.Item(camera, permissions)],
                    ends_at=ends_at,
                )
            except RateLimited:
                return
            except Conflict:
                assert is_open
                return
            except NotFound:
                assert camera not in self.bound
                return
        assert not is_open
        assert camera in self.bound
        self.shares[share] = ("pending", camera, permissions, ends_at)
        self.answer_by[share] = self.now + ANSWER_WITHIN

    @rule(index=st.integers(0, 9))
    def accept(self, index: int) -> None:
        """Possible while it waits, is not over, and the camera is Olivia's."""
        share = self.pick(index)
        if not share:
            return
        state, camera, _, _ = self.shares[share]
        is_good = state == "pending" and camera in self.bound and not self.is_over(share)
        with clock.frozen_at(self.now):
            try:
                services.accept_share(self.people.rita.actor, share=share)
            except Refusal:
                assert not is_good
                assert state != "accepted"
                return
        assert is_good or state == "accepted"
        self.move(share, "accepted")

    @rule(index=st.integers(0, 9))
    def reject(self, index: int) -> None:
        """Possible while it waits and is not over; a second time is harmless."""
        share = self.pick(index)
        if not share:
            return
        state = self.shares[share][0]
        is_good = state == "rejected" or (state == "pending" and not self.is_over(share))
        with clock.frozen_at(self.now):
            try:
                services.reject_share(self.people.rita.actor, share=share)
            except Refusal:
                assert not is_good
                return
        assert is_good
        self.move(share, "rejected")

    @rule(index=st.integers(0, 9), is_sharer=st.booleans())
    def end(self, index: int, *, is_sharer: bool) -> None:
        """The sharer revokes or withdraws, the recipient leaves; what is over stays as it ended."""
        share = self.pick(index)
        if not share:
            return
        state, is_over = self.shares[share][0], self.is_over(share)
        with clock.frozen_at(self.now):
            try:
                if is_sharer:
                    services.end_share(self.people.olivia.actor, share=share)
                else:
                    services.leave_share(self.people.rita.actor, share=share)
            except Refusal:
                assert is_over or state not in (
                    {"pending", "accepted", "revoked"} if is_sharer else {"accepted", "left"}
                )
                return
        assert not is_over
        self.move(share, "revoked" if is_sharer else "left")

    @rule(index=indexes)
    def unbind(self, index: int) -> None:
        """A camera goes: its shares end, whatever they were."""
        camera = [self.people.courtyard, self.people.pool, self.people.counter][index]
        if camera not in self.bound:
            return
        with clock.frozen_at(self.now):
            device = get_camera(self.people.olivia.actor, camera).device
            assert device
            unbind_device(self.people.olivia.actor, device=device)
        self.bound.remove(camera)
        for share, (state, of, _, _) in list(self.shares.items()):
            if of == camera and state in {"pending", "accepted"}:
                self.move(share, "revoked")

    @invariant()
    def rita_sees_what_the_model_says(self) -> None:
        """What is accepted, not over and still bound, with exactly its permissions; nothing else."""
        if not hasattr(self, "shares"):
            return
        expected: dict[str, Permission] = {}
        for state, camera, permissions, ends_at in self.shares.values():
            if state == "accepted" and camera in self.bound and not (ends_at and self.now >= ends_at):
                expected[camera] = expected.get(camera, Permission(0)) | permissions
        with clock.frozen_at(self.now):
            seen = {view.id: view.permissions for view in list_cameras(self.people.rita.actor)}
        assert seen == expected

    @invariant()
    def states_are_the_models(self) -> None:
        """And a grant is in force for accepted shares alone."""
        if not hasattr(self, "shares"):
            return
        states = dict(Share.objects.filter(pk__in=self.shares).values_list("pk", "state"))
        assert states == {share: row[0] for share, row in self.shares.items()}
        held = set(Grant.objects.filter(origin_id__in=self.shares, ended_at=None).values_list("origin_id", flat=True))
        assert held == {share for share, row in self.shares.items() if row[0] == "accepted"}

    def teardown(self) -> None:
        """Whatever happened, the audit holds together."""
        assert all(verdict.is_whole for verdict in verify_chains())
        put_rows(type(self).before)

    before: dict[str, list[tuple[object, ...]]]


def test_no_walk_leads_to_a_right_that_nobody_gave(people: cast.Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """HC-16, HC-18, HC-20, HC-22, VA-23, rules 2, 3 and 6."""
    monkeypatch.setattr("belvedere.control.sharing.services.offers.UNANSWERED_A_DAY", 1000)
    Life.people = people
    Life.before = get_rows()
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=12,
            stateful_step_count=16,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
