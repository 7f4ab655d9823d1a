"""Events by MQTT: what Frigate says, as it says it and as nobody should, over a real broker."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from belvedere.contracts.camera_events import EventKind, EventReport
from belvedere.contracts.detectors import (
    DetectorAssignment,
    DetectorSource,
    DetectorsReply,
    DetectorsRequest,
    DetectorState,
)
from belvedere.contracts.sealing import seal
from belvedere.contracts.subjects import DETECTOR_STATE, EVENT_DETECTORS, of_any_node
from belvedere.media.happenings.frigate import MAX_PAYLOAD, Sighting, read_sighting
from belvedere.media.node import MediaNode
from media.broker import Broker
from media.conftest import StartNode
from media.little_control import LittleControl

pytestmark = pytest.mark.anyio

YARD, DOOR = "c" * 26, "d" * 26
#: the broker lets its user read and write below `home/` alone
PREFIX = "home/frigate"


def change(kind: str = "new", *, pk: str = "1718123955.475377-mxklsc", **after: Any) -> bytes:
    """As Frigate 0.14 and later publish it on `frigate/events`."""
    ended = 1718123969.1 if kind == "end" else None
    known = {
        "id": pk,
        "camera": "back_yard",
        "frame_time": 1718123961.837752,
        "snapshot": {
            "frame_time": 1718123965.975463,
            "box": [415, 489, 528, 700],
            "area": 12728,
            "region": [260, 446, 660, 846],
            "score": 0.77546,
            "attributes": [],
        },
        "label": "person",
        "sub_label": ["Rita", 0.91],
        "top_score": 0.958984375,
        "false_positive": False,
        "start_time": 1718123955.475377,
        "end_time": ended,
        "score": 0.7890625,
        "box": [424, 500, 536, 712],
        "area": 23744,
        "ratio": 2.113207,
        "region": [264, 450, 667, 853],
        "current_zones": ["driveway"],
        "entered_zones": ["yard", "driveway"],
        "thumbnail": None,
        "has_snapshot": True,
        "has_clip": True,
        "active": True,
        "stationary": False,
        "motionless_count": 0,
        "position_changes": 2,
        "attributes": {},
        "current_attributes": [],
        "pending_loitering": False,
        "max_severity": "alert",
        "path_data": [[[0.5, 0.7], 1718123955.475377], [[0.51, 0.72], 1718123961.837752]],
    }
    return json.dumps({"type": kind, "before": known, "after": known | after}).encode()


# -- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "kind", "words"),
    [
        ("person", EventKind.PERSON, ""),
        ("car", EventKind.VEHICLE, "car"),
        ("dog", EventKind.ANIMAL, "dog"),
        ("package", EventKind.OBJECT, "package"),
        ("license_plate", EventKind.OBJECT, "license plate"),
        ("\u202eexe.tac", EventKind.OBJECT, ""),  # N32
        ("x" * 99, EventKind.OBJECT, ""),
    ],
)
def test_labels(label: str, kind: EventKind, words: str) -> None:
    sighting = read_sighting("events", change(label=label))
    assert sighting == Sighting("back_yard", kind, "1718123955.475377-mxklsc", True, words)


@pytest.mark.parametrize(
    ("payload", "is_on"),
    [
        (change("new"), True),
        (change("update"), True),
        (change("end"), False),
        (change("update", stationary=True), False),  # a car that was parked is no news
        (change("update", false_positive=True), False),
        (change("update", end_time=5.0), False),
    ],
    ids=["new", "update", "end", "stationary", "false", "ended"],
)
def test_begin_and_end(payload: bytes, is_on: bool) -> None:
    sighting = read_sighting("events", payload)
    assert sighting
    assert sighting.is_on is is_on


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("events", b""),
        ("events", b"\xff\xfe"),
        ("events", b"null"),
        ("events", b"[" * 60_000),  # deep
        ("events", b'{"x":' * 10_000 + b"1" + b"}" * 10_000),
        ("events", b'{"type": "new"}'),
        ("events", b'{"type": "new", "after": 7}'),
        ("events", change("explode")),
        ("events", change(id=7)),
        ("events", change(id="")),
        ("events", change(id="x" * 101)),
        ("events", change(camera=None)),
        ("events", change(label={"a": 1})),
        ("events", change(stationary="no")),
        ("events", change(end_time="never")),
        ("back_yard/motion", b"MAYBE"),
        ("back_yard/motion/state", b"ON"),  # whether motion is looked for, not whether there is some
        ("back_yard/person", b"1"),
        ("motion", b"ON"),
        ("stats", b"{}"),
    ],
)
def test_what_is_not_understood_is_nothing(topic: str, payload: bytes) -> None:
    assert read_sighting(topic, payload) is None


# -- the line ---------------------------------------------------------------------------------------------------------


class Desk:
    """Control's side: assigns detectors, hears how they are."""

    def __init__(self, control: LittleControl) -> None:
        self.control = control
        self.detectors: dict[str, DetectorSource] = {}
        self.states: list[DetectorState] = []

    async def open(self) -> None:
        await self.control.bus.subscribe(of_any_node(EVENT_DETECTORS), DetectorsRequest, self._assign)
        await self.control.bus.subscribe(of_any_node(DETECTOR_STATE), DetectorState, self._hear)

    async def assign(self, **detectors: DetectorSource) -> None:
        self.detectors = {{"yard": YARD, "door": DOOR}[name]: source for name, source in detectors.items()}
        await self.control.changed()

    async def _assign(self, request: DetectorsRequest, _subject: str) -> DetectorsReply:
        """One a page."""
        rest = sorted(camera for camera in self.detectors if camera > request.after)
        key = self.control.hellos[-1].public_key
        rows = [DetectorAssignment(one, seal(key, msgspec.json.encode(self.detectors[one]))) for one in rest[:1]]
        return DetectorsReply(rows, rest[0] if len(rest) > 1 else "")

    async def _hear(self, state: DetectorState, _subject: str) -> None:
        self.states.append(state)

    async def until_state(self, error: str = "", camera: str = YARD) -> DetectorState:
        def last() -> DetectorState | None:
            mine = [row for row in self.states if row.camera == camera]
            return mine[-1] if mine and mine[-1].error == error else None

        await until(last)
        found = last()
        assert found
        return found

    def last(self, kind: EventKind, camera: str = YARD) -> EventReport | None:
        """How the last event of a kind stands."""
        mine = [row for row in self.control.happened if (row.kind, row.camera) == (kind, camera)]
        return mine[-1] if mine else None

    async def until_open(self, kind: EventKind, camera: str = YARD) -> EventReport:
        await until(lambda: (row := self.last(kind, camera)) and row.ended_at is None)
        found = self.last(kind, camera)
        assert found
        return found

    async def until_over(self, kind: EventKind, camera: str = YARD) -> EventReport:
        await until(lambda: (row := self.last(kind, camera)) and row.ended_at is not None)
        found = self.last(kind, camera)
        assert found
        return found


