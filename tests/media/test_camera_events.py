"""What cameras say happens: one event of many words, from ONVIF devices as they are and as they should not be."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Self

import pytest
from lxml import etree

from belvedere.contracts.camera_events import JOIN_S, MAX_LENGTH_S, EventFeed, EventKind, EventReport, EventSource
from belvedere.contracts.events import SourceError, StreamSource
from belvedere.contracts.reach import Network
from belvedere.demo import onvif_answers as say
from belvedere.demo.onvif import OnvifChannel, OnvifDevice
from belvedere.demo.onvif_faults import of_size, with_dtd, with_entities, with_levels, with_many
from belvedere.media.happenings.book import MAX_UNTOLD, PULSE_S, TELL_EVERY_S, EventBook
from belvedere.media.node import MediaNode
from belvedere.media.onvif import listen
from belvedere.media.onvif.failure import DeviceFailure, OnvifError
from belvedere.media.onvif.pullpoint import Heard
from belvedere.media.onvif.topics import Notice, read_notices
from belvedere.media.sources.failure import SourceFailure
from media.conftest import PASSWORD
from media.little_control import LOOPBACK, LittleControl
from media.test_onvif import Victim

pytestmark = pytest.mark.anyio

CHANNELS = [OnvifChannel(name, f"rtsp://127.0.0.1:8554/{name}") for name in ("door", "yard")]
CAMERA, OTHER = "c" * 26, "d" * 26


@pytest.fixture
async def device() -> AsyncIterator[OnvifDevice]:
    async with OnvifDevice(list(CHANNELS), password=PASSWORD) as running:
        yield running


def source_of(device: OnvifDevice, networks: list[Network] = LOOPBACK) -> StreamSource:
    return StreamSource(url=device.url, username="admin", password=PASSWORD, networks=networks)


async def until(is_so: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not is_so():
            await asyncio.sleep(0.02)


# -- the book ---------------------------------------------------------------------------------------------------------


class Book(EventBook):
    """One with a clock that is set, and one camera that moves."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        super().__init__(lambda: self.now)

    def motion(self, is_on: bool | None, *, key: str = "rule", is_initial: bool = False) -> None:
        self.hear(CAMERA, EventKind.MOTION, EventSource.ONVIF, key=key, is_on=is_on, is_initial=is_initial)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.tick()

    def tell(self) -> list[EventReport]:
        """What goes out now; control takes it."""
        tellings = self.next()
        self.told(tellings)
        return [telling.report for telling in tellings]


def test_it_begins_and_ends_once() -> None:
    book = Book()
    book.motion(True)
    (began,) = book.tell()
    assert (began.camera, began.kind, began.started_at, began.ended_at) == (CAMERA, "motion", book.now, None)
    book.motion(True)
    assert not book.tell()
    book.wait(5)
    book.motion(False)
    (ended,) = book.tell()
    assert (ended.id, ended.started_at, ended.ended_at, ended.count) == (began.id, began.started_at, book.now, 1)
    assert ended.sequence > began.sequence


def test_soon_again_is_the_same_event_and_later_another() -> None:
    book = Book()
    book.motion(True)
    (first,) = book.tell()
    book.motion(False)
    book.wait(JOIN_S - 1)
    book.motion(True)
    (again,) = book.tell()
    assert (again.id, again.ended_at, again.count) == (first.id, None, 2)
    book.motion(False)
    book.wait(JOIN_S + 1)
    book.motion(True)
    assert first.id not in {report.id for report in book.tell() if report.ended_at is None}


def test_two_rules_hold_one_event_open() -> None:
    book = Book()
    book.motion(True, key="left")
    book.motion(True, key="right")
    book.motion(False, key="left")
    assert book.tell()[-1].ended_at is None
    book.wait(TELL_EVERY_S)
    book.motion(False, key="right")
    assert book.tell()[-1].ended_at == book.now


def test_what_never_ends_is_ended() -> None:
    book = Book()
    book.motion(True)
    book.wait(MAX_LENGTH_S)
    (report,) = book.tell()
    assert report.ended_at == book.now
    book.motion(True)
    assert book.tell()[-1].id != report.id


def test_what_is_over_as_it_is_said_lasts_a_moment() -> None:
    book = Book()
    book.motion(None)
    assert book.tell()[0].ended_at is None
    book.wait(PULSE_S)
    assert book.tell()[0].ended_at == book.now


def test_what_was_so_before_is_no_event_but_may_end_one() -> None:
    book = Book()
    book.motion(True, is_initial=True)
    assert not book.tell()
    book.motion(True)
    book.motion(True, is_initial=True)
    assert book.tell()[0].ended_at is None
    book.wait(TELL_EVERY_S)
    book.motion(False, is_initial=True)
    assert book.tell()[0].ended_at == book.now


