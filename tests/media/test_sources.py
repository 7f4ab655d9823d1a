"""Cameras as they are: silent, wrong, jumping, gone, back again."""

import asyncio
import contextlib
import itertools
import random
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Self

import msgspec
import pytest

from belvedere.contracts.events import SourceError, StreamSource
from belvedere.demo.clips import Clip, test_clip
from belvedere.demo.rtsp import CameraServer, Faults, Scheme
from belvedere.demo.sound import tone
from belvedere.media.fmp4 import Fragment, Track
from belvedere.media.sources import CameraReader, Lost, Opened, SourceEvent, SourceFailure, probe
from belvedere.media.sources.backoff import Backoff
from belvedere.media.sources.gate import TimestampGate, Verdict
from belvedere.media.sources.relay import AnswerFilter, Objection, Relay, pin_to
from belvedere.media.sources.remux import MAX_ACCESS_UNIT, Remuxer
from media.conftest import PASSWORD

pytestmark = pytest.mark.anyio

LOOPBACK = [("127.0.0.0/8", 1, 65535)]
START = b"\x00\x00\x00\x01"


def source_at(url: str, username: str = "", password: str = "") -> StreamSource:
    return StreamSource(url=url, username=username, password=password, networks=LOOPBACK)


class Notes:
    """Everything a reader said, and a way to wait for it."""

    def __init__(self) -> None:
        self.events: list[SourceEvent] = []

    def take(self, events: list[SourceEvent]) -> None:
        self.events += events

    async def until[T](self, kind: type[T], count: int = 1, within_s: float = 12) -> list[T]:
        async with asyncio.timeout(within_s):
            while True:
                found: list[T] = [event for event in self.events if isinstance(event, kind)]
                if len(found) >= count:
                    return found
                await asyncio.sleep(0.01)


@pytest.fixture
async def read() -> AsyncIterator[Callable[[StreamSource], Awaitable[Notes]]]:
    readers: list[CameraReader] = []

    async def start(source: StreamSource) -> Notes:
        notes = Notes()
        reader = CameraReader("test", source, notes.take, chance=random.Random(1))
        readers.append(reader)
        reader.start()
        return notes

    yield start
    for reader in readers:
        reader.stop()
    for reader in readers:
        assert await asyncio.to_thread(reader.join, 10)


type Read = Callable[[StreamSource], Awaitable[Notes]]


async def test_tracks_and_fragments_in_order(cameras: CameraServer, read: Read) -> None:
    cameras.add("/yard", test_clip(gop=5), audio=tone())
    notes = await read(source_at(cameras.url("/yard")))
    await notes.until(Fragment, 30)
    opened, track, first, *rest = notes.events
    assert opened == Opened("pcm_mulaw", 25.0)
    assert isinstance(track, Track)
    assert isinstance(first, Fragment)
    assert first.is_key
    assert first.time == 0
    fragments = [event for event in rest if isinstance(event, Fragment)]
    assert all(3000 < after.time - before.time < 4200 for before, after in itertools.pairwise(fragments))


async def test_a_camera_nobody_reads_any_more_is_left(cameras: CameraServer) -> None:
    cameras.add("/yard", test_clip())
    notes = Notes()
    reader = CameraReader("test", source_at(cameras.url("/yard")), notes.take)
    reader.start()
    await notes.until(Fragment)
    reader.stop()
    count = len(notes.events)
    assert await asyncio.to_thread(reader.join, 5)
    async with asyncio.timeout(5):
        while cameras.open_connections:
            await asyncio.sleep(0.01)
    assert len(notes.events) == count


FAULTS: list[tuple[Faults, SourceError]] = [
    (Faults(garbage=True), SourceError.NOT_RTSP),
    (Faults(unauthorized=True), SourceError.WRONG_PASSWORD),
    (Faults(missing=True), SourceError.NO_SUCH_STREAM),
    (Faults(audio_only=True), SourceError.NO_VIDEO),
    (Faults(silent=True), SourceError.STALLED),
    (Faults(stalled=True), SourceError.STALLED),
    (Faults(no_key_frames=True), SourceError.NO_VIDEO),
]


