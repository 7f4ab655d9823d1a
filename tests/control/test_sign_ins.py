"""What is kept of signing in, and what its account is told: of a new place, of wrong passwords (threats §5, §6)."""

import re
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client

import cast
from belvedere.control.accounts.browsers import browser_of
from belvedere.control.accounts.models import Session, SignInPlace
from belvedere.control.accounts.services import forget_sign_ins, make_address_primary
from belvedere.control.accounts.services.sign_ins import KNOWN_FOR, LOGGED_FOR, MANY_GUESSES
from belvedere.control.accounts.sign_ins import FORMER_FOR
from belvedere.control.audit.models import Entry
from belvedere.control.audit.services import INSTALLATION
from belvedere.control.audit.verification import verify_chain
from belvedere.control.core import clock
from belvedere.control.core.matters import Matter
from belvedere.control.core.principal import Principal
from belvedere.control.notifications.channels import Channel
from belvedere.control.notifications.mails import unsubscribe_token
from belvedere.control.notifications.selectors import Choice, list_matters
from belvedere.control.notifications.services import choose_channels, subscribe_browser
from belvedere.control.notifications.web_push import Browser
from belvedere.control.outbox.models import Message
from belvedere.control.outbox.services import run_due
from control.told import Phone, carry, listening

LINUX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 Mobile Safari/604.1"
AWAY = "8.8.8.8"


def sign_in(
    person: cast.Person, *, agent: str = LINUX, address: str = "127.0.0.1", client: Client | None = None
) -> Client:
    """Sign in as that browser, from that address; its cookies stay with the client."""
    client = client or Client()
    answer = client.post(
        "/sign-in",
        {"login": person.email, "password": cast.PASSWORD},
        headers={"user-agent": agent},
        REMOTE_ADDR=address,
    )
    assert answer.status_code == 302, answer.content
    return client


def told(person: cast.Person) -> list[Matter]:
    """What the inbox says of his account, the latest first."""
    while run_due():
        pass
    return [view.kind for view in list_matters(person.actor, since=clock.now() - timedelta(days=30))]


def letters() -> list[tuple[list[str], str]]:
    """To whom, and what about."""
    return [(letter.to, str(letter.subject)) for letter in mail.outbox]


@pytest.fixture(autouse=True)
def at_home(people: cast.Cast) -> None:
    """Olivia has signed in before, in Firefox at home."""
    sign_in(people.olivia)
    mail.outbox.clear()


def test_every_sign_in_is_an_entry_that_names_no_address(people: cast.Cast) -> None:
    sign_in(people.olivia, address=AWAY)
    entry = Entry.objects.filter(action="session.started").latest("sequence")
    assert entry.chain_id == INSTALLATION
    assert entry.thing == f"account:{people.olivia.id}"
    fields = entry.fields or {}
    assert {key: fields[key] for key in ("way", "browser", "network", "address")} == {
        "way": "password",
        "browser": "Firefox, Linux",
        "network": "8.8.8.0/24",
        "address": "",
    }
    assert "signed in." in sign_in(people.olivia).get("/account/activity").content.decode()


def test_after_ninety_days_nobody_knows_how_and_where_from(people: cast.Cast) -> None:
    """The entry stays in its chain, which verifies; what it said is gone."""  # N36
    sign_in(people.olivia, address=AWAY)
    with clock.moved_by(LOGGED_FOR + timedelta(hours=1)):
        forget_sign_ins()
    started = Entry.objects.filter(action="session.started")
    assert started.exists()
    assert not started.filter(fields__isnull=False).exists()
    assert Entry.objects.filter(action="account.created", fields__isnull=False).exists()
    assert verify_chain(INSTALLATION).is_whole
    assert SignInPlace.objects.filter(account=people.olivia.id).exists()
    with clock.moved_by(KNOWN_FOR + timedelta(hours=1)):
        forget_sign_ins()
    assert not SignInPlace.objects.filter(account=people.olivia.id).exists()


