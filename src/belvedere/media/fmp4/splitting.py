"""One init segment of several tracks → one of each track alone, as a socket sends them. Pure; undoes `joining`."""

from collections.abc import Iterator
from typing import Final

#: Where a track's number stands behind the header of its box: tkhd by version, trex.
_NUMBER_IN_TKHD: Final = {0: 12, 1: 20}
_NUMBER_IN_TREX: Final = 4


def split_init(init: bytes) -> dict[int, bytes]:
    """ftyp+moov → track number → ftyp+moov of that track, which keeps its number.

    Raises ValueError for what is no init segment.
    """
    boxes = list(_boxes(init))
    moov = next((whole for kind, whole in boxes if kind == b"moov"), b"")
    numbers = [_number_of(trak) for kind, trak in _boxes(moov[8:]) if kind == b"trak"]
    if not numbers:
        message = "an init segment without a track"
        raise ValueError(message)
    return {
        number: b"".join(_only(moov, number) if kind == b"moov" else whole for kind, whole in boxes)
        for number in numbers
    }


def _only(moov: bytes, number: int) -> bytes:
    """The same moov without the other tracks."""
    kept = []
    for kind, whole in _boxes(moov[8:]):
        if kind == b"mvex":
            inside = [
                part for name, part in _boxes(whole[8:]) if name != b"trex" or _u32(part, 8 + _NUMBER_IN_TREX) == number
            ]
            kept.append(_box(b"mvex", inside))
        elif kind != b"trak" or _number_of(whole) == number:
            kept.append(whole)
    return _box(b"moov", kept)


def _number_of(trak: bytes) -> int:
    tkhd = next((whole for kind, whole in _boxes(trak[8:]) if kind == b"tkhd"), b"")
    at = _NUMBER_IN_TKHD.get(tkhd[8], 0) if len(tkhd) > 8 else 0
    if not at or len(tkhd) < 8 + at + 4:
        message = "a track without a number"
        raise ValueError(message)
    return _u32(tkhd, 8 + at)


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, whole box) one behind the other. Raises ValueError when the sizes do not add up."""
    at = 0
    while at < len(data):
        size = _u32(data, at)
        if size < 8 or at + size > len(data):
            message = "the sizes of boxes do not add up"
            raise ValueError(message)
        yield data[at + 4 : at + 8], data[at : at + size]
        at += size


def _box(kind: bytes, parts: list[bytes]) -> bytes:
    body = b"".join(parts)
    return (8 + len(body)).to_bytes(4) + kind + body


def _u32(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4])
