"""The one clock of the control plane. Always UTC. Tests set it; nothing else calls `datetime.now`."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

_offset: ContextVar[timedelta] = ContextVar("clock_offset", default=timedelta(0))
_frozen: ContextVar[datetime | None] = ContextVar("clock_frozen", default=None)


def now() -> datetime:
    """The instant, UTC."""
    return _frozen.get() or datetime.now(UTC) + _offset.get()


@contextmanager
def frozen_at(instant: datetime) -> Iterator[None]:
    """Stop the clock of this context at `instant`."""
    token = _frozen.set(instant)
    try:
        yield
    finally:
        _frozen.reset(token)


@contextmanager
def moved_by(offset: timedelta) -> Iterator[None]:
    """Run this context's clock `offset` away from the real one."""
    token = _offset.set(offset)
    try:
        yield
    finally:
        _offset.reset(token)
