"""The process: it outlives control and bus, and nothing it shows outlives a lease."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from pathlib import Path

import msgspec
import pytest

from belvedere.bus.server import BusServer
from belvedere.config import free_port
from belvedere.contracts.events import ProbeRequest, ProbeResult, StreamSource
from belvedere.contracts.sealing import generate_key, public_bytes, seal
from belvedere.contracts.sessions import LeasePush, LeaseReceipt
from belvedere.contracts.subjects import NODE_PROBE, SESSION_LEASE, of_node
from belvedere.demo.clips import test_clip
from belvedere.demo.rtsp import CameraServer
from belvedere.media.node import MediaNode
from media.conftest import StartNode, add_yard, little_control, running_node
from media.little_control import LOOPBACK, NODE, LittleControl
from media.player import closing_of, texts_and_film, watching

pytestmark = pytest.mark.anyio


# N34
async def test_with_the_bus_dead_every_session_ends_and_cameras_go_on(tmp_path: Path, cameras: CameraServer) -> None:
    async with (
        BusServer.start(tmp_path / "bus", roles=["control", f"media-{NODE}"]) as server,
        little_control(server) as control,
        running_node(server, tmp_path) as node,
    ):
        await add_yard(control, cameras)
        await control.changed()
        await control.until_online("yard")
        async with watching(node, control.ticket("yard", ttl_ms=3000)) as socket:
            await texts_and_film(socket, fragments=1)
            await server.stop()
            dead_since = time.monotonic()
            assert (await closing_of(socket, within_s=15))[0] == 4408
            assert time.monotonic() - dead_since < 4.5
        async with watching(node, control.ticket("yard")) as socket:
            assert (await closing_of(socket))[0] == 4408
        assert cameras.plays == 1  # nobody hung up on the camera
        hellos = len(control.hellos)
        await server.launch()
        async with asyncio.timeout(15):
            while len(control.hellos) == hellos:
                await asyncio.sleep(0.02)
        assert control.hellos[-1].run == node.run
        async with watching(node, control.ticket("yard")) as socket:
            await texts_and_film(socket, fragments=1)
        assert cameras.plays == 1


async def test_some_seconds_of_ordinary_life(node: MediaNode, control: LittleControl) -> None:
    async with watching(node, control.ticket("yard", ttl_ms=6000)) as socket:
        await texts_and_film(socket, fragments=160)  # longer than the lease without a renewal
    rounds = [renewal.full_round for renewal in control.renewals]
    assert rounds == sorted(rounds)
    assert all(renewal.last for renewal in control.renewals)
    measured = [state for state in control.states if state.bitrate]
    assert 20 < measured[0].fps < 30
    assert measured[0].bitrate > 10_000
    sequences = [state.sequence for state in control.states]
    assert sequences == sorted(set(sequences))


async def test_a_lost_push_costs_no_more_than_a_renewal(node: MediaNode, control: LittleControl) -> None:
    ticket = control.ticket("yard")
    async with watching(node, ticket) as socket:
        await texts_and_film(socket, fragments=1)
        row = control.rows[ticket.split(".")[0]]
        row.permissions, row.why = type(row.permissions)(0), "expired"  # nobody tells media
        code, reason = await closing_of(socket, within_s=6.5)
    assert (code, reason) == (4403, {"why": "expired"})


async def test_an_end_that_was_known_beforehand_needs_no_message(node: MediaNode, control: LittleControl) -> None:
    async with watching(node, control.ticket("yard", narrow_in_ms=1200)) as socket:
        await texts_and_film(socket, fragments=1)
        assert await closing_of(socket, within_s=3) == (4403, {"why": "expired"})


# N18
async def test_a_ticket_is_spent_for_every_run_and_node(
    control: LittleControl, cameras: CameraServer, start_node: StartNode, bus_server: BusServer, tmp_path: Path
) -> None:
    await add_yard(control, cameras)
    ticket = control.ticket("yard")
    async with running_node(bus_server, tmp_path) as first:
        await control.until_online("yard")
        async with watching(first, ticket) as socket:
            await texts_and_film(socket, fragments=1)
    second, other = await start_node(), await start_node("south")
    assert second.run != first.run
    for node in (second, other):
        async with watching(node, ticket) as socket:
            assert (await closing_of(socket))[0] == 4404


async def test_an_unknown_session_is_said_to_be_unknown(node: MediaNode, control: LittleControl) -> None:
    push = LeasePush(leases=[control.state("nobody")])
    receipt = await control.bus.request(of_node(SESSION_LEASE, NODE), push, LeaseReceipt, timeout=2)
    assert [(cut.session, cut.state, cut.cut_at) for cut in receipt.cuts] == [("nobody", "unknown", None)]


async def test_a_probe_comes_sealed_and_saves_nothing(
    node: MediaNode, control: LittleControl, cameras: CameraServer
) -> None:
    cameras.add("/new", test_clip(size=(160, 90)))
    source = StreamSource(url=cameras.url("/new"), username="", password="", networks=LOOPBACK)
    for key, code in ((control.hellos[-1].public_key, "ok"), (public_bytes(generate_key()), "failed")):
        question = ProbeRequest(sealed=seal(key, msgspec.json.encode(source)))
        result = await control.bus.request(of_node(NODE_PROBE, NODE), question, ProbeResult, timeout=10)
        assert result.code == code
    assert len(node.carriage.streams()) == 1


async def test_sigterm_ends_the_process_with_viewers_on_it(
    tmp_path: Path, bus_server: BusServer, control: LittleControl, cameras: CameraServer
) -> None:
    await add_yard(control, cameras)
    user_file = tmp_path / "media.json"
    bus_server.write_user_file(f"media-{NODE}", user_file)
    port = free_port()
    environment = {
        **os.environ,
        "BELVEDERE_BUS_FILE": str(user_file),
        "BELVEDERE_NODE": NODE,
        "BELVEDERE_PORT": str(free_port()),
        "BELVEDERE_MEDIA_PORT": str(port),
        "BELVEDERE_DATA": str(tmp_path),
    }
    code = "from belvedere.config import Settings; from belvedere.media.node import run; run(Settings.from_env())"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, env=environment)
    try:
        await control.until_online("yard")
        async with watching(port, control.ticket("yard")) as socket, watching(port, control.ticket("yard")) as paused:
            await texts_and_film(socket, fragments=1)
            paused.transport.pause_reading()  # a player that has hung
            process.send_signal(signal.SIGTERM)
            assert (await closing_of(socket))[0] == 1001
            async with asyncio.timeout(10):
                assert await process.wait() == 0
            paused.transport.abort()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
