"""From the camera to the disk: a real camera, a real node, real files."""

import asyncio
import io
import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from belvedere.bus.server import BusServer
from belvedere.contracts.events import SourceError
from belvedere.contracts.hours import validate_hours
from belvedere.contracts.recordings import (
    CoverageReply,
    CoverageRequest,
    EraseReply,
    EraseRequest,
    Holding,
    RecordingPlan,
    RecordMode,
)
from belvedere.contracts.sessions import Quality
from belvedere.contracts.subjects import FOOTAGE_COVERAGE, FOOTAGE_ERASE, of_node
from belvedere.demo.clips import test_clip
from belvedere.demo.rtsp import CameraServer
from belvedere.demo.sound import tone
from belvedere.media.delivery.counters import Counters
from belvedere.media.delivery.stream import LiveStream
from belvedere.media.fmp4 import Fragment
from belvedere.media.footage import Archive, Index, Volume
from belvedere.media.footage.recorder import Recorder
from belvedere.media.footage.segment import SegmentRef
from belvedere.media.footage.writer import Writer
from belvedere.media.node import MediaNode
from belvedere.media.sources import Lost
from belvedere.media.sources.remux import Remuxer
from media.conftest import StartNode, running_node
from media.little_control import NODE, LittleControl

pytestmark = pytest.mark.anyio

YARD = f"{'0' * 25}1"


def plan(camera: str = YARD, mode: RecordMode = RecordMode.CONTINUOUS, **more: object) -> RecordingPlan:
    return RecordingPlan(camera, mode, **more)  # type: ignore[arg-type]  # the tests' own words


@pytest.fixture
async def yard(cameras: CameraServer, control: LittleControl) -> str:
    cameras.add("/yard", test_clip(gop=10), audio=tone())
    control.add(YARD, cameras.url("/yard"))
    control.plans[YARD] = plan(with_audio=False)
    return YARD


async def holding(control: LittleControl, camera: str = YARD, *, seconds: float = 10, **wanted: object) -> Holding:
    """The newest word on a camera in which all that is wanted is so."""
    async with asyncio.timeout(seconds):
        while True:
            for row in [row for report in control.footage[-2:] for row in report.holdings if row.camera == camera]:
                if all(getattr(row, name) == value for name, value in wanted.items()):
                    return row
            await asyncio.sleep(0.02)


async def until_there(node_archive: Archive, camera: str, seconds: float) -> list[tuple[int, int]]:
    async with asyncio.timeout(20):
        while True:
            spans = node_archive.spans(camera, 0, 2**62)
            if spans and spans[-1][1] - spans[0][0] >= seconds * 1e6:
                return spans
            await asyncio.sleep(0.05)


def film_of(archive: Archive, segment: SegmentRef) -> io.BytesIO:
    with os.fdopen(archive.open(segment), "rb") as file:
        return io.BytesIO(file.read())


async def archive_of(node: MediaNode) -> Archive:
    """What viewers are served from, once the disk is open."""
    async with asyncio.timeout(5):
        while node.footage.archive is None:
            await asyncio.sleep(0.01)
    return node.footage.archive


async def test_what_is_planned_is_recorded(yard: str, control: LittleControl, start_node: StartNode) -> None:
    node = await start_node()
    began = time.time()
    await holding(control, is_recording=True)
    [(start, _)] = await until_there(await archive_of(node), yard, 3)
    assert start / 1e6 == pytest.approx(began, abs=5)
    reply = await control.bus.request(
        of_node(FOOTAGE_COVERAGE, NODE), CoverageRequest(yard, began, began + 60), CoverageReply, timeout=2
    )
    assert reply.spans[0].end - reply.spans[0].start >= 2
    # Not planned any more: it ends, and what there is stays.
    control.plans[yard] = plan(mode=RecordMode.OFF)
    await control.changed()
    row = await holding(control, is_recording=False)
    assert row.bytes > 0
    [segment] = (await archive_of(node)).segments(yard, None, 0, 2**62)
    with av.open(film_of(await archive_of(node), segment), "r") as container:
        frames = sum(1 for _ in container.decode(video=0))
    assert frames == pytest.approx(segment.duration_us / 40_000, abs=1)


async def test_with_its_sound(yard: str, control: LittleControl, start_node: StartNode) -> None:
    control.plans[yard] = plan(with_audio=True)
    node = await start_node()
    await until_there(await archive_of(node), yard, 4)
    segment = (await archive_of(node)).segments(yard, None, 0, 2**62)[-1]
    table = (await archive_of(node)).table(segment)
    assert [track.kind for track in table.head.tracks] == ["video", "audio"]
    with av.open(film_of(await archive_of(node), segment), "r") as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) > 8000


