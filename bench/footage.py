"""How long do repair at start and questions about coverage take, and what does writing cost? Files, not pictures.

    .venv/bin/python -m bench.footage [--segments 100000] [--cameras 20] [--seconds 10] [--json FILE]

A volume of small files in a temporary folder: names, folders and index are as in life, the pictures are few bytes. One
camera has 30 days of it. Then cameras of 25 frames a second and 2 Mbit/s are written for some seconds, and the
processor time of the whole process is taken.
"""

import argparse
import json
import logging
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from belvedere.contracts.sessions import Quality
from belvedere.demo.clips import test_clip
from belvedere.media.fmp4 import Assembler, write_fragment, write_init
from belvedere.media.footage import (
    Archive,
    Index,
    SegmentHead,
    SegmentRef,
    Timing,
    TrackHead,
    Volume,
    Writer,
    repair,
)
from belvedere.media.footage.index import FILE
from belvedere.media.footage.segment import Row, write_head, write_tail
from belvedere.media.footage.volume import file_name
from bench.table import print_table, row

BEGIN_US = 1_790_000_000_000_000
MINUTE_US = 60_000_000
A_MONTH = 30 * 24 * 60
FRAME = 3600
#: 2 Mbit/s at 25 frames a second.
FRAME_BYTES = 10_000


def camera_id(number: int) -> str:
    return f"01hzy3v8k0f3m5n7p9q1r{number:05}"


def head_of(camera: str, start_us: int, sequence: int) -> SegmentHead:
    track = TrackHead(1, "video", "avc1.64000c", 90_000, 0)
    return SegmentHead(camera, Quality.MAIN, "c0ffee", sequence, start_us, (track,), 320, 180)


def make_init() -> bytes:
    """Make ftyp and moov of a real stream."""
    assembler = Assembler()
    for unit in test_clip(seconds=1).units[:1]:
        assembler.feed(b"".join(b"\x00\x00\x00\x01" + nal for nal in unit.nals))
    assert assembler.parameters is not None
    return write_init(assembler.parameters, utc_at_zero=0.0).init


def fill(volume: Volume, segments: int, init: bytes) -> None:
    """30 days of one camera, the rest spread over others; minute by minute, each file one frame."""
    fragment = write_fragment(bytes(100), sequence=0, time=0, duration=60 * 90_000, is_key=True).data
    for number in range(segments):
        camera, minute = camera_id(number // A_MONTH), number % A_MONTH
        start_us = BEGIN_US + minute * MINUTE_US
        start = write_head(head_of(camera, start_us, number + 1), init)
        tail = write_tail([Row(1, len(start), len(fragment), 0, 60 * 90_000, 0, is_key=True)])
        content = start + fragment + tail
        ref = SegmentRef(camera, Quality.MAIN, start_us, number + 1, MINUTE_US, len(content))
        with volume.folder(camera, Quality.MAIN, start_us, create=True) as folder:
            fd = volume.disk.create_file(file_name(ref), folder)
            os.write(fd, content)
            os.close(fd)


def timed(act: Callable[[], object], times: int) -> list[float]:
    """Milliseconds of each."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        act()
        taken.append((time.perf_counter() - begun) * 1000)
    return taken


def measure_writing(folder: Path, init: bytes, cameras: int, seconds: int) -> dict[str, Any]:
    """Write at the pace of life; processor time of all threads, a camera, in per cent of a core."""
    volume = Volume.open(folder / "written", folder / "written.json")
    index = Index.open(volume)
    writer = Writer(volume, index)
    now_us = time.time_ns() // 1000
    segments = [writer.begin(head_of(camera_id(n), now_us, 0), init) for n in range(cameras)]
    fragment = write_fragment(os.urandom(FRAME_BYTES), sequence=0, time=0, duration=FRAME, is_key=True).data
    before, begun = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    slowest = 0.0
    for frame in range(seconds * 25):
        timing = Timing(1, frame * FRAME, FRAME, 0, frame % 50 == 0)
        for segment in segments:
            since = time.perf_counter()
            assert writer.append(segment, [timing], [fragment]), segment.error
            slowest = max(slowest, time.perf_counter() - since)
        time.sleep(max(0.0, begun + (frame + 1) / 25 - time.monotonic()))
    after = resource.getrusage(resource.RUSAGE_SELF)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    writer.close()
    index.close()
    volume.close()
    return {
        "cameras": cameras,
        "percent_of_a_core_each": round(100 * spent / (time.monotonic() - begun) / cameras, 3),
        "slowest_append_ms": round(slowest * 1000, 2),
    }


def main() -> None:
    """Lay files down, ask, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segments", type=int, default=100_000)
    parser.add_argument("--cameras", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    init = make_init()
    with tempfile.TemporaryDirectory(prefix="belvedere-bench-") as name:
        folder = Path(name)
        volume = Volume.open(folder / "disk", folder / "expected.json")
        fill(volume, options.segments, init)
        index = Index.open(volume)
        rows = [row("repair, the index is lost", timed(lambda: repair(volume, index), 1))]
        assert len(index.everything()) == options.segments
        index.is_new = False
        rows.append(row("repair, all is well", timed(lambda: repair(volume, index), 3)))
        index.close()
        index = Index.open(volume)  # as after a start: nothing of it is in memory yet
        archive = Archive(volume, index)
        end_us = BEGIN_US + A_MONTH * MINUTE_US
        first = timed(lambda: archive.spans(camera_id(0), BEGIN_US, end_us), 1)
        rows.append(row("coverage of 30 days, asked first", first))
        asked = timed(lambda: archive.spans(camera_id(0), BEGIN_US, end_us), 200)
        rows.append(row("coverage of 30 days, from then on", asked))
        rows.append(row("holdings of all cameras", timed(archive.holdings, 5)))
        refs = archive.segments(camera_id(0), None, BEGIN_US, BEGIN_US + 200 * MINUTE_US)
        tables = iter(refs)
        rows.append(row("a table that was not read before", timed(lambda: archive.table(next(tables)), 200)))
        size = (volume.path / FILE).stat().st_size
        index.close()
        volume.close()
        writing = measure_writing(folder, init, options.cameras, options.seconds)
    print(f"{options.segments} segments, an index of {size / 1e6:.1f} MB\n")
    print_table(rows)
    print(f"\nwriting 2 Mbit/s: {writing}")
    if options.json:
        options.json.write_text(json.dumps({"segments": options.segments, "rows": rows, "writing": writing}, indent=1))


if __name__ == "__main__":
    main()
