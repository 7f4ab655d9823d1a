"""What goes, and how: by age, by bytes, and the oldest of all when the disk fills.

Deciding is pure: `due` takes the oldest first and stops where it may keep. Deleting keeps the order that a kill at any
step leaves something repair can finish: row to garbage, unlink, sync the folder, drop the row.
"""

import contextlib
import errno
import itertools
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import msgspec
import structlog

from belvedere.contracts.recordings import EraseReply
from belvedere.media.footage.index import Index, IndexFailed
from belvedere.media.footage.segment import SegmentRef
from belvedere.media.footage.volume import DAY_US, Volume, day_of, file_name

log = structlog.get_logger()

#: Below so much free room the oldest footage goes, whosever it is.
RESERVE_SHARE: Final = 0.02
RESERVE_BYTES: Final = 1024**3
#: On a disk so small that the reserve would be most of it, no more than this share.
_RESERVE_AT_MOST: Final = 0.25
#: An emergency frees a little more than it must, so that it does not come again at once.
_EMERGENCY_MARGIN: Final = 1.1
#: `is_filling` is told for this long after an emergency.
_FILLING_S: Final = 600.0
#: Segments buried at once.
_BATCH: Final = 500
#: Whatever it is, it is not our file in our folder (N25): nothing to delete.
_NOT_THERE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


class Swept(msgspec.Struct, frozen=True):
    """What one round deleted, and of it what only the lack of room did."""

    segments: int
    bytes: int
    emergency_bytes: int = 0


def due(oldest_first: Iterable[SegmentRef], *, before_us: int = 0, excess: int = 0) -> Iterator[SegmentRef]:
    """Which of these go: all that end by `before_us`, and more until `excess` bytes are gone. Pure."""
    freed = 0
    for ref in oldest_first:
        if ref.end_us > before_us and freed >= excess:
            return
        freed += ref.size
        yield ref


def reserve(total: int) -> int:
    """Bytes that stay free on a disk of this size."""
    return int(min(max(total * RESERVE_SHARE, RESERVE_BYTES), total * _RESERVE_AT_MOST))


class Retention:
    """Deletes footage of one volume. Synchronous, one call at a time; not for the loop."""

    def __init__(self, volume: Volume, index: Index, now: Callable[[], float] = time.time) -> None:
        self._volume = volume
        self._index = index
        self._now = now
        self._emergency_at = -_FILLING_S

    @property
    def is_filling(self) -> bool:
        """Whether footage went early of late, because the disk fills."""
        return self._now() - self._emergency_at < _FILLING_S

    def sweep(self) -> Swept:
        """One round, to be made about once a minute: age, bytes, room. A camera without a plan keeps what it has.

        Raises OSError when the disk cannot even be asked.
        """
        self._delete(self._index.garbage())
        now_us = int(self._now() * 1e6)
        plans = self._index.plans()
        swept = Swept(0, 0)
        for footage in self._index.cameras():
            if plan := plans.get(footage.camera):
                before_us = now_us - plan.keep_days * DAY_US
                excess = footage.bytes - plan.keep_bytes if plan.keep_bytes else 0
                if footage.first_us < before_us or excess > 0:
                    oldest = self._index.oldest(footage.camera)
                    swept = self._go(swept, due(oldest, before_us=before_us, excess=excess))
        free, total = self._volume.free()
        if free >= reserve(total):
            return swept
        before = swept.bytes
        missing = int(reserve(total) * _EMERGENCY_MARGIN) - free
        swept = self._go(swept, due(self._index.oldest(), excess=missing))
        self._emergency_at = self._now()
        log.error("footage_goes_early", bytes=swept.bytes - before, free_mb=free // 1_000_000)
        return msgspec.structs.replace(swept, emergency_bytes=swept.bytes - before)

    def erase(self, camera: str, start_us: int, end_us: int) -> EraseReply:
        """Delete what touches this span, whole segments. One that is being written does not count: end it first."""
        swept = self._go(Swept(0, 0), self._index.segments(camera, None, start_us, end_us))
        return EraseReply(swept.segments, swept.bytes)

    def _go(self, swept: Swept, refs: Iterable[SegmentRef]) -> Swept:
        for batch in itertools.batched(refs, _BATCH):
            # On a full disk no row can be moved, but a file that goes makes the room. Repair knows rows without files.
            with contextlib.suppress(IndexFailed):
                self._index.bury(batch)
            gone = self._delete(batch)
            swept = Swept(swept.segments + len(gone), swept.bytes + sum(ref.size for ref in gone))
        return swept

    def _delete(self, refs: Sequence[SegmentRef]) -> list[SegmentRef]:
        gone = delete_files(self._volume, refs, empty_before_us=int(self._now() * 1e6) - DAY_US)
        self._index.forget(gone)
        return gone


def delete_files(volume: Volume, refs: Iterable[SegmentRef], *, empty_before_us: int = 0) -> list[SegmentRef]:
    """Unlink the files of these, and say which are gone for good. Folders of days before that instant go when empty.

    What cannot be deleted now stays in the garbage, and is tried again with the next round.
    """
    gone: list[SegmentRef] = []
    in_folders = sorted(refs, key=lambda ref: (ref.camera, ref.quality, ref.start_us))
    for _, group in itertools.groupby(in_folders, key=lambda ref: (ref.camera, ref.quality, day_of(ref.start_us))):
        batch = list(group)
        try:
            _delete_in_one_folder(volume, batch, is_past=day_of(batch[0].start_us) < day_of(empty_before_us))
        except OSError as error:
            if error.errno not in _NOT_THERE:
                log.warning("footage_not_deleted", camera=batch[0].camera, error=error.strerror)
                continue
        gone += batch
    return gone


def _delete_in_one_folder(volume: Volume, batch: Sequence[SegmentRef], *, is_past: bool) -> None:
    first = batch[0]
    with volume.folder(first.camera, first.quality, first.start_us) as folder:
        for ref in batch:
            with contextlib.suppress(FileNotFoundError):
                volume.disk.unlink(file_name(ref), folder)
        volume.disk.sync(folder)
        is_empty = is_past and not volume.entries(folder)
    if is_empty:
        day = day_of(first.start_us)
        parent = volume.disk.open_folder(first.camera, volume.fd)
        try:
            quality = volume.disk.open_folder(first.quality, parent)
            try:
                volume.disk.remove_folder(day, quality)
            finally:
                os.close(quality)
        finally:
            os.close(parent)
