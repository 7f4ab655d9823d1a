"""The past on the live socket: found at once, paced, and never a frame of what may not be seen."""

import asyncio
import io
import itertools
import os
import socket
import time
from dataclasses import dataclass, field

import msgspec
import pytest
from PIL import Image
from websockets.exceptions import ConnectionClosed

from belvedere.contracts.permissions import Permission
from belvedere.demo.clips import Clip, test_clip
from belvedere.demo.rtsp import CameraServer
from belvedere.media.delivery.ledger import Ledger
from belvedere.media.delivery.playback import LEAD_US
from belvedere.media.fmp4 import Assembler, write_fragment, write_init
from belvedere.media.fmp4.joining import join
from belvedere.media.fmp4.splitting import split_init
from belvedere.media.footage import Row, SegmentHead, SegmentRef
from belvedere.media.node import MediaNode
from media.conftest import StartNode
from media.film import CAMERA, SECOND_US, Film, film, head_of, path_of, put, whole_file
from media.little_control import LittleControl
from media.past import SOUND_RATE, Part, film_with_sound, segment_of
from media.player import Json, PastPlayer, Shown, closing_of, looking, pictures_in
from media.test_slow_readers import REQUEST, small_socket

pytestmark = pytest.mark.anyio

LIVE, PAST, SOUND = Permission.LIVE_VIEW, Permission.PLAYBACK, Permission.LISTEN
LEAD_S = LEAD_US / 1e6
#: A machine with much else to do may be so late.
SLACK_S = 1.5


@dataclass
class Shelf:
    """Footage of one camera on the node's own disk, begun an hour ago. Instants are seconds from that beginning."""

    node: MediaNode
    zero: float = field(default_factory=lambda: float(int(time.time()) - 3600))

    def put(self, start: float, seconds: int = 10, *, run: str = "c0ffee", first_tick: int = 0) -> SegmentRef:
        """One segment, 25 frames a second, a key frame each second."""
        head = msgspec.structs.replace(head_of(first_tick=first_tick), run=run)
        return self.lay(head, film(seconds, first_tick=first_tick), start, seconds)

    def lay(self, head: SegmentHead, content: Film, start: float, seconds: int) -> SegmentRef:
        """The same of something else."""
        disk = self.node.footage._disk
        assert disk is not None
        start_us, sequence = int((self.zero + start) * SECOND_US), disk.index.last_sequence() + 1
        head = msgspec.structs.replace(head, start_us=start_us, sequence=sequence)
        ref = put(disk.volume, head, whole_file(head, content), seconds * SECOND_US)
        disk.index.add([ref])
        disk.index.flush()
        return ref

    def of(self, utc: object) -> float:
        """An instant as the server says it → seconds from the beginning."""
        return round(float(str(utc)) - self.zero, 3)

    def times(self, frames: list[Shown]) -> list[float]:
        return [self.of(frame.utc) for frame in frames]


@pytest.fixture
async def shelf(control: LittleControl, start_node: StartNode) -> Shelf:
    """A node without a camera: the past needs none."""
    return await shelf_of(await start_node())


async def shelf_of(node: MediaNode) -> Shelf:
    async with asyncio.timeout(5):
        while node.footage.archive is None:
            await asyncio.sleep(0.01)
    return Shelf(node)


def ticket(
    control: LittleControl, permissions: Permission = PAST, *, since: float | None = 0.0, **fields: object
) -> str:
    """For a session in the past, unless `kind` says otherwise; `since` is the start of its window."""
    made = control.ticket(CAMERA, **{"kind": "playback", "playback_from": since, **fields})
    control.rows[made.split(".")[0]].permissions = permissions
    return made


def kinds(player: PastPlayer) -> list[object]:
    return [text["type"] for text in player.texts()]


