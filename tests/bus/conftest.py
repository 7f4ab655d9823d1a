"""A real nats-server for each test, and connections that end with it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from belvedere.bus import Bus
from belvedere.bus.server import BusServer

ROLES = ["control", "worker", "media-north", "media-south"]

type Connect = Callable[[str], Awaitable[Bus]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[BusServer]:
    async with BusServer.start(tmp_path / "bus", roles=ROLES) as started:
        yield started


@pytest.fixture
async def connect(server: BusServer) -> AsyncIterator[Connect]:
    """Connect as a role."""
    opened: list[Bus] = []

    async def connect_as(role: str) -> Bus:
        bus = await Bus.connect(server.url, *server.user_of(role), role)
        opened.append(bus)
        return bus

    yield connect_as
    for bus in opened:
        await bus.close()
