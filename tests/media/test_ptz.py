"""Moving a camera: what its motor hears, from whom, and that it always hears of the end of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect

from belvedere.contracts.events import StreamSource
from belvedere.contracts.permissions import Permission
from belvedere.contracts.ptz import (
    Aim,
    DropPreset,
    HelmNames,
    HelmTaken,
    KeepPreset,
    Look,
    Move,
    MoveBy,
    MoveTo,
    PtzAnswer,
    PtzOrder,
    PtzRequest,
    Stop,
)
from belvedere.contracts.sessions import Quality
from belvedere.contracts.subjects import CAMERA_HELM, CAMERA_PTZ, of_any_node, of_node
from belvedere.demo.clips import test_clip
from belvedere.demo.onvif import OnvifChannel, OnvifDevice
from belvedere.demo.rtsp import CameraServer
from belvedere.media.node import MediaNode
from media.conftest import PASSWORD, StartNode, add_yard
from media.little_control import LOOPBACK, NODE, LittleControl
from media.player import Json
from media.test_onvif import Victim

pytestmark = pytest.mark.anyio

MAY = Permission.LIVE_VIEW | Permission.PTZ
RIGHT = {"pan": 0.5}


class Yard:
    """A camera with a motor, a node that carries it, and those who would move it."""

    def __init__(self, control: LittleControl, device: OnvifDevice, node: MediaNode) -> None:
        self.control = control
        self.device = device
        self.node = node
        self.told: list[HelmTaken] = []
        #: session → what it may read as the holder's name
        self.names: dict[str, str] = {}

    @property
    def head(self) -> Any:
        return self.device.head(0)

    async def helm(self, taken: HelmTaken, subject: str) -> HelmNames:
        self.told.append(taken)
        return HelmNames({name: self.names[name] for name in taken.watchers if name in self.names})

    @asynccontextmanager
    async def pad(self, permissions: Permission = MAY, **fields: object) -> AsyncIterator["Pad"]:
        ticket = self.control.ticket("yard", permissions=int(permissions), **fields)
        url = f"ws://127.0.0.1:{self.node.port}/media/v1/live?ticket={ticket}"
        async with connect(url, compression=None) as socket:
            pad = Pad(socket, ticket.partition(".")[0])
            reading = asyncio.create_task(pad.read())
            try:
                yield pad
            finally:
                reading.cancel()

    async def ask(self, order: PtzOrder, operator: str = "program") -> PtzAnswer:
        request = PtzRequest("yard", operator, order)
        return await self.control.bus.request(of_node(CAMERA_PTZ, NODE), request, PtzAnswer, timeout=15)


class Pad:
    """A page's pad: what it says, and the texts that it hears."""

    def __init__(self, socket: ClientConnection, session: str) -> None:
        self.socket = socket
        self.session = session
        self.heard: list[Json] = []

    async def read(self) -> None:
        async for data in self.socket:
            if isinstance(data, str):
                self.heard.append(json.loads(data))

    async def say(self, **order: object) -> None:
        await self.socket.send(json.dumps({"type": "ptz"} | order))

    async def say_with_goodbye(self, *orders: Json) -> None:
        """All in one packet."""
        for order in orders:
            self.socket.protocol.send_text(json.dumps({"type": "ptz"} | order).encode())
        self.socket.protocol.send_close(1000)
        self.socket.transport.write(b"".join(self.socket.protocol.data_to_send()))
        await self.socket.wait_closed()

    async def hears(self, **fields: object) -> Json:
        """The first text with these."""

        def found() -> Json | None:
            return next((text for text in self.heard if fields.items() <= text.items()), None)

        await until(found)
        return found() or {}

    async def look(self) -> Json:
        await self.say(n=1)
        await until(lambda: any(text.get("n") == 1 for text in self.heard))
        return next(text for text in self.heard if text.get("n") == 1)


