"""Security panels over a real broker: TLS, wrong passwords, a broker that goes, and what hostile ones say."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from belvedere.contracts.panels import (
    PanelAct,
    PanelAnswer,
    PanelAnswerCode,
    PanelAssignment,
    PanelCode,
    PanelCommand,
    PanelSource,
    PanelsReply,
    PanelsRequest,
    PanelState,
    PanelStateWord,
)
from belvedere.contracts.sealing import generate_key, public_bytes, seal
from belvedere.contracts.subjects import PANEL_ASSIGNMENTS, PANEL_COMMAND, PANEL_STATE, of_any_node, of_node
from belvedere.media.node import MediaNode
from media.broker import AVAILABLE, COMMAND, STATE, Broker
from media.conftest import StartNode
from media.little_control import NODE, LittleControl

pytestmark = [pytest.mark.anyio, pytest.mark.broker]

DISARMED, UNKNOWN = PanelStateWord.DISARMED, PanelStateWord.UNKNOWN


class Desk:
    """Control's side of panels: assigns, commands, and keeps what nodes say."""

    def __init__(self, control: LittleControl) -> None:
        self.control = control
        self.panels: dict[str, PanelSource] = {}
        self.states: list[PanelState] = []

    async def open(self) -> None:
        await self.control.bus.subscribe(of_any_node(PANEL_ASSIGNMENTS), PanelsRequest, self._assign)
        await self.control.bus.subscribe(of_any_node(PANEL_STATE), PanelState, self._hear)

    @property
    def key(self) -> str:
        return self.control.hellos[-1].public_key

    async def assign(self, panel: str, source: PanelSource) -> None:
        self.panels[panel] = source
        await self.control.changed()

    async def _assign(self, request: PanelsRequest, _subject: str) -> PanelsReply:
        """One panel a page."""
        rest = sorted(panel for panel in self.panels if panel > request.after)
        boxes = [
            PanelAssignment(panel, str(hash(text)), seal(self.key, text))
            for panel in rest[:1]
            if (text := msgspec.json.encode(self.panels[panel]))
        ]
        return PanelsReply(boxes, rest[0] if len(rest) > 1 else "")

    async def _hear(self, state: PanelState, _subject: str) -> None:
        self.states.append(state)

    async def until(self, state: PanelStateWord, error: str = "", panel: str = "house") -> PanelState:
        async with asyncio.timeout(15):
            while True:
                mine = [row for row in self.states if row.panel == panel]
                if mine and (mine[-1].state, mine[-1].error) == (state, error):
                    return mine[-1]
                await asyncio.sleep(0.01)

    async def command(self, act: PanelAct, code: str = "", *, panel: str = "house", key: str = "") -> PanelAnswer:
        box = seal(key or self.key, msgspec.json.encode(PanelCode(code)))
        message = PanelCommand(panel, act, box)
        return await self.control.bus.request(of_node(PANEL_COMMAND, NODE), message, PanelAnswer, timeout=8)


@pytest.fixture
async def desk(control: LittleControl) -> Desk:
    made = Desk(control)
    await made.open()
    return made


@pytest.fixture
async def node(desk: Desk, start_node: StartNode) -> MediaNode:
    return await start_node()


@contextlib.asynccontextmanager
async def obedient(broker: Broker, answers: dict[str, str]) -> AsyncIterator[list[str]]:
    """A panel that hears a command and says the state that follows; what it heard."""
    heard: list[str] = []
    async with broker.hearing() as ear:

        async def obey() -> None:
            while True:
                line = await ear.next(within_s=60)
                heard.append(line)
                if answer := answers.get(line.split(" ", 2)[2]):
                    await broker.say(STATE, answer)

        task = asyncio.create_task(obey())
        try:
            yield heard
        finally:
            task.cancel()


