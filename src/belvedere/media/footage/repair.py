"""At start, before anything is written: make the files and the index agree, whatever happened to either.

The files are right. What was being written gets its end and its name, or goes when there is no picture in it; files
without a row get one, rows without a file go, deletions that were begun are ended. An index that was lost is filled
from the names alone: they say all it needs, and each file is looked at anyway when it is opened.
"""

import contextlib
import os
import stat
import time
from collections.abc import Iterator
from typing import Final

import msgspec
import structlog

from belvedere.contracts.sessions import Quality
from belvedere.media.footage.index import Index, IndexFailed
from belvedere.media.footage.retention import delete_files
from belvedere.media.footage.segment import (
    VIDEO,
    SegmentError,
    SegmentRef,
    SegmentTable,
    read_head,
    read_segment,
    walk,
    write_tail,
)
from belvedere.media.footage.volume import (
    DAY_US,
    MAX_SEGMENT_US,
    SegmentName,
    Volume,
    day_start,
    file_name,
    is_camera,
    parse_name,
)

log = structlog.get_logger()

_SHORTEST_US: Final = 1000


class Repaired(msgspec.Struct):
    """What there was to do. Numbers of segments.

    finished  were being written, and have their end now
    dropped   were being written, without a picture in them
    found     had no row
    mended    were cut short, and have an end again
    lost      had a row and no file
    garbage   were about to be deleted
    foreign   things that are none of ours, left alone
    """

    segments: int = 0
    finished: int = 0
    dropped: int = 0
    found: int = 0
    mended: int = 0
    lost: int = 0
    garbage: int = 0
    foreign: int = 0
    seconds: float = 0.0


def repair(volume: Volume, index: Index) -> Repaired:
    """Do it; all rows are in when this returns, as far as the disk takes them. Raises OSError without a volume."""
    begun = time.monotonic()
    with contextlib.suppress(IndexFailed):  # what was said before counts
        index.flush()
    work = _Repair(volume, index)
    work.run()
    with contextlib.suppress(IndexFailed):  # the rows go in when there is room again
        index.flush()
        for footage in index.cameras():  # the first who asks for a month finds it in memory
            index.spans(footage.camera, footage.first_us, footage.last_us)
    work.done.seconds = round(time.monotonic() - begun, 3)
    log.info("footage_repaired", path=str(volume.path), count=work.done.segments, seconds=work.done.seconds)
    return work.done


