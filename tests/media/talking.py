"""A page's end of the talk socket, by somebody else's WebSocket client; and what a camera heard, as samples."""

import asyncio
import itertools
import json
import math
import struct
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

import av
from websockets.asyncio.client import ClientConnection, connect

from belvedere.contracts.permissions import Permission
from belvedere.contracts.sessions import SessionKind
from belvedere.demo.backchannel import Ear
from belvedere.media.node import MediaNode
from belvedere.media.talk.tone import tone
from media.little_control import LittleControl
from media.player import Json

#: 20 ms at 8 kHz
BLOCK = 320


def talk_ticket(control: LittleControl, camera: str = "yard", **fields: object) -> str:
    """Of somebody who may talk."""
    fields = {"permissions": int(Permission.LIVE_VIEW | Permission.TALK), "kind": SessionKind.TALK.value} | fields
    return control.ticket(camera, **fields)


@asynccontextmanager
async def talking(node: MediaNode | int, ticket: str) -> AsyncIterator[ClientConnection]:
    port = node if isinstance(node, int) else node.port
    async with connect(f"ws://127.0.0.1:{port}/media/v1/talk?ticket={ticket}", compression=None) as socket:
        yield socket


async def until(socket: ClientConnection, kind: str) -> list[Json]:
    """What is said up to a text of this kind, it included."""
    texts: list[Json] = []
    async with asyncio.timeout(15):
        while not texts or texts[-1]["type"] != kind:
            texts.append(json.loads(await socket.recv()))
    return texts


async def until_so(condition: Callable[[], object], within_s: float = 20.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.01)


async def speak(socket: ClientConnection, pcm: bytes, *, block: int = BLOCK, every_s: float = 0.02) -> None:
    """As a microphone does: a little at a time; where the machine was away, nothing is made up for in haste."""
    clock = asyncio.get_running_loop().time
    due = clock()
    for at in range(0, len(pcm), block):
        await asyncio.sleep(max(0.0, due - clock()))
        await socket.send(pcm[at : at + block])
        due = max(due + every_s, clock())


def speech(seconds: float, rate: int = 8000) -> bytes:
    """A tone of its own, none of the samples near zero: what is missing is seen."""
    count = int(seconds * rate)
    return struct.pack(f"<{count}h", *(int(9000 + 6000 * math.sin(2 * math.pi * 500 * n / rate)) for n in range(count)))


def decoded(data: bytes, codec: str) -> list[int]:
    """Samples of G.711, by FFmpeg."""
    context = av.CodecContext.create(codec, "r")
    assert isinstance(context, av.AudioCodecContext)
    context.sample_rate, context.layout = 8000, "mono"
    frames = context.decode(av.Packet(data))
    return list(struct.unpack(f"<{len(data)}h", b"".join(bytes(frame.planes[0]) for frame in frames)[: 2 * len(data)]))


def after_tone(ear: Ear, codec: str = "pcm_mulaw") -> list[int]:
    """What a camera heard behind the tone."""
    return decoded(ear.heard, codec)[len(tone(8000)) // 2 :]


def is_alike(heard: Sequence[int], said: bytes) -> bool:
    """Sample for sample, as near as G.711 has it: a sixteenth of the value, at the most."""
    samples = struct.unpack(f"<{len(said) // 2}h", said)
    return len(heard) == len(samples) and all(
        abs(there - here) <= 8 + abs(here) / 16 for there, here in zip(heard, samples, strict=True)
    )


def gaps(values: Iterable[int], bits: int) -> list[int]:
    """From each to the next, round the corner of so many bits."""
    return [(after - before) % (1 << bits) for before, after in itertools.pairwise(values)]
