"""What we need to know of H.265 (ITU-T H.265, 7.3 and annex B): NAL units, and the picture size in an SPS."""

from enum import IntEnum
from typing import Final

from belvedere.media.fmp4.bits import Bits
from belvedere.media.fmp4.parameters import Sps

#: NAL units of a picture at which a decoder can begin: BLA, IDR, CRA (7.4.2.2).
_FIRST_RANDOM_ACCESS: Final = 16
_LAST_RANDOM_ACCESS: Final = 21
_HEADER: Final = 2
_CHROMA_444: Final = 3
_MAX_SUB_LAYERS: Final = 8


class NalType(IntEnum):
    """nal_unit_type, table 7-1, as far as it matters here."""

    VPS = 32
    SPS = 33
    PPS = 34
    DELIMITER = 35
    END_OF_SEQUENCE = 36
    END_OF_STREAM = 37
    FILLER = 38
    PREFIX_SEI = 39
    SUFFIX_SEI = 40


def nal_type(nal: bytes) -> int:
    """nal_unit_type of a NAL unit that is not empty."""
    return nal[0] >> 1 & 0x3F


def is_random_access(kind: int) -> bool:
    """Whether a decoder can begin at a slice of this type."""
    return _FIRST_RANDOM_ACCESS <= kind <= _LAST_RANDOM_ACCESS


def parse_vps_id(nal: bytes) -> int:
    """vps_video_parameter_set_id. Raises ValueError when it is cut short."""
    return Bits(nal[_HEADER:8]).read(4)


def parse_pps_id(nal: bytes) -> int:
    """pps_pic_parameter_set_id. Raises ValueError when it is cut short."""
    return Bits(nal[_HEADER:10]).exp_golomb()


def parse_sps(nal: bytes) -> Sps:
    """Read an SPS NAL unit. Raises ValueError when it makes no sense."""
    bits = Bits(nal[_HEADER:])
    bits.read(4)  # sps_video_parameter_set_id
    sub_layers = bits.read(3)
    bits.read(1)  # sps_temporal_id_nesting_flag
    codec = _read_profile(bits, sub_layers)
    sps_id = bits.exp_golomb()
    chroma = bits.exp_golomb()
    planes = chroma == _CHROMA_444 and bool(bits.read(1))
    width, height = bits.exp_golomb(), bits.exp_golomb()
    if bits.read(1):
        left, right, top, bottom = (bits.exp_golomb() for _ in range(4))
        # Units of the conformance window, table 6-1.
        width -= (left + right) * (2 if chroma in {1, 2} and not planes else 1)
        height -= (top + bottom) * (2 if chroma == 1 and not planes else 1)
    if width <= 0 or height <= 0:
        message = "an SPS crops everything away"
        raise ValueError(message)
    return Sps(sps_id, width, height, codec)


def _read_profile(bits: Bits, sub_layers: int) -> str:
    """profile_tier_level (7.3.3) as `hvc1.1.6.L93.B0` (ISO/IEC 14496-15, annex E)."""
    space, tier, profile = bits.read(2), bits.read(1), bits.read(5)
    compatible = int(f"{bits.read(32):032b}"[::-1], 2)
    constraints = bits.read(48).to_bytes(6).rstrip(b"\x00")
    level = bits.read(8)
    flags = [(bits.read(1), bits.read(1)) for _ in range(sub_layers)]
    if sub_layers:
        bits.read(2 * (_MAX_SUB_LAYERS - sub_layers))
    for has_profile, has_level in flags:
        bits.read(88 * has_profile + 8 * has_level)
    words = [f"{' ABC'[space].strip()}{profile}", f"{compatible:X}", f"{'LH'[tier]}{level}"]
    return ".".join(["hvc1", *words, *(f"{byte:X}" for byte in constraints)])