async def test_seek_shows_the_picture_at_once_and_goes_on_in_time(shelf: Shelf, control: LittleControl) -> None:
    shelf.put(0)
    async with looking(shelf.node, ticket(control)) as player:
        await player.say(type="seek", n=7, to=shelf.zero + 3.5)
        await player.until(lambda p: p.shown() and p.shown()[-1].utc >= shelf.zero + 5)
        at, init = player.texts()
        assert (at["type"], at["n"], shelf.of(at["utc"])) == ("at", 7, 3.5)
        assert (init["type"], init["track"], init["codec"], init["width"]) == ("init", 0, "avc1.64000c", 320)
        times = shelf.times(player.shown())
        assert times[0] == 3.0  # the key frame before
        assert player.shown()[0].is_key
        assert [round(b - a, 2) for a, b in itertools.pairwise(times)] == [0.04] * (len(times) - 1)
        assert pictures_in(player.film) == len(times)
        first = player.shown()[0].at
        # What leads to the picture comes at once; what follows comes when it is due, and a little before.
        for frame, when in zip(player.shown(), times, strict=True):
            assert frame.at - first > when - 3.5 - LEAD_S - 0.1
        assert player.shown()[-1].at - first < 1.5 + SLACK_S


async def test_a_session_may_begin_in_the_past(shelf: Shelf, control: LittleControl) -> None:
    shelf.put(0)
    async with looking(shelf.node, ticket(control, start=shelf.zero + 2)) as player:
        await player.until(lambda p: p.shown())
        assert (player.texts()[0]["type"], player.texts()[0]["n"]) == ("at", 0)
        assert shelf.times(player.shown()) == [2.0]


async def test_faster_and_slower(shelf: Shelf, control: LittleControl) -> None:
    shelf.put(0, 30)
    async with looking(shelf.node, ticket(control)) as player:
        await player.say(type="speed", x=4)  # before the past, it means nothing
        await player.say(type="seek", n=1, to=shelf.zero)
        await player.say(type="speed", x=4)
        started = time.monotonic()
        await player.until(lambda p: p.shown() and p.shown()[-1].utc >= shelf.zero + 8)
        assert 8 / 4 - LEAD_S < time.monotonic() - started < 8 / 4 + SLACK_S
        times = shelf.times(player.shown())
        assert [round(b - a, 2) for a, b in itertools.pairwise(times)] == [0.04] * (len(times) - 1)
        await player.say(type="speed", x=0.25)
        await player.rest(0.01)
        player.forget()
        await player.watch(1)
        assert len(player.shown()) < 0.25 * 25 * (1 + SLACK_S)
        for nonsense in (0, -1, 3, 1e9):
            await player.say(type="speed", x=nonsense)
        await player.watch(0.5)
        assert player.shown()


async def test_very_fast_is_key_frames_alone(shelf: Shelf, control: LittleControl) -> None:
    shelf.put(0, 30)
    async with looking(shelf.node, ticket(control)) as player:
        await player.say(type="seek", n=1, to=shelf.zero + 0.5)
        await player.until(lambda p: len(p.shown()) > 5)
        await player.say(type="speed", x=8)
        await player.rest(0.02)
        player.forget()
        started = time.monotonic()
        await player.until(lambda p: p.shown() and p.shown()[-1].utc >= shelf.zero + 16)
        assert all(frame.is_key for frame in player.shown())
        times = shelf.times(player.shown())
        assert times == [float(second) for second in range(int(times[0]), 17)]
        assert time.monotonic() - started < 16 / 8 + SLACK_S
        await player.say(type="speed", x=1)
        player.forget()
        await player.until(lambda p: [f for f in p.shown() if not f.is_key])
        # It goes on behind the last key frame: what the decoder has is enough.
        later = next(frame for frame in player.shown() if not frame.is_key)
        assert shelf.of(later.utc) % 1 == pytest.approx(0.04)
    assert pictures_in(player.film) > 16


