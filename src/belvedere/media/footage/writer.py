"""Writing footage: one thread for a volume, which takes what all cameras have a few times a second.

Nobody who hands over fragments ever waits. A disk that cannot keep up costs segments, never a camera: over its bound, a
segment ends with what is in the file already, and the camera's next one begins a few seconds later.
"""

import errno
import itertools
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import structlog

from belvedere.media.footage.index import Index
from belvedere.media.footage.segment import (
    VIDEO,
    Row,
    SegmentHead,
    SegmentRef,
    SegmentTable,
    Timing,
    exact,
    write_head,
    write_tail,
)
from belvedere.media.footage.volume import MAX_SEGMENT_US, Volume, file_name, is_camera, part_name

log = structlog.get_logger()

#: The thread wakes no more often than this; kill -9 costs as much.
WRITE_EVERY_S: Final = 0.25
#: A power cut costs as much.
SYNC_EVERY_S: Final = 10.0
#: Bytes of one camera that wait for the disk: 16 s of 4 Mbit/s.
MAX_PENDING: Final = 8 * 1024 * 1024
#: After an error a camera's next segment is not begun earlier; nor is an unfinished one tried again.
BACKOFF_S: Final = 5.0
#: As often is a segment tried that cannot be finished; then its `.part` is left to the next start's repair.
_TRIES: Final = 24
#: `trouble` is told for this long.
_TROUBLE_S: Final = 30.0
_IDLE_S: Final = 1.0

DISK_FULL: Final = "disk_full"
DISK_SLOW: Final = "disk_slow"
DISK_FAILED: Final = "disk_failed"
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class OpenSegment:
    """A segment that is being written, as the one who records sees it.

    error  disk_slow, disk_full, disk_failed: it takes nothing more. Empty: all is well
    """

    def __init__(self, head: SegmentHead, init: bytes) -> None:
        self.head = head
        self.error = ""
        #: below: the writer's own
        self.init = init
        self.start = write_head(head, init)
        self.pending: list[tuple[Timing, bytes | memoryview]] = []
        self.rows: list[Row] = []
        self.fd = -1
        self.end = 0
        self.until_us = head.start_us
        self.duration_us = 0
        self.is_over = False
        self.synced_at: float | None = None
        self.again_at = 0.0
        self.tries = 0
        self.finished: SegmentRef | None = None

    def ref(self) -> SegmentRef:
        """What of it is in the file."""
        head = self.head
        return self.finished or SegmentRef(
            head.camera,
            head.quality,
            head.start_us,
            head.sequence,
            self.until_us - head.start_us,
            self.end,
            is_open=True,
        )


