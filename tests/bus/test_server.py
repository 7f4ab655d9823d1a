"""Who gets in, who may say what, and what lies on the disk meanwhile."""

import asyncio
import json
import os
import signal
import stat
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from nats.aio.client import Client

from belvedere.bus import Bus, BusError, BusRefused, BusUser
from belvedere.bus.server import BusServer
from belvedere.contracts.events import AssignmentsChanged, Hello, HelloReply
from belvedere.contracts.sessions import LeasePush, LeaseReceipt, OpenReply, OpenRequest
from belvedere.contracts.subjects import (
    FROM_MEDIA,
    NODE_CHANGED,
    SESSION_LEASE,
    SESSION_OPEN,
    TO_MEDIA,
    echo_of,
    of_any_node,
    of_node,
    rights_of,
)

pytestmark = pytest.mark.anyio

type Connect = Callable[[str], Awaitable[Bus]]

HELLO = Hello(node="south", run="r", url="ws://localhost:1", public_key="")
OPEN = OpenRequest(session="s", secret="x", run="r", peer="127.0.0.1", origin=None)


async def ignore(message: object, subject: str) -> None:
    return None


async def test_a_node_speaks_for_itself_alone(connect: Connect) -> None:  # N34
    control, north = await connect("control"), await connect("media-north")
    heard: list[str] = []

    async def note(message: Hello, subject: str) -> HelloReply:
        heard.append(subject)
        return HelloReply(accepted=True)

    for subject in FROM_MEDIA:
        await control.subscribe(of_any_node(subject), Hello, note)
    for subject in FROM_MEDIA:
        with pytest.raises(BusRefused):
            await north.request(of_node(subject, "south"), HELLO, HelloReply, 2.0)
    for subject in ("access.changed", of_node(SESSION_LEASE, "south"), echo_of("control"), "anything"):
        with pytest.raises(BusRefused):
            await north.request(subject, HELLO, HelloReply, 2.0)
    assert (await north.request(of_node(FROM_MEDIA[0], "north"), HELLO, HelloReply, 2.0)).accepted
    assert heard == [of_node(FROM_MEDIA[0], "north")]


@pytest.mark.parametrize(
    "subject",
    [
        *(of_node(subject, "south") for subject in (*TO_MEDIA, *FROM_MEDIA)),
        *(of_any_node(subject) for subject in (*TO_MEDIA, *FROM_MEDIA)),
        "_INBOX_control.>",
        "_INBOX_media-south.>",
        "echo.control",
        "$SYS.>",
        ">",
        "*",
    ],
)
async def test_a_node_hears_nothing_meant_for_others(connect: Connect, subject: str) -> None:  # N34
    north = await connect("media-north")
    with pytest.raises(BusRefused):
        await north.subscribe(subject, AssignmentsChanged, ignore)
    await north.subscribe(of_node(NODE_CHANGED, "north"), AssignmentsChanged, ignore)


async def test_the_worker_hears_nothing_but_answers(connect: Connect) -> None:  # N34
    worker, north = await connect("worker"), await connect("media-north")

    async def receipt(message: LeasePush, subject: str) -> LeaseReceipt:
        return LeaseReceipt(cuts=[])

    await north.subscribe(of_node(SESSION_LEASE, "north"), LeasePush, receipt)
    push = LeasePush(leases=[])
    assert await worker.request(of_node(SESSION_LEASE, "north"), push, LeaseReceipt, 2.0) == LeaseReceipt(cuts=[])
    with pytest.raises(BusRefused):
        await worker.subscribe(of_any_node(SESSION_OPEN), OpenRequest, ignore)


async def test_nobody_can_answer_in_anothers_place(connect: Connect) -> None:  # N34
    """The right to answer lasts for one message, and only for whoever was asked."""
    control, north, south = await connect("control"), await connect("media-north"), await connect("media-south")
    with pytest.raises(BusRefused):
        await south.request("_INBOX_media-north.guess", HELLO, HelloReply, 1.0)
    await control.subscribe(of_any_node(SESSION_OPEN), OpenRequest, ignore)
    with pytest.raises(BusError):
        await north.request(of_node(SESSION_OPEN, "north"), OPEN, OpenReply, 0.2)


async def test_the_anonymous_stay_outside(server: BusServer) -> None:  # N34
    client = Client()

    async def quiet(error: Exception) -> None:
        return None

    with pytest.raises(Exception, match=r"(?i)authorization violation"):
        await client.connect(server.url, allow_reconnect=False, error_cb=quiet)
    await client.close()


