"""A range of footage as one plain MP4 that is written nowhere: moov first, then the bytes of the segment files.

Nothing is transcoded or copied. The samples lie inside of their fragments, whose own headers are bytes that no table
points at; so any range of the file is a few slices of files, at once, and the same each time it is asked for.

Breaks in the footage are cut out. A player starts at the key frame before the range; an edit list hides what lies
before it, unless that is footage the asker may not have: then the film begins at the first key frame he may.
"""

import hashlib
import time
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from belvedere.contracts.recordings import JOIN_S
from belvedere.media.fmp4.fragment import HEADER_SIZE
from belvedere.media.footage.archive import Archive, FootageGone
from belvedere.media.footage.boxes import box
from belvedere.media.footage.plain import MOVIE_TIMESCALE, TrackTables, iso_seconds, write_moov
from belvedere.media.footage.segment import AUDIO, VIDEO, Row, SegmentRef, SegmentTable
from belvedere.media.footage.slices import SlicedFile, Slices

#: Some two days of pictures, or one with sound. The index of a film is held in memory: 20 bytes for each.
MAX_SAMPLES: Final = 5_000_000
#: Others want the interpreter too: after each segment's table it is theirs.
_YIELD_S: Final = 0.001
_FTYP: Final = box(b"ftyp", b"isom\x00\x00\x02\x00isomiso2avc1mp41")
_LARGE_MDAT: Final = 16
#: No sound of a segment is earlier than its first picture by so much.
_SOUND_BEFORE_US: Final = 10_000_000


class ExportTooLong(Exception):  # noqa: N818  what it is
    """The index of this range would not fit into memory."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which footage is wanted; microseconds, UTC, half open.

    earliest_us  nothing that was recorded before this is in the file, not even hidden
    with_sound   without it there is no byte of sound in the file
    """

    camera: str
    quality: str
    start_us: int
    end_us: int
    earliest_us: int
    with_sound: bool


class Export:
    """The file, and what is in it. `read` waits for the disk; everything else is at hand.

    etag   for as long as the same footage answers the same question, also when it is asked anew
    spans  (start, end) of each piece of footage in it, microseconds
    """

    def __init__(self, file: SlicedFile, etag: str, spans: Sequence[tuple[int, int]], instants: "_Instants") -> None:
        self.size = file.size
        self.read = file.read
        self.close = file.close
        self.etag = etag
        self.spans = tuple(spans)
        self._instants = instants
        self._front = len(file.front)

    def earliest_from(self, offset: int) -> int:
        """The earliest instant of all footage from this place of the file on; microseconds."""
        return self._instants.earliest_from(max(0, offset - self._front))

    def latest_before(self, offset: int) -> int:
        """Up to which instant a reader has it who got all before this place; microseconds."""
        return self._instants.latest_before(max(0, offset - self._front))


def build_export(archive: Archive, question: Question) -> Export | None:
    """Find footage and lay it out; None: there is none. Blocks, some 10 ms for each minute of footage.

    Raises ExportTooLong, OSError.
    """
    if question.start_us >= question.end_us:
        return None
    film = _Film(question)
    for ref in choose(archive, question.camera, question.quality, question.start_us, question.end_us):
        try:
            film.append(ref, archive.table(ref))
        except FootageGone:
            continue  # deleted meanwhile: a gap
        time.sleep(_YIELD_S)
    return film.finish(archive)


def choose(archive: Archive, camera: str, quality: str, start_us: int, end_us: int) -> list[SegmentRef]:
    """The segments of a range: those of this quality, or where there are none, those that there are."""
    return archive.segments(camera, quality, start_us, end_us) or archive.segments(camera, None, start_us, end_us)


class _Instants:
    """When what lies where was recorded, to the key frame."""

    def __init__(self) -> None:
        self._places = array("Q")
        self._times = array("q")
        self._floor = array("q")

    def add(self, at: int, utc_us: int) -> None:
        self._places.append(at)
        self._times.append(utc_us)

    def settle(self) -> None:
        """A clock may have been set back: what counts is the earliest of all that follows."""
        self._floor = self._times[:]
        for index in range(len(self._floor) - 2, -1, -1):
            self._floor[index] = min(self._floor[index], self._floor[index + 1])

    def earliest_from(self, at: int) -> int:
        return self._floor[max(0, bisect_right(self._places, at) - 1)]

    def latest_before(self, at: int) -> int:
        return self._times[max(0, bisect_right(self._places, at) - 1)]


