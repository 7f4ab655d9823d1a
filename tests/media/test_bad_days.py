"""Bad days of recording, from the camera to whoever looks: killed, no room, slow, changing, flapping, erased."""

import asyncio
import contextlib
import io
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import av
import pytest

from belvedere.bus.server import BusServer
from belvedere.config import free_port
from belvedere.contracts.events import SourceError
from belvedere.contracts.permissions import Permission
from belvedere.contracts.recordings import (
    MAX_SPANS,
    CoverageReply,
    CoverageRequest,
    EraseReply,
    EraseRequest,
    RecordingPlan,
    RecordMode,
    Span,
)
from belvedere.contracts.sessions import Quality, SessionKind
from belvedere.contracts.subjects import FOOTAGE_COVERAGE, FOOTAGE_ERASE, of_node
from belvedere.demo.clips import test_clip
from belvedere.demo.rtsp import CameraServer
from belvedere.media.footage import Archive, Retention, SegmentRef
from belvedere.media.sources import Lost
from media.conftest import StartNode, running_node
from media.film import CAMERA, listing
from media.little_control import NODE, LittleControl
from media.past import DAY, EXPORT, PLAYBACK, enter, fetch, lay, past_ticket, request, until_indexed
from media.player import looking, pictures_in, texts_and_film, watching
from media.test_footage_writer import MoodyDisk
from media.test_recording import YARD, Stage, archive_of, holding, plan, record, until_there

pytestmark = pytest.mark.anyio

GATE = f"{'0' * 25}2"


