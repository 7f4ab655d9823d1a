"""What a player of the past is told between the frames: what is to come, where it is, where there is nothing."""

from collections.abc import Callable
from typing import Any, Final

from belvedere.contracts.permissions import Permission
from belvedere.media.delivery.footage_reader import Slice
from belvedere.media.delivery.outlet import Outlet
from belvedere.media.delivery.sessions import Lease
from belvedere.media.delivery.websocket import frame_media
from belvedere.media.footage.segment import AUDIO, VIDEO

_LISTEN: Final = int(Permission.LISTEN)


class Announcer:
    """Of one viewer. Instants come in microseconds since the epoch and are told in seconds."""

    def __init__(self, lease: Lease, outlet: Outlet, clock: Callable[[], float]) -> None:
        self._lease = lease
        self._outlet = outlet
        self._clock = clock
        #: what the player was introduced to: codec run and init segments; start of the segment, whose clock it has
        self._run: tuple[str, dict[int, bytes]] | None = None
        self._start_us = 0

    def forget(self) -> None:
        """What comes next is introduced anew."""
        self._run = None

    def introduce(self, slice_: Slice) -> None:
        """Say what is to come, once for each run; and within it where a segment's clock was nudged."""
        head = slice_.head
        run = head.run, slice_.inits
        is_new = run != self._run
        if not is_new and head.start_us == self._start_us:
            return
        self._run, self._start_us = run, head.start_us
        may_listen = self._lease.allows(_LISTEN, self._clock())
        for track in head.tracks:
            if track.number == AUDIO and not may_listen:
                continue
            number = track.number - 1
            zero = head.start_us / 1e6 - track.first_tick / track.timescale
            if not is_new:
                self._outlet.tell({"type": "clock", "track": number, "utc_at_zero": zero})
            elif track.number in slice_.inits:
                said = {"type": "init", "track": number, "kind": track.kind, "codec": track.codec}
                more: dict[str, Any] = {}
                if track.number == VIDEO:
                    has_sound = may_listen and AUDIO in slice_.inits
                    more = {"width": head.width, "height": head.height, "sound": has_sound}
                self._outlet.tell({**said, **more, "timescale": track.timescale, "utc_at_zero": zero})
                self._outlet.send(frame_media(number, slice_.inits[track.number]))

    def tell_at(self, n: int, utc_us: int) -> None:
        """Answer order `n`: this is the picture that comes of it."""
        self._outlet.tell({"type": "at", "n": n, "utc": utc_us / 1e6})

    def tell_gap(self, start_us: int, end_us: int) -> None:
        """There is no footage in between."""
        self._outlet.tell({"type": "gap", "from": start_us / 1e6, "to": end_us / 1e6})

    def tell_end(self, *, is_back: bool) -> None:
        """There is nothing more this way."""
        self._outlet.tell({"type": "start_of_footage" if is_back else "end_of_footage"})
