"""What control hears of an export while it is made."""

import asyncio
from typing import Final

import msgspec

from belvedere.bus import Bus, BusError
from belvedere.contracts.recordings import ExportFinished, ExportProgress, ExportSigned, Span
from belvedere.contracts.subjects import EXPORT_FINISHED, EXPORT_PROGRESS, of_node

_ANSWER_WITHIN_S: Final = 2.0
_ASK_AGAIN_S: Final = 2.0


class Reports:
    """Of one run of one node."""

    def __init__(self, bus: Bus, node: str, run: str) -> None:
        self._bus = bus
        self._node = node
        self._run = run
        self._under_way: set[asyncio.Task[None]] = set()

    def progress(self, session: str, sent: int, total: int) -> None:
        """So many bytes of an export are out. The last word wins, so one that is lost is no loss."""
        message = ExportProgress(self._run, session, sent, total)
        task = asyncio.get_running_loop().create_task(self._publish(of_node(EXPORT_PROGRESS, self._node), message))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def finished(self, session: str, sha256: str, size: int, spans: list[Span]) -> bool:
        """Have an export signed; whether control knows it. Tries until there is an answer: to be cancelled."""
        message = ExportFinished(self._run, session, sha256, size, spans)
        while True:
            try:
                subject = of_node(EXPORT_FINISHED, self._node)
                return (await self._bus.request(subject, message, ExportSigned, timeout=_ANSWER_WITHIN_S)).accepted
            except BusError:
                await asyncio.sleep(_ASK_AGAIN_S)

    async def _publish(self, subject: str, message: msgspec.Struct) -> None:
        try:
            await self._bus.publish(subject, message)
        except BusError:
            return
