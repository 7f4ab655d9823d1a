"""One init segment of several tracks → one of each track alone, as a socket sends them. Pure; undoes `joining`."""

from belvedere.media.fmp4.boxes import NUMBER_IN_TKHD, NUMBER_IN_TREX, box, boxes


def split_init(init: bytes) -> dict[int, bytes]:
    """ftyp+moov → track number → ftyp+moov of that track, which keeps its number.

    Raises ValueError for what is no init segment.
    """
    outer = _wholes(init)
    moov = next((whole for kind, whole in outer if kind == b"moov"), b"")
    numbers = [_number_of(trak) for kind, trak in _wholes(moov[8:]) if kind == b"trak"]
    if not numbers:
        message = "an init segment without a track"
        raise ValueError(message)
    return {
        number: b"".join(_only(moov, number) if kind == b"moov" else whole for kind, whole in outer)
        for number in numbers
    }


def _only(moov: bytes, number: int) -> bytes:
    """The same moov without the other tracks."""
    kept = []
    for kind, whole in _wholes(moov[8:]):
        if kind == b"mvex":
            inside = [
                part for name, part in _wholes(whole[8:]) if name != b"trex" or _u32(part, 8 + NUMBER_IN_TREX) == number
            ]
            kept.append(box(b"mvex", b"".join(inside)))
        elif kind != b"trak" or _number_of(whole) == number:
            kept.append(whole)
    return box(b"moov", b"".join(kept))


def _number_of(trak: bytes) -> int:
    tkhd = next((whole for kind, whole in _wholes(trak[8:]) if kind == b"tkhd"), b"")
    at = NUMBER_IN_TKHD.get(tkhd[8], 0) if len(tkhd) > 8 else 0
    if not at or len(tkhd) < 8 + at + 4:
        message = "a track without a number"
        raise ValueError(message)
    return _u32(tkhd, 8 + at)


def _wholes(data: bytes) -> list[tuple[bytes, bytes]]:
    """(kind, whole box) one behind the other. Raises ValueError when the sizes do not add up."""
    return [(kind, data[start - 8 : end]) for kind, start, end in boxes(data, 0, len(data))]


def _u32(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4])