async def test_pause_steps_and_on(shelf: Shelf, control: LittleControl) -> None:
    shelf.put(0)
    async with looking(shelf.node, ticket(control)) as player:
        await player.say(type="pause")
        await player.say(type="seek", n=1, to=shelf.zero + 2.5)
        await player.rest()
        assert shelf.times(player.shown())[-1] == 2.48  # the picture that is on at 2.5
        player.forget()
        for n in (2, 3):
            await player.say(type="step", n=n, by=1)
            assert shelf.of((await player.heard("at", n=n))["utc"]) == pytest.approx(2.48 + 0.04 * (n - 1))
        await player.rest()
        assert shelf.times(player.shown()) == [2.52, 2.56]
        player.forget()
        for n, back in ((4, 2.0), (5, 1.0), (6, 0.0)):
            await player.say(type="step", n=n, by=-1)
            assert shelf.of((await player.heard("at", n=n))["utc"]) == back
        await player.say(type="step", n=7, by=-1)
        assert (await player.heard("at", n=7))["type"] == "at"
        await player.heard("start_of_footage")
        await player.rest()
        assert shelf.times(player.shown()) == [2.0, 1.0, 0.0]
        player.forget()
        # A player that shows an older picture than the last one sent says which.
        await player.say(type="step", n=8, by=1, from_=shelf.zero + 4.2)
        assert shelf.of((await player.heard("at", n=8))["utc"]) == 4.24
        await player.rest()
        assert shelf.times(player.shown())[0] == 4.0
        assert shelf.times(player.shown())[-1] == 4.24
        player.forget()
        await player.say(type="step", n=9, by=1, from_=shelf.zero + 4.96)  # the last one of its group
        assert shelf.of((await player.heard("at", n=9))["utc"]) == 5.0
        await player.rest()
        assert shelf.times(player.shown())[-1] == 5.0
        player.forget()
        await player.say(type="play")
        await player.until(lambda p: len(p.shown()) > 25)
        assert shelf.times(player.shown())[0] == 5.04
    assert kinds(player) == []


async def test_backwards_by_key_frames(shelf: Shelf, control: LittleControl) -> None:
    shelf.put(0, 10)
    shelf.put(20, 5)
    async with looking(shelf.node, ticket(control)) as player:
        await player.say(type="seek", n=1, to=shelf.zero + 22.5)
        await player.until(lambda p: p.shown())
        await player.say(type="reverse", n=2, x=4)
        await player.heard("at", n=2)
        player.forget()
        started = time.monotonic()
        await player.heard("start_of_footage")
        assert shelf.times(player.shown()) == [22.0, 21.0, 20.0, *map(float, range(9, -1, -1))]
        assert 12 / 4 - LEAD_S - 0.5 < time.monotonic() - started < 12 / 4 + SLACK_S
        [gap] = [text for text in player.texts() if text["type"] == "gap"]
        assert (shelf.of(gap["from"]), shelf.of(gap["to"])) == (10.0, 20.0)
        await player.say(type="speed", x=1)
        player.forget()
        await player.until(lambda p: len(p.shown()) > 30)
        assert shelf.times(player.shown())[:3] == [0.04, 0.08, 0.12]


async def test_orders_that_follow_at_once(shelf: Shelf, control: LittleControl) -> None:
    """As a player says them that comes back to where it was."""
    shelf.put(0, 10)
    async with looking(shelf.node, ticket(control)) as player:
        await player.say(type="seek", n=1, to=shelf.zero + 5.5)
        await player.say(type="reverse", n=2, x=1)
        await player.say(type="pause")
        assert shelf.of((await player.heard("at", n=2))["utc"]) == 5
        await player.rest()
        assert shelf.times(player.shown()) == [5]
        await player.say(type="seek", n=3, to=shelf.zero + 8.5)
        await player.say(type="step", n=4, by=-1)
        assert shelf.of((await player.heard("at", n=4))["utc"]) == 8


async def test_a_gap_is_jumped_and_told(shelf: Shelf, control: LittleControl) -> None:
    shelf.put(0, 2)
    shelf.put(2.3, 2, first_tick=90_000 * 2)  # 0.3 s is no gap, the camera's clock was nudged
    shelf.put(1000, 2, first_tick=90_000 * 4)
    async with looking(shelf.node, ticket(control)) as player:
        await player.say(type="seek", n=1, to=shelf.zero + 1)
        started = time.monotonic()
        await player.until(lambda p: len(p.shown()) >= 125)
        assert time.monotonic() - started < 3.5 + SLACK_S
        assert kinds(player) == ["at", "init", "clock", "gap", "clock"]
        gap = player.texts()[3]
        assert (shelf.of(gap["from"]), shelf.of(gap["to"])) == (4.3, 1000)
        assert shelf.times(player.shown())[75] == 1000
        player.forget()
        # Where there is nothing, he is told what there is next.
        await player.say(type="seek", n=2, to=shelf.zero + 500)
        assert shelf.of((await player.heard("at", n=2))["utc"]) == 1000
        gap = await player.heard("gap")
        assert (shelf.of(gap["from"]), shelf.of(gap["to"])) == (500, 1000)


