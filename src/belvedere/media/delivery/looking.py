"""What a viewer looks at: the present or the past, as its player orders and its lease allows."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec

from belvedere.contracts.permissions import Permission
from belvedere.contracts.ptz import Aim, GoTo, Home, Move, PtzOrder, Stop, Token
from belvedere.contracts.recordings import Span
from belvedere.media.decode import Decoder
from belvedere.media.delivery.footage_reader import FootageReader
from belvedere.media.delivery.hearing import Hearing
from belvedere.media.delivery.outlet import Outlet
from belvedere.media.delivery.playback import Playback
from belvedere.media.delivery.previews import Previews
from belvedere.media.delivery.sessions import Lease
from belvedere.media.delivery.stream import LiveStream
from belvedere.media.ptz import Helm
from belvedere.media.ptz_steering import Steering

#: What was watched of the past is told this often, and at the end.
TELL_EVERY_S: Final = 10.0
_LIVE_VIEW: Final = int(Permission.LIVE_VIEW)


class PlayerMessage(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """What a player says; unknown fields and types are passed over, for players newer than we are.

    n         number of the order, for the answer
    to, from_ instants, seconds since the epoch: of a seek; of the picture that is shown, in a step
    x, by     how many times as fast; how many pictures
    on        whether sound is wanted
    move, aim, preset, home, stop   of the camera's head: one of them, or none, to learn what it can
    """

    type: str
    n: int = 0
    to: float = 0.0
    from_: float | None = None
    x: float = 1.0
    by: int = 1
    on: bool = True
    move: Move | None = None
    aim: Aim | None = None
    preset: Token | None = None
    home: bool = False
    stop: bool = False

    @property
    def ptz(self) -> PtzOrder | None:
        """Where the camera is to look; the safest of them, should it say several."""
        if self.stop:
            return Stop()
        return self.move or self.aim or (GoTo(self.preset) if self.preset else Home() if self.home else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What there is to see in a session: the present, and the past where any is kept here.

    report   tells control which spans of footage were sent
    decoder  makes small pictures for the time line
    helm     of the camera; None where the session is of the past
    """

    find_stream: Callable[[], LiveStream | None]
    footage: FootageReader | None
    report: Callable[[list[Span]], None]
    decoder: Decoder | None = None
    helm: Helm | None = None


class Screen(Outlet, Protocol):
    """The viewer's socket, as far as it shows the one or the other."""

    @property
    def stream(self) -> LiveStream | None:
        """What it shows of the present; None while it looks back."""

    def join(self, stream: LiveStream) -> None:
        """Show this, from its last key frame on."""

    def leave(self) -> None:
        """Show nothing of the present any more."""

    def hold(self) -> None:
        """Send nothing more of the present, for now."""

    def turn_away(self, *, is_gone: bool) -> None:
        """End it: the player is to come back with a new ticket."""


