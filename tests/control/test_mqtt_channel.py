"""Being told over MQTT: a real broker hears it, decided again right before; what it was told exists is taken back."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

import cast
from belvedere.contracts.permissions import Permission
from belvedere.control.core import clock
from belvedere.control.core.errors import Invalid, NetworkNotAllowed, NotFound, ReauthenticationRequired
from belvedere.control.core.principal import Principal
from belvedere.control.devices.brokers import BrokerWish
from belvedere.control.events.models import Event
from belvedere.control.notifications.channels import Channel
from belvedere.control.notifications.models import Broker as Row
from belvedere.control.notifications.models import BrokerThing
from belvedere.control.notifications.selectors import Choice, get_broker, list_brokers
from belvedere.control.notifications.services import (
    change_broker,
    choose_channels,
    create_broker,
    remove_broker,
    send_broker_test,
    take_back_announced,
)
from belvedere.control.notifications.services.brokers import ASKED_ANEW
from belvedere.control.outbox.models import Message
from belvedere.control.outbox.services import MAX_ATTEMPTS
from belvedere.control.sharing.services import end_share
from control.house import House
from control.told import carry, happen, silent, tell
from media.broker import PASSWORD, USER

pytestmark = pytest.mark.broker

LIVE_AND_NEWS = Permission.LIVE_VIEW | Permission.NOTIFY


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    made.start()
    yield made
    made.stop()


def test_home_assistant_hears_of_it(people: cast.Cast, house: House) -> None:
    """By TLS, QoS 1, never retained; by whoever may know of it, to his own broker alone."""  # VA-18
    people.olivia.share(people.rita, people.courtyard, permissions=LIVE_AND_NEWS)
    pk = create_broker(people.rita.actor, name="Home", broker=house.wish())
    create_broker(people.vera.actor, name="Hers", broker=house.wish(), prefix="vera")
    with house.hearing() as heard:
        [event] = happen(people.courtyard, kind="animal")
        Event.objects.filter(pk=event).update(label="dog")
        carry()
    told = {topic: (flags, said) for topic, flags, said in heard}
    topic = f"belvedere/{people.courtyard}/event"
    uid = f"belvedere_{pk}_{people.courtyard}"
    assert set(told) == {topic, f"homeassistant/event/{uid}/config", f"homeassistant/binary_sensor/{uid}/config"}
    flags, said = told[topic]
    assert flags == "0 1"
    assert (said["event_type"], said["event"], said["name"], said["label"], said["words"]) == (
        *("animal", event, "Courtyard", "dog", "Animal (dog)"),
    )
    config = told[f"homeassistant/event/{uid}/config"][1]
    assert config["state_topic"] == topic
    assert said["event_type"] in config["event_types"]
    assert config["device"]["name"] == "Courtyard"
    sensor = told[f"homeassistant/binary_sensor/{uid}/config"][1]
    assert (sensor["state_topic"], sensor["device_class"]) == (topic, "motion")
    assert sensor["unique_id"] != config["unique_id"]
    # Nothing of what happened waits for whoever connects tomorrow.
    assert set(house.retained()) == set(told) - {topic}
    assert get_broker(people.rita.actor, pk).last_sent_at
    # Nothing is sent twice, by whoever looks next.
    with house.hearing() as heard:
        carry()
    assert heard == []


def test_without_home_assistant_there_is_but_the_event(people: cast.Cast, house: House) -> None:
    wish = house.wish(address=f"mqtt://127.0.0.1:{house.broker.port}", is_plain_ok=True, ca=None)
    pk = create_broker(people.olivia.actor, name="Node-RED", broker=wish, prefix="a/b", is_announced=False)
    send_broker_test(people.olivia.actor, broker=pk)
    with house.hearing() as heard:
        happen(people.courtyard)
        carry()
    assert {topic for topic, _flags, _said in heard} == {"a/b/test/event", f"a/b/{people.courtyard}/event"}
    assert house.retained() == {}


def test_a_right_that_ended_on_the_way(people: cast.Cast, house: House) -> None:
    """Told while it held; unshared before it was sent: nothing is published, and what announced it is taken back."""
    share = people.olivia.share(people.rita, people.courtyard, permissions=LIVE_AND_NEWS)  # N33
    create_broker(people.rita.actor, name="Home", broker=house.wish())
    happen(people.courtyard)
    carry()
    assert len(house.retained()) == 2
    take_back_announced()
    carry()
    assert len(house.retained()) == 2
    happen(people.courtyard, kind="person")
    tell()
    assert Message.objects.filter(kind="notification.mqtt", done_at=None).count() == 1
    end_share(people.olivia.actor, share=share)
    with house.hearing() as heard:
        carry()
    assert heard == []
    assert not Message.objects.filter(kind="notification.mqtt", done_at=None).exists()
    take_back_announced()
    carry()
    assert house.retained() == {}
    take_back_announced()
    assert not Message.objects.filter(kind="notification.mqtt", done_at=None).exists()
    assert not BrokerThing.objects.exists()


def test_what_is_to_be_forgotten_is_said_in_the_end(people: cast.Cast, house: House) -> None:
    """N33: the broker is away for longer than the outbox tries. It is asked anew, and at once when it is back."""
    share = people.olivia.share(people.rita, people.courtyard, permissions=LIVE_AND_NEWS)
    people.olivia.share(people.rita, people.pool, permissions=LIVE_AND_NEWS)
    pk = create_broker(people.rita.actor, name="Home", broker=house.wish())
    happen(people.courtyard)
    carry()
    announced = set(house.retained())
    house.stop()
    end_share(people.olivia.actor, share=share)
    take_back_announced()
    Message.objects.filter(kind="notification.mqtt", done_at=None).update(attempts=MAX_ATTEMPTS - 1)
    carry()
    assert Message.objects.filter(kind="notification.mqtt", failed_at__isnull=False).count() == 1
    take_back_announced()
    assert not Message.objects.filter(kind="notification.mqtt", done_at=None, failed_at=None).exists()
    house.start()
    # It kept what it was told, as one with a disk does.
    for topic in announced:
        house.say(topic, {"name": "kept"}, is_retained=True)
    with clock.moved_by(ASKED_ANEW / 2):
        happen(people.pool)
        carry()
        take_back_announced()
        carry()
    assert not announced & set(house.retained())
    assert list(BrokerThing.objects.filter(broker=pk).values_list("resource", flat=True)) == [people.pool]


def test_one_that_hears_of_nothing_else_is_asked_anew(people: cast.Cast, house: House) -> None:
    share = people.olivia.share(people.rita, people.courtyard, permissions=LIVE_AND_NEWS)
    create_broker(people.rita.actor, name="Home", broker=house.wish())
    happen(people.courtyard)
    carry()
    end_share(people.olivia.actor, share=share)
    take_back_announced()
    Message.objects.filter(kind="notification.mqtt", done_at=None).update(failed_at=clock.now())
    with clock.moved_by(ASKED_ANEW + timedelta(minutes=1)):
        take_back_announced()
        carry()
    assert house.retained() == {}
    assert not BrokerThing.objects.exists()


def test_what_may_be_known_again_is_not_forgotten(people: cast.Cast, house: House) -> None:
    """Decided once more at the last moment: shared again, before the broker could be told to forget it."""
    share = people.olivia.share(people.rita, people.courtyard, permissions=LIVE_AND_NEWS)
    create_broker(people.rita.actor, name="Home", broker=house.wish())
    happen(people.courtyard)
    carry()
    end_share(people.olivia.actor, share=share)
    take_back_announced()
    people.olivia.share(people.rita, people.courtyard, permissions=LIVE_AND_NEWS)
    carry()
    assert len(house.retained()) == 2
    with clock.moved_by(ASKED_ANEW + timedelta(minutes=1)):
        take_back_announced()
    assert BrokerThing.objects.get().taken_back_at is None


def test_who_did_not_choose_it_is_not_told_so(people: cast.Cast, house: House) -> None:
    create_broker(people.olivia.actor, name="Home", broker=house.wish())
    choose_channels(people.olivia.actor, choices=[Choice("", "motion", frozenset({Channel.INBOX}))])
    with house.hearing() as heard:
        happen(people.courtyard)
        carry()
    assert heard == []


def test_a_broker_that_is_down_and_comes_back(people: cast.Cast, house: House) -> None:
    pk = create_broker(people.olivia.actor, name="Home", broker=house.wish())
    house.stop()
    happen(people.courtyard)
    carry()
    assert get_broker(people.olivia.actor, pk).is_failing
    assert Message.objects.filter(kind="notification.mqtt", done_at=None).count() == 1
    house.start()
    Message.objects.filter(kind="notification.mqtt", done_at=None).update(due_at=clock.now())
    with house.hearing() as heard:
        carry()
    assert f"belvedere/{people.courtyard}/event" in {topic for topic, _flags, _said in heard}
    assert not get_broker(people.olivia.actor, pk).is_failing


def test_one_that_is_silent_keeps_no_other_waiting(people: cast.Cast, house: House) -> None:
    """N31: it takes a hand for ten seconds at most; the others are told meanwhile."""
    with silent() as port:
        wish = BrokerWish(address=f"mqtt://127.0.0.1:{port}", is_plain_ok=True)
        slow = create_broker(people.olivia.actor, name="Silent", broker=wish)
        create_broker(people.olivia.actor, name="Home", broker=house.wish())
        happen(people.courtyard)
        carry()
    assert get_broker(people.olivia.actor, slow).is_failing
    assert len(house.retained()) == 2


@pytest.mark.parametrize(
    ("address", "refusal"),
    [
        ("mqtts://169.254.169.254", NetworkNotAllowed),
        ("mqtts://10.1.2.3", NetworkNotAllowed),
        ("mqtts://nobody.invalid", NetworkNotAllowed),
        ("mqtt://192.0.2.7", Invalid),  # in clear only for who said that he knows …
        ("mqtt:plain", Invalid),
        ("mqtts://user:secret@127.0.0.1", Invalid),
    ],
)
def test_addresses(people: cast.Cast, address: str, refusal: type[Exception]) -> None:
    """N31."""
    with pytest.raises(refusal):
        create_broker(people.olivia.actor, name="Home", broker=BrokerWish(address=address))
    assert not Row.objects.exists()


def test_in_clear_only_where_the_operator_named_the_network(people: cast.Cast) -> None:
    """N31: … and even then not through the internet."""
    with pytest.raises(NetworkNotAllowed):
        create_broker(people.olivia.actor, name="Home", broker=BrokerWish(address="mqtt://1.1.1.1", is_plain_ok=True))


def test_a_kept_password_goes_to_no_other_broker(people: cast.Cast, house: House) -> None:
    """N26."""
    pk = create_broker(people.olivia.actor, name="Home", broker=house.wish())
    with pytest.raises(Invalid):
        change_broker(
            people.olivia.actor,
            broker=pk,
            wish=BrokerWish(address=f"mqtt://127.0.0.1:{house.broker.port}", is_plain_ok=True),
        )
    change_broker(people.olivia.actor, broker=pk, wish=house.wish(password=None, ca=None), name="House")
    assert PASSWORD not in Row.objects.get(pk=pk).login
    send_broker_test(people.olivia.actor, broker=pk)
    with house.hearing() as heard:
        carry()
    assert [(topic, said["event_type"]) for topic, _flags, said in heard] == [("belvedere/test/event", "test")]


def test_it_is_its_owners_alone(people: cast.Cast, house: House) -> None:
    pk = create_broker(people.olivia.actor, name="Home", broker=house.wish())
    for act in (
        lambda actor: get_broker(actor, pk),
        lambda actor: change_broker(actor, broker=pk, is_enabled=False),
        lambda actor: remove_broker(actor, broker=pk),
        lambda actor: send_broker_test(actor, broker=pk),
    ):
        with pytest.raises(NotFound):
            act(people.vera.actor)
    stale = Principal(people.olivia.id, people.olivia.name, people.olivia.email)
    with pytest.raises(ReauthenticationRequired):
        change_broker(stale, broker=pk, name="Mine")
    change_broker(people.olivia.actor, broker=pk, is_enabled=False)
    with pytest.raises(Invalid):
        send_broker_test(people.olivia.actor, broker=pk)
    happen(people.courtyard)
    carry()
    assert house.retained() == {}
    for prefix in ("", "#", "a/+", "$SYS"):
        with suppress(Invalid):
            create_broker(people.olivia.actor, name="Home", broker=house.wish(), prefix=prefix)
            pytest.fail(prefix)
    remove_broker(people.olivia.actor, broker=pk)
    assert list_brokers(people.olivia.actor) == []


def test_on_its_page(people: cast.Cast, house: House) -> None:
    page = people.olivia.browser()
    typed = {"name": "Home", "address": f"mqtt://127.0.0.1:{house.broker.port}", "topics": "belvedere"}
    refused = page.post("/account/brokers/new", typed | {"is_open": "on"})
    assert (refused.status_code, b"Without TLS" in refused.content) == (422, True)
    login = {"username": USER, "password": PASSWORD, "is_plain_ok": "on"}
    made = page.post("/account/brokers/new", typed | login, follow=True)
    [broker] = list_brokers(people.olivia.actor)
    assert broker.name in made.content.decode()
    assert PASSWORD not in made.content.decode()
    page.post(f"/account/brokers/{broker.id}/test")
    with house.hearing() as heard:
        carry()
    assert [topic for topic, _flags, _said in heard] == ["belvedere/test/event"]
    # What is left empty stays.
    page.post(f"/account/brokers/{broker.id}/change", {"name": "House", "address": broker.shown_address})
    assert [row.name for row in list_brokers(people.olivia.actor)] == ["House"]
    page.post(f"/account/brokers/{broker.id}/switch")
    assert "It is off" in page.get(f"/account/brokers/{broker.id}").content.decode()
    page.post(f"/account/brokers/{broker.id}/remove")
    assert list_brokers(people.olivia.actor) == []
