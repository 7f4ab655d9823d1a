"""Looking as somebody else: what he sees of what one manages, at any instant, and not a thing more. B-4; N17."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

import cast
from belvedere.contracts.permissions import Permission
from belvedere.control.audit.models import Entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Invalid, NotFound
from belvedere.control.core.ids import new_id
from belvedere.control.sharing.changes import parse_without
from belvedere.control.sharing.selectors import ViewedAs, list_recipients, view_as
from belvedere.control.sharing.services import change_share
from belvedere.control.streaming.models import ViewingSession
from rows import get_rows

LIVE = Permission.LIVE_VIEW
BACK = Permission.LIVE_VIEW | Permission.PLAYBACK
#: Xena's camera, and what she calls it: it must stand on no page of Olivia's
CANARY = "Canary hall 7431"


def seen(found: ViewedAs) -> dict[str, Permission]:
    return {row.thing.name: row.permissions for row in found.seen}


def recipient_of(giver: cast.Person, to: cast.Person) -> str:
    return next(row.id for row in list_recipients(giver.actor) if row.address == to.email)


def look(client: Client, who: str, **more: Any) -> Any:
    """Ask the API what somebody sees."""
    return client.post("/api/v1/access/view-as", {"account": who} | more, content_type="application/json")


# ── What is seen ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_exactly_what_somebody_sees_of_mine(people: cast.Cast) -> None:
    people.olivia.share(people.rita, people.courtyard, people.pool, permissions=BACK)
    for who in (people.rita.id, people.rita.email, recipient_of(people.olivia, people.rita)):
        found = view_as(people.olivia.actor, who)
        assert seen(found) == {"Courtyard": BACK, "Pool": BACK}
        assert (found.account and found.account.name, found.unseen, found.later) == ("Rita", 1, ())
        assert {row.through for row in found.seen} == {("your share",)}


def test_time_is_an_argument(people: cast.Cast) -> None:
    """B-5: on Sunday at 20:00; and what is had at other times alone is said apart."""
    share = people.olivia.share(people.rita, people.pool)
    starts_at = clock.now() + timedelta(days=2)
    change_share(people.olivia.actor, share=share, terms={"starts_at": starts_at, "ends_at": starts_at + timedelta(1)})
    now, then, after = (
        view_as(people.olivia.actor, people.rita.id, at=clock.now() + timedelta(days=days)) for days in (0, 2.5, 4)
    )
    assert (seen(now), [row.thing.name for row in now.later]) == ({}, ["Pool"])
    assert (seen(then), then.later) == ({"Pool": LIVE}, ())
    assert (seen(after), after.later, after.unseen) == ({}, (), 3)
    for days in (-1, 4000):
        with pytest.raises(Invalid):
            view_as(people.olivia.actor, people.rita.id, at=clock.now() + timedelta(days=days))


def test_with_a_change_that_nobody_made(hotels: cast.Hotels) -> None:
    share = hotels.olivia.share(hotels.vera, hotels.deck, permissions=LIVE)
    found = view_as(hotels.olivia.actor, hotels.vera.id, organization=hotels.id)
    assert seen(found) == {"Deck": LIVE, "Lobby": BACK}
    assert dict(found.sources) == {
        f"share:{share}": "your share",
        f"membership:{hotels.member(hotels.vera)}": "the role Viewer",
    }
    without = view_as(
        hotels.olivia.actor, hotels.vera.id, organization=hotels.id, change=parse_without([f"share:{share}"])
    )
    assert (seen(without), without.unseen) == ({"Lobby": BACK}, 1)


def test_who_may_share_nothing_looks_as_nobody(people: cast.Cast) -> None:
    for person in (people.vera, people.pat):
        with pytest.raises(NotFound):
            view_as(person.actor, people.rita.email)
    with pytest.raises(NotFound):
        view_as(people.olivia.actor, people.vera.id, organization=people.xena.organization)


# ── N17 ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_of_other_sharers_and_other_organizations(hotels: cast.Hotels) -> None:
    """N17: no camera, name, number or reason of what somebody else shares with her, or that somebody does."""
    rita, xena = hotels.rita, hotels.xena
    hotels.olivia.share(rita, hotels.lobby, hotels.deck)
    client = hotels.ada.api()

    def ask() -> tuple[Any, ...]:
        found = view_as(hotels.ada.actor, rita.id)
        answer = look(client, rita.email).json()
        answer.pop("at")
        return seen(found), found.later, found.unseen, found.sources, answer

    before = ask()
    assert before[0] == {"Lobby": LIVE}
    canary = xena.add_camera(CANARY)
    theirs = xena.share(rita, canary, permissions=BACK)
    hotels.olivia.share(rita, hotels.people.pool, permissions=BACK)  # of another organization, at home
    assert ask() == before
    said = json.dumps(before[4])
    assert not any(secret in said for secret in (CANARY, canary, theirs, "Xena", "Deck", "Pool"))
    # Nor is it told of any account that Ada does not know by what she manages.
    nobody = look(client, "nobody@example.org").json()
    stranger = look(client, xena.email).json()
    unknown = look(client, new_id()).json()
    for answer in (nobody, stranger, unknown):
        answer.pop("at")
    assert nobody == stranger == unknown == {"account": None, "items": [], "later": [], "unseen": 1}


# ── The API ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_api_says_the_same(people: cast.Cast) -> None:
    share = people.olivia.share(people.rita, people.pool, permissions=BACK)
    client = people.olivia.api(["read"])
    before = get_rows(without={"accounts_apitoken", "audit_entry", "audit_chain"})
    answer = look(client, people.rita.id).json()
    assert answer["account"]["name"] == "Rita"
    assert [(row["kind"], row["id"], row["permissions"]) for row in answer["items"]] == [
        ("camera", people.pool, ["live_view", "playback"])
    ]
    gone = look(client, people.rita.id, without=[f"share:{share}"]).json()
    assert (gone["items"], gone["unseen"]) == ([], 3)
    question = f"/api/v1/access/explain?account={people.rita.id}&camera={people.pool}&permission=playback"
    assert client.get(question).json()["allowed"] is True
    assert client.get(f"{question}&without=share:{share}").json()["allowed"] is False
    assert client.get(f"{question}&without=share:{new_id()}").json()["allowed"] is True
    for bad in ({"at": "2020-01-01T00:00:00Z"}, {"at": "soon"}, {"without": ["rita"]}, {"unknown": 1}):
        assert look(client, people.rita.id, **bad).status_code == 422
    assert client.get(f"/api/v1/access/view-as?account={people.rita.id}").status_code == 405
    assert get_rows(without={"accounts_apitoken", "audit_entry", "audit_chain"}) == before


def test_the_api_writes_down_that_one_looked(hotels: cast.Hotels) -> None:
    """B-4: as the page does; in each organization that was looked at, and not of whom one does not know (N17)."""
    hotels.olivia.share(hotels.rita, hotels.lobby)
    client = hotels.olivia.api(["read"])
    assert look(client, hotels.rita.email, organization=hotels.id).status_code == 200
    look(client, "nobody@example.org")
    look(client, new_id())
    look(client, hotels.rita.id, at="2020-01-01T00:00:00Z")
    look(client, hotels.rita.id, organization=hotels.xena.organization)
    [only] = Entry.objects.filter(action="access.viewed_as")
    assert (only.chain_id, only.thing) == (hotels.id, f"account:{hotels.rita.id}")
    assert (only.fields or {})["actor"] == hotels.olivia.id
    look(client, hotels.rita.id)
    chains = Entry.objects.filter(action="access.viewed_as").values_list("chain_id", flat=True)
    assert sorted(chains) == sorted([hotels.id, hotels.id, hotels.olivia.organization])


# ── The pages ────────────────────────────────────────────────────────────────────────────────────────────────────────


def looks() -> list[tuple[str, str]]:
    """(thing, who looked), of every look that was written down."""
    rows = Entry.objects.filter(action="access.viewed_as").order_by("sequence")
    return [(row.thing, (row.fields or {})["actor"]) for row in rows]


def text_of(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_a_look_is_opened_marked_and_written_down(people: cast.Cast) -> None:
    """B-4: a GET opens nothing and writes nothing; the POST is one entry, and no picture comes of it."""
    people.olivia.share(people.rita, people.pool)
    browser, address = people.olivia.browser(), f"/view-as/{recipient_of(people.olivia, people.rita)}"
    door = browser.get(address)
    assert "Pool" not in text_of(door)
    assert "written in the audit" in text_of(door)
    assert looks() == []
    opened = browser.post(address, follow=True)
    assert opened.redirect_chain == [(f"/view-as/{people.rita.id}", 302)]
    assert looks() == [(f"account:{people.rita.id}", people.olivia.id)]
    body = opened.content.decode().split("<main", 1)[1]
    assert "You are looking as Rita sees it. Read only." in text_of(opened)
    assert "Pool" in text_of(opened)
    assert "Courtyard" not in text_of(opened)
    # N17: no frame and no way to one.
    assert not any(way in body for way in ("<live-view", "<img", "<video", "/tickets", "snapshot"))
    before = get_rows(without={"accounts_session"})
    soon = (clock.now() + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")
    assert "Pool" in text_of(browser.get(f"/view-as/{people.rita.id}?at={soon}"))
    assert get_rows(without={"accounts_session"}) == before
    assert not ViewingSession.objects.exists()
    assert browser.get(f"/view-as/{people.rita.id}?at=soon").status_code == 422


def test_the_page_with_a_change_that_nobody_made(people: cast.Cast) -> None:
    share = people.olivia.share(people.rita, people.pool)
    browser = people.olivia.browser()
    browser.post(f"/view-as/{people.rita.id}")
    said = text_of(browser.get(f"/view-as/{people.rita.id}?without=share:{share}"))
    assert "Nothing has been changed" in said
    assert "Rita sees nothing of Pool any more." in said
    assert browser.get(f"/view-as/{people.rita.id}?without=rita").status_code == 422


def test_an_hour_later_the_door_is_shut_again(people: cast.Cast) -> None:
    people.olivia.share(people.rita, people.pool)
    browser = people.olivia.browser()
    browser.post(f"/view-as/{people.rita.id}")
    with clock.moved_by(timedelta(hours=1, minutes=1)):
        assert "See as Rita ?" in text_of(browser.get(f"/view-as/{people.rita.id}"))


def test_nobody_looks_as_whom_he_does_not_know(people: cast.Cast) -> None:
    """N1, N16, N17: a stranger, an id of nobody, a recipient's look at the owner: one page for all."""
    olivia, vera = people.olivia.browser(), people.vera.browser()
    waiting = recipient_of(people.olivia, people.pat)
    assert "pat@example.org sees nothing of yours" in text_of(olivia.get(f"/view-as/{waiting}"))
    for browser, who in ((olivia, people.xena.id), (olivia, new_id()), (olivia, "x"), (vera, people.olivia.id)):
        assert browser.get(f"/view-as/{who}").status_code == 404
        assert browser.post(f"/view-as/{who}").status_code == 404
    assert olivia.post(f"/view-as/{waiting}").status_code == 404
    assert looks() == []


def test_no_page_says_what_others_share(people: cast.Cast) -> None:
    """N17: Xena's camera, its name and her name stand on no page of Olivia's about Rita."""
    people.olivia.share(people.rita, people.pool)
    browser = people.olivia.browser()
    browser.post(f"/view-as/{people.rita.id}")
    addresses = (
        f"/view-as/{people.rita.id}",
        f"/access/why?account={people.rita.id}&camera={people.pool}",
        f"/recipients/{recipient_of(people.olivia, people.rita)}",
    )
    before = [browser.get(address) for address in addresses]
    canary = people.xena.add_camera(CANARY)
    people.xena.share(people.rita, canary, permissions=BACK)
    for was, address in zip(before, addresses, strict=True):
        now = browser.get(address)
        assert text_of(now) == text_of(was)
        assert not any(secret in now.content.decode() for secret in (CANARY, canary, "Xena"))
    assert browser.get(f"/access/why?account={people.rita.id}&camera={canary}").status_code == 404
