"""A media node on a real bus, real cameras before it, a little control behind it."""

import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from belvedere.bus import Bus
from belvedere.bus.server import BusServer
from belvedere.config import Settings, free_port
from belvedere.demo.clips import test_clip
from belvedere.demo.rtsp import CameraServer
from belvedere.media.footage import Index, Volume
from belvedere.media.node import MediaNode
from media.broker import Broker
from media.little_control import NODE, LittleControl

type StartNode = Callable[..., Awaitable[MediaNode]]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "mounts: mounts a little disk, which takes the rights of the system's owner")


PASSWORD = "p@ss:w/ö?#% é"


@pytest.fixture
def mount_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Mount a little disk of so many megabytes. Its tests are marked `mounts`: who may not mount leaves them out."""
    mounted: list[Path] = []

    def mount(megabytes: int) -> Path:
        disk = tmp_path / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(disk)], check=True)
        mounted.append(disk)
        return disk

    yield mount
    for disk in mounted:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Volume]:
    """A disk for footage, empty."""
    volume = Volume.open(tmp_path / "disk", tmp_path / "expected.json")
    yield volume
    volume.close()


@pytest.fixture
def index(volume: Volume) -> Iterator[Index]:
    index = Index.open(volume)
    yield index
    index.close()


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    """A broker that is not ours. Its tests are marked `broker`."""
    server = Broker(tmp_path / "broker")
    server.prepare()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(scope="module")
async def bus_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BusServer]:
    folder = tmp_path_factory.mktemp("bus")
    async with BusServer.start(folder, roles=["control", f"media-{NODE}", "media-south"]) as server:
        yield server


@asynccontextmanager
async def connected(server: BusServer, role: str) -> AsyncIterator[Bus]:
    bus = await Bus.connect(server.url, *server.user_of(role), role)
    try:
        yield bus
    finally:
        await bus.close()


@asynccontextmanager
async def little_control(server: BusServer) -> AsyncIterator[LittleControl]:
    async with connected(server, "control") as bus:
        little = LittleControl(bus)
        await little.listen()
        yield little


@asynccontextmanager
async def running_node(
    server: BusServer, folder: Path, name: str = NODE, **settings: object
) -> AsyncIterator[MediaNode]:
    """Run a node; keyword arguments are settings."""
    port = free_port()
    url = f"ws://127.0.0.1:{port}"
    chosen = Settings(data=folder, node=name, media_port=port, media_url=url, **settings)  # type: ignore[arg-type]
    async with connected(server, f"media-{name}") as bus, MediaNode.start(chosen, bus) as node:
        yield node


async def add_yard(control: LittleControl, cameras: CameraServer) -> None:
    """One camera, with a key frame every 0.4 s and a password that is none too easy to write into an address."""
    cameras.add("/yard", test_clip(gop=10), username="demo", password=PASSWORD)
    control.add("yard", cameras.url("/yard"), username="demo", password=PASSWORD)


@pytest.fixture
async def cameras() -> AsyncIterator[CameraServer]:
    async with CameraServer() as server:
        yield server


@pytest.fixture
async def control(bus_server: BusServer) -> AsyncIterator[LittleControl]:
    async with little_control(bus_server) as little:
        yield little


@pytest.fixture
async def start_node(bus_server: BusServer, tmp_path: Path) -> AsyncIterator[StartNode]:
    """Start a node, ended with the test; keyword arguments are settings."""
    async with AsyncExitStack() as stack:

        async def start(name: str = NODE, **settings: object) -> MediaNode:
            return await stack.enter_async_context(running_node(bus_server, tmp_path, name, **settings))

        yield start


@pytest.fixture
async def node(control: LittleControl, cameras: CameraServer, start_node: StartNode) -> MediaNode:
    """A node with one camera, `yard`, that is online."""
    await add_yard(control, cameras)
    started = await start_node()
    state = await control.until_online("yard")
    assert (state.width, state.height, state.has_audio) == (320, 180, False)
    return started
