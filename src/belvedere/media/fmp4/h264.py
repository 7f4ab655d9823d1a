"""What we need to know of H.264 (ITU-T H.264, 7.3 and annex B): NAL units, and the picture size in an SPS."""

from enum import IntEnum
from typing import Final

from belvedere.media.fmp4.bits import Bits
from belvedere.media.fmp4.parameters import Sps

_START_CODE: Final = b"\x00\x00\x01"
#: Profiles whose SPS carries chroma format and bit depth (7.3.2.1.1).
_HIGH_PROFILES: Final = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_CHROMA_444: Final = 3
_LISTS_444: Final = 12
_LISTS: Final = 8


class NalType(IntEnum):
    """nal_unit_type, table 7-1, as far as it matters here."""

    SLICE = 1
    IDR = 5
    SEI = 6
    SPS = 7
    PPS = 8
    DELIMITER = 9
    END_OF_SEQUENCE = 10
    END_OF_STREAM = 11
    FILLER = 12


def nal_type(nal: bytes) -> int:
    """nal_unit_type of a NAL unit that is not empty."""
    return nal[0] & 0x1F


def split_annex_b(data: bytes) -> list[bytes]:
    """Cut a byte stream at its start codes. Raises ValueError when it does not begin with one."""
    if not data.startswith((_START_CODE, b"\x00" + _START_CODE)):
        message = "no start code where one must be"
        raise ValueError(message)
    # A NAL unit never ends in a zero byte (7.4.1), so trailing zeros belong to the next start code.
    parts = (part.rstrip(b"\x00") for part in data.split(_START_CODE)[1:])
    return [nal for nal in parts if nal]


def split_lengths(data: bytes, width: int = 4) -> list[bytes]:
    """Cut a sample into NAL units, each behind `width` bytes of length. Raises ValueError if those do not add up."""
    nals = []
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + width])
        at += width
        if not 0 < size <= len(data) - at:
            message = "the lengths of NAL units do not add up"
            raise ValueError(message)
        nals.append(data[at : at + size])
        at += size
    return nals


def split_configuration(record: bytes) -> tuple[int, list[bytes]]:
    """(bytes in a length, parameter sets) of an AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1).

    Raises ValueError when it is cut short.
    """
    nals: list[bytes] = []
    at = 5
    for mask in (0x1F, 0xFF):  # SPS, then PPS
        count = int.from_bytes(record[at : at + 1]) & mask
        at += 1
        for _ in range(count):
            size = int.from_bytes(record[at : at + 2])
            at += 2
            if not 0 < size <= len(record) - at:
                message = "a decoder configuration is cut short"
                raise ValueError(message)
            nals.append(record[at : at + size])
            at += size
    return (record[4] & 3) + 1, nals


def parse_sps(nal: bytes) -> Sps:
    """Read an SPS NAL unit. Raises ValueError when it makes no sense."""
    bits = Bits(nal[1:])
    profile, constraints, level = bits.read(8), bits.read(8), bits.read(8)
    sps_id = bits.exp_golomb()
    chroma = 1
    planes = False
    if profile in _HIGH_PROFILES:
        chroma = bits.exp_golomb()
        if chroma == _CHROMA_444:
            planes = bool(bits.read(1))
        bits.exp_golomb()  # bit_depth_luma_minus8
        bits.exp_golomb()  # bit_depth_chroma_minus8
        bits.read(1)  # qpprime_y_zero_transform_bypass_flag
        if bits.read(1):
            _skip_scaling_lists(bits, _LISTS_444 if chroma == _CHROMA_444 else _LISTS)
    bits.exp_golomb()  # log2_max_frame_num_minus4
    _skip_picture_order(bits)
    bits.exp_golomb()  # max_num_ref_frames
    bits.read(1)  # gaps_in_frame_num_value_allowed_flag
    columns, rows = bits.exp_golomb() + 1, bits.exp_golomb() + 1
    frames_only = bits.read(1)
    if not frames_only:
        bits.read(1)  # mb_adaptive_frame_field_flag
    bits.read(1)  # direct_8x8_inference_flag
    left = right = top = bottom = 0
    if bits.read(1):
        left, right, top, bottom = (bits.exp_golomb() for _ in range(4))
    # Crop units, 7.4.2.1.1: chroma samples, and twice as high where fields are coded.
    wide = 2 if chroma in {1, 2} and not planes else 1
    high = (2 if chroma == 1 and not planes else 1) * (2 - frames_only)
    width = columns * 16 - (left + right) * wide
    height = rows * 16 * (2 - frames_only) - (top + bottom) * high
    if width <= 0 or height <= 0:
        message = "an SPS crops everything away"
        raise ValueError(message)
    return Sps(sps_id, width, height, f"avc1.{profile:02x}{constraints:02x}{level:02x}")


def parse_pps_id(nal: bytes) -> int:
    """pic_parameter_set_id of a PPS. Raises ValueError when it is cut short."""
    return Bits(nal[1:8]).exp_golomb()


def _skip_scaling_lists(bits: Bits, lists: int) -> None:
    for index in range(lists):
        if not bits.read(1):
            continue
        last = following = 8
        for _ in range(16 if index < 6 else 64):
            if following:
                following = (last + bits.signed_exp_golomb()) % 256
            last = following or last


def _skip_picture_order(bits: Bits) -> None:
    kind = bits.exp_golomb()
    if kind == 0:
        bits.exp_golomb()  # log2_max_pic_order_cnt_lsb_minus4
    elif kind == 1:
        bits.read(1)
        bits.signed_exp_golomb()
        bits.signed_exp_golomb()
        for _ in range(min(bits.exp_golomb(), 255)):
            bits.signed_exp_golomb()
