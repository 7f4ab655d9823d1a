"""Somebody speaks to a camera: what is said is heard, by whom it may be said, and nothing else is."""

import asyncio
import json

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from belvedere.contracts.events import StreamSource
from belvedere.contracts.permissions import Permission
from belvedere.contracts.sessions import Quality
from belvedere.demo.backchannel import Ear, EarCodec
from belvedere.demo.clips import test_clip
from belvedere.demo.rtsp import CameraServer, Faults, Mount, Scheme
from belvedere.media.node import MediaNode
from belvedere.media.talk.tone import tone
from media.conftest import PASSWORD
from media.little_control import LittleControl
from media.player import closing_of, texts_and_film, watching
from media.talking import after_tone, gaps, is_alike, speak, speech, talk_ticket, talking, until, until_so

pytestmark = pytest.mark.anyio

TONE_S = 0.3


async def door(
    control: LittleControl,
    cameras: CameraServer,
    ear: Ear | None,
    faults: Faults | None = None,
    schemes: tuple[Scheme, ...] = (Scheme.MD5,),
) -> Mount:
    """A camera `door` that listens."""
    mount = cameras.add(
        "/door", test_clip(gop=10), username="demo", password=PASSWORD, schemes=schemes, ear=ear, faults=faults
    )
    control.add("door", cameras.url("/door"), username="demo", password=PASSWORD)
    await control.changed()
    await control.until_online("door")
    return mount


@pytest.mark.parametrize(
    ("codec", "decoder"), [(EarCodec.ULAW, "pcm_mulaw"), (EarCodec.ALAW, "pcm_alaw")], ids=["ulaw", "alaw"]
)
async def test_samples_in_are_samples_out(
    node: MediaNode, control: LittleControl, cameras: CameraServer, codec: EarCodec, decoder: str
) -> None:
    """Each sample once, in order, behind a tone; packets of 20 ms, numbered and stamped without a gap."""
    ear = Ear(codec)
    await door(control, cameras, ear)
    said = speech(1.0)
    async with talking(node, talk_ticket(control, "door")) as socket:
        assert [text["type"] for text in await until(socket, "ready")] == ["connecting", "ready"]
        await speak(socket, said)
        await socket.send(json.dumps({"type": "end"}))
        assert await closing_of(socket) == (1000, {"why": "done"})
    await until_so(lambda: len(ear.heard) >= 8000 * (1 + TONE_S))
    assert is_alike(after_tone(ear, decoder), said)
    packets = list(ear.packets)
    assert {len(packet.payload) for packet in packets} == {160}
    assert set(gaps((packet.sequence for packet in packets), 16)) == {1}
    assert packets[0].is_first


async def test_a_tone_is_heard_before_anybody_speaks(
    node: MediaNode, control: LittleControl, cameras: CameraServer
) -> None:
    """threats.md 5: and what was said before it was over is not heard at all."""
    ear = Ear()
    await door(control, cameras, ear)
    async with talking(node, talk_ticket(control, "door")) as socket:
        await socket.send(speech(0.02))
        await until(socket, "ready")
        await until_so(lambda: len(ear.heard) >= 8000 * TONE_S)
        assert len(ear.heard) == len(tone(8000)) // 2