async def test_another_run_is_introduced(shelf: Shelf, control: LittleControl) -> None:
    shelf.put(0, 2, run="aaaa")
    shelf.put(2, 2, run="aaaa", first_tick=180_000)
    shelf.put(4, 2, run="bbbb", first_tick=77)
    async with looking(shelf.node, ticket(control)) as player:
        await player.say(type="seek", n=1, to=shelf.zero)
        await player.until(lambda p: len(p.shown()) >= 145)
        assert kinds(player) == ["at", "init", "clock", "init"]
        assert shelf.times(player.shown()) == [round(index * 0.04, 3) for index in range(len(player.shown()))]


def film_of(clip: Clip) -> tuple[Film, str]:
    """One round of a clip, and its codec."""
    assembler = Assembler(clip.codec)
    rows: list[Row] = []
    data: list[bytes] = []
    for index, unit in enumerate(clip.units):
        made = assembler.feed(b"".join(b"\0\0\0\1" + nal for nal in unit.nals), is_key=unit.is_key)
        assert made is not None
        ticks = index * 90_000 // clip.fps
        duration = 90_000 // clip.fps
        fragment = write_fragment(made.payload, sequence=index, time=ticks, duration=duration, is_key=unit.is_key)
        rows.append(Row(1, sum(len(piece) for piece in data), len(fragment.data), ticks, duration, 0, unit.is_key))
        data.append(fragment.data)
    assert assembler.parameters is not None
    track = write_init(assembler.parameters, 0.0)
    return Film(track.init, tuple(rows), tuple(data)), track.codec


async def test_a_camera_that_changed_its_codec(shelf: Shelf, control: LittleControl) -> None:
    shelf.put(0, 2)
    content, codec = film_of(test_clip(seconds=2, size=(256, 144), codec="hevc"))
    head = head_of()
    track = msgspec.structs.replace(head.tracks[0], codec=codec)
    head = msgspec.structs.replace(head, run="beef", tracks=(track,), width=256, height=144)
    shelf.lay(head, content, 2, 2)
    async with looking(shelf.node, ticket(control)) as player:
        await player.say(type="seek", n=1, to=shelf.zero + 1)
        await player.until(lambda p: len(p.shown()) >= 70)
        assert kinds(player) == ["at", "init", "init"]
        init = player.texts()[-1]
        assert (str(init["codec"])[:5], init["width"]) == ("hvc1.", 256)
        assert pictures_in(player.film) >= 45  # the film since the last init


async def test_sound_is_a_right_of_its_own(shelf: Shelf, control: LittleControl) -> None:
    head, _ = segment_of(Part(0, 10, has_sound=True), 1)
    shelf.lay(head, film_with_sound(10, 0), 0, 10)
    async with looking(shelf.node, ticket(control)) as player:
        await player.say(type="seek", n=1, to=shelf.zero + 1.5)
        await player.until(lambda p: len(p.shown()) > 30)
        assert player.shown(track=1) == []
        assert [text["track"] for text in player.texts() if text["type"] == "init"] == [0]
        assert pictures_in(player.film) > 30  # the init segment has one track, the one that comes
    made = ticket(control, PAST | SOUND)
    async with looking(shelf.node, made) as player:
        await player.say(type="seek", n=1, to=shelf.zero + 1.5)
        await player.until(lambda p: len(p.shown(track=1)) > 20)
        inits = [text for text in player.texts() if text["type"] == "init"]
        assert [(text["track"], text["kind"]) for text in inits] == [(0, "video"), (1, "audio")]
        assert (inits[1]["codec"], inits[1]["timescale"]) == ("mp4a.40.2", SOUND_RATE)
        # Not before the picture that was asked for, and beside the pictures.
        assert player.shown(track=1)[0].utc > shelf.zero + 1.4
        assert abs(player.shown(track=1)[-1].utc - player.shown()[-1].utc) < 0.2
        await player.say(type="speed", x=2)
        await player.rest(0.01)
        player.forget()
        await player.watch(0.5)
        assert player.shown()
        assert player.shown(track=1) == []
        await player.say(type="speed", x=1)
        await player.until(lambda p: p.shown(track=1))
        session = made.split(".")[0]
        control.rows[session].permissions = PAST
        await control.push(session)
        await player.rest(0.01)
        player.forget()
        await player.watch(0.5)
        assert player.shown()
        assert player.shown(track=1) == []


