"""A snapshot: the last key frame as a JPEG, of now for who sees live, the last recorded one for who may look back.

Who sees live only never gets a picture older than a minute (N22): a camera that is away shows him nothing.
"""

import asyncio
import email.utils
import os
import re
import time
from dataclasses import dataclass
from typing import Final

from belvedere.contracts.permissions import Permission
from belvedere.media.decode import Decoder, Undecodable
from belvedere.media.delivery.http_sessions import Answer, Grant
from belvedere.media.delivery.request_head import RequestHead
from belvedere.media.delivery.stream import LiveStream
from belvedere.media.delivery.websocket import media_in
from belvedere.media.fmp4.fragment import HEADER_SIZE
from belvedere.media.fmp4.joining import VIDEO
from belvedere.media.footage import Archive

#: what counts as now
MAX_AGE_S: Final = 60.0
#: how far back the last recorded picture is looked for
_LOOK_BACK_US: Final = 366 * 86_400_000_000
#: the group: how wide, in pixels
NAME: Final = re.compile(r"snapshot(?:-([1-9][0-9]{1,3}))?\.jpg", re.ASCII)


@dataclass(frozen=True, slots=True)
class _KeyFrame:
    """A picture before it is decoded: of which instant (microseconds, UTC), and by which rule it may be shown."""

    utc_us: int
    init: bytes
    codec: str
    unit: bytes
    needs: Permission


class Snapshot:
    """The content of a snapshot's session: `snapshot.jpg`, or `snapshot-320.jpg`, so many pixels wide."""

    entry = "snapshot.jpg"

    def __init__(self, grant: Grant, stream: LiveStream | None, archive: Archive | None, decoder: Decoder) -> None:
        self._grant = grant
        self._stream = stream
        self._archive = archive
        self._decoder = decoder

    async def find(self, name: str, head: RequestHead) -> Answer | None:
        """The newest picture that the lease of now lets see. `Last-Modified` is when it was taken."""
        del head
        asked = NAME.fullmatch(name)
        if asked is None:
            return None
        frame = self._live()
        if frame is None and self._grant.allows(Permission.PLAYBACK) and self._archive is not None:
            frame = await asyncio.to_thread(self._recorded, self._archive)
        if frame is None:
            return None
        width = int(asked[1] or 0)
        try:
            picture = await self._decoder.picture(
                self._grant.reply.camera, frame.utc_us, frame.init, frame.codec, frame.unit, width
            )
        except Undecodable:
            return None
        if not self._may_show(frame):
            return None
        taken = email.utils.formatdate(frame.utc_us // 1_000_000, usegmt=True)
        return Answer("image/jpeg", picture, headers={"Last-Modified": taken})

    def sent(self, answer: Answer, upto: int) -> None:
        """A snapshot is nothing to keep a ledger of: it is live view."""

    def close(self) -> None:
        """Nothing is held."""

    def _may_show(self, frame: _KeyFrame) -> bool:
        """Decided after decoding, which takes time."""
        if frame.needs is Permission.PLAYBACK:
            earliest = self._grant.lease.playback_from
            return self._grant.allows(frame.needs) and earliest is not None and frame.utc_us >= earliest * 1e6
        return self._grant.allows(frame.needs) and time.time() - frame.utc_us / 1e6 <= MAX_AGE_S

    def _live(self) -> _KeyFrame | None:
        stream = self._stream
        if stream is None or stream.current is None or stream.ring.start is None:
            return None
        track = stream.current.track
        key = stream.ring.get(stream.ring.start)
        if key is None or not self._grant.allows(Permission.LIVE_VIEW):
            return None
        utc_us = int((track.utc_at_zero + key.time / track.timescale) * 1e6)
        frame = _KeyFrame(utc_us, track.init, track.codec, media_in(key.wire)[HEADER_SIZE:], Permission.LIVE_VIEW)
        return frame if self._may_show(frame) else None

    def _recorded(self, archive: Archive) -> _KeyFrame | None:
        """The last key frame on disk. Blocks."""
        camera = self._grant.reply.camera
        now_us = int(time.time() * 1e6)
        spans = archive.spans(camera, now_us - _LOOK_BACK_US, now_us)
        if not spans:
            return None
        for ref in reversed(archive.segments(camera, None, spans[-1][1] - 1, spans[-1][1])):
            table = archive.table(ref)
            key = next((row for row in reversed(table.rows) if row.track == VIDEO and row.is_key), None)
            if key is None:
                continue
            fd = archive.open(ref)
            try:
                data = os.pread(fd, key.size, key.offset)
            finally:
                os.close(fd)
            if len(data) == key.size:
                codec = table.head.track(VIDEO).codec
                return _KeyFrame(table.utc_us(key), table.init, codec, data[HEADER_SIZE:], Permission.PLAYBACK)
        return None
