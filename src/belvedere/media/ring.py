"""The last GOPs of a stream, in memory, as ready bytes: where a viewer starts, and where the recorder will read.

Never older than the current GOP and the one before it: who may see live only must not see the past (N22).
"""

from dataclasses import dataclass
from typing import Final

from belvedere.media.fmp4 import Fragment

MAX_BYTES: Final = 32 * 1024 * 1024
#: A GOP longer than this is no place to start from.
MAX_GOP_S: Final = 60


@dataclass(frozen=True, slots=True)
class LiveFragment:
    """One frame as it goes to every viewer: `wire` is the fragment inside its WebSocket message, framed once."""

    wire: bytes
    is_key: bool
    time: int
    duration: int


class Ring:
    """Fragments by position; positions rise by one for ever, across tracks too.

    `end` is the position of the next one to come. `start` is where a viewer may begin: the last key frame, or None.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._items: list[LiveFragment] = []
        self._first = 0
        self._bytes = 0
        self.start: int | None = None

    @property
    def end(self) -> int:
        """The position after the newest fragment."""
        return self._first + len(self._items)

    @property
    def newest(self) -> LiveFragment | None:
        """The last one that came, if it is still held."""
        return self._items[-1] if self._items else None

    @property
    def size(self) -> int:
        """Bytes held."""
        return self._bytes

    def append(self, fragment: Fragment, wire: bytes, timescale: int) -> None:
        """Take the newest one, and let go of what is older than the GOP before it."""
        if fragment.is_key:
            self._forget_before(self.end if self.start is None else self.start)
            self.start = self.end
        self._items.append(LiveFragment(wire, fragment.is_key, fragment.time, fragment.duration))
        self._bytes += len(wire)
        if self._bytes > self._max_bytes and self.start is not None:
            self._forget_before(self.start)
        if self._bytes > self._max_bytes or self._is_too_long(fragment, timescale):
            self.clear()

    def get(self, position: int) -> LiveFragment | None:
        """The fragment at a position, or None when it is gone or has not come yet."""
        index = position - self._first
        return self._items[index] if 0 <= index < len(self._items) else None

    def clear(self) -> None:
        """Forget all; positions go on."""
        self._forget_before(self.end)
        self.start = None

    def _forget_before(self, position: int) -> None:
        count = position - self._first
        self._bytes -= sum(len(item.wire) for item in self._items[:count])
        del self._items[:count]
        self._first = position

    def _is_too_long(self, fragment: Fragment, timescale: int) -> bool:
        key = None if self.start is None else self.get(self.start)
        return key is not None and fragment.time - key.time > MAX_GOP_S * timescale