async def test_every_fault_has_its_word(cameras: CameraServer) -> None:
    """At once, because some of them take as long as their time-out."""
    for index, (faults, _) in enumerate(FAULTS):
        cameras.add(f"/{index}", test_clip(), faults=faults)
    found = await asyncio.gather(*(probe(source_at(cameras.url(f"/{i}")), 2) for i in range(len(FAULTS))))
    assert [result.code for result in found] == [code.value for _, code in FAULTS]


async def test_h265_is_carried(cameras: CameraServer) -> None:
    cameras.add("/yard", test_clip(codec="hevc"))
    found = await probe(source_at(cameras.url("/yard")), 4)
    assert (found.code, found.codec, found.width, found.height) == ("ok", "hevc", 320, 180)


async def test_a_port_without_anybody(cameras: CameraServer) -> None:
    await cameras.refuse()
    assert (await probe(source_at(cameras.url("/yard")), 4)).code == "connection_refused"


# N27
@pytest.mark.parametrize(
    "address", ["rtsp://127.1:{}/x", "rtsp://[::ffff:127.0.0.1]:{}/x", "rtsp://0.0.0.0:{}/x", "rtsp://localhost:{}/x"]
)
async def test_no_packet_goes_outside_the_reach(cameras: CameraServer, address: str) -> None:
    cameras.add("/x", test_clip())
    source = StreamSource(
        url=address.format(cameras.port), username="", password="", networks=[("192.168.0.0/16", 1, 65535)]
    )
    assert (await probe(source, 4)).code == "network_not_allowed"
    assert cameras.connections == 0


async def test_names_nobody_knows_and_ports_of_our_own(cameras: CameraServer) -> None:
    assert (await probe(source_at("rtsp://no-such-camera.invalid/x"), 4)).code == "unknown_host"
    cameras.add("/x", test_clip())
    own = await probe(source_at(cameras.url("/x")), 4, own_ports=[cameras.port])
    assert own.code == "network_not_allowed"
    assert cameras.connections == 0


# N28
@pytest.mark.parametrize("is_hostile_later", [False, True])
async def test_a_camera_cannot_send_us_elsewhere(cameras: CameraServer, is_hostile_later: bool) -> None:
    async with CameraServer() as victim:
        victim.add("/private", test_clip())
        mount = cameras.add("/yard", test_clip())
        if is_hostile_later:
            assert (await probe(source_at(cameras.url("/yard")), 4)).code == "ok"
        mount.faults.redirect_to = victim.url("/private")
        assert (await probe(source_at(cameras.url("/yard")), 4)).code == "network_not_allowed"
        assert victim.connections == 0


async def test_pictures_by_udp_where_the_operator_chose_it(cameras: CameraServer, read: Read) -> None:
    cameras.add("/yard", test_clip(gop=5), audio=tone(), username="demo", password=PASSWORD)
    source = msgspec.structs.replace(source_at(cameras.url("/yard"), "demo", PASSWORD), transport="udp")
    notes = await read(source)
    await notes.until(Fragment, 30)
    fragments = [event for event in notes.events if isinstance(event, Fragment)]
    assert all(3000 < after.time - before.time < 4200 for before, after in itertools.pairwise(fragments))
    found = await probe(source, 6)
    assert (found.code, found.codec, found.audio) == ("ok", "h264", "pcm_mulaw")


# N28
async def test_by_udp_a_camera_cannot_send_us_elsewhere_either(cameras: CameraServer) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim:
        victim.bind(("127.0.0.9", 0))
        victim.setblocking(False)
        mount = cameras.add("/yard", test_clip())
        source = msgspec.structs.replace(source_at(cameras.url("/yard")), transport="udp")
        mount.faults.foreign_source = "127.0.0.9"
        assert (await probe(source, 4)).code == "network_not_allowed"
        mount.faults.foreign_source = ""
        narrow = msgspec.structs.replace(source, networks=[("127.0.0.1/32", cameras.port, cameras.port)])
        assert (await probe(narrow, 4)).code == "network_not_allowed"
        mount.faults.redirect_to = "rtsp://127.0.0.9/"
        assert (await probe(source, 4)).code == "network_not_allowed"
        with pytest.raises(BlockingIOError):
            victim.recv(1)


