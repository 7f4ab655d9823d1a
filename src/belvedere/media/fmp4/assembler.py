"""Packets as a demuxer gives them → access units as `mdat` wants them. H.264; another codec gets a class beside this.

Parameter sets go into the init segment and nowhere else (`avc1`), so a change is noticed here: FFmpeg tells nobody
(seen), and a picture decoded with the wrong ones is grey.
"""

from dataclasses import dataclass, field
from typing import Final

from belvedere.media.fmp4.h264 import (
    NalType,
    Sps,
    nal_type,
    parse_pps_id,
    parse_sps,
    split_annex_b,
    split_configuration,
    split_lengths,
)

#: What belongs into the init segment, or nowhere.
_LEFT_OUT: Final = frozenset(
    {
        NalType.SPS,
        NalType.PPS,
        NalType.DELIMITER,
        NalType.END_OF_SEQUENCE,
        NalType.END_OF_STREAM,
        NalType.FILLER,
    }
)


_SMALLEST_AVCC: Final = 7


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One picture: NAL units, each behind its length in four bytes. A decoder can start at a key one."""

    payload: bytes
    is_key: bool


@dataclass(frozen=True, slots=True)
class ParameterSets:
    """What a decoder must know before the first picture: raw NAL units, and what stands in the first SPS."""

    sps: tuple[bytes, ...]
    pps: tuple[bytes, ...]
    parsed: Sps


@dataclass
class H264Assembler:
    """Assembles one run of a stream. `parameters` are those in force; they change at key frames only."""

    parameters: ParameterSets | None = None
    #: bytes in front of each NAL unit of a packet; 0 = start codes, as everything that came by RTSP has (seen)
    length_size: int = 0
    _sps: dict[int, bytes] = field(default_factory=dict)
    _pps: dict[int, bytes] = field(default_factory=dict)

    def learn(self, extradata: bytes) -> None:
        """Take what is known before the first packet: Annex B, as FFmpeg makes of `sprop-parameter-sets` in an SDP, or
        an avcC, as files have it. It also says how packets will be cut.

        What cannot be read is passed over: the stream itself will bring better.
        """
        try:
            if extradata[:1] == b"\x01" and len(extradata) > _SMALLEST_AVCC:
                self.length_size, nals = split_configuration(extradata)
            else:
                nals = split_annex_b(extradata)
            self._collect(nals)
        except ValueError:
            return

    def feed(self, packet: bytes, *, is_key: bool = False) -> AccessUnit | None:
        """One packet in, one picture out; None for a packet without one.

        is_key: the demuxer's opinion; an IDR slice counts without it. Raises ValueError for what is no H.264.
        """
        nals = split_lengths(packet, self.length_size) if self.length_size else split_annex_b(packet)
        kept = [nal for nal in nals if nal_type(nal) not in _LEFT_OUT]
        if len(kept) < len(nals):
            self._collect(nals)
        if all(nal_type(nal) == NalType.SEI for nal in kept):
            return None
        is_key = is_key or any(nal_type(nal) == NalType.IDR for nal in kept)
        if is_key:
            self._settle()
        payload = b"".join(part for nal in kept for part in (len(nal).to_bytes(4), nal))
        return AccessUnit(payload, is_key)

    def _collect(self, nals: list[bytes]) -> None:
        for nal in nals:
            kind = nal_type(nal)
            if kind == NalType.SPS:
                self._sps[parse_sps(nal).id] = nal
            elif kind == NalType.PPS:
                self._pps[parse_pps_id(nal)] = nal

    def _settle(self) -> None:
        """Make what was collected the parameters in force, if it is complete and something new."""
        sps, pps = tuple(self._sps.values()), tuple(self._pps.values())
        if not sps or not pps:
            return
        if self.parameters is None or (self.parameters.sps, self.parameters.pps) != (sps, pps):
            self.parameters = ParameterSets(sps, pps, parse_sps(sps[0]))
