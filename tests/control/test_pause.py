"""The pause switch: less right, at once, with a receipt; and back, with the terms that it has by then. B-5, HC-32."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail

import cast
from belvedere.contracts.permissions import Permission
from belvedere.control.access.models import Grant
from belvedere.control.audit.models import Entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Forbidden, NotFound
from belvedere.control.devices.selectors import get_camera, list_cameras
from belvedere.control.outbox.services import run_due
from belvedere.control.sharing import services
from belvedere.control.sharing.models import Share
from belvedere.control.sharing.selectors import get_given, get_received
from belvedere.control.sharing.services import Item
from belvedere.control.sharing.terms import Footage
from control.test_at_once import at_once
from control.watching import Node, hello, renew, watch

BACK = Permission.LIVE_VIEW | Permission.PLAYBACK


@pytest.fixture(autouse=True)
def node(people: cast.Cast) -> None:
    """A node that lives."""
    hello()


@pytest.fixture
def share(people: cast.Cast) -> str:
    """Rita may look at the courtyard and the pool, and back."""
    return people.olivia.share(people.rita, people.courtyard, people.pool, permissions=BACK)


def patch(person: cast.Person, share: str, body: dict[str, Any]) -> Any:
    return person.api().patch(f"/api/v1/shares/{share}", body, content_type="application/json")


def sees(person: cast.Person) -> list[str]:
    return sorted(view.name for view in list_cameras(person.actor))


def test_a_pause_ends_what_runs_and_says_so(people: cast.Cast, bus: Node, share: str) -> None:
    """B-5, B-1: the running picture is cut with a receipt; the share is there for both, and opens nothing."""
    session = watch(people.rita, people.courtyard)
    answer = patch(people.olivia, share, {"paused": True}).json()
    assert [(cut["session"], bool(cut["cut_at"])) for cut in answer["cut"]] == [(session, True)]
    assert [(lease.is_ended, lease.why, lease.by) for lease in bus.heard] == [(True, "paused", "Olivia")]
    assert (answer["state"], bool(answer["paused_at"])) == ("accepted", True)
    assert people.olivia.api().get(f"/api/v1/receipts/{answer['change_id']}").json()["state"] == "paused"
    assert sees(people.rita) == []
    assert not Grant.objects.filter(origin_id=share, ended_at=None).exists()
    assert get_received(people.rita.actor, share).paused_at is not None
    with pytest.raises(NotFound):
        watch(people.rita, people.courtyard)
    assert sees(people.vera) == ["Counter"]
    assert [row.action for row in Entry.objects.filter(thing=f"share:{share}").order_by("sequence")][-1] == (
        "share.paused"
    )


def test_the_recipient_reads_who_paused_it(people: cast.Cast, share: str) -> None:
    """B-5: on the camera's page and in the inbox; not that anything ended, for it did not."""
    rita, olivia = people.rita.browser(), people.olivia.browser()
    assert olivia.post(f"/sharing/{share}/pause").status_code == 302
    shown = rita.get(f"/cameras/{people.courtyard}")
    assert shown.status_code == 404
    assert "Paused by <bdi>Olivia</bdi>" in shown.content.decode()
    assert "Paused by Olivia" in rita.get("/inbox").content.decode()
    page = olivia.get(f"/sharing/{share}").content.decode()
    assert "Let it go on" in page
    assert "Paused since" in page
    assert "Let it go on" in olivia.get("/sharing").content.decode()
    assert olivia.post(f"/sharing/{share}/resume").headers["Location"] == f"/sharing/{share}"
    assert sees(people.rita) == ["Courtyard", "Pool"]
    assert "Paused by Olivia" not in rita.get("/inbox").content.decode()


@pytest.mark.parametrize(("minutes", "told"), [(59, False), (61, True)])
def test_resuming_is_told_after_an_hour(people: cast.Cast, share: str, minutes: int, *, told: bool) -> None:
    """B-5: who was shut out for a moment gets no mail."""
    at = clock.now()
    with clock.frozen_at(at):
        services.pause_share(people.olivia.actor, share=share)
    with clock.frozen_at(at + timedelta(minutes=minutes)):
        services.resume_share(people.olivia.actor, share=share)
        run_due(limit=1000)
    assert ("Olivia lets you see it again" in {row.subject for row in mail.outbox}) is told


