"""The life of some footage, from an empty folder to deletion, and what must be true of it whenever it is cut off."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from belvedere.media.footage import Archive, Index, OpenSegment, Retention, Timing, Volume, Writer, repair
from belvedere.media.footage.disk import Disk
from media.film import CAMERA, NOON_US, OTHER, SECOND_US, film, head_of, listing

type Say = Callable[[str, str, int, int], None]
#: (camera, start) → frames.
type Frames = Mapping[tuple[str, int], int]

CONTENT = film(is_real=False)
DAY_US = 86_400 * SECOND_US


def open_both(folder: Path, disk: Disk | None = None) -> tuple[Volume, Index]:
    volume = Volume.open(folder / "disk", folder / "expected.json", disk)
    return volume, Index.open(volume)


def live(folder: Path, disk: Disk, say: Say, *, is_ended: bool = True) -> None:
    """Record, finish, delete, record on; `say(what, camera, start, frames)` what holds from here on.

    written  so many frames are in the file: kill -9 does not cost them
    synced   … on the disk: a power cut does not either
    erasing  this segment may be gone from here on; erased: it must be
    """
    volume, index = open_both(folder, disk)
    repair(volume, index)
    now = 0.0
    writer = Writer(volume, index, lambda: now)

    def begin(camera: str, start_us: int) -> OpenSegment:
        return writer.begin(head_of(start_us, camera=camera), CONTENT.init)

    def frames(segment: OpenSegment, first: int, last: int) -> None:
        rows = [Timing(r.track, r.ticks, r.duration, r.composition_offset, r.is_key) for r in CONTENT.rows[first:last]]
        assert writer.append(segment, rows, CONTENT.data[first:last])
        writer.flush()
        say("written", segment.head.camera, segment.head.start_us, last)

    def finish(segment: OpenSegment, count: int) -> None:
        writer.finish(segment, count * SECOND_US // 25)
        writer.flush()
        index.flush()
        say("synced", segment.head.camera, segment.head.start_us, count)

    first = begin(CAMERA, NOON_US)
    frames(first, 0, 10)
    other = begin(OTHER, NOON_US)
    frames(other, 0, 30)
    now += 10
    writer.flush()
    say("synced", CAMERA, NOON_US, 10)
    say("synced", OTHER, NOON_US, 30)
    frames(first, 10, 50)
    finish(first, 50)
    second = begin(CAMERA, NOON_US + 2 * SECOND_US)
    frames(second, 0, 26)
    finish(second, 26)
    say("erasing", CAMERA, NOON_US, 0)
    Retention(volume, index, lambda: (NOON_US + 3 * DAY_US) / 1e6).erase(CAMERA, NOON_US, NOON_US + 1)
    say("erased", CAMERA, NOON_US, 0)
    index.flush()
    third = begin(CAMERA, NOON_US + DAY_US)
    frames(third, 0, 20)
    finish(third, 20)
    say("erasing", CAMERA, NOON_US + DAY_US, 0)
    Retention(volume, index, lambda: (NOON_US + 3 * DAY_US) / 1e6).erase(CAMERA, NOON_US + DAY_US, NOON_US + 2 * DAY_US)
    say("erased", CAMERA, NOON_US + DAY_US, 0)
    if is_ended:
        finish(other, 30)
        writer.close()
        index.close()
        volume.close()


def check(folder: Path, kept: Frames, *, may_be_gone: set[tuple[str, int]], gone: set[tuple[str, int]]) -> None:
    """Repair, and compare what is there with what must be.

    kept         at least so many frames of these
    may_be_gone  but these may be missing whole
    gone         and these must be
    """
    volume, index = open_both(folder)
    buried = {(ref.camera, ref.start_us) for ref in index.garbage()}
    repair(volume, index)
    archive = Archive(volume, index)
    found = {}
    files = []
    for ref in index.everything():
        table = archive.table(ref)  # nothing is indexed that is not there
        fd = archive.open(ref)
        content = os.pread(fd, ref.size + 1, 0)
        os.close(fd)
        assert len(content) == ref.size
        count = len(table.rows)
        assert [content[row.offset : row.offset + row.size] for row in table.rows] == list(CONTENT.data[:count])
        assert ref.duration_us == table.end_us - table.start_us
        found[ref.camera, ref.start_us] = count
        files.append((ref.camera, ref.start_us))
    assert len(listing(volume.path)) == len(files)  # and nothing is there that is not indexed
    assert len(set(files)) == len(files)
    assert index.garbage() == []
    for key, frames in kept.items():
        if key not in gone and not (key in may_be_gone and key not in found):
            assert found.get(key, 0) >= frames, (key, frames, found)
    assert not (gone | buried) & found.keys()  # a deletion that was begun is ended
    again = repair(volume, index)
    assert (again.finished, again.dropped, again.found, again.mended, again.lost, again.garbage) == (0,) * 6
    assert again.segments == len(files)
    index.close()
    volume.close()


class Said:
    """What a life said of itself, as arguments of `check`."""

    def __init__(self, *, is_power_cut: bool) -> None:
        self._counts = {"synced"} if is_power_cut else {"written", "synced"}
        self.kept: dict[tuple[str, int], int] = {}
        self.may_be_gone: set[tuple[str, int]] = set()
        self.gone: set[tuple[str, int]] = set()

    def hear(self, what: str, camera: str, start_us: int, frames: int) -> None:
        key = camera, start_us
        if what in self._counts:
            self.kept[key] = max(frames, self.kept.get(key, 0))
        elif what == "erasing":
            self.may_be_gone.add(key)
        elif what == "erased":
            self.gone.add(key)

    def check(self, folder: Path) -> None:
        check(folder, self.kept, may_be_gone=self.may_be_gone, gone=self.gone)
