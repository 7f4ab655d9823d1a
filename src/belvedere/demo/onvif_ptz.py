"""The motor of a camera: it goes on moving until it is stopped, as real ones do."""

import time
from dataclasses import dataclass, field
from typing import Final

#: Of the whole way, in a second at full speed.
_SPEED: Final = 0.5

type Position = tuple[float, float, float]

#: As the camera came from the factory.
HOME: Final[Position] = (0.0, 0.0, 0.0)
_STILL: Final[Position] = (0.0, 0.0, 0.0)


@dataclass
class PtzHead:
    """Pan and tilt from -1 to 1, zoom from 0 to 1."""

    presets: dict[str, tuple[str, Position]] = field(default_factory=lambda: {"1": ("Door", (0.5, 0.0, 0.2))})
    #: how often it was told to move, and to stay
    moves: int = 0
    stops: int = 0
    _from: Position = (0.0, 0.0, 0.0)
    _speed: Position = (0.0, 0.0, 0.0)
    _since: float = 0.0

    @property
    def position(self) -> Position:
        """Where it looks now."""
        went = (time.monotonic() - self._since) * _SPEED
        pan, tilt, zoom = (start + speed * went for start, speed in zip(self._from, self._speed, strict=True))
        return (_within(pan, -1.0), _within(tilt, -1.0), _within(zoom, 0.0))

    @property
    def is_moving(self) -> bool:
        """Whether the motor runs, be it against its stop."""
        return any(self._speed)

    def move(self, pan: float, tilt: float, zoom: float) -> None:
        """Move on and on, at these speeds: -1 to 1."""
        self.moves += 1
        self._run((pan, tilt, zoom))

    def stop(self) -> None:
        """Stay."""
        self.stops += 1
        self._run(_STILL)

    def look_at(self, place: Position) -> None:
        """Look there, at once."""
        self._run(_STILL)
        pan, tilt, zoom = place
        self._from = (_within(pan, -1.0), _within(tilt, -1.0), _within(zoom, 0.0))

    def go_to(self, token: str) -> bool:
        """Look there, at once. False: there is no such preset."""
        if token not in self.presets:
            return False
        self.look_at(self.presets[token][1])
        return True

    def keep(self, name: str, token: str = "") -> str:
        """Remember where it looks; returns the preset's token."""
        token = token or str(max((int(known) for known in self.presets), default=0) + 1)
        self.presets[token] = (name, self.position)
        return token

    def _run(self, speed: Position) -> None:
        self._from, self._speed, self._since = self.position, speed, time.monotonic()


def _within(value: float, low: float) -> float:
    return max(low, min(1.0, value))
