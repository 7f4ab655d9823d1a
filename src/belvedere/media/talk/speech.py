"""What was said and is not sent yet: little, and never old. Pure: moments are arguments.

Late sound is dropped, not queued. A line that stuttered does not make everything after it late: while more waits than
one packet, packets go a little faster than they sound.
"""

from typing import Final

from belvedere.media.talk.voice import BYTES_A_SAMPLE

#: more than this never waits
MAX_WAITING_S: Final = 0.3
_CATCH_UP: Final = 0.8


class Speech:
    """The PCM of one talker, cut into blocks of a packet's length."""

    def __init__(self, rate: int, block_ms: int) -> None:
        """`rate` in hertz."""
        self._block = rate * block_ms // 1000 * BYTES_A_SAMPLE
        self._block_s = block_ms / 1000
        self._most = max(int(rate * MAX_WAITING_S) * BYTES_A_SAMPLE, self._block)
        self._waiting = bytearray()
        self._due = 0.0
        #: samples that came too late to be heard
        self.dropped = 0

    @property
    def is_empty(self) -> bool:
        """Whether there is not a whole block."""
        return len(self._waiting) < self._block

    def feed(self, pcm: bytes) -> None:
        """Take what was said just now; if that is too much, the oldest of it goes."""
        self._waiting += pcm
        if (surplus := len(self._waiting) - self._most) > 0:
            del self._waiting[:surplus]
            self.dropped += surplus // BYTES_A_SAMPLE

    def end(self) -> None:
        """Nothing more comes: what is left of a block is filled up with silence."""
        if rest := len(self._waiting) % self._block:
            self._waiting += bytes(self._block - rest)

    def clear(self) -> None:
        """Forget it."""
        self._waiting.clear()

    def wait(self, now: float) -> float:
        """Seconds until the next block may go."""
        return max(0.0, self._due - now)

    def take(self, now: float) -> bytes | None:
        """The next block, to be sent now. None: nothing is there, or its moment has not come."""
        if self.is_empty or now < self._due:
            return None
        block = bytes(self._waiting[: self._block])
        del self._waiting[: self._block]
        pace = _CATCH_UP if len(self._waiting) >= self._block else 1.0
        # Somewhat late is made good; after a pause the beat begins anew.
        beat = self._due if now - self._due < self._block_s else now
        self._due = beat + self._block_s * pace
        return block
