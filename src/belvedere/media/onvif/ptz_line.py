"""The line to one motor: one order at a time, the newest move alone, and a stop before all else.

Lives in ONVIF's loop. It is held while it is used, so that an order finds it open, and hung up soon after.
"""

import asyncio
import contextlib
from collections.abc import Collection
from typing import Final

import msgspec

from belvedere.contracts.events import SourceError, StreamSource
from belvedere.contracts.ptz import Look, Move, PtzAbilities, Stop
from belvedere.media.onvif.conversation import converse
from belvedere.media.onvif.failure import DeviceFailure
from belvedere.media.onvif.ptz import Motor
from belvedere.media.onvif.ptz_given import Given

#: For signing in and learning what it can.
_MEET_S: Final = 8.0
_ANSWER_S: Final = 2.0
#: A line that nobody used for so long is hung up.
_IDLE_S: Final = 60.0
#: A stop that did not get through is said again after these.
_STOP_AGAIN_S: Final = (0.0, 0.1, 0.4, 1.0, 2.0)


class PtzLine:
    """To the motor behind `source.channel` of the device at `source.onvif`."""

    def __init__(self, source: StreamSource, own_ports: Collection[int] = ()) -> None:
        self._source = msgspec.structs.replace(source, url=source.onvif)
        self._own_ports = own_ports
        self._turn = asyncio.Lock()
        self._stack = contextlib.AsyncExitStack()
        self._motor: Motor | None = None
        self._work: asyncio.Task[PtzAbilities | None] | None = None
        self._idle: asyncio.TimerHandle | None = None
        #: numbers of orders: the last one, the last one that moves anything, the last stop
        self._count = self._newest = self._stopped = 0
        #: something was told to move, and nothing to stay
        self._may_run = False
        #: an order was broken off on its way: it may arrive after the stop that broke it off
        self._was_cut = False

    async def obey(self, given: Given) -> PtzAbilities | None:
        """Carry it out, unless it is overtaken or void by then; of a Look, what it can.

        Raises Declined, DeviceFailure, SourceFailure.
        """
        self._count += 1
        number, order = self._count, given.order
        if not isinstance(order, Look):
            self._newest = number
        if isinstance(order, Stop):
            self._stopped = number
            self._break_off()
        async with self._turn:
            if number < self._stopped and not isinstance(order, Look):
                return None
            if isinstance(order, Move) and number < self._newest:
                return None
            try:
                if isinstance(order, Stop):
                    await self._stop(number)
                    return None
                return await self._try(given)
            finally:
                self._rest()

    async def close(self) -> None:
        """Hang up; what may still move is told to stay first."""
        if self._may_run:
            with contextlib.suppress(Exception):  # it is over, whatever the device says to that
                await self.obey(Given(Stop(), float("inf")))
        if self._idle is not None:
            self._idle.cancel()
        await self._hang_up()

    async def _try(self, given: Given) -> PtzAbilities | None:
        work = asyncio.create_task(self._carry_out(given))
        self._work = None if isinstance(given.order, Look) else work
        try:
            return await work
        except asyncio.CancelledError:
            work.cancel()
            if (me := asyncio.current_task()) is not None and me.cancelling():
                raise
            return None  # a stop broke it off
        finally:
            self._work = None

    async def _carry_out(self, given: Given) -> PtzAbilities | None:
        motor = await self._meet()
        if isinstance(given.order, Look):
            return await motor.look()
        # Law: before every order on the wire, the moment and the right. What waits to connect waits no longer than it.
        if (left := given.left_s) <= 0:
            return None
        self._may_run = True
        try:
            await motor.obey(given.order, within_s=min(_ANSWER_S, left))
        except DeviceFailure as failure:
            if failure.code is not SourceError.DROPPED or given.left_s <= 0:
                raise
            # It had hung up on the old connection, as devices do.
            await motor.obey(given.order, within_s=min(_ANSWER_S, given.left_s))
        return None

    def _break_off(self) -> None:
        """What is under way is taken back, be it that it arrived already."""
        if self._work is not None and not self._work.done():
            self._was_cut = self._may_run
            self._work.cancel()

    async def _stop(self, number: int) -> None:
        """Until it is heard, or somebody orders anew. Where nothing was ever told to move, nothing is said."""
        failure: DeviceFailure | None = None
        for pause in _STOP_AGAIN_S:
            await asyncio.sleep(pause)
            if number != self._newest or (self._motor is None and not self._may_run):
                return
            try:
                motor = await self._meet()
                await motor.obey(Stop(), within_s=_ANSWER_S)
            except DeviceFailure as caught:
                failure = caught
                await self._hang_up()
                continue
            if not self._was_cut:
                self._may_run = False
                return
            self._was_cut = False
        if failure is not None:
            raise failure

    async def _meet(self) -> Motor:
        if self._motor is None:
            try:
                async with asyncio.timeout(_MEET_S):
                    client, _ = await self._stack.enter_async_context(converse(self._source, self._own_ports, {}))
                    self._motor = await Motor.find(client, self._source.channel)
            except TimeoutError:
                await self._hang_up()
                raise DeviceFailure(SourceError.STALLED) from None
            except BaseException:
                await self._hang_up()
                raise
        return self._motor

    async def _hang_up(self) -> None:
        self._motor = None
        await self._stack.aclose()

    def _rest(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(_IDLE_S, self._expire)

    def _expire(self) -> None:
        if not self._turn.locked():
            self._idle = None
            self._closing = asyncio.create_task(self._hang_up())
