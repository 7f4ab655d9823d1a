"""What does an export of an hour cost? Time, speed and memory, beside FFmpeg copying the same segments into a file.

.venv/bin/python -m bench.export [--minutes 60] [--rounds 3] [--json]

The footage is a clip of 1080p25 at some 2 Mbit/s, written over and over by the functions the recorder uses, one segment
a minute. Ours is what the product runs from the secret in a path on: the layout, the lease asked for each chunk, the
digest taken beside it; only ticket and bus are left out. The other side is FFmpeg's concatenation without transcoding
(`ffmpeg -c copy -movflags +faststart`), through PyAV: it writes the file that ours never does. Files are in the page
cache for both; `read` is the floor: the same bytes, read and thrown away.
"""

import argparse
import asyncio
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import av
import uvloop

from belvedere.config import free_port
from belvedere.contracts.permissions import Permission
from belvedere.contracts.recordings import Span
from belvedere.contracts.sessions import LeaseState, OpenReply, Quality, SessionKind
from belvedere.media.delivery.counters import Counters
from belvedere.media.delivery.downloads import Download
from belvedere.media.delivery.http_sessions import Grant, HttpSessions
from belvedere.media.delivery.request_head import parse_head
from belvedere.media.delivery.sessions import Lease
from belvedere.media.fmp4 import Assembler, write_fragment, write_init
from belvedere.media.footage import Archive, Index, Row, SegmentHead, SegmentRef, TrackHead, Volume
from belvedere.media.footage.segment import write_head, write_tail
from belvedere.media.footage.volume import file_name
from bench.ingest import street

CAMERA: Final = "0" * 26
FRAME: Final = 3600
SEGMENT_S: Final = 60
_SECOND_US: Final = 1_000_000


class _Unheard:
    """Where control would be: notes when the digest was there."""

    def __init__(self) -> None:
        self.digest_at = 0.0

    def progress(self, session: str, sent: int, total: int) -> None:
        """Once a second."""

    async def finished(self, session: str, sha256: str, size: int, spans: list[Span]) -> bool:
        """The digest is there."""
        del session, sha256, size, spans
        self.digest_at = time.monotonic()
        return True


def lay(folder: Path, minutes: int) -> list[Path]:
    """Write the footage; the segments' files, in order."""
    volume = Volume.open(folder / "footage", folder / "expected.json")
    index = Index.open(volume)
    assembler = Assembler()
    units = [assembler.feed(b"".join(b"\0\0\0\1" + nal for nal in unit.nals)) for unit in street().units]
    assert assembler.parameters is not None
    track = write_init(assembler.parameters, utc_at_zero=0.0)
    first_us = (int(time.time()) - 7200 - minutes * 60) * _SECOND_US
    paths = []
    for minute in range(minutes):
        first_tick = minute * SEGMENT_S * 90_000
        start_us = first_us + minute * SEGMENT_S * _SECOND_US
        tracks = (TrackHead(1, "video", track.codec, 90_000, first_tick),)
        head = SegmentHead(CAMERA, Quality.MAIN, "c0ffee", minute + 1, start_us, tracks, track.width, track.height)
        parts = [write_head(head, track.init)]
        at = len(parts[0])
        rows = []
        for number in range(SEGMENT_S * 25):
            unit = units[number % len(units)]
            assert unit is not None
            ticks = first_tick + number * FRAME
            data = write_fragment(unit.payload, sequence=number, time=ticks, duration=FRAME, is_key=unit.is_key).data
            rows.append(Row(1, at, len(data), ticks, FRAME, 0, unit.is_key))
            parts.append(data)
            at += len(data)
        parts.append(write_tail(rows))
        content = b"".join(parts)
        ref = SegmentRef(CAMERA, Quality.MAIN, start_us, minute + 1, SEGMENT_S * _SECOND_US, len(content))
        with volume.folder(CAMERA, "main", start_us, create=True) as opened:
            path = Path(f"/proc/self/fd/{opened}").resolve() / file_name(ref)
        path.write_bytes(content)
        paths.append(path)
        index.add([ref]).result()
    index.close()
    volume.close()
    return paths