async def test_state_and_commands_over_tls(broker: Broker, desk: Desk, node: MediaNode) -> None:
    """HC-13: what it says is read, what it is told goes out once, at QoS 1 and not retained. The code is sealed."""
    await broker.say(AVAILABLE, "online")
    await broker.say(STATE, "disarmed")
    await desk.assign("house", broker.source())
    await desk.until(DISARMED)
    words = {"ARM_HOME": "armed_home", '{"action": "DISARM", "code": "4711"}': "disarmed", "ARM_AWAY": "arming"}
    async with obedient(broker, words) as heard:
        assert await desk.command(PanelAct.ARM_HOME) == PanelAnswer(PanelAnswerCode.OK, PanelStateWord.ARMED_HOME)
        assert await desk.command(PanelAct.DISARM, "4711") == PanelAnswer(PanelAnswerCode.OK, DISARMED)
        assert await desk.command(PanelAct.ARM_AWAY) == PanelAnswer(PanelAnswerCode.OK, PanelStateWord.ARMING)
        # A wrong code: the panel is there, and stays as it was.
        started = time.monotonic()
        answer = await desk.command(PanelAct.DISARM, "0000")
        assert answer == PanelAnswer(PanelAnswerCode.NOT_TAKEN, PanelStateWord.ARMING)
        assert time.monotonic() - started > 4
        # One panel does not wait for another's answer, nor for a person's: what comes meanwhile is said at once.
        await broker.say(STATE, "triggered")
        await desk.until(PanelStateWord.TRIGGERED)
    assert [line.split(" ", 2)[:2] for line in heard] == [["0", "1"]] * 4  # not retained, QoS 1
    assert len({state.sequence for state in desk.states}) == len(desk.states)


async def test_only_a_panel_that_is_there_and_stays_as_it_was_did_not_take_it(
    broker: Broker, desk: Desk, node: MediaNode
) -> None:
    """HC-30, N33: of what became of the command at any other nobody knows."""
    # What each says once it has heard the command; the code tells which of them is meant.
    answers = {
        "seen": ("home/seen", "armed_away"),  # nothing tells that it is there, but that it says again how it is
        "mute": None,
        "strays": ("home/strays", "triggered"),
        "leaves": ("home/leaves/available", "offline"),
    }
    for panel in answers:
        available = f"home/{panel}/available" if panel in {"strays", "leaves"} else ""
        if available:
            await broker.say(available, "online")
        await broker.say(f"home/{panel}", "armed_away")
        source = broker.source(
            state_topic=f"home/{panel}", command_topic=f"home/{panel}/set", availability_topic=available
        )
        await desk.assign(panel, source)
    for panel in answers:
        await desk.until(PanelStateWord.ARMED_AWAY, panel=panel)
    async with broker.hearing("home/+/set") as ear, asyncio.TaskGroup() as group:
        asked = {panel: group.create_task(desk.command(PanelAct.DISARM, panel, panel=panel)) for panel in answers}
        for _ in answers:
            heard = json.loads((await ear.next(within_s=20)).split(" ", 2)[2])
            if answer := answers[heard["code"]]:
                await broker.say(*answer)
    assert {panel: task.result().code for panel, task in asked.items()} == {
        "seen": PanelAnswerCode.NOT_TAKEN,
        "mute": PanelAnswerCode.UNANSWERED,
        "strays": PanelAnswerCode.UNANSWERED,
        "leaves": PanelAnswerCode.UNANSWERED,
    }


async def test_a_node_that_does_not_carry_it_refuses(broker: Broker, desk: Desk, node: MediaNode) -> None:
    await broker.say(AVAILABLE, "online")
    await desk.assign("house", broker.source())
    async with asyncio.timeout(10):
        while not desk.states:
            await asyncio.sleep(0.02)
    assert (await desk.command(PanelAct.DISARM, panel="elsewhere")).code is PanelAnswerCode.REFUSED
    foreign = public_bytes(generate_key())
    assert (await desk.command(PanelAct.DISARM, "1", key=foreign)).code is PanelAnswerCode.REFUSED


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"password": "wrong"}, "wrong_password"),
        ({"username": "", "password": ""}, "wrong_password"),
        ({"ca": ""}, "certificate_untrusted"),  # the system's authorities do not know it
        ({"host": "127.0.0.1"}, "certificate_untrusted"),  # the same broker, by a name it does not have
        ({"ca": "", "fingerprint": "0" * 64}, "certificate_untrusted"),
        # N27: outside the reach not one packet is sent, by whatever name
        ({"networks": []}, "network_not_allowed"),
        ({"networks": [("127.0.0.0/8", 1, 1000)]}, "network_not_allowed"),
        ({"host": "169.254.169.254"}, "network_not_allowed"),
    ],
    ids=str,
)
async def test_what_is_wrong_is_said_in_one_word(
    broker: Broker, desk: Desk, node: MediaNode, change: dict[str, Any], error: str
) -> None:
    await desk.assign("house", broker.source(**change))
    await desk.until(UNKNOWN, error)
    assert (await desk.command(PanelAct.ARM_AWAY)).code is PanelAnswerCode.UNREACHABLE
    if error in {"network_not_allowed", "certificate_untrusted"}:
        # Nobody who is not trusted reads a login.
        assert "New client connected" not in broker.log()


