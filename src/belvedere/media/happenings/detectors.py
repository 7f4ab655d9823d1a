"""The detectors of this node's cameras: one line to each broker, held to what control assigned."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

import msgspec
import structlog

from belvedere.bus import Bus, BusError
from belvedere.contracts.brokers import BrokerSource
from belvedere.contracts.detectors import (
    STATES_EVERY_S,
    DetectorAssignment,
    DetectorSource,
    DetectorsReply,
    DetectorsRequest,
    DetectorState,
)
from belvedere.contracts.sealing import SealError
from belvedere.contracts.subjects import DETECTOR_STATE, EVENT_DETECTORS, of_node
from belvedere.media.assignments import Assignments
from belvedere.media.happenings.book import EventBook
from belvedere.media.happenings.detector_line import DetectorLine
from belvedere.media.node_keys import NodeKeys
from belvedere.media.waiting import wait_for_nudge

log = structlog.get_logger()

#: What flaps is reported as it is then, not as often as it flaps.
_BREATH_S: Final = 1.0

#: whose detector it is, by the prefix of its topics and its name for the camera
type _Places = dict[tuple[str, str], list[str]]


@dataclass(slots=True)
class _Carried:
    line: DetectorLine
    task: asyncio.Task[None]


class DetectorKeeper:
    """All brokers that one run of a node listens to for its cameras: `serve` until cancelled, then `close`."""

    def __init__(
        self,
        bus: Bus,
        node: str,
        run: str,
        keys: NodeKeys,
        book: EventBook,
        tell_soon: Callable[[], None],
        own_ports: Collection[int] = (),
    ) -> None:
        self._bus = bus
        self._node = node
        self._run = run
        self._keys = keys
        self._book = book
        self._tell_soon = tell_soon
        self._own_ports = own_ports
        self._carried: dict[bytes, _Carried] = {}
        #: camera → what was said of it last: what is wrong, and whether it was ever heard
        self._said: dict[str, tuple[str, bool]] = {}
        self._sequence = 0
        self._assignments = Assignments(
            bus,
            of_node(EVENT_DETECTORS, node),
            lambda after: DetectorsRequest(run, after),
            DetectorsReply,
            self._apply,
        )
        self._report_now = asyncio.Event()

    async def serve(self) -> None:
        """Ask for assignments, and say how the lines are, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._assignments.serve())
            group.create_task(self._report_for_ever())

    def close(self) -> None:
        """Hang up on all of them."""
        for broker in list(self._carried):
            self._drop(broker)

    def pull_soon(self) -> None:
        """Ask for the assignments again."""
        self._assignments.pull_soon()

    def withdraw(self, cameras: Collection[str]) -> None:
        """What is said of these is heard no more, from this moment."""
        self._assignments.withdraw()
        for carried in self._carried.values():
            carried.line.withdraw(cameras)

    # -- assignments --------------------------------------------------------------------------------------------

    async def _apply(self, pages: list[DetectorsReply]) -> None:
        wanted: dict[bytes, tuple[BrokerSource, _Places]] = {}
        for row in (row for page in pages for row in page.detectors):
            if source := self._open(row):
                broker = BrokerSource(**{name: getattr(source, name) for name in BrokerSource.__struct_fields__})
                _broker, places = wanted.setdefault(msgspec.json.encode(broker), (broker, {}))
                places.setdefault((source.prefix, source.name), []).append(row.camera)
        for key, carried in list(self._carried.items()):
            if key not in wanted or not carried.line.rearrange(wanted[key][1]):
                self._drop(key)
        for key, (broker, places) in wanted.items():
            if key not in self._carried:
                line = DetectorLine(broker, places, self._book, self._note, self._own_ports)
                self._carried[key] = _Carried(line, asyncio.create_task(line.run(), name="detectors"))

    def _open(self, row: DetectorAssignment) -> DetectorSource | None:
        try:
            return msgspec.json.decode(self._keys.open(row.sealed), type=DetectorSource)
        except (SealError, msgspec.DecodeError):
            log.warning("detector_box_unreadable", camera=row.camera)
            return None

    def _drop(self, broker: bytes) -> None:
        carried = self._carried.pop(broker)
        carried.task.cancel()
        carried.line.release()
        self._tell_soon()

    # -- states -------------------------------------------------------------------------------------------------

    def _note(self, _line: DetectorLine) -> None:
        self._tell_soon()
        self._report_now.set()

    async def _report_for_ever(self) -> None:
        all_again_at = 0.0
        while True:
            await wait_for_nudge(self._report_now, STATES_EVERY_S)
            self._report_now.clear()
            is_time = time.monotonic() >= all_again_at
            if is_time:
                all_again_at = time.monotonic() + STATES_EVERY_S
            states = [
                (camera, error, carried.line.heard_at.get(camera))
                for carried in self._carried.values()
                for camera, error in carried.line.states().items()
            ]
            for camera, error, heard_at in states:
                if is_time or self._said.get(camera) != (error, heard_at is not None):
                    await self._say(camera, error, heard_at)
            self._said = {camera: (error, heard_at is not None) for camera, error, heard_at in states}
            await asyncio.sleep(_BREATH_S)

    async def _say(self, camera: str, error: str, heard_at: float | None) -> None:
        self._sequence += 1
        state = DetectorState(self._run, self._sequence, camera, error, heard_at)
        with contextlib.suppress(BusError):  # it is said again soon
            await self._bus.publish(of_node(DETECTOR_STATE, self._node), state)
