"""What does it cost to carry a camera that nobody watches? CPU for each, 1080p, 25 pictures a second, 2 Mbit/s.

.venv/bin/python -m bench.ingest [--cameras 1,4,8] [--seconds 20] [--json]

The cameras are the demo's, over RTSP on loopback, in a process of their own that is not counted. What is counted is a
process that runs the product's readers and streams: RTSP in through the relay, fragments made, ring filled; then the
same with somebody watching each of them, so that every picture is passed on at once; and, to compare, PyAV reading the
same cameras without anything of ours.
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import threading
import time
from typing import Any, Final

import av
import numpy as np
import uvloop

from belvedere.contracts.events import StreamSource
from belvedere.contracts.sessions import Quality
from belvedere.demo.clips import Clip, encode_clip
from belvedere.demo.rtsp import CameraServer
from belvedere.media.carriage import Assigned, Carriage
from belvedere.media.delivery.counters import Counters

FPS: Final = 25
WAYS: Final = ("alone", "watched", "bare")
_SETTLE_S: Final = 3
_LOOPBACK: Final = [("127.0.0.0/8", 1, 65535)]


def street(seconds: int = 4) -> Clip:
    """A still picture with a patch of noise, as large as makes about 2 Mbit/s at 1920x1080."""
    chance = np.random.default_rng(1)
    ground = np.zeros((1080, 1920, 3), np.uint8)
    ground[..., 0] = np.linspace(40, 180, 1920)
    ground[..., 1] = np.linspace(60, 160, 1080)[:, None]
    pictures = []
    for index in range(seconds * FPS):
        picture = ground.copy()
        picture[400:530, 8 * index : 8 * index + 170] = chance.integers(0, 255, (130, 170, 3), dtype=np.uint8)
        pictures.append(picture)
    return encode_clip(pictures, fps=FPS, gop=2 * FPS, qp=30, preset="ultrafast")


async def be_cameras(count: int) -> None:
    """Serve, and print where; until stdin closes."""
    clip = street()
    size = sum(len(nal) for unit in clip.units for nal in unit.nals)
    async with CameraServer() as server:
        urls = []
        for index in range(count):
            server.add(f"/{index}", clip)
            urls.append(server.url(f"/{index}"))
        print(json.dumps({"urls": urls, "mbit_s": size * 8 / clip.seconds / 1e6}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def carry(urls: list[str], seconds: int, *, watched: bool) -> dict[str, Any]:
    """Carry these cameras, and say what it cost. `watched`: as if somebody did, who is not counted."""
    counters = Counters()
    carriage = Carriage(counters, lambda _: None)
    source = [StreamSource(url=url, username="", password="", networks=_LOOPBACK) for url in urls]
    bare = _memory_mb()
    carriage.apply(Assigned((f"camera{i}", Quality.MAIN), "1", one) for i, one in enumerate(source))
    while not all(stream.is_online for stream in carriage.streams()):  # noqa: ASYNC110  outside of what is measured
        await asyncio.sleep(0.05)
    if watched:
        for stream in carriage.streams():
            stream.watched.set()
    await asyncio.sleep(_SETTLE_S)
    started, used, frames = time.monotonic(), _cpu(), counters.fragments_in
    await asyncio.sleep(seconds)
    wall = time.monotonic() - started
    result = {
        "cameras": len(urls),
        "cpu_percent_per_camera": round((_cpu() - used) / wall / len(urls) * 100, 2),
        "fps": round((counters.fragments_in - frames) / wall / len(urls), 1),
        "memory_mb_per_camera": round((_memory_mb() - bare) / len(urls), 1),
    }
    await carriage.close(5)
    return result


def read_bare(urls: list[str], seconds: int) -> dict[str, Any]:
    """The same cameras read by PyAV, a thread each, and nothing done with what comes."""
    started = threading.Event()

    def read(url: str) -> None:
        options = {"rtsp_transport": "tcp", "analyzeduration": "100000", "fflags": "nobuffer"}
        with av.open(url, "r", format="rtsp", options=options) as camera:
            for packet in camera.demux(camera.streams.video[0]):
                started.set()
                del packet

    for url in urls:
        threading.Thread(target=read, args=(url,), daemon=True).start()
    started.wait()
    time.sleep(_SETTLE_S)
    begun, used = time.monotonic(), _cpu()
    time.sleep(seconds)
    return {"cpu_percent_per_camera": round((_cpu() - used) / (time.monotonic() - begun) / len(urls) * 100, 2)}


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(cameras: int, seconds: int) -> dict[str, Any]:
    """One count of cameras, each way in a process of its own, one after the other."""
    run = [sys.executable, "-m", "bench.ingest"]
    with subprocess.Popen(
        [*run, "--be-cameras", str(cameras)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        served = json.loads(server.stdout.readline())
        found = {}
        for way in WAYS:
            carried = subprocess.run(
                [*run, "--way", way, "--carry", json.dumps(served["urls"]), "--seconds", str(seconds)],
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            found[way] = json.loads(carried.stdout.splitlines()[-1])  # after the log
        server.communicate("")  # closes its stdin: the end
    return {
        **found["alone"],
        "watched_cpu_percent_per_camera": found["watched"]["cpu_percent_per_camera"],
        "bare_pyav_cpu_percent_per_camera": found["bare"]["cpu_percent_per_camera"],
        "mbit_s": round(served["mbit_s"], 2),
    }


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cameras", default="1,4,8")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--be-cameras", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--carry", help=argparse.SUPPRESS)
    parser.add_argument("--way", choices=WAYS, default="alone", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.be_cameras:
        asyncio.run(be_cameras(chosen.be_cameras))
        return
    if chosen.carry:
        urls = json.loads(chosen.carry)
        if chosen.way == "bare":
            print(json.dumps(read_bare(urls, chosen.seconds)), flush=True)
            os._exit(0)  # its threads are inside FFmpeg, which must not be closed from elsewhere
        print(json.dumps(uvloop.run(carry(urls, chosen.seconds, watched=chosen.way == "watched"))))
        return
    rows = [measure(int(count), chosen.seconds) for count in chosen.cameras.split(",")]
    if chosen.json:
        print(json.dumps({"bench": "ingest", "size": [1920, 1080], "rows": rows}))
        return
    heads = ("cameras", "Mbit/s", "fps", "CPU % each", "watched %", "bare PyAV %", "MB each")
    print("{:>8} {:>7} {:>6} {:>11} {:>10} {:>12} {:>8}".format(*heads))
    for line in rows:
        print(
            f"{line['cameras']:>8} {line['mbit_s']:>7} {line['fps']:>6} {line['cpu_percent_per_camera']:>11} "
            f"{line['watched_cpu_percent_per_camera']:>10} {line['bare_pyav_cpu_percent_per_camera']:>12} "
            f"{line['memory_mb_per_camera']:>8}"
        )


if __name__ == "__main__":
    main()
