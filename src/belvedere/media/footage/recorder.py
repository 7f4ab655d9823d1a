"""One camera's recording: what its live stream says → segments on disk. Lives in the loop, never waits.

The fragments that viewers get are written as they are. Where one segment ends and the next begins, and at which
instant, is decided here: at key frames, about once a minute, at once when the codec or the clock changes.
"""

import secrets
import time
import zlib
from collections.abc import Callable
from typing import Final

from belvedere.contracts.hours import window_end
from belvedere.contracts.recordings import RecordingPlan, RecordMode
from belvedere.media.delivery.stream import LiveStream
from belvedere.media.fmp4 import Fragment, Track
from belvedere.media.fmp4.joining import SOUND, VIDEO, join
from belvedere.media.footage.segment import SegmentHead, Timing, TrackHead
from belvedere.media.footage.writer import OpenSegment, Writer
from belvedere.media.sources import Lost, SourceEvent

SEGMENT_S: Final = 60.0
#: The first segment is so much shorter or longer, by camera: not all of them end at once, on every minute.
_STAGGER: Final = 0.5
#: The camera's clock and ours may lie so far apart; beyond, one of them was set, and a new time line begins.
_CLOCK_STEP_S: Final = 5.0
#: Arrival wavers by this much; what is more is drift, and is made good a little with each segment.
_WAVER_S: Final = 0.25
_NUDGE: Final = 0.005


