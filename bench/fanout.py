"""What does it cost to send one fragment to one more viewer? Our delivery beside a loop in C, in one run.

.venv/bin/python -m bench.fanout [--viewers 50,200,500] [--rounds 3] [--seconds 6] [--json]

8 KiB, 30 times a second: 2 Mbit/s a viewer. Both servers run on the first core, the readers (C as well) on the last.
Ours is what the product runs: a stream, its walk in slices, and for every viewer its lease asked before each write;
only ticket and bus are left out. The cost is the server's CPU time (user and system) through its number of sends.
"""

import argparse
import asyncio
import json
import os
import resource
import statistics
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
from belvedere.media.delivery.counters import Counters
from belvedere.media.delivery.sessions import Lease
from belvedere.media.delivery.stream import LiveStream
from belvedere.media.delivery.viewer import Viewer
from belvedere.media.fmp4 import Fragment, Track

SIZE: Final = 8192
FPS: Final = 30
#: A key frame every two seconds.
GOP: Final = 60
_SETTLE_S: Final = 1


class _Door(asyncio.Protocol):
    """Everybody is let in at once, under a lease that does not end."""

    def __init__(self, stream: LiveStream, counters: Counters) -> None:
        self._stream = stream
        self._counters = counters

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Watch."""
        viewer = Viewer(transport, self._counters, time.monotonic, lambda *_: None)  # type: ignore[arg-type]
        transport.set_protocol(viewer)
        lease = Lease("bench", SessionKind.LIVE, Permission.LIVE_VIEW, deadline=float("inf"))
        lease.advance(0)
        viewer.watch(self._stream, lease)


async def serve(port: int, viewers: int, seconds: int) -> dict[str, Any]:
    """Be our side: the same words as `fanout serve`."""
    counters = Counters()
    stream = LiveStream("bench", Quality.MAIN, counters)
    stream.receive([Track("video", "avc1.640028", 1280, 720, 90_000, 0.0, b"\0" * 750)])
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: _Door(stream, counters), "127.0.0.1", port, backlog=1024)
    print("ready", flush=True)
    while stream.watching < viewers:  # noqa: ASYNC110  outside of what is measured
        await asyncio.sleep(0.01)
    payload = b"\0" * (SIZE - 5)  # with the head of the message and the track number: SIZE on the wire
    started, used, sent = time.monotonic(), _cpu(), counters.fragments_out
    for index in range(seconds * FPS):
        stream.receive([Fragment(payload, index % GOP == 0, index * 3000, 3000)])
        await asyncio.sleep(max(0.0, started + (index + 1) / FPS - time.monotonic()))
    return {
        "sends": counters.fragments_out - sent,
        "late": counters.skipped,
        "cpu_s": _cpu() - used,
        "wall_s": time.monotonic() - started,
    }


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure(binary: Path, who: str, viewers: int, seconds: int) -> dict[str, Any]:
    """One server, its readers, and what it used."""
    cores = sorted(os.sched_getaffinity(0))
    port = free_port()
    ours = [sys.executable, "-m", "bench.fanout", "--serve", str(port), str(viewers), str(seconds)]
    floor = [str(binary), "serve", *map(str, (port, viewers, SIZE, FPS, seconds))]
    server = subprocess.Popen(
        ours if who == "belvedere" else floor,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores[:1]),  # noqa: PLW1509  one thread only
    )
    assert server.stdout is not None
    server.stdout.readline()  # ready
    readers = subprocess.Popen(
        [str(binary), "drain", *map(str, (port, viewers, seconds + _SETTLE_S))],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores[-1:]),  # noqa: PLW1509
    )
    result: dict[str, Any] = json.loads(server.stdout.readline())
    server.wait()
    taken = json.loads(readers.communicate()[0])
    wanted = viewers * FPS * seconds
    return {
        "who": who,
        "viewers": viewers,
        "us_per_send": result["cpu_s"] / result["sends"] * 1e6,
        "cpu_percent": result["cpu_s"] / result["wall_s"] * 100,
        "delivered_percent": min(100.0, taken["bytes"] / SIZE / wanted * 100),
    }


def compare(viewers: list[int], rounds: int, seconds: int) -> list[dict[str, Any]]:
    """Both servers in turn, each count of viewers, several rounds; medians."""
    with tempfile.TemporaryDirectory() as folder:
        binary = Path(folder) / "fanout"
        source = Path(__file__).with_name("fanout.c")
        subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-o", str(binary), str(source)], check=True)
        taken = [
            measure(binary, who, count, seconds)
            for _ in range(rounds)
            for count in viewers
            for who in ("c", "belvedere")
        ]
    rows = []
    for count in viewers:
        line: dict[str, Any] = {"viewers": count}
        for who in ("c", "belvedere"):
            mine = [one for one in taken if (one["who"], one["viewers"]) == (who, count)]
            for what in ("us_per_send", "cpu_percent", "delivered_percent"):
                line[f"{who}_{what}"] = round(statistics.median(one[what] for one in mine), 1)
        line["ratio"] = round(line["belvedere_us_per_send"] / line["c_us_per_send"], 2)
        rows.append(line)
    return rows


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--viewers", default="50,200,500")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", nargs=3, type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        print(json.dumps(uvloop.run(serve(*chosen.serve))), flush=True)
        os._exit(0)  # the readers are still connected, and nothing is left to be said
    rows = compare([int(count) for count in chosen.viewers.split(",")], chosen.rounds, chosen.seconds)
    if chosen.json:
        print(json.dumps({"bench": "fanout", "bytes": SIZE, "fps": FPS, "rows": rows}))
        return
    heads = ("viewers", "C µs/send", "ours µs/send", "ratio", "C CPU %", "ours CPU %", "got %")
    print("{:>8} {:>10} {:>13} {:>6} {:>8} {:>11} {:>6}".format(*heads))
    for line in rows:
        print(
            f"{line['viewers']:>8} {line['c_us_per_send']:>10} {line['belvedere_us_per_send']:>13} {line['ratio']:>6} "
            f"{line['c_cpu_percent']:>8} {line['belvedere_cpu_percent']:>11} {line['belvedere_delivered_percent']:>6}"
        )


if __name__ == "__main__":
    main()
