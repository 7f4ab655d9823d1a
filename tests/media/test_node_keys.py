"""The key of a node turns while cameras are watched (threats §8): nothing sealed to the one before is lost."""

import asyncio
import contextlib
import os
import shutil
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from belvedere.bus.server import BusServer
from belvedere.config import free_port
from belvedere.contracts.events import ProbeRequest, ProbeResult, StreamSource
from belvedere.contracts.sealing import SealError, generate_key, public_bytes, seal
from belvedere.contracts.subjects import NODE_PROBE, of_node
from belvedere.demo.rtsp import CameraServer
from belvedere.media.memory import NodeMemory
from belvedere.media.node_keys import NodeKeys, turn
from media.conftest import add_yard, running_node
from media.little_control import LOOPBACK, NODE, LittleControl
from media.player import texts_and_film, watching

pytestmark = pytest.mark.anyio


def files(folder: Path) -> list[str]:
    return sorted(file.name for file in (folder / "keys" / f"media-{NODE}").iterdir())


async def until_renewed(control: LittleControl, old: str) -> str:
    """The key that control is told instead."""
    async with asyncio.timeout(20):
        while control.hellos[-1].public_key == old:
            await asyncio.sleep(0.02)
    return control.hellos[-1].public_key


async def until_alone(folder: Path, name: str) -> None:
    async with asyncio.timeout(20):
        while files(folder) != [name]:
            await asyncio.sleep(0.05)


# -- the ring alone ---------------------------------------------------------------------------------------------


async def test_a_box_opens_until_nothing_rests_on_its_key(tmp_path: Path) -> None:
    keys = NodeKeys(tmp_path, NODE)
    before = keys.public
    old, foreign = seal(before, b"old"), seal(public_bytes(generate_key()), b"not ours")
    keys.renew()
    new = seal(keys.public, b"new")
    assert keys.public != before
    for ring in (keys, NodeKeys(tmp_path, NODE)):
        assert (ring.open(old), ring.open(new), ring.public) == (b"old", b"new", keys.public)
        with pytest.raises(SealError):
            ring.open(foreign)
    keys.retire([new, old])
    assert keys.is_renewing
    keys.retire([new, foreign])  # which none opens
    assert (keys.is_renewing, files(tmp_path), keys.open(new)) == (False, ["box-2.key"], b"new")
    with pytest.raises(SealError):
        keys.open(old)
    file = tmp_path / "keys" / f"media-{NODE}" / "box-2.key"
    assert (stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(file.parent.stat().st_mode)) == (0o600, 0o700)
    # Names do not run into one another.
    assert NodeKeys(tmp_path, f"{NODE}-2").public != NodeKeys(tmp_path, NODE).public


async def test_a_key_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    keys = NodeKeys(tmp_path, NODE)
    folder = tmp_path / "keys" / f"media-{NODE}"
    (folder / "box-2.key").write_bytes(b"half")
    assert NodeKeys(tmp_path, NODE).public == keys.public
    (folder / "box.key").write_bytes(b"")
    assert NodeKeys(tmp_path, NODE).public not in {keys.public, ""}
    assert files(tmp_path) == ["box-2.key", "box-3.key", "box.key"]


async def test_a_new_key_is_made_once_and_a_bad_disk_keeps_the_old_one(tmp_path: Path) -> None:
    keys, memory = NodeKeys(tmp_path, NODE), NodeMemory(tmp_path, NODE)
    assert not await turn(keys, memory, is_unwanted=False, known_for_s=1e6)
    assert await turn(keys, memory, is_unwanted=True, known_for_s=1e6)
    for _again in range(3):  # said for ever, it does not fill the disk
        assert not await turn(keys, memory, is_unwanted=True, known_for_s=0)
    assert files(tmp_path) == ["box-2.key", "box.key"]
    assert not await turn(keys, memory, is_unwanted=False, known_for_s=1e6)
    assert files(tmp_path) == ["box-2.key"]
    folder, before = tmp_path / "keys" / f"media-{NODE}", keys.public
    shutil.rmtree(folder)
    folder.write_bytes(b"no folder any more")
    assert not await turn(keys, memory, is_unwanted=True, known_for_s=0)
    assert (keys.public, keys.open(seal(before, b"open"))) == (before, b"open")


# -- the node ---------------------------------------------------------------------------------------------------


