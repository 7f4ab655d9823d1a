"""The pages of one's webhooks, as somebody uses them who writes the receiver."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client
from standardwebhooks import Webhook as Receiver

import cast
from belvedere.control.core import clock
from belvedere.control.notifications.models import Delivery, Webhook
from belvedere.control.notifications.selectors import list_deliveries, list_webhooks
from belvedere.control.notifications.services import create_webhook, purge_notifications
from belvedere.control.notifications.services.keeping import KEEP_DELIVERIES
from control.told import Listener, carry, happen, listening

SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]+")


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as found:
        yield found


def make(browser: Client, listener: Listener, **more: object) -> tuple[str, str]:
    """A webhook by the page: where its page is, and its secret."""
    answer = browser.post("/account/webhooks/new", {"name": "Lamp", "url": f"{listener.url}/lamp", **more})
    assert answer.status_code == 200
    found = SECRET.search(answer.content.decode())
    assert found
    return f"/account/webhooks/{Webhook.objects.get().pk}", found[0]


def test_one_is_made_tried_and_removed(people: cast.Cast, listener: Listener) -> None:
    browser = people.olivia.browser()
    page, secret = make(browser, listener, kind=["motion", "person"])
    # Its secret was shown once, and its path never.
    shown = browser.get(page).content.decode()
    assert SECRET.search(shown) is None
    assert "/lamp" not in shown
    assert "Motion, Person" in shown

    assert browser.post(f"{page}/test").status_code == 302
    carry()
    [heard] = listener.heard
    Receiver(secret).verify(heard.body, {key.lower(): value for key, value in heard.headers.items()})
    shown = browser.get(page).content.decode()
    assert heard.headers["webhook-id"] in shown
    assert ">201<" in shown

    assert browser.post(f"{page}/remove").status_code == 302
    assert browser.get(page).status_code == 404
    assert (Webhook.objects.count(), Delivery.objects.count()) == (0, 0)


def test_what_it_answered_stands_there(people: cast.Cast, listener: Listener) -> None:
    """One line for each message, however often it was tried; nobody else's."""
    browser = people.olivia.browser()
    page, _secret = make(browser, listener)
    listener.answers(503)
    happen(people.courtyard)
    carry()
    assert ">503<" in browser.get(page).content.decode()
    listener.answers(200)
    with clock.moved_by(timedelta(minutes=1)):
        carry()
    [delivery] = list_deliveries(people.olivia.actor, page.rsplit("/", 1)[1])
    assert (delivery.status, delivery.attempts, delivery.is_taken) == (200, 2, True)
    listener.close()
    happen(people.pool)
    carry()
    assert "Nobody answered" in browser.get(page).content.decode()
    assert people.vera.browser().get(page).status_code == 404  # N16
    assert list_webhooks(people.olivia.actor)[0].is_failing


def test_another_secret_and_a_day_of_both(people: cast.Cast, listener: Listener) -> None:
    browser = people.olivia.browser()
    page, secret = make(browser, listener)
    found = SECRET.search(browser.post(f"{page}/secret").content.decode())
    assert found
    assert found[0] != secret
    browser.post(f"{page}/test")
    carry()
    headers = {key.lower(): value for key, value in listener.heard[-1].headers.items()}
    for good in (secret, found[0]):
        Receiver(good).verify(listener.heard[-1].body, headers)
    assert "Signed with the one before as well" in browser.get(page).content.decode()
    with clock.moved_by(timedelta(hours=25)):
        assert not list_webhooks(people.olivia.actor)[0].is_rotating


def test_another_address_and_a_rest(people: cast.Cast, listener: Listener) -> None:
    """An empty address stays the one it was; what is off is told nothing, not even a test."""
    browser = people.olivia.browser()
    page, _secret = make(browser, listener)
    browser.post(f"{page}/change", {"name": "Hall lamp", "url": ""})
    browser.post(f"{page}/test")
    carry()
    browser.post(f"{page}/change", {"name": "Hall lamp", "url": f"{listener.url}/hall", "kind": ["person"]})
    happen(people.courtyard)
    happen(people.courtyard, kind="person")
    carry()
    assert [heard.path for heard in listener.heard] == ["/lamp", "/hall"]
    browser.post(f"{page}/switch")
    happen(people.pool, kind="person")
    browser.post(f"{page}/test")
    carry()
    assert len(listener.heard) == 2
    browser.post(f"{page}/switch", {"on": "1"})
    browser.post(f"{page}/test")
    carry()
    assert len(listener.heard) == 3


@pytest.mark.parametrize("url", ["", "nowhere", "https://10.0.0.1/hook", "ftp://example.org/"])
def test_where_nothing_may_go_is_said_at_the_field(people: cast.Cast, url: str) -> None:
    """What was typed stays."""  # N31
    typed = {"name": "Lamp", "url": url, "kind": ["motion"]}
    answer = people.olivia.browser().post("/account/webhooks/new", typed)
    assert answer.status_code == 422
    shown = answer.content.decode()
    assert 'aria-invalid="true"' in shown
    assert ('value="Lamp"' in shown, 'value="motion" checked' in shown) == (True, True)
    assert not Webhook.objects.exists()


@pytest.mark.parametrize("what", ["new", "change", "switch", "secret", "remove"])
def test_who_touches_one_was_there_just_now(people: cast.Cast, listener: Listener, what: str) -> None:
    """An open laptop is not enough."""  # N9
    browser = people.olivia.browser()
    pk, _secret = create_webhook(people.olivia.actor, name="Lamp", url=listener.url)
    before = Webhook.objects.values().get()
    with clock.moved_by(timedelta(minutes=11)):
        address = "/account/webhooks/new" if what == "new" else f"/account/webhooks/{pk}/{what}"
        answer = browser.post(address, {"name": "Other", "url": listener.url})
    assert answer.status_code == 302
    assert answer["Location"].startswith("/account/reauthenticate")
    assert Webhook.objects.values().get() == before


def test_old_deliveries_go(people: cast.Cast, listener: Listener) -> None:
    pk, _secret = create_webhook(people.olivia.actor, name="Lamp", url=listener.url)
    at = clock.now()
    Delivery.objects.bulk_create(
        [
            Delivery(id=f"{number:026}", webhook_id=pk, status=200, tried_at=at - timedelta(seconds=number))
            for number in range(KEEP_DELIVERIES + 7)
        ]
    )
    purge_notifications()
    kept = set(Delivery.objects.values_list("pk", flat=True))
    assert kept == {f"{number:026}" for number in range(KEEP_DELIVERIES)}
