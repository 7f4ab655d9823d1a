"""RTP and RTCP: clips and sound, cut into packets (RFC 3550, 6184, 7798, 3551).

Pure: no sockets, no clocks of its own. A track knows what to say at tick n; a stream numbers and stamps it.
"""

import base64
import secrets
import struct
from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from belvedere.demo.clips import AccessUnit, Clip
from belvedere.demo.coded_sound import CodedSound
from belvedere.demo.sound import SAMPLE_RATE, Sound

#: Largest payload; with all headers it fits an Ethernet frame, so UDP never fragments.
MAX_PAYLOAD: Final = 1400
_VIDEO_CLOCK: Final = 90_000
_NTP_EPOCH: Final = 2_208_988_800  # seconds from 1900 to 1970
_SENDER_REPORT, _SOURCE_DESCRIPTION, _CNAME = 200, 202, 1


def h264_payloads(nals: Iterable[bytes], limit: int = MAX_PAYLOAD) -> Iterator[bytes]:
    """Payloads of one picture: a NAL unit as it is, or in FU-A fragments if it is too long (RFC 6184, 5.6 and 5.8)."""
    for nal in nals:
        if len(nal) <= limit:
            yield nal
            continue
        indicator, kind = nal[0] & 0xE0 | 28, nal[0] & 0x1F
        for flags, piece in _fragments(nal[1:], limit - 2):
            yield bytes((indicator, flags | kind)) + piece


def hevc_payloads(nals: Iterable[bytes], limit: int = MAX_PAYLOAD) -> Iterator[bytes]:
    """The same for H.265, where the NAL header has two bytes (RFC 7798, 4.4.1 and 4.4.3)."""
    for nal in nals:
        if len(nal) <= limit:
            yield nal
            continue
        header, kind = bytes((nal[0] & 0x81 | 49 << 1, nal[1])), (nal[0] >> 1) & 0x3F
        for flags, piece in _fragments(nal[2:], limit - 3):
            yield header + bytes((flags | kind,)) + piece


def _fragments(body: bytes, size: int) -> Iterator[tuple[int, bytes]]:
    """Pieces of at most `size` bytes, with the start bit on the first and the end bit on the last."""
    last = (len(body) - 1) // size * size
    for at in range(0, len(body), size):
        yield (0x80 if at == 0 else 0) | (0x40 if at == last else 0), body[at : at + size]


class Track(Protocol):
    """One medium of a camera: what is said at tick n, `rate` ticks a second, on a clock of `clock_rate` hertz."""

    kind: str
    payload_type: int
    rate: float
    clock_rate: int

    def payloads(self, tick: int) -> list[bytes]:
        """What goes out at this tick; nothing is allowed."""

    def description(self) -> list[str]:
        """The attribute lines of this track in an SDP."""


class VideoTrack:
    """A clip, round and round. It can be exchanged at any time; the new one starts with its first key frame."""

    kind = "video"
    payload_type = 96
    clock_rate = _VIDEO_CLOCK

    def __init__(self, clip: Clip) -> None:
        """Take the clip's frame rate for good: one exchanged later is sent at the same."""
        self.clip = clip
        self.rate = float(clip.fps)
        self.sends_key_frames = True
        self._showing = clip
        self._first_tick = 0

    def unit_at(self, tick: int) -> AccessUnit:
        """The picture of this tick. Ticks rise, the clip repeats."""
        if self._showing is not self.clip:
            self._showing, self._first_tick = self.clip, tick
        units = self._showing.units
        return units[(tick - self._first_tick) % len(units)]

    def payloads(self, tick: int) -> list[bytes]:
        """One picture, or nothing where a key frame would be and must not."""
        unit = self.unit_at(tick)
        if unit.is_key and not self.sends_key_frames:
            return []
        cut = h264_payloads if self._showing.codec == "h264" else hevc_payloads
        return list(cut(unit.nals))

    def description(self) -> list[str]:
        """Name the codec and the parameter sets: with them a player knows the size before the first picture."""
        clip = self.clip
        encoding = "H264" if clip.codec == "h264" else "H265"
        sets = [base64.b64encode(nal).decode() for nal in clip.parameter_sets]
        if clip.codec == "h264":
            profile_level = clip.parameter_sets[0][1:4].hex().upper()
            parameters = [
                "packetization-mode=1",
                f"profile-level-id={profile_level}",
                f"sprop-parameter-sets={','.join(sets)}",
            ]
        else:
            parameters = [f"sprop-{name}={value}" for name, value in zip(("vps", "sps", "pps"), sets, strict=True)]
        return [
            f"a=rtpmap:{self.payload_type} {encoding}/{self.clock_rate}",
            f"a=fmtp:{self.payload_type} {';'.join(parameters)}",
            f"a=framerate:{clip.fps}",
        ]


