"""Speaking ONVIF with devices: who is there (`discovery`), what is it (`inspection`), what happens (`pullpoint`), look
there (`ptz`).

Whatever a device says is hostile until proven dull. `transport` talks to one judged address and to no other, whatever
addresses the device names (N28); `bounded_xml` looks at every answer before anything builds a tree of it (N29).

Conversations have a thread and a loop of their own: zeep takes up to a second over a big recorder's answer, and viewers
do not wait for that. Loading it costs seconds and 46 MB, so that happens when it is first needed: docs/decisions/0014.
"""

import asyncio
import threading
from collections.abc import Callable, Collection, Coroutine
from functools import cache
from typing import TYPE_CHECKING

from belvedere.contracts.devices import InspectResult
from belvedere.contracts.events import StreamSource
from belvedere.contracts.ptz import PtzAbilities
from belvedere.media.onvif.discovery import discover

if TYPE_CHECKING:
    from belvedere.media.onvif.ptz_given import Given
    from belvedere.media.onvif.ptz_line import PtzLine
    from belvedere.media.onvif.pullpoint import Heard

__all__ = ["PtzWay", "discover", "inspect", "listen", "warm_up"]


async def inspect(source: StreamSource, timeout_s: float, own_ports: Collection[int] = ()) -> InspectResult:
    """Ask the device at `source.url` what it is; nothing is kept. What went wrong is the result's `code`."""
    await warm_up()  # not the device's time
    return await _aside(_inspect(source, timeout_s, own_ports))


async def listen(source: StreamSource, hear: "Callable[[list[Heard]], None]", own_ports: Collection[int] = ()) -> None:
    """Tell `hear`, in the loop of the caller, what a device says, until it ends; it never returns of itself.

    Raises DeviceFailure (NO_EVENTS: it has none to tell), SourceFailure.
    """
    await warm_up()
    loop = asyncio.get_running_loop()

    def hand_over(heard: "list[Heard]") -> None:
        loop.call_soon_threadsafe(hear, heard)

    await _aside(_listen(source, hand_over, own_ports))


class PtzWay:
    """The way to one camera's motor, from the loop of the caller: a PtzLine in ONVIF's."""

    def __init__(self, source: StreamSource, own_ports: Collection[int] = ()) -> None:
        self._source = source
        self._own_ports = own_ports
        self._line: PtzLine | None = None

    async def obey(self, given: "Given") -> PtzAbilities | None:
        """See PtzLine."""
        if self._line is None:
            await warm_up()
        return await _aside(self._obey(given))

    async def close(self) -> None:
        """Hang up, and leave nothing moving."""
        if self._line is not None:
            await _aside(self._line.close())

    async def _obey(self, given: "Given") -> PtzAbilities | None:
        from belvedere.media.onvif.ptz_line import PtzLine

        if self._line is None:
            self._line = PtzLine(self._source, self._own_ports)
        return await self._line.obey(given)


async def warm_up() -> None:
    """Load what an inspection needs, while somebody is still choosing what to inspect."""
    await _aside(_load())


async def _load() -> None:
    from belvedere.media.onvif.client import DESCRIBED, load

    for service in DESCRIBED:
        load(service)


async def _inspect(source: StreamSource, timeout_s: float, own_ports: Collection[int]) -> InspectResult:
    from belvedere.media.onvif.inspection import inspect_device

    return await inspect_device(source, timeout_s, own_ports)


async def _listen(source: StreamSource, hear: "Callable[[list[Heard]], None]", own_ports: Collection[int]) -> None:
    from belvedere.media.onvif.pullpoint import listen as listen_to

    await listen_to(source, hear, own_ports)


async def _aside[T](work: Coroutine[None, None, T]) -> T:
    """Run it in ONVIF's loop; cancelling the wait cancels the work."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, _loop()))


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="onvif", daemon=True).start()
    return loop
