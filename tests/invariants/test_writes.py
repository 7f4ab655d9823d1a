"""Write operations take the fields they name, from where they may come, and nothing else. N7, N8, N12, N13."""

from typing import Any

import pytest
from django.test import Client

from belvedere.control.accounts.models import Account
from invariants.conftest import World, send
from invariants.surface import BODIES, NO_TOKEN, ROUTES, Method, Path, fill
from rows import get_rows

WRITES = sorted(operation for operation in ROUTES if operation[0] != "GET")
FOREIGN_FIELDS = ("id", "owner", "organization", "state", "origin", "created_by", "permissions_extra", "scopes_extra")
#: signing in keeps a session, and reading it may save it again
SESSIONS = {"accounts_session"}


def _places(body: Any) -> list[Any]:
    """The body itself and every object in it."""
    found = [body] if isinstance(body, dict) else []
    for value in body.values() if isinstance(body, dict) else body if isinstance(body, list) else []:
        found += _places(value)
    return found


@pytest.mark.parametrize("operation", sorted(BODIES), ids=" ".join)
def test_fields_that_are_not_named_are_refused(world: World, operation: tuple[Method, Path]) -> None:
    """N12: mass assignment changes nothing, at any depth."""
    client = world.by_session("olivia")
    before = get_rows(without=SESSIONS)
    for depth in range(len(_places(BODIES[operation]))):
        for field in FOREIGN_FIELDS:
            body = fill(BODIES[operation], world.ids)
            if field in _places(body)[depth]:
                continue  # named here, and an id like any other
            _places(body)[depth][field] = world.people.xena.id
            answer = send(client, operation, body, world.ids)
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), (field, body)
            assert world.people.xena.id not in answer.content.decode()
    assert get_rows(without=SESSIONS) == before


NO_BODIES = ("", "null", "[]", "{", '"x"', "1", "NaN", "{}{}", "\udcff", "[" * 5000)


@pytest.mark.parametrize("operation", sorted(BODIES), ids=" ".join)
def test_what_is_no_body_is_refused(world: World, operation: tuple[Method, Path]) -> None:
    client = world.by_session("olivia")
    before = get_rows(without=SESSIONS)
    for raw in NO_BODIES:
        answer = send(client, operation, raw.encode(errors="surrogateescape"), world.ids)
        assert answer.status_code in {400, 422}, raw
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert get_rows(without=SESSIONS) == before


FOREIGN: tuple[dict[str, str], ...] = (
    {"Origin": "http://testserver:8001"},
    {"Origin": "null"},
    {"Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {},
)


@pytest.mark.parametrize("operation", WRITES, ids=" ".join)
def test_other_sites_cannot_write(world: World, operation: tuple[Method, Path]) -> None:
    """N8: not from another port, not from nowhere, not without our own page's token."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(Account.objects.get(pk=world.people.olivia.id))
    before = get_rows(without=SESSIONS)
    for headers in FOREIGN:
        answer = world.call(client, operation, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), headers
    assert get_rows(without=SESSIONS) == before


def test_only_json_is_json(world: World) -> None:
    """N8: what a form can send is no request of ours, by cookie or by token."""
    clients = (world.by_session("olivia"), Client(headers={"authorization": "Bearer x"}))
    before = get_rows(without=SESSIONS)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/json"):
        for client in clients:
            for operation in BODIES:
                assert world.call(client, operation, content_type=kind).status_code == 415
    assert get_rows(without=SESSIONS) == before


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_sites_cannot_read_either(world: World, site: str) -> None:
    """What another site makes a browser fetch, it can measure."""
    client = world.by_session("olivia")
    assert client.get("/api/v1/cameras", headers={"Sec-Fetch-Site": site}).status_code == 403
    assert client.get("/api/v1/cameras", headers={"Sec-Fetch-Site": "none"}).status_code == 200


BAD_TOKENS = ("", "Bearer", "Bearer x", "Bearer bv_" + "0" * 49, "Basic eDp4", "bearer {}", "Token {}", "Bearer  ")


def test_a_bad_token_is_not_mended_by_a_cookie(world: World) -> None:
    """N7."""
    client, token = world.by_session("olivia"), world.people.olivia.token()
    for bad in BAD_TOKENS:
        for operation in ROUTES:
            answer = world.call(client, operation, headers={"Authorization": bad.format(token)})
            assert answer.status_code == 401, (bad, operation)
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_no_page_may_send_a_token(world: World) -> None:
    """A token that a browser sends, with an Origin, is one that leaked into a page."""
    client = world.by_token("olivia")
    for operation in set(ROUTES) - {row for row, rule in ROUTES.items() if rule in NO_TOKEN}:
        assert world.call(client, operation, headers={"Origin": "http://testserver"}).status_code == 403


def test_a_cursor_is_one_persons_for_one_list(world: World) -> None:
    """N13: somebody else's, another list's, another filter's, a damaged one: 400."""
    olivia, xena = world.by_session("olivia"), world.by_session("xena")
    first = olivia.get("/api/v1/cameras?limit=1").json()
    cursor = first["next"]
    assert olivia.get(f"/api/v1/cameras?limit=1&cursor={cursor}").json()["items"][0]["id"] != first["items"][0]["id"]
    assert xena.get(f"/api/v1/cameras?cursor={cursor}").json()["code"] == "bad_cursor"
    for address in ("devices?", "shares?direction=given&", "shares?direction=received&", "shares?state=all&"):
        assert olivia.get(f"/api/v1/{address}cursor={cursor}").status_code == 400
    for damaged in (cursor[:-1], "x" + cursor, cursor.swapcase(), "%00", "x" * 9000):
        assert olivia.get(f"/api/v1/cameras?cursor={damaged}").status_code == 400


def test_pages_are_the_whole_list_once(world: World) -> None:
    """Each item once, also where one goes while somebody pages through."""
    people = world.people
    for number in range(5):
        people.olivia.add_camera(f"More {number}")
    client = world.by_session("olivia")
    whole = [row["id"] for row in client.get("/api/v1/cameras").json()["items"]]
    seen: list[str] = []
    cursor = ""
    while True:
        page = client.get(f"/api/v1/cameras?limit=3{cursor}").json()
        seen += [row["id"] for row in page["items"]]
        if not page["next"]:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == whole
    page = client.get("/api/v1/cameras?limit=3").json()
    last = page["items"][-1]
    client.delete(f"/api/v1/devices/{last['device']}")
    following = client.get(f"/api/v1/cameras?limit=9&cursor={page['next']}").json()["items"]
    assert [row["id"] for row in following] == whole[3:]
