"""Boxes of ISO/IEC 14496-12, as far as footage must read and write them."""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

#: A moof of ours has 104 bytes. One read gets it, the header of mdat, and no more than a page.
_READ: Final = 512
_U32: Final = struct.Struct(">I")
_HAS_BASE: Final = 0x1
_HAS_DESCRIPTION: Final = 0x2
_HAS_DEFAULT_DURATION: Final = 0x8
_HAS_DATA_OFFSET: Final = 0x1
_HAS_FIRST_FLAGS: Final = 0x4
_HAS_DURATION: Final = 0x100
_HAS_SIZE: Final = 0x200
_HAS_FLAGS: Final = 0x400
_HAS_COMPOSITION: Final = 0x800
_NON_SYNC: Final = 0x00010000


@dataclass(frozen=True, slots=True)
class Moof:
    """A fragment with one sample. `size` is that of moof and mdat together, the rest ticks of its track."""

    size: int
    track: int
    ticks: int
    duration: int
    composition_offset: int
    is_key: bool


def box(kind: bytes, *content: bytes) -> bytes:
    """A box around its content."""
    body = b"".join(content)
    return _U32.pack(8 + len(body)) + kind + body


def read_box_header(data: bytes, at: int) -> tuple[int, bytes]:
    """(size, kind) of the box at `at`; (0, b"") when it is cut short, or of a size no box of ours has."""
    if len(data) - at < 8:
        return 0, b""
    (size,) = _U32.unpack_from(data, at)
    return (size, data[at + 4 : at + 8]) if size >= 8 else (0, b"")


def read_moof(fd: int, at: int) -> Moof | None:
    """The fragment at this place of a file, or None when none begins there. Its mdat may be longer than the file."""
    data = os.pread(fd, _READ, at)
    size, kind = read_box_header(data, at=0)
    if kind != b"moof" or size + 8 > len(data):
        return None
    payload, kind = read_box_header(data, size)
    if kind != b"mdat":
        return None
    try:
        return _parse(data[:size], size + payload)
    except struct.error:  # a box inside is cut short
        return None


def _parse(moof: bytes, size: int) -> Moof | None:
    traf = next((body for kind, body in children(moof[8:]) if kind == b"traf"), b"")
    inside = dict(children(traf))
    if not {b"tfhd", b"tfdt", b"trun"} <= inside.keys():
        return None
    track, duration = _parse_tfhd(inside[b"tfhd"])
    tfdt = inside[b"tfdt"]
    (ticks,) = struct.unpack_from(">Q" if tfdt[0] else ">I", tfdt, 4)
    flags, samples = struct.unpack_from(">II", inside[b"trun"])
    if samples != 1:
        return None
    at = 8 + 4 * bool(flags & _HAS_DATA_OFFSET)
    sample_flags = composition_offset = 0
    if flags & _HAS_FIRST_FLAGS:
        (sample_flags,) = _U32.unpack_from(inside[b"trun"], at)
        at += 4
    if flags & _HAS_DURATION:
        (duration,) = _U32.unpack_from(inside[b"trun"], at)
        at += 4
    at += 4 * bool(flags & _HAS_SIZE)
    if flags & _HAS_FLAGS:
        (sample_flags,) = _U32.unpack_from(inside[b"trun"], at)
        at += 4
    if flags & _HAS_COMPOSITION:
        (composition_offset,) = struct.unpack_from(">i", inside[b"trun"], at)
    return Moof(size, track, ticks, duration, composition_offset, not sample_flags & _NON_SYNC)


def _parse_tfhd(tfhd: bytes) -> tuple[int, int]:
    """(track, default duration)."""
    flags, track = struct.unpack_from(">II", tfhd)
    if not flags & _HAS_DEFAULT_DURATION:
        return track, 0
    at = 8 + 8 * bool(flags & _HAS_BASE) + 4 * bool(flags & _HAS_DESCRIPTION)
    return track, _U32.unpack_from(tfhd, at)[0]


def children(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, content) of the boxes that lie here one behind the other; ends where one is cut short."""
    at = 0
    while True:
        size, kind = read_box_header(data, at)
        if not size or at + size > len(data):
            return
        yield kind, data[at + 8 : at + size]
        at += size
