"""Lists ask the database equally often for one item, for three and for thirty."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

import cast
from belvedere.control.access.roles import Role
from belvedere.control.core import clock
from belvedere.control.devices.selectors import DAY
from belvedere.control.devices.services import add_device
from belvedere.control.organizations.models import Membership, Organization
from belvedere.control.organizations.services import (
    Wish,
    accept_invitation,
    add_site,
    create_organization,
    invite_member,
)
from belvedere.control.sharing.services import accept_share
from belvedere.control.streaming.models import ViewingSession
from invariants.conftest import World, export_of

type Grow = Callable[[World, int], None]


def cameras(world: World, number: int) -> None:
    """One more camera of Olivia's, shared with Vera, offered to Pat, and watched."""
    olivia = world.people.olivia
    device = add_device(
        olivia.actor, site=olivia.site, name=f"C{number}", address=f"rtsp://127.0.0.1:9/c{number}", is_tested=False
    )
    camera = next(iter(world.by_session("olivia").get(f"/api/v1/devices/{device}").json()["cameras"]))["id"]
    accept_share(world.people.vera.actor, share=olivia.offer(world.people.vera, camera))
    ViewingSession.objects.create(
        principal=olivia.id, camera_id=camera, kind="live", quality="main", issued_at=clock.now(), opened_at=clock.now()
    )


def recipients(world: World, number: int) -> None:
    """One more person who sees the counter, and one who was offered it."""
    olivia = world.people.olivia
    person = cast.make(f"person{number}")
    accept_share(person.actor, share=olivia.offer(person, world.people.counter))
    olivia.offer(f"unknown{number}@example.org", world.people.counter)
    ViewingSession.objects.create(
        principal=person.id,
        camera_id=world.people.counter,
        kind="live",
        quality="main",
        issued_at=clock.now(),
        opened_at=clock.now(),
    )


def sites(world: World, number: int) -> None:
    """One more site."""
    add_site(world.people.olivia.actor, organization=world.people.olivia.organization, name=f"Site {number}")


def members(world: World, number: int) -> None:
    """One more member with a role of his own on a site, one more invitation that waits, one more that Vera has."""
    olivia, vera = world.people.olivia, world.people.vera
    person = cast.make(f"member{number}")
    wish = Wish(role=Role.VIEWER, sites="all", overrides={olivia.site: Role.OPERATOR})
    for address in (person.email, f"unknown{number}@example.org"):
        invitation = invite_member(olivia.actor, organization=olivia.organization, address=address, wish=wish)
        if address == person.email:
            accept_invitation(person.actor, invitation=invitation)
    founded = create_organization(person.actor, name=f"Firm {number}")
    invite_member(person.actor, organization=founded, address=vera.email, wish=Wish(role=Role.VIEWER, sites="all"))


def tokens(world: World, number: int) -> None:
    """One more token and one more sign-in."""
    del number
    world.people.olivia.token()
    world.by_session("olivia")


def exports(world: World, number: int) -> None:
    """One more export of Olivia's."""
    del number
    export_of(world.people.olivia, world.people.counter)


def handovers(world: World, number: int) -> None:
    """One more handover to Vera that waits, and one Super Admin more to hand to."""
    olivia, vera = world.people.olivia, world.people.vera
    organization = Organization.objects.create(name=f"O{number}", owner_id=olivia.id, created_at=clock.now())
    for person, role in ((olivia, Role.OWNER), (vera, Role.SUPER_ADMIN)):
        Membership.objects.create(organization=organization, account_id=person.id, role=role, created_at=clock.now())
    cast.offer_handover(olivia.actor, thing=organization.pk, receiver=vera.id, afterwards="leaves")
    helper = cast.make(f"helper{number}")
    Membership.objects.create(
        organization_id=world.ids["mill_id"], account_id=helper.id, role=Role.SUPER_ADMIN, created_at=clock.now()
    )


#: looking as somebody is written down: it is posted
LOOK = "access/view-as"


def _count(client: Client, address: str) -> int:
    def ask() -> Any:
        if address.endswith(LOOK):
            return client.post(address, {"account": "vera@example.org"}, content_type="application/json")
        return client.get(address)

    ask()  # what is done once for each session is done
    with CaptureQueriesContext(connection) as queries:
        answer = ask()
    assert answer.status_code == 200
    return len(queries)