# N28
@pytest.mark.parametrize(
    ("said", "passed"),
    [
        (
            b"RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001",
            b"RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001;source=10.0.0.7",
        ),
        (
            b'RTP/AVP; unicast; source="10.0.0.7"; destination=10.9.9.9; server_port=6000',
            b"RTP/AVP;unicast;server_port=6000;source=10.0.0.7",
        ),
        (b"RTP/AVP;unicast;server_port=6000-6001;source=10.0.0.8", None),
        (b"RTP/AVP;unicast;server_port=6000-6001;SOURCE=victim.lan", None),
        (b"RTP/AVP;unicast;server_port=6000-6001;source=10.0.0.7;source=10.0.0.8", None),
        (b"RTP/AVP;multicast;server_port=6000-6001;destination=239.0.0.1", None),
        (b"RTP/AVP;unicast;server_port=22-23", None),
        (b"RTP/AVP;unicast;server_port=6000-6001-22", None),
        (b"RTP/AVP;unicast;server_port=+6000", None),
        (b"RTP/AVP;unicast;server_port=", None),
        (b"RTP/AVP;unicast;server_port=6000,RTP/AVP;unicast;source=10.0.0.8", None),
        (b"RTP/AVP;unicast", None),
        (b"RTP/AVP/TCP;interleaved=0-1", None),
    ],
)
def test_where_pictures_come_from_is_written_by_us(said: bytes, passed: bytes | None) -> None:
    answers = AnswerFilter(pin_to("10.0.0.7", lambda port: 5000 <= port <= 7000))
    message = b"RTSP/1.0 200 OK\r\nCSeq: 3\r\ntransport:" + said + b"\r\nContent-Length: 2\r\n\r\nab"
    if passed is None:
        with pytest.raises(Objection):
            answers.feed(message)
    else:
        expected = b"RTSP/1.0 200 OK\r\nCSeq: 3\r\nTransport: " + passed + b"\r\nContent-Length: 2\r\n\r\nab"
        assert answers.feed(message) == expected


# N28
@pytest.mark.parametrize(
    "said",
    [
        b"RTSP/1.0 302 Moved\r\nCSeq: 1\r\nLocation: rtsp://10.0.0.1/\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\nRTSP/1.0 301 Moved\r\nLocation: rtsp://10.0.0.1/\r\n\r\n",
        b"$\x00\x00\x02abRTSP/1.0 302 Moved\r\n\r\n",
        b"RTSP/1.0 200 OK\nRTSP/1.0 302 Moved\r\n\r\n",
        b"RTSP/1.0 200 OK\rRTSP/1.0 302 Moved\r\n\r\n",
        b"RTSP/2.0 302 Moved\r\n\r\n",
        b"rtsp/1.0 302 Moved\r\n\r\n",
        b" RTSP/1.0 302 Moved\r\n\r\n",
        b"\r\nRTSP/1.0 302 Moved\r\n\r\n",
        b"REDIRECT rtsp://10.0.0.1/ RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: 3\r\nContent-Length: 90\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: 0x10\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length : 9\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: 999999999\r\n\r\n",
        b"RTSP/1.0 200 OK\r\n" + b"A: b\r\n" * 5000,
    ],
    ids=itertools.count(1),
)
async def test_only_whole_answers_pass_before_play(said: bytes) -> None:
    with pytest.raises(Objection):
        AnswerFilter().feed(said)
    passed = bytearray()

    def drop_by_drop(answers: AnswerFilter) -> None:
        for byte in said:
            passed.extend(answers.feed(bytes((byte,))))

    with pytest.raises(Objection):
        drop_by_drop(AnswerFilter())
    assert b"302" not in passed
    assert b"301" not in passed


async def test_good_answers_pass_as_they_are() -> None:
    said = (
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 4\r\n\r\nv=0\n$\x01\x00\x03abcRTSP/1.0 401 Unauthorized\r\n\r\n"
    )
    answers = AnswerFilter()
    assert b"".join(answers.feed(said[i : i + 1]) for i in range(len(said))) == said
    assert answers.feed(b"RTSP/1.0 2") == b""
    assert answers.rest() == b"RTSP/1.0 2"


