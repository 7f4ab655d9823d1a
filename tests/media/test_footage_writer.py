"""Writing footage on good days and on bad ones: a full disk, a slow one, one that fails."""

import errno
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import override

import pytest

from belvedere.media.footage import Archive, Index, OpenSegment, SegmentError, Timing, Volume, Writer, repair
from belvedere.media.footage.disk import Disk
from belvedere.media.footage.writer import BACKOFF_S, DISK_FAILED, DISK_FULL, DISK_SLOW
from media.film import CAMERA, NOON_US, OTHER, SECOND_US, Film, film, head_of, listing


class MoodyDisk(Disk):
    """A disk that is slow, or fails, when a test says so."""

    def __init__(self) -> None:
        self.is_stuck = threading.Event()
        self.error = 0
        self.fails = {"write"}
        self.synced = 0

    def _suffer(self, act: str) -> None:
        while self.is_stuck.is_set():
            time.sleep(0.01)
        if self.error and act in self.fails:
            raise OSError(self.error, os.strerror(self.error))

    @override
    def write(self, fd: int, pieces: Sequence[bytes | memoryview], at: int) -> None:
        self._suffer("write")
        super().write(fd, pieces, at)

    @override
    def sync(self, fd: int) -> None:
        self._suffer("sync")
        super().sync(fd)

    @override
    def sync_data(self, fd: int) -> None:
        self._suffer("sync")
        self.synced += 1
        super().sync_data(fd)

    @override
    def rename(self, old: str, new: str, folder: int) -> None:
        self._suffer("rename")
        super().rename(old, new, folder)


class Desk:
    """A volume with all that belongs to it, and a clock that a test turns."""

    def __init__(self, folder: Path, max_pending: int = 1 << 20) -> None:
        self.disk = MoodyDisk()
        self.now = 100.0
        self.volume = Volume.open(folder / "disk", folder / "expected.json", self.disk)
        self.index = Index.open(self.volume)
        self.writer = Writer(self.volume, self.index, lambda: self.now, max_pending=max_pending)
        self.archive = Archive(self.volume, self.index, self.writer)

    def close(self) -> None:
        self.disk.is_stuck.clear()
        self.disk.error = 0
        self.writer.close()
        self.index.close()
        self.volume.close()

    def spans(self, camera: str = CAMERA) -> list[tuple[float, float]]:
        """Seconds after noon."""
        found = self.archive.spans(camera, 0, 2 * NOON_US)
        return [((a - NOON_US) / SECOND_US, (b - NOON_US) / SECOND_US) for a, b in found]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.close()


def hand(writer: Writer, segment: OpenSegment, content: Film, first: int = 0, last: int = 10_000) -> bool:
    """Hand over the fragments first … last of a film."""
    rows = [Timing(r.track, r.ticks, r.duration, r.composition_offset, r.is_key) for r in content.rows[first:last]]
    return writer.append(segment, rows, content.data[first:last])


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_segment_grows_is_read_and_is_finished(desk: Desk) -> None:
    segment = desk.writer.begin(head_of(), film().init)
    assert desk.spans() == []
    assert hand(desk.writer, segment, film(), 0, 30)
    desk.writer.flush()
    assert desk.spans() == [(0, 1.2)]  # 30 frames
    (ref,) = desk.archive.segments(CAMERA, None, NOON_US, NOON_US + 1)
    assert ref.is_open
    growing = desk.archive.table(ref)
    fd = desk.archive.open(ref)
    assert b"".join(os.pread(fd, row.size, row.offset) for row in growing.rows) == b"".join(film().data[:30])
    assert [held.is_recording for held in desk.archive.holdings()] == [True]
    assert hand(desk.writer, segment, film(), 30)
    desk.writer.finish(segment, 2_040_000)
    desk.writer.flush()
    desk.index.flush()
    whole = desk.archive.table(ref)  # asked while it was open, answered now that it is finished
    assert b"".join(os.pread(fd, row.size, row.offset) for row in whole.rows) == b"".join(film().data)
    os.close(fd)
    assert desk.spans() == [(0, 2.04)]  # as the recorder says, not as the last frame guesses
    (ref,) = desk.archive.segments(CAMERA, None, NOON_US, NOON_US + 1)
    assert not ref.is_open
    assert not hand(desk.writer, segment, film())
    assert segment.error == ""
    assert [held.is_recording for held in desk.archive.holdings()] == [False]
    assert listing(desk.volume.path) == [f"{CAMERA}/main/20261121/{NOON_US:017d}-0000000001-2040.mp4"]