OWNERS = (
    LOOK,
    "cameras",
    "devices",
    "shares?direction=given",
    "recipients",
    "/",
    "/devices",
    "/sharing",
    "/sharing/matrix",
    "/share",
)
EXPLAIN = "access/explain?account=vera@example.org&camera={}&permission=live_view"
WHY = "/access/why?account=vera@example.org&camera={}"
LEDGER = f"cameras/{{}}/viewings?from={clock.now() - DAY:%FT%TZ}&to={clock.now() + DAY:%FT%TZ}"
MATRIX = "/sharing/matrix?by=camera"
OF_A_CAMERA = (
    "shares",
    "recipients",
    "cameras/{}/access",
    "cameras/{}/viewers",
    LEDGER,
    "/sharing",
    MATRIX,
    "/cameras/{}",
    WHY,
)


@pytest.mark.parametrize(
    ("grow", "name", "addresses"),
    [
        (cameras, "olivia", OWNERS),
        (cameras, "vera", ("cameras", "shares?direction=received", "/", "/inbox")),
        (recipients, "olivia", OF_A_CAMERA),
        (sites, "olivia", ("organizations", "organizations/{org}/sites", "/devices/add", "me")),
        (members, "olivia", ("organizations/{org}/members", "organizations/{org}/invitations", EXPLAIN, WHY, MATRIX)),
        (members, "vera", ("me", "inbox")),
        (handovers, "vera", ("handovers", "/inbox")),
        (handovers, "olivia", ("handovers", "/handovers/new?organization={mill}")),
        (tokens, "olivia", ("tokens", "/account")),
        (exports, "olivia", ("exports", LEDGER)),
    ],
    ids=[
        "cameras-owner",
        "cameras-recipient",
        "recipients",
        "sites",
        "members",
        "invited",
        "handed",
        "handing",
        "tokens",
        "exports",
    ],
)
def test_more_items_are_no_more_questions(
    world: World, monkeypatch: pytest.MonkeyPatch, grow: Grow, name: str, addresses: tuple[str, ...]
) -> None:
    monkeypatch.setattr("belvedere.control.sharing.services.offers.UNANSWERED_A_DAY", 1000)
    monkeypatch.setattr("belvedere.control.sharing.services.offers.NEW_PEOPLE_A_DAY", 1000)
    client = world.by_session(name)
    found = []
    made = 0
    for size in (1, 3, 12):
        while made < size:
            grow(world, made)
            made += 1
        counts = {}
        for address in addresses:
            place = address.format(
                world.people.counter, org=world.people.olivia.organization, mill=world.ids["mill_id"]
            )
            counts[address] = _count(client, place if place.startswith("/") else f"/api/v1/{place}")
        found.append(counts)
    assert found[0] == found[1] == found[2]
    assert max(found[0].values()) < 70


#: who → page or operation → how many questions it asks; session, account, organizations, grants and what waits are five
ASKED: Final[dict[str, dict[str, int]]] = {
    "olivia": {
        "/": 12,
        "/cameras/{}": 17,
        "/sharing": 12,
        "/installations": 12,
        "/admin/users": 12,
        "/account/security": 7,
        "/api/v1/cameras": 5,
    },
    "vera": {"/": 10, "/cameras/{}": 10, "/inbox": 26, "/guides": 5, "/api/v1/cameras": 5},
}


@pytest.mark.parametrize("name", list(ASKED))
def test_what_a_page_asks_is_known_for_three_cameras_and_for_thirty(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("belvedere.control.sharing.services.offers.UNANSWERED_A_DAY", 1000)
    client = world.by_session(name)
    for first, last in ((0, 3), (3, 30)):
        for number in range(first, last):
            cameras(world, number)
        found = {page: _count(client, page.format(world.people.counter)) for page in ASKED[name]}
        assert found == ASKED[name]


def test_what_a_ticket_asks_is_known(world: World) -> None:
    client, address = world.by_token("olivia"), f"/api/v1/cameras/{world.people.counter}/tickets"
    body = {"kind": "live"}
    client.post(address, body, content_type="application/json")  # the first use of a token in an hour is noted
    with CaptureQueriesContext(connection) as queries:
        answer = client.post(address, body, content_type="application/json")
    assert answer.status_code == 201
    assert len(queries) == 7
