"""Shared with by telephone number: HC-4, HC-10; exact, with its country, one answer for all, accepted by its holder."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.db import IntegrityError

import cast
from belvedere.config import Settings
from belvedere.control.accounts import services as accounts
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Invalid, NotFound, RateLimited
from belvedere.control.core.names import clean_address
from belvedere.control.devices.selectors import list_cameras
from belvedere.control.outbox.services import run_due
from belvedere.control.sharing.models import Recipient
from belvedere.control.sharing.selectors import get_given, list_received, list_recipients
from belvedere.control.sharing.services import accept_share, make_join_link, remove_recipient
from rows import get_rows

NUMBER, UNKNOWN = "+34600123456", "+34600999999"


@pytest.fixture
def texts(settings: Any, tmp_path: Path) -> Path:
    """Where the embedded sender puts texts."""
    settings.BELVEDERE = Settings.from_env({"BELVEDERE_DATA": str(tmp_path)})
    return tmp_path / "outbox"


def last_text(texts: Path) -> str:
    run_due()
    return max(texts.glob("text-*.txt"), key=lambda file: file.stat().st_mtime_ns).read_text(encoding="utf-8")


def prove(person: cast.Person, texts: Path, number: str = NUMBER) -> None:
    phone = accounts.add_phone(person.actor, number=number)
    found = re.search(r"\b(\d{6})\b", last_text(texts).split("\n\n", 1)[1])
    assert found
    accounts.confirm_phone(person.actor, phone=phone, code=found[1])


def offer(person: cast.Person, number: str, camera: str) -> Any:
    body = {"recipient": number, "items": [{"camera": camera, "permissions": ["live_view"]}]}
    return person.api().post("/api/v1/shares", body, content_type="application/json")


def without(answer: Any, *keys: str) -> bytes:
    """The body, with what is new in every answer and what was typed blotted out."""
    text = answer.content
    for key in keys:
        text = re.sub(rb'("%s": ?)"[^"]*"' % key.encode(), rb"\1", text)
    return bytes(text)


# ── One number, whole ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", ["+34 600 123 456", "0034-600-123456", "+34 (600) 123.456", "＋34600123456"])
def test_any_spelling_is_one_number(text: str) -> None:
    """HC-10."""
    assert clean_address(text) == NUMBER


@pytest.mark.parametrize("text", ["600123456", "600 123 456", "(0)600-123456", "٦٠٠"])
def test_a_number_without_its_country_is_asked_for_it(people: cast.Cast, text: str) -> None:
    """HC-10: which country it is nobody guesses, whatever the organization's region."""
    if text.isascii():
        with pytest.raises(Invalid, match="country"):
            clean_address(text)
    before = get_rows()
    answer = offer(people.olivia, text, people.pool)
    assert answer.status_code == 422, answer.content
    page = people.olivia.browser().post("/share", {"step": "cameras", "to": text, "camera": people.pool})
    assert page.status_code == 422
    if text.isascii():
        assert "country" in answer.json()["detail"]
        assert "begin with +" in page.content.decode()
    after = get_rows()
    assert before["sharing_share"] == after["sharing_share"]
    assert before["sharing_recipient"] == after["sharing_recipient"]


def test_an_address_is_one_of_the_two(people: cast.Cast) -> None:
    at = clock.now()
    for wrong in ({}, {"email": "a@example.org", "phone": NUMBER}):
        with pytest.raises(IntegrityError):
            Recipient.objects.create(sharer_id=people.olivia.id, created_at=at, **wrong)


# ── Known and unknown alike ──────────────────────────────────────────────────────────────────────────────────────────


def test_known_and_unknown_numbers_get_the_same_bytes(people: cast.Cast, texts: Path) -> None:
    """HC-4, N1: on the list, in the offer, in its link, and on every page, until it is accepted."""
    prove(people.rita, texts)
    known, unknown = offer(people.olivia, NUMBER, people.courtyard), offer(people.olivia, UNKNOWN, people.courtyard)
    assert (known.status_code, unknown.status_code) == (201, 201)
    blotted = ("id", "phone", "offered_at", "answer_by")
    assert without(known, *blotted) == without(unknown, *blotted)
    assert known.json()["recipient"].keys() == {"id", "name", "phone"}
    assert known.json()["recipient"]["name"] is None
    listed = {row.address: row for row in list_recipients(people.olivia.actor)}
    assert (listed[NUMBER].name, listed[UNKNOWN].name) == (None, None)
    # Both have a way in to hand over, which says nothing either.
    links = [make_join_link(people.olivia.actor, share=answer.json()["id"]) for answer in (known, unknown)]
    assert [len(link) for link in links] == [len(links[0])] * 2
    add = [
        people.vera.api().post("/api/v1/recipients", {"phone": number}, content_type="application/json")
        for number in (NUMBER, UNKNOWN)
    ]
    assert [answer.status_code for answer in add] == [201, 201]
    assert without(add[0], "id", "phone") == without(add[1], "id", "phone")


