"""A demo camera's loudspeaker: ONVIF's backchannel, from the camera's side. What it plays is kept, to be looked at.

A camera with an `Ear` announces it to whoever asks for it (`Require: www.onvif.org/ver20/backchannel`), and to nobody
else.
"""

import struct
import time
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

REQUIRED: Final = "www.onvif.org/ver20/backchannel"
#: the number of its track; pictures and sound have the lower ones
EAR_TRACK: Final = 7
#: a minute of packets of 20 ms
_KEPT: Final = 3000
_HEADER: Final = struct.Struct(">BBHII")


class EarCodec(StrEnum):
    """What a camera may listen to."""

    ULAW = "PCMU"
    ALAW = "PCMA"
    AAC = "MPEG4-GENERIC"


_FORMATS: Final[dict[EarCodec, tuple[int, list[str]]]] = {
    EarCodec.ULAW: (0, ["a=rtpmap:0 PCMU/8000"]),
    EarCodec.ALAW: (8, ["a=rtpmap:8 PCMA/8000"]),
    EarCodec.AAC: (
        97,
        [
            "a=rtpmap:97 MPEG4-GENERIC/16000/1",
            "a=fmtp:97 streamtype=5;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1408",
        ],
    ),
}


@dataclass(frozen=True, slots=True)
class Heard:
    """One packet. `at` by the monotonic clock, when it came."""

    at: float
    payload_type: int
    is_first: bool
    sequence: int
    timestamp: int
    payload: bytes


class Ear:
    """What one camera was told, the last minute of it."""

    def __init__(self, *codecs: EarCodec) -> None:
        """It listens to all of these, µ-law unless told; the first is its favourite."""
        self.codecs = codecs or (EarCodec.ULAW,)
        self.packets: deque[Heard] = deque(maxlen=_KEPT)

    @property
    def heard(self) -> bytes:
        """The payloads, one after the other: of G.711 the samples."""
        return b"".join(packet.payload for packet in self.packets)

    def take(self, packet: bytes) -> None:
        """Play one RTP packet. What is none, or of a format that was not offered, is passed over."""
        if len(packet) <= _HEADER.size:
            return
        first, second, sequence, timestamp, _source = _HEADER.unpack_from(packet)
        payload_type = second & 0x7F
        if first == 0x80 and payload_type in {_FORMATS[codec][0] for codec in self.codecs}:
            payload = packet[_HEADER.size :]
            self.packets.append(
                Heard(time.monotonic(), payload_type, bool(second & 0x80), sequence, timestamp, payload)
            )

    def description(self) -> str:
        """Its section of the SDP: `sendonly`, which is said from the client's side."""
        formats = [_FORMATS[codec] for codec in self.codecs]
        numbers = " ".join(str(number) for number, _ in formats)
        attributes = [line for _, lines in formats for line in lines]
        lines = [f"m=audio 0 RTP/AVP {numbers}", "a=sendonly", *attributes, f"a=control:trackID={EAR_TRACK}", ""]
        return "\r\n".join(lines)
