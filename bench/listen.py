"""What does it cost to listen, and how far is sound behind its picture? The same cameras without, in the same run.

.venv/bin/python -m bench.listen [--cameras 1,4,8] [--seconds 20] [--json]

The cameras are the demo's, 1080p at 25 pictures a second with G.711, over RTSP on loopback, in a process of their own
that is not counted. What is counted is a process that runs the product's readers and streams, watched: with no sound;
with sound as it is, for who hears it live; and with sound as AAC, for footage and HLS. How far sound is behind is told
by when it comes and which instant it says it is of, beside the same of the pictures; a player's buffer comes on top.
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any, Final

import uvloop

from belvedere.contracts.events import StreamSource
from belvedere.contracts.sessions import Quality
from belvedere.demo.rtsp import CameraServer
from belvedere.demo.sound import tone
from belvedere.media.carriage import Assigned, Carriage
from belvedere.media.delivery.counters import Counters
from belvedere.media.delivery.stream import CurrentTrack, LiveStream
from belvedere.media.fmp4 import Fragment, Track
from belvedere.media.fmp4.joining import VIDEO
from belvedere.media.sources import SourceEvent
from bench.ingest import street

WAYS: Final = ("silent", "heard", "coded")
_SETTLE_S: Final = 3
_LOOPBACK: Final = [("127.0.0.0/8", 1, 65535)]


class Ear:
    """Hears, and does nothing with it."""

    def hear(self, sounding: CurrentTrack, wire: bytes) -> None:
        """Take some sound."""


async def be_cameras(count: int) -> None:
    """Serve, and print where; until stdin closes."""
    clip, sound = street(), tone()
    async with CameraServer() as server:
        for index in range(count):
            server.add(f"/{index}", clip, audio=sound)
        print(json.dumps([server.url(f"/{index}") for index in range(count)]), flush=True)
        await asyncio.to_thread(sys.stdin.read)


def clock_of(ages: dict[bool, list[float]]) -> Callable[[list[SourceEvent]], None]:
    """A tap of a stream. `ages`: whether it is sound → how old what came was by its own account, in milliseconds."""
    track: dict[bool, Track] = {}

    def take(events: list[SourceEvent]) -> None:
        now = time.time()
        for event in events:
            if isinstance(event, Track):
                track[event.number != VIDEO] = event
            elif isinstance(event, Fragment) and (its := track.get(event.track != VIDEO)):
                ages[event.track != VIDEO].append((now - its.utc_at_zero - event.time / its.timescale) * 1000)

    return take


async def carry(urls: list[str], seconds: int, way: str) -> dict[str, Any]:
    """Carry these cameras, and say what it cost."""
    carriage = Carriage(Counters(), lambda _: None)
    sources = [StreamSource(url=url, username="", password="", networks=_LOOPBACK) for url in urls]
    ages: dict[bool, list[float]] = {False: [], True: []}
    carriage.apply(Assigned((f"camera{i}", Quality.MAIN), "1", source) for i, source in enumerate(sources))
    for stream in carriage.streams():
        want(stream, way)
        stream.taps.append(clock_of(ages))
    while not all(stream.is_online for stream in carriage.streams()):  # noqa: ASYNC110  outside of what is measured
        await asyncio.sleep(0.05)
    await asyncio.sleep(_SETTLE_S)
    for each in ages.values():
        each.clear()
    started, used = time.monotonic(), _cpu()
    await asyncio.sleep(seconds)
    cost = (_cpu() - used) / (time.monotonic() - started) / len(urls) * 100
    await carriage.close(5)
    return {
        "cpu_percent_per_camera": round(cost, 2),
        "behind_picture_ms": round(median(ages[True]) - median(ages[False])) if ages[True] else None,
    }


def want(stream: LiveStream, way: str) -> None:
    """Watch it; and in two of the ways, listen."""
    stream.watched.set()
    if way == "heard":
        stream.join_hearers(Ear())
    elif way == "coded":
        stream.listened.add(stream)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure(cameras: int, seconds: int) -> dict[str, Any]:
    """One count of cameras, each way in a process of its own, one after the other."""
    run = [sys.executable, "-m", "bench.listen"]
    with subprocess.Popen(
        [*run, "--be-cameras", str(cameras)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        urls = json.loads(server.stdout.readline())
        found: dict[str, Any] = {"cameras": cameras}
        for way in WAYS:
            carried = subprocess.run(
                [*run, "--way", way, "--carry", json.dumps(urls), "--seconds", str(seconds)],
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            found[way] = json.loads(carried.stdout.splitlines()[-1])  # after the log
        server.communicate("")  # closes its stdin: the end
    return found


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cameras", default="1,4,8")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--be-cameras", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--carry", help=argparse.SUPPRESS)
    parser.add_argument("--way", choices=WAYS, default="silent", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.be_cameras:
        asyncio.run(be_cameras(chosen.be_cameras))
        return
    if chosen.carry:
        print(json.dumps(uvloop.run(carry(json.loads(chosen.carry), chosen.seconds, chosen.way))))
        return
    rows = [measure(int(count), chosen.seconds) for count in chosen.cameras.split(",")]
    if chosen.json:
        print(json.dumps({"bench": "listen", "rows": rows}))
        return
    print(f"{'cameras':>8} {'silent %':>9} {'heard %':>9} {'AAC %':>9} {'heard behind ms':>16} {'AAC behind ms':>14}")
    for row in rows:
        costs = [row[way]["cpu_percent_per_camera"] for way in WAYS]
        lags = [row[way]["behind_picture_ms"] for way in WAYS[1:]]
        print(f"{row['cameras']:>8} {costs[0]:>9} {costs[1]:>9} {costs[2]:>9} {lags[0]:>16} {lags[1]:>14}")


if __name__ == "__main__":
    main()