async def test_secrets_lie_in_private_files_alone(server: BusServer, tmp_path: Path) -> None:  # N37
    folder = tmp_path / "bus"
    user_file = tmp_path / "control.json"
    server.write_user_file("control", user_file)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(user_file.stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "nats-server.conf").stat().st_mode) == 0o600
    user = BusUser.read(user_file)
    assert (user.url, user.user, user.password) == (server.url, *server.user_of("control"))
    assert len(user.password) >= 43  # 32 bytes
    assert user.password not in repr(user)
    passwords = [server.user_of(role)[1] for role in ("control", "worker", "media-north")]
    process = Path("/proc") / str(server.pid)
    for source in (process / "cmdline", process / "environ"):
        seen = source.read_bytes()
        assert not [password for password in passwords if password.encode() in seen]


async def test_nothing_but_clients_is_listened_to(server: BusServer) -> None:
    inodes = {str(entry.readlink()) for entry in (Path("/proc") / str(server.pid) / "fd").iterdir()}
    listening = [
        fields[1]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for fields in map(str.split, Path(table).read_text().splitlines()[1:])
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes
    ]
    port = int(server.url.rsplit(":", 1)[1])
    assert listening == [f"0100007F:{port:04X}"]  # loopback, and that one port


async def test_too_large_a_message_is_refused_here(connect: Connect) -> None:
    control = await connect("control")
    with pytest.raises(BusError):
        await control.publish(of_node(NODE_CHANGED, "north"), AssignmentsChanged(withdrawn=["x" * 300_000]))
    assert control.is_connected


async def test_every_start_has_new_passwords(tmp_path: Path) -> None:
    seen = set()
    for _ in range(2):
        async with BusServer.start(tmp_path, roles=["control"]) as server:
            seen.add(server.user_of("control")[1])
    assert len(seen) == 2


async def test_leaving_it_ends_the_process_even_a_frozen_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("belvedere.bus.server._STOP_TIMEOUT_S", 0.3)  # frozen is frozen: waiting longer shows no more
    async with BusServer.start(tmp_path, roles=["control"]) as server:
        pid = server.pid
        os.kill(pid, signal.SIGSTOP)
    assert not (Path("/proc") / str(pid)).exists()


async def test_a_missing_binary_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BusError, match="BELVEDERE_NATS_SERVER"):
        async with BusServer.start(tmp_path, roles=["control"], binary="/nowhere/nats-server"):
            pass
    with pytest.raises(BusError, match="ended at once"):
        async with BusServer.start(tmp_path, roles=["control"], binary="/bin/false"):
            pass


@pytest.mark.parametrize("role", ["media-", "media-*", "media->", "media-a.b", "media-a b", "owner", "", "media"])
def test_only_known_roles_have_rights(role: str) -> None:
    with pytest.raises(ValueError, match="no such bus role"):
        rights_of(role)


def test_a_damaged_bus_file_is_refused_without_showing_it(tmp_path: Path) -> None:
    path = tmp_path / "user.json"
    path.write_text(json.dumps({"url": "nats://x", "user": "u", "password": "canary", "more": 1}))
    with pytest.raises(BusError) as refusal:
        BusUser.read(path)
    assert "canary" not in str(refusal.value)
    with pytest.raises(BusError, match="cannot be read"):
        BusUser.read(tmp_path / "absent")


async def test_it_ends_with_whoever_started_it(tmp_path: Path) -> None:
    """A starter that is killed outright leaves no server behind."""
    script = (
        "import asyncio, pathlib\n"
        "from belvedere.bus.server import BusServer\n"
        "async def main():\n"
        f"    async with BusServer.start(pathlib.Path({str(tmp_path)!r}), roles=['control']) as server:\n"
        f"        pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(server.pid))\n"
        "        print('up', flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    starter = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    assert starter.stdout is not None
    async with asyncio.timeout(10):
        while (await starter.stdout.readline()).strip() != b"up":
            pass
    pid = int((tmp_path / "pid").read_text())
    assert (Path("/proc") / str(pid)).exists()
    starter.kill()
    await starter.wait()
    async with asyncio.timeout(5):
        while (Path("/proc") / str(pid)).exists():
            await asyncio.sleep(0.02)
