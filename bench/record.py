"""What does it cost to carry a camera and record it? CPU for each, 1080p, 25 pictures a second, 2 Mbit/s.

.venv/bin/python -m bench.record [--cameras 1,4,8] [--seconds 30] [--folder DISK] [--json]

The cameras are those of bench.ingest, over RTSP on loopback, in a process of their own that is not counted. Counted is
a process that carries them, then one that records them too, then one that records their sound as well; and, to compare,
PyAV (FFmpeg's libraries) that reads the same cameras and remuxes them with FFmpeg's segment muxer: fragmented MP4 of
60 s with a fragment for each picture, as ours; and plain MP4 of 60 s, which a kill -9 loses whole. No relay, no ring,
no index, no fsync in either.
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import av
import uvloop

from belvedere.contracts.events import StreamSource
from belvedere.contracts.recordings import RecordingPlan, RecordMode
from belvedere.contracts.sessions import Quality
from belvedere.demo.rtsp import CameraServer
from belvedere.demo.sound import tone
from belvedere.media.carriage import Assigned, Carriage
from belvedere.media.delivery.counters import Counters
from belvedere.media.footage import Archive, Index, Volume, Writer
from belvedere.media.footage.recorder import Recorder
from bench.ingest import street

WAYS: Final = ("carried", "recorded", "with_sound", "pyav_fragments", "pyav_plain")
_SETTLE_S: Final = 3
_SEGMENT_S: Final = 60
_LOOPBACK: Final = [("127.0.0.0/8", 1, 65535)]
_FRAGMENTS: Final = "movflags=frag_every_frame+empty_moov+default_base_moof"


async def be_cameras(count: int) -> None:
    """Serve picture and sound, and print where; until stdin closes."""
    clip = street()
    size = sum(len(nal) for unit in clip.units for nal in unit.nals)
    async with CameraServer() as server:
        urls = []
        for number in range(count):
            server.add(f"/{number}", clip, audio=tone())
            urls.append(server.url(f"/{number}"))
        print(json.dumps({"urls": urls, "mbit_s": size * 8 / clip.seconds / 1e6}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


def camera_id(number: int) -> str:
    return f"01hzy3v8k0f3m5n7p9q1r{number:05}"


async def carry(urls: Sequence[str], seconds: int, folder: Path, way: str) -> dict[str, Any]:
    """Carry these cameras, record them if that is the way, and say what it cost."""
    counters = Counters()
    carriage = Carriage(counters, lambda _: None)
    volume = Volume.open(folder / "disk", folder / "expected.json")
    index = Index.open(volume)
    writer = Writer(volume, index)
    bare = _memory_mb()
    carriage.apply(
        Assigned((camera_id(number), Quality.MAIN), "1", StreamSource(url, "", "", _LOOPBACK))
        for number, url in enumerate(urls)
    )
    recorders = [
        Recorder(stream, RecordingPlan(stream.camera, RecordMode.CONTINUOUS, with_audio=way == "with_sound"), writer)
        for stream in carriage.streams()
        if way != "carried"
    ]
    for recorder in recorders:
        recorder.start()
    while not all(stream.is_online for stream in carriage.streams()):  # noqa: ASYNC110  outside of what is measured
        await asyncio.sleep(0.05)
    await asyncio.sleep(_SETTLE_S)
    used, begun = _cpu(), time.monotonic()
    await asyncio.sleep(seconds)
    result = _cost(used, begun, bare, len(urls))
    for recorder in recorders:
        assert recorder.is_recording, recorder.error
        recorder.stop()
    await carriage.close(5)
    writer.close()
    archive = Archive(volume, index)
    if recorders:
        spans = archive.spans(camera_id(0), 0, 2**62)
        result["recorded_s"] = sum(end - start for start, end in spans) / 1e6
    index.close()
    volume.close()
    return result


def remux(urls: Sequence[str], seconds: int, folder: Path, way: str) -> dict[str, Any]:
    """The same cameras read by PyAV and remuxed by FFmpeg's segment muxer, a thread each."""
    started = threading.Barrier(len(urls) + 1)
    options = {"segment_time": str(_SEGMENT_S), "segment_format": "mp4", "reset_timestamps": "1"}
    if way == "pyav_fragments":
        options["segment_format_options"] = _FRAGMENTS

    def read(number: int, url: str) -> None:
        reading = {"rtsp_transport": "tcp", "analyzeduration": "100000", "fflags": "nobuffer"}
        pattern = str(folder / f"{number}-%05d.mp4")
        with (
            av.open(url, "r", format="rtsp", options=reading) as camera,
            av.open(pattern, "w", format="segment", options=options) as muxer,
        ):
            copied = muxer.add_stream_from_template(camera.streams.video[0])
            is_first = True
            for packet in camera.demux(camera.streams.video[0]):
                if packet.dts is None or (is_first and not packet.is_keyframe):
                    continue
                packet.stream = copied
                muxer.mux(packet)
                if is_first:
                    started.wait()
                is_first = False

    bare = _memory_mb()
    for number, url in enumerate(urls):
        threading.Thread(target=read, args=(number, url), daemon=True).start()
    started.wait()
    time.sleep(_SETTLE_S)
    used, begun = _cpu(), time.monotonic()
    time.sleep(seconds)
    return _cost(used, begun, bare, len(urls))