def test_what_is_changed_while_it_rests_holds_when_it_goes_on(people: cast.Cast, share: str) -> None:
    """HC-32: nothing of a paused share comes into force by changing or growing it; footage since the grant keeps its
    day.
    """
    given_at = Share.objects.get(pk=share).decided_at
    services.pause_share(people.olivia.actor, share=share)
    at = clock.now() + timedelta(hours=2)
    with clock.frozen_at(at):
        services.change_share(people.olivia.actor, share=share, terms={"footage": Footage(is_since_grant=True)})
        services.extend_shares(people.olivia.actor, additions={share: [Item(people.counter, cast.LIVE)]})
        assert sees(people.rita) == []
        services.resume_share(people.olivia.actor, share=share)
        assert sees(people.rita) == ["Counter", "Courtyard", "Pool"]
    grants = Grant.objects.filter(origin_id=share, ended_at=None)
    assert {row.footage_from for row in grants if row.resource != people.counter} == {given_at}
    assert get_camera(people.rita.actor, people.counter).permissions == cast.LIVE


def test_the_end_comes_while_it_rests(people: cast.Cast, share: str) -> None:
    """B-5: a pause stops no clock, and what is over does not go on."""
    end = clock.now() + timedelta(hours=1)
    services.change_share(people.olivia.actor, share=share, terms={"ends_at": end})
    services.pause_share(people.olivia.actor, share=share)
    with clock.frozen_at(end):
        assert get_given(people.olivia.actor, share).state == "expired"
        with pytest.raises(Conflict):
            services.resume_share(people.olivia.actor, share=share)
    assert sees(people.rita) == []


def test_a_paused_share_can_be_left_and_ended(people: cast.Cast, share: str) -> None:
    services.pause_share(people.olivia.actor, share=share)
    services.leave_share(people.rita.actor, share=share)
    with pytest.raises(Conflict):
        services.resume_share(people.olivia.actor, share=share)
    other = people.olivia.share(people.rita, people.counter)
    services.pause_share(people.olivia.actor, share=other)
    services.end_share(people.olivia.actor, share=other)
    assert get_given(people.olivia.actor, other).state == "revoked"
    assert sees(people.rita) == []


def test_only_the_sharer_and_only_what_is_in_force(people: cast.Cast, share: str) -> None:
    """B-5, N16: to everybody else there is no such share; an offer that waits has nothing to pause."""
    for person in (people.rita, people.vera, people.xena):
        assert patch(person, share, {"paused": True}).status_code == 404
        assert person.browser().post(f"/sharing/{share}/pause").status_code == 404
    assert patch(people.olivia, people.pats_offer, {"paused": True}).status_code == 409
    assert patch(people.olivia, share, {"paused": False}).status_code == 409
    assert patch(people.olivia, share, {"paused": True, "hours": None}).status_code == 422
    assert patch(people.olivia, share, {"paused": None}).status_code == 422
    assert sees(people.rita) == ["Courtyard", "Pool"]


def test_who_may_give_less_by_now_resumes_less(people: cast.Cast, share: str) -> None:
    """Rule 5: resuming is giving; what the sharer no longer holds stays away."""
    services.pause_share(people.olivia.actor, share=share)
    Grant.objects.filter(principal=people.olivia.id).update(ended_at=clock.now())
    with pytest.raises((Conflict, Forbidden)):
        services.resume_share(people.olivia.actor, share=share)
    assert Share.objects.get(pk=share).paused_at is not None
    assert sees(people.rita) == []


def test_of_two_at_once_one_pauses(people: cast.Cast, share: str) -> None:
    """Pausing and changing at once leave no right in force that the pause has not seen."""
    olivia = people.olivia.actor
    for _round in range(4):
        at_once(
            lambda: services.pause_share(olivia, share=share),
            lambda: services.pause_share(olivia, share=share),
            lambda: services.change_share(olivia, share=share, items=[Item(people.pool, cast.LIVE)]),
        )
        assert sees(people.rita) == []
        services.resume_share(olivia, share=share)
        assert sees(people.rita) == ["Courtyard", "Pool"]
    assert Grant.objects.filter(origin_id=share, ended_at=None).count() == 2


def test_a_lease_knows_nothing_of_it_afterwards(people: cast.Cast, bus: Node, share: str) -> None:
    """Law (i): what was ended stays ended; after resuming one opens anew."""
    session = watch(people.rita, people.courtyard)
    services.pause_share(people.olivia.actor, share=share)
    services.resume_share(people.olivia.actor, share=share)
    assert renew(session)[session].is_ended
    assert watch(people.rita, people.courtyard)


def test_who_may_see_it_later_stands_where_one_looks(people: cast.Cast, share: str) -> None:
    """VA-22: whom one lets see a camera is on one page, paused or not; it gives nothing meanwhile."""
    services.pause_share(people.olivia.actor, share=share)
    rows = people.olivia.api().get(f"/api/v1/cameras/{people.courtyard}/access").json()["items"]
    assert [(row["account"]["name"], row["state"]) for row in rows] == [("Olivia", "accepted"), ("Rita", "paused")]
    assert "Paused, shared" in people.olivia.browser().get(f"/cameras/{people.courtyard}").content.decode()
