"""One stream that many viewers watch: its ring, its state, and the walk that hands each fragment to everybody.

The walk pauses every 64 viewers, so a cut, or another camera, waits for a slice of it and never for the whole.
"""

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from belvedere.contracts.events import SourceError
from belvedere.contracts.sessions import Quality
from belvedere.media.delivery.counters import Counters
from belvedere.media.delivery.websocket import frame_media
from belvedere.media.fmp4 import Fragment, Track
from belvedere.media.fmp4.joining import HEARD, SOUND, VIDEO
from belvedere.media.ring import LiveFragment, Ring
from belvedere.media.sources import Lost, Opened, SourceEvent
from belvedere.media.sources.sound import CODECS as SOUND_CODECS
from belvedere.media.sources.sound import G711

#: Viewers served before the loop may do something else: well under a millisecond.
SLICE: Final = 64
VIDEO_TRACK: Final = 0
SOUND_TRACK: Final = 1
#: Rates are measured over spans of this length.
_MEASURE_S: Final = 4.0


class Watcher(Protocol):
    """Whoever watches a stream."""

    def take(self, current: "CurrentTrack", position: int, fragment: LiveFragment) -> bool:
        """Take the newest fragment; False: there is more to it, pump."""

    def pump(self) -> None:
        """Take what is due, as far as it goes now."""

    def turn_away(self, *, is_gone: bool) -> None:
        """This stream is no longer carried; `is_gone`: nor is the camera."""


@dataclass(frozen=True, slots=True, eq=False)
class CurrentTrack:
    """The track that plays now, told from the one before by being another object. `wire`: its init segment, framed."""

    track: Track
    wire: bytes


class Hearer(Protocol):
    """Whoever hears a stream."""

    def hear(self, sounding: "CurrentTrack", wire: bytes) -> None:
        """Take some sound, or leave it out."""