async def until(is_so: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not is_so():
            await asyncio.sleep(0.01)


@pytest.fixture
async def device(cameras: CameraServer) -> AsyncIterator[OnvifDevice]:
    channel = OnvifChannel("Yard", cameras.url("/yard"), has_ptz=True)
    async with OnvifDevice([channel], password=PASSWORD) as running:
        yield running


@pytest.fixture
async def yard(control: LittleControl, cameras: CameraServer, device: OnvifDevice, start_node: StartNode) -> Yard:
    await add_yard(control, cameras)
    source = control.sources["yard", Quality.MAIN]
    # The stream has a login of its own here; the device's is that of the whole.
    control.sources["yard", Quality.MAIN] = with_motor(source, device)
    cameras.add("/yard", test_clip(gop=10), username="admin", password=PASSWORD)
    made = Yard(control, device, await start_node())
    await control.bus.subscribe(of_any_node(CAMERA_HELM), HelmTaken, made.helm)
    await control.until_online("yard")
    return made


def with_motor(source: StreamSource, device: OnvifDevice) -> StreamSource:
    return msgspec.structs.replace(source, username="admin", onvif=device.url, channel="source_1", networks=LOOPBACK)


# -- what it can -------------------------------------------------------------------------------------------------------


async def test_a_pad_learns_what_the_camera_can(yard: Yard) -> None:
    async with yard.pad() as pad:
        can = (await pad.look())["can"]
    assert can == {
        **dict.fromkeys(("turn", "zoom", "to", "by", "aim", "home"), True),
        "presets": [{"preset": "1", "name": "Door"}],
    }
    assert not yard.head.moves


async def test_what_it_can_is_learned_once(yard: Yard) -> None:
    async with yard.pad() as pad:
        await pad.look()
        for n in (2, 3):
            await pad.say(n=n)
            await pad.hears(n=n)
    asked = list(yard.device.asked)
    assert (asked.count("GetNode"), asked.count("GetDeviceInformation"), asked.count("GetPresets")) == (1, 1, 3)


async def test_a_camera_that_can_less_says_so(yard: Yard) -> None:
    yard.device.faults.lacks |= {"GetPresets", "PanTiltSpaces/TranslationSpaceFov"}
    async with yard.pad() as pad:
        can: Json = (await pad.look())["can"]  # type: ignore[assignment]  # JSON
        assert (can["presets"], can["aim"], can["by"]) == ([], False, True)
        await pad.say(n=5, aim={"x": 0.5, "y": 0.5})
        assert (await pad.hears(n=5))["why"] == "declined"
    assert "RelativeMove" not in yard.device.asked


# -- orders ------------------------------------------------------------------------------------------------------------


async def test_held_it_moves_and_let_go_it_stays(yard: Yard) -> None:
    """HC-13."""
    async with yard.pad() as pad:
        await pad.say(move={"pan": 0.5, "tilt": -0.25, "zoom": 0.1})
        await until(lambda: yard.head.is_moving)
        await pad.say(stop=True)
        await until(lambda: not yard.head.is_moving)
    pan, tilt, zoom = yard.head.position
    assert pan > 0 > tilt
    assert zoom > 0
    asked = next(text for text in yard.device.heard if "ContinuousMove" in text)
    assert "PT1S" in asked  # a camera that keeps to it stops by itself, should we be gone


async def test_presets_home_and_the_middle_of_the_picture(yard: Yard) -> None:
    async with yard.pad() as pad:
        await pad.say(preset="1")
        await until(lambda: yard.head.position == (0.5, 0.0, 0.2))
        await pad.say(aim={"x": 1, "y": -1})
        await until(lambda: yard.head.position == pytest.approx((0.7, -0.2, 0.2)))
        await pad.say(home=True)
        await until(lambda: yard.head.position == (0.0, 0.0, 0.0))
        await pad.say(n=9, preset="none")
        assert (await pad.hears(n=9))["why"] == "declined"


async def test_programs_move_it_by_places_and_steps(yard: Yard) -> None:
    assert (await yard.ask(MoveTo(0.5, 0.25, 0.5))).code == "ok"
    assert yard.head.position == (0.5, 0.25, 0.5)
    assert (await yard.ask(MoveBy(-0.25, 0.0))).code == "ok"
    assert yard.head.position == (0.25, 0.25, 0.5)
    assert (await yard.ask(Aim(-1, 0))).code == "ok"
    assert yard.head.position == pytest.approx((0.05, 0.25, 0.5))


async def test_presets_are_kept_and_dropped(yard: Yard) -> None:
    assert (await yard.ask(KeepPreset("Gate"))).code == "ok"
    answer = await yard.ask(Look())
    assert answer.abilities is not None
    assert [one.name for one in answer.abilities.presets] == ["Door", "Gate"]
    assert (await yard.ask(DropPreset("1"))).code == "ok"
    assert (await yard.ask(DropPreset("1"))).code == "declined"


# -- the dead man ------------------------------------------------------------------------------------------------------


async def test_who_says_nothing_more_holds_no_more(yard: Yard) -> None:
    async with yard.pad() as pad:
        await pad.say(move=RIGHT)
        await until(lambda: yard.head.is_moving)
        await until(lambda: not yard.head.is_moving)  # without another word
    assert yard.head.stops == 1


async def test_a_program_that_is_gone_moves_nothing_on(yard: Yard) -> None:
    assert (await yard.ask(Move(pan=0.5))).code == "ok"
    await until(lambda: not yard.head.is_moving)


async def test_a_lost_connection_stops_it(yard: Yard) -> None:
    async with yard.pad() as pad:
        await pad.say(move=RIGHT)
        await until(lambda: yard.head.is_moving)
        pad.socket.transport.abort()
        await until(lambda: not yard.head.is_moving)


async def test_a_right_that_ends_stops_it(yard: Yard) -> None:
    """VV-33, N6: the whole right, and moving alone."""
    async with yard.pad() as pad:
        await pad.say(move=RIGHT)
        await until(lambda: yard.head.is_moving)
        yard.control.rows[pad.session].permissions = Permission.LIVE_VIEW
        await yard.control.push(pad.session)
        await until(lambda: not yard.head.is_moving)
        assert (await pad.hears(type="ended"))["what"] == "ptz"
        await pad.say(n=4, move=RIGHT)
        assert (await pad.hears(n=4))["why"] == "forbidden"
    assert yard.head.moves == 1
    async with yard.pad() as pad:
        await pad.say(move=RIGHT)
        await until(lambda: yard.head.is_moving)
        await yard.control.revoke(pad.session)
        await until(lambda: not yard.head.is_moving)


async def test_a_right_that_ends_by_itself_stops_it(yard: Yard) -> None:
    """N18: no message is needed for it, and nobody's goodwill."""
    async with yard.pad(narrow_in_ms=1500, narrow_to=int(Permission.LIVE_VIEW)) as pad:
        await pad.look()
        while not [text for text in pad.heard if text["type"] == "ended"]:
            await pad.say(move=RIGHT)
            await asyncio.sleep(0.2)
        await until(lambda: not yard.head.is_moving)


async def test_a_right_that_ends_on_the_way_moves_nothing(yard: Yard) -> None:
    """N33: between the order and the wire."""
    async with yard.pad() as pad:
        yard.device.faults.ptz_takes_s = 1.0  # it is still introducing itself
        await pad.say(move=RIGHT)
        await until(lambda: "GetNode" in yard.device.asked)
        await yard.control.revoke(pad.session)
    yard.device.faults.ptz_takes_s = 0.0
    await yard.ask(Look())  # the line is free again: what was to be said has been
    assert "ContinuousMove" not in yard.device.asked
    assert "Stop" not in yard.device.asked  # what never moved is not told to stay


async def test_without_the_right_nothing_is_asked(yard: Yard) -> None:
    """HC-2."""
    async with yard.pad(Permission.LIVE_VIEW) as pad:
        assert (await pad.look())["why"] == "forbidden"
        orders: list[Json] = [{"move": RIGHT}, {"home": True}, {"preset": "1"}, {"stop": True}]
        for n, order in enumerate(orders, start=2):
            await pad.say(n=n, **order)
            assert (await pad.hears(n=n))["why"] == "forbidden"
    assert not yard.device.asked


# -- two at one helm ---------------------------------------------------------------------------------------------------


async def test_two_do_not_tear_at_it(yard: Yard) -> None:
    async with yard.pad() as omar, yard.pad() as olivia, yard.pad() as rita:
        yard.names[olivia.session] = "Omar"
        await olivia.look()
        await rita.look()
        await omar.say(move=RIGHT)
        assert (await olivia.hears(type="ptz", held=True))["holder"] == "Omar"
        assert (await rita.hears(type="ptz", held=True))["holder"] is None  # N14
        await olivia.say(n=7, move={"pan": -1})
        assert (await olivia.hears(n=7))["why"] == "busy"
        await olivia.say(n=8, stop=True)
        assert (await olivia.hears(n=8))["why"] == "busy"
        assert (await yard.ask(Move(pan=-1.0))).code == "busy"
        await olivia.hears(type="ptz", held=False)  # a moment after his last word
        await olivia.say(move={"pan": -1})
        await until(lambda: yard.head.position[0] < 0)
    assert {taken.holder for taken in yard.told} == {omar.session, olivia.session}


async def test_who_comes_later_reads_who_has_it(yard: Yard) -> None:
    async with yard.pad() as omar, yard.pad() as olivia:
        yard.names[olivia.session] = "Omar"
        await omar.say(move=RIGHT)
        await until(lambda: yard.told)
        await olivia.look()
        assert (await olivia.hears(type="ptz", held=True))["holder"] == "Omar"


async def test_who_leaves_leaves_the_helm(yard: Yard) -> None:
    async with yard.pad() as olivia:
        await olivia.look()
        async with yard.pad() as omar:
            await omar.say(move=RIGHT)
            await olivia.hears(type="ptz", held=True)
        await olivia.hears(type="ptz", held=False)
        await olivia.say(preset="1")
        await until(lambda: yard.head.position == (0.5, 0.0, 0.2))


async def test_who_may_not_move_it_does_not_read_that_somebody_does(yard: Yard) -> None:
    """HC-2, N14: neither by asking, nor from then on."""
    async with yard.pad() as omar, yard.pad(Permission.LIVE_VIEW) as vera:
        await omar.say(move=RIGHT)
        await until(lambda: yard.told)
        assert (await vera.look())["why"] == "forbidden"
        await omar.look()
        await omar.hears(type="ptz", held=False)
        assert [text for text in vera.heard if text["type"] == "ptz"] == []


async def test_who_hangs_up_with_his_order_moves_nothing(yard: Yard) -> None:
    """His orders and his goodbye in one packet: nobody has the helm, nobody is remembered."""
    async with yard.pad() as quick:
        await quick.look()
        await quick.say_with_goodbye({"n": 2}, {"move": RIGHT})
    async with yard.pad() as olivia:
        await olivia.look()
        assert [one.name for one in yard.node.helms.at("yard").watchers] == [olivia.session]
    assert yard.told == []
    assert "ContinuousMove" not in yard.device.asked


async def test_who_says_stop_with_his_goodbye_is_obeyed(yard: Yard) -> None:
    """A journey to a preset ends by it, which goes on when he just leaves."""
    for orders in ((), ({"stop": True},)):
        async with yard.pad() as pad:
            await pad.say(preset="1")
            await until(lambda: yard.head.position == (0.5, 0.0, 0.2))
            await pad.say_with_goodbye(*orders)
        await until(lambda: yard.device.asked.count("Stop") == len(orders))  # noqa: B023  within this round
        async with yard.pad() as other:
            while yard.head.position != (0.0, 0.0, 0.0):  # once the helm is free, what was to be said has been
                await other.say(home=True)
                await asyncio.sleep(0.1)
        assert yard.device.asked.count("Stop") == len(orders)


async def test_his_last_word_needs_no_helm(yard: Yard) -> None:
    """A journey goes on when nobody has the helm any more; his stop ends it then, too, also with his goodbye."""
    async with yard.pad() as pad:
        await pad.look()
        await pad.say(preset="1")
        await pad.hears(type="ptz", held=False)
        await pad.say_with_goodbye({"stop": True})
    await until(lambda: "Stop" in yard.device.asked)


# -- bad days ----------------------------------------------------------------------------------------------------------


async def test_a_flood_reaches_no_camera(yard: Yard) -> None:
    async with yard.pad() as pad:
        await pad.look()
        for n in range(100, 140):
            await pad.say(n=n, move={"pan": 0.5 if n % 2 else -0.5})
        await pad.hears(n=139, why="too_many")
        await pad.say(stop=True)  # is never one too many
        await until(lambda: yard.head.stops == 1)
    assert yard.head.moves <= 20


async def test_a_slow_camera_hears_the_newest_and_then_the_stop(yard: Yard) -> None:
    async with yard.pad() as pad:
        await pad.look()
        yard.device.faults.ptz_takes_s = 0.5
        for pan in (0.1, 0.2, 0.3, 0.4):
            await pad.say(move={"pan": pan})
        await asyncio.sleep(0)
        await pad.say(stop=True)
        await until(lambda: yard.head.stops and not yard.head.is_moving)
        await until(lambda: yard.device.asked[-1] == "Stop")
    assert yard.head.moves <= 2


async def test_a_camera_that_drops_the_stop_is_told_again(yard: Yard) -> None:
    async with yard.pad() as pad:
        await pad.say(move=RIGHT)
        await until(lambda: yard.head.is_moving)
        yard.device.faults.hangs_up_at = {"Stop"}
        await pad.say(stop=True)
        await until(lambda: "Stop" in yard.device.asked)
        yard.device.faults.hangs_up_at = set()
        await until(lambda: not yard.head.is_moving)


async def test_a_camera_that_is_silent_holds_up_nobody(yard: Yard) -> None:
    yard.device.faults.is_silent = True
    async with yard.pad() as pad:
        await pad.say(n=3, move=RIGHT)
        await pad.say(n=4)
        assert (await pad.hears(n=4))["why"] == "stalled"
    yard.device.faults.is_silent = False
    assert (await yard.ask(MoveTo(0.5, 0.0))).code == "ok"


async def test_a_camera_without_a_motor_says_so(yard: Yard) -> None:
    yard.device.channels[0] = OnvifChannel("Yard", yard.device.channels[0].main)
    async with yard.pad() as pad:
        assert (await pad.look())["why"] == "no_motor"


async def test_no_address_of_its_own_is_followed(yard: Yard) -> None:
    """N28."""
    async with Victim() as victim:
        yard.device.faults.foreign = victim.address
        assert (await yard.ask(MoveTo(0.5, 0.0))).code == "ok"
        assert victim.connections == 0


async def test_outside_the_reach_there_is_no_motor(yard: Yard, control: LittleControl) -> None:
    """N27."""
    source = yard.node.carriage.find_source("yard")
    assert source is not None
    shut = msgspec.structs.replace(source, networks=[("10.0.0.0/8", 1, 65535)])
    yard.node.helms.find_source = lambda _: shut
    assert (await yard.ask(Look())).code == "network_not_allowed"
    assert not yard.device.asked


async def test_what_is_no_order_ends_the_socket(yard: Yard) -> None:
    orders: list[Json] = [{"move": {"pan": 2}}, {"move": {"turbo": 1}}, {"aim": {"x": 0}}, {"preset": "x" * 65}]
    for order in orders:
        async with yard.pad() as pad:
            await pad.say(**order)
            await pad.socket.wait_closed()
            assert pad.socket.close_code == 1007
    assert "ContinuousMove" not in yard.device.asked


async def test_a_camera_not_here_is_moved_by_nobody(yard: Yard) -> None:
    request = PtzRequest("elsewhere", "program", Stop())
    answer = await yard.control.bus.request(of_node(CAMERA_PTZ, NODE), request, PtzAnswer, timeout=5)
    assert answer.code == "not_here"