def test_a_new_place_is_told_and_named_nowhere(people: cast.Cast) -> None:
    sign_in(people.olivia, agent=IPHONE, address=AWAY)
    assert told(people.olivia) == [Matter.SIGN_IN]
    assert told(people.rita) == []
    [letter] = mail.outbox
    assert letter.to == [people.olivia.email]
    assert "Safari, iPhone" in letter.body
    page = re.search(r"/account/sign-ins/\w+", str(letter.body))
    assert page
    shown = sign_in(people.olivia).get(page[0]).content.decode()
    assert "Was this you?" in shown
    # No place is ever named: whoever reads this may be whom she has left.
    for text in (letter.body, shown, sign_in(people.olivia).get("/inbox").content.decode()):
        assert "8.8.8" not in text
    assert people.rita.browser().get(page[0]).status_code == 404


def test_the_first_sign_in_of_all_is_no_news(people: cast.Cast) -> None:
    sign_in(people.rita, agent=IPHONE, address=AWAY)
    assert told(people.rita) == []
    assert mail.outbox == []


@pytest.mark.parametrize(
    ("agent", "address", "same_browser", "is_new"),
    [
        pytest.param(LINUX, "127.0.0.1", False, False, id="cookies cleared at home"),
        pytest.param(LINUX, "10.1.2.3", False, False, id="another network of the house"),
        pytest.param(IPHONE, AWAY, True, False, id="the same device on the road"),
        pytest.param(LINUX, AWAY, False, True, id="such a browser elsewhere"),
        pytest.param(IPHONE, "127.0.0.1", False, True, id="another one at home"),
    ],
)
def test_what_is_a_new_place(people: cast.Cast, agent: str, address: str, same_browser: bool, is_new: bool) -> None:
    """What shares the house is not at once trusted, nor the same make of browser in the wide world."""
    before, client = sign_in(people.olivia), Client()
    if same_browser:
        client.cookies["bv-browser"] = before.cookies["bv-browser"].value
    sign_in(people.olivia, agent=agent, address=address, client=client)
    assert told(people.olivia) == ([Matter.SIGN_IN] if is_new else [])
    # The second time it is known.
    sign_in(people.olivia, agent=agent, address=address)
    assert len(told(people.olivia)) == int(is_new)


def test_a_browser_is_known_to_each_account_by_itself(people: cast.Cast) -> None:
    ritas, client = sign_in(people.rita), Client()
    cookie = client.cookies["bv-browser"] = ritas.cookies["bv-browser"]
    sign_in(people.olivia, client=client)
    places = SignInPlace.objects.filter(account__in=[people.rita.id, people.olivia.id])
    devices = list(places.values_list("device", flat=True))
    # Rita's, Olivia's there, and Olivia's of before.
    assert len(set(devices)) == len(devices) == 3
    assert (bool(cookie["httponly"]), cookie["samesite"]) == (True, "Lax")
    assert cookie.value not in " ".join(devices)


def test_it_was_me(people: cast.Cast) -> None:
    sign_in(people.olivia, agent=IPHONE)
    told(people.olivia)
    place = SignInPlace.objects.get(account=people.olivia.id, is_told=True)
    olivia = sign_in(people.olivia)
    assert "Was this you?" in olivia.get("/account").content.decode()
    assert people.rita.browser().post(f"/account/sign-ins/{place.pk}/confirm").status_code == 404
    assert olivia.post(f"/account/sign-ins/{place.pk}/confirm").status_code == 302
    assert told(people.olivia) == []
    assert "Was this you?" not in olivia.get("/account").content.decode()
    assert "This was you" in olivia.get(f"/account/sign-ins/{place.pk}").content.decode()