class Demand:
    """Who wants something that a source's thread does only while somebody does: then `event` is set."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self._who: set[object] = set()

    def add(self, who: object) -> None:
        """One more wants it. Harmless twice."""
        self._who.add(who)
        self.event.set()

    def discard(self, who: object) -> None:
        """One less. Harmless twice."""
        self._who.discard(who)
        if not self._who:
            self.event.clear()


class LiveStream:
    """One stream of one camera, online or not. Lives in the loop."""

    def __init__(self, camera: str, quality: Quality, counters: Counters) -> None:
        self.camera = camera
        self.quality = quality
        self.ring = Ring()
        self.current: CurrentTrack | None = None
        #: seconds since the epoch; when the present state began
        self.since = time.time()
        #: whether anybody is here, for the source's thread: it makes no haste for nobody
        self.watched = threading.Event()
        #: who wants the sound as files hold it; its track, while it is read, and its fragments go to `taps` alone
        self.listened = Demand()
        self.sound: Track | None = None
        #: whether anybody hears it now, for the source's thread; and what
        self.heard = threading.Event()
        self.sounding: CurrentTrack | None = None
        #: who takes every event, in order: the recorder
        self.taps: list[Callable[[list[SourceEvent]], None]] = []
        self.error = ""
        self.audio = ""
        self.fps = 0.0
        self.bitrate = 0
        self._counters = counters
        self._watchers: dict[Watcher, None] = {}
        self._hearers: dict[Hearer, None] = {}
        self._walk: Iterator[Watcher] | None = None
        self._again = False
        self._scheduled = False
        self._measured = _Measure()

    @property
    def is_online(self) -> bool:
        """Whether there is a picture."""
        return self.current is not None

    @property
    def has_sound(self) -> bool:
        """Whether there is any that can be carried."""
        return self.audio in SOUND_CODECS

    @property
    def watching(self) -> int:
        """How many watch."""
        return len(self._watchers)

    def join(self, watcher: Watcher) -> None:
        """Watch from now on."""
        self._watchers[watcher] = None
        self.watched.set()

    def leave(self, watcher: Watcher) -> None:
        """Watch no more. Harmless twice."""
        self._watchers.pop(watcher, None)
        if not self._watchers:
            self.watched.clear()

    def join_hearers(self, hearer: Hearer) -> None:
        """Hear from now on. Harmless twice."""
        self._hearers[hearer] = None
        self.heard.set()

    def leave_hearers(self, hearer: Hearer) -> None:
        """Hear no more. Harmless twice."""
        self._hearers.pop(hearer, None)
        if not self._hearers:
            self.heard.clear()

    def watchers(self) -> tuple[Watcher, ...]:
        """Everybody who watches now."""
        return tuple(self._watchers)

    def receive(self, events: list[SourceEvent]) -> bool:
        """Take what the source says. Whether the stream's state changed: then it is time to tell control."""
        changed = False
        for event in events:
            match event:
                case Fragment():
                    self._append(event)
                case Track(kind="video"):
                    self._begin(event)
                    changed = True
                case Track():
                    self._begin_sound(event)
                case Opened(audio, fps):
                    self.audio, self.fps = audio, fps
                case Lost(code):
                    changed |= self.lose(code)
        for tap in self.taps:
            tap(events)
        self.wake()
        return changed

    def lose(self, code: SourceError) -> bool:
        """There is no picture any more, nor anything of it to start from. Whether that is news."""
        was = (self.is_online, self.error)
        if self.current is not None:
            self.since = time.time()
        self.current = self.sound = self.sounding = None
        self.ring.clear()
        self.error = code.value
        self.fps, self.bitrate = 0.0, 0
        self._measured = _Measure()
        return was != (False, self.error)

    def wake(self) -> None:
        """Serve everybody, soon."""
        if not self._watchers:
            return
        self._again = True
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._serve_slice)

    def _serve_slice(self) -> None:
        if self._walk is None:
            self._again = False
            self._walk = iter(tuple(self._watchers))
        slice_ = tuple(itertools.islice(self._walk, SLICE))
        newest = self.ring.newest
        if newest is None or self.current is None:
            for watcher in slice_:
                watcher.pump()
        else:
            self._hand_out(slice_, self.current, newest)
        if len(slice_) < SLICE:
            self._walk = None
        if self._walk is not None or self._again:
            asyncio.get_running_loop().call_soon(self._serve_slice)
        else:
            self._scheduled = False

    def _hand_out(self, watchers: Iterable[Watcher], current: CurrentTrack, newest: LiveFragment) -> None:
        position = self.ring.end - 1
        taken = 0
        for watcher in watchers:
            if watcher.take(current, position, newest):
                taken += 1
            else:
                watcher.pump()
        self._counters.fragments_out += taken
        self._counters.bytes_out += taken * len(newest.wire)

    @property
    def _heard_number(self) -> int:
        return HEARD if self.audio in G711 else SOUND

    def _sound_out(self, fragment: Fragment) -> None:
        """Hand some sound to everybody who hears. It is of this moment: nobody gets it later."""
        if self._hearers and self.sounding is not None and fragment.track == self._heard_number:
            wire = frame_media(SOUND_TRACK, fragment.data)
            self._hear_slice(self.sounding, wire, iter(tuple(self._hearers)))

    def _hear_slice(self, sounding: CurrentTrack, wire: bytes, walk: Iterator[Hearer]) -> None:
        slice_ = tuple(itertools.islice(walk, SLICE))
        for hearer in slice_:
            hearer.hear(sounding, wire)
        if len(slice_) == SLICE:
            asyncio.get_running_loop().call_soon(self._hear_slice, sounding, wire, walk)

    def _begin(self, track: Track) -> None:
        if self.current is None:
            self.since = time.time()
        self.error = ""
        self.ring.clear()
        self.sound = self.sounding = None
        self.current = CurrentTrack(track, frame_media(VIDEO_TRACK, track.init))

    def _begin_sound(self, track: Track) -> None:
        if track.number == SOUND:
            self.sound = track
        if track.number == self._heard_number:
            self.sounding = CurrentTrack(track, frame_media(SOUND_TRACK, track.init))

    def _append(self, fragment: Fragment) -> None:
        if self.current is None:
            return
        if fragment.track != VIDEO:
            self._sound_out(fragment)
            return
        self._counters.fragments_in += 1
        self.ring.append(fragment, frame_media(VIDEO_TRACK, fragment.data), self.current.track.timescale)
        if rates := self._measured.count(len(fragment.data), time.monotonic()):
            self.fps, self.bitrate = rates


class _Measure:
    """Frames and bits a second, over one span after the other."""

    def __init__(self) -> None:
        self._begun: float | None = None
        self._frames = 0
        self._bytes = 0

    def count(self, size: int, now: float) -> tuple[float, int] | None:
        if self._begun is None:
            self._begun = now
            return None
        self._frames += 1
        self._bytes += size
        span = now - self._begun
        if span < _MEASURE_S:
            return None
        rates = round(self._frames / span, 1), int(self._bytes * 8 / span)
        self._begun, self._frames, self._bytes = now, 0, 0
        return rates
