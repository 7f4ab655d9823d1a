"""Lists for players that are not ours: the past to the edge of a window, and now without a past."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from pathlib import Path

import av
import pytest

from belvedere.bus.server import BusServer
from belvedere.contracts.permissions import Permission
from belvedere.contracts.recordings import RecordingPlan, RecordMode
from belvedere.contracts.sessions import SessionKind
from belvedere.demo.clips import test_clip
from belvedere.demo.rtsp import CameraServer
from belvedere.media.node import MediaNode
from media.conftest import add_yard, running_node
from media.film import CAMERA
from media.little_control import LittleControl
from media.past import (
    BEGIN_S,
    DAY_WITH_SOUND,
    beside,
    enter,
    fetch,
    lay,
    past_ticket,
    times_in,
    until_indexed,
    url_of,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def past(bus_server: BusServer, control: LittleControl, tmp_path: Path) -> AsyncIterator[MediaNode]:
    lay(tmp_path, DAY_WITH_SOUND)
    async with running_node(bus_server, tmp_path) as started:
        await until_indexed(control)
        yield started


def names_in(text: bytes) -> list[str]:
    return [line for line in text.decode().splitlines() if line and not line.startswith("#")]


def durations_in(text: bytes) -> list[float]:
    return [float(found) for found in re.findall(r"#EXTINF:([\d.]+),", text.decode())]


def instants_in(text: bytes) -> list[str]:
    return re.findall(r"PROGRAM-DATE-TIME:\S+T(\S+)Z", text.decode())


async def list_of(node: MediaNode, path: str) -> bytes:
    """The list of segments, read as a player does; held to the rules of RFC 8216."""
    top = await fetch(node, path)
    assert (top.status, top.headers["content-type"]) == (200, "application/vnd.apple.mpegurl")
    assert re.search(r'BANDWIDTH=\d+,AVERAGE-BANDWIDTH=\d+,CODECS="avc1\.\w+.*",RESOLUTION=320x180', top.body.decode())
    (uri,) = names_in(top.body)
    text = (await fetch(node, beside(path, uri))).body
    lines = text.decode().splitlines()
    assert lines[:3] == ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    target = int(re.findall(r"#EXT-X-TARGETDURATION:(\d+)", text.decode())[0])
    assert all(0 < seconds <= target for seconds in durations_in(text))
    first = lines.index(f"#EXTINF:{durations_in(text)[0]:.5f},")
    assert any(line.startswith("#EXT-X-MAP:") for line in lines[:first])
    return text


# -- the past --------------------------------------------------------------------------------------------------------


async def test_a_stranger_plays_the_past(past: MediaNode, control: LittleControl) -> None:
    """FFmpeg follows from the ticket on, as VLC does."""

    def packets_in(url: str) -> list[tuple[int, int]]:
        with av.open(url, "r") as container:
            return [(packet.dts or 0, packet.size) for packet in container.demux(video=0) if packet.size]

    ticket = past_ticket(control, 2, 38)
    times = await asyncio.to_thread(times_in, url_of(past, f"/media/v1/open?ticket={ticket}"))
    assert times == [round(2 + index * 0.04, 3) for index in range(36 * 25)]
    # Over a break the clock begins anew; FFmpeg's decoder drops the first picture there, its reader none.
    ticket = past_ticket(control, 2, 75)
    packets = await asyncio.to_thread(packets_in, url_of(past, f"/media/v1/open?ticket={ticket}"))
    assert len(packets) == (38 + 15) * 25


async def test_the_list_of_the_past(past: MediaNode, control: LittleControl) -> None:
    text = await list_of(past, await enter(past, past_ticket(control, 2.5, 75)))
    assert sum(durations_in(text)) == pytest.approx(38 + 15, abs=0.01)  # from the key frame before, and no break
    assert text.count(b"#EXT-X-DISCONTINUITY\n") == 1
    assert text.count(b"#EXT-X-MAP:") == 2
    assert text.count(b"#EXT-X-PLAYLIST-TYPE:VOD") == text.count(b"#EXT-X-ENDLIST") == 1
    assert len(names_in(text)) == len(instants_in(text)) == len(durations_in(text))


async def test_every_segment_stands_alone(past: MediaNode, control: LittleControl) -> None:
    path = await enter(past, past_ticket(control, 0, 40))
    text = await list_of(past, path)
    (init,) = re.findall(r'#EXT-X-MAP:URI="(\S+)"', text.decode())
    head = (await fetch(past, beside(path, init))).body
    for name, seconds in zip(names_in(text), durations_in(text), strict=True):
        piece = await fetch(past, beside(path, name))
        assert (piece.status, len(times_in(head + piece.body))) == (200, round(seconds * 25))
        assert (await fetch(past, beside(path, name), "HEAD")).headers["content-length"] == str(len(piece.body))


# VA-13
async def test_no_byte_of_sound_without_listen(past: MediaNode, control: LittleControl) -> None:
    found = {}
    for permissions in (Permission.PLAYBACK, Permission.PLAYBACK | Permission.LISTEN):
        path = await enter(past, past_ticket(control, 0, 6, permissions=permissions))
        assert (b"mp4a" in (await fetch(past, path)).body) is (Permission.LISTEN in permissions)
        text = await list_of(past, path)
        (init,) = re.findall(r'#EXT-X-MAP:URI="(\S+)"', text.decode())
        film = (await fetch(past, beside(path, init))).body
        film += (await fetch(past, beside(path, names_in(text)[0]))).body
        assert len(times_in(film)) == 150
        found[permissions] = film.count(b"moof"), film.count(b"trak")
    silent, noisy = found.values()
    assert silent == (150, 1)
    assert noisy == (150 + 94, 2)


async def test_what_is_just_being_recorded(
    bus_server: BusServer, control: LittleControl, cameras: CameraServer, tmp_path: Path
) -> None:
    """The segment that is being written is listed as far as it goes; a minute later it has another name."""
    cameras.add("/yard", test_clip(gop=10))
    control.add(CAMERA, cameras.url("/yard"))
    control.plans[CAMERA] = RecordingPlan(CAMERA, RecordMode.CONTINUOUS)
    async with running_node(bus_server, tmp_path) as node:
        await until_indexed(control)
        await control.until_online(CAMERA)
        await asyncio.sleep(4)
        (path, export) = [
            await enter(node, past_ticket(control, -3600, 7200, kind=kind))
            for kind in (SessionKind.HLS, SessionKind.EXPORT)
        ]
        text = await list_of(node, path)
        assert 2 < sum(durations_in(text)) < 60
        plan = RecordingPlan(CAMERA, RecordMode.OFF)
        control.plans[CAMERA] = plan
        head = await fetch(node, export, "HEAD")
        await control.changed()
        async with asyncio.timeout(10):
            while [*(tmp_path / "footage").glob("*/*/*/*.part")]:
                await asyncio.sleep(0.05)
        content = (await fetch(node, export)).body  # the file was finished since it was laid out
        assert str(len(content)) == head.headers["content-length"]
        assert len(times_in(content)) > 50
        (init,) = re.findall(r'#EXT-X-MAP:URI="(\S+)"', text.decode())
        film = (await fetch(node, beside(path, init))).body
        pieces = [(await fetch(node, beside(path, name))).body for name in names_in(text)]
        assert len(times_in(film + b"".join(pieces))) == round(sum(durations_in(text)) * 25)


# N23
async def test_the_edge_of_the_window(past: MediaNode, control: LittleControl) -> None:
    edge = BEGIN_S + 12
    for playback_from, first in ((edge, "12.000"), (edge + 0.001, "13.000"), (edge - 0.001, "12.000")):
        path = await enter(past, past_ticket(control, 0, 40, playback_from=playback_from))
        text = await list_of(past, path)
        assert float(instants_in(text)[0][-6:]) % 60 == pytest.approx((BEGIN_S + float(first)) % 60, abs=0.0011)
    ticket = past_ticket(control, 0, 40, playback_from=BEGIN_S)
    path = await enter(past, ticket)
    before = await list_of(past, path)
    control.rows[ticket.split(".")[0]].playback_from = edge + 0.001
    await control.push(ticket.split(".")[0])
    after = await list_of(past, path)
    gone = [name for name in names_in(before) if name not in names_in(after)]
    assert gone == names_in(before)[:3]  # at 0, 6 and 12
    assert f"#EXT-X-MEDIA-SEQUENCE:{len(gone)}\n".encode() in after
    for name in gone:
        assert (await fetch(past, beside(path, name))).status == 404
    assert (await fetch(past, beside(path, names_in(after)[0]))).status == 200


# N23
async def test_nothing_is_listed_where_nothing_is(past: MediaNode, control: LittleControl) -> None:
    for start, end, earliest in ((41, 59, 0.0), (30, 10, 0.0), (0, 40, BEGIN_S + 40), (0, 40, None), (5, 5, 0.0)):
        path = await enter(past, past_ticket(control, start, end, playback_from=earliest))
        for name in ("index.m3u8", "media.m3u8", "0.m4s", "c0ffee.mp4"):
            assert (await fetch(past, beside(path, name))).status == 404


# N21
async def test_one_viewer_is_cut_and_the_other_plays_on(
    past: MediaNode, control: LittleControl, capfd: pytest.CaptureFixture[str]
) -> None:
    ritas, sams = (past_ticket(control, 0, 40) for _ in range(2))
    rita, sam = [await enter(past, ticket) for ticket in (ritas, sams)]
    assert rita != sam
    listed = names_in(await list_of(past, rita))
    assert (await fetch(past, beside(rita, listed[0]))).status == 200
    receipt = await control.revoke(ritas.split(".")[0])
    assert [cut.state for cut in receipt.cuts] == ["cut"]
    for name in ("index.m3u8", "media.m3u8", "c0ffee.mp4", *listed):
        assert (await fetch(past, beside(rita, name))).status == 404
    assert names_in(await list_of(past, sam)) == listed
    assert (await fetch(past, beside(sam, listed[3]))).status == 200
    logged = capfd.readouterr()
    for path in (rita, sam):
        assert path.split("/")[4] not in logged.out + logged.err
    assert "session_ended" in logged.out + logged.err


async def test_the_ledger_says_which_part_was_fetched(past: MediaNode, control: LittleControl) -> None:
    ticket = past_ticket(control, 0, 40)
    session = ticket.split(".")[0]
    path = await enter(past, ticket)
    for name in names_in(await list_of(past, path))[1:3]:
        await fetch(past, beside(path, name))
    await control.revoke(session)
    async with asyncio.timeout(5):
        while not control.watched:
            await asyncio.sleep(0.02)
    spans = [(span.start - BEGIN_S, span.end - BEGIN_S) for told in control.watched for span in told.spans]
    assert spans == [(6, 18)]
    assert {told.session for told in control.watched} == {session}


# -- now -------------------------------------------------------------------------------------------------------------


def now_ticket(control: LittleControl) -> str:
    return control.ticket("yard", kind=SessionKind.HLS)


async def test_a_stranger_plays_what_is_now(node: MediaNode, control: LittleControl) -> None:
    def play(url: str) -> list[float]:
        with av.open(url, "r", options={"live_start_index": "0"}) as container:
            times = []
            for frame in container.decode(video=0):
                times.append(float(frame.time or 0))
                if len(times) == 150:
                    break
            return times

    times = await asyncio.to_thread(play, url_of(node, f"/media/v1/open?ticket={now_ticket(control)}"))
    assert len(times) == 150
    assert max(later - earlier for earlier, later in itertools.pairwise(times)) < 0.2  # no picture is missing


# N22
async def test_who_comes_later_sees_no_earlier(node: MediaNode, control: LittleControl) -> None:
    early = await enter(node, now_ticket(control))
    first = names_in(await list_of(node, early))
    async with asyncio.timeout(30):
        while len(names_in(text := await list_of(node, early))) < 3:
            await asyncio.sleep(0.2)
    assert b"#EXT-X-ENDLIST" not in text
    late = await enter(node, now_ticket(control))
    for name in names_in(text)[:-1]:
        assert (await fetch(node, beside(late, name))).status == 404
    names = names_in(await list_of(node, late))
    assert int(names[0].split(".")[0]) > int(names_in(text)[-1].split(".")[0])
    assert (await fetch(node, beside(early, first[0]))).status == 200


# N22
async def test_nothing_is_left_of_what_was_before_an_outage(
    bus_server: BusServer, control: LittleControl, tmp_path: Path
) -> None:
    async with running_node(bus_server, tmp_path) as node:
        async with CameraServer() as cameras:
            await add_yard(control, cameras)
            await control.until_online("yard")
            path = await enter(node, now_ticket(control))
            name = names_in(await list_of(node, path))[0]
        await control.until_online("yard", online=False)
        assert (await fetch(node, beside(path, name))).status == 404


async def test_nobody_cuts_what_nobody_follows(node: MediaNode, control: LittleControl) -> None:
    (stream,) = node.carriage.streams()
    tickets = [now_ticket(control) for _ in range(2)]
    for ticket in tickets:
        await list_of(node, await enter(node, ticket))
    assert stream.watching == 1  # one segmenter for all
    for ticket in tickets:
        await control.revoke(ticket.split(".")[0])
    assert stream.watching == 0


async def test_live_view_lost(node: MediaNode, control: LittleControl) -> None:
    ticket = now_ticket(control)
    path = await enter(node, ticket)
    name = names_in(await list_of(node, path))[0]
    await control.revoke(ticket.split(".")[0])
    for target in (path, beside(path, name), beside(path, "1.mp4")):
        assert (await fetch(node, target)).status == 404
