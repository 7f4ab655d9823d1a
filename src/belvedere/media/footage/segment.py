"""One segment file: about a minute of one camera, one quality, one codec run. Reads a descriptor, writes bytes.

A playable fragmented MP4, written from front to back and never changed:

    ftyp moov       as the live viewers got them: track 1 is video, 2 is audio
    uuid            our head: whose footage this is, JSON
    moof mdat …     the very fragments of the live stream, one frame each
    uuid            our table: one row for each fragment, so that a reader needs no walk
    mfra            the same for players that are not ours: where the key frames are

The head alone is enough to understand a file whose end was never written: `walk` finds the rows again.
"""

import os
import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from belvedere.contracts.sessions import Quality
from belvedere.media.footage.boxes import box, read_box_header, read_moof

VERSION: Final = 1
VIDEO: Final = 1
AUDIO: Final = 2
MAX_HEAD: Final = 2048
#: ftyp and moov. Ours have less than 2 KiB.
MAX_INIT: Final = 64 * 1024
#: Three hours of 50 frames a second, with as many of sound; more is no minute of a camera.
MAX_ROWS: Final = 1_000_000
#: What one read at the end of a file gets: table and mfra of a minute, mostly.
_TAIL_READ: Final = 64 * 1024

_HEAD_ID: Final = bytes.fromhex("6c1f4b52a0d94e8f9b3e7d5207c1e0a4")
_TABLE_ID: Final = bytes.fromhex("c8e03a1794bd4d6ea5527f10d63b98fe")
_COUNTS: Final = struct.Struct(">III")  # version, tracks, rows
_FIRST: Final = struct.Struct(">Iq")  # track, ticks of its first fragment
_ROW: Final = struct.Struct(">IIiI")  # duration, size, composition offset, flags
_SIZE: Final = struct.Struct(">I")
_MFRO: Final = struct.Struct(">I4sII")
_TFRA_HEAD: Final = struct.Struct(">IIII")
_TFRA_ENTRY: Final = struct.Struct(">QQBBB")
_IS_KEY: Final = 1


class SegmentError(Exception):
    """These bytes are no whole segment of ours. The message has no name in it."""


class TrackHead(msgspec.Struct, frozen=True):
    """A track of a segment.

    number      1 is video, 2 is audio
    codec       RFC 6381
    timescale   ticks a second
    first_tick  where this track's own clock stands at `start_us` of the segment
    """

    number: int
    kind: str
    codec: str
    timescale: int
    first_tick: int


class SegmentHead(msgspec.Struct, frozen=True):
    """What a segment says of itself, by ids alone: no names of people or places.

    run       hex id of the codec run: two segments of one run share their init, and their tracks' clocks go on
    sequence  rises within a volume; the writer gives it
    start_us  microseconds since the epoch, UTC, of the first video fragment
    """

    camera: str
    quality: Quality
    run: str
    sequence: int
    start_us: int
    tracks: tuple[TrackHead, ...]
    width: int
    height: int
    version: int = VERSION

    def track(self, number: int) -> TrackHead:
        """The track of that number. Raises SegmentError when there is none."""
        for track in self.tracks:
            if track.number == number:
                return track
        message = "a fragment of a track that the head does not name"
        raise SegmentError(message)

    def is_of(self, ref: "SegmentRef") -> bool:
        """Whether a file with this head is that segment, and not another one in its place (N25)."""
        return (self.camera, self.quality, self.start_us, self.sequence) == (
            ref.camera,
            ref.quality,
            ref.start_us,
            ref.sequence,
        )

    def utc_us(self, number: int, ticks: int) -> int:
        """The instant at which a track's clock shows `ticks`."""
        track = self.track(number)
        return self.start_us + (ticks - track.first_tick) * 1_000_000 // track.timescale


class SegmentRef(msgspec.Struct, frozen=True, gc=False):
    """Which segment, and where on the time line. Enough to make its path; microseconds, UTC; bytes.

    is_open  it is still being written: duration and size are those of a moment ago
    """

    camera: str
    quality: Quality
    start_us: int
    sequence: int
    duration_us: int
    size: int
    is_open: bool = False

    @property
    def end_us(self) -> int:
        """The first instant after it."""
        return self.start_us + self.duration_us


