"""What must not get out: credentials, and what a recipient is not to know. N14, N15, N37, HC-6, HC-17, VA-3."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.core import mail
from django.test import Client

import cast
from belvedere.contracts.permissions import Permission
from belvedere.control.audit.models import Entry
from belvedere.control.outbox.models import Message
from belvedere.control.outbox.services import run_due
from belvedere.control.sharing.services import end_share
from invariants.conftest import World
from invariants.surface import CAST, ROUTES
from invariants.test_page_rules import PAGES, request, same
from rows import get_rows

#: begins every secret of the cast's cameras, user and password; plain ASCII, so that no encoding hides it
CANARY = "canary-"


def everything(world: World, client: Client) -> Iterator[tuple[object, Any]]:
    """Every operation and page, in the order of tables: reads first, so that there is something to read."""
    for operation in sorted(ROUTES, key=lambda row: (row[0] != "GET", row[0] == "DELETE", row)):
        yield operation, world.call(client, operation)
    for row in sorted(PAGES):
        if row[1] not in {"sign-out", "account_logout"}:
            yield row, request(client, row, world.ids)


def text_of(answer: Any) -> str:
    """Body and headers."""
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return f"{body.decode(errors='replace')} {answer.headers}"


def mails() -> str:
    """Every mail that went out, whole."""
    return "".join(message.message().as_string() + message.body for message in mail.outbox)


@pytest.mark.parametrize("name", CAST)
def test_no_answer_holds_a_credential(
    world: World, name: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """N37: in no body, header, log line, audit entry, message or mail; whoever asks, whatever the answer."""
    caplog.set_level(logging.INFO)
    for where, answer in everything(world, world.by_session(name)):
        assert CANARY not in text_of(answer), where
    run_due()
    output = capfd.readouterr()
    assert CANARY not in caplog.text + output.out + output.err
    assert CANARY not in repr(list(Entry.objects.values())) + repr(list(Message.objects.values()))
    assert CANARY not in mails()


MISTAKES: list[dict[str, Any]] = [
    {"password": cast.CANARY * 30},
    {"password": [cast.CANARY]},
    {"password": cast.CANARY + "\n"},
    {"username": cast.CANARY * 30},
    {"address": f"rtsp://{cast.CANARY}@127.0.0.1/x"},
    {"address": f"rtsp://u:{cast.CANARY}@127.0.0.1/x"},
    {"address": f"http://127.0.0.1/{cast.CANARY}"},
    {"address": {"password": cast.CANARY}},
    {"sub_address": f"rtsp://u:{cast.CANARY}@127.0.0.1/x"},
    {"site": cast.CANARY},
    {"kind": cast.CANARY},
    {"address": "rtsp://10.1.2.3/"},
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_no_refusal_repeats_what_was_typed(
    world: World, mistake: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """N37: an error names the field, never its value: it may be a password in the wrong place."""
    caplog.set_level(logging.INFO)
    client = world.by_session("olivia")
    body = {"site": world.ids["site_id"], "name": "x", "address": "rtsp://127.0.0.1:9/z", "password": cast.CANARY}
    for path in ("devices", "devices/test"):
        sent = {key: value for key, value in (body | mistake).items() if (key, path) != ("name", "devices/test")}
        answer = client.post(f"/api/v1/{path}", sent, content_type="application/json")
        assert 400 <= answer.status_code < 500
        assert CANARY not in text_of(answer)
    form = {key: str(value) for key, value in (body | mistake).items()}
    for path in ("/devices/add", "/devices/look"):
        page = client.post(path, form).content.decode()
        # An address or user name comes back into the form for its typist to mend; a password never does.
        assert CANARY not in page or "address" in mistake or "username" in mistake or "sub_address" in mistake
    assert CANARY not in caplog.text


def test_no_secret_rests_in_the_clear(world: World) -> None:
    """N37: whoever reads the whole database signs in nowhere and gets into no camera."""
    olivia = world.people.olivia
    client = world.by_session("olivia")
    token = client.post("/api/v1/tokens", {"name": "x", "scopes": ["read"]}, content_type="application/json").json()
    ticket = world.call(client, ("POST", "cameras/{camera_id}/tickets")).json()["url"].rsplit(".", 1)[1]
    olivia.offer("new@example.org", world.people.pool)
    run_due()
    join = next(message.body for message in mail.outbox if message.to == ["new@example.org"]).partition("/join/")[2][
        :43
    ]
    assert len(join) == 43
    session = client.cookies["bv"].value
    whole = repr(get_rows())
    for secret in (CANARY, token["token"], ticket, join, session, cast.PASSWORD):
        assert secret not in whole


#: what Rita's program reads of a camera that Olivia shares with her, live view alone
RITAS_CAMERA = {
    "alias": "",
    "device": None,
    "site": None,
    "organization": None,
    "state": "unknown",
    "mine": False,
    "permissions": ["live_view"],
    "has": [],
    "watching": None,
}


def test_a_recipients_camera_is_just_that(world: World) -> None:
    """N14: an exact set of keys; no organization, site, address, serial, sibling, stream URL, watcher, remark."""
    people = world.people
    view = people.vera.api().get(f"/api/v1/cameras/{people.counter}").json()
    sharer = {"id": people.olivia.id, "name": "Olivia", "email": "olivia@example.org"}
    assert view == RITAS_CAMERA | {"id": people.counter, "name": "Counter", "shared_by": sharer}
    assert people.vera.api().get("/api/v1/cameras").json() == {"items": [view], "next": None}


def test_an_offer_shows_name_sharer_and_rights_alone(world: World) -> None:
    """HC-17, HC-6, N14: nothing of the camera before acceptance, and never the sharer's remark."""
    people = world.people
    (offer,) = [row for row in people.pat.api().get("/api/v1/inbox").json()["items"] if row["kind"] == "share"]
    assert set(offer) == {
        "id",
        "kind",
        "state",
        "direction",
        "sharer",
        "message",
        "items",
        "offered_at",
        "decided_at",
        "ended_at",
        "starts_at",
        "ends_at",
        "hours",
        "answer_by",
        "once",
        "follows",
        "paused_at",
        "muted",
        "ended_reason",
    }
    assert (offer["follows"], offer["muted"], offer["paused_at"], offer["ended_reason"]) == ([], False, None, "")
    assert offer["items"] == [{"camera": people.pool, "name": "Pool", "permissions": ["live_view"], "footage": None}]
    assert people.pat.api().get(f"/api/v1/cameras/{people.pool}").status_code == 404