def test_it_was_not_me(people: cast.Cast) -> None:
    """Every other sign-in and token ends, a new password is asked for, and the place is new again."""  # N4, N6
    olivia, token = sign_in(people.olivia), people.olivia.api()
    stranger = sign_in(people.olivia, agent=IPHONE, address=AWAY)
    told(people.olivia)
    place = SignInPlace.objects.get(account=people.olivia.id, is_told=True)
    answer = olivia.post(f"/account/sign-ins/{place.pk}/deny")
    assert (answer.status_code, answer["Location"]) == (302, "/account/password")
    assert olivia.get("/account/password").status_code == 200
    assert stranger.get("/account").status_code == 302
    assert token.get("/api/v1/me").status_code == 401
    assert Session.objects.filter(account=people.olivia.id).count() == 1
    assert Entry.objects.filter(action="sign_in.denied").count() == 1
    mail.outbox.clear()
    sign_in(people.olivia, agent=IPHONE, address=AWAY)
    assert told(people.olivia) == [Matter.SIGN_IN]


def test_a_browser_that_was_not_mine_is_new_wherever_it_goes(people: cast.Cast) -> None:
    """It may have gone on from another network, of which nothing was told: its device was known by then."""
    stranger = sign_in(people.olivia, agent=IPHONE, address=AWAY)
    told(people.olivia)
    place = SignInPlace.objects.get(account=people.olivia.id, is_told=True)
    stranger = sign_in(people.olivia, agent=IPHONE, address="9.9.9.9", client=stranger)
    olivia = sign_in(people.olivia)
    assert olivia.post(f"/account/sign-ins/{place.pk}/deny").status_code == 302
    mail.outbox.clear()
    sign_in(people.olivia, agent=IPHONE, address="9.9.9.9", client=stranger)
    assert told(people.olivia)[:1] == [Matter.SIGN_IN]


def test_ending_it_asks_who_is_there(people: cast.Cast) -> None:
    sign_in(people.olivia, agent=IPHONE)
    place = SignInPlace.objects.get(account=people.olivia.id, is_told=True)
    olivia = sign_in(people.olivia)
    with clock.moved_by(timedelta(minutes=11)):
        answer = olivia.post(f"/account/sign-ins/{place.pk}/deny")
    assert answer["Location"].startswith("/account/reauthenticate")
    assert SignInPlace.objects.filter(pk=place.pk).exists()


def test_an_alert_goes_to_the_address_that_was_not_just_changed(people: cast.Cast) -> None:
    """Who takes an account over makes the mail his first."""
    for new in ("first@example.org", "second@example.org"):
        EmailAddress.objects.create(user_id=people.olivia.id, email=new, verified=True)
        make_address_primary(people.olivia.actor, email=new)
    told(people.olivia)
    mail.outbox.clear()
    moved = cast.Person(people.olivia.id, "Olivia", "second@example.org")
    sign_in(moved, agent=IPHONE, address=AWAY)
    told(people.olivia)
    assert [letter.to for letter in mail.outbox] == [["olivia@example.org"]]
    mail.outbox.clear()
    with clock.moved_by(FORMER_FOR + timedelta(hours=1)):
        sign_in(moved, agent=IPHONE, address="9.9.9.9")
        told(people.olivia)
        assert [letter.to for letter in mail.outbox] == [["second@example.org"]]


def test_one_chooses_how_to_be_told(people: cast.Cast) -> None:
    nothing = [Choice("", Matter.SIGN_IN, frozenset())]
    choose_channels(people.olivia.actor, choices=nothing)
    sign_in(people.olivia, agent=IPHONE)
    assert told(people.olivia) == []
    assert mail.outbox == []
    choose_channels(people.olivia.actor, choices=[Choice("", Matter.SIGN_IN, frozenset({Channel.INBOX}))])
    sign_in(people.olivia, agent=LINUX, address=AWAY)
    assert told(people.olivia) == [Matter.SIGN_IN]
    assert mail.outbox == []


