"""What one viewer sees of the past: orders of the player in, frames out, at the pace of a clock.

Reading is done in a few threads for all viewers, one slice at a time for each; everything else lives in the loop. The
law is asked before every write: the permission, and the earliest instant that may be seen, both as they are now.
"""

import asyncio
import functools
import math
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from belvedere.contracts.permissions import Permission
from belvedere.media.delivery.announcing import Announcer
from belvedere.media.delivery.footage_reader import JOIN_US, FootageReader, Frame, Place, Slice, instant_us
from belvedere.media.delivery.ledger import Ledger
from belvedere.media.delivery.outlet import Outlet
from belvedere.media.delivery.sessions import Lease
from belvedere.media.delivery.tempo import Tempo
from belvedere.media.footage.segment import AUDIO, VIDEO

log = structlog.get_logger()

SPEEDS: Final = frozenset({0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0})
MAX_REVERSE: Final = 16.0
#: Faster than this, key frames alone are sent: no decoder keeps up with all.
_ALL_FRAMES_UP_TO: Final = 4.0
#: So much of the film is sent before it is due.
LEAD_US: Final = 400_000
#: With less than this in hand (seconds of ours, not of the film) the next slice is read.
_AHEAD_S: Final = 1.0
#: A viewer whose frames come so late slows down instead of being flooded.
_LATE_S: Final = 0.5
#: Frames that come due within this go together.
_WAKE_S: Final = 0.04
_PLAYBACK: Final = int(Permission.PLAYBACK)
_LISTEN: Final = int(Permission.LISTEN)
#: Players count in ticks, we in microseconds: the picture after one begins at least this much later.
_NEXT_US: Final = 1000

_readers: Final = ThreadPoolExecutor(4, thread_name_prefix="playback")