@pytest.mark.parametrize("rate", [16_000, 48_000])
async def test_a_page_may_send_a_higher_rate(
    node: MediaNode, control: LittleControl, cameras: CameraServer, rate: int
) -> None:
    ear = Ear()
    await door(control, cameras, ear)
    async with talking(node, talk_ticket(control, "door")) as socket:
        await socket.send(json.dumps({"type": "begin", "rate": rate}))
        await until(socket, "ready")
        await speak(socket, speech(0.6, rate), block=rate // 50 * 2)
        await socket.send(json.dumps({"type": "end"}))
        await closing_of(socket)
    heard = after_tone(ear)
    assert len(heard) == pytest.approx(4800, abs=400)
    assert 8000 < sum(heard[800:3200]) / 2400 < 10_000  # as loud as it was said


async def test_a_camera_that_wants_aac(node: MediaNode, control: LittleControl, cameras: CameraServer) -> None:
    ear = Ear(EarCodec.AAC)
    await door(control, cameras, ear)
    async with talking(node, talk_ticket(control, "door")) as socket:
        await until(socket, "ready")
        await speak(socket, speech(0.6))
        await socket.send(json.dumps({"type": "end"}))
        await closing_of(socket)
    packets = list(ear.packets)
    assert len(packets) >= 10
    for packet in packets:
        # RFC 3640: one header of 16 bits, and as much as it says.
        assert packet.payload[:2] == b"\x00\x10"
        assert int.from_bytes(packet.payload[2:4]) >> 3 == len(packet.payload) - 4
    assert set(gaps((packet.timestamp for packet in packets[:5]), 32)) == {1024}


@pytest.mark.parametrize("schemes", [(Scheme.SHA256, Scheme.MD5), (Scheme.BASIC,)], ids=["sha-256", "basic"])
async def test_it_signs_in_as_the_camera_asks(
    node: MediaNode, control: LittleControl, cameras: CameraServer, schemes: tuple[Scheme, ...]
) -> None:
    await door(control, cameras, Ear(), schemes=schemes)
    async with talking(node, talk_ticket(control, "door")) as socket:
        await until(socket, "ready")


async def test_what_we_could_receive_is_set_up_too(
    node: MediaNode, control: LittleControl, cameras: CameraServer
) -> None:
    """A camera that plays nothing for who asks for its loudspeaker alone (seen; research/media.md 4)."""
    ear = Ear()
    await door(control, cameras, ear, Faults(deaf_alone=True))
    async with talking(node, talk_ticket(control, "door")) as socket:
        await until(socket, "ready")
        await until_so(lambda: ear.heard)


# -- rights ---------------------------------------------------------------------------------------------------------


async def test_a_right_that_ends_mid_sentence_is_silence(
    node: MediaNode, control: LittleControl, cameras: CameraServer
) -> None:
    """B-1, N33: nothing is heard that comes after the receipt; who spoke learns why; the picture goes on."""
    ear = Ear()
    await door(control, cameras, ear)
    ticket = talk_ticket(control, "door")
    async with talking(node, ticket) as socket, watching(node, control.ticket("door")) as viewer:
        await until(socket, "ready")
        speaking = asyncio.create_task(speak(socket, speech(20.0)))
        await until_so(lambda: len(ear.packets) > 25)
        receipt = await control.revoke(ticket.split(".")[0])
        assert receipt.cuts[0].state == "cut"
        cut_at = asyncio.get_running_loop().time()
        assert await closing_of(socket) == (4403, {"why": "revoked", "by": "Olivia"})
        with pytest.raises(ConnectionClosed):
            await speaking
        await until_so(lambda: asyncio.get_running_loop().time() > cut_at + 1)
        assert max(packet.at for packet in ear.packets) < cut_at + 0.5
        await texts_and_film(viewer, fragments=5)


async def test_a_right_that_ends_by_its_hour_is_silence(
    node: MediaNode, control: LittleControl, cameras: CameraServer
) -> None:
    """B-5: the lease narrows by itself; no message comes."""
    ear = Ear()
    await door(control, cameras, ear)
    async with talking(node, talk_ticket(control, "door", narrow_in_ms=1200)) as socket:
        await until(socket, "ready")
        speaking = asyncio.create_task(speak(socket, speech(20.0)))
        assert await closing_of(socket) == (4403, {"why": "expired"})
        heard = len(ear.packets)
        with pytest.raises(ConnectionClosed):
            await speaking
        await asyncio.sleep(0.3)
        assert len(ear.packets) <= heard + 1


@pytest.mark.parametrize(
    "fields",
    [
        {"permissions": int(Permission.LIVE_VIEW)},
        {"permissions": int(Permission.LIVE_VIEW | Permission.TALK), "kind": "live"},
    ],
    ids=["no right", "a ticket to watch"],
)
async def test_without_the_right_there_is_no_way_in(
    node: MediaNode, control: LittleControl, cameras: CameraServer, fields: dict[str, object]
) -> None:
    """HC-2, N18: and the camera is not even asked."""
    ear = Ear()
    await door(control, cameras, ear)
    before = cameras.plays
    async with talking(node, talk_ticket(control, "door", **fields)) as socket:
        code, _ = await closing_of(socket)
    assert code in {4403, 4404}
    assert (cameras.plays, ear.heard) == (before, b"")


async def test_a_ticket_opens_once(node: MediaNode, control: LittleControl, cameras: CameraServer) -> None:
    """N18."""
    await door(control, cameras, Ear())
    ticket = talk_ticket(control, "door")
    async with talking(node, ticket) as socket:
        await until(socket, "ready")
    async with talking(node, ticket) as socket:
        assert (await closing_of(socket))[0] == 4404


async def test_a_ticket_to_talk_shows_no_picture(node: MediaNode, control: LittleControl) -> None:
    async with watching(node, talk_ticket(control)) as socket:
        assert (await closing_of(socket))[0] == 4404


async def test_a_camera_that_is_taken_away_hears_nothing_more(
    node: MediaNode, control: LittleControl, cameras: CameraServer
) -> None:
    ear = Ear()
    await door(control, cameras, ear)
    async with talking(node, talk_ticket(control, "door")) as socket:
        await until(socket, "ready")
        speaking = asyncio.create_task(speak(socket, speech(20.0)))
        await control.changed("door")
        assert await closing_of(socket) == (1001, {"why": "moved"})
        with pytest.raises(ConnectionClosed):
            await speaking


# -- two talkers ----------------------------------------------------------------------------------------------------


async def test_one_at_a_time_and_the_other_hears_who(
    node: MediaNode, control: LittleControl, cameras: CameraServer
) -> None:
    ear = Ear()
    await door(control, cameras, ear)
    async with talking(node, talk_ticket(control, "door")) as first:
        await until(first, "ready")
        before = cameras.plays
        for holder in ("Olivia", ""):
            async with talking(node, talk_ticket(control, "door", holder=holder)) as second:
                assert (await until(second, "busy"))[-1]["holder"] == (holder or None)
                code, reason = await closing_of(second)
                assert (code, reason["why"]) == (4409, "busy")
        assert cameras.plays == before
        await first.send(json.dumps({"type": "end"}))
        await closing_of(first)
    async with talking(node, talk_ticket(control, "door")) as third:
        await until(third, "ready")
    # Whoever just goes has given up the floor.
    await until_so(lambda: cameras.open_connections == 2)
    async with talking(node, talk_ticket(control, "door")) as fourth:
        await until(fourth, "ready")


# -- what a camera may do -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("has_ear", "faults", "why"),
    [
        (False, Faults(), "no_backchannel"),
        (False, Faults(ignores_require=True), "no_backchannel"),
        (True, Faults(drops_ear=True), "dropped"),
        (True, Faults(ear_busy=True), "camera_busy"),
    ],
    ids=["551", "no track", "drop at SETUP", "busy"],
)
async def test_a_camera_that_cannot_says_why(
    node: MediaNode, control: LittleControl, cameras: CameraServer, has_ear: bool, faults: Faults, why: str
) -> None:
    """And its picture is not lost for it."""
    await door(control, cameras, Ear() if has_ear else None, faults)
    async with watching(node, control.ticket("door")) as viewer:
        async with talking(node, talk_ticket(control, "door")) as socket:
            assert (await until(socket, "failed"))[-1] == {"type": "failed", "why": why}
            assert await closing_of(socket) == (4424, {"why": why})
        await texts_and_film(viewer, fragments=5)