class Looking:
    """Of one viewer, from its lease to its end."""

    def __init__(self, lease: Lease, scene: Scene, screen: Screen, clock: Callable[[], float]) -> None:
        self._lease = lease
        self._scene = scene
        self._screen = screen
        self._clock = clock
        self._playback = None if scene.footage is None else Playback(scene.footage, lease, screen, self, clock)
        self._previews: Previews | None = None
        if scene.footage is not None and scene.decoder is not None and self._playback is not None:
            self._previews = Previews(scene.footage, scene.decoder, lease, screen, self._playback.ledger, clock)
        self.hearing = Hearing(lease, screen, clock)
        self._steering = None if scene.helm is None else Steering(lease, screen, scene.helm, clock)
        self._told_at = clock()

    def follow(self, order: PlayerMessage) -> None:
        """Do what the player says, or tell it that it may not."""
        playback = self._playback
        match order.type:
            case "live":
                self._go_live(order.n)
            case "pause":
                self._screen.hold()
                if playback is not None:
                    playback.pause()
            case "play":
                self._go_on()
            case "listen":
                self._listen(order)
            case "ptz":
                self._steer(order)
            case "speed" if playback is not None:
                playback.set_speed(order.x)
            case "seek" | "step" | "reverse" | "preview" if playback is not None and playback.is_allowed:
                self._look_back(playback, order)
            case "seek" | "step" | "reverse" | "preview":
                self._screen.tell({"type": "refused", "n": order.n, "what": "playback"})

    def pump(self) -> None:
        """The transport is free."""
        if self._playback is not None:
            self._playback.pump()

    def check(self, now: float) -> None:
        """Be looked at, a few times a second, and whenever the lease has narrowed."""
        playback = self._playback
        self.hearing.check()
        if self._steering is not None:
            self._steering.check()
        if playback is not None and playback.is_active and not playback.is_allowed:
            self.lose_playback()
        if now - self._told_at >= TELL_EVERY_S:
            self._tell_watched()

    def end(self) -> None:
        """From here on nothing is sent."""
        if self._steering is not None:
            self._steering.end()
        if self._previews is not None:
            self._previews.stop()
        if self._playback is not None:
            self._playback.stop()
        self._tell_watched()

    # -- what playback may ask of it ----------------------------------------------------------------------------

    def reach_present(self) -> bool:
        """The past has run out: go over to live, where that may be seen and is here."""
        stream = self._find_live()
        if stream is None:
            return False
        self._end_playback()
        self._screen.tell({"type": "live"})
        self._screen.join(stream)
        return True

    def lose_playback(self) -> None:
        """The right to look back is gone: what is left is the present."""
        self._end_playback()
        self._screen.tell({"type": "ended", "what": "playback", "why": "narrowed"})
        stream = self._find_live()
        if stream is not None:
            self._screen.tell({"type": "live"})
            self._screen.join(stream)
        elif self._lease.allows(_LIVE_VIEW, self._clock()):
            self._screen.turn_away(is_gone=False)

    # -- inside -------------------------------------------------------------------------------------------------

    def _go_on(self) -> None:
        if self._playback is not None:
            self._playback.play()
        if self._screen.stream is not None:
            self._screen.join(self._screen.stream)

    def _listen(self, order: PlayerMessage) -> None:
        if order.on and not self.hearing.is_allowed:
            self._screen.tell({"type": "refused", "n": order.n, "what": "listen"})
        else:
            self.hearing.want(on=order.on)

    def _steer(self, order: PlayerMessage) -> None:
        if self._steering is None:
            self._screen.tell({"type": "refused", "n": order.n, "what": "ptz", "why": "not_here"})
        elif wish := order.ptz:
            self._steering.follow(order.n, wish)
        else:
            self._steering.look(order.n)

    def _look_back(self, playback: Playback, order: PlayerMessage) -> None:
        match order.type:
            case "seek":
                playback.seek(order.n, order.to)
            case "step":
                playback.step(order.n, order.by, order.from_)
            case "reverse":
                playback.reverse(order.n, order.x)
            case "preview" if self._previews is not None:
                self._previews.ask(order.n, order.to)
        if playback.is_active:
            self._screen.leave()

    def _go_live(self, n: int) -> None:
        stream = self._find_live()
        if stream is None:
            self._screen.tell({"type": "refused", "n": n, "what": "live"})
            return
        self._end_playback()
        at: dict[str, Any] = {"type": "at", "n": n, "utc": round(time.time(), 3)}
        self._screen.tell(at)
        self._screen.join(stream)

    def _find_live(self) -> LiveStream | None:
        if not self._lease.allows(_LIVE_VIEW, self._clock()):
            return None
        return self._screen.stream or self._scene.find_stream()

    def _end_playback(self) -> None:
        if self._playback is not None:
            self._playback.stop()

    def _tell_watched(self) -> None:
        if self._playback is not None and (spans := self._playback.ledger.take()):
            self._told_at = self._clock()
            self._scene.report(spans)
