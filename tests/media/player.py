"""A player's end of the socket, by somebody else's WebSocket client."""

import asyncio
import contextlib
import io
import json
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import av
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from belvedere.media.delivery.previews import PREVIEW
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


@dataclass(frozen=True)
class Shown:
    """A fragment as a player sees it. `at` is when it came, by a monotonic clock; `utc` in seconds since the epoch."""

    at: float
    track: int
    utc: float
    is_key: bool
    data: bytes


@dataclass
class PastPlayer:
    """Follows what the server says, as a player does that can go back."""

    socket: ClientConnection
    #: everything in order: texts, and what was shown
    story: list[Json | Shown] = field(default_factory=list)
    #: the init segment of the track and all that followed, playable
    film: bytes = b""
    #: previews: what was said of each, and the JPEG
    pictures: list[tuple[Json, bytes]] = field(default_factory=list)
    _inits: dict[int, Json] = field(default_factory=dict)

    async def say(self, **order: object) -> None:
        await self.socket.send(json.dumps({key.rstrip("_"): value for key, value in order.items()}))

    async def until(self, is_enough: Callable[["PastPlayer"], object], within_s: float = 15.0) -> None:
        async with asyncio.timeout(within_s):
            while not is_enough(self):
                self._take(await self.socket.recv())

    async def heard(self, kind: str, **fields: object) -> Json:
        """The next text of that kind that says this; what came before it is in the story."""
        start = len(self.story)

        def found(player: "PastPlayer") -> list[Json]:
            return [text for text in player.texts(start) if text["type"] == kind and fields.items() <= text.items()]

        await self.until(found)
        return found(self)[0]

    async def rest(self, seconds: float = 0.4) -> None:
        """Until nothing came for so long."""
        with contextlib.suppress(TimeoutError):
            while True:
                async with asyncio.timeout(seconds):
                    message = await self.socket.recv()
                self._take(message)

    async def watch(self, seconds: float) -> None:
        """For so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    self._take(await self.socket.recv())

    def texts(self, start: int = 0) -> list[Json]:
        return [item for item in self.story[start:] if isinstance(item, dict)]

    def shown(self, track: int = 0, start: int = 0) -> list[Shown]:
        return [item for item in self.story[start:] if isinstance(item, Shown) and item.track == track]

    def forget(self) -> None:
        self.story.clear()

    def _take(self, message: str | bytes) -> None:
        if isinstance(message, str):
            text: Json = json.loads(message)
            if text["type"] == "init":
                self._inits[int(str(text["track"]))] = text
            if text["type"] == "clock":
                self._inits[int(str(text["track"]))] |= {"utc_at_zero": text["utc_at_zero"]}
            self.story.append(text)
            return
        track, data = message[0], message[1:]
        if track == PREVIEW:
            self.pictures.append((self.texts()[-1], data))
            return
        if data[4:8] == b"ftyp":
            self.film = data
            return
        assert data[4:8] == b"moof"
        self.film += data
        init = self._inits[track]
        (ticks,) = struct.unpack_from(">Q", data, 60)
        utc = float(str(init["utc_at_zero"])) + ticks / int(str(init["timescale"]))
        self.story.append(Shown(time.monotonic(), track, round(utc, 4), data[96:100] == b"\x02\0\0\0", data))


@asynccontextmanager
async def looking(node: MediaNode | int, ticket: str) -> AsyncIterator[PastPlayer]:
    async with watching(node, ticket) as socket:
        yield PastPlayer(socket)
