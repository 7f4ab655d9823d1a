"""A player's end of the socket, by somebody else's WebSocket client."""

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import av
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from belvedere.media.node import MediaNode

type Json = dict[str, object]


def live(node: MediaNode | int, ticket: str) -> str:
    """Where a ticket opens; an int is a port."""
    port = node if isinstance(node, int) else node.port
    return f"ws://127.0.0.1:{port}/media/v1/live?ticket={ticket}"


@asynccontextmanager
async def watching(node: MediaNode | int, ticket: str) -> AsyncIterator[ClientConnection]:
    async with connect(live(node, ticket), max_size=None, compression=None) as socket:
        yield socket


async def texts_and_film(socket: ClientConnection, fragments: int) -> tuple[list[Json], bytes]:
    """Read until so many fragments came; the film is init segment and fragments, playable."""
    texts: list[Json] = []
    film = b""
    got = -1
    async with asyncio.timeout(15):
        while got < fragments:
            message = await socket.recv()
            if isinstance(message, str):
                texts.append(json.loads(message))
            else:
                assert message[0] == 0
                film += message[1:]
                got += 1
    return texts, film


async def closing_of(socket: ClientConnection, within_s: float = 5.0) -> tuple[int, Json]:
    """(close code, reason) once the server closes; what comes before is thrown away."""
    async with asyncio.timeout(within_s):
        with contextlib.suppress(ConnectionClosed):
            while True:
                await socket.recv()
    return socket.close_code or 0, json.loads(socket.close_reason or "{}")


async def silence(socket: ClientConnection, seconds: float = 0.5) -> None:
    """Return once nothing came for so long."""
    with contextlib.suppress(TimeoutError):
        while True:
            async with asyncio.timeout(seconds):
                await socket.recv()


def pictures_in(film: bytes) -> int:
    with av.open(io.BytesIO(film), "r") as container:
        return sum(1 for _ in container.decode(video=0))