async def serve(folder: Path, port: int) -> dict[str, Any]:
    """Be our side: the path of the secret on stdout, then until stdin closes."""
    volume = Volume.open(folder / "footage", folder / "expected.json")
    archive = Archive(volume, Index.open(volume))
    (span,) = archive.spans(CAMERA, 0, 2**62)
    state = LeaseState(session="bench", permissions=int(Permission.EXPORT), export_from=0.0)
    lease = Lease("bench", SessionKind.EXPORT, Permission.EXPORT, deadline=float("inf"), export_from=0.0)
    lease.advance(0)
    reply = OpenReply(state, CAMERA, SessionKind.EXPORT, Quality.MAIN, span[0] / 1e6, span[1] / 1e6)
    sessions = HttpSessions(Counters(), lambda *_: None)
    control = _Unheard()

    class Door(asyncio.Protocol):
        """Reads a head, and hands over."""

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            """Wait for the head."""
            self._transport = transport

        def data_received(self, data: bytes) -> None:
            """All of it, on loopback."""
            head = parse_head(data)
            assert head is not None
            sessions.serve(self._transport, head)  # type: ignore[arg-type]  # uvloop's

    loop = asyncio.get_running_loop()
    await loop.create_server(Door, "127.0.0.1", port)
    before = _memory("VmRSS")
    while True:
        # A session for each round: each is laid out, and its digest taken, anew.
        grant = Grant("bench", lease, reply, time.monotonic)
        session, path = sessions.begin(grant, Download(grant, archive, control))  # type: ignore[arg-type]  # control's
        began = time.monotonic()
        print(path, flush=True)
        if not await loop.run_in_executor(None, sys.stdin.readline):
            return {"mb_grown": round((_memory("VmHWM") - before) / 1024, 1)}
        while control.digest_at < began:  # noqa: ASYNC110  outside of what is measured
            await asyncio.sleep(0.05)
        print(json.dumps({"digest_s": control.digest_at - began}), flush=True)
        session.cut(0, "done")


def _memory(what: str) -> int:
    """KiB of this process: VmRSS now, or VmHWM at most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(what)))


def download(port: int, path: str) -> tuple[float, float, int]:
    """(seconds to the first byte, to the last, bytes)."""
    began = time.monotonic()
    first = 0.0
    count = 0
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
        while data := sock.recv(1 << 20):
            first = first or time.monotonic() - began
            count += len(data)
    return first, time.monotonic() - began, count


def copy(paths: list[Path], target: Path) -> float:
    """FFmpeg's way: packets of all segments, one behind the other, into one file with moov in front."""
    began = time.monotonic()
    with av.open(str(target), "w", options={"movflags": "+faststart"}) as out:
        stream = None
        for packet in _packets(paths):
            if stream is None:
                stream = out.add_stream_from_template(packet.stream)
            packet.stream = stream
            out.mux(packet)
    return time.monotonic() - began


def _packets(paths: list[Path]) -> Iterator["av.Packet[Any]"]:
    for path in paths:
        with av.open(str(path), "r") as container:
            for packet in container.demux(video=0):
                if packet.size:
                    yield packet


def read(paths: list[Path]) -> float:
    """The floor."""
    began = time.monotonic()
    for path in paths:
        with path.open("rb", buffering=0) as file:
            while file.read(256 * 1024):
                pass
    return time.monotonic() - began


def compare(minutes: int, rounds: int) -> dict[str, Any]:
    """All ways in turn, several rounds; medians."""
    taken: dict[str, list[float]] = {"first_s": [], "export_s": [], "digest_s": [], "copy_s": [], "read_s": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = lay(folder, minutes)
        port = free_port()
        words = [sys.executable, "-m", "bench.export", "--serve", name, str(port)]
        server = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert server.stdin is not None
        assert server.stdout is not None
        size = 0
        for _ in range(rounds):
            taken["read_s"].append(read(paths))
            first, whole, size = download(port, server.stdout.readline().strip())
            taken["first_s"].append(first)
            taken["export_s"].append(whole)
            print(file=server.stdin, flush=True)
            taken["digest_s"].append(json.loads(server.stdout.readline())["digest_s"])
            taken["copy_s"].append(copy(paths, folder / "copy.mp4"))
        server.stdout.readline()
        server.stdin.close()
        grown = json.loads(server.stdout.readline())
        server.wait()
    result: dict[str, Any] = {what: round(statistics.median(times), 2) for what, times in taken.items()}
    mb = size / 1e6
    return {
        "minutes": minutes,
        "mb": round(mb),
        **result,
        "export_mb_s": round(mb / result["export_s"]),
        "read_mb_s": round(mb / result["read_s"]),
        "copy_to_export": round(result["copy_s"] / result["export_s"], 1),
        **grown,
    }


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        print(json.dumps(uvloop.run(serve(Path(chosen.serve[0]), int(chosen.serve[1])))), flush=True)
        return
    result = compare(chosen.minutes, chosen.rounds)
    if chosen.json:
        print(json.dumps({"bench": "export", "rows": [result]}))
        return
    for what, value in result.items():
        print(f"{what:16} {value:>10}")


if __name__ == "__main__":
    main()