async def until(condition: Callable[[], object], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


async def covered(control: LittleControl, camera: str) -> list[Span]:
    """What control is told when it asks for everything; [] while nobody answers."""
    question = CoverageRequest(camera, time.time() - 86_400, time.time() + 60)
    with contextlib.suppress(Exception):  # no node, or one that just died
        reply = await control.bus.request(of_node(FOOTAGE_COVERAGE, NODE), question, CoverageReply, timeout=2)
        return reply.spans
    return []


async def until_covered(
    control: LittleControl, camera: str, is_enough: Callable[[list[Span]], object], seconds: float = 30
) -> list[Span]:
    async with asyncio.timeout(seconds):
        while not is_enough(spans := await covered(control, camera)):
            await asyncio.sleep(0.1)
    return spans


def add_two(control: LittleControl, cameras: CameraServer) -> None:
    for camera in (YARD, GATE):
        cameras.add(f"/{camera}", test_clip(gop=10))
        control.add(camera, cameras.url(f"/{camera}"))
        control.plans[camera] = plan(camera, with_audio=False)


# -- killed ----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def media_process(server: BusServer, folder: Path, port: int) -> AsyncIterator[subprocess.Popen[bytes]]:
    """`belvedere serve media`, as the supervisor starts it."""
    server.write_user_file(f"media-{NODE}", folder / "media.bus")
    log = (folder / "media.log").open("ab")
    process = subprocess.Popen(  # noqa: ASYNC220  it returns at once
        [sys.executable, "-m", "belvedere.cli", "serve", "media"],
        env={
            "PATH": os.environ["PATH"],
            "BELVEDERE_DATA": str(folder),
            "BELVEDERE_NODE": NODE,
            "BELVEDERE_BUS_FILE": str(folder / "media.bus"),
            "BELVEDERE_MEDIA_PORT": str(port),
        },
        stdin=subprocess.DEVNULL,
        stderr=log,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        log.close()


def goes_on(spans: list[Span], after: float, seconds: float = 2) -> bool:
    """Whether there is some that began later than that."""
    return bool(spans) and spans[-1].start > after and spans[-1].end - spans[-1].start > seconds


async def test_killed_while_it_records_two_cameras(
    bus_server: BusServer, control: LittleControl, cameras: CameraServer, tmp_path: Path
) -> None:
    """The gap is the outage and nothing else, and the past plays across it."""
    add_two(control, cameras)
    port = free_port()
    killed = [0.0]
    before: dict[str, list[Span]] = {}
    for _ in range(3):
        async with media_process(bus_server, tmp_path, port) as process:
            for camera in (YARD, GATE):
                before[camera] = await until_covered(control, camera, lambda spans: goes_on(spans, killed[-1]))
            killed.append(time.time())
            process.send_signal(signal.SIGKILL)
        await asyncio.sleep(1.5)  # a node that is back within a second leaves no gap that coverage tells
    async with media_process(bus_server, tmp_path, port):
        for camera in (YARD, GATE):
            spans = await until_covered(control, camera, lambda spans: goes_on(spans, killed[-1]))
            for at in killed[1:]:
                last = max(span.end for span in spans if span.start < at)
                assert at - last < 1  # what kill -9 costs, target of the issue
            for old in before[camera]:  # nothing that was there is missing
                assert any(new.start <= old.start + 0.001 and old.end - 0.001 <= new.end for new in spans)
        seen = control.ticket(YARD, kind=SessionKind.PLAYBACK, playback_from=0.0)
        control.rows[seen.split(".")[0]].permissions = Permission.PLAYBACK
        spans = await covered(control, YARD)
        async with looking(port, seen) as player:
            await player.say(type="seek", n=1, to=spans[0].end - 0.5)
            await player.until(lambda p: p.shown() and p.shown()[-1].utc > spans[1].start + 0.5)
            assert [text["type"] for text in player.texts()] == ["at", "init", "gap", "init"]
            gap = player.texts()[2]
            assert float(str(gap["to"])) - float(str(gap["from"])) < spans[1].start - spans[0].end + 1
            assert pictures_in(player.film) > 5


# -- no room ---------------------------------------------------------------------------------------------------------


@pytest.mark.mounts
async def test_a_full_disk_costs_footage_and_not_the_picture(
    control: LittleControl,
    cameras: CameraServer,
    bus_server: BusServer,
    tmp_path: Path,
    mount_disk: Callable[[int], Path],
) -> None:
    add_two(control, cameras)
    little_disk = mount_disk(16)
    async with running_node(bus_server, tmp_path, footage=little_disk) as node:
        for camera in (YARD, GATE):
            await until_there(await archive_of(node), camera, 1)
        async with watching(node, control.ticket(YARD)) as socket:
            filler = little_disk / "filler"
            with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
                while file.write(bytes(4096)):
                    pass
            for camera in (YARD, GATE):
                await holding(control, camera, seconds=20, is_recording=False, error="disk_full")
            assert control.footage[-1].volume.state == "full"
            await texts_and_film(socket, fragments=40)  # the picture does not mind
            filler.unlink()
            full = {camera: (await archive_of(node)).spans(camera, 0, 2**62)[-1] for camera in (YARD, GATE)}
            for camera in (YARD, GATE):
                await holding(control, camera, seconds=20, is_recording=True, error="")
                spans = await until_covered(control, camera, lambda spans: len(spans) > 1)
                assert spans[-1].start > full[camera][0] / 1e6


async def test_a_slow_disk_costs_a_segment_and_not_the_camera(
    control: LittleControl, cameras: CameraServer, start_node: StartNode
) -> None:
    add_two(control, cameras)
    node = await start_node()
    archive = await archive_of(node)
    await until_there(archive, YARD, 1)
    disk = node.footage._disk
    assert disk is not None
    moody = MoodyDisk()
    disk.writer._disk = moody
    disk.writer._max_pending = 30_000
    async with watching(node, control.ticket(YARD)) as socket:
        moody.is_stuck.set()
        try:
            await holding(control, YARD, is_recording=False, error="disk_slow")
            assert control.footage[-1].volume.state == "slow"
            await texts_and_film(socket, fragments=40)
        finally:
            moody.is_stuck.clear()
        await holding(control, YARD, seconds=20, is_recording=True, error="")
    assert cameras.plays == 2  # nobody hung up on a camera
    spans = await until_covered(control, YARD, lambda spans: len(spans) == 2)
    assert spans[0].end - spans[0].start >= 1


# -- cameras that change ---------------------------------------------------------------------------------------------


async def test_a_camera_that_changes_its_codec(
    control: LittleControl, cameras: CameraServer, start_node: StartNode
) -> None:
    mount = cameras.add("/yard", test_clip(gop=10))
    control.add(YARD, cameras.url("/yard"))
    control.plans[YARD] = plan(with_audio=False)
    node = await start_node()
    archive = await archive_of(node)
    await until_there(archive, YARD, 2)
    mount.faults.clip = test_clip(gop=10, size=(256, 144), codec="hevc")
    await cameras.drop("/yard")
    spans = await until_covered(control, YARD, lambda spans: spans and spans[-1].end - spans[0].start > 6)
    heads = [archive.table(ref).head for ref in archive.segments(YARD, None, 0, 2**62)]
    assert [head.tracks[0].codec[:4] for head in heads] == ["avc1", "hvc1"]
    assert len({head.run for head in heads}) == 2
    change = heads[1].start_us / 1e6

    seen = control.ticket(YARD, kind=SessionKind.PLAYBACK, playback_from=0.0)
    control.rows[seen.split(".")[0]].permissions = PLAYBACK
    async with looking(node, seen) as player:
        await player.say(type="seek", n=1, to=spans[0].start + 1)
        await player.until(lambda p: p.shown() and p.shown()[-1].utc > change + 1)
        codecs = [str(text["codec"])[:4] for text in player.texts() if text["type"] == "init"]
        assert codecs == ["avc1", "hvc1"]
        assert pictures_in(player.film) > 10

    asked = control.ticket(
        YARD, kind=SessionKind.EXPORT, start=spans[0].start, end=change + 1.5, export_from=0.0, playback_from=0.0
    )
    control.rows[asked.split(".")[0]].permissions = EXPORT
    got = await fetch(node, await enter(node, asked))
    assert got.status == 200
    # One file with all of it. Of two codecs in one track, FFmpeg plays the first.
    async with asyncio.timeout(10):
        while not control.exports:
            await asyncio.sleep(0.02)
    assert control.exports[-1].spans[-1].end > change + 1
    with av.open(io.BytesIO(got.body), "r") as container:
        pictures = sum(1 for _ in container.decode(video=0))
    assert pictures == pytest.approx(heads_length(archive, YARD) * 25, abs=2)


def heads_length(archive: Archive, camera: str) -> float:
    """Seconds of the first segment."""
    return archive.segments(camera, None, 0, 2**62)[0].duration_us / 1e6


def test_flapping_all_day(tmp_path: Path) -> None:
    """1,440 times a day a camera comes for four seconds and goes: what is kept of it stays right, and bounded."""
    stage = Stage(tmp_path)
    try:
        recorder = record(stage)
        times = 1440
        for number in range(times):
            stage.run()
            stage.play(4)
            stage.stream.receive([Lost(SourceError.DROPPED)])
            stage.now += 56
            if number % 50 == 0:
                stage.writer.flush()  # as time would
        recorder.stop()
        segments = stage.finished()
        assert len(segments) == times
        assert [name for name in listing(stage.volume.path) if not name.endswith(".mp4")] == []
        assert len(listing(stage.volume.path)) == times
        assert stage.writer.open_segments() == []
        spans = stage.archive.spans(YARD, 0, 2**62)
        assert len(spans) == times
        assert sum(end - start for start, end in spans) == pytest.approx(times * 4e6, rel=0.01)
        # Half of the bytes are too much: the older half goes, folders and all that is known of it.
        size = sum(ref.size for ref in segments)
        stage.index.keep_plans([RecordingPlan(YARD, RecordMode.CONTINUOUS, keep_bytes=size // 2)]).result()
        Retention(stage.volume, stage.index, lambda: stage.now).sweep()
        stage.index.flush()
        left = stage.archive.segments(YARD, None, 0, 2**62)
        assert left == segments[-len(left) :]
        assert sum(ref.size for ref in left) <= size // 2 < sum(ref.size for ref in left) + segments[0].size * 2
        assert stage.archive.spans(YARD, 0, 2**62) == spans[-len(left) :]
        assert len(listing(stage.volume.path)) == len(left)
    finally:
        stage.close()


async def test_two_cameras_that_flap(control: LittleControl, cameras: CameraServer, start_node: StartNode) -> None:
    add_two(control, cameras)
    node = await start_node()
    archive = await archive_of(node)
    for _ in range(6):
        for camera in (YARD, GATE):
            await control.until_online(camera)
            await cameras.drop(f"/{camera}")
        control.states.clear()
    for camera in (YARD, GATE):
        await control.until_online(camera)
        await until_there(archive, camera, 1)
    disk = node.footage._disk
    assert disk is not None
    await asyncio.to_thread(disk.writer.flush)
    await asyncio.to_thread(disk.index.flush)
    for camera in (YARD, GATE):
        segments = archive.segments(camera, None, 0, 2**62)
        assert all(not ref.is_open for ref in segments[:-1])
        assert all(one.end_us <= other.start_us + 500_000 for one, other in itertools.pairwise(segments))
        with contextlib.ExitStack() as files:
            for ref in segments:
                fd = archive.open(ref)
                files.callback(os.close, fd)
    parts = [name for name in listing(disk.volume.path) if name.endswith(".part")]
    assert len(parts) <= 2


# -- many pieces, and pieces that go -----------------------------------------------------------------------------------


async def test_coverage_in_very_many_pieces_is_answered(
    control: LittleControl, start_node: StartNode, tmp_path: Path
) -> None:
    """More of them than a message holds: those that lie closest together are told as one."""
    node = await start_node()
    await archive_of(node)
    disk = node.footage._disk
    assert disk is not None
    start_us = int(time.time() - 80_000) * 1_000_000
    refs = []
    for number in range(3 * MAX_SPANS):
        refs.append(SegmentRef(YARD, Quality.MAIN, start_us, number + 1, 2_000_000, 1000))
        start_us += 6_000_000 if number % 6 == 5 else 4_000_000
    disk.index.add(refs).result()
    spans = await covered(control, YARD)
    assert len(spans) == MAX_SPANS // 2  # each ends where the longer break is


async def test_an_export_whose_footage_is_erased(control: LittleControl, bus_server: BusServer, tmp_path: Path) -> None:
    """It breaks off: nobody takes what came for the whole, and nothing is signed."""
    lay(tmp_path, DAY)
    async with running_node(bus_server, tmp_path) as node:
        await until_indexed(control)
        opened = past_ticket(control, 0, 80, kind=SessionKind.EXPORT)
        path = await enter(node, opened)
        size = int((await fetch(node, path, "HEAD")).headers["content-length"])
        disk = node.footage._disk
        assert disk is not None
        reply = await control.bus.request(
            of_node(FOOTAGE_ERASE, NODE), EraseRequest(CAMERA, 1, 2**33), EraseReply, timeout=5
        )
        assert reply.segments == 3
        reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
        try:
            writer.write(request(path))
            with contextlib.suppress(ConnectionError):
                _, _, body = (await reader.read()).partition(b"\r\n\r\n")
                assert len(body) < size
        finally:
            writer.close()
        await asyncio.sleep(1)
        assert control.exports == []
        # A new ticket for the same: there is nothing.
        again = await enter(node, past_ticket(control, 0, 80, kind=SessionKind.EXPORT))
        assert (await fetch(node, again)).status == 404
