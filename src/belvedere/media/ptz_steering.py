"""What one viewer's socket says of moving its camera: decided by its lease at each order, ended with it."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from belvedere.contracts.permissions import Permission
from belvedere.contracts.ptz import PtzOrder, Stop
from belvedere.media.delivery.sessions import Lease
from belvedere.media.ptz import Helm, shown

_PTZ: Final = int(Permission.PTZ)


class Teller(Protocol):
    """The player's socket."""

    def tell(self, message: dict[str, Any]) -> None:
        """Send a text message."""


class Steering:
    """Of one viewer, from its lease to its end: an Operator of its camera's helm."""

    def __init__(self, lease: Lease, socket: Teller, helm: Helm, clock: Callable[[], float]) -> None:
        self._lease = lease
        self._socket = socket
        self._helm = helm
        self._clock = clock
        self._might = lease.allows(_PTZ, clock())
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_over = False
        #: whether he said stop, and nobody has yet obeyed
        self._is_stop_owed = False

    @property
    def name(self) -> str:
        """See Operator."""
        return self._lease.session

    @property
    def good_until(self) -> float:
        """See Operator."""
        now = self._clock()
        if self._is_over or not self._lease.allows(_PTZ, now):
            return 0.0
        return time.monotonic() + self._lease.good_until - now

    def hear(self, message: dict[str, Any]) -> None:
        """See Operator."""
        self._socket.tell(message)

    def look(self, n: int) -> None:
        """The player wants to know what there is to move, and who does."""
        self._later(self._look(n))

    def follow(self, n: int, order: PtzOrder) -> None:
        """The player orders something. Only what does not happen is answered."""
        self._is_stop_owed |= isinstance(order, Stop)
        self._later(self._follow(n, order))

    def check(self) -> None:
        """Be looked at, a few times a second, and whenever the lease has narrowed."""
        if self._might and not self._lease.allows(_PTZ, self._clock()):
            self._might = False
            self._helm.leave(self, is_over=True)
            self._socket.tell({"type": "ended", "what": "ptz", "why": "narrowed"})

    def end(self) -> None:
        """The socket is over: nobody holds on any more, not even by an order that is still to be given.

        But for a stop, which came in one packet with the goodbye: a journey to a preset ends by it.
        """
        self._is_over = True
        may = self._lease.allows(_PTZ, self._clock())
        self._helm.leave(self, is_over=not may, says_stop=may and self._is_stop_owed)

    async def _look(self, n: int) -> None:
        answer = await self._helm.look(self)
        if answer.abilities is not None:
            self._socket.tell({"type": "ptz", "n": n, "can": shown(answer.abilities)})
        else:
            self._refuse(n, answer.code)

    async def _follow(self, n: int, order: PtzOrder) -> None:
        if isinstance(order, Stop):
            self._is_stop_owed = False
        answer = await self._helm.obey(self, order)
        if answer.code != "ok":
            self._refuse(n, answer.code)

    def _refuse(self, n: int, why: str) -> None:
        self._socket.tell({"type": "refused", "n": n, "what": "ptz", "why": why})

    def _later(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