def test_it_is_pushed_to_those_that_were_there(people: cast.Cast) -> None:
    """The words of the inbox, and a page of ours: no place, no picture."""
    with listening() as service:
        phone = Phone(service)
        at_home = Session.objects.filter(account=people.olivia.id).latest("created_at")
        actor = Principal(id=people.olivia.id, name="Olivia", credential=f"session:{at_home.pk}")
        given = phone.subscription
        subscribe_browser(actor, browser=Browser(given["endpoint"], *given["keys"].values()))
        sign_in(people.olivia, agent=IPHONE, address=AWAY)
        told(people.olivia)
        carry()
        [said] = phone.read()
        assert said["title"] == "A new sign-in to your account"
        assert said["picture"] == ""
        assert "8.8.8" not in str(said)
        answer = sign_in(people.olivia).get(said["url"])
        assert answer["Location"].startswith("/account/sign-ins/")
        assert people.rita.browser().get(said["url"]).status_code == 404


def test_many_wrong_passwords_are_told_once(people: cast.Cast) -> None:
    for _try in range(MANY_GUESSES * 2):
        answer = Client().post("/sign-in", {"login": people.olivia.email, "password": "wrong horse"})
        assert answer.status_code == 200
    assert told(people.olivia) == [Matter.GUESSES]
    assert letters() == [([people.olivia.email], "Many wrong passwords")]


def test_wrong_passwords_for_nobody_take_the_same_way(people: cast.Cast) -> None:
    """Up to what the worker does, which nobody waits for."""  # N1
    rows = {}
    for email in (people.olivia.email, "nobody@example.org"):
        before = Message.objects.count()
        answers = [
            Client().post("/sign-in", {"login": email, "password": "wrong horse"}) for _try in range(MANY_GUESSES)
        ]
        assert {answer.status_code for answer in answers} == {200}
        assert {tuple(answer.cookies) for answer in answers} == {tuple(answers[0].cookies)}
        assert not any("bv-browser" in answer.cookies for answer in answers)
        rows[email] = Message.objects.count() - before
    assert set(rows.values()) == {1}
    assert [letter for letter in letters() if "nobody@example.org" in letter[0]] == []


@pytest.mark.parametrize(
    ("agent", "words"),
    [(LINUX, "Firefox, Linux"), (IPHONE, "Safari, iPhone"), ("curl/8.0", ""), ("", "")],
)
def test_a_browser_in_words(agent: str, words: str) -> None:
    assert browser_of(agent) == words


def test_the_page_says_and_changes_how_one_is_told(people: cast.Cast) -> None:
    olivia = sign_in(people.olivia)
    page = olivia.get("/account/notifications").content.decode()
    assert "Sign-in from a new place" in page
    change = {"kind": "sign_in", "channel": ["inbox", "webhook"]}
    assert olivia.post("/account/notifications/channels", change).status_code == 302
    sign_in(people.olivia, agent=IPHONE, address=AWAY)
    assert told(people.olivia) == [Matter.SIGN_IN]
    assert mail.outbox == []
    preferences = olivia.patch(
        "/api/v1/notifications/preferences",
        {"choices": [{"kind": "rights", "channels": ["mail"]}]},
        content_type="application/json",
    )
    assert preferences.status_code == 200, preferences.content
    assert {row["kind"] for row in preferences.json()["choices"]} == {"sign_in", "rights"}


def test_no_more_mails_of_cameras_leaves_those_of_the_account(people: cast.Cast) -> None:
    every_way = frozenset({Channel.INBOX, Channel.MAIL})
    choices = [Choice("", kind, every_way) for kind in ("motion", Matter.SIGN_IN)]
    choose_channels(people.olivia.actor, choices=choices)
    assert Client().post(f"/notifications/stop/{unsubscribe_token(people.olivia.id)}").status_code == 200
    sign_in(people.olivia, agent=IPHONE, address=AWAY)
    told(people.olivia)
    assert len(mail.outbox) == 1
