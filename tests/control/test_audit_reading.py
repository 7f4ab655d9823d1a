"""Reading the audit: who may read what of it, in which words, and as a file. VV-36, B-11, N13, N15, N32, N36."""

import ast
import csv
import io
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import strip_tags

import belvedere.control
import cast
from belvedere.control.access.roles import Role
from belvedere.control.audit.exports import harmless
from belvedere.control.audit.heads import heads_file
from belvedere.control.audit.models import Entry, fields_digest
from belvedere.control.audit.services import write_entry
from belvedere.control.organizations.services import (
    Wish,
    accept_invitation,
    change_member,
    edit_site,
    invite_member,
    remove_member,
)
from belvedere.control.web.audit_words import GROUPS, SENTENCES
from cast import Hotels

ROOT = Path(belvedere.control.__file__).parents[3]


@pytest.fixture(autouse=True)
def no_heads_of_others() -> Iterator[None]:
    """The file outlives the rows of a test."""
    yield
    heads_file().unlink(missing_ok=True)


def inside(person: cast.Person, organization: str) -> Client:
    """A browser of this person's, in this organization."""
    client = person.browser()
    assert client.post(reverse("organization-switch"), {"organization": organization}).status_code == 302
    return client


def sentences(answer: Any) -> list[str]:
    found = re.findall(r'<p class="audit-sentence">(.*?)</p>', answer.content.decode(), re.DOTALL)
    return [strip_tags(text) for text in found]


def ask(reader: cast.Person, organization: str, **query: Any) -> Any:
    return reader.api().get("/api/v1/audit", {"organization": organization} | query)


def download(reader: cast.Person, organization: str, **query: str) -> str:
    answer: Any = reader.api().get("/api/v1/audit/export", {"organization": organization} | query)
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode()


def sequences(answer: Any) -> list[int]:
    return [item["sequence"] for item in answer.json()["items"]]


# ── Words ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def written_actions() -> set[str]:
    """Every action that any code of ours writes: what stands at `action=`, and what invitations' `_write` is given."""
    found = set()
    for file in Path(belvedere.control.__file__).parent.rglob("*.py"):
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call):
                continue
            named = [word.value for word in call.keywords if word.arg == "action"]
            placed = call.args if isinstance(call.func, ast.Name) and call.func.id == "_write" else []
            for part in (*named, *placed):
                for node in ast.walk(part):
                    if isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value:
                        found.add(node.value)
    return found


def test_every_action_has_its_sentence_and_its_line_in_the_reference() -> None:
    """B-11: nothing happens that people cannot read of."""
    actions = written_actions()
    assert {"member.changed", "invitation.sent", "share.revoked"} <= actions
    reference = (ROOT / "docs/reference/audit.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \|", reference, re.MULTILINE))
    assert actions - set(SENTENCES) == set()
    assert actions - documented == set()


def test_the_life_of_a_member_reads_as_sentences(hotels: Hotels) -> None:
    """VV-36: who, what, when, from where."""
    olivia, rita = hotels.olivia, hotels.rita
    wish = Wish(role=Role.VIEWER, sites=[hotels.north])
    accept_invitation(
        rita.actor, invitation=invite_member(olivia.actor, organization=hotels.id, address=rita.email, wish=wish)
    )
    member = hotels.member(rita)
    change_member(olivia.actor, member=member, wish=Wish(role=Role.OPERATOR, sites=[hotels.north, hotels.south]))
    edit_site(olivia.actor, site=hotels.south, name="Harbour")
    remove_member(olivia.actor, member=member)
    share = olivia.offer(rita, hotels.lobby)
    assert share
    found = sentences(inside(olivia, hotels.id).get("/admin/audit"))
    assert found[:7] == [
        "Olivia offered Lobby to rita@example.org.",
        "Olivia removed Rita, who was Operator of North and Harbour.",
        "Olivia changed the site South: name from “South” to “Harbour”.",
        "Olivia changed Rita from Viewer of North to Operator of North and Harbour.",
        "Rita accepted the invitation to be Viewer of North.",
        "Rita joined as Viewer of North, invited by Olivia.",
        "Olivia invited rita@example.org as Viewer of North.",
    ]
    assert not [text for text in found if "something" in text or "somebody" in text]


def test_names_turn_no_sentence_round(hotels: Hotels) -> None:
    """N32: names are text, and isolated, even those that got in by no form of ours."""
    evil = '<script>x</script>\u202e=cmd() "'
    for action in SENTENCES:
        write_entry(
            actor=hotels.olivia.actor, action=action, thing=f"{action.partition('.')[0]}:x", organization=hotels.id,
            name=evil, recipient=evil, before=evil, reach=evil, role=evil, cameras={evil: []}, account=evil,
        )  # fmt: skip
    page = inside(hotels.olivia, hotels.id).get("/admin/audit")
    assert page.status_code == 200
    assert "<script>x" not in page.content.decode()
    assert "<bdi>&lt;script&gt;" in page.content.decode()