class Row(NamedTuple):
    """One fragment: where it lies in the file (whole, moof and mdat), and when it plays, in ticks of its track."""

    track: int
    offset: int
    size: int
    ticks: int
    duration: int
    composition_offset: int
    is_key: bool


class Timing(NamedTuple):
    """A fragment on its way to the disk: what `Row` says of it but where it lies. `duration` may be a guess."""

    track: int
    ticks: int
    duration: int
    composition_offset: int
    is_key: bool


@dataclass(frozen=True, slots=True)
class SegmentTable:
    """A segment without its pictures: head, init (ftyp and moov), and its fragments in file order."""

    head: SegmentHead
    init: bytes
    rows: tuple[Row, ...]

    @property
    def start_us(self) -> int:
        """The instant of the first video fragment."""
        return self.head.start_us

    @property
    def end_us(self) -> int:
        """The instant at which the last video fragment ends; the start, when there is none."""
        last = next((row for row in reversed(self.rows) if row.track == VIDEO), None)
        return self.head.start_us if last is None else self.head.utc_us(VIDEO, last.ticks + last.duration)

    def utc_us(self, row: Row) -> int:
        """When a fragment is decoded, which is when it is shown where there are no B-frames."""
        return self.head.utc_us(row.track, row.ticks)

    def find_key(self, utc_us: int) -> int | None:
        """Where in `rows` to start for a picture at this instant: the last key frame up to it, else the first one."""
        found = None
        for position, row in enumerate(self.rows):
            if row.track != VIDEO or not row.is_key:
                continue
            if found is not None and self.utc_us(row) > utc_us:
                break
            found = position
        return found


@dataclass(frozen=True, slots=True)
class Walked:
    """What `walk` found. `end` is where the last whole fragment ends; behind it lies a torn write, or a tail."""

    table: SegmentTable
    end: int


def write_head(head: SegmentHead, init: bytes) -> bytes:
    """The beginning of a file. Raises SegmentError for an init that is none, or a head that is too large."""
    told = msgspec.json.encode(head)
    if len(told) > MAX_HEAD or len(init) > MAX_INIT or init[4:8] != b"ftyp":
        message = "no head of a segment can be made of this"
        raise SegmentError(message)
    return init + box(b"uuid", _HEAD_ID, told)


def write_tail(rows: Sequence[Row]) -> bytes:
    """The end of a file whose fragments are these, in file order, without a hole between them.

    Durations become exact: the live ones are the frame's before.
    """
    rows = exact(rows)
    firsts: dict[int, int] = {}
    for row in rows:
        firsts.setdefault(row.track, row.ticks)
    size = 8 + 16 + _COUNTS.size + _FIRST.size * len(firsts) + _ROW.size * len(rows) + _SIZE.size
    table = box(
        b"uuid",
        _TABLE_ID,
        _COUNTS.pack(VERSION, len(firsts), len(rows)),
        *(_FIRST.pack(track, ticks) for track, ticks in firsts.items()),
        *(_ROW.pack(r.duration, r.size, r.composition_offset, r.track << 1 | r.is_key) for r in rows),
        _SIZE.pack(size),
    )
    keys = [row for row in rows if row.is_key and row.track == VIDEO]
    tfra = box(
        b"tfra",
        _TFRA_HEAD.pack(1 << 24, VIDEO, 0, len(keys)),
        *(_TFRA_ENTRY.pack(row.ticks, row.offset, 1, 1, 1) for row in keys),
    )
    return table + box(b"mfra", tfra, _MFRO.pack(16, b"mfro", 0, 8 + len(tfra) + 16))


def exact(rows: Iterable[Row]) -> tuple[Row, ...]:
    """The same rows, each as long as it is until the next one of its track; the last one keeps what it says."""
    following: dict[int, int] = {}
    result = []
    for row in reversed(tuple(rows)):
        until = following.get(row.track)
        following[row.track] = row.ticks
        if until is not None and until - row.ticks != row.duration:
            row = row._replace(duration=max(0, until - row.ticks))  # noqa: PLW2901  the same row, said better
        result.append(row)
    return tuple(reversed(result))