class _Repair:
    def __init__(self, volume: Volume, index: Index) -> None:
        self.done = Repaired()
        self._volume = volume
        self._disk = volume.disk
        self._index = index
        self._rows: dict[tuple[str, int, int], SegmentRef] = {}
        self._new: list[SegmentRef] = []
        #: something could not be read: then a row without a file proves nothing
        self._is_blind = False

    def run(self) -> None:
        garbage = self._index.garbage()
        self.done.garbage = len(garbage)
        self._index.forget(delete_files(self._volume, garbage))
        self._rows = {(ref.camera, ref.start_us, ref.sequence): ref for ref in self._index.everything()}
        for camera, camera_folder in self._folders(self._volume.fd):
            if not is_camera(camera):
                self.done.foreign += 1
                continue
            for quality, quality_folder in self._folders(camera_folder):
                if quality not in set(Quality):
                    self.done.foreign += 1
                    continue
                for day, day_folder in self._folders(quality_folder):
                    begin_us = day_start(day)
                    if begin_us is None:
                        self.done.foreign += 1
                    else:
                        self._repair_day(camera, Quality(quality), begin_us, day_folder)
        if not self._is_blind:
            self.done.lost = len(self._rows)
            self._index.forget(self._rows.values())
        self._index.add(self._new)

    def _folders(self, folder: int) -> Iterator[tuple[str, int]]:
        """(name, open descriptor) of the folders in a folder, one after the other; no link is followed."""
        for entry in self._entries(folder):
            if not entry.is_dir(follow_symlinks=False):
                continue
            try:
                fd = self._disk.open_folder(entry.name, folder)
            except OSError as error:
                self._give_up(error)
                continue
            try:
                yield entry.name, fd
            finally:
                os.close(fd)

    def _entries(self, folder: int) -> list[os.DirEntry[str]]:
        try:
            return self._volume.entries(folder)
        except OSError as error:
            self._give_up(error)
            return []

    def _repair_day(self, camera: str, quality: Quality, begin_us: int, folder: int) -> None:
        for entry in self._entries(folder):
            name = parse_name(entry.name)
            if name is None or not begin_us <= name.start_us < begin_us + DAY_US:
                self.done.foreign += 1
                continue
            row = self._rows.get((camera, name.start_us, name.sequence))
            try:
                ref = self._repair_file(camera, quality, folder, entry, name, row)
            except OSError as error:
                self._give_up(error)
                continue
            if ref is None:
                continue
            self.done.segments += 1
            self._rows.pop((camera, ref.start_us, ref.sequence), None)
            if ref != row:
                self._new.append(ref)

    def _repair_file(
        self,
        camera: str,
        quality: Quality,
        folder: int,
        entry: os.DirEntry[str],
        name: SegmentName,
        row: SegmentRef | None,
    ) -> SegmentRef | None:
        """The segment in this file, made whole; None when there is none."""
        status = entry.stat(follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            self.done.foreign += 1
            return None
        if name.duration_ms is None:
            told = SegmentRef(camera, quality, name.start_us, name.sequence, 0, 0, is_open=True)
            return self._finish(told, folder)
        duration_us = name.duration_ms * 1000
        told = SegmentRef(camera, quality, name.start_us, name.sequence, duration_us, status.st_size)
        if row is not None and (row.quality, row.size) == (quality, status.st_size) and file_name(row) == entry.name:
            return row
        if self._index.is_new and status.st_size:
            self.done.found += 1
            return told
        return self._examine(told, folder)

    def _examine(self, told: SegmentRef, folder: int) -> SegmentRef | None:
        """A finished file that the index does not know like this."""
        fd = self._volume.open_in(folder, file_name(told))
        try:
            if not read_head(fd)[0].is_of(told):
                self.done.foreign += 1
                return None
            read_segment(fd)
        except SegmentError:
            return self._finish(told, folder)
        else:
            self.done.found += 1
            return told
        finally:
            os.close(fd)

    def _finish(self, told: SegmentRef, folder: int) -> SegmentRef | None:
        """Give a file its end and its name; without a picture in it, delete it."""
        old = file_name(told)
        fd = self._disk.change_file(old, folder)
        try:
            found = None
            with contextlib.suppress(SegmentError):
                found = walk(fd)
            # A torn head is one that was just being written; under the name of a finished file it is none of ours.
            is_ours = told.is_open if found is None else found.table.head.is_of(told)
            if not is_ours:
                self.done.foreign += 1
                return None
            if found is None or not any(row.is_key and row.track == VIDEO for row in found.table.rows):
                self._disk.unlink(old, folder)
                self._disk.sync(folder)
                self.done.dropped += 1
                return None
            tail = write_tail(found.table.rows)
            self._disk.truncate(fd, found.end)
            self._disk.write(fd, [tail], found.end)
            self._disk.sync(fd)
        finally:
            os.close(fd)
        whole = msgspec.structs.replace(
            told, duration_us=_duration(found.table), size=found.end + len(tail), is_open=False
        )
        if file_name(whole) != old:
            self._disk.rename(old, file_name(whole), folder)
        self._disk.sync(folder)
        if told.is_open:
            self.done.finished += 1
        else:
            self.done.mended += 1
        return whole

    def _give_up(self, error: OSError) -> None:
        """What cannot be read is left as it is: the rest is worth more."""
        self._is_blind = True
        log.error("footage_not_repaired", path=str(self._volume.path), error=error.strerror)


def _duration(table: SegmentTable) -> int:
    return min(max(table.end_us - table.start_us, _SHORTEST_US), MAX_SEGMENT_US)