def test_what_was_erased_is_said_to_be(hotels: Hotels) -> None:
    Entry.objects.filter(chain=hotels.id).update(fields=None, salt="")
    client = inside(hotels.olivia, hotels.id)
    assert "Somebody whose name was erased" in sentences(client.get("/admin/audit"))[0]
    verified = client.get("/admin/audit?verify=1").content.decode()
    assert "The chain is whole" in verified  # N36
    erased = ask(hotels.olivia, hotels.id).json()["items"][0]
    assert (erased["actor"], erased["address"], erased["details"]) == (None, None, None)


# ── Who may ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "status"),
    [("olivia", 200), ("sam", 200), ("ada", 200), *((name, 403) for name in ("omar", "vera", "leo", "nora"))],
)
def test_who_manages_reads(hotels: Hotels, name: str, status: int) -> None:
    """B-11, VV-1: members below learn that it is not theirs."""
    person = hotels.person(name)
    assert ask(person, hotels.id).status_code == status
    assert inside(person, hotels.id).get("/admin/audit").status_code == status


@pytest.mark.parametrize("name", ["rita", "xena"])
def test_strangers_learn_nothing(hotels: Hotels, name: str) -> None:
    person = hotels.person(name)
    for path in ("/api/v1/audit", "/api/v1/audit/export"):
        assert person.api().get(path, {"organization": hotels.id}).status_code == 404


def test_an_admin_of_one_site_reads_of_that_site_alone(hotels: Hotels) -> None:
    """N15: entries of another site, and of no site, are not there for him: not in lists, files, names or verdicts."""
    edit_site(hotels.olivia.actor, site=hotels.south, name="Secret cove")
    edit_site(hotels.olivia.actor, site=hotels.north, region="Galicia")
    items = ask(hotels.ada, hotels.id, limit=500).json()["items"]
    assert {item["site"] for item in items} == {hotels.north}
    assert {item["action"] for item in items} == {"site.created", "device.bound", "site.edited"}
    client = inside(hotels.ada, hotels.id)
    page = client.get("/admin/audit").content.decode()
    for text in (page, download(hotels.ada, hotels.id)):
        assert "Galicia" in text
        assert "Secret cove" not in text
        assert "nora" not in text
    # How long the chain is he may not know either.
    assert "verify=1" not in page
    assert client.get("/admin/audit?verify=1").status_code == 403


def test_an_export_holds_one_organization_and_nothing_of_another(hotels: Hotels) -> None:
    """N36."""
    people = hotels.people
    for kind in ("csv", "jsonl"):
        text = download(people.xena, people.xena.organization, format=kind)
        assert people.xena.id in text
        for foreign in (hotels.id, people.olivia.id, people.olivia.organization, "Olivia", "Harbour", people.pool):
            assert foreign not in text


# ── Filters and pages ────────────────────────────────────────────────────────────────────────────────────────────────


def test_filters_narrow_to_what_was_asked(hotels: Hotels) -> None:
    olivia = hotels.olivia
    everything = ask(olivia, hotels.id, limit=500).json()["items"]
    for query, holds in (
        ({"action": "invitation"}, lambda item: item["action"].startswith("invitation.")),
        ({"action": "site.created"}, lambda item: item["action"] == "site.created"),
        ({"thing": f"site:{hotels.north}"}, lambda item: item["thing"] == f"site:{hotels.north}"),
        ({"thing": "member"}, lambda item: item["thing"].startswith("member:")),
        ({"person": hotels.ada.id}, lambda item: item["actor"]["id"] == hotels.ada.id),
        ({"person": "aDa"}, lambda item: "Ada" in item["actor"]["name"] or "ada" in str(item["details"])),
        ({"from": everything[5]["at"]}, lambda item: item["at"] >= everything[5]["at"]),
        ({"to": everything[5]["at"]}, lambda item: item["at"] < everything[5]["at"]),
        ({"person": "nobody at all"}, lambda _item: False),
        ({"person": "\0"}, lambda _item: False),
    ):
        found = ask(olivia, hotels.id, limit=500, **query)
        assert found.status_code == 200, query
        assert found.json()["items"] == [item for item in everything if holds(item)], query


@pytest.mark.parametrize("query", [{"from": "x"}, {"from": "0001-01-01T00:00:00+14:00"}, {"to": "2026-01-01T00:00:00"}])
def test_times_that_make_no_sense_are_refused(people: cast.Cast, query: dict[str, str]) -> None:
    assert ask(people.olivia, people.olivia.organization, **query).status_code == 422


@pytest.mark.parametrize("day", ["x", "0001-01-01", "9999-12-31", "2026-13-01"])
def test_days_that_make_no_sense_are_refused(people: cast.Cast, day: str) -> None:
    client = people.olivia.browser()
    assert client.get("/admin/audit", {"from": day}).status_code == 422
    assert client.get("/admin/audit", {"to": day}).status_code == 422


