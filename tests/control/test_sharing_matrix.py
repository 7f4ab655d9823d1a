"""Who can see what, as one table: what stands in it, for whom, and cells changed where they stand.

HC-21, HC-22, HC-31, HC-32, B-10; N1, N14, N17, N32.
"""

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

import cast
from belvedere.contracts.permissions import NONE, Permission
from belvedere.control.core import clock
from belvedere.control.guests.selectors import list_open_links
from belvedere.control.guests.services import end_link, make_link
from belvedere.control.organizations.models import Organization
from belvedere.control.sharing.models import Share, ShareItem
from belvedere.control.sharing.selectors import MatrixPerson, get_given, get_matrix
from belvedere.control.sharing.services import Item, change_share, offer_share, pause_share
from belvedere.control.sharing.terms import DAY, EVERYTHING, Footage
from belvedere.control.streaming.models import ViewingSession
from control.test_panels import bind
from control.watching import hello, watch

LIVE = Permission.LIVE_VIEW
ARM = Permission.ARM
BACK = Permission.LIVE_VIEW | Permission.PLAYBACK
HTMX = {"HX-Request": "true"}


def rows_of(person: cast.Person, organization: str = "") -> dict[str, MatrixPerson]:
    """Address → row, as this person sees the matrix."""
    return {row.address: row for row in get_matrix(person.actor, organization or person.organization).people}


def address(share: str, camera: str) -> str:
    return f"/sharing/{share}/cameras/{camera}"


