"""From a camera's thread to the event loop: in order, and woken once for all that waits."""

import asyncio
from collections import deque
from collections.abc import Callable


class Mailbox[T]:
    """`put` in the thread; `deliver` is called in the loop with all that came since, a list that is not empty."""

    def __init__(self, loop: asyncio.AbstractEventLoop, deliver: Callable[[list[T]], None]) -> None:
        self._loop = loop
        self._deliver = deliver
        self._waiting: deque[T] = deque()
        self._woken = False
        self._closed = False

    def put(self, item: T) -> None:
        """Hand over. After `close` it goes nowhere."""
        if self._closed:
            return
        self._waiting.append(item)
        if not self._woken:
            self._woken = True
            try:
                self._loop.call_soon_threadsafe(self._drain)
            except RuntimeError:  # the loop has ended; so will this thread
                self._closed = True

    def close(self) -> None:
        """Deliver no more. To be called in the loop."""
        self._closed = True
        self._waiting.clear()

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def _drain(self) -> None:
        # First the flag, then the items: what is put in between is either taken now or wakes us again.
        self._woken = False
        taken = []
        while self._waiting:
            taken.append(self._waiting.popleft())
        if taken and not self._closed:
            self._deliver(taken)
