"""The door: one way to say each thing, and everything else is closed (N19, N20)."""

import asyncio
import itertools
import struct
from collections.abc import AsyncIterator

import pytest

from belvedere.bus.server import BusServer
from belvedere.demo.rtsp import CameraServer
from belvedere.media.delivery.listener import MAX_STRANGERS_OF_PEER
from belvedere.media.node import MediaNode
from media.conftest import add_yard, little_control, running_node
from media.little_control import LittleControl
from media.player import closing_of, pictures_in, texts_and_film, watching

pytestmark = pytest.mark.anyio

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = f"Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Key: {KEY}\r\n"


@pytest.fixture(scope="module")
async def control(bus_server: BusServer) -> AsyncIterator[LittleControl]:
    async with little_control(bus_server) as little:
        yield little


@pytest.fixture(scope="module")
async def node(
    bus_server: BusServer, control: LittleControl, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[MediaNode]:
    """One for all of these: a door must bear all that is done to it."""
    async with CameraServer() as cameras:
        await add_yard(control, cameras)
        async with running_node(bus_server, tmp_path_factory.mktemp("node")) as started:
            await control.until_online("yard")
            yield started


def get(target: str, headers: str = "Host: x\r\n", *, method: str = "GET", version: str = "HTTP/1.1") -> bytes:
    return f"{method} {target} {version}\r\n{headers}\r\n".encode()


async def talk(node: MediaNode, data: bytes, within_s: float = 5.0) -> bytes:
    """Say something, and hear everything until the connection is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
    try:
        async with asyncio.timeout(within_s):
            writer.write(data)
            try:
                return await reader.read()
            except ConnectionResetError:
                return b""
    finally:
        writer.close()


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


# N19
@pytest.mark.parametrize(
    "target",
    [
        "//media/v1/live",
        "/media/../media/v1/live",
        "/%6dedia/v1/live",
        "/media/v1/live/",
        "/media/v1/live;x",
        "/MEDIA/v1/live",
        "http://x/media/v1/live",
        "/api/v1/me",
        "/",
        "*",
    ],
)
async def test_a_path_has_one_spelling(node: MediaNode, target: str) -> None:
    answer = await talk(node, get(target, f"Host: x\r\nSec-WebSocket-Version: 13\r\n{UPGRADE}"))
    assert status_of(answer) == 404
    assert b"101 " not in answer


# N20
@pytest.mark.parametrize(
    "request_bytes",
    [
        get("/healthz", "Host: x\r\nContent-Length: 0\r\nContent-Length: 0\r\n"),
        get("/healthz", "Host: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
        get("/healthz", "Host: x\r\nTransfer-Encoding: identity\r\n"),
        get("/healthz", "Host: x\r\nContent-Length: 3\r\n") + b"abc",
        get("/healthz", "Host: x\r\nContent-Length: +0\r\n"),
        get("/healthz", "Host: x\r\nContent-Length: 0, 0\r\n"),
        get("/healthz").replace(b"\r\n", b"\n"),
        b"GET /healthz HTTP/1.1\r\nHost: x\nEvil: y\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\rEvil: y\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n",
        get("/healthz", "Host: x\r\nEvil : y\r\n"),
        get("/healthz", "Host: x\r\nEvil: \x00\r\n"),
        get("/healthz", "Host: x\r\nHost: y\r\n"),
        get("/healthz", ""),
        get("/healthz", version="HTTP/1.0"),
        get("/healthz", version="HTTP/2.0"),
        b"GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        get("/healthz") + get("/healthz"),
        get("/healthz", "Host: x\r\nLong: " + "a" * 9000 + "\r\n"),
        b"GET /" + b"a" * 9000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        get("/media/v1/live", f"Host: x\r\nOrigin: a\r\nOrigin: b\r\nSec-WebSocket-Version: 13\r\n{UPGRADE}"),
    ],
    ids=itertools.count(1),
)
async def test_what_could_be_read_in_two_ways_is_refused(node: MediaNode, request_bytes: bytes) -> None:
    answer = await talk(node, request_bytes)
    assert status_of(answer) == 400
    assert b"ok" not in answer.partition(b"\r\n\r\n")[2]
    assert answer.count(b"HTTP/1.1") == 1


async def test_a_good_request_gets_a_good_answer(node: MediaNode) -> None:
    head, _, body = (await talk(node, get("/healthz"))).partition(b"\r\n\r\n")
    assert body == b"ok\n"
    # N38: the media port carries the header set too.
    names = {line.split(b":")[0].decode() for line in head.split(b"\r\n")[1:]}
    assert {
        "Content-Security-Policy",
        "X-Content-Type-Options",
        "Referrer-Policy",
        "Cross-Origin-Opener-Policy",
        "Cross-Origin-Resource-Policy",
        "X-Frame-Options",
        "Permissions-Policy",
        "X-Robots-Tag",
        "Cache-Control",
        "Connection",
    } <= names
    assert "Server" not in names
    assert status_of(await talk(node, get("/healthz", method="POST"))) == 405
    assert status_of(await talk(node, get("/media/v1/live"))) == 426
    assert (
        status_of(await talk(node, get("/media/v1/live", f"Host: x\r\nSec-WebSocket-Version: 8\r\n{UPGRADE}"))) == 426
    )


async def test_metrics_are_numbers_for_loopback_alone(node: MediaNode, control: LittleControl) -> None:
    async with watching(node, control.ticket("yard")) as socket:
        await texts_and_film(socket, fragments=3)
        text = (await talk(node, get("/metrics"))).decode()
    assert "belvedere_media_viewers 1.0" in text
    assert "belvedere_media_sources_online 1.0" in text
    assert "yard" not in text
    # N38: a front door on loopback does not lend its place.
    assert status_of(await talk(node, get("/metrics", "Host: x\r\nX-Forwarded-For: 9.9.9.9\r\n"))) == 401


# N20
async def test_a_head_that_drips_is_cut_off(node: MediaNode) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
    request = get("/healthz", "Host: x\r\n" + "A: b\r\n" * 20)
    dripped = 0
    async with asyncio.timeout(9):
        for byte in request:
            writer.write(bytes((byte,)))
            dripped += 1
            await asyncio.sleep(0.25)
            if reader.at_eof() or writer.transport.is_closing():
                break
    writer.close()
    assert dripped < len(request)


def client_frame(
    opcode: int, payload: bytes, *, first: int = 0x80, masked: bool = True, size: int | None = None
) -> bytes:
    size = len(payload) if size is None else size
    length = (
        bytes((size,))
        if size < 126
        else b"\x7e" + struct.pack(">H", size)
        if size < 1 << 16
        else b"\x7f" + struct.pack(">Q", size)
    )
    if not masked:
        return bytes((first | opcode,)) + length + payload
    mask = b"\x0a\xf0\x33\x81"
    body = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return bytes((first | opcode, length[0] | 0x80)) + length[1:] + mask + body


# N20
@pytest.mark.parametrize(
    ("data", "code"),
    [
        (client_frame(1, b"{}", masked=False), 1002),
        (client_frame(1, b"{}", first=0xC0), 1002),
        (client_frame(3, b"{}"), 1002),
        (client_frame(0, b"{}"), 1002),
        (client_frame(9, b"", first=0), 1002),
        (client_frame(9, b"x" * 126), 1002),
        (client_frame(2, b"{}"), 1003),
        (client_frame(1, b"\xff\xff"), 1007),
        (client_frame(1, b"[" * 2000), 1007),
        (client_frame(1, b"x" * 5000), 1009),
        (client_frame(1, b"", size=1 << 20), 1009),
        (client_frame(1, b"x" * 3000, first=0) + client_frame(0, b"x" * 3000), 1009),
        (client_frame(1, b"", first=0) + client_frame(0, b"", first=0) * 5000, 1009),
        (client_frame(1, b'{"type":"pause"}') * 60, 1008),
    ],
    ids=[
        "unmasked",
        "reserved bit",
        "reserved opcode",
        "continuation of nothing",
        "ping in parts",
        "long ping",
        "binary",
        "no UTF-8",
        "no message",
        "5 KB",
        "1 MiB announced",
        "6 KB in parts",
        "nothing, in endless parts",
        "flood",
    ],
)
async def test_a_player_that_breaks_the_rules_is_closed_alone(
    node: MediaNode, control: LittleControl, data: bytes, code: int
) -> None:
    ticket = control.ticket("yard")
    async with watching(node, control.ticket("yard")) as bystander:
        await texts_and_film(bystander, fragments=1)
        reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
        writer.write(get(f"/media/v1/live?ticket={ticket}", f"Host: x\r\nSec-WebSocket-Version: 13\r\n{UPGRADE}"))
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(400)  # the lease is there, the picture runs
        writer.write(data)
        async with asyncio.timeout(5):
            rest = await reader.read()
        writer.close()
        assert rest[-4:] == bytes((0x88, 2)) + code.to_bytes(2)
        _, film = await texts_and_film(bystander, fragments=10)
        assert len(film) > 0
    assert (await control.until_closed(ticket.split(".")[0])).why == "protocol"


async def test_a_message_in_parts_is_one_message(node: MediaNode, control: LittleControl) -> None:
    async with watching(node, control.ticket("yard")) as socket:
        await socket.send(['{"type":', '"live",', '"n":3}'])
        texts, film = await texts_and_film(socket, fragments=12)
        assert [text["n"] for text in texts if text["type"] == "at"] == [3]
        assert pictures_in(film) >= 12


async def test_pings_are_answered(node: MediaNode, control: LittleControl) -> None:
    async with watching(node, control.ticket("yard")) as socket:
        async with asyncio.timeout(5):
            await (await socket.ping())
        await socket.close()
        assert await closing_of(socket) == (1000, {})


async def test_nobody_can_keep_the_door_busy(node: MediaNode) -> None:
    waiting = [await asyncio.open_connection("127.0.0.1", node.port) for _ in range(MAX_STRANGERS_OF_PEER)]
    with pytest.raises((ConnectionError, IndexError)):
        status_of(await talk(node, get("/healthz")))
    for _, writer in waiting:
        writer.close()
    async with asyncio.timeout(5):
        while not (answer := await talk(node, get("/healthz"))):
            await asyncio.sleep(0.05)
    assert status_of(answer) == 200