async def test_one_known_certificate_is_enough(broker: Broker, desk: Desk, node: MediaNode) -> None:
    await broker.say(AVAILABLE, "online")
    await broker.say(STATE, "disarmed")
    await desk.assign("house", broker.source(ca="", fingerprint=broker.fingerprint, host="127.0.0.1"))
    await desk.until(DISARMED)


async def test_plain_or_nothing_where_there_is_no_mqtt(broker: Broker, desk: Desk, node: MediaNode) -> None:
    """Ours without TLS to a port with TLS, and with TLS to one without: said, not hung on."""
    await desk.assign("plain", broker.source(is_tls=False, port=broker.tls_port))
    await desk.assign("tls", broker.source(is_tls=True, port=broker.port))
    await desk.assign("none", broker.source(port=1))
    await desk.until(UNKNOWN, "connection_refused", panel="none")
    async with asyncio.timeout(15):
        while {row.panel for row in desk.states if row.error} != {"plain", "tls", "none"}:
            await asyncio.sleep(0.02)


async def test_a_broker_that_goes_and_comes_back(broker: Broker, desk: Desk, node: MediaNode) -> None:
    """N33: a command without a line is refused, and not sent when the line is back."""
    await broker.say(AVAILABLE, "online")
    await broker.say(STATE, "armed_home")
    await desk.assign("house", broker.source())
    await desk.until(PanelStateWord.ARMED_HOME)
    await broker.stop()
    await desk.until(UNKNOWN, "connection_refused")
    assert await desk.command(PanelAct.DISARM) == PanelAnswer(PanelAnswerCode.UNREACHABLE, UNKNOWN)
    await broker.start()
    async with broker.hearing() as ear:
        await broker.say(AVAILABLE, "online")
        await broker.say(STATE, "armed_away")
        await desk.until(PanelStateWord.ARMED_AWAY)
        with pytest.raises(TimeoutError):
            await ear.next(within_s=1)


async def test_it_moves_to_another_broker(broker: Broker, desk: Desk, node: MediaNode, tmp_path: Path) -> None:
    """N26: the new broker meets its own login and nothing of the old one's; commands go there alone."""
    await broker.say(AVAILABLE, "online")
    await broker.say(STATE, "armed_home")
    await desk.assign("house", broker.source(is_tls=False))
    await desk.until(PanelStateWord.ARMED_HOME)
    second = Broker(tmp_path / "second")
    second.prepare()
    await second.start()
    try:
        await second.say(AVAILABLE, "online")
        await second.say(STATE, "disarmed")
        async with broker.hearing() as old, second.hearing() as new:
            await desk.assign("house", second.source(is_tls=False))
            await desk.until(DISARMED)
            asked = asyncio.create_task(desk.command(PanelAct.ARM_AWAY))
            assert (await new.next()).endswith("ARM_AWAY")
            await second.say(STATE, "arming")
            assert (await asked).code is PanelAnswerCode.OK
            with pytest.raises(TimeoutError):
                await old.next(within_s=0.5)
            await broker.say(STATE, "triggered")  # nobody listens there any more
            await asyncio.sleep(0.5)
            assert desk.states[-1].state is PanelStateWord.ARMING
    finally:
        await second.stop()


