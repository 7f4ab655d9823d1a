"""The table of `roles.py`, multiplied: everybody of Harbour Hotels × every action × own and other site × each surface.

VV 4–8, 24–27, 31; N12, N16, B-9.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

import cast
from belvedere.contracts.events import Hello
from belvedere.contracts.permissions import ALL, NONE
from belvedere.control.access.roles import Role
from belvedere.control.core.errors import NotFound, Refusal
from belvedere.control.devices.selectors import get_camera, list_cameras
from belvedere.control.devices.services import record_hello
from belvedere.control.organizations.selectors import list_members, list_organizations, list_sites
from belvedere.control.organizations.services import Wish, invite_member
from invariants.roles import API, CAST, SERVICES, TABLE, WITHOUT_API, Place, expected, ids
from invariants.surface import fill

type Places = dict[str, Place]


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside is taken back, so that the next action finds the same."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture
def places(hotels: cast.Hotels) -> Places:
    """North and South, with one of everything on each, and a media node that lives."""
    record_hello("local", Hello(node="local", run="run-1", url="ws://localhost:8001", public_key="key"))
    return {
        "own": _furnish(hotels, hotels.north, hotels.south, hotels.lobby, hotels.rita),
        "other": _furnish(hotels, hotels.south, hotels.north, hotels.deck, hotels.people.pat),
    }


def _furnish(hotels: cast.Hotels, site: str, beyond: str, camera: str, member: cast.Person) -> Place:
    device = get_camera(hotels.olivia.actor, camera).device
    assert device
    invitation = invite_member(
        hotels.olivia.actor,
        organization=hotels.id,
        address=f"{site}@example.org",
        wish=Wish(role=Role.VIEWER, sites=[site]),
    )
    share = hotels.olivia.offer("outside@example.org", camera)
    return Place(hotels, site, beyond, camera, device, hotels.join(member, Role.VIEWER, site), invitation, share)


def answers(act: Callable[[str, Place], str], places: Places, actions: Any) -> dict[tuple[str, str], str]:
    """(action, place) → what came of it."""
    found = {}
    for action in actions:
        for where in TABLE[action]:
            with undone():
                found[action, where] = act(action, places[where])
    return found


def test_the_table_is_whole() -> None:
    assert set(SERVICES) == set(TABLE) == set(API) | WITHOUT_API
    for action, rows in TABLE.items():
        assert all(len(row.split()) == len(CAST) for row in rows.values()), action


@pytest.mark.parametrize("name", CAST)
def test_services_answer_as_the_table_says(places: Places, name: str) -> None:
    def act(action: str, place: Place) -> str:
        try:
            SERVICES[action](place.hotels.person(name).actor, place)
        except Refusal as refusal:
            return str(refusal.status)
        return "ok"

    assert answers(act, places, SERVICES) == expected(name, SERVICES)


@pytest.mark.parametrize("name", CAST)
def test_the_api_answers_as_the_table_says(places: Places, hotels: cast.Hotels, name: str) -> None:
    """Signed in, as on a page; tokens of every scope: below."""
    client = hotels.person(name).browser()

    def act(action: str, place: Place) -> str:
        return call(client, action, ids(place, name))

    assert answers(act, places, API) == expected(name, API)


def call(client: Client, action: str, known: dict[str, str]) -> str:
    """One action by the API: `ok`, or the status of the refusal. What a list does not hold is not there."""
    method, address, *more = API[action]
    body, wanted = (*more, None, None)[:2]
    data = {} if method == "GET" else {"data": fill(body, known), "content_type": "application/json"}
    if body is None:
        data.pop("data", None)
    answer = getattr(client, method.lower())(f"/api/v1/{address.format_map(known)}", **data)
    if answer.status_code >= 300:
        return str(answer.status_code)
    if wanted and fill(wanted, known) not in {row["id"] for row in answer.json()["items"]}:
        return "404"
    return "ok"


#: what everybody holds on the camera of North; on South's only the first two hold anything
RIGHTS = {
    "olivia": ALL.wire_names,
    "sam": ALL.wire_names,
    "ada": ALL.wire_names,
    "omar": ["live_view", "listen", "playback", "talk", "ptz", "notify"],
    "vera": ["live_view", "playback"],
    "leo": ["live_view"],
    "nora": [],
    "xena": [],
}


@pytest.mark.parametrize("name", CAST)
def test_rights_are_those_of_the_role_and_no_others(hotels: cast.Hotels, name: str) -> None:
    """VV-5, VV-24, VV-25, VV-26: what the page, the API and the lease are made from."""

    def held(camera: str) -> list[str]:
        try:
            return get_camera(hotels.person(name).actor, camera).permissions.wire_names
        except NotFound:
            return NONE.wire_names

    assert held(hotels.lobby) == RIGHTS[name]
    assert held(hotels.deck) == (ALL.wire_names if name in {"olivia", "sam"} else [])


def test_the_personal_organization_is_nobody_elses(hotels: cast.Hotels) -> None:
    """VV-22, VV-23: whatever one becomes elsewhere, at home one owns, and sees what one saw."""
    for name in CAST:
        person = hotels.person(name)
        first, *others = list_organizations(person.actor)
        assert (first.is_personal, first.is_owned, first.role) == (True, True, Role.OWNER)
        assert [row.id for row in others] == ([] if name == "xena" else [hotels.id])
        assert len(list_sites(person.actor, first.id)) == 1
    assert {view.id for view in list_cameras(hotels.vera.actor)} == {hotels.lobby, hotels.people.counter}


def test_an_admin_of_north_reads_nothing_of_south(places: Places, hotels: cast.Hotels) -> None:
    """N14, N17: neither people, nor counts, nor what people are elsewhere."""
    both = hotels.join(hotels.xena, Role.VIEWER, hotels.north, overrides={hotels.south: Role.OPERATOR})
    page = list_members(hotels.ada.actor, hotels.id)
    assert places["other"].member not in {row.id for row in page.items}
    assert page.total == len(page.items)
    for row in page.items:
        assert hotels.south not in (row.standing.sites or ())
        assert hotels.south not in row.standing.overrides
    (seen,) = (row for row in page.items if row.id == both)
    assert seen.standing.on(hotels.north) is Role.VIEWER
    assert seen.standing.on(hotels.south) is Role.NO_ACCESS