def text_of(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


# ── What stands in it ────────────────────────────────────────────────────────────────────────────────────────────────


def test_people_and_cameras_with_what_each_has(people: cast.Cast) -> None:
    """HC-21. N1: who has not answered is an address, without a name, whether anybody lives there or not."""
    people.olivia.offer("nobody@example.org", people.pool)
    found = rows_of(people.olivia)
    assert set(found) == {"vera@example.org", "pat@example.org", "nobody@example.org"}
    vera, pat, nobody = (found[f"{name}@example.org"] for name in ("vera", "pat", "nobody"))
    assert {pk: cell.permissions for pk, cell in vera.cells.items()} == {people.counter: LIVE}
    assert (vera.name, vera.remark) == ("Vera", "")
    assert (pat.account, nobody.account) == (None, None)
    assert (pat.name, pat.remark) == ("pat@example.org", "the gardener")
    assert pat.cells[people.pool].permissions == NONE
    assert pat.cells[people.pool].offered == LIVE


def test_who_may_not_share_has_no_matrix(people: cast.Cast) -> None:
    """VA-4, N17: neither a recipient nor a stranger learns who sees it."""
    for person in (people.vera, people.pat, people.xena):
        assert get_matrix(person.actor, people.olivia.organization).people == []
    assert people.vera.browser().get("/sharing/matrix").status_code == 404
    assert people.vera.browser().get("/sharing/matrix.csv").status_code == 404


def test_members_stand_in_it_by_role(hotels: cast.Hotels) -> None:
    """A role gives what it gives site by site, and is not changed here; a share beside it is."""
    share = hotels.olivia.share(hotels.vera, hotels.deck, permissions=LIVE)
    found = rows_of(hotels.olivia, hotels.id)
    assert {row.address for row in found.values()} == {
        f"{name}@example.org" for name in ("sam", "ada", "omar", "vera", "leo")
    }
    vera = found["vera@example.org"]
    assert vera.roles == {"viewer"}
    assert (vera.cells[hotels.lobby].by_role, vera.cells[hotels.lobby].mine) == (BACK, None)
    assert vera.cells[hotels.deck].by_role == NONE
    mine = vera.cells[hotels.deck].mine
    assert mine
    assert mine.share == share
    # Ada is Admin of North alone: of South she learns nothing.
    assert {camera for row in rows_of(hotels.ada, hotels.id).values() for camera in row.cells} == {hotels.lobby}


def test_another_ones_share_is_shown_and_not_changed(hotels: cast.Hotels) -> None:
    """HC-6: without his private remark, too."""
    hotels.olivia.offer(hotels.rita, hotels.lobby, remark="my sister")
    rita = rows_of(hotels.sam, hotels.id)["rita@example.org"]
    assert (rita.cells[hotels.lobby].mine, rita.remark, rita.account) == (None, "", None)
    assert rita.cells[hotels.lobby].offered == LIVE


def test_what_nobody_uses_is_flagged(people: cast.Cast) -> None:
    """B-10: by the rule of the share's own page: never in thirty days, or not any more in ninety."""
    hello()
    assert not rows_of(people.olivia)["vera@example.org"].is_unused
    long_ago = clock.now() - timedelta(days=31)
    Share.objects.update(decided_at=long_ago)
    ShareItem.objects.filter(share=people.veras_share).update(given_at=long_ago)
    assert rows_of(people.olivia)["vera@example.org"].is_unused
    session = watch(people.vera, people.counter)
    assert not rows_of(people.olivia)["vera@example.org"].is_unused
    seen = ViewingSession.objects.filter(pk=session)
    Share.objects.update(decided_at=clock.now() - timedelta(days=200))
    for days, is_flagged in ((31, False), (89, False), (91, True)):
        at = clock.now() - timedelta(days=days)
        seen.update(issued_at=at, opened_at=at - timedelta(hours=1), closed_at=at)
        Share.objects.update(last_used_at=at)  # what the ledger forgets, the share remembers
        assert rows_of(people.olivia)["vera@example.org"].is_unused is is_flagged
        assert get_given(people.olivia.actor, people.veras_share).is_unused is is_flagged
    Share.objects.update(paused_at=clock.now())
    assert not rows_of(people.olivia)["vera@example.org"].is_unused


def test_what_is_over_is_gone_and_what_ends_soon_is_said(people: cast.Cast) -> None:
    change_share(people.olivia.actor, share=people.veras_share, terms={"ends_at": clock.now() + timedelta(days=3)})
    assert rows_of(people.olivia)["vera@example.org"].is_ending
    Share.objects.filter(pk=people.veras_share).update(ends_at=clock.now() - timedelta(seconds=1))
    assert "vera@example.org" not in rows_of(people.olivia)


# ── The page ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def olivia(people: cast.Cast) -> Client:
    """Olivia's browser."""
    hello()
    return people.olivia.browser()


def test_the_page_by_person_and_by_camera(people: cast.Cast, olivia: Client) -> None:
    for query in ("", "?by=camera"):
        answer = olivia.get(f"/sharing/matrix{query}")
        assert answer.status_code == 200
        body = answer.content.decode()
        assert all(name in body for name in ("Vera", "pat@example.org", "Courtyard", "Pool", "Counter"))
        assert f'href="{address(people.veras_share, people.counter)}"' in body
        assert f'href="{address(people.pats_offer, people.pool)}"' in body


@pytest.mark.parametrize(
    ("query", "there", "not_there"),
    [
        ("q=vera", "Vera", "pat@example.org"),
        ("q=GARDENER", "pat@example.org", "Vera"),
        ("q=pool", "pat@example.org", "Vera"),
        ("show=pending", "pat@example.org", "Vera"),
        ("show=nonsense", "Vera", "nobody at all"),
        ("q=zzz", "Nobody and nothing like that", "Vera"),
        ("site=01zzzzzzzzzzzzzzzzzzzzzzzz", "Nobody and nothing like that", "Vera"),
        ("start=999", "", "Vera"),
        ("start=-1", "Vera", "nobody at all"),
    ],
)
def test_filters(olivia: Client, query: str, there: str, not_there: str) -> None:
    answer = olivia.get(f"/sharing/matrix?{query}", headers=HTMX if "start" in query else {})
    assert answer.status_code == 200
    assert there in text_of(answer)
    assert not_there not in text_of(answer)


def test_long_tables_come_in_parts(people: cast.Cast, olivia: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("belvedere.control.web.sharing_matrix.ROWS", 1)
    body = olivia.get("/sharing/matrix").content.decode()
    assert "pat@example.org" in body
    assert "Vera" not in body
    more = re.search(r'hx-get="([^"]+)"', body)
    assert more
    part = olivia.get(more[1].replace("&amp;", "&"), headers=HTMX).content.decode()
    assert "Vera" in part
    assert "<html" not in part
    assert "hx-get" not in part


# ── One cell ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_cell_is_changed_in_place_and_shows_its_receipt(people: cast.Cast, olivia: Client) -> None:
    """HC-21, HC-32."""
    path = address(people.veras_share, people.counter)
    form = olivia.get(path, headers=HTMX)
    assert "Vera on Counter" in text_of(form)
    assert "<html" not in form.content.decode()
    answer = olivia.post(path, {"permission": ["live_view", "playback"], "version": "1"}, headers=HTMX)
    assert answer.status_code == 200
    assert "It is so now" in text_of(answer)
    assert 'href="/receipts/' in answer.content.decode()
    assert get_given(people.olivia.actor, people.veras_share).items[0].permissions == BACK
    # Whoever has the page of yesterday overwrites nothing.
    answer = olivia.post(path, {"permission": ["live_view"], "version": "1"}, headers=HTMX)
    assert answer.status_code == 409
    assert get_given(people.olivia.actor, people.veras_share).items[0].permissions == BACK


def test_without_scripts_a_cell_is_a_page_and_leads_to_the_receipt(people: cast.Cast, olivia: Client) -> None:
    """HC-31."""
    path = address(people.veras_share, people.counter)
    assert "<html" in olivia.get(path).content.decode()
    answer = olivia.post(path, {"permission": ["live_view", "playback"]}, follow=True)
    assert answer.status_code == 200
    assert "What you share has changed" in text_of(answer)


def test_the_last_right_taken_ends_it(people: cast.Cast, olivia: Client) -> None:
    """One camera of several leaves the share; the last one ends it."""
    share = people.olivia.share(people.rita, people.courtyard, people.pool)
    olivia.post(address(share, people.pool), {})
    assert [item.name for item in get_given(people.olivia.actor, share).items] == ["Courtyard"]
    answer = olivia.post(address(share, people.courtyard), {"end": "1", "permission": ["live_view"]}, headers=HTMX)
    assert answer.status_code == 200
    assert get_given(people.olivia.actor, share).state == "revoked"
    assert '<td role="gridcell"></td>' in answer.content.decode()
    assert olivia.get(address(share, people.pool)).status_code == 404


@pytest.mark.parametrize(
    ("permissions", "status"),
    [(["listen"], 422), (["live_view", "share"], 422), (["everything"], 422), (["live_view", "arm"], 422)],
)
def test_what_makes_no_sense_changes_nothing(
    people: cast.Cast, olivia: Client, permissions: list[str], status: int
) -> None:
    path = address(people.veras_share, people.counter)
    answer = olivia.post(path, {"permission": permissions})
    assert answer.status_code == status
    assert get_given(people.olivia.actor, people.veras_share).items[0].permissions == LIVE


def test_how_far_back_is_changed_in_the_cell(people: cast.Cast, olivia: Client) -> None:
    """B-6: and stays as it is where nothing is said of it."""
    path = address(people.veras_share, people.counter)
    assert "Playback reaches back" in text_of(olivia.get(path, headers=HTMX))
    both = {"permission": ["live_view", "playback"]}
    for said, reach in (("week", Footage(7 * DAY)), ("", Footage(7 * DAY)), ("all", EVERYTHING)):
        assert olivia.post(path, both | {"footage": said}, headers=HTMX).status_code == 200
        assert get_given(people.olivia.actor, people.veras_share).items[0].footage == reach
    assert olivia.post(path, both | {"footage": "for ever"}, headers=HTMX).status_code == 422
    # Without playback it means nothing, whatever the browser sends of a field that is not shown.
    assert olivia.post(path, {"permission": ["live_view"], "footage": "week"}, headers=HTMX).status_code == 200


def test_when_is_one_tap_away_and_comes_back(people: cast.Cast, olivia: Client) -> None:
    """To the table as it was looked at; nowhere else, whatever an address says."""
    where = {"HX-Current-URL": "http://testserver/sharing/matrix?q=vera&by=camera"}
    form = olivia.get(address(people.veras_share, people.counter), headers=HTMX | where)
    link = re.search(r'href="(/sharing/[^"]+/terms[^"]*)"', form.content.decode())
    assert link
    page = olivia.get(link[1].replace("&amp;", "&")).content.decode()
    assert 'name="back" value="/sharing/matrix?q=vera&amp;by=camera"' in page
    terms = f"/sharing/{people.veras_share}/terms"
    for back, leads_to in (("/sharing/matrix?q=vera", "/sharing/matrix?q=vera"), ("//elsewhere.example", "/sharing")):
        version = get_given(people.olivia.actor, people.veras_share).version
        answer = olivia.post(terms, {"version": version, "time": "always", "back": back})
        assert answer.headers["Location"] == leads_to


def test_a_paused_share_stands_in_it_and_gives_nothing(people: cast.Cast, olivia: Client) -> None:
    """B-5."""
    pause_share(people.olivia.actor, share=people.veras_share)
    row = rows_of(people.olivia)["vera@example.org"]
    assert (row.cells[people.counter].permissions, row.cells[people.counter].paused) == (NONE, LIVE)
    body = text_of(olivia.get("/sharing/matrix?show=paused"))
    assert "Vera" in body
    assert "Paused" in body
    assert "pat@example.org" not in body


# ── Panels and guests ────────────────────────────────────────────────────────────────────────────────────────────────


def test_panels_stand_beside_cameras(people: cast.Cast, olivia: Client) -> None:
    """HC-13, HC-21: with the two rights there are of a panel; its cell changes them."""
    alarm = bind(people.olivia)
    share = offer_share(people.olivia.actor, recipient="pat@example.org", items=[Item(alarm, ARM, "panel")])
    row = rows_of(people.olivia)["pat@example.org"]
    assert (row.cells[alarm].offered, row.things) == (ARM, {alarm, people.pool})
    path = address(share, alarm)
    for query in ("", "?by=camera"):
        body = olivia.get(f"/sharing/matrix{query}").content.decode()
        assert f'href="{path}"' in body
        assert f'data-panel="/panels/{alarm}/share"' in body
    form = olivia.get(path, headers=HTMX).content.decode()
    assert re.findall(r'name="permission" value="(\w+)"', form) == ["arm", "notify"]
    assert olivia.post(path, {"permission": ["live_view"]}, headers=HTMX).status_code == 422
    assert olivia.post(path, {"permission": ["arm", "notify"]}, headers=HTMX).status_code == 200
    assert rows_of(people.olivia)["pat@example.org"].cells[alarm].offered == ARM | Permission.NOTIFY
    assert people.xena.browser().get(path).status_code == 404


def test_guest_links_are_rows_of_their_own(people: cast.Cast, olivia: Client) -> None:
    """B-7: by the name their giver gave them, in every view, filter and the file; over, they are gone."""
    ends = clock.now() + timedelta(hours=2)
    link = make_link(
        people.olivia.actor,
        name="=Gardener()",
        cameras=[people.courtyard, people.pool],
        permissions=LIVE,
        ends_at=ends,
        max_uses=3,
    ).id
    for query in ("", "?by=camera", "?q=gardener", "?show=ending", "?q=courtyard"):
        body = olivia.get(f"/sharing/matrix{query}").content.decode()
        assert f'href="/guest-links/{link}"' in body, query
    assert link not in olivia.get("/sharing/matrix?q=vera").content.decode()
    lines = csv.DictReader(io.StringIO(olivia.get("/sharing/matrix.csv?show=ending").content.decode()))
    assert [(row["person"], row["camera"], row["by"], row["permissions"]) for row in lines] == [
        ("'=Gardener()", "Courtyard", "guest link", "live_view"),
        ("'=Gardener()", "Pool", "guest link", "live_view"),
    ]
    # N17: whoever may share one of its cameras alone learns nothing of it.
    assert list_open_links(people.vera.actor, {people.pool}) == []
    end_link(people.olivia.actor, link=link)
    assert link not in olivia.get("/sharing/matrix").content.decode()


def test_nobody_elses_cell(people: cast.Cast) -> None:
    """N14."""
    path = address(people.veras_share, people.counter)
    for person in (people.vera, people.xena):
        browser = person.browser()
        assert browser.get(path).status_code == 404
        assert browser.post(path, {}).status_code == 404
    assert people.olivia.browser().get(address(people.veras_share, people.pool)).status_code == 404


# ── As a file ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_no_cell_of_the_file_is_computed(people: cast.Cast, olivia: Client, start: str) -> None:
    """N32: cells that a spreadsheet would compute get an apostrophe."""
    people.olivia.offer("evil@example.org", people.pool, remark=f"{start}cmd|'/c calc'!A1")
    answer = olivia.get("/sharing/matrix.csv")
    assert answer["Content-Type"].startswith("text/csv")
    assert answer["Content-Disposition"] == 'attachment; filename="who-can-see-what.csv"'
    lines = list(csv.reader(io.StringIO(answer.content.decode())))
    assert len({len(line) for line in lines}) == 1
    assert f"'{start}cmd|'/c calc'!A1" in {cell for line in lines for cell in line}
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for line in lines for cell in line)


def test_the_file_holds_what_the_table_shows(people: cast.Cast, olivia: Client) -> None:
    found = list(csv.DictReader(io.StringIO(olivia.get("/sharing/matrix.csv?show=pending").content.decode())))
    assert [(row["person"], row["address"], row["camera"], row["state"], row["permissions"]) for row in found] == [
        ("", "pat@example.org", "Pool", "pending", "live_view")
    ]


def test_an_organization_of_its_own(people: cast.Cast) -> None:
    """Each matrix is of one organization."""
    other = Organization.objects.exclude(pk=people.olivia.organization).first()
    assert other is not None
    assert get_matrix(people.olivia.actor, other.pk).things == []