async def test_the_end_goes_over_to_live(control: LittleControl, cameras: CameraServer, start_node: StartNode) -> None:
    cameras.add("/yard", test_clip(gop=10))
    control.add(CAMERA, cameras.url("/yard"))
    shelf = await shelf_of(await start_node())
    await control.until_online(CAMERA)
    shelf.put(0, 2)
    async with looking(shelf.node, ticket(control, LIVE | PAST, kind="live")) as player:
        await player.until(lambda p: p.shown())
        player.forget()
        await player.say(type="seek", n=1, to=shelf.zero)
        await player.heard("at", n=1)
        player.forget()
        await player.heard("live")
        assert shelf.times(player.shown())[-1] == 1.96
        await player.heard("init")
        player.forget()
        await player.until(lambda p: len(p.shown()) > 30)
        assert abs(player.shown()[-1].utc - time.time()) < 5
        # And by order, there and back.
        await player.say(type="seek", n=2, to=shelf.zero + 1)
        await player.heard("at", n=2)
        await player.say(type="live", n=3)
        await player.heard("at", n=3)
        await player.heard("init")
        # Who seeks beyond the end is live, too.
        await player.say(type="seek", n=4, to=time.time() + 1e6)
        await player.heard("at", n=4)
        await player.heard("live")
        await player.heard("init")
    assert pictures_in(player.film) >= 1


async def test_without_live_view_the_end_is_the_end(shelf: Shelf, control: LittleControl) -> None:
    shelf.put(0, 2)
    async with looking(shelf.node, ticket(control)) as player:
        await player.say(type="seek", n=1, to=shelf.zero + 1)
        await player.heard("end_of_footage")
        await player.rest(1)
        assert shelf.times(player.shown())[-1] == 1.96
        assert kinds(player) == ["at", "init", "end_of_footage"]  # said once
        await player.say(type="live", n=2)
        await player.heard("refused", n=2, what="live")
        await player.say(type="pause")
        await player.say(type="seek", n=3, to=shelf.zero + 100)  # who stands sees the last picture
        assert shelf.of((await player.heard("at", n=3))["utc"]) == 1.0
        shelf.put(2, 2, first_tick=180_000)
        player.forget()
        await player.say(type="play")
        await player.until(lambda p: p.shown() and p.shown()[-1].utc > shelf.zero + 3.9)


# N23
@pytest.mark.parametrize("to", [-1000.0, -0.001, 0.0])
async def test_before_the_window_there_is_nothing(shelf: Shelf, control: LittleControl, to: float) -> None:
    shelf.put(0, 20)
    shelf.put(20, 20, first_tick=90_000 * 20)
    window = shelf.zero + 25.7
    async with looking(shelf.node, ticket(control, since=window)) as player:
        await player.say(type="pause")
        await player.say(type="seek", n=1, to=window + to)
        assert shelf.of((await player.heard("at", n=1))["utc"]) == 26
        await player.rest()
        # Nor is the key frame sent that the first picture of the window would need.
        assert shelf.times(player.shown()) == [26.0]
        gaps = [text for text in player.texts() if text["type"] == "gap"]
        assert len(gaps) == (to < -1)
        await player.say(type="step", n=2, by=-1)
        await player.heard("start_of_footage")
        await player.say(type="play")
        await player.say(type="reverse", n=3, x=16)
        await player.heard("start_of_footage")
        await player.rest()
        assert min(shelf.times(player.shown())) == 26