def test_a_day_begins_at_midnight_in_utc(desk: Desk) -> None:
    for at in (NOON_US + 12 * 3600 * SECOND_US - 1, NOON_US + 12 * 3600 * SECOND_US):
        segment = desk.writer.begin(head_of(at), film().init)
        hand(desk.writer, segment, film())
        desk.writer.finish(segment, 2 * SECOND_US)
    desk.writer.flush()
    assert [name.split("/")[2] for name in listing(desk.volume.path)] == ["20261121", "20261122"]


def test_many_cameras_in_few_rounds(desk: Desk) -> None:
    begun = time.monotonic()
    cameras = [CAMERA[:-2] + f"{number:02}" for number in range(40)]
    segments = [desk.writer.begin(head_of(camera=camera), film().init) for camera in cameras]
    for part in range(10):
        for segment in segments:
            assert hand(desk.writer, segment, film(is_real=False), part * 5, part * 5 + 5)
    assert time.monotonic() - begun < 5  # nobody waited for the disk
    desk.writer.flush()
    assert [desk.spans(camera) for camera in cameras] == [[(0, 2)]] * 40


def test_sequences_rise_and_go_on(desk: Desk) -> None:
    def one(at_s: int) -> int:
        segment = desk.writer.begin(head_of(NOON_US + at_s * SECOND_US), film().init)
        hand(desk.writer, segment, film())
        desk.writer.finish(segment, 2 * SECOND_US)
        desk.writer.flush()
        return segment.head.sequence

    assert [one(0), one(10)] == [1, 2]
    desk.writer.close()
    desk.index.flush()  # in life the index is closed and opened in between
    desk.writer = Writer(desk.volume, desk.index, lambda: desk.now)
    assert one(20) == 3


def test_what_has_no_picture_leaves_nothing(desk: Desk) -> None:
    empty = desk.writer.begin(head_of(), film().init)
    desk.writer.finish(empty, SECOND_US)
    no_key = desk.writer.begin(head_of(), film().init)
    hand(desk.writer, no_key, film(), 1, 20)
    desk.writer.flush()
    desk.writer.finish(no_key, SECOND_US)
    desk.writer.flush()
    assert listing(desk.volume.path) == []
    assert desk.spans() == []


def test_a_head_that_cannot_be_is_refused_at_once(desk: Desk) -> None:
    """N25."""
    for camera in ("..", f"{CAMERA[:-3]}/..", CAMERA.upper(), ""):
        with pytest.raises(ValueError, match="no camera"):
            desk.writer.begin(head_of(camera=camera), film().init)
    with pytest.raises(SegmentError):
        desk.writer.begin(head_of(), b"no init")


def test_closing_finishes_what_is_open(desk: Desk) -> None:
    segment = desk.writer.begin(head_of(), film().init)
    hand(desk.writer, segment, film())
    desk.writer.close()
    desk.index.flush()
    assert [name.rpartition("-")[2] for name in listing(desk.volume.path)] == ["2000.mp4"]
    assert desk.spans() == [(0, 2)]


def test_data_is_synced_every_ten_seconds(desk: Desk) -> None:
    segment = desk.writer.begin(head_of(), film().init)
    hand(desk.writer, segment, film(), 0, 10)
    desk.writer.flush()
    assert desk.disk.synced == 0
    desk.now += 10.1
    desk.writer.flush()
    assert desk.disk.synced == 1