async def test_a_panel_that_is_away_is_told_nothing(broker: Broker, desk: Desk, node: MediaNode) -> None:
    await broker.say(STATE, "disarmed")
    await desk.assign("house", broker.source())
    # It has an availability topic and said nothing there: its retained state may be of last year.
    async with asyncio.timeout(10):
        while not [row for row in desk.states if not row.error]:
            await asyncio.sleep(0.02)
    assert desk.states[-1].state is UNKNOWN
    assert (await desk.command(PanelAct.ARM_HOME)).code is PanelAnswerCode.UNREACHABLE
    await broker.say(AVAILABLE, "online")
    await desk.until(DISARMED)
    await broker.say(AVAILABLE, "offline")
    await desk.until(UNKNOWN, "panel_offline")
    assert (await desk.command(PanelAct.ARM_HOME)).code is PanelAnswerCode.UNREACHABLE


async def test_hostile_payloads(broker: Broker, desk: Desk, node: MediaNode) -> None:
    """Whatever stands on the topics, the node stays small and the panel is at worst unknown."""
    await broker.say(AVAILABLE, "online")
    await broker.say(STATE, "disarmed")
    await desk.assign("house", broker.source())
    await desk.until(DISARMED)
    for payload in (
        b" ",
        b"unknown",
        b"ARMED",
        b"\xff\xfe\x00",
        b'{"state": "disarmed"}',
        b"x" * 5000,
        b"x" * 3_000_000,
    ):
        await broker.say(STATE, payload, retain=False)
        await desk.until(UNKNOWN, "state_unreadable")
        await broker.say(STATE, "disarmed")
        await desk.until(DISARMED)
    await broker.say(AVAILABLE, b"\xff" * 10_000, retain=False)
    # Another topic says what it likes: no wildcard hears it.
    await broker.say(f"{STATE}/else", "armed_away")
    # A command that somebody left retained for the panel is not ours to hear, either.
    await broker.say(COMMAND, "DISARM")
    await broker.say(STATE, b"x" * 3_000_000)  # retained: met anew at each connect
    await desk.until(UNKNOWN, "state_unreadable")
    connected = broker.log().count("New client connected from 127.0.0.1")
    await broker.say(STATE, "armed_night")
    await desk.until(PanelStateWord.ARMED_NIGHT)
    assert connected == broker.log().count("New client connected from 127.0.0.1") - 1  # mosquitto_pub's own


async def test_a_withdrawn_panel_is_let_go_at_once(broker: Broker, desk: Desk, node: MediaNode) -> None:
    """HC-23, VA-23: unbound is unbound on the wire too."""
    await broker.say(AVAILABLE, "online")
    await broker.say(STATE, "disarmed")
    await desk.assign("house", broker.source())
    await desk.until(DISARMED)
    del desk.panels["house"]
    await desk.control.changed("house")
    async with asyncio.timeout(5):
        while (await desk.command(PanelAct.ARM_AWAY)).code is not PanelAnswerCode.REFUSED:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"\x20\x02\x00",  # CONNACK cut off
        b"\x20\xff\xff\xff\xff\xff",  # a length without an end
        b"\x20\x02\x00\x00\x90\x03\x00\x01\x00\x30\x01\x00",  # a PUBLISH too short for a topic
        b"\x20\x02\x00\x00\x90\x03\x00\x01\x00\x30\x02\xff\xff",  # a topic longer than its packet
        b"\x20\x02\x00\x00\x90\x03\x00\x01\x00\x34\x05\x00\x01a\x00\x01",  # QoS 2, which nobody asked for
        b"\x20\x02\x00\x00" + b"\xd0\x00" * 200_000,  # pings without end in place of SUBACK
        b"\x20\x02\x00\x00\x90\x03\x00\x01\x80",  # SUBACK: you may not
    ],
    ids=["http", "cut", "length", "short", "topic", "qos", "flood", "refused"],
)
async def test_what_is_no_broker_ends_nothing(desk: Desk, node: MediaNode, answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await reader.read(100)
            writer.write(answer)
            await writer.drain()
            await asyncio.sleep(0.3)
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        source = PanelSource(
            host="127.0.0.1",
            port=server.sockets[0].getsockname()[1],
            is_tls=False,
            username="u",
            password="p",
            state_topic="a",
            command_topic="b",
            networks=[("127.0.0.0/8", 1, 65535)],
        )
        await desk.assign("house", source)
        async with asyncio.timeout(10):
            while not [row for row in desk.states if row.error in {"not_mqtt", "dropped", "topic_refused"}]:
                await asyncio.sleep(0.02)
    assert desk.states[-1].state is UNKNOWN
