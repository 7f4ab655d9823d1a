"""Two init segments of one track each → one of both, as a file with sound needs it. Live, each track goes alone."""

import struct
from collections.abc import Iterator
from typing import Final

from belvedere.media.fmp4.boxes import NUMBER_IN_TKHD, NUMBER_IN_TREX, box, boxes

VIDEO: Final = 1
SOUND: Final = 2
#: Sound as the camera sent it, where files hold another form; only ever alone.
HEARD: Final = 3
_U32: Final = struct.Struct(">I")


def number_track(init: bytes, number: int) -> bytes:
    """The same init segment of one track, its track called `number`. Raises ValueError when it is none."""
    changed = bytearray(init)
    for kind, start, _ in _walk(init, 0, len(init)):
        if kind == b"tkhd":
            _U32.pack_into(changed, start + NUMBER_IN_TKHD[init[start]], number)
        elif kind == b"trex":
            _U32.pack_into(changed, start + NUMBER_IN_TREX, number)
    return bytes(changed)


def join(video: bytes, sound: bytes) -> bytes:
    """One ftyp and moov for both, whose tracks have different numbers already. Raises ValueError for anything else."""
    tracks, extends = (
        next(bytes(sound[start - 8 : end]) for kind, start, end in _walk(sound, 0, len(sound)) if kind == wanted)
        for wanted in (b"trak", b"trex")
    )
    moov = b""
    for kind, start, end in boxes(video, *_body_of_moov(video)):
        whole = video[start - 8 : end]
        if kind == b"mvhd":
            whole = whole[:-4] + _U32.pack(SOUND + 1)  # next_track_ID
        elif kind == b"mvex":
            whole = box(b"mvex", video[start:end] + extends)
        moov += whole
        if kind == b"trak":
            moov += tracks
    begin, end = _body_of_moov(video)
    return video[: begin - 8] + box(b"moov", moov) + video[end:]


def _body_of_moov(init: bytes) -> tuple[int, int]:
    for kind, start, end in boxes(init, 0, len(init)):
        if kind == b"moov":
            return start, end
    message = "an init segment without moov"
    raise ValueError(message)


def _walk(data: bytes, at: int, until: int) -> Iterator[tuple[bytes, int, int]]:
    """The same, and what is inside of moov, trak and mvex."""
    for kind, start, end in boxes(data, at, until):
        yield kind, start, end
        if kind in {b"moov", b"trak", b"mvex"}:
            yield from _walk(data, start, end)
