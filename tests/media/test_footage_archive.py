"""Reading footage: spans, segments in order, and never a byte of something else."""

import os
from pathlib import Path

import pytest

from belvedere.media.footage import Archive, FootageGone, Index, SegmentRef, Volume
from belvedere.media.footage.volume import part_name
from media.film import CAMERA, NOON_US, OTHER, SECOND_US, film, head_of, path_of, put, whole_file

NAMES_OF_NOTHING = [
    "..",
    "../" * 8 + "etc",
    f"{CAMERA[:-3]}%2f",
    f"{CAMERA[:-1]}\0",
    f"{CAMERA}\n",
    f"{CAMERA[:-2]}/.",
    CAMERA.upper(),
    "",
]


def record(volume: Volume, index: Index, *starts_s: float, camera: str = CAMERA) -> list[SegmentRef]:
    """Segments of two seconds, so many seconds after noon."""
    sequence = index.last_sequence() + 1
    refs = []
    for number, start in enumerate(starts_s, sequence):
        head = head_of(NOON_US + int(start * SECOND_US), camera=camera, sequence=number)
        refs.append(put(volume, head, whole_file(head, film())))
    index.add(refs)
    index.flush()
    return refs


def test_spans_are_merged_and_clipped(volume: Volume, index: Index) -> None:
    record(volume, index, 0, 2, 4.9, 8, 100)
    record(volume, index, 50, camera=OTHER)
    archive = Archive(volume, index)

    def spans(start: float, end: float, camera: str = CAMERA) -> list[tuple[float, float]]:
        found = archive.spans(camera, int(NOON_US + start * SECOND_US), int(NOON_US + end * SECOND_US))
        return [((a - NOON_US) / SECOND_US, (b - NOON_US) / SECOND_US) for a, b in found]

    # 0.9 s is joined, 1.1 s is a gap.
    assert spans(-1000, 1000) == [(0, 6.9), (8, 10), (100, 102)]
    assert spans(1, 9) == [(1, 6.9), (8, 9)]  # N23: nothing of what is outside
    assert spans(10, 100) == []
    assert spans(101.999, 102) == [(101.999, 102)]
    assert spans(9, 1) == []  # from after to
    assert spans(-1e6, 1e6, OTHER) == [(50, 52)]
    assert spans(-1e6, 1e6, "../../etc") == []


def test_segments_in_order_and_readable(volume: Volume, index: Index) -> None:
    refs = record(volume, index, 4, 0, 2)
    archive = Archive(volume, index)
    found = archive.segments(CAMERA, None, NOON_US, NOON_US + 10 * SECOND_US)
    assert found == [refs[1], refs[2], refs[0]]
    assert archive.segments(CAMERA, "sub", NOON_US, NOON_US + 10 * SECOND_US) == []
    assert archive.segments(CAMERA, "main", NOON_US + 2 * SECOND_US, NOON_US + 2 * SECOND_US + 1) == [refs[2]]
    for ref in found:
        table = archive.table(ref)
        assert (table.start_us, table.end_us) == (ref.start_us, ref.end_us)
        fd = archive.open(ref)
        assert b"".join(os.pread(fd, row.size, row.offset) for row in table.rows) == b"".join(film().data)
        os.close(fd)
    assert archive.table(refs[0]) is archive.table(refs[0])


def test_holdings(volume: Volume, index: Index) -> None:
    refs = record(volume, index, 0, 2, 3 * 86_400)
    record(volume, index, 7, camera=OTHER)
    mine, other = Archive(volume, index).holdings()
    assert (mine.camera, other.camera) == (CAMERA, OTHER)
    assert (mine.first, mine.last) == (NOON_US / 1e6, NOON_US / 1e6 + 3 * 86_400 + 2)
    assert mine.bytes == sum(ref.size for ref in refs)
    assert mine.rate == refs[2].size * 86_400 // 60  # of a day with two seconds, as if it had been a minute
    assert not mine.is_recording


def test_a_file_that_was_finished_meanwhile_is_found(volume: Volume, index: Index) -> None:
    (ref,) = record(volume, index, 0)
    asked = SegmentRef(ref.camera, ref.quality, ref.start_us, ref.sequence, 1, 1, is_open=True)
    assert len(Archive(volume, index).table(asked).rows) == 50
    gone = SegmentRef(ref.camera, ref.quality, ref.start_us, 99, 1, 1, is_open=True)
    with pytest.raises(FootageGone):
        Archive(volume, index).open(gone)


