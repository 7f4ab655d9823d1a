"""One camera's footage for one viewer, in slices small enough to hold: from a key frame up to before the next one.

Everything here blocks, and runs in a thread. It reads no frame that lies before `floor_us`, the earliest instant its
viewer may see: what is before that is as good as not there, the beginning of a group of pictures included (N23).
"""

import contextlib
import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from belvedere.contracts.recordings import JOIN_S
from belvedere.contracts.sessions import Quality
from belvedere.media.delivery.websocket import frame_media
from belvedere.media.fmp4.splitting import split_init
from belvedere.media.footage import Archive, FootageGone, SegmentHead, SegmentRef, SegmentTable
from belvedere.media.footage.segment import VIDEO

#: Segments of one run may overlap by a nudge of the camera's clock; more is another time of day.
JOIN_US: Final = int(JOIN_S * 1_000_000)
#: Beyond this there is no time that files can have.
_END_OF_TIME_S: Final = 9e10
#: A group of pictures that is larger is read in several slices.
MAX_SLICE: Final = 2 * 1024 * 1024
#: No camera makes a picture of this size: the table lies.
_MAX_FRAGMENT: Final = 16 * 1024 * 1024


class Frame(NamedTuple):
    """One fragment, framed for the socket. `track` is 1 for video, 2 for sound; `position` its row in the segment.

    end_us  the first instant that it does not show; of a key frame read alone, that of the next one
    """

    track: int
    utc_us: int
    end_us: int
    wire: bytes
    position: int


class Place(NamedTuple):
    """Where to read on: at a row of a segment. `utc_us`: what came before ended then."""

    ref: SegmentRef
    position: int
    utc_us: int


@dataclass(frozen=True, slots=True)
class Slice:
    """Frames in file order, all of one segment; never empty. `inits`: track number → its init segment alone."""

    ref: SegmentRef
    head: SegmentHead
    inits: dict[int, bytes]
    frames: tuple[Frame, ...]

    @property
    def start_us(self) -> int:
        """When its first frame is on."""
        return self.frames[0].utc_us