def test_pages_follow_each_other_whole(hotels: Hotels) -> None:
    """Every entry once, though more are written meanwhile."""
    whole = sequences(ask(hotels.olivia, hotels.id, limit=500))
    assert whole == sorted(whole, reverse=True)
    found, cursor = [], ""
    while True:
        answer = ask(hotels.olivia, hotels.id, limit=4, **({"cursor": cursor} if cursor else {}))
        found += sequences(answer)
        edit_site(hotels.olivia.actor, site=hotels.north, region=f"R{len(found)}")
        cursor = answer.json()["next"]
        if not cursor:
            break
    assert found == whole


def test_a_cursor_is_one_persons_for_one_question(hotels: Hotels) -> None:
    """N13."""
    cursor = ask(hotels.olivia, hotels.id, limit=2).json()["next"]
    assert ask(hotels.olivia, hotels.id, cursor=cursor).status_code == 200
    assert ask(hotels.sam, hotels.id, cursor=cursor).json()["code"] == "bad_cursor"
    assert ask(hotels.olivia, hotels.olivia.organization, cursor=cursor).json()["code"] == "bad_cursor"
    for query in ({"action": "site"}, {"thing": "site"}, {"person": "ada"}, {"from": "2026-01-01T00:00:00Z"}):
        assert ask(hotels.olivia, hotels.id, cursor=cursor, **query).json()["code"] == "bad_cursor"


def test_the_page_goes_on_without_scripts_and_with_them(hotels: Hotels) -> None:
    for number in range(60):
        edit_site(hotels.olivia.actor, site=hotels.north, region=f"R{number}")
    client = inside(hotels.olivia, hotels.id)
    first = client.get("/admin/audit?action=site")
    following = re.search(r'href="(/admin/audit\?[^"]*before=[^"]*)"', first.content.decode())
    assert following
    address = following[1].replace("&amp;", "&")
    plain, partial = client.get(address), client.get(address, headers={"HX-Request": "true"})
    assert sentences(plain) == sentences(partial)
    assert len(sentences(first)) == 50
    assert "<html" not in partial.content.decode()
    assert len(sentences(plain)) == 12  # sixty edits and two sites


def test_more_entries_are_no_more_questions(hotels: Hotels) -> None:
    client = inside(hotels.olivia, hotels.id)
    counts = []
    for _round in range(2):
        client.get("/admin/audit")
        with CaptureQueriesContext(connection) as queries:
            client.get("/admin/audit")
        counts.append(len(queries))
        for number in range(30):
            edit_site(hotels.olivia.actor, site=hotels.north, region=f"{_round}-{number}")
    assert counts[0] == counts[1] < 60


# ── Files ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("cell", ["=cmd()", "+1", "-1", "@x", "\tx", "\rx"])
def test_no_cell_is_a_formula(people: cast.Cast, cell: str) -> None:
    """N32."""
    assert harmless(cell) == f"'{cell}"
    assert harmless(f"a{cell}") == f"a{cell}"
    write_entry(
        actor=people.olivia.actor, action="thing.done", thing=cell, organization=people.olivia.organization, name=cell
    )
    rows = list(csv.DictReader(io.StringIO(download(people.olivia, people.olivia.organization), newline="")))
    assert rows[-1]["thing"] == f"'{cell}"
    assert not [value for row in rows for value in row.values() if value.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_a_file_holds_all_that_matches_and_verifies_by_itself(hotels: Hotels) -> None:
    """N36: each line holds what its digests are made of."""
    text = download(hotels.olivia, hotels.id, format="jsonl")
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["sequence"] for line in lines] == list(range(1, Entry.objects.filter(chain=hotels.id).count() + 1))
    assert all(line["fields_digest"] == fields_digest(line["salt"], line["fields"]) for line in lines)
    assert all(line["previous"] == before["digest"] for before, line in pairwise(lines))
    few = download(hotels.olivia, hotels.id, action="site").splitlines()
    assert len(few) == 1 + sum(line["action"] == "site.created" for line in lines)


def test_a_file_is_an_attachment_and_not_for_ever(people: cast.Cast) -> None:
    """Nobody keeps the server busy with copies."""
    client = people.olivia.api()
    address = f"/api/v1/audit/export?organization={people.olivia.organization}"
    answers = [client.get(address) for _ in range(21)]
    assert answers[0].headers["Content-Disposition"].startswith('attachment; filename="audit-')
    assert [answer.status_code for answer in answers] == [200] * 20 + [429]


# ── Verifying on the page ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_page_says_where_the_chain_breaks(hotels: Hotels) -> None:
    """N36: in words, and only when asked."""
    client = inside(hotels.olivia, hotels.id)
    Entry.objects.filter(chain=hotels.id, sequence=3).update(action="site.closed")
    Entry.objects.filter(chain=hotels.id, sequence=5).delete()
    assert "The chain is broken" not in client.get("/admin/audit").content.decode()
    page = client.get("/admin/audit?verify=1").content.decode()
    assert "The chain is broken" in page
    assert "Entry 3: it was changed." in page
    assert "Entry 5: it is missing." in page


def test_groups_are_those_of_actions() -> None:
    assert set(GROUPS) <= {action.partition(".")[0] for action in SENTENCES}
