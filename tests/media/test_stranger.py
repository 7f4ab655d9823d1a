"""A camera that is not ours, so that we are not only talking to ourselves: gst-rtsp-server (B-12)."""

import asyncio
import io
import itertools
import subprocess
from collections.abc import Iterator
from pathlib import Path

import av
import msgspec
import pytest

from belvedere.contracts.events import ProbeResult, StreamSource
from belvedere.media.fmp4 import Fragment, Track
from belvedere.media.sources.connection import RawPacket, open_camera
from belvedere.media.sources.probe import probe
from belvedere.media.sources.remux import Remuxer

pytestmark = [pytest.mark.stranger, pytest.mark.slow]

LOOPBACK = [("127.0.0.1/32", 1, 65535)]


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    """The stranger, started with the system's Python."""
    command = ["/usr/bin/python3", str(Path(__file__).with_name("stranger_camera.py"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        line = process.stdout.readline()
        assert line, "gst-rtsp-server is needed: ./test media installs it"
        first, second = map(int, line.split())
        yield {"/open": first, "/reordered": first, "/sound": first, "/nothing": first, "/closed": second}
        process.kill()


def source(ports: dict[str, int], path: str, username: str = "", password: str = "") -> StreamSource:
    return StreamSource(f"rtsp://127.0.0.1:{ports[path]}{path}", username, password, LOOPBACK)


def try_it(camera: StreamSource) -> ProbeResult:
    return asyncio.run(probe(camera, 15))


def test_its_picture_is_read(ports: dict[str, int]) -> None:
    """B-12: H.264 with sound beside it, from another hand."""
    found = try_it(source(ports, "/open"))
    assert (found.code, found.codec, found.width, found.height) == ("ok", "h264", 320, 180)
    assert found.audio == "pcm_mulaw"
    assert found.fps == pytest.approx(25, abs=3)


def test_pictures_that_are_shown_in_another_order(ports: dict[str, int]) -> None:
    """B-12: with B-frames, each fragment says how much later than decoded it is shown."""
    film, shown = bytearray(), 0
    with open_camera(source(ports, "/reordered")) as connection:
        announced = connection.announced
        remuxer = Remuxer(announced.codec, announced.extradata, announced.ticks_per_second)
        for packet in connection.packets():
            assert isinstance(packet, RawPacket)
            for made in remuxer.feed(packet.data, dts=packet.dts, pts=packet.pts, is_key=packet.is_key, utc=0):
                film += made.init if isinstance(made, Track) else made.data
                shown += isinstance(made, Fragment)
            if shown >= 40:
                break
    with av.open(io.BytesIO(film), "r") as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        assert any(packet.pts != packet.dts for packet in packets)
    with av.open(io.BytesIO(film), "r") as container:
        times = [frame.pts for frame in container.decode(video=0)]
    assert [b - a for a, b in itertools.pairwise(times[:30]) if a is not None and b is not None] == [3600] * 29


def test_its_picture_comes_by_udp(ports: dict[str, int]) -> None:
    """B-12: it names its own address as `source=`."""
    found = try_it(msgspec.structs.replace(source(ports, "/open"), transport="udp"))
    assert (found.code, found.codec, found.audio) == ("ok", "h264", "pcm_mulaw")


def test_its_digest_is_answered(ports: dict[str, int]) -> None:
    assert try_it(source(ports, "/closed", "u", "p")).code == "ok"


@pytest.mark.parametrize(
    ("path", "user", "password", "code"),
    [
        ("/closed", "u", "wrong", "wrong_password"),
        ("/nothing", "", "", "no_such_stream"),
        ("/sound", "", "", "no_video"),
    ],
)
def test_its_refusals_have_their_words(ports: dict[str, int], path: str, user: str, password: str, code: str) -> None:
    assert try_it(source(ports, path, user, password)).code == code