class FootageReader:
    """Reads for one viewer. Methods raise OSError and sqlite3.Error as the disk does; None is: there is nothing."""

    def __init__(self, archive: Archive, camera: str, quality: Quality) -> None:
        """Where there is footage of both qualities at once, `quality` is taken."""
        self._archive = archive
        self._camera = camera
        self._quality = quality

    def at(self, utc_us: int, floor_us: int, *, keys_only: bool = False) -> Slice | None:
        """What a decoder needs for the picture at this instant; where there is none, from the first one after it."""
        wanted = max(utc_us, floor_us)
        for ref in self._around(wanted):
            with contextlib.suppress(FootageGone):
                table = self._archive.table(ref)
                keys = [p for p, utc in _keys(table) if floor_us <= utc <= wanted]
                if keys:
                    return self._cut(ref, table, keys[-1], keys_only=keys_only)
        return self._first(self._from(wanted), wanted, keys_only=keys_only)

    def after(self, place: Place, floor_us: int, *, keys_only: bool = False) -> Slice | None:
        """What follows, across segments and gaps."""
        end_us = place.utc_us
        with contextlib.suppress(FootageGone):
            table = self._archive.table(place.ref)
            position = _due(table, place.position, floor_us, keys_only=keys_only)
            if position is not None:
                return self._cut(place.ref, table, position, keys_only=keys_only)
            end_us = table.end_us
        return self._first(self._following(place.ref.start_us), max(end_us - JOIN_US, floor_us), keys_only=keys_only)

    def before(self, utc_us: int, floor_us: int) -> Slice | None:
        """The last key frame before an instant, alone."""
        ref = self._archive.before(self._camera, utc_us)
        while ref is not None and ref.end_us > floor_us:
            with contextlib.suppress(FootageGone):
                table = self._archive.table(ref)
                keys = [p for p, utc in _keys(table) if floor_us <= utc < utc_us]
                if keys:
                    return self._cut(ref, table, keys[-1], keys_only=True)
            ref = self._archive.before(self._camera, ref.start_us)
        return None

    def _first(self, refs: Iterator[SegmentRef], utc_us: int, *, keys_only: bool) -> Slice | None:
        """From the first key frame of these segments that is not before an instant."""
        for ref in refs:
            if ref.end_us <= utc_us:
                continue
            with contextlib.suppress(FootageGone):
                table = self._archive.table(ref)
                position = next((p for p, utc in _keys(table) if utc >= utc_us), None)
                if position is not None:
                    return self._cut(ref, table, position, keys_only=keys_only)
        return None

    def _around(self, utc_us: int) -> list[SegmentRef]:
        """The segments in which this instant lies, the best one first."""
        found = self._archive.segments(self._camera, None, utc_us, utc_us + 1)
        return sorted(found, key=lambda ref: (ref.quality != self._quality, -ref.start_us))

    def _from(self, utc_us: int) -> Iterator[SegmentRef]:
        yield from self._around(utc_us)
        yield from self._following(utc_us)

    def _following(self, start_us: int) -> Iterator[SegmentRef]:
        """All that start later, one at a time: there may be a year of them."""
        ref = self._archive.after(self._camera, start_us)
        while ref is not None:
            yield ref
            ref = self._archive.after(self._camera, ref.start_us)

    def _cut(self, ref: SegmentRef, table: SegmentTable, first: int, *, keys_only: bool) -> Slice:
        """Read a slice. Raises FootageGone when not even its first fragment is there."""
        rows = table.rows
        last = first + 1
        size = rows[first].size
        while not keys_only and last < len(rows) and not (rows[last].track == VIDEO and rows[last].is_key):
            size += rows[last].size
            if size > MAX_SLICE:
                size -= rows[last].size
                break
            last += 1
        if size > _MAX_FRAGMENT:
            raise FootageGone
        fd = self._archive.open(ref)
        try:
            data = os.pread(fd, size, rows[first].offset)
        finally:
            os.close(fd)
        frames = []
        at = 0
        for position, row in enumerate(rows[first:last], first):
            fragment = data[at : at + row.size]
            if len(fragment) < row.size or fragment[4:8] != b"moof":  # cut short, or overwritten, behind our back
                break
            start_us = table.head.utc_us(row.track, row.ticks)
            if keys_only:
                end_us = next((utc for p, utc in _keys(table) if p > position), table.end_us)
            else:
                end_us = table.head.utc_us(row.track, row.ticks + row.duration)
            frames.append(Frame(row.track, start_us, end_us, frame_media(row.track - 1, fragment), position))
            at += row.size
        if not frames:
            raise FootageGone
        return Slice(ref, table.head, _split(table.init), tuple(frames))


def instant_us(seconds: float) -> int:
    """Seconds since the epoch, as anybody may say them → microseconds within the time that files can have."""
    return int(min(max(seconds, 0.0), _END_OF_TIME_S) * 1e6)


@functools.lru_cache(64)
def _split(init: bytes) -> dict[int, bytes]:
    try:
        return split_init(init)
    except ValueError:
        raise FootageGone from None


def _keys(table: SegmentTable) -> Iterator[tuple[int, int]]:
    """(position, instant) of the key frames."""
    return (
        (position, table.utc_us(row)) for position, row in enumerate(table.rows) if row.is_key and row.track == VIDEO
    )


def _due(table: SegmentTable, position: int, floor_us: int, *, keys_only: bool) -> int | None:
    """The row to go on at: this one, or the next key frame where this one is not wanted, or not allowed."""
    if position >= len(table.rows):
        return None
    if not keys_only and table.utc_us(table.rows[position]) >= floor_us:
        return position
    return next((p for p, utc in _keys(table) if p >= position and utc >= floor_us), None)
