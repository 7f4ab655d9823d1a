"""The control plane's line to the media nodes. One per process, set at its start; absent in commands and tests."""

import msgspec

from belvedere.bus.connection import BusLost, BusTimeout
from belvedere.bus.threads import BusThread
from belvedere.control.core.errors import Unavailable

_line: BusThread | None = None


def set_line(line: BusThread | None) -> None:
    """Use this line from now on."""
    global _line  # noqa: PLW0603  one line per process, like the process itself
    _line = line


def has_line() -> bool:
    """Whether this process has a line at all: commands have none, and leave what needs one to the worker."""
    return _line is not None


def is_up() -> bool:
    """Whether the bus answers just now."""
    return _line is not None and _line.is_connected


def ask[T: msgspec.Struct](subject: str, message: msgspec.Struct, reply: type[T], *, timeout: float) -> T:
    """Ask one node. Raises Unavailable if it does not answer in `timeout` seconds."""
    if _line is None:
        raise Unavailable
    try:
        return _line.request(subject, message, reply, timeout)
    except (BusLost, BusTimeout):
        raise Unavailable from None


def tell(subject: str, message: msgspec.Struct) -> None:
    """Tell one node; a loss is made good by its next question. Never raises."""
    if _line is None:
        return
    try:
        _line.publish(subject, message)
    except (BusLost, BusTimeout):
        return
