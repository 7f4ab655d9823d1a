"""A stream cut into segments for HLS, while anybody follows it this way: one cut for all who do.

The sound is cut with the picture, while anybody of them may listen; it lies beside it, for who may.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Final

from belvedere.media.delivery.stream import CurrentTrack, LiveStream
from belvedere.media.delivery.websocket import media_in
from belvedere.media.fmp4 import Fragment, Track
from belvedere.media.fmp4.joining import SOUND, join
from belvedere.media.ring import LiveFragment
from belvedere.media.sources import Lost, SourceEvent

#: Whole GOPs, until they are so long together.
SEGMENT_S: Final = 2.0
#: Segments in a list; so many more are kept for who has an older one.
LISTED: Final = 6
_KEPT: Final = 4
_MAX_BYTES: Final = 64 * 1024 * 1024
#: Sound comes a little behind its picture: a segment waits for it, but no longer than this.
_LATE_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class LiveSegment:
    """Some GOPs of a stream.

    number    rises by one for ever
    position  where in the stream's ring it began
    run       which init it needs
    breaks    before and at it: changes of run, pictures that are missing
    """

    number: int
    position: int
    run: int
    breaks: int
    data: bytes
    sound: bytes
    seconds: float
    utc: float

    @property
    def size(self) -> int:
        """Bytes, sound included."""
        return len(self.data) + len(self.sound)


@dataclass(frozen=True, slots=True)
class Run:
    """Segments that share an init: the track of the picture, and that of the sound where there is one."""

    current: CurrentTrack
    sound: Track | None = None

    def init(self, *, with_sound: bool) -> bytes:
        """Of the picture, or of both."""
        track = self.current.track
        return join(track.init, self.sound.init) if with_sound and self.sound else track.init


@dataclass(frozen=True, slots=True)
class _Cut:
    """What will be a segment as soon as its sound is there. `end`: ticks of the picture after it."""

    position: int
    first: LiveFragment
    end: int
    data: bytes
    is_break: bool


class Segmenter:
    """Cuts one stream, while anybody uses it. A watcher of the stream like any other."""

    def __init__(self, stream: LiveStream) -> None:
        self.segments: deque[LiveSegment] = deque()
        #: number of the run → it; and the last one's number, from 1 on
        self.runs: dict[int, Run] = {}
        self.is_over = False
        #: that of the next segment to come
        self.number = 0
        self._run = 0
        self._breaks = 0
        self._is_break = False
        self._stream = stream
        self._users = 0
        self._listeners: set[object] = set()
        self._position: int | None = None
        self._begun: tuple[int, LiveFragment] | None = None
        self._parts: list[bytes] = []
        self._cuts: deque[_Cut] = deque()
        #: sound that no segment holds yet
        self._sound: deque[Fragment] = deque()
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

    def listen(self, who: object) -> None:
        """Cut the sound, too; it is read from now on."""
        if not self._listeners:
            self._stream.taps.append(self._hear)
        self._listeners.add(who)
        self._stream.listened.add(self)

    def unlisten(self, who: object) -> None:
        """One who listens less. Harmless twice."""
        if who not in self._listeners:
            return
        self._listeners.discard(who)
        if not self._listeners:
            self._stream.taps.remove(self._hear)
            self._stream.listened.discard(self)
            self._sound.clear()

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
        run = self.runs.get(self._run)
        if run is None or run.current is not current:
            self._begin(Run(current))
            self._begun = self._position = None
            self._cuts.clear()
        if self._position is None or (self._position < ring.end and ring.get(self._position) is None):
            self._begun, self._position, self._is_break = None, ring.start, True  # from the newest key frame on
        if self._position is None:
            return
        while (fragment := ring.get(self._position)) is not None:
            self._add(current, self._position, fragment)
            self._position += 1
        self._settle(current, ring.newest)

    def turn_away(self, *, is_gone: bool) -> None:
        """The stream is not carried here any more."""
        del is_gone
        self.is_over = True
        self._forget()
        self._tell()

    # -- inside -------------------------------------------------------------------------------------------------

    def _hear(self, events: list[SourceEvent]) -> None:
        """What the source says: a tap of the stream."""
        for event in events:
            if isinstance(event, Track | Lost):
                self._sound.clear()
            elif isinstance(event, Fragment) and event.track == SOUND:
                self._sound.append(event)

    def _begin(self, run: Run) -> None:
        self._run += 1
        self.runs[self._run] = run
        kept = {segment.run for segment in self.segments} | {self._run}
        self.runs = {number: run for number, run in self.runs.items() if number in kept}

    def _forget(self) -> None:
        """No picture: what was before is the past now."""
        self.segments.clear()
        self._cuts.clear()
        self._sound.clear()
        self._begun = self._position = None

    def _add(self, current: CurrentTrack, position: int, fragment: LiveFragment) -> None:
        if fragment.is_key:
            if self._begun is None:
                self._begun, self._parts = (position, fragment), []
            elif fragment.time - self._begun[1].time >= SEGMENT_S * current.track.timescale:
                self._cuts.append(_Cut(*self._begun, fragment.time, b"".join(self._parts), self._is_break))
                self._is_break = False
                self._begun, self._parts = (position, fragment), []
        if self._begun is not None:
            self._parts.append(media_in(fragment.wire))

    def _settle(self, current: CurrentTrack, newest: LiveFragment | None) -> None:
        """Make segments of what is cut and has its sound; or has waited for it long enough."""
        scale = current.track.timescale
        while self._cuts:
            cut = self._cuts[0]
            sound = self._stream.sound if self._listeners else None
            if sound is not None and newest is not None:
                last = self._sound[-1] if self._sound else None
                is_heard = last is not None and (last.time + last.duration) * scale >= cut.end * sound.timescale
                if not is_heard and newest.time - cut.end < _LATE_S * scale:
                    return
            self._cuts.popleft()
            self._finish(cut, current, sound)

    def _finish(self, cut: _Cut, current: CurrentTrack, sound: Track | None) -> None:
        scale = current.track.timescale
        parts = [] if sound is None else self._sound_of(cut, sound, scale)
        is_new = sound is not None and bool(parts) and self.runs[self._run].sound is not sound
        if is_new:
            self._begin(Run(current, sound))
        self._breaks += cut.is_break or (is_new and bool(self.segments))
        self.segments.append(
            LiveSegment(
                number=self.number,
                position=cut.position,
                run=self._run,
                breaks=self._breaks,
                data=cut.data,
                sound=b"".join(parts),
                seconds=(cut.end - cut.first.time) / scale,
                utc=current.track.utc_at_zero + cut.first.time / scale,
            )
        )
        self.number += 1
        while len(self.segments) > LISTED + _KEPT or sum(segment.size for segment in self.segments) > _MAX_BYTES:
            self.segments.popleft()
        self._tell()

    def _sound_of(self, cut: _Cut, sound: Track, scale: int) -> list[bytes]:
        """What is heard with these pictures. What was heard before them is the past."""
        parts = []
        while self._sound and self._sound[0].time * scale < cut.end * sound.timescale:
            fragment = self._sound.popleft()
            if (fragment.time + fragment.duration) * scale > cut.first.time * sound.timescale:
                parts.append(fragment.data)
        return parts

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