async def test_the_key_turns_while_a_camera_is_watched(
    control: LittleControl,
    cameras: CameraServer,
    bus_server: BusServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await add_yard(control, cameras)
    source = StreamSource(url=cameras.url("/none"), username="", password="", networks=LOOPBACK)
    async with running_node(bus_server, tmp_path) as node:
        await control.until_online("yard")
        old = control.hellos[-1].public_key
        async with watching(node, control.ticket("yard")) as socket:
            await texts_and_film(socket, fragments=1)
            control.unwanted.add(old)
            new = await until_renewed(control, old)
            for key in (old, new):  # what was on its way is read
                question = ProbeRequest(sealed=seal(key, msgspec.json.encode(source)))
                result = await control.bus.request(of_node(NODE_PROBE, NODE), question, ProbeResult, timeout=10)
                assert result.code == "no_such_stream"
            assert files(tmp_path) == ["box-2.key", "box.key"]
            monkeypatch.setattr("belvedere.media.node_keys._OLD_KEY_STAYS_S", 0.0)
            await until_alone(tmp_path, "box-2.key")
            await texts_and_film(socket, fragments=1)
        assert cameras.plays == 1  # nobody hung up on the camera
    # What it remembers was sealed anew before the key went: with nobody to ask, it carries on.
    control.is_silent = True
    async with running_node(bus_server, tmp_path) as node:
        async with asyncio.timeout(15):
            while not node.carriage.streams():
                await asyncio.sleep(0.02)


async def test_between_two_keys_it_carries_on_while_control_is_away(
    control: LittleControl,
    cameras: CameraServer,
    bus_server: BusServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The new key is there, control never heard of it, and what is remembered is sealed to the one before."""
    await add_yard(control, cameras)
    async with running_node(bus_server, tmp_path):
        await control.until_online("yard")
    NodeKeys(tmp_path, NODE).renew()
    monkeypatch.setattr("belvedere.media.node_keys._OLD_KEY_STAYS_S", 0.0)
    control.is_silent = True
    async with running_node(bus_server, tmp_path) as node:
        async with asyncio.timeout(15):
            while not node.carriage.streams():
                await asyncio.sleep(0.02)
        assert files(tmp_path) == ["box-2.key", "box.key"]
        control.is_silent = False
        await until_alone(tmp_path, "box-2.key")
    [*_, kept] = NodeMemory(tmp_path, NODE).recall()
    assert b"rtsp" in NodeKeys(tmp_path, NODE).open(kept.sealed)


@contextlib.asynccontextmanager
async def real_process(bus_server: BusServer, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """The node as its own process, which keeps no old key any longer than it has to. Killed at the end."""
    user_file = folder / "media.json"
    bus_server.write_user_file(f"media-{NODE}", user_file)
    environment = os.environ | {
        "BELVEDERE_BUS_FILE": str(user_file),
        "BELVEDERE_NODE": NODE,
        "BELVEDERE_PORT": str(free_port()),
        "BELVEDERE_MEDIA_PORT": str(free_port()),
        "BELVEDERE_DATA": str(folder),
    }
    code = (
        "from belvedere.config import Settings; from belvedere.media import node, node_keys; "
        "node_keys._OLD_KEY_STAYS_S = 0.0; node.run(Settings.from_env())"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, env=environment)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_killed_anywhere_it_goes_on(
    control: LittleControl, cameras: CameraServer, bus_server: BusServer, tmp_path: Path
) -> None:
    """Whatever it comes to, the next run opens what the last one remembered, and the turn comes to its end."""
    await add_yard(control, cameras)
    for pause in (0.0, 0.001, 0.004, 0.02, 0.1):
        hellos = len(control.hellos)
        async with real_process(bus_server, tmp_path), asyncio.timeout(30):
            while len(control.hellos) == hellos or not (tmp_path / f"assignments-{NODE}.json").exists():
                await asyncio.sleep(0.001)
            control.unwanted.add(control.hellos[-1].public_key)
            await asyncio.sleep(pause)
        keys = NodeKeys(tmp_path, NODE)
        for stream in NodeMemory(tmp_path, NODE).recall():
            assert b"rtsp" in keys.open(stream.sealed)
    async with real_process(bus_server, tmp_path):
        await control.until_online("yard")
        async with asyncio.timeout(30):
            while control.hellos[-1].public_key in control.unwanted or len(files(tmp_path)) > 1:
                await asyncio.sleep(0.05)
