"""Sound in what is now as HLS: in the segments of who may listen, and in nobody else's."""

import asyncio
import io
import re

import av
import numpy as np
import pytest

from belvedere.contracts.permissions import Permission
from belvedere.contracts.sessions import Quality, SessionKind
from belvedere.demo.clips import test_clip
from belvedere.demo.coded_sound import coded_tone
from belvedere.demo.rtsp import CameraServer
from belvedere.demo.sound import tone
from belvedere.media.delivery.stream import LiveStream
from belvedere.media.fmp4.joining import SOUND
from belvedere.media.node import MediaNode
from media.conftest import StartNode
from media.little_control import LittleControl
from media.past import beside, enter, fetch, times_in, url_of

pytestmark = pytest.mark.anyio

LISTENS = Permission.LIVE_VIEW | Permission.LISTEN


@pytest.fixture
async def house(control: LittleControl, cameras: CameraServer, start_node: StartNode) -> MediaNode:
    """A camera whose sound becomes AAC, and one whose sound is Opus and stays it."""
    for name, audio in (("yard", tone()), ("door", coded_tone("libopus"))):
        cameras.add(f"/{name}", test_clip(gop=10), audio=audio)
        control.add(name, cameras.url(f"/{name}"))
    node = await start_node()
    for name in ("yard", "door"):
        await control.until_online(name)
    return node


def ticket_of(control: LittleControl, camera: str = "yard", permissions: Permission = LISTENS) -> str:
    return control.ticket(camera, kind=SessionKind.HLS, permissions=int(permissions))


def names_in(text: bytes) -> list[str]:
    return [line for line in text.decode().splitlines() if line and not line.startswith("#")]


async def list_of(node: MediaNode, path: str, at_least: int = 1) -> bytes:
    async with asyncio.timeout(30):
        while len(names_in(text := (await fetch(node, beside(path, "media.m3u8"))).body)) < at_least:
            await asyncio.sleep(0.2)
    return text


async def film_of(node: MediaNode, path: str, text: bytes) -> bytes:
    """All that is listed, and the one init it needs."""
    (init,) = set(re.findall(r'#EXT-X-MAP:URI="(\S+)"', text.decode()))
    return b"".join([(await fetch(node, beside(path, name))).body for name in (init, *names_in(text))])


def sound_in(film: bytes) -> tuple[int, float]:
    """(packets, hertz) of the sound of a film."""
    with av.open(io.BytesIO(film), "r") as container:
        frames = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
        rate = container.streams.audio[0].rate
    middle = np.concatenate(frames)[rate : 2 * rate]
    return len(frames), float(np.argmax(np.abs(np.fft.rfft(middle * np.hanning(rate)))))


def stream_of(node: MediaNode) -> LiveStream:
    stream = node.carriage.find_exactly("yard", Quality.MAIN)
    assert stream is not None
    return stream


@pytest.mark.parametrize(("camera", "codec"), [("yard", "mp4a.40.2"), ("door", "opus")])
async def test_who_may_listen_hears_what_is_now(
    house: MediaNode, control: LittleControl, camera: str, codec: str
) -> None:
    path = await enter(house, ticket_of(control, camera))
    assert re.search(rf'CODECS="avc1\.\w+,{codec}"', (await fetch(house, path)).body.decode())
    text = await list_of(house, path, at_least=3)
    assert b"#EXT-X-DISCONTINUITY\n" not in text
    film = await film_of(house, path, text)
    assert film.count(b"trak") == 2
    heard, hertz = sound_in(film)
    assert hertz == pytest.approx(440, abs=2)
    seconds = sum(map(float, re.findall(r"#EXTINF:([\d.]+)", text.decode())))
    assert len(times_in(film)) == round(seconds * 25)
    assert heard * {"mp4a.40.2": 1024 / 8000, "opus": 0.02}[codec] == pytest.approx(seconds, abs=0.6)


async def test_a_stranger_plays_both(house: MediaNode, control: LittleControl) -> None:
    def play(url: str) -> tuple[int, int]:
        pictures = sounds = 0
        with av.open(url, "r", options={"live_start_index": "0"}) as container:
            for packet in container.demux(video=0, audio=0):
                pictures += packet.stream.type == "video"
                sounds += packet.stream.type == "audio"
                if pictures >= 100:
                    break
        return pictures, sounds

    url = url_of(house, f"/media/v1/open?ticket={ticket_of(control)}")
    _, sounds = await asyncio.to_thread(play, url)
    assert sounds > 20


# HC-2
async def test_no_byte_of_sound_without_listen(house: MediaNode, control: LittleControl) -> None:
    """Beside somebody who hears it, so that it is there."""
    hears = await enter(house, ticket_of(control))
    await list_of(house, hears, at_least=2)
    path = await enter(house, ticket_of(control, permissions=Permission.LIVE_VIEW))
    assert b"mp4a" not in (await fetch(house, path)).body
    film = await film_of(house, path, await list_of(house, path, at_least=2))
    assert film.count(b"trak") == 1
    assert not re.search(rb"tfhd....\x00\x00\x00" + bytes((SOUND,)), film, re.DOTALL)
    (init,) = set(re.findall(r'MAP:URI="(\S+)"', (await list_of(house, hears)).decode()))
    assert (await fetch(house, beside(hears, init))).status == 200
    assert (await fetch(house, beside(path, init))).status == 404


# VV-33
async def test_the_right_ends_and_the_picture_goes_on(house: MediaNode, control: LittleControl) -> None:
    ticket = ticket_of(control)
    path = await enter(house, ticket)
    before = await list_of(house, path, at_least=2)
    (with_sound,) = set(re.findall(r'MAP:URI="(\S+)"', before.decode()))
    session = ticket.split(".", maxsplit=1)[0]
    control.rows[session].permissions = Permission.LIVE_VIEW
    await control.push(session)
    # What it has the names of is there without sound, from now on.
    for name in names_in(before):
        piece = await fetch(house, beside(path, name))
        assert piece.status == 200
        assert not re.search(rb"tfhd....\x00\x00\x00" + bytes((SOUND,)), piece.body, re.DOTALL)
    assert (await fetch(house, beside(path, with_sound))).status == 404
    # A player goes on behind a break, with an init that knows of no sound.
    after = await list_of(house, path, at_least=len(names_in(before)) + 1)
    assert after.count(b"#EXT-X-DISCONTINUITY\n") == 1
    film = await film_of(house, path, after)
    assert film.count(b"trak") == 1
    assert len(times_in(film)) > 50
    assert not stream_of(house).listened.event.is_set()


async def test_nothing_is_encoded_for_nobody(house: MediaNode, control: LittleControl) -> None:
    silent, noisy = ticket_of(control, permissions=Permission.LIVE_VIEW), ticket_of(control)
    await list_of(house, await enter(house, silent))
    assert not stream_of(house).listened.event.is_set()
    await list_of(house, await enter(house, noisy))
    assert stream_of(house).listened.event.is_set()
    await control.revoke(noisy.split(".", maxsplit=1)[0])
    assert not stream_of(house).listened.event.is_set()
