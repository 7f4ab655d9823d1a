"""Which cameras can be spoken to: each is asked once, when its picture is there, and again when the way to it changes.

What a device says of itself by ONVIF is a promise; whether its RTSP offers a backchannel is what counts, and cameras
that were added by an address alone say nothing else of it.
"""

import asyncio
import time
from collections.abc import Callable, Collection
from typing import Final

from belvedere.contracts.events import StreamSource
from belvedere.media.talk.backchannel import has_backchannel
from belvedere.media.talk.failure import TalkFailure

#: Cameras that come back all at once are not all asked at once.
_AT_ONCE: Final = 4
#: One that broke off at the question is not asked again soon: it may be the question that it does not bear.
_AGAIN_AFTER_S: Final = 600.0
#: A camera that has just begun to send is left alone for a moment: many are slow to answer a second time.
_AFTER_S: Final = 1.0


class Scout:
    """Of one node. `on_found(camera)` is called when an answer is there that was not there before."""

    def __init__(
        self,
        find_source: Callable[[str], StreamSource | None],
        on_found: Callable[[str], None],
        own_ports: Collection[int] = (),
        *,
        after_s: float = _AFTER_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find_source = find_source
        self._on_found = on_found
        self._own_ports = own_ports
        self._after_s = after_s
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._clock = clock
        #: camera → by which way it was asked, and what it said
        self._known: dict[str, tuple[StreamSource, bool]] = {}
        #: camera → by which way it could not be asked, and when that may be tried again
        self._failed: dict[str, tuple[StreamSource, float]] = {}
        self._under_way: dict[str, asyncio.Task[None]] = {}

    def has_talk(self, camera: str) -> bool | None:
        """What it said; None while that is not known, or of another way than it has now."""
        known = self._known.get(camera)
        return known[1] if known is not None and known[0] is self._find_source(camera) else None

    def look(self, camera: str) -> None:
        """Its picture is there: ask it, unless its answer is known. One that cannot be asked is asked another time."""
        failed = self._failed.get(camera)
        rests = failed is not None and failed[0] is self._find_source(camera) and self._clock() < failed[1]
        if camera not in self._under_way and self.has_talk(camera) is None and not rests:
            task = asyncio.get_running_loop().create_task(self._ask(camera), name="scout")
            self._under_way[camera] = task
            task.add_done_callback(lambda _: self._under_way.pop(camera, None))

    def forget(self, kept: Collection[str]) -> None:
        """Remember nothing of cameras but these."""
        for camera in self._known.keys() - set(kept):
            del self._known[camera]
        for camera in self._failed.keys() - set(kept):
            del self._failed[camera]

    async def close(self) -> None:
        """Ask nobody any more."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, camera: str) -> None:
        await asyncio.sleep(self._after_s)
        async with self._turns:
            source = self._find_source(camera)
            if source is None:
                return
            try:
                found = await has_backchannel(source, self._own_ports)
            except TalkFailure:
                self._failed[camera] = source, self._clock() + _AGAIN_AFTER_S
                return
        self._known[camera] = source, found
        self._on_found(camera)