def test_searching_by_number_is_limited_like_any(people: cast.Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """HC-4, N1."""
    monkeypatch.setattr("belvedere.control.sharing.services.recipients.SEARCHES_AN_HOUR", 1)
    client = people.olivia.api()
    answers = [
        client.post("/api/v1/recipients", {"phone": number}, content_type="application/json").status_code
        for number in (NUMBER, UNKNOWN)
    ]
    assert answers == [201, 429]


def test_links_are_limited(people: cast.Cast, texts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("belvedere.control.sharing.services.joining.LINKS_AN_HOUR", 1)
    share = offer(people.olivia, NUMBER, people.courtyard).json()["id"]
    make_join_link(people.olivia.actor, share=share)
    with pytest.raises(RateLimited):
        make_join_link(people.olivia.actor, share=share)


# ── Accepting ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_text_leads_to_the_offer_and_the_numbers_holder_accepts(people: cast.Cast, texts: Path) -> None:
    """HC-4, HC-10, HC-15, HC-16, HC-17."""
    prove(people.rita, texts)
    mail.outbox.clear()
    share = offer(people.olivia, "0034 600-123 456", people.courtyard).json()["id"]
    text = last_text(texts)
    assert text.startswith(f"To: {NUMBER}\n")
    assert people.olivia.email in text
    assert f"/inbox?offer={share}" in text
    assert "Courtyard" not in text
    assert not mail.outbox
    assert [row.id for row in list_received(people.rita.actor)] == [share]
    page = people.rita.browser().get(f"/inbox?offer={share}").content.decode()
    # Before she accepts she reads what the owner will know (threats.md §5).
    assert "sees when you watch" in page
    assert f"<bdi>{people.olivia.email}</bdi>" in page
    assert "also your name and e-mail address" in page
    for stranger in (people.xena, people.vera):
        with pytest.raises(NotFound):
            accept_share(stranger.actor, share=share)
    accept_share(people.rita.actor, share=share)
    assert people.courtyard in {view.id for view in list_cameras(people.rita.actor)}
    run_due()
    given = get_given(people.olivia.actor, share)
    assert (given.recipient_name, given.recipient_address) == ("Rita", NUMBER)
    person = people.olivia.api().get(f"/api/v1/shares/{share}").json()["recipient"]
    assert (person["name"], person["phone"], "email" in person) == ("Rita", NUMBER, False)
    assert any("Rita" in message.subject and message.to == [people.olivia.email] for message in mail.outbox)


def test_an_unknown_number_waits_for_whoever_confirms_it(people: cast.Cast, texts: Path) -> None:
    """HC-10, VA-5: like an e-mail address without an account."""
    share = offer(people.olivia, NUMBER, people.courtyard).json()["id"]
    found = re.search(r"/join/(\S+)", last_text(texts))
    assert found
    assert list_received(people.rita.actor) == []
    page = people.rita.browser().get(f"/join/{found[1]}", follow=True)
    assert page.redirect_chain[-1][0] == "/account/phones"
    assert "Confirm the number" in page.content.decode()
    prove(people.rita, texts)
    assert [row.id for row in list_received(people.rita.actor)] == [share]
    accept_share(people.rita.actor, share=share)


def test_the_number_is_decided_when_it_is_accepted(people: cast.Cast, texts: Path) -> None:
    """Numbers change hands: who had it once has nothing of what waits for it."""
    prove(people.rita, texts)
    share = offer(people.olivia, NUMBER, people.courtyard).json()["id"]
    prove(people.xena, texts)
    with pytest.raises(NotFound):
        accept_share(people.rita.actor, share=share)
    accept_share(people.xena.actor, share=share)


def test_a_confirmation_that_is_a_year_old_counts_no_more(people: cast.Cast, texts: Path) -> None:
    prove(people.rita, texts)
    with clock.moved_by(timedelta(days=366)):
        share = offer(people.olivia, NUMBER, people.courtyard).json()["id"]
        assert list_received(people.rita.actor) == []
        with pytest.raises(NotFound):
            accept_share(people.rita.actor, share=share)


def test_ones_own_number(people: cast.Cast, texts: Path) -> None:
    prove(people.olivia, texts)
    assert offer(people.olivia, NUMBER, people.courtyard).status_code == 422


def test_the_owners_number_is_a_number_like_any(hotels: cast.Hotels, texts: Path) -> None:
    """N1: members know the owner's e-mail address; whose number it is they do not learn by offering."""
    prove(hotels.olivia, texts)
    answers = [offer(hotels.sam, number, hotels.lobby) for number in (NUMBER, UNKNOWN)]
    assert [answer.status_code for answer in answers] == [201, 201]


def test_removing_by_number_ends_it(people: cast.Cast, texts: Path) -> None:
    """HC-22."""
    prove(people.rita, texts)
    share = offer(people.olivia, NUMBER, people.courtyard).json()["id"]
    accept_share(people.rita.actor, share=share)
    chosen = next(row.id for row in list_recipients(people.olivia.actor) if row.address == NUMBER)
    mail.outbox.clear()
    remove_recipient(people.olivia.actor, recipient=chosen)
    assert people.courtyard not in {view.id for view in list_cameras(people.rita.actor)}
    run_due()
    assert [message.to for message in mail.outbox] == [[people.rita.email]]


def test_who_is_known_twice_loses_all_of_it(people: cast.Cast, texts: Path) -> None:
    """HC-22: shared with by address and by number, and known to be one account: deleting the one ends both."""
    prove(people.rita, texts)
    people.olivia.share(people.rita, people.pool)
    share = offer(people.olivia, NUMBER, people.courtyard).json()["id"]
    accept_share(people.rita.actor, share=share)
    chosen = next(row.id for row in list_recipients(people.olivia.actor) if row.address == people.rita.email)
    remove_recipient(people.olivia.actor, recipient=chosen)
    assert {view.id for view in list_cameras(people.rita.actor)} == set()


# ── A server that sends no texts ─────────────────────────────────────────────────────────────────────────────────────


def send(people: cast.Cast) -> str:
    """Olivia sends an offer by the form; the page that answers."""
    form = {
        "step": "sent",
        "to": "+34 600 123 456",
        "camera": people.courtyard,
        "permission": "live_view",
        "asked": "1",
        "time": "always",
    }
    answer = people.olivia.browser().post("/share", form)
    assert answer.status_code == 200, answer.content
    return str(answer.content.decode())


def test_without_a_gateway_the_page_says_so_and_hands_a_link_over(people: cast.Cast, texts: Path) -> None:
    """HC-4: the offer stands; the link leads to it, and opens nothing by itself."""
    page = send(people)
    assert "No text can be sent from this server" in page
    found = re.search(r"/sharing/(\w+)/link", page)
    assert found
    share = found[1]
    browser = people.olivia.browser()
    shown = browser.post(f"/sharing/{share}/link").content.decode()
    link = re.search(r"/join/([\w-]{43})", shown)
    assert link
    assert "<svg" in shown
    older = link[1]
    newer = make_join_link(people.olivia.actor, share=share).rpartition("/")[2]
    visitor = people.xena.browser()
    visitor.logout()
    assert visitor.get(f"/join/{older}").status_code == 404
    before = get_rows()
    assert NUMBER in visitor.get(f"/join/{newer}").content.decode()
    # N10: looking changes nothing but the visitor's own session.
    assert before["sharing_share"] == get_rows()["sharing_share"]
    for stranger in (people.vera, people.xena):
        with pytest.raises(NotFound):
            make_join_link(stranger.actor, share=share)
    with pytest.raises(Conflict):
        make_join_link(people.olivia.actor, share=people.pats_offer)


def test_a_late_text_leaves_the_link_that_was_handed_over(people: cast.Cast, texts: Path) -> None:
    """HC-4: the text goes out after the link was made; each leads to the offer, and neither makes the other void."""
    share = offer(people.olivia, NUMBER, people.courtyard).json()["id"]
    handed = make_join_link(people.olivia.actor, share=share).rpartition("/")[2]
    texted = re.search(r"/join/([\w-]{43})", last_text(texts))
    assert texted
    assert texted[1] != handed
    visitor = people.xena.browser()
    visitor.logout()
    for secret in (handed, texted[1]):
        assert NUMBER in visitor.get(f"/join/{secret}").content.decode()


def test_with_a_gateway_the_page_says_that_a_text_is_on_its_way(
    people: cast.Cast, settings: Any, tmp_path: Path
) -> None:
    sms = {"BELVEDERE_SMS": "webhook:http://127.0.0.1:9/send"}
    settings.BELVEDERE = Settings.from_env({"BELVEDERE_DATA": str(tmp_path), **sms})
    assert "A text is on its way to" in send(people)
