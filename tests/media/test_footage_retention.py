"""What goes and what stays: by age, by bytes, and when the disk fills."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import override

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belvedere.contracts.recordings import RecordingPlan, RecordMode
from belvedere.contracts.sessions import Quality
from belvedere.media.footage import Archive, FootageGone, Index, Retention, SegmentRef, Volume, repair
from belvedere.media.footage.disk import Disk
from belvedere.media.footage.index import FILE
from belvedere.media.footage.retention import RESERVE_BYTES, due, reserve
from media.film import CAMERA, NOON_US, OTHER, SECOND_US, film, head_of, listing, path_of, put, whole_file

DAY_US = 86_400 * SECOND_US
CONTENT = whole_file(head_of(), film(is_real=False))


class SmallDisk(Volume):
    """A volume whose free room a test says; a file that is deleted makes some."""

    room = 0

    @override
    def free(self) -> tuple[int, int]:
        held = sum((self.path / name).stat().st_size for name in listing(self.path))
        return self.room - held, 100_000_000_000


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[SmallDisk]:
    volume = SmallDisk.open(tmp_path / "disk", tmp_path / "expected.json")
    volume.room = 100_000_000_000
    yield volume
    volume.close()


def lay(volume: Volume, index: Index, *days: int, camera: str = CAMERA) -> list[SegmentRef]:
    """Two seconds of footage so many days after noon."""
    first = index.last_sequence() + 1
    refs = []
    for sequence, day in enumerate(days, first):
        head = head_of(NOON_US + day * DAY_US, camera=camera, sequence=sequence)
        refs.append(put(volume, head, whole_file(head, film(is_real=False))))
    index.add(refs)
    index.flush()
    return refs


def left(index: Index, camera: str = CAMERA) -> list[int]:
    """The days of which there is something."""
    index.flush()
    return [(ref.start_us - NOON_US) // DAY_US for ref in index.oldest(camera)]


def at_day(day: float) -> float:
    return NOON_US / 1e6 + day * 86_400


def test_by_age(volume: SmallDisk, index: Index) -> None:
    lay(volume, index, 0, 1, 2, 3)
    lay(volume, index, 0, camera=OTHER)  # nobody said what becomes of it: it stays
    index.keep_plans([RecordingPlan(CAMERA, RecordMode.OFF, keep_days=2)])  # not recorded any more, and yet it ages
    index.flush()
    swept = Retention(volume, index, lambda: at_day(3.5)).sweep()
    assert (left(index), left(index, OTHER)) == ([2, 3], [0])
    assert (swept.segments, swept.emergency_bytes) == (2, 0)
    assert len(listing(volume.path)) == 3
    assert index.garbage() == []
    # Folders of days that are over go with the last file in them.
    assert len(list(volume.path.glob(f"{CAMERA}/main/*"))) == 2


def test_by_bytes(volume: SmallDisk, index: Index) -> None:
    refs = lay(volume, index, 0, 1, 2, 3)
    bound = refs[0].size * 2 + 10
    index.keep_plans([RecordingPlan(CAMERA, RecordMode.CONTINUOUS, keep_days=100, keep_bytes=bound)])
    index.flush()
    retention = Retention(volume, index, lambda: at_day(3.5))
    assert retention.sweep().segments == 2
    assert left(index) == [2, 3]
    assert retention.sweep().segments == 0
    assert not retention.is_filling


def test_the_oldest_of_all_when_the_disk_fills(volume: SmallDisk, index: Index) -> None:
    refs = lay(volume, index, 0, 4)
    lay(volume, index, 1, 2, 3, camera=OTHER)
    now = at_day(5)
    retention = Retention(volume, index, lambda: now)
    held = refs[0].size * 5
    # Just enough, then missing a byte: a tenth of the reserve more than that goes, whosever it is.
    volume.room = reserve(100_000_000_000) + held
    assert retention.sweep().segments == 0
    volume.room -= 1
    swept = retention.sweep()
    assert swept.emergency_bytes == swept.bytes == held  # these tiny files do not make a tenth of 2 GB
    assert retention.is_filling
    now += 601
    assert not retention.is_filling


def test_an_emergency_takes_no_more_than_it_must(volume: SmallDisk, index: Index) -> None:
    refs = lay(volume, index, 0, 4)
    lay(volume, index, 1, 2, camera=OTHER)
    taken = list(due(index.oldest(), excess=refs[0].size * 2 + 1))
    assert [(ref.camera, (ref.start_us - NOON_US) // DAY_US) for ref in taken] == [(CAMERA, 0), (OTHER, 1), (OTHER, 2)]


def test_the_reserve() -> None:
    assert reserve(10**12) == 20 * 10**9
    assert reserve(20 * 10**9) == RESERVE_BYTES
    assert reserve(10**9) == 250_000_000  # a disk of 1 GB is not all reserve


@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(1, 50)), max_size=30),
    st.integers(0, 120),
    st.integers(-10, 500),
)
def test_what_is_due(made: list[tuple[int, int]], before: int, excess: int) -> None:
    refs = [
        SegmentRef(CAMERA, Quality.MAIN, start, number, 10, size) for number, (start, size) in enumerate(sorted(made))
    ]
    gone = list(due(iter(refs), before_us=before, excess=excess))
    kept = refs[len(gone) :]
    assert gone == refs[: len(gone)]  # the oldest, without a hole
    assert all(ref.end_us > before for ref in kept[:1])
    size = sum(ref.size for ref in gone)
    assert size >= excess or not kept
    # Not one too many: the last that went was old, or its bytes were needed.
    assert not gone or gone[-1].end_us <= before or size - gone[-1].size < excess


def test_erasing_a_span(volume: SmallDisk, index: Index) -> None:
    refs = lay(volume, index, 0, 1, 2)
    archive = Archive(volume, index)
    archive.table(refs[1])
    reading = archive.open(refs[1])
    reply = Retention(volume, index, lambda: at_day(9)).erase(
        CAMERA, refs[0].end_us, refs[1].start_us + 1
    )  # half open: the end of the first is not in it
    assert (reply.segments, reply.bytes) == (1, refs[1].size)
    assert left(index) == [0, 2]
    with pytest.raises(FootageGone):
        archive.open(refs[1])
    assert len(os.pread(reading, refs[1].size, 0)) == refs[1].size  # who reads already reads on
    os.close(reading)
    assert Retention(volume, index).erase(CAMERA, NOON_US + DAY_US, NOON_US).segments == 0  # from after to
    assert Retention(volume, index).erase("..", 0, 2 * NOON_US).segments == 0


def test_what_cannot_be_deleted_is_tried_again(volume: SmallDisk, index: Index) -> None:
    lay(volume, index, 0, 1)

    class Failing(Disk):
        @override
        def unlink(self, name: str, folder: int) -> None:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    volume.disk = Failing()
    retention = Retention(volume, index, lambda: at_day(9))
    assert retention.erase(CAMERA, 0, NOON_US + 1).segments == 0
    assert left(index) == [1]  # and nobody finds it meanwhile
    assert len(index.garbage()) == 1
    volume.disk = Disk()
    retention.sweep()
    index.flush()
    assert index.garbage() == []
    assert len(listing(volume.path)) == 1


def test_an_index_that_takes_nothing_saves_no_footage(volume: SmallDisk, index: Index) -> None:
    """On a full disk the file goes first: that makes the room for the row."""
    lay(volume, index, 0, 1)
    index.keep_plans([RecordingPlan(CAMERA, RecordMode.CONTINUOUS, keep_days=1)])
    index.flush()
    foreign = sqlite3.connect(volume.path / FILE, isolation_level=None)
    foreign.execute("CREATE TRIGGER full BEFORE INSERT ON garbage BEGIN SELECT RAISE(FAIL, 'disk is full'); END")
    foreign.close()
    assert Retention(volume, index, lambda: at_day(1.5)).sweep().segments == 1
    assert left(index) == [1]
    assert len(listing(volume.path)) == 1


def test_a_link_in_the_place_of_a_day(volume: SmallDisk, index: Index, tmp_path: Path) -> None:
    """N25: nothing outside is unlinked."""
    (ref,) = lay(volume, index, 0)
    day = path_of(volume, ref).parent
    day.rename(tmp_path / "outside")
    day.symlink_to(tmp_path / "outside")
    assert Retention(volume, index, lambda: at_day(9)).erase(CAMERA, 0, 2 * NOON_US).segments == 1
    assert left(index) == []
    assert len(list((tmp_path / "outside").iterdir())) == 1
    assert repair(volume, index).segments == 0
    assert len(list((tmp_path / "outside").iterdir())) == 1


def test_a_link_in_the_place_of_a_file(volume: SmallDisk, index: Index, tmp_path: Path) -> None:
    """N25: the link goes, what it names stays."""
    (ref,) = lay(volume, index, 0)
    path = path_of(volume, ref)
    path.rename(tmp_path / "outside")
    path.symlink_to(tmp_path / "outside")
    Retention(volume, index, lambda: at_day(9)).erase(CAMERA, 0, 2 * NOON_US)
    assert (tmp_path / "outside").read_bytes() == CONTENT
    assert listing(volume.path) == []
