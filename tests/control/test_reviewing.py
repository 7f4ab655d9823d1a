"""The access review: what nobody used for sixty days is asked about once a quarter; who left, and what ended (B-10)."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

import cast
from belvedere.control.access.roles import Role
from belvedere.control.audit.models import Entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Forbidden, NotFound
from belvedere.control.organizations.models import Membership
from belvedere.control.organizations.services import Wish, change_member, create_organization, remove_member
from belvedere.control.sharing.models import ReviewAnswer, Share
from belvedere.control.sharing.selectors.reviewing import count_to_remind_of, list_leavers, list_unused, quarter_of
from belvedere.control.sharing.services import keep_unused, set_lapse
from belvedere.control.streaming.models import ViewingSession
from control.test_guest_links import make as make_link
from control.watching import hello, watch
from rows import CACHE

LONG_AGO = timedelta(days=61)


def _age(*, days: int = 61) -> None:
    """As if everything there is had been so for long."""
    at = clock.now() - timedelta(days=days)
    Share.objects.update(offered_at=at, decided_at=at)
    Membership.objects.update(created_at=at)
    Entry.objects.update(at=at)


def _found(person: cast.Person) -> list[tuple[str, str]]:
    return sorted((row.kind, row.name) for row in list_unused(person.actor))


def test_a_quarter_is_a_quarter() -> None:
    days = [datetime(2026, month, 1, tzinfo=UTC) for month in (1, 3, 4, 9, 10, 12)]
    assert [quarter_of(day) for day in days] == ["2026Q1", "2026Q1", "2026Q2", "2026Q3", "2026Q4", "2026Q4"]


def test_what_was_not_used_for_sixty_days_is_asked_about(hotels: cast.Hotels) -> None:
    """B-10: shares and members, for who owns; whoever watches, or does anything there, is not flagged."""
    hello()
    assert _found(hotels.olivia) == []
    _age(days=59)
    assert _found(hotels.olivia) == []
    _age()
    everybody = [("member", name) for name in ("Ada", "Leo", "Nora", "Omar", "Sam", "Vera")]
    assert _found(hotels.olivia) == [*everybody, ("share", "Vera")]
    watch(hotels.omar, hotels.lobby)
    watch(hotels.people.vera, hotels.people.counter)
    change_member(hotels.sam.actor, member=hotels.member(hotels.leo), wish=Wish(role=Role.VIEWER))
    # Omar and Vera watched: Vera what is shared with her at home, which is no use of the hotel.
    assert _found(hotels.olivia) == [("member", name) for name in ("Ada", "Leo", "Nora", "Vera")]
    ViewingSession.objects.update(opened_at=clock.now() - LONG_AGO, closed_at=clock.now() - LONG_AGO + LONG_AGO / 61)
    assert ("member", "Omar") in _found(hotels.olivia)
    # Nobody but the owner is asked about members; whoever gave nothing has nothing to answer.
    assert _found(hotels.sam) == _found(hotels.vera) == _found(hotels.xena) == []


def test_an_answer_counts_until_the_next_quarter(people: cast.Cast) -> None:
    """Kept: not asked again in this quarter. To lapse: decided."""
    _age()
    olivia = people.olivia
    keep_unused(olivia.actor, kind="share", thing=people.veras_share)
    assert _found(olivia) == []
    with pytest.raises(NotFound):
        keep_unused(olivia.actor, kind="share", thing=people.veras_share)
    ReviewAnswer.objects.update(quarter="2020Q1")
    assert _found(olivia) == [("share", "Vera")]
    set_lapse(olivia.actor, share=people.veras_share, days=30)
    assert _found(olivia) == []


def test_one_tap_for_each_answer(hotels: cast.Hotels) -> None:
    """On the page and in the inbox; each answer is one act, and a stranger's has nothing to act on."""
    _age()
    page = hotels.olivia.browser()
    assert "Still needed?" in page.get("/inbox").content.decode()
    assert "Not used since" in page.get("/review").content.decode()
    share = hotels.people.veras_share
    leo, nora = hotels.member(hotels.leo), hotels.member(hotels.nora)
    wrong = hotels.xena.browser().post("/review/answer", {"kind": "share", "id": share, "answer": "end"})
    assert wrong.status_code == 404
    for kind, pk, answer in (("share", share, "lapse"), ("member", leo, "end"), ("member", nora, "keep")):
        done = page.post("/review/answer", {"kind": kind, "id": pk, "answer": answer})
        assert (done.status_code, done.headers["Location"]) == (302, "/review")
    assert page.post("/review/answer", {"kind": "member", "id": nora, "answer": "end"}).status_code == 404
    assert Share.objects.get(pk=share).lapse_unused_days == 30
    assert not Membership.objects.get(pk=leo).is_active
    assert _found(hotels.olivia) == [("member", name) for name in ("Ada", "Omar", "Sam", "Vera")]


