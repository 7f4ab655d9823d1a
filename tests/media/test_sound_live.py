"""Sound on the live socket: for who may listen, when the player asks; gone with the right, when the picture is not."""

import asyncio
import contextlib
import itertools
import json
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import av
import numpy as np
import pytest
from av.audio.codeccontext import AudioCodecContext
from websockets.asyncio.client import ClientConnection

from belvedere.contracts.permissions import Permission
from belvedere.contracts.sessions import Quality
from belvedere.demo.clips import test_clip
from belvedere.demo.coded_sound import CodedSound, coded_tone
from belvedere.demo.rtsp import CameraServer
from belvedere.demo.sound import Sound, tone
from belvedere.media.delivery.stream import LiveStream
from belvedere.media.fmp4.fragment import HEADER_SIZE
from belvedere.media.node import MediaNode
from media.conftest import StartNode
from media.little_control import LittleControl
from media.player import Json, watching

pytestmark = pytest.mark.anyio

LISTENS = Permission.LIVE_VIEW | Permission.LISTEN


@dataclass
class Ears:
    """A player that watches, and may listen."""

    socket: ClientConnection
    texts: list[Json] = field(default_factory=list)
    pictures: int = 0
    #: payloads of track 1, and their times in ticks
    sound: list[bytes] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    inits: list[bytes] = field(default_factory=list)

    async def say(self, **order: object) -> None:
        await self.socket.send(json.dumps(order))

    async def until(self, is_enough: Callable[["Ears"], object], within_s: float = 20.0) -> None:
        async with asyncio.timeout(within_s):
            while not is_enough(self):
                self._take(await self.socket.recv())

    async def more_pictures(self, count: int = 15) -> None:
        """What comes while so many pictures do; sound comes as often."""
        wanted = self.pictures + count
        await self.until(lambda ears: ears.pictures >= wanted)

    def said(self, kind: str) -> list[Json]:
        return [text for text in self.texts if text["type"] == kind]

    def introduced(self, track: int) -> list[Json]:
        return [text for text in self.said("init") if text["track"] == track]

    def _take(self, message: str | bytes) -> None:
        if isinstance(message, str):
            self.texts.append(json.loads(message))
        elif message[0] == 0:
            self.pictures += message[5:9] == b"moof"
        elif message[5:9] == b"ftyp":
            self.inits.append(message[1:])
        else:
            assert (message[0], message[5:9]) == (1, b"moof")
            self.times.append(struct.unpack_from(">Q", message, 61)[0])
            self.sound.append(message[1 + HEADER_SIZE :])


@asynccontextmanager
async def ears(node: MediaNode, ticket: str) -> AsyncIterator[Ears]:
    async with watching(node, ticket) as socket:
        yield Ears(socket)


@pytest.fixture
async def house(control: LittleControl, cameras: CameraServer, start_node: StartNode) -> MediaNode:
    """Three cameras with a tone of 440 Hz, in different codecs, and one without."""
    await add(control, cameras, "yard", tone())
    await add(control, cameras, "gate", coded_tone("aac"))
    await add(control, cameras, "door", coded_tone("libopus"))
    await add(control, cameras, "mute", None)
    node = await start_node()
    for camera in ("yard", "gate", "door", "mute"):
        await control.until_online(camera)
    return node


async def add(control: LittleControl, cameras: CameraServer, name: str, audio: Sound | CodedSound | None) -> None:
    cameras.add(f"/{name}", test_clip(gop=10), audio=audio)
    control.add(name, cameras.url(f"/{name}"))


def stream_of(node: MediaNode, camera: str) -> LiveStream:
    found = node.carriage.find(camera, Quality.MAIN)
    assert found is not None
    return found


@pytest.mark.parametrize(("camera", "codec"), [("yard", "ulaw"), ("gate", "mp4a.40.2"), ("door", "opus")])
async def test_who_may_listen_hears_when_he_asks(
    house: MediaNode, control: LittleControl, camera: str, codec: str
) -> None:
    async with ears(house, control.ticket(camera, permissions=int(LISTENS))) as player:
        await player.more_pictures()
        assert (player.introduced(0)[0]["sound"], player.introduced(1), player.sound) == (True, [], [])
        assert not stream_of(house, camera).heard.is_set()  # nor is it read for nobody

        await player.say(type="listen")
        await player.until(lambda it: len(it.sound) > 40)
        (init,) = player.introduced(1)
        assert (init["kind"], init["codec"]) == ("audio", codec)
        assert init["utc_at_zero"] == player.introduced(0)[0]["utc_at_zero"]
        assert len(player.inits) == 1
        steps = {later - earlier for earlier, later in itertools.pairwise(player.times)}
        assert steps <= {{"ulaw": 320, "mp4a.40.2": 1024, "opus": 960}[codec]}  # nothing is left out

        await player.say(type="listen", on=False)
        await player.more_pictures()
        heard = len(player.sound)
        await player.more_pictures()
        assert len(player.sound) == heard
        assert not stream_of(house, camera).heard.is_set()


async def test_g711_is_what_the_camera_said(house: MediaNode, control: LittleControl) -> None:
    async with ears(house, control.ticket("yard", permissions=int(LISTENS))) as player:
        await player.say(type="listen")  # before there is a lease: it is followed when there is
        await player.until(lambda it: len(it.sound) > 30)
    decoder = av.CodecContext.create("pcm_mulaw", "r")
    assert isinstance(decoder, AudioCodecContext)
    decoder.sample_rate, decoder.layout = 8000, "mono"
    packet = av.Packet(b"".join(player.sound))
    samples = np.concatenate([frame.to_ndarray().ravel() for frame in decoder.decode(packet)])[:8000]
    assert int(np.argmax(np.abs(np.fft.rfft(samples)))) == pytest.approx(440, abs=2)


