"""What a device tells those who listen: PullPoint subscriptions, and properties that are so or not so."""

import asyncio
import contextlib
import itertools
import secrets
from collections.abc import Callable, Sequence
from typing import Final

from belvedere.demo import onvif_answers as say

#: Of one listener that does not come: of more, the oldest are lost.
_HELD: Final = 5000
_MOTION: Final = "RuleEngine/CellMotionDetector/Motion"
_CROSSED: Final = "RuleEngine/LineDetector/Crossed"


class PullPoints:
    """Subscriptions of one device. `now` is its clock."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._queues: dict[str, asyncio.Queue[str]] = {}
        self._properties: dict[tuple[str, str, str], bool] = {}

    def __len__(self) -> int:
        """How many stand."""
        return len(self._queues)

    def subscribe(self) -> str:
        """Begin to listen: what is so already is told first. Returns the subscription's name."""
        name = secrets.token_hex(4)
        self._queues[name] = asyncio.Queue(_HELD)
        for (topic, item, place), is_so in self._properties.items():
            self._queues[name].put_nowait(self._message(topic, item, place, is_so=is_so, operation="Initialized"))
        return name

    def end(self, name: str) -> bool:
        """Listen no more. False: there was none of that name."""
        return self._queues.pop(name, None) is not None

    def forget(self) -> None:
        """Lose all of them, as after a restart. Who waits for news gets none."""
        for queue in self._queues.values():
            queue.put_nowait("")
        self._queues.clear()

    def has(self, name: str) -> bool:
        """Whether it stands."""
        return name in self._queues

    def change(self, place: str, *, is_so: bool, topic: str = _MOTION, item: str = "IsMotion") -> None:
        """A property of a place is so, or no more."""
        self._properties[topic, item, place] = is_so
        self._tell(self._message(topic, item, place, is_so=is_so, operation="Changed"))

    def cross(self, place: str) -> None:
        """Something crosses a line: over as it is said."""
        self._tell(say.notification(_CROSSED, place, {"ObjectId": "7"}, at=self._now()))

    async def pull(self, name: str, within_s: float, limit: int) -> Sequence[str]:
        """What happened since the last time, waiting for it as long as that."""
        queue = self._queues[name]
        messages: list[str] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                messages.append(await queue.get())
        while not queue.empty() and len(messages) < limit:
            messages.append(queue.get_nowait())
        return [message for message in messages if message]

    def _tell(self, message: str) -> None:
        for queue in self._queues.values():
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(message)

    def _message(self, topic: str, item: str, place: str, *, is_so: bool, operation: str) -> str:
        return say.notification(topic, place, {item: str(is_so).lower()}, at=self._now(), operation=operation)


async def move_now_and_then(points: PullPoints, places: Sequence[str]) -> None:
    """Somebody walks past these places, one after the other, until cancelled: ten seconds in every forty-five."""
    for place in itertools.cycle(places):
        await asyncio.sleep(35)
        points.change(place, is_so=True)
        await asyncio.sleep(10)
        points.change(place, is_so=False)
