"""What is logged about oneself: one's own rows of ledger and audit, and nothing of others (threats.md §5)."""

import itertools
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

import cast
from belvedere.contracts.permissions import Permission
from belvedere.control.access.roles import Role
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock
from belvedere.control.devices.services import rename_camera, set_alias
from belvedere.control.sharing.models import Share
from belvedere.control.sharing.selectors import MyEntry, MyViewing, list_activity
from belvedere.control.sharing.services import Item, block_sharer, change_share, end_share
from belvedere.control.streaming.models import ViewingSession

BOTH = Permission.LIVE_VIEW | Permission.PLAYBACK


def watched(person: cast.Person, camera: str, *, ago_s: int = 60, lasted_s: int | None = 30) -> str:
    """A row of the ledger."""
    at = clock.now() - timedelta(seconds=ago_s)
    row = ViewingSession.objects.create(
        principal=person.id,
        camera_id=camera,
        kind="live",
        quality="main",
        issued_at=at,
        opened_at=at,
        closed_at=None if lasted_s is None else at + timedelta(seconds=lasted_s),
    )
    return row.pk


def viewings(person: cast.Person) -> list[MyViewing]:
    return [row for row in list_activity(person.actor).items if isinstance(row, MyViewing)]


def entries(person: cast.Person) -> list[MyEntry]:
    return [row for row in list_activity(person.actor, limit=200).items if isinstance(row, MyEntry)]


def test_what_one_watched_by_the_name_one_knows(people: cast.Cast) -> None:
    """B-2: camera, kind, from and to; and who else reads it."""
    people.olivia.share(people.rita, people.courtyard)
    set_alias(people.rita.actor, camera=people.courtyard, name="Behind the house")
    mine = watched(people.rita, people.courtyard)
    watched(people.olivia, people.courtyard)
    watched(people.vera, people.counter)
    [row] = viewings(people.rita)
    assert (row.id, row.camera.name) == (mine, "Behind the house")
    assert row.camera.shared_by
    assert row.camera.shared_by.id == people.olivia.id
    page = people.rita.browser().get("/account/activity").content.decode()
    assert "You watched <bdi>Behind the house</bdi>" in page
    assert "by Olivia, and by whoever else may share this camera" in page


def test_nothing_of_others_stands_there(people: cast.Cast) -> None:
    """N15, threats.md §5: byte-equal with and without other viewers, shares and cameras in the data."""
    people.olivia.share(people.rita, people.courtyard)
    watched(people.rita, people.courtyard)
    api = people.rita.api()
    before = api.get("/api/v1/me/activity").content
    watched(people.vera, people.counter)
    watched(people.olivia, people.courtyard, lasted_s=None)
    people.olivia.share(people.vera, people.courtyard)
    people.xena.add_camera("Loft")
    assert api.get("/api/v1/me/activity").content == before


def test_what_others_did_with_what_they_share_with_one(people: cast.Cast) -> None:
    share = people.olivia.share(people.rita, people.courtyard)
    change_share(people.olivia.actor, share=share, items=[Item(people.courtyard, BOTH)])
    found = {row.entry.action: row for row in entries(people.rita)}
    assert {"share.offered", "share.accepted", "share.changed"} <= found.keys()
    assert found["share.accepted"].is_mine
    changed = found["share.changed"]
    assert changed.by
    assert (changed.by.id, changed.is_mine, changed.chain) == (people.olivia.id, False, "")
    # Neither from where she did it, nor which site it is at.
    assert changed.entry.text("address") == ""
    assert "share.changed" not in {row.entry.action for row in entries(people.vera)}
    page = people.rita.browser().get("/account/activity").content.decode()
    assert "by whoever manages what is shared with you" in page


def test_of_those_behind_the_sharer_no_name(hotels: cast.Hotels) -> None:
    """N17: another manager ends it; the recipient reads that it ended."""
    share = hotels.olivia.share(hotels.rita, hotels.lobby)
    end_share(hotels.sam.actor, share=share)
    [ended] = [row for row in entries(hotels.rita) if row.entry.action == "share.revoked"]
    assert ended.by is None
    page = hotels.rita.browser().get("/account/activity").content.decode()
    assert hotels.sam.name not in page
    assert "Harbour Hotels" not in page
    answer = hotels.rita.api().get("/api/v1/me/activity").content.decode()
    assert hotels.sam.id not in answer
    assert hotels.id not in answer


