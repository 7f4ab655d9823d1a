"""The init segment: ftyp and moov, for one track. PyAV's muxer writes it; nobody needs a second opinion on `stsd`."""

import io
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import av

from belvedere.media.fmp4.parameters import ParameterSets

#: Ticks a second of every video track, as in RTP.
VIDEO_TIMESCALE: Final = 90_000
_START_CODE: Final = b"\x00\x00\x00\x01"
#: Bytes of hvcC before its first array; the last of them says how many arrays there are.
_HVCC_ARRAYS: Final = 23


@dataclass(frozen=True, slots=True)
class Track:
    """What a player has to know of a track before its first fragment.

    codec        RFC 6381, `avc1.640028`
    timescale    ticks a second in its fragments
    utc_at_zero  the instant of tick 0, seconds since the epoch
    init         ftyp+moov
    number       of the track in it, and in its fragments
    """

    kind: str
    codec: str
    width: int
    height: int
    timescale: int
    utc_at_zero: float
    init: bytes
    number: int = 1


def write_init(parameters: ParameterSets, utc_at_zero: float) -> Track:
    """Make the init segment of a video track. Raises ValueError when the muxer wants none of it."""
    parsed = parameters.parsed
    sink = io.BytesIO()
    time_base = Fraction(1, VIDEO_TIMESCALE)
    # The muxer takes the parameter sets from the first packet; without slices in it nothing is parsed further.
    packet = av.Packet(b"".join(_START_CODE + nal for nal in parameters.nals))
    try:
        with av.open(
            sink, "w", format="mp4", options={"movflags": "frag_every_frame+empty_moov+default_base_moof"}
        ) as muxer:
            stream = muxer.add_mux_stream(
                parameters.format, width=parsed.width, height=parsed.height, time_base=time_base
            )
            packet.stream = stream
            packet.pts = packet.dts = 0
            packet.time_base = time_base
            packet.is_keyframe = True
            muxer.mux(packet)
    except av.FFmpegError as error:
        message = f"no init segment for {parsed.codec}: {type(error).__name__}"
        raise ValueError(message) from None
    init = _head_of(sink.getvalue())
    if parameters.format == "hevc":
        init = _say_complete(init)
    return Track("video", parsed.codec, parsed.width, parsed.height, VIDEO_TIMESCALE, utc_at_zero, init)


def _head_of(data: bytes) -> bytes:
    """Everything up to the end of moov: the muxer goes on to write our packet, and an index."""
    at = 0
    while at < len(data):
        size, name = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        at += size
        if name == b"moov" and (b"avcC" in data or b"hvcC" in data):
            return data[:at]
        if size < 8:
            break
    message = "the muxer wrote no moov"
    raise ValueError(message)


def _say_complete(init: bytes) -> bytes:
    """FFmpeg writes `hev1`, "look for parameter sets in the samples too"; ours hold none: `hvc1`, each array complete.

    Safari plays the latter only (ISO/IEC 14496-15, 8.3.3.1).
    """
    found = bytearray(init.replace(b"hev1", b"hvc1", 1))
    at = found.index(b"hvcC") + 4 + _HVCC_ARRAYS
    for _ in range(found[at - 1]):
        found[at] |= 0x80  # array_completeness
        count = int.from_bytes(found[at + 1 : at + 3])
        at += 3
        for _ in range(count):
            at += 2 + int.from_bytes(found[at : at + 2])
    return bytes(found)
