"""The panels of this node: held to what control assigned, their states said to it, its commands carried out."""

import asyncio
import contextlib
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import msgspec
import structlog

from belvedere.bus import Bus, BusError
from belvedere.contracts.panels import (
    STATES_EVERY_S,
    PanelAnswer,
    PanelAnswerCode,
    PanelCode,
    PanelCommand,
    PanelSource,
    PanelsReply,
    PanelsRequest,
    PanelState,
)
from belvedere.contracts.sealing import SealError
from belvedere.contracts.subjects import PANEL_ASSIGNMENTS, PANEL_COMMAND, PANEL_STATE, of_node
from belvedere.media.assignments import Assignments
from belvedere.media.node_keys import NodeKeys
from belvedere.media.panels.line import PanelLine
from belvedere.media.waiting import wait_for_nudge

log = structlog.get_logger()

#: A panel that flaps is reported as it is then, not as often as it flaps.
_BREATH_S: Final = 0.1


@dataclass(slots=True)
class _Carried:
    line: PanelLine
    task: asyncio.Task[None]


class PanelKeeper:
    """All panels of one run of a node: `start`, `serve` until cancelled, `close`."""

    def __init__(self, bus: Bus, node: str, run: str, keys: NodeKeys, own_ports: Collection[int] = ()) -> None:
        self._bus = bus
        self._node = node
        self._run = run
        self._keys = keys
        self._own_ports = own_ports
        self._carried: dict[str, _Carried] = {}
        self._sequence = 0
        self._assignments = Assignments(
            bus,
            of_node(PANEL_ASSIGNMENTS, node),
            lambda after: PanelsRequest(run, after),
            PanelsReply,
            self._apply,
        )
        self._report_now = asyncio.Event()
        self._changed: set[PanelLine] = set()

    async def start(self) -> None:
        """Hear commands. Raises BusError."""
        await self._bus.subscribe(of_node(PANEL_COMMAND, self._node), PanelCommand, self._on_command)

    async def serve(self) -> None:
        """Ask for assignments and say states, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._assignments.serve())
            group.create_task(self._report_for_ever())

    async def close(self) -> None:
        """Hang up on all of them."""
        self.withdraw(list(self._carried))

    def pull_soon(self) -> None:
        """Ask for the assignments again."""
        self._assignments.pull_soon()

    def withdraw(self, panels: Collection[str]) -> None:
        """Let go of these at once; those not carried here are passed over."""
        self._assignments.withdraw()
        for panel in panels:
            carried = self._carried.pop(panel, None)
            if carried:
                self._changed.discard(carried.line)
                carried.task.cancel()

    # -- assignments --------------------------------------------------------------------------------------------

    async def _apply(self, pages: list[PanelsReply]) -> None:
        assigned = {row.panel: row for page in pages for row in page.panels}
        stale = [
            panel
            for panel, carried in self._carried.items()
            if panel not in assigned or assigned[panel].revision != carried.line.revision
        ]
        self.withdraw(stale)
        for panel, row in assigned.items():
            if panel not in self._carried and (source := self._open(row.sealed, PanelSource)):
                line = PanelLine(panel, row.revision, source, self._report_soon, self._own_ports)
                self._carried[panel] = _Carried(line, asyncio.create_task(line.run(), name=f"panel {panel}"))
                self._report_soon(line)

    def _open[T](self, sealed: str, kind: type[T]) -> T | None:
        try:
            return msgspec.json.decode(self._keys.open(sealed), type=kind)
        except (SealError, msgspec.DecodeError):
            log.warning("panel_box_unreadable")
            return None

    # -- states -------------------------------------------------------------------------------------------------

    def _report_soon(self, line: PanelLine) -> None:
        self._changed.add(line)
        self._report_now.set()

    async def _report_for_ever(self) -> None:
        while True:
            if not await wait_for_nudge(self._report_now, STATES_EVERY_S):
                self._changed.update(carried.line for carried in self._carried.values())
            self._report_now.clear()
            changed, self._changed = self._changed, set()
            for line in changed:
                with contextlib.suppress(BusError):  # it is said again soon
                    await self._bus.publish(of_node(PANEL_STATE, self._node), self._state_of(line))
            await asyncio.sleep(_BREATH_S)

    def _state_of(self, line: PanelLine) -> PanelState:
        self._sequence += 1
        return PanelState(self._run, self._sequence, line.panel, line.state, line.since, time.time(), line.error)

    # -- commands -----------------------------------------------------------------------------------------------

    async def _on_command(self, command: PanelCommand, subject: str) -> PanelAnswer:
        del subject
        carried = self._carried.get(command.panel)
        box = self._open(command.sealed, PanelCode)
        if carried is None or box is None:
            return PanelAnswer(PanelAnswerCode.REFUSED)
        answer = await carried.line.command(command.act, box.code)
        # Neither act nor code: who did what is the audit's, and the code is nobody's.
        log.info("panel_commanded", device=command.panel, code=answer.code.value)
        return answer
