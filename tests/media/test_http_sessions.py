"""A secret in a path: one spelling, one end, and nothing that tells the dead from the unknown."""

import asyncio
import contextlib
import gc
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from belvedere.bus.server import BusServer
from belvedere.contracts.permissions import NONE
from belvedere.contracts.sessions import SessionKind
from belvedere.media.delivery import http_sessions
from belvedere.media.fmp4 import write_fragment
from belvedere.media.footage import Volume
from belvedere.media.node import MediaNode
from media.conftest import running_node
from media.film import CAMERA, SECOND_US, Film, film, head_of, put, whole_file
from media.little_control import LittleControl, now
from media.past import BEGIN_S, BEGIN_US, beside, enter, fetch, lay, parsed, past_ticket, request, until_indexed

pytestmark = pytest.mark.anyio
EXPORT = SessionKind.EXPORT


@pytest.fixture
async def node(bus_server: BusServer, control: LittleControl, tmp_path: Path) -> AsyncIterator[MediaNode]:
    lay(tmp_path)
    async with running_node(bus_server, tmp_path) as started:
        await until_indexed(control)
        yield started


async def talk(node: MediaNode, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
    try:
        async with asyncio.timeout(5):
            writer.write(data)
            with contextlib.suppress(ConnectionResetError):
                return await reader.read()
            return b""
    finally:
        writer.close()


async def test_a_ticket_leads_to_a_secret_of_its_own(node: MediaNode, control: LittleControl) -> None:
    ticket = past_ticket(control, 0, 40)
    reply = await fetch(node, f"/media/v1/open?ticket={ticket}")
    assert (reply.status, reply.body) == (307, b"")
    assert re.fullmatch(r"/media/v1/s/[0-9A-Za-z_-]{43}/index\.m3u8", reply.headers["location"])
    assert (reply.headers["connection"], reply.headers["cache-control"]) == ("close", "no-store")
    assert reply.headers["cross-origin-resource-policy"] == "same-site"  # a page on another port shows it
    assert not [name for name in reply.headers if name.startswith("access-control")]
    # Once; what came of it is not told apart from what never was.
    again = await fetch(node, f"/media/v1/open?ticket={ticket}")
    never = await fetch(node, "/media/v1/open?ticket=0123456789abcdef.AAAAAAAAAAAAAAAAAAAAAA")
    assert again == never
    assert again.status == 404


async def test_opening_is_get_alone_and_the_rest_may_be_looked_at(node: MediaNode, control: LittleControl) -> None:
    ticket = past_ticket(control, 0, 40)
    for method in ("HEAD", "POST", "OPTIONS"):
        reply = await fetch(node, f"/media/v1/open?ticket={ticket}", method)
        assert (reply.status, reply.headers["allow"]) == (405, "GET")
    path = await enter(node, ticket)
    for method in ("POST", "PUT", "OPTIONS"):
        reply = await fetch(node, path, method)
        assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD")
    assert (await fetch(node, path, "HEAD")).body == b""


# N19, N21
async def test_a_secret_has_one_spelling(node: MediaNode, control: LittleControl) -> None:
    path = await enter(node, past_ticket(control, 0, 40))
    assert (await fetch(node, path)).status == 200
    secret = path.split("/")[4]
    last = secret[:-1] + chr(ord(secret[-1]) ^ 1)
    for target in (
        path.replace(secret, last),
        path.replace(secret, secret + "A"),
        path.replace(secret, secret[:-1]),
        path.replace(secret, secret.swapcase()),
        path.replace("/s/", "//s/"),
        path.replace("/s/", "/s//"),
        path.replace("/s/", "/S/"),
        path.replace("/s/", "/s/../s/"),
        path.replace("/s/", "%2fs%2f"),
        f"/media/v1/s/{secret}",
        f"/media/v1/s/{secret}/",
        f"/media/v1/s/{secret}/../{secret}/index.m3u8",
        beside(path, "../index.m3u8"),
        beside(path, "%2e%2e"),
        beside(path, "index.m3u8%00"),
        beside(path, "index.m3u8/"),
        beside(path, "./index.m3u8"),
        beside(path, "INDEX.M3U8"),
        beside(path, "-1.m4s"),
        beside(path, "99999999999999999999.m4s"),
        beside(path, "export.mp4"),
        beside(path, "belvedere-volume.json"),
        f"{path}?a=b",
        f"http://x{path}",
    ):
        assert parsed(await talk(node, request(target))).status == 404, target
    for raw in (b"GET " + path.encode() + b"\0 HTTP/1.1\r\nHost: x\r\n\r\n", request(path) + request(path)):
        assert parsed(await talk(node, raw)).status == 400


# N20
async def test_nothing_may_follow_the_head(node: MediaNode, control: LittleControl) -> None:
    ticket = past_ticket(control, 0, 40)
    reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
    writer.write(request(f"/media/v1/open?ticket={ticket}"))
    await asyncio.sleep(0)
    writer.write(request("/healthz"))
    with contextlib.suppress(ConnectionResetError):
        answers = await reader.read()
        assert answers.count(b"HTTP/1.1") <= 1
        assert b"ok\n" not in answers
    writer.close()


async def test_tickets_of_sockets_open_nothing_here(node: MediaNode, control: LittleControl) -> None:
    ticket = control.ticket(CAMERA)
    assert (await fetch(node, f"/media/v1/open?ticket={ticket}")).status == 404
    await control.until_closed(ticket.split(".")[0])
    refused = control.ticket(CAMERA, kind=SessionKind.HLS, permissions=NONE, why="too_many")
    assert (await fetch(node, f"/media/v1/open?ticket={refused}")).status == 429
    elsewhere = control.ticket(CAMERA, kind=SessionKind.HLS)
    reply = await fetch(node, f"/media/v1/open?ticket={elsewhere}")  # live, and no such stream here yet
    assert (reply.status, "retry-after" in reply.headers) == (503, True)


async def test_it_lapses_when_nobody_asks(
    node: MediaNode, control: LittleControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_sessions, "LAPSE_S", 1.0)
    ticket = past_ticket(control, 0, 40)
    path = await enter(node, ticket)
    for _ in range(4):
        await asyncio.sleep(0.5)
        assert (await fetch(node, path)).status == 200
    assert (await control.until_closed(ticket.split(".")[0])).why == "lapsed"
    assert (await fetch(node, path)).status == 404


# -- a long answer ---------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def heavy_node(bus_server: BusServer, control: LittleControl, tmp_path: Path) -> AsyncIterator[MediaNode]:
    """A node with forty megabytes of footage, more than any buffer on the way holds."""
    volume = Volume.open(tmp_path / "footage", tmp_path / "volume-north.json")
    light = film(20, is_real=False)
    data = [
        write_fragment(bytes(80_000), sequence=row.ticks, time=row.ticks, duration=3600, is_key=row.is_key).data
        for row in light.rows
    ]
    rows = [row._replace(offset=place * len(data[0]), size=len(data[0])) for place, row in enumerate(light.rows)]
    head = head_of(BEGIN_US)
    put(volume, head, whole_file(head, Film(light.init, tuple(rows), tuple(data))), 20 * SECOND_US)
    volume.close()
    async with running_node(bus_server, tmp_path) as started:
        await until_indexed(control)
        yield started


@pytest.fixture
async def heavy(bus_server: BusServer, control: LittleControl, tmp_path: Path) -> AsyncIterator[MediaNode]:
    async with heavy_node(bus_server, control, tmp_path) as started:
        yield started


@contextlib.asynccontextmanager
async def reading(node: MediaNode, path: str) -> AsyncIterator[asyncio.StreamReader]:
    """Someone who asked, and has read the first bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", node.port, limit=1024)
    writer.write(request(path))
    await reader.readexactly(100)
    try:
        yield reader
    finally:
        writer.transport.abort()


async def rest_of(reader: asyncio.StreamReader) -> int:
    """Bytes that still come, until the connection is reset."""
    count = 0
    try:
        async with asyncio.timeout(10):
            while data := await reader.read(65536):
                count += len(data)
    except ConnectionResetError:
        return count
    pytest.fail("it ended as if it were whole")


# N24
async def test_a_running_answer_stops_when_the_right_does(heavy: MediaNode, control: LittleControl) -> None:
    ticket = past_ticket(control, 0, 20, kind=EXPORT)
    async with reading(heavy, await enter(heavy, ticket)) as reader:
        asked = now()
        (cut,) = (await control.revoke(ticket.split(".")[0])).cuts
        assert cut.cut_at is not None
        assert asked <= cut.cut_at <= now()
        assert await rest_of(reader) < 20_000_000
    assert (await control.until_closed(ticket.split(".")[0])).why == "revoked"


# N23
async def test_a_running_answer_stops_when_it_reaches_too_far_back(heavy: MediaNode, control: LittleControl) -> None:
    ticket = past_ticket(control, 0, 20, kind=EXPORT)
    async with reading(heavy, await enter(heavy, ticket)) as reader:
        control.rows[ticket.split(".")[0]].export_from = BEGIN_S + 19.5
        await control.push(ticket.split(".")[0])
        assert await rest_of(reader) < 20_000_000


async def test_a_lease_that_nobody_renews_ends_it(heavy: MediaNode, control: LittleControl) -> None:
    ticket = past_ticket(control, 0, 20, kind=EXPORT, ttl_ms=1500)
    path = await enter(heavy, ticket)
    control.is_silent = True
    async with reading(heavy, path) as reader:
        await asyncio.sleep(2)  # as long as the lease, and more
        assert await rest_of(reader) < 20_000_000
    assert (await fetch(heavy, path)).status == 404


async def test_who_takes_nothing_is_dropped(
    heavy: MediaNode, control: LittleControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_sessions, "STUCK_AFTER_S", 1.0)
    path = await enter(heavy, past_ticket(control, 0, 20, kind=EXPORT))
    async with reading(heavy, path) as reader:
        await asyncio.sleep(2)
        assert await rest_of(reader) < 20_000_000
    assert (await fetch(heavy, path, "HEAD")).status == 200  # the session goes on


async def test_one_session_does_not_take_every_connection(heavy: MediaNode, control: LittleControl) -> None:
    path = await enter(heavy, past_ticket(control, 0, 20, kind=EXPORT))
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(http_sessions.MAX_EXCHANGES):
            await stack.enter_async_context(reading(heavy, path))
        assert (await fetch(heavy, path)).status == 429
    async with asyncio.timeout(5):
        while (await fetch(heavy, path, "HEAD")).status != 200:
            await asyncio.sleep(0.05)


async def test_footage_that_goes_away_on_the_way_is_never_wrong_bytes(
    heavy: MediaNode, control: LittleControl, tmp_path: Path
) -> None:
    path = await enter(heavy, past_ticket(control, 0, 20, kind=EXPORT))
    assert (await fetch(heavy, path, "HEAD")).status == 200
    for file in (tmp_path / "footage").glob("*/main/*/*.mp4"):
        file.unlink()
    # It may be reset before the first byte is read; so may others, until the index has heard that the files are gone.
    with contextlib.suppress(ConnectionResetError):
        async with reading(heavy, path) as reader:
            assert await rest_of(reader) < 1_000_000
    async with asyncio.timeout(20):
        while True:
            another = await enter(heavy, past_ticket(control, 0, 20, kind=EXPORT))
            with contextlib.suppress(ConnectionResetError):
                assert (await fetch(heavy, another)).status == 404
                break


async def test_a_node_that_ends_leaves_no_answer_half_ended(
    bus_server: BusServer, control: LittleControl, tmp_path: Path
) -> None:
    async with contextlib.AsyncExitStack() as readers:
        async with heavy_node(bus_server, control, tmp_path) as node:
            path = await enter(node, past_ticket(control, 0, 20, kind=EXPORT))
            found = [await readers.enter_async_context(reading(node, path)) for _ in range(4)]
        for reader in found:
            assert await rest_of(reader) < 20_000_000
    # By its own type: a proxy of what is no more, anybody's, cannot be asked what it is.
    tasks = [found for found in gc.get_objects() if issubclass(type(found), asyncio.Task) and found.done()]
    assert [task for task in tasks if not task.cancelled() and task.exception()] == []