def test_a_storm_is_one_event_told_now_and_then() -> None:
    """1,000 a minute for eleven minutes: two events, and a report every two seconds."""
    book = Book()
    reports: list[EventReport] = []
    for _ in range(11_000):
        book.motion(True)
        book.motion(False)
        book.wait(0.06)
        reports += book.tell()
    assert len({report.id for report in reports}) == 2
    assert len(reports) <= 660 / TELL_EVERY_S + 4
    assert max(report.count for report in reports) > 9000


def test_control_is_away_for_long() -> None:
    """What it has not taken stays, up to a bound; what changed while it was told is told again."""
    book = Book()
    book.motion(True)
    tellings = book.next()
    book.motion(False)
    book.told(tellings)
    book.wait(TELL_EVERY_S)
    assert book.tell()[0].ended_at is not None
    for number in range(MAX_UNTOLD + 10):
        book.hear(f"{number:026}", EventKind.PERSON, EventSource.ONVIF, key="", is_on=None)
    told: list[EventReport] = []
    while batch := book.tell():
        told += batch
    assert len(told) == MAX_UNTOLD


def test_a_camera_that_is_gone_is_not_spoken_of() -> None:
    book = Book()
    book.motion(True)
    book.forget([CAMERA])
    assert not book.tell()


# -- topics -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("topic", "data", "kind", "is_on"),
    [
        ("RuleEngine/CellMotionDetector/Motion", {"IsMotion": "true"}, "motion", True),
        ("VideoSource/MotionAlarm", {"State": "false"}, "motion", False),
        ("RuleEngine/LineDetector/Crossed", {"ObjectId": "12"}, "line", None),
        ("RuleEngine/FieldDetector/ObjectsInside", {"ObjectId": "1", "IsInside": "true"}, "intrusion", True),
        ("Device/Trigger/DigitalInput", {"LogicalState": "1"}, "digital_input", True),
        ("VideoSource/GlobalSceneChange/ImagingService", {"State": "true"}, "tamper", True),
        ("AudioAnalytics/Audio/DetectedSound", {"isSoundDetected": "true"}, "audio", True),
        ("RuleEngine/MyRuleDetector/PeopleDetect", {"State": "true"}, "person", True),
        ("RuleEngine/CellMotionDetector/People", {"IsPeople": "true"}, "person", True),
        ("RuleEngine/TPSmartEventDetector/TPSmartEvent", {"IsVehicle": "true"}, "vehicle", True),
        ("RuleEngine/MyRuleDetector/DogCatDetect", {"State": "true"}, "animal", True),
    ],
)
def test_makers_have_many_words(topic: str, data: dict[str, str], kind: str, is_on: bool | None) -> None:
    (notice,) = notices(say.notification(topic, "vsc_1", data, at=0))
    assert (notice.kind, notice.is_on, notice.tokens, notice.is_initial) == (kind, is_on, ("vsc_1",), False)


def test_other_words_are_passed_over() -> None:
    said = [
        say.notification("Monitoring/ProcessorUsage", "cpu", {"Value": "90"}, at=0),
        "<wsnt:NotificationMessage/>",
        "<wsnt:NotificationMessage><wsnt:Topic>tns1:VideoSource/MotionAlarm</wsnt:Topic></wsnt:NotificationMessage>",
    ]
    assert notices(*said) == []
    (gone,) = notices(say.notification("VideoSource/MotionAlarm", "1", {"State": "true"}, at=0, operation="Deleted"))
    assert gone.is_on is False


def notices(*messages: str) -> list[Notice]:
    return read_notices(etree.fromstring(say.envelope(say.response("tev:PullMessages", "".join(messages)))))


# -- the subscription -------------------------------------------------------------------------------------------------


class Listening:
    """Somebody who listens to a device until the block ends, and what he heard."""

    def __init__(self, device: OnvifDevice, networks: list[Network] = LOOPBACK) -> None:
        self.heard: list[Heard] = []
        self._device = device
        self._source = source_of(device, networks)

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(listen(self._source, self.heard.extend))
        await until(lambda: self._device.subscriptions or self.task.done())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])

    async def end(self) -> Exception:
        """What ended it."""
        await asyncio.wait([self.task], timeout=20)
        error = self.task.exception()
        assert isinstance(error, Exception)
        return error


async def test_a_device_is_heard(device: OnvifDevice) -> None:
    async with Listening(device) as listening:
        device.events.change("vsc_source_2", is_so=True)
        await until(lambda: listening.heard)
        device.events.cross("vsc_source_1")
        await until(lambda: len(listening.heard) == 2)
    heard = [(place, notice.kind, notice.is_on) for place, notice in listening.heard]
    assert heard == [("source_2", "motion", True), ("source_1", "line", None)]
    # Devices have room for a few listeners only.
    await until(lambda: not device.subscriptions)
    assert "Unsubscribe" in device.asked