def test_the_wall_says_it_until_it_is_put_away(hotels: cast.Hotels) -> None:
    """B-10: a quiet line for who has something to answer, gone for this quarter with one tap; the inbox keeps it."""
    hello()
    _age()
    page, line = hotels.olivia.browser(), "Nobody used 7 things for sixty days"
    assert line in page.get("/").content.decode()
    # Of what was just answered the wall knows: whoever answers looks at what is left.
    page.post("/review/answer", {"kind": "member", "id": hotels.member(hotels.nora), "answer": "keep"}, follow=True)
    assert "Nobody used 6 things" in page.get("/").content.decode()
    for _twice in range(2):
        assert page.post("/review/put-away").headers["Location"] == "/"
    assert "Still needed?" not in page.get("/").content.decode()
    assert "Still needed?" in page.get("/inbox").content.decode()
    assert Entry.objects.filter(action="review.put_away").count() == 1
    ReviewAnswer.objects.update(quarter="2020Q1")
    page.get("/review")
    assert line in page.get("/").content.decode()
    for person in (hotels.sam, hotels.vera, hotels.rita):
        assert "Still needed?" not in person.browser().get("/").content.decode()


def test_it_asks_as_often_for_many_organizations_as_for_one(
    hotels: cast.Hotels, django_assert_num_queries: Callable[[int], AbstractContextManager[object]]
) -> None:
    """No question for each organization, share or member; and the wall asks one while it knows."""
    _age()
    olivia = hotels.olivia.actor
    with CaptureQueriesContext(connection) as asked:
        before = len(list_unused(olivia))
    for number in range(4):
        place = create_organization(olivia, name=f"Firm {number}")
        Membership.objects.create(
            organization_id=place, account_id=hotels.vera.id, role=Role.VIEWER, created_at=clock.now()
        )
    _age()
    with django_assert_num_queries(len(asked)):
        assert len(list_unused(olivia)) == before + 4
    with CaptureQueriesContext(connection) as asked:
        assert count_to_remind_of(olivia) == before + 4
    assert len([one for one in asked if f'"{CACHE}"' not in one["sql"]]) == 1  # what it knows is a table on PostgreSQL


def test_who_left_is_reported_with_what_ended(hotels: cast.Hotels) -> None:
    """B-10: the leavers' report, for who manages all of it."""
    change_member(hotels.olivia.actor, member=hotels.member(hotels.leo), wish=Wish(role=Role.ADMIN, sites="all"))
    hotels.leo.share(hotels.rita, hotels.lobby)
    make_link(hotels.leo, hotels.deck)
    remove_member(hotels.olivia.actor, member=hotels.member(hotels.leo))
    remove_member(hotels.omar.actor, member=hotels.member(hotels.omar))
    rows = list_leavers(hotels.sam.actor, hotels.id)
    assert [(row.person.name, row.role, row.by, row.shares, row.links) for row in rows] == [
        ("Omar", "operator", None, 0, 0),
        ("Leo", "admin", "Olivia", 1, 1),
    ]
    # Ada manages one site: of the others she reads nothing.
    assert list_leavers(hotels.ada.actor, hotels.id) == []
    with pytest.raises(Forbidden):
        list_leavers(hotels.vera.actor, hotels.id)
    with pytest.raises(NotFound):
        list_leavers(hotels.xena.actor, hotels.id)
    page = hotels.sam.browser()
    page.post("/organizations/switch", {"organization": hotels.id})
    text = page.get("/review").content.decode()
    assert "removed by <bdi>Olivia</bdi>" in text
    assert "one share, one guest link" in text