async def test_a_camera_that_answers_too_late(node: MediaNode, control: LittleControl, cameras: CameraServer) -> None:
    mount = await door(control, cameras, Ear())
    mount.faults.late_s = 10.0
    async with talking(node, talk_ticket(control, "door")) as socket:
        assert (await until(socket, "failed"))[-1]["why"] == "stalled"


async def test_a_camera_that_goes_away_mid_sentence(
    node: MediaNode, control: LittleControl, cameras: CameraServer
) -> None:
    ear = Ear()
    await door(control, cameras, ear)
    async with talking(node, talk_ticket(control, "door")) as socket:
        await until(socket, "ready")
        await cameras.drop("/door")
        assert (await until(socket, "failed"))[-1]["why"] == "dropped"


async def test_a_wrong_password_is_tried_once(node: MediaNode, control: LittleControl, cameras: CameraServer) -> None:
    mount = await door(control, cameras, Ear())
    mount.faults.unauthorized = True
    async with talking(node, talk_ticket(control, "door")) as socket:
        assert (await until(socket, "failed"))[-1]["why"] == "wrong_password"


async def test_a_redirect_is_not_followed(node: MediaNode, control: LittleControl, cameras: CameraServer) -> None:
    """N28: whoever it names hears nothing, sees nothing of the credentials."""
    mount = await door(control, cameras, Ear())
    async with CameraServer() as victim:
        victim.add("/door", test_clip(), ear=Ear())
        mount.faults.redirect_to = victim.url("/door")
        async with talking(node, talk_ticket(control, "door")) as socket:
            assert (await until(socket, "failed"))[-1]["why"] == "network_not_allowed"
        assert victim.connections == 0


async def test_outside_the_reach_nobody_is_spoken_to(
    node: MediaNode, control: LittleControl, cameras: CameraServer
) -> None:
    """N27: the same gate as for pictures, judged anew; before a packet."""
    await door(control, cameras, Ear())
    control.sources["door", Quality.MAIN] = StreamSource(
        cameras.url("/door"), "demo", PASSWORD, [("192.0.2.0/24", 1, 65535)]
    )
    await control.changed()
    await control.until_online("door", online=False)
    before = cameras.connections
    async with talking(node, talk_ticket(control, "door")) as socket:
        assert (await until(socket, "failed"))[-1]["why"] == "network_not_allowed"
    assert cameras.connections == before