async def until(is_so: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not is_so():
            await asyncio.sleep(0.02)


def detector(broker: Broker, name: str = "back_yard", *, is_tls: bool = False, **more: Any) -> DetectorSource:
    panel = broker.source(is_tls=is_tls)
    login = {key: getattr(panel, key) for key in ("host", "port", "is_tls", "username", "password", "ca")}
    return DetectorSource(**(login | {"networks": panel.networks, "prefix": PREFIX, "name": name} | more))


@pytest.fixture
async def desk(control: LittleControl) -> Desk:
    made = Desk(control)
    await made.open()
    return made


@pytest.fixture
async def node(desk: Desk, start_node: StartNode) -> MediaNode:
    return await start_node()


async def say(broker: Broker, topic: str, payload: str | bytes, *, retain: bool = False) -> None:
    await broker.say(f"{PREFIX}/{topic}", payload, retain=retain)


@pytest.mark.broker
async def test_one_event_from_new_to_end(broker: Broker, desk: Desk, node: MediaNode) -> None:
    """HC-12: many messages, one event of the one camera, by TLS; two cameras of one Frigate share a connection."""
    await desk.assign(yard=detector(broker, is_tls=True), door=detector(broker, "front_door", is_tls=True))
    assert (await desk.until_state()).heard_at is None
    await desk.until_state(camera=DOOR)
    await say(broker, "available", "online", retain=True)
    await say(broker, "events", change("new"))
    began = await desk.until_open(EventKind.PERSON)
    assert (began.source, began.label, began.count) == ("mqtt", "", 1)
    for _ in range(3):
        await say(broker, "events", change("update"))
    await say(broker, "events", change("new", pk="2", camera="front_door", label="dog"))
    await say(broker, "events", change("new", pk="3", camera="front_door", label="cat"))
    await say(broker, "events", change("new", pk="4", camera="not_ours"))
    await say(broker, "events", change("end"))
    ended = await desk.until_over(EventKind.PERSON)
    assert (ended.id, ended.count) == (began.id, 1)
    await until(lambda: (row := desk.last(EventKind.ANIMAL, DOOR)) and row.label == "dog, cat")
    assert {row.camera for row in desk.control.happened} == {YARD, DOOR}
    assert (await desk.until_state()).heard_at
    assert broker.log().count("as belvedere-") == 1


@pytest.mark.broker
async def test_motion_and_sound_are_switches(broker: Broker, desk: Desk, node: MediaNode) -> None:
    # Retained, from before anybody listened: that is no news.
    await say(broker, "back_yard/motion", "ON", retain=True)
    await desk.assign(yard=detector(broker))
    await desk.until_state()
    await say(broker, "back_yard/audio/all", "ON")
    await desk.until_open(EventKind.AUDIO)
    assert desk.last(EventKind.MOTION) is None
    await say(broker, "back_yard/motion", "OFF")
    await say(broker, "back_yard/motion", "ON")
    await desk.until_open(EventKind.MOTION)
    await say(broker, "back_yard/motion", "OFF")
    await desk.until_over(EventKind.MOTION)


@pytest.mark.broker
async def test_a_detector_that_goes_ends_what_it_said(broker: Broker, desk: Desk, node: MediaNode) -> None:
    await say(broker, "available", "online", retain=True)
    await desk.assign(yard=detector(broker))
    await desk.until_state()
    await say(broker, "events", change("new"))
    await desk.until_open(EventKind.PERSON)
    await say(broker, "available", "offline", retain=True)
    await desk.until_over(EventKind.PERSON)
    await desk.until_state("detector_offline")
    await say(broker, "available", "online", retain=True)
    await desk.until_state()


@pytest.mark.broker
async def test_a_broker_that_goes_and_comes_back(broker: Broker, desk: Desk, node: MediaNode) -> None:
    await desk.assign(yard=detector(broker))
    await desk.until_state()
    await say(broker, "events", change("new"))
    began = await desk.until_open(EventKind.PERSON)
    await broker.stop()
    await desk.until_over(EventKind.PERSON)
    await desk.until_state("connection_refused")
    await broker.start()
    await desk.until_state()
    # The same person, still there: the same event goes on.
    await say(broker, "events", change("update"))
    again = await desk.until_open(EventKind.PERSON)
    assert again.id == began.id


@pytest.mark.broker
@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"password": "wrong"}, "wrong_password"),
        ({"networks": []}, "network_not_allowed"),  # D1
        ({"host": "169.254.169.254"}, "network_not_allowed"),  # N27
    ],
    ids=str,
)
async def test_what_is_wrong_is_said_in_one_word(
    broker: Broker, desk: Desk, node: MediaNode, wrong: dict[str, Any], error: str
) -> None:
    source = detector(broker)
    fields = {name: getattr(source, name) for name in source.__struct_fields__}
    await desk.assign(yard=DetectorSource(**(fields | wrong)))
    await desk.until_state(error)


