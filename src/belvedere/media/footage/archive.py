"""Reading footage: what is there, and the files with it, the segments that are just being written included.

Synchronous and safe in any thread; a caller in the loop uses `asyncio.to_thread`. Nobody's rights are known here: who
asks has clipped his question before.
"""

import errno
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, Protocol

from belvedere.contracts.recordings import Holding
from belvedere.media.footage.coverage import clip, merge
from belvedere.media.footage.index import Index
from belvedere.media.footage.segment import (
    SegmentError,
    SegmentRef,
    SegmentTable,
    read_head,
    read_segment,
    walk,
)
from belvedere.media.footage.volume import DAY_US, Volume, parse_name

#: A table of a minute with sound is some 600 KB in memory.
_TABLES: Final = 32


class FootageGone(Exception):  # noqa: N818  what happened to it
    """The file of a segment is not there any more, or is not that segment. Go on to the next one."""


class BeingWritten(Protocol):
    """Whoever writes: its open segments."""

    def open_segments(self, camera: str | None = None) -> Sequence[SegmentRef]:
        """Those with something in the file, oldest first, until their rows are in the index."""

    def table(self, ref: SegmentRef) -> SegmentTable | None:
        """What of it is in the file; None when it is not being written."""


class Archive:
    """The footage of one volume."""

    def __init__(self, volume: Volume, index: Index, writer: BeingWritten | None = None) -> None:
        self._volume = volume
        self._index = index
        self._writer = writer
        self._lock = threading.Lock()
        self._tables: OrderedDict[tuple[str, int, int], SegmentTable] = OrderedDict()

    def spans(self, camera: str, start_us: int, end_us: int) -> list[tuple[int, int]]:
        """When there is footage between two instants: (start, end) in order, merged, clipped to the question."""
        being_written = [(ref.start_us, ref.end_us) for ref in self._open(camera, start_us, end_us)]
        spans = self._index.spans(camera, start_us, end_us)
        return clip(merge(sorted([*spans, *being_written])), start_us, end_us) if being_written else spans

    def segments(self, camera: str, quality: str | None, start_us: int, end_us: int) -> list[SegmentRef]:
        """Whatever touches this span, in the order of time; of one quality, or of all (None).

        A segment that is being written comes last with what is in its file by now. Ask again, and it has grown.
        """
        # First those being written: what is finished between the two questions is found by both.
        being_written = [
            ref for ref in self._open(camera, start_us, end_us) if quality is None or ref.quality == quality
        ]
        found = self._index.segments(camera, quality, start_us, end_us)
        if being_written:
            known = {(ref.start_us, ref.sequence) for ref in found}
            found += [ref for ref in being_written if (ref.start_us, ref.sequence) not in known]
            found.sort(key=_order)
        return found

    def after(self, camera: str, start_us: int) -> SegmentRef | None:
        """The first segment that starts later than this, however much later."""
        refs = [ref for ref in self._being_written(camera) if ref.start_us > start_us]
        found = self._index.after(camera, start_us)
        return min([found, *refs] if found else refs, key=_order, default=None)

    def before(self, camera: str, start_us: int) -> SegmentRef | None:
        """The last segment that starts earlier than this, however much earlier."""
        refs = [ref for ref in self._being_written(camera) if ref.start_us < start_us]
        found = self._index.before(camera, start_us)
        return max([found, *refs] if found else refs, key=_order, default=None)

    def open(self, ref: SegmentRef) -> int:
        """A descriptor of a segment's file, to be closed by the caller. It stays good when the file is deleted.

        Raises FootageGone, also when the file there is another one (N25); OSError when the disk fails.
        """
        try:
            fd = self._open_file(ref)
        except FileNotFoundError:
            if not ref.is_open:
                self._index.forget([ref])  # somebody else deleted it: coverage is to say so
            raise FootageGone from None
        except (PermissionError, NotADirectoryError, ValueError):
            raise FootageGone from None
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise FootageGone from None
            raise
        try:
            is_ours = read_head(fd)[0].is_of(ref)
        except SegmentError:
            is_ours = False
        except BaseException:
            os.close(fd)
            raise
        if not is_ours:
            os.close(fd)
            raise FootageGone
        return fd

    def table(self, ref: SegmentRef) -> SegmentTable:
        """Head, init and rows of a segment: all of a finished one, what is in the file by now of an open one.

        Raises FootageGone; OSError when the disk fails.
        """
        if ref.is_open and self._writer is not None and (growing := self._writer.table(ref)):
            return growing
        key = ref.camera, ref.start_us, ref.sequence
        with self._lock:
            if key in self._tables:
                self._tables.move_to_end(key)
                return self._tables[key]
        fd = self.open(ref)
        try:
            table = _read(fd)
        except SegmentError:
            raise FootageGone from None
        finally:
            os.close(fd)
        with self._lock:
            self._tables[key] = table
            if len(self._tables) > _TABLES:
                self._tables.popitem(last=False)
        return table

    def holdings(self) -> list[Holding]:
        """What there is of every camera. `rate`: as the last day with footage of it went, in bytes a day."""
        being_written: dict[str, list[SegmentRef]] = {}
        for ref in self._writer.open_segments() if self._writer is not None else ():
            being_written.setdefault(ref.camera, []).append(ref)
        result = []
        for footage in self._index.cameras():
            more = being_written.pop(footage.camera, [])
            size = sum(ref.size for ref in more)
            result.append(
                Holding(
                    footage.camera,
                    footage.first_us / 1e6,
                    max([footage.last_us, *(ref.end_us for ref in more)]) / 1e6,
                    footage.bytes + size,
                    footage.day_bytes * DAY_US // max(footage.day_us, 60_000_000),
                    is_recording=bool(more),
                )
            )
        for camera, refs in being_written.items():
            first, last = min(ref.start_us for ref in refs), max(ref.end_us for ref in refs)
            size = sum(ref.size for ref in refs)
            result.append(Holding(camera, first / 1e6, last / 1e6, size, 0, is_recording=True))
        return sorted(result, key=lambda holding: holding.camera)

    def _open(self, camera: str, start_us: int, end_us: int) -> list[SegmentRef]:
        return [ref for ref in self._being_written(camera) if ref.start_us < end_us and ref.end_us > start_us]

    def _being_written(self, camera: str) -> Sequence[SegmentRef]:
        return () if self._writer is None else self._writer.open_segments(camera)

    def _open_file(self, ref: SegmentRef) -> int:
        try:
            return self._volume.open_file(ref)
        except FileNotFoundError:
            if not ref.is_open:
                raise
        # It was finished since the caller asked, so it is there under its other name.
        with self._volume.folder(ref.camera, ref.quality, ref.start_us) as folder:
            for entry in self._volume.entries(folder):
                parsed = parse_name(entry.name)
                if parsed is not None and parsed[:2] == (ref.start_us, ref.sequence):
                    return self._volume.open_in(folder, entry.name)
        raise FileNotFoundError


def _order(ref: SegmentRef) -> tuple[int, int]:
    return ref.start_us, ref.sequence


def _read(fd: int) -> SegmentTable:
    """The table, or what a walk finds where the end of the file is missing: what is there still plays."""
    try:
        return read_segment(fd)
    except SegmentError:
        return walk(fd).table