class _Film:
    """Segments, laid one behind the other."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._slices = Slices()
        self._instants = _Instants()
        self._video = TrackTables(VIDEO, "video", MOVIE_TIMESCALE)
        self._audio: TrackTables | None = None
        self._spans: list[tuple[int, int]] = []
        self._identity = hashlib.sha256()
        #: the last picture of the stretch that goes on: (run, ticks, decode time in the film)
        self._last: tuple[str, int, int] | None = None
        #: where the film begins, in ticks of the movie: what lies before is hidden
        self._hidden = 0

    def append(self, ref: SegmentRef, table: SegmentTable) -> None:
        """Take what is wanted of a segment. Raises ExportTooLong."""
        rows = self._wanted(table)
        if not rows:
            return
        self._slices.begin_file(ref)
        self._identity.update(f"{ref.start_us}-{ref.sequence};".encode())
        head = table.head
        scale = head.track(VIDEO).timescale
        first = next(row for row in rows if row.track == VIDEO)
        begins = self._place(head.run, first, scale, table)
        sound = self._sound_of(table)
        #: when this segment's own first tick is, in the film
        origin = begins - (first.ticks - head.track(VIDEO).first_tick) * MOVIE_TIMESCALE // scale
        for row in rows:
            if row.track == VIDEO:
                at = self._slices.add(row.offset, row.size)
                when = begins + (row.ticks - first.ticks) * MOVIE_TIMESCALE // scale
                self._video.add(
                    at + HEADER_SIZE,
                    row.size - HEADER_SIZE,
                    when,
                    row.duration * MOVIE_TIMESCALE // scale,
                    shift=row.composition_offset * MOVIE_TIMESCALE // scale,
                    is_key=row.is_key,
                )
                self._last = head.run, row.ticks, when
                if row.is_key:
                    self._instants.add(at, table.utc_us(row))
            elif sound is not None:
                self._add_sound(sound, table, row, origin)
        if len(self._video) + (0 if self._audio is None else len(self._audio)) > MAX_SAMPLES:
            raise ExportTooLong

    def finish(self, archive: Archive) -> Export | None:
        """The file, if anything is in it."""
        if not len(self._video):
            return None
        self._end_stretch()
        self._instants.settle()
        question = self._question
        asked = (question.camera, question.quality, question.start_us, question.end_us, question.with_sound)
        front = self._write_front()
        self._identity.update(repr(asked).encode())
        self._identity.update(front)
        spans = [(max(start, question.start_us), min(end, question.end_us)) for start, end in self._spans]
        file = SlicedFile(archive, front, self._slices)
        return Export(file, f'"{self._identity.hexdigest()[:40]}"', spans, self._instants)

    # -- which rows ---------------------------------------------------------------------------------------------

    def _wanted(self, table: SegmentTable) -> list[Row]:
        """The rows from the first key frame on that may be shown, up to the end of the range."""
        question = self._question
        begin = self._first_row(table)
        if begin is None:
            return []
        end = len(table.rows)
        if table.end_us > question.end_us:
            pictures = ((place, row) for place, row in _pictures(table) if place >= begin)
            end = next((place for place, row in pictures if table.utc_us(row) >= question.end_us), end)
        if not question.with_sound:
            return [row for row in table.rows[begin:end] if row.track == VIDEO]
        if question.earliest_us < table.start_us - _SOUND_BEFORE_US:
            return list(table.rows[begin:end])
        rows = table.rows[begin:end]
        return [row for row in rows if row.track == VIDEO or table.utc_us(row) >= question.earliest_us]

    def _first_row(self, table: SegmentTable) -> int | None:
        question = self._question
        found = None
        for place, row in _keys(table):
            utc_us = table.utc_us(row)
            if utc_us >= question.end_us or (found is not None and utc_us > question.start_us):
                break
            if utc_us >= question.earliest_us:
                found = place
        return found

    # -- where they go ------------------------------------------------------------------------------------------

    def _place(self, run: str, first: Row, scale: int, table: SegmentTable) -> int:
        """When the first picture of a segment is shown in the film, in ticks of the movie."""
        utc_us, end_us = table.utc_us(first), min(table.end_us, self._question.end_us)
        if self._last is not None:
            last_run, last_ticks, last_when = self._last
            step = first.ticks - last_ticks
            if run == last_run and 0 < step <= JOIN_S * scale:
                self._spans[-1] = self._spans[-1][0], end_us
                self._video.describe(table.init)
                return last_when + step * MOVIE_TIMESCALE // scale
            self._end_stretch()
        else:
            shown = max(
                (row for _, row in _pictures(table) if table.utc_us(row) <= self._question.start_us), default=first
            )
            self._hidden = max(0, shown.ticks - first.ticks) * MOVIE_TIMESCALE // scale
        self._video.describe(table.init)
        self._video.width = max(self._video.width, table.head.width)
        self._video.height = max(self._video.height, table.head.height)
        self._spans.append((utc_us, end_us))
        return self._video.end

    def _sound_of(self, table: SegmentTable) -> TrackTables | None:
        track = next((track for track in table.head.tracks if track.number == AUDIO), None)
        if track is None or not self._question.with_sound:
            return None
        if self._audio is None:
            self._audio = TrackTables(AUDIO, "audio", track.timescale)
        self._audio.describe(table.init)
        return self._audio

    def _add_sound(self, sound: TrackTables, table: SegmentTable, row: Row, origin: int) -> None:
        """Sound is where the picture of the same instant is, whatever was cut out before."""
        track = table.head.track(AUDIO)
        when = origin * sound.timescale // MOVIE_TIMESCALE
        when += (row.ticks - track.first_tick) * sound.timescale // track.timescale
        duration = row.duration * sound.timescale // track.timescale
        if (when + duration) * MOVIE_TIMESCALE > self._hidden * sound.timescale and when > sound.last:
            at = self._slices.add(row.offset, row.size)
            sound.add(at + HEADER_SIZE, row.size - HEADER_SIZE, when, duration)

    def _end_stretch(self) -> None:
        """Sound does not go on where the picture does not."""
        if self._audio is not None:
            self._audio.cut(self._video.end * self._audio.timescale // MOVIE_TIMESCALE)

    # -- how it is written --------------------------------------------------------------------------------------

    def _write_front(self) -> bytes:
        """Everything up to the first slice. Written twice: how long it is, is known only then."""
        length = len(self._write_index(0)) + len(_FTYP) + _LARGE_MDAT
        mdat = (1).to_bytes(4) + b"mdat" + (_LARGE_MDAT + self._slices.size).to_bytes(8)
        return _FTYP + self._write_index(length) + mdat

    def _write_index(self, base: int) -> bytes:
        created = iso_seconds(self._spans[0][0])
        length = self._video.end - self._hidden
        tracks = [self._video.write(base, [(length, self._hidden + self._video.first_shift)], created)]
        if self._audio is not None and len(self._audio):
            tracks.append(self._audio.write(base, self._sound_edits(self._audio, length), created))
        return write_moov(tracks, length, created)

    def _sound_edits(self, sound: TrackTables, length: int) -> list[tuple[int, int]]:
        hidden = self._hidden * sound.timescale // MOVIE_TIMESCALE
        if sound.first <= hidden:
            return [(length, hidden - sound.first)]
        silence = (sound.first - hidden) * MOVIE_TIMESCALE // sound.timescale
        return [(silence, -1), (max(0, length - silence), 0)]


def _pictures(table: SegmentTable) -> Iterator[tuple[int, Row]]:
    return ((place, row) for place, row in enumerate(table.rows) if row.track == VIDEO)


def _keys(table: SegmentTable) -> Iterator[tuple[int, Row]]:
    return ((place, row) for place, row in _pictures(table) if row.is_key)