async def test_plans_are_remembered_beside_the_footage(
    yard: str, control: LittleControl, bus_server: BusServer, tmp_path: Path
) -> None:
    """So that retention, and what is carried, go on while control is away."""
    async with running_node(bus_server, tmp_path) as node:
        await until_there(await archive_of(node), yard, 1)
    control.is_silent = True
    async with running_node(bus_server, tmp_path) as node:
        async with asyncio.timeout(5):
            while not node.footage.plans:
                await asyncio.sleep(0.02)
        assert node.footage.plans == control.plans
        assert len((await archive_of(node)).spans(yard, 0, 2**62)) == 1


async def test_it_carries_and_records_on_while_control_is_away(
    yard: str, control: LittleControl, bus_server: BusServer, tmp_path: Path
) -> None:
    """Started anew, with nobody to ask: what it was told last is sealed beside its key."""
    async with running_node(bus_server, tmp_path) as node:
        await until_there(await archive_of(node), yard, 1)
    kept = [tmp_path / f"assignments-{NODE}.json", tmp_path / "keys" / f"media-{NODE}" / "box.key"]
    assert [file.stat().st_mode & 0o777 for file in kept] == [0o600, 0o600]
    assert b"rtsp" not in kept[0].read_bytes()
    control.is_silent = True
    async with running_node(bus_server, tmp_path) as node:
        archive = await archive_of(node)
        before = archive.spans(yard, 0, 2**62)[-1][1]
        async with asyncio.timeout(15):
            while archive.spans(yard, 0, 2**62)[-1][1] < before + 1_000_000:
                await asyncio.sleep(0.05)


async def test_what_is_erased_leaves_a_gap(yard: str, control: LittleControl, start_node: StartNode) -> None:
    node = await start_node()
    [(start, end)] = await until_there(await archive_of(node), yard, 2)
    reply = await control.bus.request(
        of_node(FOOTAGE_ERASE, NODE), EraseRequest(yard, start / 1e6, end / 1e6), EraseReply, timeout=5
    )
    assert reply.segments == 1
    spans = await until_there(await archive_of(node), yard, 1)
    assert spans[0][0] >= end


async def test_a_wrong_disk_is_refused_and_live_goes_on(
    yard: str, control: LittleControl, start_node: StartNode, tmp_path: Path
) -> None:
    (tmp_path / f"volume-{NODE}.json").write_text(f'{{"path": "{tmp_path / "footage"}", "id": "another"}}')
    await start_node()
    await control.until_online(yard)
    async with asyncio.timeout(5):
        while not any(report.volume.state == "refused" for report in control.footage):
            await asyncio.sleep(0.02)


# -- the recorder alone: real files, made-up time ---------------------------------------------------------------


class Stage:
    """A stream that says what the test wants, a clock that shows what the test wants, and a real disk."""

    def __init__(self, folder: Path) -> None:
        self.volume = Volume.open(folder / "footage", folder / "expected.json")
        self.index = Index.open(self.volume)
        self.writer = Writer(self.volume, self.index)
        self.archive = Archive(self.volume, self.index, self.writer)
        self.stream = LiveStream(YARD, Quality.MAIN, Counters())
        self.now = 1_800_000_000.0
        self.ticks = 0
        self.remuxer = Remuxer("h264", b"", 90_000)
        self.units = itertools.cycle(test_clip(gop=25).units)

    def run(self) -> None:
        """The camera connects anew."""
        self.remuxer = Remuxer("h264", b"", 90_000)
        self.units = itertools.cycle(test_clip(gop=25).units)

    def play(self, seconds: float, *, pace: float = 1.0) -> None:
        """So much of the clip; the wall clock passes `pace` times as fast."""
        for _ in range(round(seconds * 25)):
            packet = b"".join(b"\x00\x00\x00\x01" + nal for nal in next(self.units).nals)
            made = self.remuxer.feed(packet, dts=self.ticks, pts=self.ticks, is_key=False, utc=self.now)
            self.stream.receive([*made])
            self.ticks += 3600
            self.now += 0.04 * pace

    def finished(self) -> list[SegmentRef]:
        self.writer.flush()
        self.index.flush()
        return self.archive.segments(YARD, None, 0, 2**62)

    def close(self) -> None:
        self.writer.close()
        self.index.close()
        self.volume.close()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    found = Stage(tmp_path)
    yield found
    found.close()


