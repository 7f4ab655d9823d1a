"""Boxes of an init segment (ISO/IEC 14496-12, 4.2): as much as joining and splitting tracks needs."""

import struct
from collections.abc import Iterator
from typing import Final

_U32: Final = struct.Struct(">I")
#: Where a track's number stands behind the header of its box: tkhd by version, trex.
NUMBER_IN_TKHD: Final = {0: 12, 1: 20}
NUMBER_IN_TREX: Final = 4


def box(kind: bytes, body: bytes) -> bytes:
    """A box around its body."""
    return _U32.pack(8 + len(body)) + kind + body


def boxes(data: bytes, at: int, until: int) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start, end) of each body. Raises ValueError when the sizes do not add up."""
    while at < until:
        size = int.from_bytes(data[at : at + 4])
        if size < 8 or at + size > until:
            message = "the sizes of boxes do not add up"
            raise ValueError(message)
        yield data[at + 4 : at + 8], at + 8, at + size
        at += size