# -- what a page may do ---------------------------------------------------------------------------------------------


async def test_late_sound_is_dropped_not_queued(node: MediaNode, control: LittleControl, cameras: CameraServer) -> None:
    """Two seconds at once: what is older than 0.3 s is gone, and the next word is not late for it."""
    ear = Ear()
    await door(control, cameras, ear)
    async with talking(node, talk_ticket(control, "door")) as socket:
        await until(socket, "ready")
        await socket.send(speech(2.0))
        await socket.send(json.dumps({"type": "end"}))
        assert (await closing_of(socket))[0] == 1000
    assert len(after_tone(ear)) == 2400


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("not json", 1007),
        ('{"type":"begin","rate":44100}', 1007),
        (json.dumps({"type": "x" * 5000}), 1009),
        (b"\0" * 65_537, 1009),
        (b"\0" * 641, 1007),
    ],
    ids=["garbage", "another rate", "long text", "huge frame", "half a sample"],
)
async def test_what_is_no_speech_ends_it(
    node: MediaNode, control: LittleControl, cameras: CameraServer, message: str | bytes, code: int
) -> None:
    """N20: and the floor is free again."""
    ear = Ear()
    await door(control, cameras, ear)
    async with talking(node, talk_ticket(control, "door")) as socket:
        await until(socket, "ready")
        await socket.send(message)
        with pytest.raises(ConnectionClosed):
            async with asyncio.timeout(5):
                await socket.recv()
        assert socket.close_code == code
    async with talking(node, talk_ticket(control, "door")) as again:
        await until(again, "ready")


async def flood(socket: ClientConnection, size: int) -> None:
    for _ in range(400):
        await socket.send(bytes(size))
    async with asyncio.timeout(5):
        await socket.recv()


@pytest.mark.parametrize("size", [2, 16_000], ids=["messages", "bytes"])
async def test_a_flood_ends_it(node: MediaNode, control: LittleControl, cameras: CameraServer, size: int) -> None:
    """N20: other viewers' pictures go on."""
    await door(control, cameras, Ear())
    async with watching(node, control.ticket("door")) as viewer, talking(node, talk_ticket(control, "door")) as socket:
        await until(socket, "ready")
        with pytest.raises(ConnectionClosed):
            await flood(socket, size)
        assert socket.close_code == 1008
        await texts_and_film(viewer, fragments=5)


async def test_a_microphone_that_was_forgotten_closes(
    node: MediaNode, control: LittleControl, cameras: CameraServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("belvedere.media.talk.talker.LONGEST_S", 1.0)
    await door(control, cameras, Ear())
    async with talking(node, talk_ticket(control, "door")) as socket:
        await until(socket, "ready")
        speaking = asyncio.create_task(speak(socket, speech(20.0)))
        assert await closing_of(socket) == (1000, {"why": "too_long"})
        with pytest.raises(ConnectionClosed):
            await speaking


async def test_who_says_nothing_gives_the_floor_up(
    node: MediaNode, control: LittleControl, cameras: CameraServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("belvedere.media.talk.talker.SILENT_AFTER_S", 0.5)
    await door(control, cameras, Ear())
    async with talking(node, talk_ticket(control, "door")) as socket:
        await until(socket, "ready")
        assert await closing_of(socket) == (1000, {"why": "silent"})


# -- which cameras can be spoken to ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("has_ear", "faults"),
    [(True, Faults()), (False, Faults()), (False, Faults(ignores_require=True))],
    ids=["listens", "551", "no track"],
)
async def test_each_camera_is_asked_once_whether_it_listens(
    node: MediaNode, control: LittleControl, cameras: CameraServer, has_ear: bool, faults: Faults
) -> None:
    """And again when the way to it has changed: another password may lead to another camera."""
    mount = await door(control, cameras, Ear() if has_ear else None, faults)

    def words(said: bool) -> bool:
        mine = [state for state in control.states if state.camera == "door"]
        return bool(mine) and mine[-1].has_talk is said

    await until_so(lambda: words(has_ear))
    asked = cameras.connections - cameras.plays
    await cameras.drop("/door")
    await control.until_online("door", online=False)
    await control.until_online("door")
    assert words(has_ear)
    assert cameras.connections - cameras.plays == asked  # nobody had to ask again
    mount.ear = None if has_ear else Ear()
    control.sources["door", Quality.MAIN] = StreamSource(
        cameras.url("/door"), "demo", PASSWORD, [("127.0.0.0/8", 1, 65534)]
    )
    await control.changed()
    await until_so(lambda: words(not has_ear))