class SoundTrack:
    """G.711 µ-law, one byte a sample, in packets of 40 ms; also round and round."""

    kind = "audio"
    payload_type = 0
    clock_rate = SAMPLE_RATE
    rate = 25.0

    def __init__(self, sound: Sound) -> None:
        """Repeat `sound`, whatever its length."""
        self._sound = sound

    def payloads(self, tick: int) -> list[bytes]:
        """40 ms of sound."""
        size = int(self.clock_rate / self.rate)
        return [self._sound.excerpt(tick * size, size)]

    def description(self) -> list[str]:
        """Payload type 0 says it all; spelled out for strict players."""
        return [f"a=rtpmap:{self.payload_type} PCMU/{self.clock_rate}"]


class CodedSoundTrack:
    """Sound of any other codec, a frame in each packet; also round and round."""

    kind = "audio"

    def __init__(self, sound: CodedSound) -> None:
        """Repeat `sound`."""
        self._sound = sound
        self.payload_type = 8 if sound.encoding == "PCMA" else 97
        self.clock_rate = sound.rate
        self.rate = sound.rate / sound.samples

    def payloads(self, tick: int) -> list[bytes]:
        """One frame; of AAC behind its length (RFC 3640, 3.3.6)."""
        frame = self._sound.frames[tick % len(self._sound.frames)]
        return [struct.pack(">HH", 16, len(frame) << 3) + frame] if self._sound.config else [frame]

    def description(self) -> list[str]:
        """Name the codec, and what a decoder of AAC has to know; Opus counts as two channels always (RFC 7587, 7)."""
        sound = self._sound
        channels = "/2" if sound.encoding == "opus" else ""
        lines = [f"a=rtpmap:{self.payload_type} {sound.encoding}/{sound.rate}{channels}"]
        if sound.config:
            parameters = "streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3"
            lines.append(f"a=fmtp:{self.payload_type} {parameters};config={sound.config.hex()}")
        return lines


class RtpStream:
    """Numbers, stamps and counts the packets of one track. Sequence and time stamps start anywhere (RFC 3550, 5.1)."""

    def __init__(self, track: Track) -> None:
        """Begin a new synchronization source."""
        self.track = track
        self.ssrc = secrets.randbits(32)
        self.sequence = secrets.randbits(16)
        self._timestamp_base = secrets.randbits(32)
        self.packets_made = 0
        self._octets_made = 0

    def timestamp(self, seconds: float) -> int:
        """RTP time of a moment on the camera's own clock."""
        return (self._timestamp_base + round(seconds * self.track.clock_rate)) & 0xFFFFFFFF

    def packets(self, tick: int, seconds: float) -> list[bytes]:
        """Everything the track says at this tick. The marker bit ends a picture; sound has none."""
        payloads = self.track.payloads(tick)
        timestamp = self.timestamp(seconds)
        packets: list[bytes] = []
        for left, payload in zip(range(len(payloads) - 1, -1, -1), payloads, strict=True):
            marker = 0x80 if left == 0 and self.track.kind == "video" else 0
            header = struct.pack("!BBHII", 0x80, marker | self.track.payload_type, self.sequence, timestamp, self.ssrc)
            packets.append(header + payload)
            self.sequence = (self.sequence + 1) & 0xFFFF
            self.packets_made += 1
            self._octets_made += len(payload)
        return packets

    def sender_report(self, seconds: float, wall_clock: float) -> bytes:
        """RTCP: this moment of the stream is that moment of the world (seconds since 1970). RFC 3550, 6.4.1 and 6.5."""
        ntp = int((wall_clock + _NTP_EPOCH) * 2**32) & 0xFFFFFFFFFFFFFFFF
        report = struct.pack(
            "!BBHIQIII",
            0x80,
            _SENDER_REPORT,
            6,
            self.ssrc,
            ntp,
            self.timestamp(seconds),
            self.packets_made & 0xFFFFFFFF,
            self._octets_made & 0xFFFFFFFF,
        )
        name = b"camera"
        item = bytes((_CNAME, len(name))) + name
        item += bytes(4 - len(item) % 4)  # at least one zero ends the list, and words are whole
        words = 1 + len(item) // 4
        return report + struct.pack("!BBHI", 0x81, _SOURCE_DESCRIPTION, words, self.ssrc) + item


def session_description(tracks: Iterable[tuple[int, Track]]) -> str:
    """SDP of a camera (RFC 8866); track number n is set up under `trackID=n`."""
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=Belvedere demo camera", "c=IN IP4 0.0.0.0", "t=0 0", "a=control:*"]
    for number, track in tracks:
        lines += [f"m={track.kind} 0 RTP/AVP {track.payload_type}", *track.description(), f"a=control:trackID={number}"]
    return "\r\n".join([*lines, ""])
