"""What is heard before anybody speaks: whoever stands at the camera learns that somebody is there (threats.md, 5)."""

import functools
import math
import struct
from typing import Final

#: hertz, and how long each: a rising third, as a door bell
_NOTES: Final = (660.0, 880.0)
_NOTE_S: Final = 0.15
_LEVEL: Final = 0.35
#: each note comes and goes in this time, so that it does not click
_EDGE_S: Final = 0.01


@functools.cache
def tone(rate: int) -> bytes:
    """0.3 s of it, as PCM of that rate."""
    count = int(_NOTE_S * rate)
    samples = [
        round(32_767 * _LEVEL * min(1.0, n / rate / _EDGE_S, (count - n) / rate / _EDGE_S) * _wave(hertz, n / rate))
        for hertz in _NOTES
        for n in range(count)
    ]
    return struct.pack(f"<{len(samples)}h", *samples)


def _wave(hertz: float, seconds: float) -> float:
    return math.sin(2 * math.pi * hertz * seconds)