@pytest.mark.broker
async def test_hostile_payloads(broker: Broker, desk: Desk, node: MediaNode) -> None:
    """Whatever a broker sends, the line stands, and what is true is heard after it."""
    await desk.assign(yard=detector(broker))
    await desk.until_state()
    for payload in (
        b"x" * (MAX_PAYLOAD + 1),
        b"x" * 3_000_000,
        b"[" * MAX_PAYLOAD,
        b"\xff" * 100,
        change(pk="x" * 5000),
        change("end", pk="never began"),
    ):
        await say(broker, "events", payload)
    await say(broker, "back_yard/motion", b"\x00")
    await say(broker, "events", change("new"))
    await desk.until_open(EventKind.PERSON)
    assert {row.kind for row in desk.control.happened} == {EventKind.PERSON}
    assert {state.error for state in desk.states} == {""}


@pytest.mark.broker
async def test_a_storm_is_one_event(broker: Broker, desk: Desk, node: MediaNode) -> None:
    """A thousand objects at once: one row of each kind, few reports, and an end."""
    await desk.assign(yard=detector(broker))
    await desk.until_state()
    lines = [change("new", pk=str(n), label="car") for n in range(1000)]
    process = await asyncio.create_subprocess_exec(
        *("mosquitto_pub", *broker.login(), "-t", f"{PREFIX}/events", "-l"), stdin=asyncio.subprocess.PIPE
    )
    await process.communicate(b"\n".join(lines))
    await until(lambda: (row := desk.last(EventKind.VEHICLE)) and row.count >= 900)
    assert len({row.id for row in desk.control.happened}) == 1
    assert len(desk.control.happened) < 100
    await broker.stop()
    await desk.until_over(EventKind.VEHICLE)


@pytest.mark.broker
async def test_what_is_withdrawn_is_heard_no_more(broker: Broker, desk: Desk, node: MediaNode) -> None:
    """HC-23: at once, without waiting for the next assignment."""
    await desk.assign(yard=detector(broker), door=detector(broker, "front_door"))
    await desk.until_state()
    await desk.until_state(camera=DOOR)
    del desk.detectors[YARD]
    await desk.control.changed(YARD)
    # The same line goes on without the one: what is said of the other in that moment is heard.
    await say(broker, "events", change("new", camera="front_door", pk="2"))
    await desk.until_open(EventKind.PERSON, DOOR)
    await say(broker, "events", change("new"))
    await say(broker, "events", change("end", camera="front_door", pk="2"))
    await desk.until_over(EventKind.PERSON, DOOR)
    assert desk.last(EventKind.PERSON) is None
    assert broker.log().count("as belvedere-") == 1
    # Given again, it is heard again: by a line that listens to its topics.
    await desk.assign(yard=detector(broker), door=detector(broker, "front_door"))
    await asyncio.sleep(0.5)
    await say(broker, "events", change("new", pk="3"))
    await desk.until_open(EventKind.PERSON)


@pytest.mark.broker
async def test_another_name_is_another_line(broker: Broker, desk: Desk, node: MediaNode) -> None:
    """Its owner corrects the name: the line is made anew with the right one."""
    await desk.assign(yard=detector(broker, "typo"))
    await desk.until_state()
    await desk.assign(yard=detector(broker))
    await until(lambda: broker.log().count("as belvedere-") == 2)
    await until(lambda: broker.log().count(f"{PREFIX}/back_yard/motion") > 0)
    await say(broker, "back_yard/motion", "ON")
    await desk.until_open(EventKind.MOTION)
