"""Readers that do not read, among two hundred that do."""

import asyncio
import itertools
import json
import socket
from contextlib import ExitStack

import numpy as np
import pytest

from belvedere.demo.clips import Clip, encode_clip
from belvedere.demo.rtsp import CameraServer
from belvedere.media.delivery.viewer import STUCK_AFTER_S
from media.conftest import StartNode
from media.little_control import LittleControl

pytestmark = pytest.mark.anyio

GOOD, STUCK = 200, 5
REQUEST = (
    "GET /media/v1/live?ticket={} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class CountingPlayer(asyncio.Protocol):
    """Counts what comes: as cheap as can be, there are many of it."""

    def __init__(self, ticket: str) -> None:
        self.ticket = ticket
        self.sequences: list[int] = []
        self.texts: list[dict[str, object]] = []
        self.is_lost = False
        self._buffer = bytearray()
        self._has_head = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(REQUEST.format(self.ticket).encode())  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        if not self._has_head:
            head = buffer.find(b"\r\n\r\n")
            if head < 0:
                return
            del buffer[: head + 4]
            self._has_head = True
        while len(buffer) >= 10:
            size, at = buffer[1], 2
            if size >= 126:
                at = 4 if size == 126 else 10
                size = int.from_bytes(buffer[2:at])
            if len(buffer) < at + size:
                return
            self._take(buffer[0] & 0x0F, bytes(buffer[at : at + size]))
            del buffer[: at + size]

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == 1:
            self.texts.append(json.loads(payload))
        elif opcode == 2 and payload[5:9] == b"moof":
            self.sequences.append(int.from_bytes(payload[21:25]))


def noisy_clip(frames: int = 50) -> Clip:
    """About 2.3 Mbit/s: noise does not compress."""
    chance = np.random.default_rng(1)
    pictures = (chance.integers(0, 255, (120, 160, 3), dtype=np.uint8) for _ in range(frames))
    return encode_clip(pictures, fps=25, gop=25, qp=30, preset="ultrafast")


def small_socket(port: int) -> socket.socket:
    """A connection whose kernel hides less than a second of video; on loopback it would be half a minute's worth."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
    sock.connect(("127.0.0.1", port))  # the kernel accepts, so this does not wait for us
    return sock


def stuck_player(port: int, ticket: str) -> socket.socket:
    """Ask, and never read."""
    sock = small_socket(port)
    sock.sendall(REQUEST.format(ticket).encode())
    return sock


async def test_those_who_read_notice_nothing(
    control: LittleControl, cameras: CameraServer, start_node: StartNode
) -> None:
    cameras.add("/yard", noisy_clip())
    control.add("yard", cameras.url("/yard"))
    node = await start_node()
    await control.until_online("yard")
    loop = asyncio.get_running_loop()
    players: list[CountingPlayer] = []
    with ExitStack() as stack:
        for index in range(GOOD):
            transport, player = await loop.create_connection(
                lambda: CountingPlayer(control.ticket("yard")), "127.0.0.1", node.port
            )
            stack.callback(transport.abort)
            players.append(player)
            if index % 40 == 0:  # the door lets so many wait at once
                await asyncio.sleep(0.2)
        await asyncio.sleep(1.5)  # they have caught up with the present
        marks = [len(player.sequences) for player in players]
        texts = [len(player.texts) for player in players]
        for _ in range(STUCK):
            stack.enter_context(stuck_player(node.port, control.ticket("yard")))
        async with asyncio.timeout(20):
            while len(control.closed) < STUCK:
                await asyncio.sleep(0.1)
        assert (node.keeper.watching, node.counters.stuck) == (GOOD, STUCK)
        assert [closed.why for closed in control.closed] == ["stuck"] * STUCK
    for player, mark, told in zip(players, marks, texts, strict=True):
        assert not player.is_lost
        assert player.texts[told:] == []
        seen = player.sequences[mark:]
        assert seen == list(range(seen[0], seen[-1] + 1))  # not one is missing
        assert len(seen) > 25 * (STUCK_AFTER_S - 1)  # all the while, as far as a busy machine can tell


async def test_a_reader_that_falls_behind_goes_on_at_a_key_frame(
    control: LittleControl, cameras: CameraServer, start_node: StartNode
) -> None:
    cameras.add("/yard", noisy_clip())
    control.add("yard", cameras.url("/yard"))
    node = await start_node()
    await control.until_online("yard")
    loop = asyncio.get_running_loop()
    sock = small_socket(node.port)
    transport, player = await loop.create_connection(lambda: CountingPlayer(control.ticket("yard")), sock=sock)
    try:
        async with asyncio.timeout(15):
            while len(player.sequences) < 20:
                await asyncio.sleep(0.01)
            while not player.texts[1:]:
                # Reads for a moment, then not for two seconds: less than what counts as stuck.
                transport.pause_reading()
                await asyncio.sleep(2)
                transport.resume_reading()
                await asyncio.sleep(0.3)
    finally:
        transport.abort()
    assert player.texts[1]["type"] == "lag"
    skipped = player.texts[1]["skipped"]
    gaps = [after - before - 1 for before, after in itertools.pairwise(player.sequences)]
    assert [gap for gap in gaps if gap] == [skipped]
    assert node.counters.skipped == skipped
    after_gap = player.sequences[gaps.index(skipped) + 1]
    assert after_gap % 25 == player.sequences[0] % 25  # a key frame, as the first one was
