"""Detectors of cameras: who names one, where its login goes, what becomes of it, and what its node says."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.core import mail

import cast
from belvedere.contracts import camera_events, events
from belvedere.contracts.detectors import DetectorSource, DetectorsRequest, DetectorState
from belvedere.contracts.permissions import Permission
from belvedere.contracts.sealing import generate_key, public_bytes, unseal
from belvedere.control.audit.models import Entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Forbidden, Invalid, NetworkNotAllowed, NotFound
from belvedere.control.core.ids import new_id
from belvedere.control.devices import services
from belvedere.control.devices.blindings import list_blindings
from belvedere.control.devices.brokers import BrokerWish
from belvedere.control.devices.detectors import find_detector
from belvedere.control.devices.models import Camera, Detector
from belvedere.control.events.selectors import list_events
from belvedere.control.events.services import record_events
from belvedere.control.outbox.services import run_due

KEY = generate_key()
RUN = "run-1"


def wish(address: str = "mqtts://127.0.0.1:8883", **more: Any) -> BrokerWish:
    fields: dict[str, Any] = {"username": "house", "password": cast.CANARY}
    return BrokerWish(address=address, **(fields | more))


def listen_to(people: cast.Cast, name: str = "back_yard", *, broker: BrokerWish | None = None) -> None:
    services.set_detector(
        people.olivia.actor, camera=people.courtyard, broker=broker or wish(), prefix="frigate", name=name
    )


def assigned(node: str = "local", run: str = RUN) -> dict[str, DetectorSource]:
    reply = services.list_detectors(node, DetectorsRequest(run))
    assert reply
    return {row.camera: msgspec.json.decode(unseal(KEY, row.sealed), type=DetectorSource) for row in reply.detectors}


@pytest.fixture
def hello(people: cast.Cast) -> None:
    services.record_hello("local", events.Hello("local", RUN, "ws://localhost:1", public_bytes(KEY)))


def test_a_node_is_told_of_its_own_alone(people: cast.Cast, hello: None) -> None:
    """D2: sealed to the node that carries the camera; at rest it is sealed to us."""
    listen_to(people)
    [(camera, source)] = assigned().items()
    assert camera == people.courtyard
    assert (source.host, source.port, source.is_tls) == ("127.0.0.1", 8883, True)
    assert (source.username, source.password, source.prefix, source.name) == (
        *("house", cast.CANARY, "frigate", "back_yard"),
    )
    assert source.networks
    assert cast.CANARY not in repr(source)
    row = Detector.objects.get()
    assert cast.CANARY not in row.source
    assert services.list_detectors("local", DetectorsRequest("another run")) is None
    services.record_hello("other", events.Hello("other", RUN, "ws://localhost:2", public_bytes(KEY)))
    assert sorted([*assigned("local"), *assigned("other")]) == [people.courtyard]
    assert Entry.objects.filter(action="camera.detector_set").exists()


def test_only_who_sets_the_camera_up(people: cast.Cast) -> None:
    people.olivia.share(people.rita, people.courtyard, permissions=Permission.LIVE_VIEW | Permission.NOTIFY)
    listen_to(people)
    for person, refusal in ((people.rita, Forbidden), (people.xena, NotFound)):
        with pytest.raises(refusal):
            find_detector(person.actor, people.courtyard)
        with pytest.raises(refusal):
            services.set_detector(person.actor, camera=people.courtyard, broker=wish(), prefix="frigate", name="a")
        with pytest.raises(refusal):
            services.remove_detector(person.actor, camera=people.courtyard)


@pytest.mark.parametrize(
    ("address", "refusal"),
    [
        ("mqtts://198.51.100.7", NetworkNotAllowed),  # D1, rule 8
        ("mqtts://169.254.169.254", NetworkNotAllowed),  # N27
        ("mqtt://127.0.0.1", Invalid),  # without TLS only for who said that he knows
        ("mqtts://user:secret@127.0.0.1", Invalid),
        ("https://127.0.0.1", Invalid),
        ("mqtts://127.0.0.1/path", Invalid),
    ],
)
def test_addresses(people: cast.Cast, address: str, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        listen_to(people, broker=wish(address))
    assert not Detector.objects.exists()


@pytest.mark.parametrize("part", ["", "#", "a/+/b", "$SYS", "x" * 91, "a\nb"])
def test_topics_are_whole(people: cast.Cast, part: str) -> None:
    """No wildcard from outside."""
    for prefix, name in ((part, "yard"), ("frigate", part)):
        with pytest.raises(Invalid):
            services.set_detector(people.olivia.actor, camera=people.courtyard, broker=wish(), prefix=prefix, name=name)


def test_a_kept_password_goes_to_no_other_broker(people: cast.Cast, hello: None) -> None:
    """N26."""
    listen_to(people)
    keep: dict[str, Any] = {"username": None, "password": None}
    listen_to(people, "front_door", broker=wish(**keep))
    assert (assigned()[people.courtyard].password, assigned()[people.courtyard].name) == (cast.CANARY, "front_door")
    for address in ("mqtts://localhost:8883", "mqtts://127.0.0.1:8884", "mqtt://127.0.0.1:8883"):
        with pytest.raises(Invalid):
            listen_to(people, broker=wish(address, is_plain_ok=True, **keep))
    with pytest.raises(Invalid):
        listen_to(people, broker=wish(username="somebody else", password=None))
    assert assigned()[people.courtyard].host == "127.0.0.1"


def test_what_its_node_says(people: cast.Cast, hello: None) -> None:
    def state() -> tuple[str, bool]:
        found = find_detector(people.olivia.actor, people.courtyard)
        assert found
        return found.state, found.heard_at is not None

    assert find_detector(people.olivia.actor, people.courtyard) is None
    listen_to(people)
    assert state() == ("unknown", False)
    at = clock.now().timestamp()
    services.record_detector_state("local", DetectorState(RUN, 2, people.courtyard, "", at))
    assert state() == ("listening", True)
    services.record_detector_state("local", DetectorState(RUN, 1, people.courtyard, "wrong_password"))
    services.record_detector_state("local", DetectorState("older run", 9, people.courtyard, "wrong_password"))
    assert state() == ("listening", True)
    services.record_detector_state("local", DetectorState(RUN, 3, people.courtyard, "wrong_password"))
    assert state() == ("wrong_password", True)
    listen_to(people, "front_door")
    assert state() == ("unknown", False)


def test_a_name_that_nobody_says_is_a_mark_until_the_camera_is_heard_of(people: cast.Cast, hello: None) -> None:
    """Threats §5: no silent blinding. Whatever is set otherwise where a detector spoke may be the end of it."""
    olivia, began = people.olivia, clock.now()

    def said(sequence: int, *, seconds: float) -> None:
        at = (clock.now() + timedelta(seconds=seconds)).timestamp()
        with clock.moved_by(timedelta(seconds=seconds)):
            services.record_detector_state("local", DetectorState(RUN, sequence, people.courtyard, "", at))

    def marks() -> list[tuple[str, bool]]:
        rows = list_blindings(olivia.actor, people.courtyard, began, clock.now() + timedelta(days=1))
        return [(row.kind, row.end is not None) for row in rows]

    # Nothing was ever heard: a slip of the finger is no mark. Nor is setting the same again.
    listen_to(people, "bakc_yard")
    listen_to(people)
    said(1, seconds=0)
    listen_to(people)
    assert marks() == []
    listen_to(people, "nobody")
    assert marks() == [("alerts_off", False)]
    listen_to(people, "nobody at all")
    run_due()
    assert marks() == [("alerts_off", False)]
    assert [letter.to for letter in mail.outbox if "a detector" in str(letter.body)] == [[olivia.email]]
    # What its node heard while it was being changed says nothing of what is set now.
    listen_to(people)
    said(2, seconds=1)
    assert marks() == [("alerts_off", False)]
    said(3, seconds=60)
    assert marks() == [("alerts_off", True)]
    # Taken off and put back: the same, and so is a password that is wrong.
    services.remove_detector(olivia.actor, camera=people.courtyard)
    listen_to(people)
    assert marks() == [("alerts_off", True), ("alerts_off", False)]
    said(4, seconds=120)
    listen_to(people, broker=wish(password="wrong"))
    assert [row[1] for row in marks()] == [True, True, False]


def test_what_is_gone_leaves_no_login(people: cast.Cast, hello: None) -> None:
    """HC-23: of a camera that was unbound, nothing is heard and nothing kept."""
    listen_to(people)
    services.remove_detector(people.olivia.actor, camera=people.courtyard)
    assert not assigned()
    with pytest.raises(NotFound):
        services.remove_detector(people.olivia.actor, camera=people.courtyard)
    listen_to(people)
    services.unbind_device(people.olivia.actor, device=Camera.objects.get(pk=people.courtyard).device_id)
    assert not assigned()
    run_due()
    assert not Detector.objects.exists()
    with pytest.raises(NotFound):
        listen_to(people)


@pytest.mark.parametrize(("said", "kept"), [("dog, cat", "dog, cat"), ("\u202etac", ""), ("x" * 300, "x" * 100)])
def test_events_say_what_was_seen(people: cast.Cast, hello: None, said: str, kept: str) -> None:
    """HC-12; what comes from outside is printable or nothing (N32)."""
    report = camera_events.EventReport(
        *(new_id(), 1, people.courtyard, camera_events.EventKind.OBJECT, camera_events.EventSource.MQTT),
        started_at=clock.now().timestamp(),
        label=said,
    )
    assert record_events("local", camera_events.EventReports(RUN, [report])).accepted
    [event] = list_events(people.olivia.actor, camera=people.courtyard).items
    assert (event.kind, event.source, event.label) == ("object", "mqtt", kept)


def test_on_its_page(people: cast.Cast, hello: None) -> None:
    page, path = people.olivia.browser(), f"/cameras/{people.courtyard}/detector"
    assert "frigate" in page.get(path).content.decode()
    typed = {"address": "mqtt://127.0.0.1:1883", "topics": "frigate", "name": "back_yard", "password": cast.CANARY}
    assert page.post(path, typed | {"username": "house"}).status_code == 422  # without TLS, and not said so
    refused = page.post(path, typed | {"username": "house", "is_plain_ok": "on", "topics": "#"})
    assert (refused.status_code, b"Type the whole topic" in refused.content) == (422, True)
    assert page.post(path, typed | {"address": "mqtts://198.51.100.7", "username": "house"}).status_code == 403
    page.post(path, typed | {"username": "house", "is_plain_ok": "on"})
    assert assigned()[people.courtyard].password == cast.CANARY
    shown = page.get(path).content.decode()
    assert "Not known yet" in shown
    assert cast.CANARY not in shown
    services.record_detector_state("local", DetectorState(RUN, 1, people.courtyard, "detector_offline"))
    assert "Frigate is away" in page.get(path).content.decode()
    services.record_detector_state("local", DetectorState(RUN, 2, people.courtyard, "", clock.now().timestamp()))
    assert "Listening" in page.get(path).content.decode()
    page.post(path, {"address": "mqtt://127.0.0.1:1883", "topics": "frigate", "name": "front_door"})
    assert (assigned()[people.courtyard].name, assigned()[people.courtyard].password) == ("front_door", cast.CANARY)
    page.post(f"{path}/remove")
    assert not assigned()


def test_by_programs(people: cast.Cast, hello: None) -> None:
    api, path = people.olivia.browser(), f"/api/v1/cameras/{people.courtyard}/detector"
    wished = {"broker": {"address": "mqtts://127.0.0.1", "username": "house", "password": cast.CANARY}, "name": "yard"}
    assert api.get(path).status_code == 404
    answer = api.put(path, wished, content_type="application/json")
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "address": "mqtts://127.0.0.1:8883",
            "prefix": "frigate",
            "name": "yard",
            "state": "unknown",
            "heard_at": None,
        },
    )
    assert api.get(path).json() == answer.json()
    assert api.delete(path).status_code == 204
    assert api.delete(path).status_code == 404
