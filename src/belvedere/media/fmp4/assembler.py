"""Packets as a demuxer gives them → access units as `mdat` wants them: H.264 and H.265.

Parameter sets go into the init segment and nowhere else (`avc1`, `hvc1`), so a change is noticed here: FFmpeg tells
nobody (seen), and a picture decoded with the wrong ones is grey.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from belvedere.media.fmp4 import h264, h265
from belvedere.media.fmp4.h264 import split_annex_b, split_configuration, split_lengths
from belvedere.media.fmp4.parameters import ParameterSets, Sps

_SMALLEST_AVCC: Final = 7


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One picture: NAL units, each behind its length in four bytes. A decoder can start at a key one."""

    payload: bytes
    is_key: bool


@dataclass(frozen=True, slots=True)
class _Grammar:
    """What the codecs differ in.

    sets      type of a parameter set → how to read its id, in the order a decoder wants them
    left_out  types that belong into the init segment, or nowhere
    """

    nal_type: Callable[[bytes], int]
    is_random_access: Callable[[int], bool]
    sets: Mapping[int, Callable[[bytes], int]]
    parse_sps: Callable[[bytes], Sps]
    sps: int
    sei: frozenset[int]
    left_out: frozenset[int]


_GRAMMARS: Final = {
    "h264": _Grammar(
        nal_type=h264.nal_type,
        is_random_access=lambda kind: kind == h264.NalType.IDR,
        sets={h264.NalType.SPS: lambda nal: h264.parse_sps(nal).id, h264.NalType.PPS: h264.parse_pps_id},
        parse_sps=h264.parse_sps,
        sps=h264.NalType.SPS,
        sei=frozenset({h264.NalType.SEI}),
        left_out=frozenset(
            {
                *(h264.NalType.SPS, h264.NalType.PPS, h264.NalType.DELIMITER),
                *(h264.NalType.END_OF_SEQUENCE, h264.NalType.END_OF_STREAM, h264.NalType.FILLER),
            }
        ),
    ),
    "hevc": _Grammar(
        nal_type=h265.nal_type,
        is_random_access=h265.is_random_access,
        sets={
            h265.NalType.VPS: h265.parse_vps_id,
            h265.NalType.SPS: lambda nal: h265.parse_sps(nal).id,
            h265.NalType.PPS: h265.parse_pps_id,
        },
        parse_sps=h265.parse_sps,
        sps=h265.NalType.SPS,
        sei=frozenset({h265.NalType.PREFIX_SEI, h265.NalType.SUFFIX_SEI}),
        left_out=frozenset(
            {
                *(h265.NalType.VPS, h265.NalType.SPS, h265.NalType.PPS, h265.NalType.DELIMITER),
                *(h265.NalType.END_OF_SEQUENCE, h265.NalType.END_OF_STREAM, h265.NalType.FILLER),
            }
        ),
    ),
}

#: FFmpeg's names of the codecs that can be carried.
CODECS: Final = frozenset(_GRAMMARS)


class Assembler:
    """Assembles one run of a stream. `parameters` are those in force; they change at key frames only."""

    def __init__(self, codec: str = "h264") -> None:
        """Take FFmpeg's name of the codec, one of CODECS."""
        self.parameters: ParameterSets | None = None
        #: bytes in front of each NAL unit of a packet; 0 = start codes, as everything that came by RTSP has (seen)
        self.length_size = 0
        self._codec = codec
        self._grammar = _GRAMMARS[codec]
        self._sets: dict[int, dict[int, bytes]] = {kind: {} for kind in self._grammar.sets}

    def learn(self, extradata: bytes) -> None:
        """Take what is known before the first packet: Annex B, as FFmpeg makes of the parameter sets in an SDP, or an
        avcC, as files have it. It also says how packets will be cut.

        What cannot be read is passed over: the stream itself will bring better.
        """
        try:
            if extradata[:1] == b"\x01" and len(extradata) > _SMALLEST_AVCC and self._codec == "h264":
                self.length_size, nals = split_configuration(extradata)
            else:
                nals = split_annex_b(extradata)
            self._collect(nals)
        except ValueError:
            return

    def feed(self, packet: bytes, *, is_key: bool = False) -> AccessUnit | None:
        """One packet in, one picture out; None for a packet without one.

        is_key: the demuxer's opinion; a slice at which decoders can begin counts without it. Raises ValueError for what
        is not of this codec.
        """
        grammar = self._grammar
        nals = split_lengths(packet, self.length_size) if self.length_size else split_annex_b(packet)
        kinds = [grammar.nal_type(nal) for nal in nals]
        kept = [nal for nal, kind in zip(nals, kinds, strict=True) if kind not in grammar.left_out]
        if len(kept) < len(nals):
            self._collect(nals)
        if all(grammar.nal_type(nal) in grammar.sei for nal in kept):
            return None
        is_key = is_key or any(map(grammar.is_random_access, kinds))
        if is_key:
            self._settle()
        payload = b"".join(part for nal in kept for part in (len(nal).to_bytes(4), nal))
        return AccessUnit(payload, is_key)

    def _collect(self, nals: list[bytes]) -> None:
        for nal in nals:
            kind = self._grammar.nal_type(nal)
            if (read_id := self._grammar.sets.get(kind)) is not None:
                self._sets[kind][read_id(nal)] = nal

    def _settle(self) -> None:
        """Make what was collected the parameters in force, if it is complete and something new."""
        if not all(self._sets.values()):
            return
        nals = tuple(nal for found in self._sets.values() for nal in found.values())
        if self.parameters is None or self.parameters.nals != nals:
            first = next(iter(self._sets[self._grammar.sps].values()))
            self.parameters = ParameterSets(self._codec, nals, self._grammar.parse_sps(first))
