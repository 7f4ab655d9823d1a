"""Wrong codes after the right password: whoever has an account is told that somebody knows it (threats §3, V6.5)."""

from datetime import timedelta

from django.core import mail
from django.test import Client

import cast
from belvedere.control.accounts.services.sign_ins import MANY_WRONG_CODES
from belvedere.control.core import clock
from belvedere.control.core.matters import Matter
from control.test_factors import add_passkey, first_step, second_step, set_up_app
from control.test_sign_ins import told
from soft_key import SoftKey

WRONG = "000000"


def test_several_wrong_codes_are_told_once_a_day(people: cast.Cast) -> None:
    """A slip of the finger is none; whoever is refused for trying too often goes on to be counted."""
    browser = people.rita.browser()
    set_up_app(browser)
    told(people.rita)
    mail.outbox.clear()
    client = first_step(people.rita)
    for _try in range(MANY_WRONG_CODES - 1):
        assert not second_step(client, WRONG)
    assert Matter.WRONG_CODES not in told(people.rita)
    for _try in range(MANY_WRONG_CODES * 2):
        assert not second_step(client, WRONG)
    assert told(people.rita).count(Matter.WRONG_CODES) == 1
    assert [str(letter.subject) for letter in mail.outbox] == ["Somebody knows your password"]
    assert mail.outbox[0].to == [people.rita.email]
    assert "Somebody knows your password" in browser.get("/inbox").content.decode()


def test_a_passkey_that_is_refused_counts_as_a_code(people: cast.Cast) -> None:
    add_passkey(people.rita.browser(), SoftKey())
    client = first_step(people.rita)
    for _try in range(MANY_WRONG_CODES):
        client.get("/sign-in/second-step")
        signed_elsewhere = {"credential": '{"id": "phone"}'}
        assert client.post("/sign-in/second-step", signed_elsewhere).status_code == 200
    assert Matter.WRONG_CODES in told(people.rita)


def test_whoever_does_not_know_the_password_says_nothing_of_codes(people: cast.Cast) -> None:
    """Nor does whoever is signed in, and proves himself anew."""
    browser = people.rita.browser()
    set_up_app(browser)
    for _try in range(MANY_WRONG_CODES):
        Client().post("/sign-in", {"login": people.rita.email, "password": "wrong horse"})
    with clock.moved_by(timedelta(minutes=11)):
        for _try in range(MANY_WRONG_CODES):
            assert browser.post("/account/reauthenticate/code", {"code": WRONG}).status_code == 200
    assert Matter.WRONG_CODES not in told(people.rita)


def test_programs_read_it_in_the_inbox(people: cast.Cast) -> None:
    """Of one's own account alone: id, kind, when and the words (N14)."""
    set_up_app(people.rita.browser())
    client = first_step(people.rita)
    for _try in range(MANY_WRONG_CODES):
        second_step(client, WRONG)
    told(people.rita)
    items = people.rita.api().get("/api/v1/inbox").json()["items"]
    [matter] = [item for item in items if item["kind"] == "matter" and item["matter"] == "wrong_codes"]
    assert set(matter) == {"kind", "id", "matter", "organization", "at", "title", "text"}
    assert (matter["title"], matter["organization"]) == ("Somebody knows your password", None)
    others = people.olivia.api().get("/api/v1/inbox").json()["items"]
    assert matter["id"] not in str(others)
