"""What a connection promises: typed, proven, failing fast, and back by itself."""

import asyncio
import contextlib
import json
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
import structlog

from belvedere.bus import Bus, BusLost, BusRefused, BusTimeout
from belvedere.bus.server import BusServer
from belvedere.contracts.events import AssignmentsChanged, AssignmentsReply, AssignmentsRequest, Hello, HelloReply
from belvedere.contracts.subjects import NODE_ASSIGNMENTS, NODE_CHANGED, NODE_HELLO, node_of, of_any_node, of_node

pytestmark = pytest.mark.anyio

type Connect = Callable[[str], Awaitable[Bus]]

HELLO = Hello(node="north", run="r1", url="ws://localhost:8001", public_key="")
AT_NORTH = of_node(NODE_HELLO, "north")
AT_ANY = of_any_node(NODE_HELLO)


async def accept(message: Hello, subject: str) -> HelloReply:
    return HelloReply(accepted=node_of(subject) == message.node)


async def until_connected(bus: Bus) -> None:
    async with asyncio.timeout(15):
        while not bus.is_connected:
            await asyncio.sleep(0.02)


async def test_an_answer_comes_back_typed(connect: Connect) -> None:
    control, media = await connect("control"), await connect("media-north")
    await control.subscribe(AT_ANY, Hello, accept)
    assert await media.request(AT_NORTH, HELLO, HelloReply, 2.0) == HelloReply(accepted=True)


async def test_a_published_message_arrives_with_its_subject(connect: Connect) -> None:
    control, media = await connect("control"), await connect("media-north")
    heard: asyncio.Queue[tuple[AssignmentsChanged, str]] = asyncio.Queue()

    async def note(message: AssignmentsChanged, subject: str) -> None:
        heard.put_nowait((message, subject))

    await media.subscribe(of_node(NODE_CHANGED, "north"), AssignmentsChanged, note)
    await control.publish(of_node(NODE_CHANGED, "north"), AssignmentsChanged(withdrawn=["c1"]))
    async with asyncio.timeout(2):
        assert await heard.get() == (AssignmentsChanged(withdrawn=["c1"]), "node.changed.north")


async def test_a_slow_handler_holds_up_nobody(connect: Connect) -> None:
    control, media = await connect("control"), await connect("media-north")
    release = asyncio.Event()

    async def wait_for_the_first(message: Hello, subject: str) -> HelloReply:
        if message.run == "slow":
            await release.wait()
        return HelloReply(accepted=True)

    await control.subscribe(AT_ANY, Hello, wait_for_the_first)
    slow = asyncio.create_task(media.request(AT_NORTH, msgspec.structs.replace(HELLO, run="slow"), HelloReply, 5.0))
    await media.request(AT_NORTH, HELLO, HelloReply, 2.0)
    assert not slow.done()
    release.set()
    assert (await slow).accepted


async def test_handlers_at_work_are_bounded(connect: Connect) -> None:
    control, media = await connect("control"), await connect("media-north")
    at_work = most = 0

    async def count(message: Hello, subject: str) -> HelloReply:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0.005)
        at_work -= 1
        return HelloReply(accepted=True)

    await control.subscribe(AT_ANY, Hello, count, concurrency=3)
    await asyncio.gather(*(media.request(AT_NORTH, HELLO, HelloReply, 5.0) for _ in range(30)))
    assert most == 3


async def test_of_two_that_share_a_queue_one_answers(server: BusServer, connect: Connect) -> None:
    first, second, media = await connect("control"), await connect("control"), await connect("media-north")
    answered: list[str] = []
    for name, bus in (("first", first), ("second", second)):

        async def answer(message: Hello, subject: str, name: str = name) -> HelloReply:
            answered.append(name)
            return HelloReply(accepted=True)

        await bus.subscribe(AT_ANY, Hello, answer, queue="control")
    for _ in range(40):
        await media.request(AT_NORTH, HELLO, HelloReply, 2.0)
    assert len(answered) == 40
    assert set(answered) == {"first", "second"}


async def test_nobody_listening_is_known_at_once_and_silence_after_the_timeout(connect: Connect) -> None:
    control, media = await connect("control"), await connect("media-north")
    with pytest.raises(BusTimeout, match="nobody listens"):
        await media.request(AT_NORTH, HELLO, HelloReply, 60.0)

    async def silent(message: Hello, subject: str) -> None:
        return None

    await control.subscribe(AT_ANY, Hello, silent)
    with pytest.raises(BusTimeout, match="no answer"):
        await media.request(AT_NORTH, HELLO, HelloReply, 0.2)


async def test_what_does_not_decode_is_dropped_and_its_content_stays_out_of_the_log(connect: Connect) -> None:
    control, media = await connect("control"), await connect("media-north")
    await control.subscribe(AT_ANY, Hello, accept)

    class Forged(msgspec.Struct):
        node: str = "north"
        canary: str = "hunter2-canary"

    with structlog.testing.capture_logs() as logs:
        with pytest.raises(BusTimeout):
            await media.request(AT_NORTH, Forged(), HelloReply, 0.2)
        assert (await media.request(AT_NORTH, HELLO, HelloReply, 2.0)).accepted  # and the next one is heard
    assert [entry["event"] for entry in logs] == ["bus_message_dropped"]
    assert "canary" not in json.dumps(logs, default=str)


async def test_an_answer_of_another_shape_is_no_answer(connect: Connect) -> None:
    control, media = await connect("control"), await connect("media-north")
    await control.subscribe(AT_ANY, Hello, accept)
    with pytest.raises(BusTimeout, match="no AssignmentsReply"):
        await media.request(AT_NORTH, HELLO, AssignmentsReply, 2.0)


