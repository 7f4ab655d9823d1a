"""What is now as HLS: one segmenter for each stream that somebody follows this way, and a list for each session.

A session sees no segment that began before it did, but for the GOP that a socket would have begun with, too: who may
see live only must not see the past (N22).
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from belvedere.contracts.permissions import Permission
from belvedere.media.delivery.http_sessions import Answer, Grant
from belvedere.media.delivery.playlists import (
    CONTENT_TYPE,
    Listed,
    Variant,
    target_of,
    write_list,
    write_multivariant,
)
from belvedere.media.delivery.request_head import RequestHead
from belvedere.media.delivery.stream import CurrentTrack, LiveStream
from belvedere.media.delivery.websocket import media_in
from belvedere.media.ring import LiveFragment

#: Whole GOPs, until they are so long together.
SEGMENT_S: Final = 2.0
#: Segments in a list; so many more are kept for who has an older one.
LISTED: Final = 6
_KEPT: Final = 4
_MAX_BYTES: Final = 64 * 1024 * 1024
#: It must not change, so it is what GOPs of up to four seconds need.
_TARGET_S: Final = 6
#: Who comes before there is a segment waits for it so long.
_WAIT_S: Final = 12.0
_MP4: Final = "video/mp4"


@dataclass(frozen=True, slots=True)
class LiveSegment:
    """Some GOPs of a stream.

    number    rises by one for ever
    position  where in the stream's ring it began
    breaks    before and at it: changes of track, pictures that are missing
    """

    number: int
    position: int
    track: int
    breaks: int
    data: bytes
    seconds: float
    utc: float


class Segmenter:
    """Cuts one stream, while anybody uses it. A watcher of the stream like any other."""

    def __init__(self, stream: LiveStream) -> None:
        self.segments: deque[LiveSegment] = deque()
        #: number of the track → it; and the last one's number, from 1 on
        self.tracks: dict[int, CurrentTrack] = {}
        self.is_over = False
        self._track = 0
        self._breaks = 0
        self._is_break = False
        self._stream = stream
        self._users = 0
        self._number = 0
        self._position: int | None = None
        self._begun: tuple[int, LiveFragment] | None = None
        self._parts: list[bytes] = []
        self._news = asyncio.Event()

    @classmethod
    def of(cls, stream: LiveStream) -> "Segmenter":
        """The one of this stream, which is new where there was none. `leave` it once."""
        found = next((watcher for watcher in stream.watchers() if isinstance(watcher, cls)), None)
        segmenter = found or cls(stream)
        segmenter.join()
        return segmenter

    def join(self) -> None:
        """One more uses it."""
        self._users += 1
        if self._users == 1:
            self._stream.join(self)
            self.pump()

    def leave(self) -> None:
        """Use it no more."""
        self._users -= 1
        if not self._users:
            self._stream.leave(self)

    async def news(self) -> None:
        """Wait for a segment more, or the end."""
        await self._news.wait()

    # -- as the stream sees it ----------------------------------------------------------------------------------

    def take(self, current: CurrentTrack, position: int, fragment: LiveFragment) -> bool:
        """All is done by pumping."""
        del current, position, fragment
        return False

    def pump(self) -> None:
        """Take what came."""
        current, ring = self._stream.current, self._stream.ring
        if current is None:
            self._forget()
            return
        if current is not self.tracks.get(self._track):
            self._begin(current)
        if self._position is None or (self._position < ring.end and ring.get(self._position) is None):
            self._begun, self._position, self._is_break = None, ring.start, True  # from the newest key frame on
        if self._position is None:
            return
        while (fragment := ring.get(self._position)) is not None:
            self._add(current, self._position, fragment)
            self._position += 1

    def turn_away(self, *, is_gone: bool) -> None:
        """The stream is not carried here any more."""
        del is_gone
        self.is_over = True
        self._forget()
        self._tell()

    # -- inside -------------------------------------------------------------------------------------------------

    def _begin(self, current: CurrentTrack) -> None:
        self._track += 1
        self.tracks[self._track] = current
        self._begun = self._position = None
        kept = {segment.track for segment in self.segments} | {self._track}
        self.tracks = {number: track for number, track in self.tracks.items() if number in kept}

    def _forget(self) -> None:
        """No picture: what was before is the past now."""
        self.segments.clear()
        self._begun = self._position = None

    def _add(self, current: CurrentTrack, position: int, fragment: LiveFragment) -> None:
        if fragment.is_key:
            if self._begun is None:
                self._begun, self._parts = (position, fragment), []
            elif fragment.time - self._begun[1].time >= SEGMENT_S * current.track.timescale:
                self._finish(current, self._begun, fragment)
                self._begun, self._parts = (position, fragment), []
        if self._begun is not None:
            self._parts.append(media_in(fragment.wire))

    def _finish(self, current: CurrentTrack, begun: tuple[int, LiveFragment], following: LiveFragment) -> None:
        position, first = begun
        self._breaks += self._is_break
        self._is_break = False
        scale = current.track.timescale
        self.segments.append(
            LiveSegment(
                number=self._number,
                position=position,
                track=self._track,
                breaks=self._breaks,
                data=b"".join(self._parts),
                seconds=(following.time - first.time) / scale,
                utc=current.track.utc_at_zero + first.time / scale,
            )
        )
        self._number += 1
        while len(self.segments) > LISTED + _KEPT or sum(len(segment.data) for segment in self.segments) > _MAX_BYTES:
            self.segments.popleft()
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


class LiveList:
    """One session's list of what is now."""

    entry = "index.m3u8"

    def __init__(self, grant: Grant, stream: LiveStream) -> None:
        self._grant = grant
        #: what a socket would begin with
        self._since = stream.ring.end if stream.ring.start is None else stream.ring.start
        self._segmenter = Segmenter.of(stream)

    async def find(self, name: str, head: RequestHead) -> Answer | None:
        """A list, an init or a segment, while live view holds."""
        del head
        match name.rpartition("."):
            case ["index" | "media" as which, ".", "m3u8"]:
                return await self._list(which)
            case [number, ".", "mp4"] if self._may_see() and number.isdigit():
                track = self._segmenter.tracks.get(int(number))
                return None if track is None else Answer(_MP4, track.track.init)
            case [number, ".", "m4s"] if self._may_see() and number.isdigit():
                found = next((segment for segment in self._mine() if segment.number == int(number)), None)
                return None if found is None else Answer(_MP4, found.data)
        return None

    def sent(self, answer: Answer, upto: int) -> None:
        """Nothing to tell: what is now is no past."""

    def close(self) -> None:
        """Follow no more."""
        self._segmenter.leave()

    def _may_see(self) -> bool:
        return self._grant.allows(Permission.LIVE_VIEW)

    def _mine(self) -> Iterator[LiveSegment]:
        return (segment for segment in self._segmenter.segments if segment.position >= self._since)

    async def _list(self, which: str) -> Answer | None:
        try:
            async with asyncio.timeout(_WAIT_S):
                while not any(self._mine()) and not self._segmenter.is_over:
                    await self._segmenter.news()
        except TimeoutError:
            return Answer("text/plain; charset=utf-8", b"no picture yet\n", status=503, headers={"Retry-After": "2"})
        mine = list(self._mine())[-LISTED:]
        if not mine or not self._may_see():
            return None
        if which == "index":
            return Answer(CONTENT_TYPE, write_multivariant("media.m3u8", self._variant(mine)))
        listed = [
            Listed(
                f"{segment.number}.m4s",
                f"{segment.track}.mp4",
                segment.seconds,
                segment.utc,
                is_break=place > 0 and mine[place - 1].breaks != segment.breaks,
            )
            for place, segment in enumerate(mine)
        ]
        text = write_list(
            listed,
            first=mine[0].number,
            breaks=mine[0].breaks,
            target=target_of(listed, at_least=_TARGET_S),
            is_whole=False,
        )
        return Answer(CONTENT_TYPE, text)

    def _variant(self, mine: list[LiveSegment]) -> Variant:
        tracks = [self._segmenter.tracks[number].track for number in dict.fromkeys(segment.track for segment in mine)]
        size, seconds = sum(len(segment.data) for segment in mine), sum(segment.seconds for segment in mine)
        return Variant(
            # Of what is yet to come nobody knows: half as much again.
            int(max(len(segment.data) * 8 / segment.seconds for segment in mine) * 1.5),
            int(size * 8 / seconds),
            list(dict.fromkeys(track.codec for track in tracks)),
            max(track.width for track in tracks),
            max(track.height for track in tracks),
        )