def test_a_missing_file_leaves_coverage(volume: Volume, index: Index) -> None:
    refs = record(volume, index, 0, 10)
    archive = Archive(volume, index)
    path_of(volume, refs[0]).unlink()
    with pytest.raises(FootageGone):
        archive.table(refs[0])
    index.flush()
    assert archive.spans(CAMERA, 0, 2 * NOON_US) == [(refs[1].start_us, refs[1].end_us)]


def test_of_a_truncated_file_plays_what_is_there(volume: Volume, index: Index) -> None:
    (ref,) = record(volume, index, 0)
    with path_of(volume, ref).open("r+b") as file:
        file.truncate(ref.size // 2)
    rows = Archive(volume, index).table(ref).rows
    assert 0 < len(rows) < 50
    with path_of(volume, ref).open("r+b") as file:
        file.truncate(100)
    with pytest.raises(FootageGone):
        Archive(volume, index).table(ref)


def test_a_swapped_file_is_not_read(volume: Volume, index: Index) -> None:
    """N25: another camera's footage under this one's name, also after its table was read."""
    (mine,) = record(volume, index, 0)
    (other,) = record(volume, index, 0, camera=OTHER)
    archive = Archive(volume, index)
    archive.table(mine)
    path_of(volume, other).replace(path_of(volume, mine))
    with pytest.raises(FootageGone):
        archive.open(mine)
    with pytest.raises(FootageGone):
        Archive(volume, index).table(mine)


@pytest.mark.parametrize("planted", ["file", "day", "camera", "pipe", "folder"])
def test_what_was_put_into_the_volume_is_not_followed(
    volume: Volume, index: Index, tmp_path: Path, planted: str
) -> None:
    """N25: a symbolic link leads nowhere, at whatever height; a pipe blocks nobody."""
    (ref,) = record(volume, index, 0)
    path = path_of(volume, ref)
    outside = tmp_path / "outside"
    if planted == "pipe":
        path.unlink()
        os.mkfifo(path)
    elif planted == "folder":
        path.unlink()
        path.mkdir()
    else:
        place = {"file": path, "day": path.parent, "camera": path.parent.parent.parent}[planted]
        place.rename(outside)
        place.symlink_to(outside)
    with pytest.raises(FootageGone):
        Archive(volume, index).open(ref)
    assert outside.exists() == (planted in {"file", "day", "camera"})


@pytest.mark.parametrize("camera", NAMES_OF_NOTHING)
def test_no_path_is_made_of_what_is_no_id(volume: Volume, index: Index, camera: str) -> None:
    """N25."""
    ref = SegmentRef(camera, head_of().quality, NOON_US, 1, SECOND_US, 1)
    with pytest.raises(FootageGone):
        Archive(volume, index).open(ref)
    with pytest.raises(ValueError, match="no folder"), volume.folder(camera, "main", NOON_US, create=True):
        pass
    with pytest.raises(ValueError, match=r"\.\."), volume.folder(CAMERA, "..", NOON_US, create=True):
        pass
    for start in (-1, 10**17):
        with pytest.raises(ValueError, match="no folder"), volume.folder(CAMERA, "main", start, create=True):
            pass
    assert {entry.name for entry in volume.path.iterdir()} <= {
        *("belvedere-volume.json", "index.sqlite3", "index.sqlite3-wal", "index.sqlite3-shm")
    }


def test_what_lies_there_is_for_nobody_else(volume: Volume, index: Index) -> None:
    with volume.folder(CAMERA, "main", NOON_US, create=True) as folder:
        os.close(volume.disk.create_file(part_name(NOON_US, 1), folder))
    modes = {path.name: path.stat().st_mode & 0o777 for path in volume.path.rglob("*")}
    assert {name for name, mode in modes.items() if mode & 0o077} == set()


def test_the_next_and_the_one_before_however_far(volume: Volume, index: Index) -> None:
    first, second, late = record(volume, index, 0, 2, 1_000_000)
    record(volume, index, 50, camera=OTHER)
    archive = Archive(volume, index)
    assert archive.after(CAMERA, 0) == first
    assert archive.after(CAMERA, first.start_us) == second
    assert archive.after(CAMERA, second.start_us) == late
    assert archive.after(CAMERA, late.start_us) is None
    assert archive.before(CAMERA, late.end_us) == late
    assert archive.before(CAMERA, late.start_us) == second
    assert archive.before(CAMERA, first.start_us) is None
