"""The clock of playback: which instant of the past is on."""

from collections.abc import Callable


class Tempo:
    """An instant, in microseconds since the epoch, that stands or runs with our clock; backwards where `speed` < 0."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._at_us = 0.0
        self._since: float | None = clock()
        self.speed = 1.0

    @property
    def is_running(self) -> bool:
        """Whether time goes on."""
        return self._since is not None

    @property
    def now_us(self) -> float:
        """The instant that is on now."""
        return self._at_us if self._since is None else self._at_us + (self._clock() - self._since) * self.speed * 1e6

    def ahead_us(self, utc_us: int) -> float:
        """How much of the film lies between now and an instant, on the way we go; negative when it has passed."""
        return (utc_us - self.now_us) * (1 if self.speed > 0 else -1)

    def skip(self, span_us: int) -> None:
        """Be so much of the film farther on our way."""
        self.jump(self.now_us + (span_us if self.speed > 0 else -span_us))

    def jump(self, to_us: float) -> None:
        """Be at another instant."""
        self._at_us = to_us
        if self._since is not None:
            self._since = self._clock()

    def run(self) -> None:
        """Go on from here."""
        if self._since is None:
            self._since = self._clock()

    def stand(self) -> None:
        """Stay here."""
        self._at_us, self._since = self.now_us, None

    def change(self, speed: float) -> None:
        """Another speed from here on."""
        self.jump(self.now_us)
        self.speed = speed