async def test_a_subscription_somewhere_else_gets_no_packet(device: OnvifDevice) -> None:  # N28
    async with Victim() as victim:
        device.faults.foreign = victim.address
        async with Listening(device) as listening:
            device.see(0)
            await until(lambda: listening.heard)
    assert victim.connections == 0
    assert set(device.hosts) == {f"127.0.0.1:{device.port}"}


@pytest.mark.parametrize(
    "body",
    [with_dtd(), with_entities(), with_levels(), of_size(3_000_000), with_many(200_000), b"no xml", b""],
    ids=["dtd", "entities", "levels", "size", "many", "none", "empty"],
)
async def test_bombs_end_it_and_nothing_else(device: OnvifDevice, body: bytes) -> None:  # N29
    device.faults.pulls_say = body
    async with Listening(device) as listening:
        error = await listening.end()
    assert isinstance(error, DeviceFailure)
    assert not listening.heard


async def test_a_device_that_never_answers_is_given_up(device: OnvifDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("belvedere.media.onvif.pullpoint._ANSWER_S", 0.5)
    device.faults.holds_pulls = True
    async with Listening(device) as listening:
        error = await listening.end()
    assert isinstance(error, DeviceFailure)
    assert error.code is SourceError.STALLED


async def test_a_subscription_that_is_gone_is_noticed(device: OnvifDevice) -> None:
    async with Listening(device) as listening:
        device.events.forget()
        device.see(0)
        error = await listening.end()
    assert isinstance(error, DeviceFailure)
    assert error.code is SourceError.DROPPED


async def test_a_device_without_events(device: OnvifDevice) -> None:
    device.faults.lacks = {"CreatePullPointSubscription"}
    async with Listening(device) as listening:
        error = await listening.end()
    assert isinstance(error, DeviceFailure)
    assert error.code is OnvifError.NO_EVENTS


async def test_outside_the_reach_there_is_no_packet(device: OnvifDevice) -> None:  # N27
    async with Listening(device, networks=[("10.0.0.0/8", 1, 65535)]) as listening:
        error = await listening.end()
    assert isinstance(error, SourceFailure)
    assert not device.heard


# -- a node -----------------------------------------------------------------------------------------------------------


async def test_from_a_device_to_control(node: MediaNode, control: LittleControl, device: OnvifDevice) -> None:
    """Each channel's events are its camera's; those of a channel that is nobody's are nobody's."""
    control.feeds["device"] = EventFeed(source_of(device), {"source_1": CAMERA})
    await control.changed()
    await until(lambda: device.subscriptions)
    device.see(1)
    device.see(0)
    await until(lambda: control.happened)
    device.see(0, is_seen=False)
    await until(lambda: control.happened[-1].ended_at is not None)
    assert {(report.camera, report.kind) for report in control.happened} == {(CAMERA, EventKind.MOTION)}
    assert len({report.id for report in control.happened}) == 1


async def test_a_node_begins_anew(node: MediaNode, control: LittleControl, device: OnvifDevice) -> None:
    """A device that restarts is heard again; what it is moved by is not told twice."""
    control.feeds["device"] = EventFeed(source_of(device), {"": CAMERA})
    await control.changed()
    await until(lambda: device.subscriptions)
    device.see(0)
    await until(lambda: control.happened)
    device.events.forget()
    device.events.cross("nobody hears this")
    await until(lambda: device.subscriptions)
    device.see(0, is_seen=False)
    await until(lambda: control.happened[-1].ended_at is not None)
    assert len({report.id for report in control.happened}) == 1


async def test_a_camera_that_is_withdrawn_is_silent(
    node: MediaNode, control: LittleControl, device: OnvifDevice
) -> None:
    control.feeds["device"] = EventFeed(source_of(device), {"source_1": CAMERA, "source_2": OTHER})
    await control.changed()
    await until(lambda: device.subscriptions)
    node.events.withdraw([CAMERA])
    device.see(0)
    device.see(1)
    await until(lambda: control.happened)
    assert {report.camera for report in control.happened} == {OTHER}
    del control.feeds["device"]
    await control.changed(CAMERA, OTHER)
    await until(lambda: not device.subscriptions)


async def test_control_that_is_away_hears_it_later(
    node: MediaNode, control: LittleControl, device: OnvifDevice
) -> None:
    control.feeds["device"] = EventFeed(source_of(device), {"": CAMERA})
    await control.changed()
    await until(lambda: device.subscriptions)
    control.is_silent = True
    device.see(0)
    await until(node.events.book.next)
    control.is_silent = False
    await until(lambda: control.happened)
    assert control.happened[0].camera == CAMERA