class Recorder:
    """Records one stream from `start` to `stop`, as its plan says. `error` is why nothing is written just now."""

    def __init__(
        self, stream: LiveStream, plan: RecordingPlan, writer: Writer, *, clock: Callable[[], float] = time.time
    ) -> None:
        """`clock` is wall time, seconds since the epoch."""
        self.stream = stream
        self.plan = plan
        self._writer = writer
        self._clock = clock
        self._segment: OpenSegment | None = None
        self._video: Track | None = None
        self._sound: Track | None = None
        self._run = ""
        #: the instant of the video's tick 0, as we write it, in microseconds
        self._zero_us = 0.0
        self._begun_at = 0
        self._until = 0
        self._length_s = SEGMENT_S * (1 - _STAGGER + 2 * _STAGGER * (zlib.crc32(stream.camera.encode()) % 997) / 997)
        #: inside the plan's hours until then; outside, looked at again then
        self._hours_until = 0.0
        self._is_due = False
        self._has_sound = False

    @property
    def is_recording(self) -> bool:
        """Whether a segment is being written."""
        return self._segment is not None and not self._segment.error

    @property
    def error(self) -> str:
        """disk_full, disk_slow, disk_failed of the segment at hand; no_picture; or empty."""
        if self._segment is not None and self._segment.error:
            return self._segment.error
        return "" if self.stream.is_online or not self._is_wanted() else "no_picture"

    def start(self) -> None:
        """Record from the next key frame on."""
        current = self.stream.current
        if current is not None:
            self._begin_run(current.track)
            self._sound = self.stream.sound
        self.stream.taps.append(self._take)
        self._listen()

    def stop(self) -> None:
        """End the segment at hand, and hear no more."""
        if self._take in self.stream.taps:
            self.stream.taps.remove(self._take)
        self.stream.listened.discard(self)
        self._end()

    def follow(self, plan: RecordingPlan) -> None:
        """Another plan for the same stream."""
        self.plan = plan
        self._hours_until = 0.0
        self._listen()
        if not self._is_wanted():
            self._end()

    def turn_soon(self) -> None:
        """End the segment at hand now; the next one begins with the next key frame."""
        self._end()

    def _listen(self) -> None:
        if self.plan.with_audio and self.plan.mode is not RecordMode.OFF:
            self.stream.listened.add(self)
        else:
            self.stream.listened.discard(self)

    def _is_wanted(self) -> bool:
        if self.plan.mode is not RecordMode.SCHEDULED:
            return self.plan.mode is RecordMode.CONTINUOUS
        now = self._clock()
        if now >= self._hours_until or self._hours_until - now > 86_400:
            until = window_end(self.plan.hours, now)
            self._is_due = until > now
            # A window begins on a minute: outside of one there is nothing to know before the next.
            self._hours_until = until if self._is_due else now - now % 60 + 60
        return self._is_due

    # -- what the stream says -----------------------------------------------------------------------------------

    def _take(self, events: list[SourceEvent]) -> None:
        timings: list[Timing] = []
        data: list[bytes] = []
        for event in events:
            match event:
                case Fragment():
                    if event.track == VIDEO and event.is_key and self._must_turn(event):
                        self._hand_over(timings, data)
                        self._turn(event)
                    if self._segment is not None and (event.track == VIDEO or self._holds(event)):
                        timings.append(
                            Timing(event.track, event.time, event.duration, event.composition_offset, event.is_key)
                        )
                        data.append(event.data)
                        if event.track == VIDEO:
                            self._until = event.time + event.duration
                case Track(kind="video"):
                    self._hand_over(timings, data)
                    self._end()
                    self._begin_run(event)
                case Track(number=number):
                    if number == SOUND:
                        self._sound = event
                case Lost():
                    self._hand_over(timings, data)
                    self._end()
                    self._video = self._sound = None
        self._hand_over(timings, data)

    def _holds(self, fragment: Fragment) -> bool:
        return self._has_sound and fragment.track == SOUND

    def _hand_over(self, timings: list[Timing], data: list[bytes]) -> None:
        if self._segment is not None and timings:
            self._writer.append(self._segment, timings, data)  # what it does not take, `error` says
        timings.clear()
        data.clear()

    def _begin_run(self, track: Track) -> None:
        self._video, self._sound = track, None
        self._run = secrets.token_hex(8)
        self._zero_us = track.utc_at_zero * 1e6

    # -- where segments begin and end ---------------------------------------------------------------------------

    def _must_turn(self, key: Fragment) -> bool:
        """Whether a segment begins with this key frame, the one at hand ending before it."""
        if self._video is None or not self._is_wanted():
            self._end()
            return False
        if self._segment is None or self._segment.error:
            return True
        is_new_sound = self._sound is not None and not self._has_sound and self.plan.with_audio
        return (
            (key.time - self._begun_at) / self._video.timescale >= self._length_s
            or is_new_sound
            or abs(self._lateness(key)) > _CLOCK_STEP_S
        )

    def _lateness(self, key: Fragment) -> float:
        """Seconds by which our time line runs behind the wall clock at this frame."""
        assert self._video is not None  # noqa: S101  the caller looked
        return self._clock() - (self._zero_us / 1e6 + key.time / self._video.timescale)

    def _turn(self, key: Fragment) -> None:
        """End the segment at hand, begin the next one with this key frame."""
        video = self._video
        assert video is not None  # noqa: S101  the caller looked
        was_recording = self._segment is not None
        self._end()
        late = self._lateness(key)
        if abs(late) > _CLOCK_STEP_S:
            self._zero_us += late * 1e6
        elif was_recording and abs(late) > _WAVER_S:
            most = _NUDGE * (key.time - self._begun_at) / video.timescale
            self._zero_us += max(-most, min(most, late)) * 1e6
        if was_recording:
            self._length_s = SEGMENT_S
        start_us = int(self._zero_us + key.time * 1e6 / video.timescale)
        tracks = [TrackHead(VIDEO, "video", video.codec, video.timescale, key.time)]
        init = video.init
        self._has_sound = self._sound is not None and self.plan.with_audio
        if self._sound is not None and self._has_sound:
            init = join(video.init, self._sound.init)
            at = key.time * self._sound.timescale // video.timescale
            tracks.append(TrackHead(SOUND, "audio", self._sound.codec, self._sound.timescale, at))
        head = SegmentHead(
            camera=self.stream.camera,
            quality=self.stream.quality,
            run=self._run,
            sequence=0,
            start_us=start_us,
            tracks=tuple(tracks),
            width=video.width,
            height=video.height,
        )
        self._begun_at = self._until = key.time
        self._segment = self._writer.begin(head, init)

    def _end(self) -> None:
        segment, self._segment = self._segment, None
        if segment is not None and self._video is not None:
            self._writer.finish(segment, (self._until - self._begun_at) * 1_000_000 // self._video.timescale)