class Conversation:
    """A relay with us at both ends, past PLAY."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.relay = Relay("127.0.0.1", listener.getsockname()[1], timeout_s=5)
            self.camera, _ = listener.accept()

    def __enter__(self) -> Self:
        self.relay.__enter__()
        self.player = socket.create_connection(("127.0.0.1", self.relay.port))
        self.player.settimeout(5)
        self.player.sendall(b"PLAY rtsp://camera/ RTSP/1.0\r\n\r\n")
        assert self.camera.recv(100).startswith(b"PLAY ")
        return self

    def __exit__(self, *_: object) -> None:
        self.relay.__exit__(None, None, None)
        self.camera.close()
        self.player.close()


async def test_a_camera_that_dribbles_is_ended_too() -> None:
    def dribble() -> float:
        with Conversation() as talk:
            talk.relay.expect(0.4)
            started = time.monotonic()
            with contextlib.suppress(OSError):
                while time.monotonic() - started < 10:
                    talk.camera.sendall(b"$")
                    if talk.player.recv(1) == b"":
                        break
                    time.sleep(0.02)
            assert talk.relay.objection is SourceError.STALLED
            return time.monotonic() - started

    assert 0.3 < await asyncio.to_thread(dribble) < 5  # N30


async def test_pictures_hurry_only_while_somebody_watches() -> None:
    def talk_over() -> None:
        watched = threading.Event()
        with Conversation() as talk:
            talk.relay.ease(watched)
            talk.camera.sendall(b"1")
            assert talk.player.recv(9) == b"1"  # and now it waits, unless it began to wait before it was asked to
            talk.camera.sendall(b"2")
            talk.player.recv(9)
            talk.camera.sendall(b"3")
            time.sleep(0.01)
            talk.camera.sendall(b"4")
            assert talk.player.recv(9) == b"34"  # both at once
            talk.camera.sendall(b"5")
            watched.set()
            assert talk.player.recv(9) == b"5"
            for one in b"678":
                talk.camera.sendall(bytes((one,)))
                assert talk.player.recv(9) == bytes((one,))

    await asyncio.to_thread(talk_over)


async def test_a_try_says_what_is_there(cameras: CameraServer) -> None:
    cameras.add("/yard", test_clip(), audio=tone(), username="us er", password=PASSWORD, schemes=(Scheme.BASIC,))
    result = await probe(source_at(cameras.url("/yard"), "us er", PASSWORD), 8)
    assert (result.code, result.codec, result.width, result.height, result.audio) == (
        "ok",
        "h264",
        320,
        180,
        "pcm_mulaw",
    )
    assert 22 < result.fps < 28
    assert (await probe(source_at(cameras.url("/yard"), "us er", "no"), 8)).code == "wrong_password"


async def test_a_dropped_camera_is_taken_up_again(cameras: CameraServer, read: Read) -> None:
    cameras.add("/yard", test_clip(gop=5))
    notes = await read(source_at(cameras.url("/yard")))
    await notes.until(Fragment, 3)
    await cameras.drop()
    assert await notes.until(Lost) == [Lost(SourceError.DROPPED)]
    tracks = await notes.until(Track, 2)
    assert tracks[1].utc_at_zero > tracks[0].utc_at_zero
    after = notes.events[notes.events.index(tracks[1]) :]
    await notes.until(Fragment, 5)
    assert isinstance(after[1], Fragment)
    assert (after[1].time, after[1].is_key) == (0, True)


async def test_a_camera_that_falls_silent(cameras: CameraServer, read: Read) -> None:
    mount = cameras.add("/yard", test_clip(gop=5))
    notes = await read(source_at(cameras.url("/yard")))
    await notes.until(Fragment, 3)
    mount.faults.stalled = True
    assert await notes.until(Lost) == [Lost(SourceError.STALLED)]
    mount.faults.stalled = False
    await notes.until(Track, 2, within_s=15)


async def test_a_new_picture_size_is_a_new_track(cameras: CameraServer, read: Read) -> None:
    mount = cameras.add("/yard", test_clip(gop=5))
    notes = await read(source_at(cameras.url("/yard")))
    await notes.until(Fragment, 3)
    mount.faults.clip = test_clip(size=(160, 90), gop=5)
    tracks = await notes.until(Track, 2)
    assert [(track.width, track.height) for track in tracks] == [(320, 180), (160, 90)]
    assert not [event for event in notes.events if isinstance(event, Lost)]


async def test_a_camera_whose_clock_is_set(cameras: CameraServer, read: Read) -> None:
    mount = cameras.add("/yard", test_clip(gop=5))
    notes = await read(source_at(cameras.url("/yard")))
    for jump, tracks in ((5.0, 1), (-10.0, 1), (500.0, 2)):
        seen = len(notes.events)
        await notes.until(Fragment, len([e for e in notes.events if isinstance(e, Fragment)]) + 5)
        mount.faults.jump_s = jump
        await notes.until(Fragment, len([e for e in notes.events if isinstance(e, Fragment)]) + 12)
        assert len(await notes.until(Track)) == tracks, (jump, notes.events[seen:])
    for event, following in itertools.pairwise(notes.events):
        if isinstance(event, Fragment) and isinstance(following, Fragment):
            assert following.time > event.time


def remuxed(packets: list[tuple[bytes, int | None]]) -> list[Track | Fragment]:
    remuxer = Remuxer("h264", b"", 90_000)
    return [made for data, dts in packets for made in remuxer.feed(data, dts=dts, pts=dts, is_key=False, utc=1.0)]


def packets_of(clip: Clip) -> list[bytes]:
    return [b"".join(START + nal for nal in unit.nals) for unit in clip.units]


async def test_packets_without_a_time_and_before_the_first_key_frame_are_dropped() -> None:
    packets = packets_of(test_clip(gop=5))[:12]
    stamped: list[tuple[bytes, int | None]] = [(data, index * 3600) for index, data in enumerate(packets)]
    assert len(remuxed(stamped[1:])) == 1 + 7  # the track, and what follows the second key frame
    stamped[3] = (stamped[3][0], None)
    times = [made.time for made in remuxed(stamped) if isinstance(made, Fragment)]
    assert times == [index * 3600 for index in range(12) if index != 3]


# N30
async def test_what_no_camera_sends_ends_the_connection() -> None:
    with pytest.raises(SourceFailure):
        remuxed([(b"\x00" * (MAX_ACCESS_UNIT + 1), 0)])
    # An SPS of 16384 x 16384, baseline: 1024 macroblocks in each direction.
    bits = "010000100000000000110011" + "1" + "1" + "011" + "010" + "0"
    bits += "000000000" + "10000000000" + "00000000010000000000" + "1" + "1" + "0" + "0" + "1"
    sps = b"\x67" + int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8))
    clip = test_clip(gop=5)
    huge = [sps, *clip.units[0].nals[1:]]
    with pytest.raises(SourceFailure) as failure:
        remuxed([(b"".join(START + nal for nal in huge), 0)])
    assert failure.value.code is SourceError.UNSUPPORTED_CODEC


async def test_the_gate() -> None:
    gate = TimestampGate(90_000)
    stamps = [1000, 4600, 8200, None, 8200, 8100, 11800, 11800 + 450_000, 100_000, 103_600, 103_600 + 3_000_000]
    moments = [gate.admit(stamp) for stamp in stamps]
    times = [moment if isinstance(moment, Verdict) else moment.time for moment in moments]
    assert times == [
        0,
        3600,
        7200,
        Verdict.DROP,
        7201,  # the same again: as little later as can be
        7202,
        10800,
        10800 + 450_000,  # five seconds without a frame are five seconds
        10800 + 900_000,  # a clock set back: on we go, at the pace of before
        10800 + 903_600,
        Verdict.BREAK,
    ]


async def test_waits_grow_have_an_end_and_spare_the_password() -> None:
    backoff = Backoff(random.Random(3))
    waits = [backoff.next(SourceError.REFUSED) for _ in range(10)]
    assert 0.25 <= waits[0] <= 0.5
    assert max(waits) <= 30
    assert min(waits[-3:]) >= 15
    assert backoff.next(SourceError.DROPPED, stood_s=60) <= 0.5
    locked = Backoff(random.Random(3))
    assert sum(locked.next(SourceError.WRONG_PASSWORD) for _ in range(5)) > 400