# HC-2
async def test_without_the_right_there_is_no_sound_to_be_had(house: MediaNode, control: LittleControl) -> None:
    """Beside somebody who hears it, so that it is there."""
    async with (
        ears(house, control.ticket("yard", permissions=int(LISTENS))) as other,
        ears(house, control.ticket("yard", permissions=int(Permission.LIVE_VIEW))) as player,
    ):
        await other.say(type="listen")
        await other.until(lambda it: it.sound)
        await player.say(type="listen", n=3)
        await player.until(lambda it: it.said("refused"))
        await player.more_pictures(40)
        await other.more_pictures(5)
        assert player.said("refused") == [{"type": "refused", "n": 3, "what": "listen"}]
        assert (player.introduced(0)[0]["sound"], player.introduced(1), player.inits, player.sound) == (
            False,
            [],
            [],
            [],
        )


async def test_a_camera_without_sound_says_so(house: MediaNode, control: LittleControl) -> None:
    async with ears(house, control.ticket("mute", permissions=int(LISTENS))) as player:
        await player.say(type="listen")
        await player.more_pictures()
        assert (player.introduced(0)[0]["sound"], player.sound) == (False, [])


# N22, VV-33
@pytest.mark.parametrize("by", ["push", "moment"])
async def test_the_right_ends_and_the_picture_goes_on(house: MediaNode, control: LittleControl, by: str) -> None:
    """By somebody's act, or by itself at the agreed moment: not a fragment of sound after it."""
    ticket = control.ticket("yard", permissions=int(LISTENS))
    session = ticket.split(".", maxsplit=1)[0]
    async with ears(house, ticket) as player, ears(house, control.ticket("yard", permissions=int(LISTENS))) as other:
        for each in (player, other):
            await each.say(type="listen")
            await each.until(lambda it: it.sound)
        if by == "push":
            control.rows[session].permissions = Permission.LIVE_VIEW
            receipt = await control.push(session)
            assert [cut.state for cut in receipt.cuts] == ["narrowed"]
        else:
            control.rows[session].narrow_in_ms, control.rows[session].narrow_to = 800, int(Permission.LIVE_VIEW)
            await control.push(session)
        await player.until(lambda it: it.said("ended"))
        assert player.said("ended") == [{"type": "ended", "what": "listen", "why": "narrowed"}]
        heard = len(player.sound)
        await player.say(type="listen", n=9)
        await player.more_pictures(30)
        assert len(player.sound) == heard
        assert player.said("refused") == [{"type": "refused", "n": 9, "what": "listen"}]
        heard = len(other.sound)
        await other.until(lambda it: len(it.sound) > heard + 20)  # who may still, hears on


async def test_a_lease_that_has_run_out_of_live_view_is_silent_in_the_present(
    house: MediaNode, control: LittleControl
) -> None:
    """To listen is worth nothing by itself: the sound of now is for who may see what is now."""
    rights = Permission.LISTEN | Permission.PLAYBACK
    async with ears(house, control.ticket("yard", permissions=int(rights))) as player:
        await player.say(type="listen")
        with contextlib.suppress(Exception):
            await player.until(lambda it: it.sound, within_s=2)
        assert (player.sound, player.pictures) == ([], 0)


async def test_pause_is_silent(house: MediaNode, control: LittleControl) -> None:
    async with ears(house, control.ticket("yard", permissions=int(LISTENS))) as player:
        await player.say(type="listen")
        await player.until(lambda it: it.sound)
        await player.say(type="pause")
        with contextlib.suppress(TimeoutError):
            await player.until(lambda _: False, within_s=0.5)
        assert not stream_of(house, "yard").heard.is_set()
        before = len(player.sound)
        await player.say(type="live", n=1)
        await player.until(lambda it: len(it.sound) > before + 5)


async def test_sound_comes_back_with_the_camera(
    house: MediaNode, control: LittleControl, cameras: CameraServer
) -> None:
    async with ears(house, control.ticket("yard", permissions=int(LISTENS))) as player:
        await player.say(type="listen")
        await player.until(lambda it: it.sound)
        await cameras.drop("/yard")
        await player.until(lambda it: len(it.introduced(1)) == 2)
        heard = len(player.sound)
        await player.until(lambda it: len(it.sound) > heard + 5)
        first, second = (init["utc_at_zero"] for init in player.introduced(1))
        assert float(str(second)) > float(str(first))


async def test_all_who_hear_get_the_same_bytes(house: MediaNode, control: LittleControl) -> None:
    """Made once for a camera, never for a viewer."""
    tickets = [control.ticket("yard", permissions=int(LISTENS)) for _ in range(3)]
    async with ears(house, tickets[0]) as one, ears(house, tickets[1]) as two, ears(house, tickets[2]) as three:
        players = (one, two, three)
        for player in players:
            await player.say(type="listen")
            await player.until(lambda it: it.sound)
        for player in players:
            await player.until(lambda it: len(it.sound) > 60)
        shared = set(one.times) & set(two.times) & set(three.times)
        assert shared
        said = [{at: data for at, data in zip(it.times, it.sound, strict=True) if at in shared} for it in players]
        assert said[0] == said[1] == said[2]
        assert not stream_of(house, "yard").listened.event.is_set()  # nothing is encoded for ears
