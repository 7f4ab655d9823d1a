"""Spans of time as pairs of seconds since the epoch, half open: joined, clipped, taken from each other. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from belvedere.control.core.errors import Invalid

type Pair = tuple[float, float]


def join(spans: Iterable[Pair], *, within_s: float = 0.0) -> list[Pair]:
    """In order, and those that overlap or lie at most `within_s` apart as one. Empty ones are dropped."""
    found: list[Pair] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if found and start <= found[-1][1] + within_s:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def clip(spans: Iterable[Pair], start: float, end: float) -> list[Pair]:
    """The parts of them between these instants."""
    clipped = ((max(first, start), min(last, end)) for first, last in spans)
    return [span for span in clipped if span[0] < span[1]]


def without(spans: Iterable[Pair], taken: Iterable[Pair]) -> list[Pair]:
    """What is left of the one where the other is not. In order, joined."""
    left = join(spans)
    for start, end in join(taken):
        left = [
            piece
            for first, last in left
            for piece in ((first, min(last, start)), (max(first, end), last))
            if piece[0] < piece[1]
        ]
    return left


def check_period(start: datetime, end: datetime, *, longest: timedelta, message: str) -> None:
    """Refuse what is no period, and one that is too long, which `message` says. Raises Invalid."""
    if not start < end:
        raise Invalid(_("The end must come after the start."), field="to")
    if end - start > longest:
        raise Invalid(message, field="to")
