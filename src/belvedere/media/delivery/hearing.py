"""What one viewer hears of the present: nothing, until the player asks for it, and the lease allows it at every write.

Sound is no part of the ring: what a transport does not take at once is left out, for late sound is worth nothing.
"""

from collections.abc import Callable
from typing import Final

from belvedere.contracts.permissions import Permission
from belvedere.media.delivery.outlet import Outlet
from belvedere.media.delivery.sessions import Lease
from belvedere.media.delivery.stream import SOUND_TRACK, CurrentTrack, LiveStream

_LIVE_VIEW: Final = int(Permission.LIVE_VIEW)
_LISTEN: Final = int(Permission.LISTEN)


class Hearing:
    """Of one viewer, from its lease to its end. Follows it from stream to stream by `tune`."""

    def __init__(self, lease: Lease, outlet: Outlet, clock: Callable[[], float]) -> None:
        self._lease = lease
        self._outlet = outlet
        self._clock = clock
        self._is_wanted = False
        self._stream: LiveStream | None = None
        #: what the player was introduced to
        self._sounding: CurrentTrack | None = None
        self._might = lease.allows(_LISTEN, clock())

    @property
    def is_allowed(self) -> bool:
        """Whether sound may be sent now, be it of the present or of the past."""
        return self._lease.allows(_LISTEN, self._clock())

    def want(self, *, on: bool) -> None:
        """The player asks for sound, or for silence."""
        self._is_wanted = on
        self.tune(self._stream)

    def tune(self, stream: LiveStream | None) -> None:
        """Hear this stream, if sound is wanted and allowed; None: nothing."""
        if self._stream is not None:
            self._stream.leave_hearers(self)
        if self._stream is not stream:
            self._sounding = None
        self._stream = stream
        if stream is not None and self._is_wanted and self.is_allowed:
            stream.join_hearers(self)

    def hear(self, sounding: CurrentTrack, wire: bytes) -> None:
        """Write some sound, introduced by its track once."""
        now = self._clock()
        # Law: before every write, the moment and the permission; and of the present only for who may see it.
        if not (self._lease.allows(_LISTEN, now) and self._lease.allows(_LIVE_VIEW, now) and self._outlet.is_free):
            return
        if sounding is not self._sounding:
            self._sounding = sounding
            track = sounding.track
            said = {"type": "init", "track": SOUND_TRACK, "kind": track.kind, "codec": track.codec}
            self._outlet.tell({**said, "timescale": track.timescale, "utc_at_zero": track.utc_at_zero})
            self._outlet.send(sounding.wire)
        if self._outlet.is_free:
            self._outlet.send(wire)

    def check(self) -> None:
        """Be looked at, a few times a second, and whenever the lease has narrowed: say once that the right is gone."""
        if self._might and not self.is_allowed:
            self._might = False
            self.tune(self._stream)
            self._outlet.tell({"type": "ended", "what": "listen", "why": "narrowed"})
