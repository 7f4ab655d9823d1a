"""The bus for blocking code: the same promises, from any thread."""

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from belvedere.bus import Bus, BusLost, BusRefused, BusThread, BusTimeout
from belvedere.bus.server import BusServer
from belvedere.contracts.events import AssignmentsChanged, Hello, HelloReply
from belvedere.contracts.subjects import NODE_CHANGED, NODE_HELLO, of_any_node, of_node

pytestmark = pytest.mark.anyio

type Connect = Callable[[str], Awaitable[Bus]]

HELLO = Hello(node="north", run="r", url="ws://localhost:1", public_key="")


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2, thread_name_prefix="pool") as pool:
        yield pool


async def test_handlers_run_in_the_executor_and_may_ask_in_turn(
    server: BusServer, connect: Connect, executor: ThreadPoolExecutor
) -> None:
    media = await connect("media-north")
    threads: list[str] = []
    control = await asyncio.to_thread(BusThread.connect, server.url, *server.user_of("control"), "control")

    def answer(message: Hello, subject: str) -> HelloReply:
        threads.append(threading.current_thread().name)
        control.publish(of_node(NODE_CHANGED, "north"), AssignmentsChanged(withdrawn=["from within"]))
        return HelloReply(accepted=True)

    heard: asyncio.Queue[AssignmentsChanged] = asyncio.Queue()

    async def note(message: AssignmentsChanged, subject: str) -> None:
        heard.put_nowait(message)

    await media.subscribe(of_node(NODE_CHANGED, "north"), AssignmentsChanged, note)
    await asyncio.to_thread(control.subscribe, of_any_node(NODE_HELLO), Hello, answer, executor)
    assert (await media.request(of_node(NODE_HELLO, "north"), HELLO, HelloReply, 2.0)).accepted
    async with asyncio.timeout(2):
        assert (await heard.get()).withdrawn == ["from within"]
    assert threads[0].startswith("pool")
    await asyncio.to_thread(control.close)


async def test_many_threads_ask_at_once(server: BusServer, connect: Connect, executor: ThreadPoolExecutor) -> None:
    media = await connect("media-north")
    control = await asyncio.to_thread(BusThread.connect, server.url, *server.user_of("control"), "control")

    async def echo(message: AssignmentsChanged, subject: str) -> AssignmentsChanged:
        return message

    await media.subscribe(of_node(NODE_CHANGED, "north"), AssignmentsChanged, echo)

    def ask(number: int) -> str:
        message = AssignmentsChanged(withdrawn=[str(number)])
        return control.request(of_node(NODE_CHANGED, "north"), message, AssignmentsChanged, 5.0).withdrawn[0]

    loop = asyncio.get_running_loop()
    answers = await asyncio.gather(*(loop.run_in_executor(executor, ask, number) for number in range(100)))
    assert answers == [str(number) for number in range(100)]
    await asyncio.to_thread(control.close)


async def test_errors_come_through_and_so_does_the_way_back(server: BusServer, executor: ThreadPoolExecutor) -> None:
    control = await asyncio.to_thread(BusThread.connect, server.url, *server.user_of("control"), "control")
    back = threading.Event()
    control.on_reconnect(back.set, executor)
    subject = of_node(NODE_CHANGED, "north")
    with pytest.raises(BusTimeout):
        await asyncio.to_thread(control.request, subject, AssignmentsChanged(), HelloReply, 1.0)
    with pytest.raises(BusRefused):
        await asyncio.to_thread(control.request, "node.hello.north", HELLO, HelloReply, 1.0)
    os.kill(server.pid, signal.SIGKILL)
    await server.wait()
    async with asyncio.timeout(3):
        while control.is_connected:
            await asyncio.sleep(0.01)
    with pytest.raises(BusLost):
        await asyncio.to_thread(control.publish, subject, AssignmentsChanged())
    await server.launch()
    assert await asyncio.to_thread(back.wait, 10)
    await asyncio.to_thread(control.publish, subject, AssignmentsChanged())
    await asyncio.to_thread(control.close)
    await asyncio.to_thread(control.close)  # twice is harmless


async def test_a_wrong_password_leaves_no_thread_behind(server: BusServer) -> None:
    before = threading.active_count()
    with pytest.raises(BusRefused):
        await asyncio.to_thread(BusThread.connect, server.url, "control", "wrong", "control")
    assert threading.active_count() <= before + 1  # asyncio's own pool thread
