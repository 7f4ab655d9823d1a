"""An order on its way between two loops, and how long it may be carried out."""

import time
from dataclasses import dataclass

from belvedere.contracts.ptz import PtzOrder


@dataclass(slots=True, eq=False)
class Given:
    """An order, and how long it may be carried out.

    good_until  monotonic; what has not left by then, does not
    is_void     set from any thread: taken back
    """

    order: PtzOrder
    good_until: float
    is_void: bool = False

    @property
    def left_s(self) -> float:
        """How long it is good for yet; nothing, if it is not."""
        return 0.0 if self.is_void else self.good_until - time.monotonic()