def record(stage: Stage, **more: object) -> Recorder:
    recorder = Recorder(stage.stream, plan(**more), stage.writer, clock=lambda: stage.now)  # type: ignore[arg-type]
    recorder.start()
    return recorder


async def test_segments_follow_each_other_without_a_hole(stage: Stage) -> None:
    recorder = record(stage)
    stage.play(200)
    recorder.stop()
    segments = stage.finished()
    assert len(segments) in {3, 4}
    assert 30 <= segments[0].duration_us / 1e6 <= 91
    assert all(one.end_us == other.start_us for one, other in itertools.pairwise(segments))
    assert segments[-1].end_us - segments[0].start_us == 200_000_000


async def test_a_camera_whose_clock_runs_fast_stays_on_time(stage: Stage) -> None:
    """Its hour is three seconds shorter than ours; none of them is lost, and no hole appears."""
    recorder = record(stage)
    began = stage.now
    stage.play(900, pace=1 + 3 / 3600)
    recorder.stop()
    segments = stage.finished()
    assert abs(segments[-1].end_us / 1e6 - (stage.now - 0)) < 0.6
    assert len(stage.archive.spans(YARD, 0, 2**62)) == 1
    assert segments[0].start_us == int(began * 1e6)


@pytest.mark.parametrize("step_s", [3600, -3600])
async def test_a_step_of_the_wall_clock(stage: Stage, step_s: int) -> None:
    """NTP sets the clock by an hour: what comes after has the new time, nothing is written over."""
    recorder = record(stage)
    stage.play(20)
    stage.now += step_s
    stage.play(20)
    recorder.stop()
    segments = sorted(stage.finished(), key=lambda ref: ref.sequence)
    assert len(segments) == 2
    assert segments[1].start_us - segments[0].start_us == pytest.approx((step_s + 20) * 1e6, abs=1.1e6)
    assert sum(ref.duration_us for ref in segments) == pytest.approx(40e6, abs=1e6)


async def test_the_hour_that_comes_twice_is_recorded_twice(stage: Stage) -> None:
    """Zones know summer time, footage does not: its instants are UTC."""
    # 2026-10-25, 02:59:50 in Madrid, ten seconds before it is 02:00 again
    stage.now = 1_792_889_990.0
    hours = validate_hours({"zone": "Europe/Madrid", "weekly": {"sun": [["02:00", "03:00"]]}})
    recorder = record(stage, mode=RecordMode.SCHEDULED, hours=hours)
    stage.play(60)
    recorder.stop()
    assert len(stage.archive.spans(YARD, 0, 2**62)) <= 2
    assert stage.finished()[-1].end_us / 1e6 == pytest.approx(stage.now, abs=1.1)


async def test_hours_begin_and_end(stage: Stage) -> None:
    # a Wednesday, 10:59:30 UTC
    stage.now = 1_800_010_770.0
    hours = validate_hours({"zone": "UTC", "weekly": {"fri": [["11:00", "11:01"]]}})
    recorder = record(stage, mode=RecordMode.SCHEDULED, hours=hours)
    stage.play(120)
    recorder.stop()
    [segment] = stage.finished()
    assert segment.start_us / 1e6 % 3600 == pytest.approx(0, abs=1.1)
    assert segment.duration_us / 1e6 == pytest.approx(60, abs=1.1)


async def test_a_new_run_is_a_new_segment(stage: Stage) -> None:
    recorder = record(stage)
    stage.play(5)
    stage.stream.receive([Lost(SourceError.DROPPED)])
    assert recorder.error == "no_picture"
    stage.now += 30
    stage.run()
    stage.play(5)
    recorder.stop()
    one, other = stage.finished()
    assert stage.archive.table(one).head.run != stage.archive.table(other).head.run
    assert len(stage.archive.spans(YARD, 0, 2**62)) == 2


async def test_what_is_written_is_what_viewers_got(stage: Stage) -> None:
    seen: list[bytes] = []
    stage.stream.taps.append(lambda events: seen.extend(e.data for e in events if isinstance(e, Fragment)))
    recorder = record(stage)
    stage.play(4)
    recorder.stop()
    [segment] = stage.finished()
    table = stage.archive.table(segment)
    film = film_of(stage.archive, segment).read()
    assert [film[row.offset : row.offset + row.size] for row in table.rows] == seen
