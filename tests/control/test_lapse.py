"""Shares that nobody uses: flagged with the day of their last use, and ended by themselves where the sharer wants it.

B-10. What counts is the ledger; what it forgets, the share remembers.
"""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

import cast
from belvedere.control.audit.models import Entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Invalid, NotFound
from belvedere.control.devices.selectors import list_cameras
from belvedere.control.outbox.services import run_due
from belvedere.control.sharing import services
from belvedere.control.sharing.models import Share
from belvedere.control.sharing.selectors import get_given, get_received, list_given
from belvedere.control.streaming.models import ViewingSession

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def share(people: cast.Cast) -> str:
    """Rita sees the courtyard and the pool."""
    return people.olivia.share(people.rita, people.courtyard, people.pool)


def given_at(share: str) -> datetime:
    at = Share.objects.get(pk=share).decided_at
    assert at is not None
    return at


def watched(person: cast.Person, camera: str, at: datetime, *, lasted: timedelta | None = timedelta(minutes=5)) -> None:
    """A line of the ledger; with `lasted` None, still watching."""
    ViewingSession.objects.create(
        principal=person.id,
        camera_id=camera,
        kind="live",
        quality="main",
        node="local",
        run="run-1",
        issued_at=at,
        opened_at=at,
        closed_at=at + lasted if lasted is not None else None,
    )


def is_unused(people: cast.Cast, share: str) -> bool:
    return get_given(people.olivia.actor, share).is_unused


def mails() -> list[tuple[str, str]]:
    """(to, subject) of what goes out now."""
    mail.outbox.clear()
    run_due(limit=1000)
    return sorted((row.to[0], str(row.subject)) for row in mail.outbox)


# ── Flagged ──


def test_never_used_is_flagged_after_thirty_days(people: cast.Cast, share: str) -> None:
    """B-10: to the second, and not while it waits for an answer."""
    at = given_at(share)
    with clock.frozen_at(at + 30 * DAY - SECOND):
        assert not is_unused(people, share)
    with clock.frozen_at(at + 30 * DAY):
        assert is_unused(people, share)
        assert get_given(people.olivia.actor, share).last_used_at is None
        assert "Never used" in people.olivia.browser().get("/sharing").content.decode()


def test_used_once_is_flagged_after_ninety_days_more(people: cast.Cast, share: str) -> None:
    """B-10: with the day of its last use, of any of its cameras."""
    at = given_at(share)
    last = at + 20 * DAY
    watched(people.rita, people.courtyard, at + DAY)
    watched(people.rita, people.pool, last, lasted=timedelta())  # refused as it came: seen nothing
    watched(people.rita, people.pool, at + 10 * DAY)
    watched(people.vera, people.courtyard, last)
    seen = at + 10 * DAY + timedelta(minutes=5)
    with clock.frozen_at(at + 40 * DAY):
        given = get_given(people.olivia.actor, share)
        assert (given.last_used_at, given.is_unused) == (seen, False)
    with clock.frozen_at(seen + 90 * DAY - SECOND):
        services.lapse_unused()
        assert not is_unused(people, share)
    with clock.frozen_at(seen + 90 * DAY):
        assert is_unused(people, share)
        assert "Not used since" in people.olivia.browser().get("/sharing").content.decode()


def test_who_watches_now_uses_it_now(people: cast.Cast, share: str) -> None:
    at = given_at(share)
    watched(people.rita, people.courtyard, at + DAY, lasted=None)
    with clock.frozen_at(at + 200 * DAY):
        assert get_given(people.olivia.actor, share).last_used_at == clock.now()


def test_the_share_remembers_what_the_ledger_forgets(people: cast.Cast, share: str) -> None:
    """Threats §6: the ledger is kept for weeks; the day of the last use is no longer in it then."""
    at = given_at(share)
    watched(people.rita, people.courtyard, at + 2 * DAY)
    with clock.frozen_at(at + 3 * DAY):
        services.lapse_unused()
    ViewingSession.objects.all().delete()
    with clock.frozen_at(at + 60 * DAY):
        given = get_given(people.olivia.actor, share)
        assert (given.last_used_at, given.is_unused) == (at + 2 * DAY + timedelta(minutes=5), False)


def test_what_was_watched_by_an_earlier_share_is_not_this_ones(people: cast.Cast, share: str) -> None:
    watched(people.rita, people.courtyard, given_at(share) - DAY)
    assert get_given(people.olivia.actor, share).last_used_at is None
    services.lapse_unused()
    assert Share.objects.get(pk=share).last_used_at is None


def test_what_rests_is_not_unused(people: cast.Cast, share: str) -> None:
    services.pause_share(people.olivia.actor, share=share)
    with clock.frozen_at(given_at(share) + 100 * DAY):
        assert not is_unused(people, share)


def test_the_flag_costs_one_query_however_many(people: cast.Cast, share: str) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as found:
            list_given(people.olivia.actor)
        return len(found)

    before = queries()
    for person in (people.xena, people.pat):
        people.olivia.share(person, people.courtyard, people.counter)
        watched(person, people.courtyard, clock.now())
    assert queries() == before


# ── Lapses ──