class Writer:
    """Writes one volume. `begin`, `append` and `finish` belong to one thread or loop and return at once."""

    def __init__(
        self,
        volume: Volume,
        index: Index,
        clock: Callable[[], float] = time.monotonic,
        *,
        max_pending: int = MAX_PENDING,
    ) -> None:
        self._volume = volume
        self._disk = volume.disk
        self._index = index
        self._clock = clock
        self._max_pending = max_pending
        self._sequences = itertools.count(index.last_sequence() + 1)
        self._lock = threading.Lock()
        #: by sequence, in the order of their beginning
        self._segments: dict[int, OpenSegment] = {}
        #: bytes of each camera that are not in a file yet
        self._waiting: defaultdict[str, int] = defaultdict(int)
        #: the last error of each camera, and when
        self._errors: dict[str, tuple[str, float]] = {}
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._rounds = threading.Condition(self._lock)
        self._round = 0
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="footage-writer", daemon=True)
        self._thread.start()

    def begin(self, head: SegmentHead, init: bytes) -> OpenSegment:
        """Begin a segment; its file is made with its first fragments. The sequence in `head` is set here.

        Within `BACKOFF_S` of the camera's last error the segment returned has that error already.
        Raises SegmentError or ValueError for a head that no segment can have.
        """
        if not is_camera(head.camera):
            message = "footage of what is no camera"
            raise ValueError(message)
        head = msgspec.structs.replace(head, sequence=next(self._sequences))
        segment = OpenSegment(head, init)
        error, at = self._errors.get(head.camera, ("", 0.0))
        if error and self._clock() - at < BACKOFF_S:
            segment.error = error
            segment.is_over = True
            return segment
        with self._lock:
            self._segments[head.sequence] = segment
        return segment

    def append(self, segment: OpenSegment, rows: Sequence[Timing], data: Sequence[bytes | memoryview]) -> bool:
        """Hand over fragments in file order, whole ones. False: the segment is over, `segment.error` says why."""
        size = sum(map(len, data))
        with self._lock:
            if segment.is_over:
                return False
            if self._waiting[segment.head.camera] + size > self._max_pending:
                self._abort(segment, DISK_SLOW)
                return False
            self._waiting[segment.head.camera] += size
            segment.pending.extend(zip(rows, data, strict=True))
        if not self._wake.is_set():
            self._wake.set()
        return True

    def finish(self, segment: OpenSegment, duration_us: int) -> None:
        """No more fragments: it lasts this long, gets its table and its name. Harmless after an error."""
        with self._lock:
            segment.duration_us = segment.duration_us or duration_us
            segment.is_over = True
        self._wake.set()

    @property
    def trouble(self) -> str:
        """What went wrong with the disk of late: the newest of disk_full, disk_slow, disk_failed, or empty."""
        error, at = max(self._errors.copy().values(), key=lambda item: item[1], default=("", 0.0))
        return error if error and self._clock() - at < _TROUBLE_S else ""

    def open_segments(self, camera: str | None = None) -> list[SegmentRef]:
        """Those with something in the file, oldest first, until their rows are in the index."""
        with self._lock:
            segments = [s for s in self._segments.values() if camera is None or s.head.camera == camera]
        return [segment.ref() for segment in segments if segment.rows]

    def table(self, ref: SegmentRef) -> SegmentTable | None:
        """What of it is in the file; None when it is not being written."""
        segment = self._segments.get(ref.sequence)
        if segment is None or segment.finished is not None:
            return None
        return SegmentTable(segment.head, segment.init, exact(tuple(segment.rows)))

    def flush(self, timeout: float = 30.0) -> None:
        """Wait until everything that was asked before has been tried, or the disk hangs. Not for the loop."""
        deadline = time.monotonic() + timeout
        with self._rounds:
            wanted = self._round + 2
            while self._round < wanted and self._thread.is_alive() and time.monotonic() < deadline:
                self._wake.set()
                self._hurry.set()
                self._rounds.wait(timeout=0.05)

    def close(self, timeout: float = 30.0) -> None:
        """Finish what is open, as far as the disk lets us, and end; a disk that hangs is not waited for longer.

        Harmless twice.
        """
        with self._lock:
            self._is_closing = True
            for segment in self._segments.values():
                segment.is_over = True
        self._wake.set()
        self._hurry.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            self._wake.wait(timeout=_IDLE_S)
            self._wake.clear()
            is_last = self._is_closing
            with self._lock:
                segments = tuple(self._segments.values())
            for segment in segments:
                self._serve(segment, is_last=is_last)
            with self._rounds:
                self._round += 1
                self._rounds.notify_all()
            if is_last:
                break
            self._hurry.wait(timeout=WRITE_EVERY_S)
            self._hurry.clear()
        for segment in self._segments.values():
            if segment.fd >= 0:
                os.close(segment.fd)
                segment.fd = -1

    def _serve(self, segment: OpenSegment, *, is_last: bool) -> None:
        """Do what is due for one segment. Never raises what a disk can do."""
        now = self._clock()
        if segment.finished is not None and segment.fd < 0:
            return  # it waits for the index
        if now < segment.again_at and not is_last:
            return
        with self._lock:
            pending, segment.pending = segment.pending, []
            is_over = segment.is_over
        try:
            self._write(segment, pending)
            if is_over:
                self._finish(segment)
            elif segment.fd >= 0 and now - (segment.synced_at or 0.0) >= SYNC_EVERY_S:
                self._sync(segment, now)
        except OSError as error:
            self._fail(segment, error)
        finally:
            with self._lock:
                self._waiting[segment.head.camera] -= sum(len(data) for _, data in pending)

    def _write(self, segment: OpenSegment, pending: list[tuple[Timing, bytes | memoryview]]) -> None:
        if not pending:
            return
        head = segment.head
        data = [data for _, data in pending]
        if segment.fd < 0:
            with self._volume.folder(head.camera, head.quality, head.start_us, create=True) as folder:
                segment.fd = self._disk.create_file(part_name(head.start_us, head.sequence), folder)
            data.insert(0, segment.start)
            segment.synced_at = self._clock()
        at = segment.end
        self._disk.write(segment.fd, data, at)
        at = at or len(segment.start)
        for timing, piece in pending:
            track, ticks, duration, composition_offset, is_key = timing
            segment.rows.append(Row(track, at, len(piece), ticks, duration, composition_offset, is_key))
            at += len(piece)
            if track == VIDEO:
                segment.until_us = head.utc_us(VIDEO, ticks + duration)
        segment.end = at

    def _sync(self, segment: OpenSegment, now: float) -> None:
        head = segment.head
        self._disk.sync_data(segment.fd)
        with self._volume.folder(head.camera, head.quality, head.start_us) as folder:
            self._disk.sync(folder)  # its name, too
        segment.synced_at = now

    def _finish(self, segment: OpenSegment) -> None:
        """Table, sync, name, sync, row: in this order, so that whatever has the name is whole. May be tried again."""
        if segment.fd < 0:
            self._drop(segment)
            return
        head = segment.head
        part = part_name(head.start_us, head.sequence)
        with self._volume.folder(head.camera, head.quality, head.start_us) as folder:
            if not any(row.is_key and row.track == VIDEO for row in segment.rows):
                self._disk.unlink(part, folder)
                self._disk.sync(folder)
                self._drop(segment)
                return
            if segment.finished is None:
                tail = write_tail(segment.rows)
                self._disk.truncate(segment.fd, segment.end)
                self._disk.write(segment.fd, [tail], segment.end)
                self._disk.sync(segment.fd)
                duration_us = min(max(segment.duration_us or segment.until_us - head.start_us, 1000), MAX_SEGMENT_US)
                ref = SegmentRef(
                    head.camera, head.quality, head.start_us, head.sequence, duration_us, segment.end + len(tail)
                )
                self._disk.rename(part, file_name(ref), folder)
                segment.finished = ref
            self._disk.sync(folder)
        os.close(segment.fd)
        segment.fd = -1
        # Until the row is in, it is found here.
        self._index.add([segment.finished]).add_done_callback(lambda _: self._drop(segment))

    def _fail(self, segment: OpenSegment, error: OSError) -> None:
        word = DISK_FULL if error.errno in _FULL else DISK_FAILED
        segment.tries += 1
        segment.again_at = self._clock() + BACKOFF_S
        with self._lock:
            self._abort(segment, word)
        if segment.fd < 0 or segment.tries >= _TRIES:
            log.error("segment_abandoned", camera=segment.head.camera, error=word, id=segment.head.sequence)
            self._drop(segment)

    def _abort(self, segment: OpenSegment, word: str) -> None:
        """End a segment with what is in its file. Under the lock."""
        camera = segment.head.camera
        self._errors[camera] = word, self._clock()
        self._waiting[camera] -= sum(len(data) for _, data in segment.pending)
        segment.pending.clear()
        segment.is_over = True
        if not segment.error:
            segment.error = word
            log.warning("segment_aborted", camera=camera, error=word)

    def _drop(self, segment: OpenSegment) -> None:
        if segment.fd >= 0:
            os.close(segment.fd)
            segment.fd = -1
        with self._lock:
            self._segments.pop(segment.head.sequence, None)