async def test_a_failing_handler_leaves_the_question_unanswered_and_the_bus_alive(connect: Connect) -> None:
    control, media = await connect("control"), await connect("media-north")
    calls = 0

    async def fail_once(message: Hello, subject: str) -> HelloReply:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise ValueError("planted")
        return HelloReply(accepted=True)

    await control.subscribe(AT_ANY, Hello, fail_once)
    with pytest.raises(BusTimeout):
        await media.request(AT_NORTH, HELLO, HelloReply, 0.2)
    assert (await media.request(AT_NORTH, HELLO, HelloReply, 2.0)).accepted


async def test_a_lost_bus_fails_open_questions_and_new_ones_at_once(server: BusServer, connect: Connect) -> None:
    control, media = await connect("control"), await connect("media-north")
    asked = asyncio.Event()

    async def never(message: Hello, subject: str) -> None:
        asked.set()
        await asyncio.Event().wait()

    await control.subscribe(AT_ANY, Hello, never)
    question = asyncio.create_task(media.request(AT_NORTH, HELLO, HelloReply, 60.0))
    await asked.wait()
    os.kill(server.pid, signal.SIGKILL)
    with pytest.raises(BusLost):
        async with asyncio.timeout(3):
            await question
    assert not media.is_connected
    with pytest.raises(BusLost):
        await media.request(AT_NORTH, HELLO, HelloReply, 60.0)
    with pytest.raises(BusLost):
        await media.publish(AT_NORTH, HELLO)


async def test_after_a_restart_subscriptions_stand_before_anybody_is_told(server: BusServer, connect: Connect) -> None:
    control, media = await connect("control"), await connect("media-north")
    changed = asyncio.Event()
    renewed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def note(message: AssignmentsChanged, subject: str) -> None:
        changed.set()

    async def renew_everything() -> None:
        # Media's own subscription stands: a push by control, once that is back, must come through.
        await until_connected(control)
        await control.publish(of_node(NODE_CHANGED, "north"), AssignmentsChanged())
        await changed.wait()
        renewed.set_result((await media.request(AT_NORTH, HELLO, HelloReply, 2.0)).accepted)

    await control.subscribe(AT_ANY, Hello, accept)
    await media.subscribe(of_node(NODE_CHANGED, "north"), AssignmentsChanged, note)
    media.on_reconnect(renew_everything)
    where = server.url
    os.kill(server.pid, signal.SIGKILL)
    await server.wait()
    await server.launch()
    assert server.url == where
    async with asyncio.timeout(10):
        assert await renewed


async def test_it_comes_back_again_and_again(server: BusServer, connect: Connect) -> None:
    control, media = await connect("control"), await connect("media-north")
    await control.subscribe(AT_ANY, Hello, accept)
    for _ in range(4):
        os.kill(server.pid, signal.SIGKILL)
        await server.wait()
        await server.launch()
        await until_connected(control)
        await until_connected(media)
        assert (await media.request(AT_NORTH, HELLO, HelloReply, 2.0)).accepted


def is_stopped(stat: Path) -> bool:
    return stat.read_text().rsplit(")", 1)[1].split()[0] == "T"


async def test_a_frozen_server_counts_as_lost(server: BusServer, connect: Connect) -> None:
    media = await connect("media-north")
    os.kill(server.pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(20):  # until every thread of it stands still: one that does not yet, answers
            while any(not is_stopped(stat) for stat in Path(f"/proc/{server.pid}/task").glob("*/stat")):
                await asyncio.sleep(0.01)
        with pytest.raises(BusLost):
            async with asyncio.timeout(12):
                await media.request(AT_NORTH, HELLO, HelloReply, 60.0)
    finally:
        os.kill(server.pid, signal.SIGCONT)
    await until_connected(media)


async def test_no_server_and_a_wrong_password_are_two_answers(server: BusServer) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"nats://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(BusLost):
            await Bus.connect(nobody, "control", "x", "control", timeout=0.3)
    with pytest.raises(BusRefused):
        await Bus.connect(server.url, "control", "wrong", "control")


@pytest.mark.parametrize(
    "said",
    [b"HTTP/1.1 200 OK\r\n\r\n", b"INFO\r\n", b"INFO []\r\n", b"INFO " + b"x" * 100_000],
    ids=["http", "nothing", "no object", "no end"],
)
async def test_somebody_else_on_its_port_is_no_end_of_it(server: BusServer, connect: Connect, said: bytes) -> None:
    """The port is anybody's while the bus is away: it comes back all the same."""
    media = await connect("media-north")
    visits = 0

    async def stranger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal visits
        visits += 1
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            writer.write(said)
            await reader.read(1)

    await server.stop()
    squatter = await asyncio.start_server(stranger, "127.0.0.1", int(server.url.rpartition(":")[2]))
    with contextlib.closing(squatter):
        async with asyncio.timeout(15):
            while visits < 2:  # it was tried again
                await asyncio.sleep(0.02)
    await server.launch()
    await until_connected(media)


async def test_close_ends_open_questions(connect: Connect) -> None:
    control, media = await connect("control"), await connect("media-north")

    async def never(message: AssignmentsRequest, subject: str) -> None:
        await asyncio.Event().wait()

    await control.subscribe(of_any_node(NODE_ASSIGNMENTS), AssignmentsRequest, never)
    question = asyncio.create_task(
        media.request(of_node(NODE_ASSIGNMENTS, "north"), AssignmentsRequest(run="r"), AssignmentsReply, 60.0)
    )
    await asyncio.sleep(0.1)
    await media.close()
    with pytest.raises(BusLost):
        await question