def lapse(people: cast.Cast, share: str, days: int = 30) -> None:
    services.set_lapse(people.olivia.actor, share=share, days=days)


def test_both_are_told_a_week_ahead_and_then_it_ends(people: cast.Cast, share: str) -> None:
    """B-10: with the reason readable by both."""
    at = given_at(share)
    lapse(people, share)
    run_due(limit=1000)
    with clock.frozen_at(at + 23 * DAY - SECOND):
        assert services.lapse_unused() == 0
        assert mails() == []
    with clock.frozen_at(at + 23 * DAY):
        assert (services.lapse_unused(), services.lapse_unused()) == (0, 0)
        assert mails() == [
            (people.olivia.email, "Rita does not use what you share"),
            (people.rita.email, "Do you still need what Olivia shares with you?"),
        ]
        assert get_given(people.olivia.actor, share).lapses_at == at + 30 * DAY
    with clock.frozen_at(at + 30 * DAY - SECOND):
        assert services.lapse_unused() == 0
    with clock.frozen_at(at + 30 * DAY):
        assert services.lapse_unused() == 1
        assert services.lapse_unused() == 0
        assert list_cameras(people.rita.actor) == []
        given, received = get_given(people.olivia.actor, share), get_received(people.rita.actor, share)
        assert (given.state, given.ended_reason, received.ended_reason) == ("revoked", "unused", "unused")
        assert mails() == [(people.rita.email, "What Olivia shared with you was not used, and has ended")]
        assert "Rita did not use it" in people.olivia.browser().get("/inbox").content.decode()
        assert "You did not use what Olivia" in people.rita.browser().get("/inbox").content.decode()
    assert [row.thing for row in Entry.objects.filter(action="share.unused")] == [f"share:{share}"]
    assert [view.name for view in list_cameras(people.vera.actor)] == ["Counter"]


def test_a_look_in_time_keeps_it(people: cast.Cast, share: str) -> None:
    """B-10: and it is counted from there again."""
    at = given_at(share)
    lapse(people, share)
    with clock.frozen_at(at + 23 * DAY):
        services.lapse_unused()
    watched(people.rita, people.pool, at + 29 * DAY)
    for day in (30, 31, 40):
        with clock.frozen_at(at + day * DAY):
            assert services.lapse_unused() == 0
    assert Share.objects.get(pk=share).lapse_warned_at is None
    with clock.frozen_at(at + 53 * DAY):
        services.lapse_unused()
        assert Share.objects.get(pk=share).lapse_warned_at is not None


def test_nobody_is_surprised(people: cast.Cast, share: str) -> None:
    """B-10: what is forgotten for long when the sharer says so still has its week, and so has what rested."""
    at = given_at(share) + 300 * DAY
    with clock.frozen_at(at):
        lapse(people, share)
        assert services.lapse_unused() == 0
    with clock.frozen_at(at + 3 * DAY):
        services.pause_share(people.olivia.actor, share=share)
    with clock.frozen_at(at + 20 * DAY):
        assert services.lapse_unused() == 0
        services.resume_share(people.olivia.actor, share=share)
        assert services.lapse_unused() == 0
    with clock.frozen_at(at + 27 * DAY - SECOND):
        assert services.lapse_unused() == 0
    with clock.frozen_at(at + 27 * DAY):
        assert services.lapse_unused() == 1


def test_whoever_changes_his_mind_keeps_it(people: cast.Cast, share: str) -> None:
    at = given_at(share)
    lapse(people, share)
    with clock.frozen_at(at + 25 * DAY):
        services.lapse_unused()
        services.set_lapse(people.olivia.actor, share=share, days=None)
        # What was asked for before says nothing any more.
        assert [subject for _to, subject in mails() if "use" in subject or "need" in subject] == []
    with clock.frozen_at(at + 200 * DAY):
        assert services.lapse_unused() == 0


def test_the_setting_by_page_and_by_program(people: cast.Cast, share: str) -> None:
    """B-10: 30 or 90 days or never; nobody else's."""
    client = people.olivia.browser()
    page = client.get(f"/sharing/{share}").content.decode()
    assert "After 30 days" in page
    assert "After 90 days" in page
    assert client.post(f"/sharing/{share}/lapse", {"days": "90"}).status_code == 302
    given = get_given(people.olivia.actor, share)
    assert given.lapse_unused_days == 90
    assert given.lapses_at == given_at(share) + 90 * DAY

    def patch(person: cast.Person, days: Any) -> Any:
        body = {"lapse_unused_days": days}
        return person.api().patch(f"/api/v1/shares/{share}", body, content_type="application/json")

    assert patch(people.olivia, 30).json()["lapse_unused_days"] == 30
    assert patch(people.olivia, 31).status_code == 422
    assert patch(people.rita, 30).status_code == 404
    assert patch(people.olivia, None).json()["lapse_unused_days"] is None
    with pytest.raises(Invalid):
        lapse(people, share, 1)
    with pytest.raises(NotFound):
        services.set_lapse(people.xena.actor, share=share, days=30)
    services.end_share(people.olivia.actor, share=share)
    with pytest.raises(Conflict):
        lapse(people, share)