READS = sorted(row for row in ROUTES if row[0] == "GET" and "{" not in row[1])
LISTING_PAGES = ("/", "/devices", "/inbox", "/account", "/?q=pool", "/?show=shared")


def _all_lists(client: Client, camera: str) -> dict[str, str]:
    found = {f"/api/v1/{path}": client.get(f"/api/v1/{path}").content.decode() for _, path in READS}
    found |= {
        address: client.get(address).content.decode()
        for address in ("/api/v1/shares?direction=received&state=all", f"/api/v1/cameras/{camera}")
    }
    return found | {address: same(client.get(address).content) for address in (*LISTING_PAGES, f"/cameras/{camera}")}


@pytest.mark.parametrize("name", ["rita", "vera", "pat"])
def test_lists_are_the_same_whatever_is_hidden(world: World, name: str) -> None:
    """N15: lists, search, counts, cursors, badges, byte for byte, with and without more of Olivia's in the data."""
    people = world.people
    client = world.by_session(name)
    before = _all_lists(client, people.counter)
    for number in range(3):
        hidden = people.olivia.add_camera(f"Pool house {number}")
        people.olivia.share(people.xena, hidden, permissions=Permission.LIVE_VIEW | Permission.PLAYBACK)
    people.olivia.offer("somebody@example.org", people.counter, remark="hidden")
    other = people.vera if name != "vera" else people.rita
    people.olivia.share(other, people.courtyard)
    end_share(people.olivia.actor, share=people.olivia.offer(people.xena, people.pool))
    assert _all_lists(client, people.counter) == before


def test_a_remark_is_in_nobody_elses_answers(world: World) -> None:
    """HC-6: API, pages and mails."""
    people = world.people
    people.olivia.offer(people.rita, people.courtyard, remark="owes-me-money")
    run_due()
    for name in ("rita", "vera", "pat", "xena"):
        for where, answer in everything(world, world.by_session(name)):
            assert "owes-me-money" not in text_of(answer), where
            assert "the gardener" not in text_of(answer), where
    assert "owes-me-money" not in mails()
    assert "owes-me-money" in json.dumps(people.olivia.api().get("/api/v1/shares").json())
