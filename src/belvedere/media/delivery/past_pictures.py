"""A picture of what was recorded at an instant: what somebody is shown of an event.

It is a look into the past like any other: the permission and the earliest instant are asked before it is sent, and it
stands in the ledger.
"""

import asyncio
import email.utils
import math
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from belvedere.contracts.permissions import Permission
from belvedere.contracts.recordings import Span
from belvedere.media.decode import Decoder, Undecodable
from belvedere.media.delivery.footage_reader import FootageReader, Slice, instant_us
from belvedere.media.delivery.http_sessions import Answer, Grant
from belvedere.media.delivery.request_head import RequestHead
from belvedere.media.delivery.snapshots import NAME
from belvedere.media.delivery.websocket import media_in
from belvedere.media.fmp4.fragment import HEADER_SIZE
from belvedere.media.footage import Archive
from belvedere.media.footage.segment import VIDEO

#: A picture that is further away shows something else.
NEAR_S: Final = 15.0
#: so much of the past was looked at with one of them
_SEEN_S: Final = 1.0

_readers: Final = ThreadPoolExecutor(2, thread_name_prefix="past-pictures")


class PastPicture:
    """The content of a session for one instant: `snapshot-320.jpg` by default, `snapshot.jpg` as large as it is."""

    entry = "snapshot-320.jpg"

    def __init__(
        self, grant: Grant, archive: Archive, decoder: Decoder, report: Callable[[list[Span]], None], at_s: float
    ) -> None:
        """`report` is told what was looked at; `at_s` in seconds since the epoch."""
        self._grant = grant
        self._footage = FootageReader(archive, grant.reply.camera, grant.reply.quality)
        self._decoder = decoder
        self._report = report
        self._at_us = instant_us(at_s)
        self._shown_us = 0
        self._is_told = False

    async def find(self, name: str, head: RequestHead) -> Answer | None:
        """The key frame at or before the instant, or the first one after it. `Last-Modified` is when it was taken."""
        del head
        asked = NAME.fullmatch(name)
        if asked is None or not self._grant.allows(Permission.PLAYBACK):
            return None
        try:
            found = await asyncio.get_running_loop().run_in_executor(_readers, self._read)
            if found is None:
                return None
            frame = found.frames[0]
            picture = await self._decoder.picture(
                found.ref.camera,
                frame.utc_us,
                found.inits[VIDEO],
                found.head.track(VIDEO).codec,
                media_in(frame.wire)[HEADER_SIZE:],
                width=int(asked[1] or 0),
            )
        except (Undecodable, OSError, sqlite3.Error, KeyError):
            return None
        # Law: decided again, after all that took time.
        if not self._grant.allows(Permission.PLAYBACK) or frame.utc_us < self._floor_us:
            return None
        self._shown_us = frame.utc_us
        taken = email.utils.formatdate(frame.utc_us // 1_000_000, usegmt=True)
        return Answer("image/jpeg", picture, headers={"Last-Modified": taken})

    def sent(self, answer: Answer, upto: int) -> None:
        """Nothing is sent in parts."""

    def close(self) -> None:
        """Tell control what was looked at."""
        if self._shown_us and not self._is_told:
            self._is_told = True
            self._report([Span(self._shown_us / 1e6, self._shown_us / 1e6 + _SEEN_S)])

    def _read(self) -> Slice | None:
        """Blocks."""
        found = self._footage.at(self._at_us, self._floor_us, keys_only=True)
        if found is None or abs(found.frames[0].utc_us - self._at_us) > NEAR_S * 1e6:
            return None
        return found

    @property
    def _floor_us(self) -> int:
        earliest = self._grant.lease.playback_from
        return instant_us(math.inf) if earliest is None else math.ceil(earliest * 1e6)