def test_a_camera_one_sees_no_more_has_the_name_one_gave_it_or_none(people: cast.Cast) -> None:
    """N14: what its owner calls it since then is not told."""
    share = people.olivia.share(people.rita, people.courtyard)
    other = people.olivia.share(people.rita, people.pool)
    set_alias(people.rita.actor, camera=people.pool, name="My pool")
    watched(people.rita, people.courtyard)
    watched(people.rita, people.pool, ago_s=50)
    for one in (share, other):
        end_share(people.olivia.actor, share=one)
    rename_camera(people.olivia.actor, camera=people.courtyard, name="Safe room")
    assert [row.camera.name for row in viewings(people.rita)] == ["My pool", ""]
    page = people.rita.browser().get("/account/activity").content.decode()
    assert "a camera that you see no more" in page
    assert "Safe room" not in page
    assert "Courtyard" not in page


def test_offers_of_who_is_blocked_are_not_in_it(people: cast.Cast) -> None:
    share = people.olivia.offer(people.rita, people.courtyard)
    assert "share.offered" in {row.entry.action for row in entries(people.rita)}
    page = people.rita.browser().get("/account/activity").content.decode()
    assert "offered <bdi>Courtyard</bdi>" in page
    block_sharer(people.rita.actor, share=share)
    people.olivia.offer(people.rita, people.pool)
    assert "share.offered" not in {row.entry.action for row in entries(people.rita)}
    assert "sharer.blocked" in {row.entry.action for row in entries(people.rita)}


def test_a_member_reads_what_he_did_and_what_was_done_to_him(hotels: cast.Hotels) -> None:
    found = [row for row in entries(hotels.vera) if row.entry.action == "member.joined"]
    assert [row.chain for row in found] == [hotels.id]
    assert Role.VIEWER.value in str(found[0].entry.fields)
    page = hotels.vera.browser().get("/account/activity").content.decode()
    assert "by whoever manages Harbour Hotels" in page
    assert hotels.nora.name not in page


def pages(client: Any, limit: int) -> list[list[dict[str, Any]]]:
    """Every page by cursor."""
    found, cursor = [], ""
    while True:
        answer = client.get("/api/v1/me/activity", {"limit": limit} | ({"cursor": cursor} if cursor else {})).json()
        found.append(answer["items"])
        if not (cursor := answer["next"]):
            return found


def test_page_after_page_everything_once(people: cast.Cast) -> None:
    """Ledger and audit in one order, and equal instants in it too."""
    people.olivia.share(people.rita, people.courtyard)
    at = clock.now()
    for _ in range(7):
        ViewingSession.objects.create(
            principal=people.rita.id,
            camera_id=people.courtyard,
            kind="live",
            quality="main",
            issued_at=at,
            opened_at=at,
        )
    client = people.rita.api()
    whole = client.get("/api/v1/me/activity", {"limit": 200}).json()["items"]
    parts = pages(client, 3)
    assert list(itertools.chain.from_iterable(parts)) == whole
    assert len({row["id"] for row in whole}) == len(whole)
    assert {len(part) for part in parts[:-1]} == {3}
    assert [row["at"] for row in whole] == sorted((row["at"] for row in whole), reverse=True)


def test_a_cursor_is_its_readers_own(people: cast.Cast) -> None:
    """N13."""
    cursor = people.olivia.api().get("/api/v1/me/activity", {"limit": 1}).json()["next"]
    assert cursor
    assert people.xena.api().get("/api/v1/me/activity", {"cursor": cursor}).status_code == 400
    assert people.rita.browser().get("/account/activity", {"before": cursor}).status_code == 422


@pytest.mark.parametrize("count", [1, 40])
def test_it_asks_as_often_for_one_as_for_forty(people: cast.Cast, count: int) -> None:
    people.olivia.share(people.rita, people.courtyard)
    asked = []
    for many in (1, count):
        for _ in range(many):
            watched(people.rita, people.courtyard)
            share = Share.objects.get(accepted_by=people.rita.id)
            write_entry(actor=people.rita.actor, action="share.changed", thing=f"share:{share.pk}")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            list_activity(people.rita.actor)
        asked.append(len(queries))
    assert asked[0] == asked[1]