class Exit(Protocol):
    """Where playback ends by itself."""

    def reach_present(self) -> bool:
        """There is no later footage. Whether it went over to live."""

    def lose_playback(self) -> None:
        """The right to look back is gone."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """A place the player asked for and has no answer to yet.

    is_back  the key frame before it, alone
    is_next  the picture after it, and no more
    """

    n: int
    to_us: int
    is_back: bool = False
    is_next: bool = False


class Playback:
    """One viewer's. Begins with `seek`, `step` or `reverse`, ends with `stop`; both as often as one likes."""

    def __init__(
        self, footage: FootageReader, lease: Lease, outlet: Outlet, way_out: Exit, clock: Callable[[], float]
    ) -> None:
        self.is_active = False
        self.ledger = Ledger()
        self._footage = footage
        self._lease = lease
        self._outlet = outlet
        self._announcer = Announcer(lease, outlet, clock)
        self._exit = way_out
        self._clock = clock
        self._tempo = Tempo(clock)
        self._wish: _Wish | None = None
        #: numbers of steps forward that were asked for; None: of one that is answered already
        self._steps: deque[int | None] = deque()
        self._queue: deque[tuple[Slice, Frame]] = deque()
        #: where to read on: behind the frame that was sent last, behind the queue; on the way back, before what
        self._sent: Place | None = None
        self._read: Place | None = None
        self._back_us = 0
        #: frames as far as this are due whatever the time: they lead to the picture that was asked for
        self._until_us = 0
        #: the picture sent last; and where footage is expected to go on
        self._shown_us = 0
        self._edge_us: int | None = None
        #: there was nothing more when it was asked for; and it was told
        self._is_dry = False
        self._is_over = False
        self._is_reading = False
        #: rises when what is being read is no longer wanted
        self._turn = 0
        self._timer: asyncio.TimerHandle | None = None

    # -- orders -------------------------------------------------------------------------------------------------

    def seek(self, n: int, to_s: float) -> None:
        """Show the picture at an instant, seconds since the epoch, and go on from there. The latest one wins."""
        self._ask(_Wish(n, instant_us(to_s)))

    def step(self, n: int, by: int, from_s: float | None) -> None:
        """One picture forward, or (by < 0) to the key frame before, and stand there.

        from_s  the picture that the player shows, where that is not the one sent last
        """
        self.pause()
        if by < 0:
            self._ask(_Wish(n, self._here_us() if from_s is None else instant_us(from_s), is_back=True))
        elif from_s is not None or not self.is_active:
            self._ask(_Wish(n, instant_us(time.time() if from_s is None else from_s), is_next=True))
        else:
            self._steps.append(n)
            self._is_over = False
            self.pump()

    def reverse(self, n: int, x: float) -> None:
        """Go back from here by key frames, at so many times the speed."""
        if not 1 <= x <= MAX_REVERSE:
            return
        here_us = self._here_us()
        self._tempo.change(-x)
        self._ask(_Wish(n, here_us + 1, is_back=True))

    def set_speed(self, x: float) -> None:
        """Go forward, at another speed."""
        if x not in SPEEDS or not self.is_active:
            return
        before = self._is_back, self._keys_only
        self._tempo.change(x)
        if (self._is_back, self._keys_only) != before:
            if self._wish is None:
                self._until_us = int(self._tempo.now_us)
            self._reread()
        self.pump()

    def pause(self) -> None:
        """Stand. What was sent ahead stays with the player."""
        self._tempo.stand()

    def play(self) -> None:
        """Go on."""
        self._tempo.run()
        self._is_over = False
        self.pump()

    def stop(self) -> None:
        """From here on nothing of the past is sent; what comes next is introduced anew."""
        self.is_active = False
        self._wish = self._sent = self._edge_us = None
        self._announcer.forget()
        self._reread()
        self._steps.clear()
        self._tempo.change(1.0)
        self._tempo.run()
        self._unset_timer()

    def _here_us(self) -> int:
        """The instant that is on, or was asked for."""
        if self._wish is not None:
            return self._wish.to_us
        return int(self._tempo.now_us) if self.is_active else instant_us(time.time())

    def _ask(self, wish: _Wish) -> None:
        self.is_active = True
        self._reread()
        self._steps.clear()
        self._wish = wish
        self.pump()

    # -- sending ------------------------------------------------------------------------------------------------

    @property
    def is_allowed(self) -> bool:
        """Whether anything of the past may be sent now."""
        return self._lease.playback_from is not None and self._lease.allows(_PLAYBACK, self._clock())

    def pump(self) -> None:
        """Send what is due, as far as the transport takes it at once; have read what will be."""
        if not self.is_active:
            return
        while self._outlet.is_free:
            # Law: before every write, the permission, and the window.
            if not self.is_allowed:
                self._exit.lose_playback()
                return
            if not self._queue:
                break
            slice_, frame = self._queue[0]
            if frame.utc_us < self._floor_us:
                self._reread()
                self._read = Place(slice_.ref, frame.position, frame.utc_us)
                break
            if not self._is_due(frame):
                break
            self._queue.popleft()
            self._send(slice_, frame)
        self._read_on()
        self._set_timer()

    @property
    def _floor_us(self) -> int:
        """The first instant that may be seen. To be asked after `is_allowed`."""
        return math.ceil((self._lease.playback_from or 0) * 1e6)

    @property
    def _is_back(self) -> bool:
        return self._tempo.speed < 0

    @property
    def _keys_only(self) -> bool:
        return self._is_back or self._tempo.speed > _ALL_FRAMES_UP_TO

    def _is_due(self, frame: Frame) -> bool:
        if frame.utc_us >= self._until_us if self._is_back else frame.utc_us <= self._until_us:
            return True
        gap_us = self._gap_before(frame)
        if not self._tempo.is_running:
            return self._take_step(frame, gap_us)
        # A gap takes no time: the frame behind it is due when the one before it has been shown.
        ahead_us = self._tempo.ahead_us(frame.utc_us) - gap_us
        if ahead_us > LEAD_US:
            return False
        if gap_us:
            self._tempo.skip(gap_us)
            self._tell_gap_before(frame)
        if ahead_us < -_LATE_S * abs(self._tempo.speed) * 1e6:
            self._tempo.jump(frame.utc_us)
        return True

    def _take_step(self, frame: Frame, gap_us: int) -> bool:
        """Whether somebody asked for one more picture, and this is it, or sound before it."""
        if self._is_back or not self._steps:
            return False
        if frame.track == VIDEO:
            if gap_us:
                self._tell_gap_before(frame)
            self._until_us = frame.utc_us
            self._tempo.jump(frame.utc_us)
            n = self._steps.popleft()
            if n is not None:
                self._announcer.tell_at(n, frame.utc_us)
        return True

    def _send(self, slice_: Slice, frame: Frame) -> None:
        self._sent = Place(slice_.ref, frame.position + 1, frame.end_us)
        if frame.track == VIDEO:
            self._announcer.introduce(slice_)
            self._outlet.send(frame.wire)
            self.ledger.add(frame.utc_us, frame.end_us)
            self._shown_us = frame.utc_us
            self._edge_us = frame.utc_us if self._is_back else frame.end_us
        elif self._is_heard(frame) and self._lease.allows(_LISTEN, self._clock()):
            self._outlet.send(frame.wire)

    def _is_heard(self, frame: Frame) -> bool:
        """Sound goes with the picture at its own speed, not with the way to it, nor with a step."""
        is_plain = self._tempo.is_running and self._tempo.speed == 1
        return is_plain and frame.track == AUDIO and frame.end_us > self._until_us

    def _gap_before(self, frame: Frame) -> int:
        """Microseconds without footage before this frame, on the way we go; 0 where there is no gap."""
        if self._edge_us is None or frame.track != VIDEO:
            return 0
        gap_us = self._edge_us - frame.end_us if self._is_back else frame.utc_us - self._edge_us
        return gap_us if gap_us >= JOIN_US else 0

    def _tell_gap_before(self, frame: Frame) -> None:
        edge_us = self._edge_us or 0
        self._announcer.tell_gap(*((frame.end_us, edge_us) if self._is_back else (edge_us, frame.utc_us)))

    def _set_timer(self) -> None:
        """Come back when the next frame is due. A transport that was full wakes us by itself."""
        self._unset_timer()
        if self._queue and self._tempo.is_running and self._outlet.is_free:
            frame = self._queue[0][1]
            ahead_us = self._tempo.ahead_us(frame.utc_us) - self._gap_before(frame) - LEAD_US
            delay = max(ahead_us / 1e6 / abs(self._tempo.speed), _WAKE_S)
            self._timer = asyncio.get_running_loop().call_later(delay, self.pump)

    def _unset_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- reading ------------------------------------------------------------------------------------------------

    def _reread(self) -> None:
        """Forget what was read, and read on behind what was sent."""
        self._turn += 1
        self._queue.clear()
        self._read = self._sent
        self._back_us = self._shown_us
        self._is_dry = self._is_over = False

    def _read_on(self) -> None:
        """Have the next slice read, if one is wanted and none is under way."""
        question = None if self._is_reading else self._question()
        if question is not None:
            self._is_reading = True
            future = asyncio.get_running_loop().run_in_executor(_readers, question)
            future.add_done_callback(functools.partial(self._came, self._turn))

    def _question(self) -> Callable[[], Slice | None] | None:
        footage, floor_us, keys_only = self._footage, self._floor_us, self._keys_only
        wish = self._wish
        if wish is not None and wish.is_back:
            return functools.partial(footage.before, wish.to_us, floor_us)
        if wish is not None:
            to_us = wish.to_us
            if wish.is_next or (self._tempo.is_running and not self._is_back):
                return functools.partial(footage.at, to_us, floor_us, keys_only=keys_only)
            # Who stands, or goes back, beyond the end sees the last picture.
            return lambda: footage.at(to_us, floor_us, keys_only=keys_only) or footage.before(to_us, floor_us)
        if not self._wants_more():
            return None
        if self._is_back:
            return functools.partial(footage.before, self._back_us, floor_us)
        if self._read is None:
            return None
        return functools.partial(footage.after, self._read, floor_us, keys_only=keys_only)

    def _wants_more(self) -> bool:
        if self._is_over:
            return False
        if self._queue:
            in_hand_us = abs(self._queue[-1][1].utc_us - self._queue[0][1].utc_us)
            is_short = in_hand_us < _AHEAD_S * abs(self._tempo.speed) * 1e6
            return is_short and self._tempo.is_running and not self._is_dry
        if self._tempo.is_running or self._steps:
            return True
        # The picture that was asked for lies farther on in a large group of pictures.
        return not self._is_back and self._read is not None and self._read.utc_us <= self._until_us

    def _came(self, turn: int, future: "asyncio.Future[Slice | None]") -> None:
        """A slice, or nothing, from the thread."""
        self._is_reading = False
        if future.cancelled():
            return
        slice_ = None
        try:
            slice_ = future.result()
        except (OSError, sqlite3.Error) as error:
            if self.is_active:
                log.warning("footage_unreadable", session=self._lease.session, error=type(error).__name__)
        if not self.is_active:
            return
        if not self.is_allowed:
            self._exit.lose_playback()
            return
        if turn == self._turn:
            self._take(slice_)
        self.pump()

    def _take(self, slice_: Slice | None) -> None:
        wish = self._wish
        if slice_ is not None and wish is not None:
            if slice_.start_us < self._floor_us:
                return  # the window has moved since: it is asked again
            self._wish = None
            self._answer(wish, slice_)
        elif wish is not None:
            self._wish = None
            self._announcer.tell_at(wish.n, min(wish.to_us, instant_us(time.time())))
            self._end(is_back=wish.is_back)
        elif slice_ is None and self._queue:
            self._is_dry = True
        elif slice_ is None:
            self._end(is_back=self._is_back)
        if slice_ is not None:
            self._is_dry = False
            self._queue.extend((slice_, frame) for frame in slice_.frames)
            last = slice_.frames[-1]
            self._read = Place(slice_.ref, last.position + 1, last.end_us)
            self._back_us = slice_.start_us

    def _answer(self, wish: _Wish, slice_: Slice) -> None:
        """Be where the player wanted to be, or as near as there is footage he may see."""
        start_us = slice_.start_us
        at_us = until_us = start_us
        if wish.is_next and wish.to_us >= start_us:
            later = (f.utc_us for f in slice_.frames if f.track == VIDEO and f.utc_us > wish.to_us + _NEXT_US)
            at_us = until_us = next(later, 0)
            if not at_us:  # it was the last one here: go there, and then a step
                at_us = max(frame.end_us for frame in slice_.frames if frame.track == VIDEO)
                until_us = at_us - 1
                self._steps.appendleft(None)
        elif not wish.is_back and not self._keys_only and start_us <= wish.to_us < slice_.ref.end_us:
            at_us = until_us = wish.to_us
        self._sent = Place(slice_.ref, slice_.frames[0].position, start_us)
        self._edge_us = None
        self._shown_us = start_us
        self._until_us = until_us
        self._tempo.jump(at_us)
        self._announcer.tell_at(wish.n, at_us)
        if not wish.is_back and start_us - wish.to_us >= JOIN_US:
            self._announcer.tell_gap(wish.to_us, start_us)

    def _end(self, *, is_back: bool) -> None:
        """There is nothing more this way."""
        self._is_over = True
        if is_back:
            self._announcer.tell_end(is_back=True)
            return
        for n in self._steps:
            if n is not None:
                self._announcer.tell_at(n, self._shown_us)
        if self._steps or not self._tempo.is_running or not self._exit.reach_present():
            self._announcer.tell_end(is_back=False)
        self._steps.clear()
