"""Sound for demo cameras: made of numbers, sent as G.711 µ-law, which every camera speaks."""

import functools
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: hertz; G.711 knows no other
SAMPLE_RATE: Final = 8000
_BIAS, _CLIP = 132, 32_635


@dataclass(frozen=True)
class Sound:
    """µ-law bytes, one a sample, that repeat without end."""

    ulaw: bytes

    def excerpt(self, start: int, size: int) -> bytes:
        """`size` samples from sample `start` on, across the end if need be."""
        start %= len(self.ulaw)
        part = self.ulaw[start : start + size]
        while len(part) < size:
            part += self.ulaw[: size - len(part)]
        return part


def to_ulaw(samples: NDArray[np.float64]) -> bytes:
    """Encode samples of -1…1 (ITU-T G.711, table 2a): sign, three bits of exponent, four of mantissa, all inverted."""
    linear = np.clip(np.rint(samples * 32_767), -_CLIP, _CLIP).astype(np.int32)
    sign = np.where(linear < 0, 0x80, 0)
    magnitude = np.abs(linear) + _BIAS
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    return bytes((~(sign | exponent << 4 | mantissa) & 0xFF).astype(np.uint8))


def tone(hertz: float = 440.0, seconds: int = 1, level: float = 0.1) -> Sound:
    """Make a plain tone. Whole hertz repeat without a click."""
    t = np.arange(seconds * SAMPLE_RATE) / SAMPLE_RATE
    return Sound(to_ulaw(level * np.sin(2 * np.pi * hertz * t)))


@functools.cache
def evening(seconds: int = 30) -> Sound:
    """A quiet street in summer: a far road that swells and falls, and a cricket. The end leads into the beginning."""
    random = np.random.default_rng(1)
    count = seconds * SAMPLE_RATE
    t = np.arange(count) / SAMPLE_RATE
    # Noise made of whole waves has no seam: phases by chance, strongest near 120 Hz, little above 500.
    hertz = np.fft.rfftfreq(count, 1 / SAMPLE_RATE)
    strength = hertz / 120 * np.exp(-hertz / 120)
    road = np.fft.irfft(strength * np.exp(2j * np.pi * random.random(hertz.size)), count)
    road *= 0.012 / road.std() * (1 + 0.5 * np.sin(2 * np.pi * t / seconds))
    # Three short pulses, four times in three seconds.
    since_chirp = t % 0.75
    pulses = (since_chirp < 0.096) * np.maximum(0, np.sin(2 * np.pi * since_chirp / 0.032))
    cricket = 0.015 * pulses * np.sin(2 * np.pi * 3100 * t)
    return Sound(to_ulaw(road + cricket))
