"""Sound for demo cameras as others than µ-law: G.711 A-law, AAC and Opus, encoded once by PyAV."""

from dataclasses import dataclass
from typing import Final, cast

import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.codec.context import CodecContext

_SECONDS: Final = 4


@dataclass(frozen=True)
class CodedSound:
    """Frames of one codec that repeat without end.

    encoding  as RTP calls it: PCMA, MPEG4-GENERIC (AAC), opus
    rate      samples a second; `samples` in each frame
    config    AudioSpecificConfig of AAC; else empty
    """

    encoding: str
    rate: int
    samples: int
    frames: tuple[bytes, ...]
    config: bytes = b""


#: what FFmpeg calls it → what RTP does, hertz, samples in a frame where the codec leaves that open
_CODECS: Final = {
    "pcm_alaw": ("PCMA", 8000, 320),
    "aac": ("MPEG4-GENERIC", 16_000, 0),
    "libopus": ("opus", 48_000, 0),
}


def coded_tone(codec: str, hertz: float = 440.0, level: float = 0.1) -> CodedSound:
    """A plain tone, some seconds of it. `codec` is one of pcm_alaw, aac, libopus."""
    encoding, rate, samples = _CODECS[codec]
    encoder = cast("AudioCodecContext", CodecContext.create(codec, "w"))
    encoder.sample_rate = rate
    encoder.layout = "mono"
    encoder.format = "fltp" if codec == "aac" else "s16"
    encoder.open()
    samples = samples or encoder.frame_size
    t = np.arange(_SECONDS * rate // samples * samples) / rate
    wave = level * np.sin(2 * np.pi * hertz * t)
    frames: list[bytes] = []
    for at in range(0, len(wave), samples):
        part = wave[None, at : at + samples]
        data = part.astype(np.float32) if codec == "aac" else np.rint(part * 32_767).astype(np.int16)
        frame = AudioFrame.from_ndarray(data, format=encoder.format.name, layout="mono")
        frame.sample_rate, frame.pts = rate, at
        frames += [bytes(packet) for packet in encoder.encode(frame)]
    config = bytes(encoder.extradata or b"") if codec == "aac" else b""
    return CodedSound(encoding, rate, samples, tuple(frames), config)
