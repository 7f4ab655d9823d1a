"""A file that is nowhere: a few bytes of ours, then slices of segment files, one behind the other."""

import os
import threading
from array import array
from bisect import bisect_right
from collections import OrderedDict
from typing import Final

from belvedere.media.footage.archive import Archive, FootageGone
from belvedere.media.footage.segment import SegmentRef

#: Segment files kept open. A reader goes from front to back, and there are seldom more than two of them.
_OPEN_FILES: Final = 4


class Slices:
    """Which bytes of which files, in order. What lies side by side is one slice."""

    def __init__(self) -> None:
        self.size = 0
        self.refs: list[SegmentRef] = []
        #: for each slice: where it lies among all, in which file, and where there
        self.starts = array("Q")
        self.files = array("I")
        self.offsets = array("Q")
        self._next_offset = -1

    def begin_file(self, ref: SegmentRef) -> None:
        """What is added from now on lies in this file."""
        self.refs.append(ref)
        self._next_offset = -1

    def add(self, offset: int, size: int) -> int:
        """Add these bytes of the file; where they lie among all."""
        at = self.size
        if offset != self._next_offset:
            self.starts.append(at)
            self.files.append(len(self.refs) - 1)
            self.offsets.append(offset)
        self._next_offset = offset + size
        self.size += size
        return at


class SlicedFile:
    """The file. All methods may be called from any thread; `read` waits for the disk."""

    def __init__(self, archive: Archive, front: bytes, slices: Slices) -> None:
        """`front` are the bytes before the first slice."""
        self.size = len(front) + slices.size
        self.front = front
        self._archive = archive
        self._slices = slices
        self._lock = threading.Lock()
        self._open: OrderedDict[int, int] = OrderedDict()
        self._is_closed = False

    def read(self, offset: int, size: int) -> bytes:
        """Exactly so many bytes, never others: raises FootageGone when a segment is not there any more; OSError."""
        end = min(offset + size, self.size)
        parts = [self.front[offset:end]]
        at = max(offset - len(self.front), 0)
        end -= len(self.front)
        with self._lock:
            if self._is_closed:
                raise FootageGone
            slices = self._slices
            index = bisect_right(slices.starts, at) - 1
            while at < end:
                until = slices.starts[index + 1] if index + 1 < len(slices.starts) else slices.size
                wanted = min(until, end) - at
                found = os.pread(
                    self._fd(slices.files[index]), wanted, slices.offsets[index] + at - slices.starts[index]
                )
                if len(found) != wanted:
                    raise FootageGone
                parts.append(found)
                at += wanted
                index += 1
        return b"".join(parts)

    def close(self) -> None:
        """Let go of the files; who reads after this reads nothing. Waits for a read that is under way."""
        with self._lock:
            self._is_closed = True
            while self._open:
                os.close(self._open.popitem()[1])

    def _fd(self, index: int) -> int:
        """An open file stays good when retention deletes it; one that is not open yet may be gone."""
        if index in self._open:
            self._open.move_to_end(index)
            return self._open[index]
        fd = self._open[index] = self._archive.open(self._slices.refs[index])
        if len(self._open) > _OPEN_FILES:
            os.close(self._open.popitem(last=False)[1])
        return fd
