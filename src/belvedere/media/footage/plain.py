"""The index of a plain MP4 (ISO/IEC 14496-12): moov with tables, for samples that lie anywhere in the file. No I/O.

Every sample is a chunk of its own, because other bytes lie between them. Tables are arrays until they are written: an
hour has a hundred thousand samples.
"""

import struct
import sys
from array import array
from collections.abc import Sequence
from typing import Final

from belvedere.media.footage.boxes import box, children

#: Ticks a second of the film as a whole, and of its edits.
MOVIE_TIMESCALE: Final = 90_000
#: Seconds between 1904, where ISO files count from, and 1970.
_EPOCH: Final = 2_082_844_800
_VERSION_1: Final = 1 << 24
_ENABLED_IN_MOVIE: Final = 3
_MATRIX: Final = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_UNDETERMINED: Final = 0x55C4  # the language, packed: "und"
_EDIT: Final = struct.Struct(">QqI")
_RATE_1: Final = 0x10000


class TrackTables:
    """One track: its samples in the order of decoding, and what `stsd` says of them."""

    def __init__(self, number: int, kind: str, timescale: int) -> None:
        self.number = number
        self.kind = kind
        self.timescale = timescale
        #: decode time of the next sample, if it follows at once
        self.end = 0
        self.width = self.height = 0
        self._entries: list[bytes] = []
        self._shared: list[bytes] = []
        self._sizes = array("I")
        self._offsets = array("Q")
        self._keys = array("I")
        self._times = array("Q")
        self._shifts = array("i")
        #: (first chunk, entry), where it changes
        self._described: list[tuple[int, int]] = []
        self._written = b""

    def __len__(self) -> int:
        """Samples."""
        return len(self._sizes)

    @property
    def last(self) -> int:
        """Decode time of the last sample; -1 without one."""
        return self._times[-1] if self._times else -1

    @property
    def first(self) -> int:
        """Decode time of the first one. Raises IndexError without one."""
        return self._times[0]

    @property
    def first_shift(self) -> int:
        """Presentation minus decode time of the first one."""
        return self._shifts[0] if self._shifts else 0

    def describe(self, init: bytes) -> None:
        """From here on samples are as this init says, which has a track of that number. Raises ValueError if not."""
        entry, shared = _description_in(init, self.number)
        if entry not in self._entries:
            self._entries.append(entry)
            self._shared = self._shared or shared
        described = self._entries.index(entry) + 1
        if not self._described or self._described[-1][1] != described:
            self._described.append((len(self) + 1, described))

    def add(self, offset: int, size: int, time: int, duration: int, *, shift: int = 0, is_key: bool = True) -> None:
        """Add a sample. Times rise; the one before lasts until this one."""
        self._sizes.append(size)
        self._offsets.append(offset)
        self._times.append(time)
        self._shifts.append(shift)
        if is_key:
            self._keys.append(len(self._sizes))
        self.end = time + duration

    def cut(self, time: int) -> None:
        """Drop what begins at this time or later; what remains ends there at the latest."""
        while self._times and self._times[-1] >= time:
            for table in (self._sizes, self._offsets, self._times, self._shifts):
                table.pop()
            if self._keys and self._keys[-1] > len(self._sizes):
                self._keys.pop()
        self.end = min(self.end, time)

    def write(self, base: int, edits: Sequence[tuple[int, int]], created: int) -> bytes:
        """Write the trak box; nothing is to be added after it.

        base   where in the file offset 0 is
        edits  (duration in ticks of the movie, from which media time on; -1 = nothing is shown)
        """
        shown = sum(duration for duration, _ in edits)
        length = self.end - self._times[0] if self._times else 0
        is_sound = self.kind == "audio"
        tkhd = struct.pack(">IQQIIQ", _VERSION_1 | _ENABLED_IN_MOVIE, created, created, self.number, 0, shown)
        tkhd += struct.pack(">8xhhHH", 0, int(is_sound), 0x100 * is_sound, 0) + _MATRIX
        tkhd += struct.pack(">II", self.width << 16, self.height << 16)
        mdhd = struct.pack(">IQQIQHH", _VERSION_1, created, created, self.timescale, length, _UNDETERMINED, 0)
        elst = struct.pack(">II", _VERSION_1, len(edits)) + b"".join(_EDIT.pack(*edit, _RATE_1) for edit in edits)
        handler, *information = self._shared
        return box(
            b"trak",
            box(b"tkhd", tkhd),
            box(b"edts", box(b"elst", elst)),
            box(b"mdia", box(b"mdhd", mdhd), handler, box(b"minf", *information, self._write_tables(base))),
        )

    def _write_tables(self, base: int) -> bytes:
        if not self._written:
            self._written = self._write_fixed()
        offsets = _big(array("Q", (base + at for at in self._offsets)) if base else self._offsets)
        return box(b"stbl", self._written, box(b"co64", struct.pack(">II", 0, len(self)), offsets))

    def _write_fixed(self) -> bytes:
        """All tables but the one that depends on where the samples come to lie."""
        count = len(self)
        tables = [
            box(b"stsd", struct.pack(">II", 0, len(self._entries)), *self._entries),
            _runs_box(b"stts", 0, "I", self._durations()),
        ]
        if any(self._shifts):
            tables.append(_runs_box(b"ctts", _VERSION_1, "i", self._shifts))
        if len(self._keys) < count:
            tables.append(box(b"stss", struct.pack(">II", 0, len(self._keys)), _big(self._keys)))
        chunks = b"".join(struct.pack(">III", first, 1, entry) for first, entry in self._described if first <= count)
        tables.append(box(b"stsc", struct.pack(">II", 0, len(chunks) // 12), chunks))
        tables.append(box(b"stsz", struct.pack(">III", 0, 0, count), _big(self._sizes)))
        return b"".join(tables)

    def _durations(self) -> array[int]:
        ends = array("Q", self._times[1:])
        ends.append(self.end)
        return array("I", (end - start for start, end in zip(self._times, ends, strict=True)))


def write_moov(tracks: Sequence[bytes], duration: int, created: int) -> bytes:
    """The whole index. `duration` in ticks of the movie; `created` as `iso_seconds` has it."""
    mvhd = struct.pack(">IQQIQ", _VERSION_1, created, created, MOVIE_TIMESCALE, duration)
    mvhd += struct.pack(">IH10x", _RATE_1, 0x100) + _MATRIX + struct.pack(">24xI", len(tracks) + 1)
    return box(b"moov", box(b"mvhd", mvhd), *tracks)


def iso_seconds(utc_us: int) -> int:
    """Microseconds since 1970 → seconds since 1904."""
    return utc_us // 1_000_000 + _EPOCH


def _description_in(init: bytes, number: int) -> tuple[bytes, list[bytes]]:
    """(the entry of stsd, [hdlr, media header, dinf]) of a track, as boxes."""
    for kind, content in children(_inside(init, b"moov")):
        tkhd = _inside(content, b"tkhd")
        at = 20 if tkhd[:1] == b"\x01" else 12
        if kind != b"trak" or int.from_bytes(tkhd[at : at + 4]) != number:
            continue
        mdia = _inside(content, b"mdia")
        minf = _inside(mdia, b"minf")
        shared = [box(b"hdlr", _inside(mdia, b"hdlr"))]
        shared += [box(kind, body) for kind, body in children(minf) if kind != b"stbl"]
        stsd = _inside(_inside(minf, b"stbl"), b"stsd")
        if entry := stsd[8 : 8 + int.from_bytes(stsd[8:12])]:
            return entry, shared
    message = "an init without this track"
    raise ValueError(message)


def _inside(data: bytes, wanted: bytes) -> bytes:
    return next((content for kind, content in children(data) if kind == wanted), b"")


def _runs_box(kind: bytes, version: int, code: str, values: array[int]) -> bytes:
    """Pairs (count, value) of what comes several times in a row."""
    counts, distinct = array("I"), array(code)
    for value in values:
        if distinct and distinct[-1] == value:
            counts[-1] += 1
        else:
            counts.append(1)
            distinct.append(value)
    # Signed or not, the bits are the same.
    pairs = array("I", bytes(8 * len(counts)))
    pairs[0::2] = counts
    pairs[1::2] = array("I", distinct.tobytes())
    return box(kind, struct.pack(">II", version, len(counts)), _big(pairs))


def _big(values: array[int]) -> bytes:
    """Big endian, as files have it."""
    swapped = values[:]
    if sys.byteorder == "little":
        swapped.byteswap()
    return swapped.tobytes()