# N23
async def test_the_window_moves_on(shelf: Shelf, control: LittleControl) -> None:
    shelf.put(0, 40)
    made = ticket(control, since=shelf.zero)
    session = made.split(".")[0]
    async with looking(shelf.node, made) as player:
        await player.say(type="seek", n=1, to=shelf.zero + 2)
        await player.until(lambda p: p.shown())
        control.rows[session].playback_from = shelf.zero + 20.5
        await control.push(session)
        await player.heard("gap")
        await player.until(lambda p: p.shown()[-1].utc > shelf.zero + 21)
        times = shelf.times(player.shown())
        assert next(time for time in times if time > 4) == 21
        player.forget()
        await player.say(type="seek", n=2, to=shelf.zero + 2)
        assert shelf.of((await player.heard("at", n=2))["utc"]) == 21


async def test_the_right_to_the_past_ends_and_the_present_stays(
    control: LittleControl, cameras: CameraServer, start_node: StartNode
) -> None:
    cameras.add("/yard", test_clip(gop=10))
    control.add(CAMERA, cameras.url("/yard"))
    shelf = await shelf_of(await start_node())
    await control.until_online(CAMERA)
    shelf.put(0, 60)
    made = ticket(control, LIVE | PAST, kind="live")
    session = made.split(".")[0]
    async with looking(shelf.node, made) as player:
        await player.say(type="seek", n=1, to=shelf.zero)
        await player.until(lambda p: len(p.shown()) > 20)
        control.rows[session].permissions = LIVE
        control.rows[session].playback_from = None
        receipt = await control.push(session)
        assert receipt.cuts[0].state == "narrowed"
        await player.heard("ended", what="playback")
        player.forget()
        await player.until(lambda p: len(p.shown()) > 20)
        assert kinds(player)[:2] == ["live", "init"]
        assert all(frame.utc > shelf.zero + 1000 for frame in player.shown())
        await player.say(type="seek", n=2, to=shelf.zero)
        await player.heard("refused", n=2, what="playback")
        await player.say(type="step", n=3, by=-1)
        await player.heard("refused", n=3, what="playback")
        player.forget()
        await player.until(lambda p: len(p.shown()) > 10)  # live was never interrupted


async def test_when_all_ends_it_is_cut(shelf: Shelf, control: LittleControl) -> None:
    shelf.put(0, 60)
    made = ticket(control)
    async with looking(shelf.node, made) as player:
        await player.say(type="seek", n=1, to=shelf.zero)
        await player.until(lambda p: len(p.shown()) > 10)
        await control.revoke(made.split(".")[0])
        assert await closing_of(player.socket) == (4403, {"why": "revoked", "by": "Olivia"})


# N22
async def test_who_may_see_live_alone_sees_nothing_of_the_past(
    control: LittleControl, cameras: CameraServer, start_node: StartNode
) -> None:
    cameras.add("/yard", test_clip(gop=10))
    control.add(CAMERA, cameras.url("/yard"))
    shelf = await shelf_of(await start_node())
    await control.until_online(CAMERA)
    shelf.put(0, 10)
    async with looking(shelf.node, ticket(control, LIVE, since=None, kind="live")) as player:
        orders: list[Json] = [{"type": "seek", "to": shelf.zero}, {"type": "reverse", "x": 1}, {"type": "step"}]
        orders.append({"type": "preview", "to": shelf.zero})
        for n, order in enumerate(orders):
            await player.say(n=n, **order)
            await player.heard("refused", n=n, what="playback")
        await player.until(lambda p: len(p.shown()) > 30)
        assert all(frame.utc > shelf.zero + 1000 for frame in player.shown())


