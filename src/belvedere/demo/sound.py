"""Sound for demo cameras: made of numbers, sent as G.711 µ-law, which every camera speaks."""

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
