"""What a decoder must know before the first picture, whatever the codec."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sps:
    """What a sequence parameter set says: its id, the size in pixels after cropping, the codec string (RFC 6381)."""

    id: int
    width: int
    height: int
    codec: str


@dataclass(frozen=True, slots=True)
class ParameterSets:
    """All parameter sets in force, raw NAL units in the order a decoder wants them.

    format  FFmpeg's name of the codec, `h264` or `hevc`
    parsed  what stands in the first SPS
    """

    format: str
    nals: tuple[bytes, ...]
    parsed: Sps
