"""Who watched which part of the past: kept where it is sent, told to control from time to time."""

from typing import Final

from belvedere.contracts.recordings import JOIN_S, Span
from belvedere.media.footage.coverage import merge

_JOIN_US: Final = int(JOIN_S * 1_000_000)
_MAX_SPANS: Final = 256


class Ledger:
    """The spans that went to one viewer and were not told yet. Microseconds since the epoch."""

    def __init__(self) -> None:
        self._spans: list[tuple[int, int]] = []

    def add(self, start_us: int, end_us: int) -> None:
        """One more frame was sent."""
        if self._spans:
            first, last = self._spans[-1]
            if first <= start_us < last + _JOIN_US:
                self._spans[-1] = first, max(last, end_us)
                return
        self._spans.append((start_us, end_us))
        if len(self._spans) > _MAX_SPANS:
            self._spans = merge(sorted(self._spans))

    def take(self) -> list[Span]:
        """All of it, in order, joined where there is no break worth telling; nothing is left here."""
        spans, self._spans = merge(sorted(self._spans)), []
        return [Span(start / 1e6, end / 1e6) for start, end in spans]
