"""Looking as somebody else: what he sees of what one manages, at any instant, and not a thing more. B-4; N17."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest

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
        answer = client.get(f"/api/v1/access/view-as?account={rita.email}").json()
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
    nobody = client.get("/api/v1/access/view-as?account=nobody@example.org").json()
    stranger = client.get(f"/api/v1/access/view-as?account={xena.email}").json()
    unknown = client.get(f"/api/v1/access/view-as?account={new_id()}").json()
    for answer in (nobody, stranger, unknown):
        answer.pop("at")
    assert nobody == stranger == unknown == {"account": None, "items": [], "later": [], "unseen": 1}


# ── The API ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_api_says_the_same(people: cast.Cast) -> None:
    share = people.olivia.share(people.rita, people.pool, permissions=BACK)
    client = people.olivia.api(["read"])
    before = get_rows(without={"accounts_apitoken"})
    answer = client.get(f"/api/v1/access/view-as?account={people.rita.id}").json()
    assert answer["account"]["name"] == "Rita"
    assert [(row["kind"], row["id"], row["permissions"]) for row in answer["items"]] == [
        ("camera", people.pool, ["live_view", "playback"])
    ]
    gone = client.get(f"/api/v1/access/view-as?account={people.rita.id}&without=share:{share}").json()
    assert (gone["items"], gone["unseen"]) == ([], 3)
    question = f"/api/v1/access/explain?account={people.rita.id}&camera={people.pool}&permission=playback"
    assert client.get(question).json()["allowed"] is True
    assert client.get(f"{question}&without=share:{share}").json()["allowed"] is False
    assert client.get(f"{question}&without=share:{new_id()}").json()["allowed"] is True
    for bad in ("at=2020-01-01T00:00:00Z", "at=soon", "without=rita"):
        assert client.get(f"/api/v1/access/view-as?account={people.rita.id}&{bad}").status_code == 422
    assert get_rows(without={"accounts_apitoken"}) == before