def _cost(used: float, begun: float, bare: float, cameras: int) -> dict[str, Any]:
    spent, wall = _cpu() - used, time.monotonic() - begun
    return {
        "percent": round(spent / wall / cameras * 100, 2),
        "memory_mb": round((_memory_mb() - bare) / cameras, 1),
        "rss_mb": round(_memory_mb()),
    }


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(cameras: int, seconds: int, folder: Path | None) -> dict[str, Any]:
    """One count of cameras, each way in a process of its own, one after the other."""
    run = [sys.executable, "-m", "bench.record"]
    found: dict[str, Any] = {"cameras": cameras}
    with subprocess.Popen(
        [*run, "--be-cameras", str(cameras)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        served = json.loads(server.stdout.readline())
        for way in WAYS:
            with tempfile.TemporaryDirectory(prefix="belvedere-bench-", dir=folder) as name:
                urls = json.dumps(served["urls"])
                done = subprocess.run(
                    [*run, "--way", way, "--carry", urls, "--seconds", str(seconds), "--folder", name],
                    stdout=subprocess.PIPE,
                    text=True,
                    check=True,
                )
            found[way] = json.loads(done.stdout.splitlines()[-1])  # after the log
        server.communicate("")  # closes its stdin: the end
    return {**found, "mbit_s": round(served["mbit_s"], 2)}


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cameras", default="1,4,8")
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--folder", type=Path, default=None, help="on the disk to record to")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--be-cameras", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--carry", help=argparse.SUPPRESS)
    parser.add_argument("--way", choices=WAYS, default="recorded", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.be_cameras:
        asyncio.run(be_cameras(chosen.be_cameras))
        return
    if chosen.carry:
        urls = json.loads(chosen.carry)
        if chosen.way.startswith("pyav"):
            print(json.dumps(remux(urls, chosen.seconds, chosen.folder, chosen.way)), flush=True)
            os._exit(0)  # its threads are inside FFmpeg, which must not be closed from elsewhere
        print(json.dumps(uvloop.run(carry(urls, chosen.seconds, chosen.folder, chosen.way))))
        return
    rows = [measure(int(count), chosen.seconds, chosen.folder) for count in chosen.cameras.split(",")]
    if chosen.json:
        print(json.dumps({"bench": "record", "size": [1920, 1080], "rows": rows}))
        return
    print("CPU % of a core for each camera, and memory in MB for each\n")
    print(f"{'cameras':>8} {'Mbit/s':>7}" + "".join(f" {way:>20}" for way in WAYS))
    for line in rows:
        cells = (f"{line[way]['percent']} % {line[way]['memory_mb']} MB" for way in WAYS)
        print(f"{line['cameras']:>8} {line['mbit_s']:>7}" + "".join(f" {cell:>20}" for cell in cells))


if __name__ == "__main__":
    main()
