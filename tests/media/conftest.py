"""A media node on a real bus, real cameras before it, a little control behind it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from belvedere.bus import Bus
from belvedere.bus.server import BusServer
from belvedere.config import Settings, free_port
from belvedere.demo.rtsp import CameraServer
from belvedere.media.node import MediaNode
from media.little_control import NODE, LittleControl

type StartNode = Callable[..., Awaitable[MediaNode]]


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": True}


@pytest.fixture
async def cameras() -> AsyncIterator[CameraServer]:
    async with CameraServer() as server:
        yield server


@pytest.fixture
async def bus_server(tmp_path: Path) -> AsyncIterator[BusServer]:
    async with BusServer.start(tmp_path / "bus", roles=["control", f"media-{NODE}", "media-south"]) as server:
        yield server


@asynccontextmanager
async def connected(server: BusServer, role: str) -> AsyncIterator[Bus]:
    bus = await Bus.connect(server.url, *server.user_of(role), role)
    try:
        yield bus
    finally:
        await bus.close()


@pytest.fixture
async def control(bus_server: BusServer) -> AsyncIterator[LittleControl]:
    async with connected(bus_server, "control") as bus:
        little = LittleControl(bus)
        await little.listen()
        yield little


@pytest.fixture
async def start_node(bus_server: BusServer, tmp_path: Path) -> AsyncIterator[StartNode]:
    """Start a node; keyword arguments are settings."""
    async with AsyncExitStack() as stack:

        async def start(name: str = NODE, **settings: object) -> MediaNode:
            bus = await stack.enter_async_context(connected(bus_server, f"media-{name}"))
            port = free_port()
            chosen = Settings(data=tmp_path, node=name, media_port=port, media_url=f"ws://127.0.0.1:{port}", **settings)  # type: ignore[arg-type]
            return await stack.enter_async_context(MediaNode.start(chosen, bus))

        yield start
