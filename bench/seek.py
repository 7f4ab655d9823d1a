"""How long from a seek to its picture? Half an hour of footage, and viewers who jump about in it while it plays.

.venv/bin/python -m bench.seek [--seeks 50] [--viewers 1,20] [--json]

2 Mbit/s, 25 pictures a second, a key frame every two seconds. The server, in a process of its own, is what the product
runs: archive, reading threads, and for every viewer its lease asked before each write; only ticket and bus are left
out. Time counts at the viewer, from the order to the first fragment behind its answer, and to the picture asked for:
the last one of up to fifty. The files were just written, so they are in the kernel's memory, as those of today are.
"""

import argparse
import asyncio
import json
import random
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import uvloop

from belvedere.config import free_port
from belvedere.contracts.permissions import Permission
from belvedere.contracts.sessions import Quality, SessionKind
from belvedere.demo.clips import test_clip
from belvedere.media.delivery.counters import Counters
from belvedere.media.delivery.footage_reader import FootageReader
from belvedere.media.delivery.looking import Scene
from belvedere.media.delivery.sessions import Lease
from belvedere.media.delivery.viewer import Viewer
from belvedere.media.fmp4 import Assembler, write_fragment, write_init
from belvedere.media.footage import Archive, Index, SegmentHead, Timing, TrackHead, Volume, Writer
from bench.table import print_table, row

CAMERA: Final = "0" * 26
MINUTES: Final = 30
FPS: Final = 25
GOP: Final = 2 * FPS
TICKS: Final = 90_000 // FPS
#: With this many bytes in key frames and the others it is 2 Mbit/s.
KEY, OTHER = 110_000, 7_900


def record(folder: Path) -> tuple[Archive, float]:
    """Have our writer write it: (archive, when it begins)."""
    volume = Volume.open(folder / "disk", folder / "expected.json")
    index = Index.open(volume)
    writer = Writer(volume, index, max_pending=1 << 30)
    assembler = Assembler()
    assembler.feed(b"".join(b"\0\0\0\1" + nal for nal in test_clip().units[0].nals))
    assert assembler.parameters is not None
    init = write_init(assembler.parameters, 0.0).init
    begin = int(time.time()) - 86_400
    frames = [(frame % GOP == 0, bytes(KEY if frame % GOP == 0 else OTHER)) for frame in range(GOP)]
    for minute in range(MINUTES):
        first = minute * 60 * 90_000
        start_us = (begin + minute * 60) * 1_000_000
        track = TrackHead(1, "video", "avc1.64000c", 90_000, first)
        segment = writer.begin(SegmentHead(CAMERA, Quality.MAIN, "c0ffee", 0, start_us, (track,), 1920, 1080), init)
        for number in range(60 * FPS):
            is_key, payload = frames[number % GOP]
            ticks = first + number * TICKS
            made = write_fragment(payload, sequence=number, time=ticks, duration=TICKS, is_key=is_key)
            writer.append(segment, [Timing(1, ticks, TICKS, 0, is_key)], [made.data])
        writer.finish(segment, 60_000_000)
    writer.close()
    index.flush()
    return Archive(volume, index), float(begin)


class _Door(asyncio.Protocol):
    """Everybody is let in at once, under a lease that does not end."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Look back."""
        viewer = Viewer(transport, Counters(), time.monotonic, lambda *_: None)  # type: ignore[arg-type]
        transport.set_protocol(viewer)
        lease = Lease("bench", SessionKind.PLAYBACK, Permission.PLAYBACK, deadline=float("inf"), playback_from=0.0)
        lease.advance(0)
        footage = FootageReader(self._archive, CAMERA, Quality.MAIN)
        viewer.look_back(lease, Scene(find_stream=lambda: None, footage=footage, report=lambda _: None), None)


async def serve(port: int) -> None:
    """Be our side, until stdin closes."""
    with tempfile.TemporaryDirectory(prefix="belvedere-bench-") as folder:
        archive, begin = await asyncio.to_thread(record, Path(folder))
        await asyncio.get_running_loop().create_server(lambda: _Door(archive), "127.0.0.1", port)
        print(json.dumps({"begin": begin}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


class _Player:
    """Just enough of one."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, begin: float) -> None:
        self._reader = reader
        self._writer = writer
        self._begin = begin

    async def run(self, seeks: int, chance: random.Random) -> tuple[list[float], list[float]]:
        """Milliseconds to the first fragment, and to the picture, of each seek."""
        firsts, pictures = [], []
        for n in range(1, seeks + 1):
            to = self._begin + chance.uniform(0, MINUTES * 60 - 1)
            asked = time.perf_counter()
            self._say({"type": "seek", "n": n, "to": to})
            while True:
                opcode, payload = await self._read()
                if opcode == 1 and (text := json.loads(payload))["type"] == "at" and text["n"] == n:
                    break
            first = 0.0
            while True:
                opcode, payload = await self._read()
                if opcode != 2 or payload[5:9] != b"moof":
                    continue
                first = first or time.perf_counter()
                (ticks,) = struct.unpack_from(">Q", payload, 61)
                if self._begin + (ticks + TICKS) / 90_000 > to:
                    break
            firsts.append((first - asked) * 1000)
            pictures.append((time.perf_counter() - asked) * 1000)
            await self._look(chance.uniform(0.05, 0.3))
        return firsts, pictures

    async def _look(self, seconds: float) -> None:
        """Watch what plays."""
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            await self._read()

    def _say(self, order: dict[str, Any]) -> None:
        """One masked frame; the mask is nought."""
        payload = json.dumps(order).encode()
        self._writer.write(bytes((0x81, 0x80 | len(payload))) + bytes(4) + payload)

    async def _read(self) -> tuple[int, bytes]:
        opcode, size = await self._reader.readexactly(2)
        if size >= 126:
            size = int.from_bytes(await self._reader.readexactly(2 if size == 126 else 8))
        return opcode & 0x0F, await self._reader.readexactly(size)


async def look(port: int, begin: float, viewers: int, seeks: int) -> list[dict[str, Any]]:
    """Rows of so many viewers at once."""

    async def one(number: int) -> tuple[list[float], list[float]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
        try:
            return await _Player(reader, writer, begin).run(seeks, random.Random(number))
        finally:
            writer.close()

    taken = await asyncio.gather(*(one(number) for number in range(viewers)))
    what = f"{viewers} viewer{'s' if viewers > 1 else ''}, seek →"
    return [
        row(f"{what} first fragment", [ms for firsts, _ in taken for ms in firsts]),
        row(f"{what} its picture", [ms for _, pictures in taken for ms in pictures]),
    ]


def main() -> None:
    """Measure and print; `serve PORT` is our side."""
    if sys.argv[1:2] == ["serve"]:
        uvloop.run(serve(int(sys.argv[2])))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeks", type=int, default=50)
    parser.add_argument("--viewers", default="1,20")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    port = free_port()
    rows: list[dict[str, Any]] = []
    command = [sys.executable, "-m", "bench.seek", "serve", str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        assert server.stdin
        begin = json.loads(server.stdout.readline())["begin"]
        for viewers in map(int, options.viewers.split(",")):
            rows += uvloop.run(look(port, begin, viewers, options.seeks))
        server.stdin.close()
    if options.json:
        print(json.dumps(rows))
    else:
        print_table(rows)


if __name__ == "__main__":
    main()
