"""What tests of streams ask for: a real bus with a node behind it."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import cast
from belvedere.bus.server import BusServer
from belvedere.bus.threads import BusThread
from belvedere.control.core import media
from control.footage import DAY, HOUR, ago, place
from control.watching import Node


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Node]:
    """A real nats-server, control's line to it, and a node behind it."""
    loop = asyncio.new_event_loop()
    context = BusServer.start(tmp_path / "bus", roles=["control", "media-local"])
    runner = threading.Thread(target=loop.run_forever, daemon=True)
    runner.start()

    def run(work: object) -> object:
        return asyncio.run_coroutine_threadsafe(work, loop).result(20)  # type: ignore[arg-type]  # a coroutine

    server = run(context.__aenter__())
    assert isinstance(server, BusServer)
    node = Node(server)
    node.start()
    line = BusThread.connect(server.url, *server.user_of("control"), "control")
    media.set_line(line)
    yield node
    media.set_line(None)
    line.close()
    node.stop()
    run(context.__aexit__(None, None, None))
    loop.call_soon_threadsafe(loop.stop)
    runner.join(10)
    loop.close()


@pytest.fixture
def footage(people: cast.Cast, bus: Node) -> Node:
    """Ten days of the courtyard, up to an hour ago."""
    first, last = ago(10 * DAY), ago(HOUR)
    place(people.courtyard, first, last)
    bus.footage[people.courtyard] = [(first, last)]
    return bus