def test_a_slow_disk_costs_a_segment_not_the_camera(desk: Desk) -> None:
    segment = desk.writer.begin(head_of(), film().init)
    other = desk.writer.begin(head_of(camera=OTHER), film().init)
    hand(desk.writer, segment, film(), 0, 25)
    hand(desk.writer, other, film())
    desk.writer.flush()
    desk.disk.is_stuck.set()
    begun, taken = time.monotonic(), 0
    while hand(desk.writer, segment, film(), 25, 26):
        taken += film().rows[25].size
        assert taken <= 1 << 20  # memory has a bound
    assert time.monotonic() - begun < 10
    assert segment.error == DISK_SLOW
    assert desk.writer.trouble == DISK_SLOW
    assert other.error == ""
    # The camera begins again when some seconds have gone, not at once.
    assert desk.writer.begin(head_of(NOON_US + SECOND_US), film().init).error == DISK_SLOW
    desk.disk.is_stuck.clear()
    until(lambda: not any(ref.is_open for ref in desk.archive.segments(CAMERA, None, 0, 2 * NOON_US)))
    # What was in the file stays, and is whole; so may what hung in the very call.
    kept = desk.spans()
    assert kept in ([(0, 1)], [(0, 1.04)])
    desk.now += BACKOFF_S
    again = desk.writer.begin(head_of(NOON_US + 60 * SECOND_US), film().init)
    assert hand(desk.writer, again, film())
    desk.writer.flush()
    assert desk.spans() == [*kept, (60, 62)]
    desk.now += 60
    assert desk.writer.trouble == ""


@pytest.mark.parametrize(
    ("number", "word"), [(errno.ENOSPC, DISK_FULL), (errno.EDQUOT, DISK_FULL), (errno.EIO, DISK_FAILED)]
)
@pytest.mark.parametrize("act", ["write", "sync", "rename"])
def test_a_disk_that_fails(desk: Desk, number: int, word: str, act: str) -> None:
    segment = desk.writer.begin(head_of(), film().init)
    hand(desk.writer, segment, film(), 0, 25)
    desk.writer.flush()
    desk.disk.fails = {act}
    desk.disk.error = number
    hand(desk.writer, segment, film(), 25)
    desk.writer.finish(segment, 2 * SECOND_US)
    desk.writer.flush()
    assert segment.error == word
    assert desk.volume.state(0, desk.writer.trouble).state == word.removeprefix("disk_")
    kept = 1 if act == "write" else 2
    assert desk.spans() == [(0, kept)]  # what is in the file plays already
    desk.disk.error = 0
    desk.now += BACKOFF_S
    desk.writer.flush()
    desk.index.flush()
    assert desk.spans() == [(0, 2)]
    assert [name.endswith(".mp4") for name in listing(desk.volume.path)] == [True]


def test_a_disk_that_never_comes_back(desk: Desk) -> None:
    """Neither files nor memory pile up; the next start finishes what is there."""
    segment = desk.writer.begin(head_of(), film().init)
    hand(desk.writer, segment, film(), 0, 25)
    desk.writer.flush()
    desk.disk.error = errno.EIO
    desk.writer.finish(segment, SECOND_US)
    for _ in range(30):
        desk.now += BACKOFF_S
        desk.writer.flush()
    assert desk.writer.open_segments() == []
    assert segment.fd == -1
    desk.disk.error = 0
    assert repair(desk.volume, desk.index).finished == 1
    assert desk.spans() == [(0, 1)]


def test_a_disk_that_takes_no_more(tmp_path: Path) -> None:
    """EFBIG of the kernel, in a process of its own; see full_volume.py."""
    script = Path(__file__).with_name("full_volume.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), "limit"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.mounts
def test_a_disk_that_is_full(tmp_path: Path, mount_disk: Callable[[int], Path]) -> None:
    """ENOSPC of a real file system of 4 MB: recording, the index and retention, all on it."""
    mount_disk(4)
    script = Path(__file__).with_name("full_volume.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), "tmpfs"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