def read_head(fd: int) -> tuple[SegmentHead, bytes, int]:
    """(head, init, where the fragments begin) of a segment, finished or not.

    Raises SegmentError, and OSError as the disk does.
    """
    start = os.pread(fd, MAX_INIT + MAX_HEAD + 24, 0) if os.fstat(fd).st_size < _TAIL_READ else os.pread(fd, 8192, 0)
    found = _parse_head(start)
    if found is None:  # a moov of unusual size
        found = _parse_head(os.pread(fd, MAX_INIT + MAX_HEAD + 24, 0))
    if found is None:
        message = "a segment without a head"
        raise SegmentError(message)
    return found


def _parse_head(start: bytes) -> tuple[SegmentHead, bytes, int] | None:
    at = 0
    for expected in (b"ftyp", b"moov", b"uuid"):
        size, kind = read_box_header(start, at)
        if kind != expected or at + size > len(start):
            return None
        at += size
        if expected == b"uuid":
            begin = at - size
            if start[begin + 8 : begin + 24] != _HEAD_ID:
                return None
            try:
                head = msgspec.json.decode(start[begin + 24 : at], type=SegmentHead)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                return None
            # The run stands in playlists: nothing but what `secrets.token_hex` makes may get there.
            sane = (
                head.version == VERSION
                and _RUN.fullmatch(head.run) is not None
                and all(track.timescale > 0 for track in head.tracks)
            )
            return (head, start[:begin], at) if sane else None
    return None


def read_segment(fd: int) -> SegmentTable:
    """Read a finished segment: three short reads. Raises SegmentError when its end is not what `write_tail` wrote."""
    head, init, begin = read_head(fd)
    size = os.fstat(fd).st_size
    tail = os.pread(fd, _TAIL_READ, max(0, size - _TAIL_READ))
    if len(tail) < _MFRO.size:
        raise SegmentError(_TORN)
    _, kind, _, mfra = _MFRO.unpack(tail[-_MFRO.size :])
    table_end = size - mfra
    if kind != b"mfro" or table_end < begin + _SIZE.size:
        raise SegmentError(_TORN)
    (length,) = _SIZE.unpack(os.pread(fd, _SIZE.size, table_end - _SIZE.size))
    at = table_end - length
    if at < begin:
        raise SegmentError(_TORN)
    table = tail[-mfra - length : -mfra] if mfra + length <= len(tail) else os.pread(fd, length, at)
    return SegmentTable(head, init, _parse_table(table, begin, at))


_RUN: Final = re.compile(r"[0-9a-f]{1,32}", re.ASCII)
_TORN: Final = "a segment whose end was never written"


def _parse_table(table: bytes, begin: int, end: int) -> tuple[Row, ...]:
    if table[4:24] != b"uuid" + _TABLE_ID:
        raise SegmentError(_TORN)
    version, tracks, count = _COUNTS.unpack_from(table, 24)
    at = 24 + _COUNTS.size
    rows_at = at + tracks * _FIRST.size
    if version != VERSION or rows_at + count * _ROW.size + _SIZE.size != len(table):
        raise SegmentError(_TORN)
    ticks = dict(_FIRST.iter_unpack(table[at:rows_at]))
    rows = []
    offset = begin
    for duration, size, shift, flags in _ROW.iter_unpack(table[rows_at : -_SIZE.size]):
        track = flags >> 1
        if track not in ticks:
            raise SegmentError(_TORN)
        rows.append(Row(track, offset, size, ticks[track], duration, shift, bool(flags & _IS_KEY)))
        ticks[track] += duration
        offset += size
    if offset != end:
        message = "a segment whose table does not fit its fragments"
        raise SegmentError(message)
    return tuple(rows)


def walk(fd: int) -> Walked:
    """Find the rows of a segment from its fragments, up to the first that is not whole.

    Raises SegmentError when not even the head is there.
    """
    head, init, begin = read_head(fd)
    size = os.fstat(fd).st_size
    known = {track.number for track in head.tracks}
    rows: list[Row] = []
    at = begin
    while len(rows) < MAX_ROWS:
        moof = read_moof(fd, at)
        if moof is None or at + moof.size > size or moof.track not in known:
            break
        rows.append(Row(moof.track, at, moof.size, moof.ticks, moof.duration, moof.composition_offset, moof.is_key))
        at += moof.size
    return Walked(SegmentTable(head, init, exact(rows)), at)
