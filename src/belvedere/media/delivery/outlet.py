"""The socket of one viewer, as far as those may use it who have something to show or to say."""

from typing import Any, Protocol


class Outlet(Protocol):
    """Who writes asks the lease before, each time."""

    @property
    def is_free(self) -> bool:
        """Whether its transport holds nothing."""

    def tell(self, message: dict[str, Any]) -> None:
        """Send a text, in its turn."""

    def send(self, wire: bytes) -> None:
        """Send one binary message, framed already."""
