"""Small pictures of the past, while somebody drags along the time line: made when they are asked for, kept nowhere.

A preview is a look into the past like any other: the permission and the earliest instant are asked before it is sent,
and it stands in the ledger.
"""

import asyncio
import math
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from belvedere.contracts.permissions import Permission
from belvedere.media.decode import Decoder, Undecodable
from belvedere.media.delivery.footage_reader import FootageReader, instant_us
from belvedere.media.delivery.ledger import Ledger
from belvedere.media.delivery.outlet import Outlet
from belvedere.media.delivery.sessions import Lease
from belvedere.media.delivery.websocket import frame_media, media_in
from belvedere.media.fmp4.fragment import HEADER_SIZE
from belvedere.media.footage.segment import VIDEO

#: pixels
WIDTH: Final = 240
#: where a track's number stands in other binary messages
PREVIEW: Final = 254
#: so much of the past was looked at with one of them
_SEEN_US: Final = 1_000_000
_PLAYBACK: Final = int(Permission.PLAYBACK)

_readers: Final = ThreadPoolExecutor(2, thread_name_prefix="previews")


class Previews:
    """One viewer's. One is made at a time; of those asked for meanwhile, the last one is made next."""

    def __init__(
        self,
        footage: FootageReader,
        decoder: Decoder,
        lease: Lease,
        outlet: Outlet,
        ledger: Ledger,
        clock: Callable[[], float],
    ) -> None:
        self._footage = footage
        self._decoder = decoder
        self._lease = lease
        self._outlet = outlet
        self._ledger = ledger
        self._clock = clock
        self._wish: tuple[int, int] | None = None
        self._making: asyncio.Task[None] | None = None

    def ask(self, n: int, to_s: float) -> None:
        """The key frame at or before an instant, seconds since the epoch."""
        self._wish = n, instant_us(to_s)
        if self._making is None or self._making.done():
            self._making = asyncio.get_running_loop().create_task(self._make())

    def stop(self) -> None:
        """Nothing more is sent."""
        self._wish = None
        if self._making is not None:
            self._making.cancel()

    async def _make(self) -> None:
        while self._wish is not None:
            (n, to_us), self._wish = self._wish, None
            found = await self._picture(to_us)
            # Law: decided again, after all that took time; from here on nothing is awaited.
            if found is None or not self._lease.allows(_PLAYBACK, self._clock()) or found[0] < self._floor_us:
                self._outlet.tell({"type": "preview", "n": n, "utc": None})
            elif self._outlet.is_free:
                utc_us, picture = found
                self._ledger.add(utc_us, utc_us + _SEEN_US)
                self._outlet.tell({"type": "preview", "n": n, "utc": round(utc_us / 1e6, 3)})
                self._outlet.send(frame_media(PREVIEW, picture))

    async def _picture(self, to_us: int) -> tuple[int, bytes] | None:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(
                _readers, lambda: self._footage.at(to_us, self._floor_us, keys_only=True)
            )
            if found is None:
                return None
            frame = found.frames[0]
            codec = found.head.track(VIDEO).codec
            unit = media_in(frame.wire)[HEADER_SIZE:]
            made = await self._decoder.picture(
                found.ref.camera, frame.utc_us, found.inits[VIDEO], codec, unit, width=WIDTH
            )
        except (Undecodable, OSError, sqlite3.Error, KeyError):
            return None
        return frame.utc_us, made

    @property
    def _floor_us(self) -> int:
        earliest = self._lease.playback_from
        return instant_us(math.inf) if earliest is None else math.ceil(earliest * 1e6)
