"""A voice in the format that a camera listens to: G.711 by a table, AAC by PyAV. PCM is 16 bit, little-endian, mono."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import av

from belvedere.contracts.events import SourceError
from belvedere.media.talk.description import Track
from belvedere.media.talk.failure import TalkError, TalkFailure

#: what a browser may send, in hertz
RATES: Final = (8000, 16_000, 48_000)
BYTES_A_SAMPLE: Final = 2
_AAC: Final = "MPEG4-GENERIC"
_AAC_RATES: Final = frozenset({8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000})
_AAC_SAMPLES: Final = 1024
_AAC_BIT_RATE: Final = 32_000


@dataclass(frozen=True, slots=True)
class Payload:
    """The inside of one RTP packet, and how long it sounds, in ticks of the track's clock."""

    data: bytes
    ticks: int


def choose(offers: Sequence[Sequence[Track]]) -> Track | None:
    """Of the formats that a camera listens to, the one we speak best: G.711 has the least delay. None: none of them."""
    tracks = [track for formats in offers for track in formats]
    for fits in (_is_g711, _is_aac):
        for track in tracks:
            if fits(track):
                return track
    return None


def _is_g711(track: Track) -> bool:
    return track.codec in _TABLES and track.rate in {8000, 16_000} and track.channels == 1


def _is_aac(track: Track) -> bool:
    """RFC 3640 as all cameras have it: sizes of 13 bits, one frame in a packet."""
    said = track.parameters
    return (
        track.codec == _AAC
        and track.rate in _AAC_RATES
        and track.channels <= 2
        and (said.get("sizelength", "13"), said.get("indexlength", "3")) == ("13", "3")
    )


class Voice:
    """One person's speech for one camera. What does not fill a packet of AAC, and a resampler's few samples, wait."""

    def __init__(self, track: Track, rate: int) -> None:
        """`rate` is that of the PCM, in hertz. Raises TalkFailure: UNSUPPORTED_CODEC."""
        self._encode: Callable[[av.AudioFrame], list[Payload]] | None = None
        self._table = b""
        self._resampler: av.AudioResampler | None = None
        self._rate = rate
        if _is_g711(track):
            self._table = _TABLES[track.codec]()
            if rate != track.rate:
                self._resampler = av.AudioResampler(format="s16", layout="mono", rate=track.rate)
        elif _is_aac(track):
            layout = "mono" if track.channels == 1 else "stereo"
            self._resampler = av.AudioResampler(format="fltp", layout=layout, rate=track.rate, frame_size=_AAC_SAMPLES)
            self._encode = _aac_encoder(track.rate, layout)
        else:
            raise TalkFailure(TalkError.UNSUPPORTED_CODEC)

    def feed(self, pcm: bytes) -> list[Payload]:
        """What these samples make, in order. Raises TalkFailure, should the encoder break."""
        try:
            if self._encode is not None:
                return [payload for frame in self._resample(pcm) for payload in self._encode(frame)]
            if self._resampler is None:
                return [self._compress(pcm)]
            blocks = [bytes(frame.planes[0])[: frame.samples * BYTES_A_SAMPLE] for frame in self._resample(pcm)]
            return [self._compress(block) for block in blocks if block]
        except (av.FFmpegError, ValueError):
            raise TalkFailure(SourceError.FAILED) from None

    def _compress(self, pcm: bytes) -> Payload:
        table = self._table
        data = bytes([table[sample] for sample in memoryview(pcm).cast("H")])
        return Payload(data, len(data))

    def _resample(self, pcm: bytes) -> list[av.AudioFrame]:
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(pcm) // BYTES_A_SAMPLE)
        frame.planes[0].update(pcm)
        frame.sample_rate = self._rate
        return self._resampler.resample(frame) if self._resampler else [frame]


def _aac_encoder(rate: int, layout: str) -> Callable[[av.AudioFrame], list[Payload]]:
    codec = av.CodecContext.create("aac", "w")
    if not isinstance(codec, av.AudioCodecContext):
        raise TalkFailure(TalkError.UNSUPPORTED_CODEC)
    codec.sample_rate, codec.layout, codec.format = rate, layout, "fltp"
    codec.bit_rate = _AAC_BIT_RATE
    codec.open()

    def encode(frame: av.AudioFrame) -> list[Payload]:
        frame.pts = None
        return [Payload(_packed(bytes(packet)), _AAC_SAMPLES) for packet in codec.encode(frame)]

    return encode


def _packed(unit: bytes) -> bytes:
    """RFC 3640: how many bits of headers follow, the one header, the access unit."""
    return (16).to_bytes(2) + (len(unit) << 3).to_bytes(2) + unit


# ── G.711 (ITU-T): each of 65,536 samples has its byte ──


def _ulaw(sample: int) -> int:
    """Table 2a: a sign, three bits of exponent, four of mantissa, all inverted."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), 32_635) + 132
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | (magnitude >> (exponent + 3)) & 0x0F) & 0xFF


def _alaw(sample: int) -> int:
    """Table 1a: the same, the even bits inverted, and its lowest step as wide as the one above it."""
    mask = 0xD5 if sample >= 0 else 0x55
    magnitude = (sample if sample >= 0 else -sample - 1) >> 3
    exponent = max(0, magnitude.bit_length() - 5)
    return (exponent << 4 | (magnitude >> max(1, exponent)) & 0x0F) ^ mask


def _table(encode: Callable[[int], int]) -> bytes:
    return bytes(encode(number - 65_536 if number >= 32_768 else number) for number in range(65_536))


_TABLES: Final[dict[str, Callable[[], bytes]]] = {
    "PCMU": functools.cache(lambda: _table(_ulaw)),
    "PCMA": functools.cache(lambda: _table(_alaw)),
}