async def test_a_file_that_vanishes_is_a_gap(shelf: Shelf, control: LittleControl) -> None:
    shelf.put(0, 3)
    gone, short = shelf.put(3, 3, first_tick=270_000), shelf.put(6, 3, first_tick=540_000)
    shelf.put(9, 3, first_tick=810_000)
    disk = shelf.node.footage._disk
    assert disk is not None
    async with looking(shelf.node, ticket(control)) as player:
        await player.say(type="pause")
        await player.say(type="seek", n=1, to=shelf.zero + 6)  # its table is known
        await player.rest()
        path_of(disk.volume, gone).unlink()
        os.truncate(path_of(disk.volume, short), path_of(disk.volume, short).stat().st_size // 2)
        await player.say(type="play")
        await player.say(type="seek", n=2, to=shelf.zero + 2)
        await player.heard("at", n=2)
        player.forget()
        await player.until(lambda p: p.shown() and p.shown()[-1].utc >= shelf.zero + 10)
        gaps = [(shelf.of(text["from"]), shelf.of(text["to"])) for text in player.texts() if text["type"] == "gap"]
        (gone_from, gone_to), (short_from, short_to) = gaps
        assert (gone_from, gone_to, short_to) == (3, 6, 9)
        assert 6 < short_from < 8
    assert pictures_in(player.film) > 50


@pytest.mark.parametrize(
    ("order", "is_closed"),
    [
        ('{"type":"seek","n":1,"to":NaN}', True),
        ('{"type":"seek","n":1,"to":"noon"}', True),
        ('{"type":"seek","n":1,"to":1e999}', True),
        ('{"type":"step","n":1,"by":"x"}', True),
        ('{"type":"seek","n":1,"to":-5}', False),
        ('{"type":"seek","n":1,"to":1e18}', False),
        ('{"type":"seek","n":1,"to":-1e308}', False),
        ('{"type":"seek","n":1}', False),
        ('{"type":"reverse","n":1,"x":1e308}', False),
        ('{"type":"reverse","n":1,"x":0}', False),
        ('{"type":"step","n":1,"by":999999999999}', False),
        ('{"type":"step","n":1,"by":-9,"from":-1e300}', False),
    ],
)
async def test_nonsense(shelf: Shelf, control: LittleControl, order: str, is_closed: bool) -> None:
    shelf.put(0)
    async with looking(shelf.node, ticket(control)) as player:
        await player.socket.send(order)
        if is_closed:
            with pytest.raises(ConnectionClosed):
                await player.rest(5)
            assert player.socket.close_code == 1007
            return
        await player.watch(0.2)
        await player.say(type="play")
        await player.say(type="seek", n=2, to=shelf.zero + 1)
        await player.heard("at", n=2)
        await player.until(lambda p: p.shown() and shelf.of(p.shown()[-1].utc) == 1)


async def test_of_many_seeks_the_last_one_wins(shelf: Shelf, control: LittleControl) -> None:
    shelf.put(0, 50)
    async with looking(shelf.node, ticket(control)) as player:
        for n in range(40):
            await player.say(type="seek", n=n, to=shelf.zero + n)
        await player.heard("at", n=39)
        answered = [text["n"] for text in player.texts() if text["type"] == "at"]
        assert answered == sorted(answered)  # type: ignore[type-var]  # numbers
        player.forget()
        await player.until(lambda p: p.shown())
        assert shelf.times(player.shown())[0] == 39
        for n in range(60):
            await player.say(type="seek", n=n, to=shelf.zero + n)
        with pytest.raises(ConnectionClosed):
            await player.rest(5)
        assert player.socket.close_code == 1008


def heavy_film(seconds: int) -> Film:
    """Four megabits a second of nothing."""
    rows, data = [], []
    for index in range(seconds * 25):
        fragment = write_fragment(
            bytes(20_000), sequence=index, time=index * 3600, duration=3600, is_key=index % 25 == 0
        ).data
        rows.append(Row(1, index * len(fragment), len(fragment), index * 3600, 3600, 0, index % 25 == 0))
        data.append(fragment)
    return Film(film().init, tuple(rows), tuple(data))


async def test_readers_that_do_not_read(shelf: Shelf, control: LittleControl) -> None:
    shelf.lay(head_of(), heavy_film(60), 0, 60)
    stuck, slow = ticket(control, start=shelf.zero), ticket(control)
    sock = small_socket(shelf.node.port)
    sock.sendall(REQUEST.format(stuck).encode())
    async with looking(shelf.node, slow) as player:
        player.socket.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
        await player.say(type="seek", n=1, to=shelf.zero)
        await player.until(lambda p: len(p.shown()) > 10)
        player.socket.transport.pause_reading()
        await asyncio.sleep(2)  # less than what counts as stuck
        player.socket.transport.resume_reading()
        count = len(player.shown())
        await player.until(lambda p: len(p.shown()) > count + 100)
        # He missed nothing: his clock waited for him.
        times = shelf.times(player.shown())
        assert [round(b - a, 2) for a, b in itertools.pairwise(times)] == [0.04] * (len(times) - 1)
        assert (await control.until_closed(stuck.split(".")[0])).why == "stuck"
        assert shelf.node.counters.stuck == 1
    sock.close()


async def test_what_was_watched_is_told(shelf: Shelf, control: LittleControl) -> None:
    shelf.put(0, 30)
    made = ticket(control)
    async with looking(shelf.node, made) as player:
        await player.say(type="pause")
        await player.say(type="seek", n=1, to=shelf.zero + 10.5)
        await player.rest()
        await player.say(type="seek", n=2, to=shelf.zero + 3.5)
        await player.rest()
        await player.say(type="speed", x=16)
        await player.say(type="play")
        await player.until(lambda p: p.shown() and p.shown()[-1].utc >= shelf.zero + 6)
    session = made.split(".")[0]
    await control.until_closed(session)
    async with asyncio.timeout(5):
        while not control.watched:
            await asyncio.sleep(0.01)
    [message] = control.watched
    assert (message.session, message.run) == (session, shelf.node.run)
    spans = [(shelf.of(span.start), shelf.of(span.end)) for span in message.spans]
    assert spans[0][0] == 3
    assert spans[0][1] >= 7
    assert spans[-1][1] >= 10.5


async def test_previews(shelf: Shelf, control: LittleControl) -> None:
    """Small pictures while somebody drags; they stand in the ledger, and those too old are not there (N23)."""
    # A film that can be decoded: one key frame a second of a real clip.
    clip = test_clip(seconds=10, gop=25)
    content, codec = film_of(clip)
    head = head_of()
    head = msgspec.structs.replace(head, tracks=(msgspec.structs.replace(head.tracks[0], codec=codec),))
    shelf.lay(head, content, 0, 10)
    made = ticket(control, since=shelf.zero + 4)
    async with looking(shelf.node, made) as player:
        await player.say(type="preview", n=1, to=shelf.zero + 6.5)
        await player.until(lambda p: p.pictures)
        [(told, picture)] = player.pictures
        assert (told["n"], shelf.of(told["utc"])) == (1, 6.0)
        with Image.open(io.BytesIO(picture)) as image:
            assert (image.format, image.size) == ("JPEG", (240, 136))
        # N23: a millisecond before the window, and far before it: the first one within, as if there were no other.
        await player.say(type="preview", n=2, to=shelf.zero + 3.999)
        await player.until(lambda p: len(p.pictures) == 2)
        assert shelf.of(player.pictures[1][0]["utc"]) == 4.0
        for _ in range(20):
            await player.say(type="preview", n=3, to=shelf.zero + 5)
        await player.say(type="preview", n=4, to=shelf.zero + 8)
        await player.until(lambda p: p.pictures[-1][0]["n"] == 4)
        assert len(player.pictures) < 10
    async with asyncio.timeout(5):
        while not control.watched:
            await asyncio.sleep(0.02)
    spans = [(shelf.of(span.start), shelf.of(span.end)) for told in control.watched for span in told.spans]
    assert spans[0] == (4.0, 7.0)


def test_a_joint_init_comes_apart_again() -> None:
    picture, both = film().init, film_with_sound(2, 0).init
    parts = split_init(both)
    assert list(parts) == [1, 2]
    assert join(parts[1], parts[2]) == both
    assert len(parts[1]) == len(picture)
    assert split_init(picture) == {1: picture}
    for broken in (b"", both[:100], both[:-1], b"\0\0\0\x08moov", b"\0\0\0\x07moov", b"x"):
        with pytest.raises(ValueError, match=r"init|boxes|track"):
            split_init(broken)


def test_a_ledger_stays_small() -> None:
    ledger = Ledger()
    for second in range(10_000):
        ledger.add(second * 10_000_000 % 70_000_000, second * 10_000_000 % 70_000_000 + 40_000)
    spans = ledger.take()
    assert len(spans) == 7
    assert ledger.take() == []
