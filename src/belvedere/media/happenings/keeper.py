"""Whom this node listens to: held to what control assigned; what they say made into events, and told to control."""

import asyncio
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from belvedere.bus import Bus, BusError
from belvedere.contracts.camera_events import (
    EventFeed,
    EventFeedAssignment,
    EventFeedsReply,
    EventFeedsRequest,
    EventReports,
    EventSource,
    EventsTaken,
)
from belvedere.contracts.events import SourceError
from belvedere.contracts.sealing import SealError
from belvedere.contracts.subjects import CAMERA_EVENT, EVENT_FEEDS, of_node
from belvedere.media.assignments import ANSWER_WITHIN_S, ASK_AGAIN_S, Assignments
from belvedere.media.happenings.book import EventBook
from belvedere.media.happenings.detectors import DetectorKeeper
from belvedere.media.node_keys import NodeKeys
from belvedere.media.onvif import listen
from belvedere.media.onvif.failure import DeviceFailure, OnvifError
from belvedere.media.sources.backoff import Backoff
from belvedere.media.sources.failure import SourceFailure
from belvedere.media.waiting import wait_for_nudge

if TYPE_CHECKING:
    from belvedere.media.onvif.pullpoint import Heard

log = structlog.get_logger()

_TICK_S: Final = 0.5
#: What happens at once is told at once, in one message.
_BREATH_S: Final = 0.05
#: A device that has no events is asked again after that: its firmware may learn them.
_DUMB_S: Final = 3600.0


@dataclass(slots=True)
class _Carried:
    revision: str
    #: a video source → the camera
    cameras: dict[str, str]
    task: asyncio.Task[None] | None = None


class EventKeeper:
    """All devices that one run of a node listens to: `serve` until cancelled, then `close`."""

    def __init__(self, bus: Bus, node: str, run: str, keys: NodeKeys, own_ports: Collection[int] = ()) -> None:
        self.book = EventBook()
        self._bus = bus
        self._node = node
        self._run = run
        self._keys = keys
        self._own_ports = own_ports
        self._carried: dict[str, _Carried] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._assignments = Assignments(
            bus,
            of_node(EVENT_FEEDS, node),
            lambda after: EventFeedsRequest(run, after),
            EventFeedsReply,
            self._apply,
        )
        self._tell_now = asyncio.Event()
        self._detectors = DetectorKeeper(bus, node, run, keys, self.book, self._tell_now.set, own_ports)

    async def serve(self) -> None:
        """Ask whom to listen to, and tell what they say, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._assignments.serve())
            group.create_task(self._detectors.serve())
            group.create_task(self._tell_for_ever())

    async def close(self) -> None:
        """Say goodbye to all of them."""
        self._detectors.close()
        for device in list(self._carried):
            self._drop(device)
        if self._leaving:
            await asyncio.wait(self._leaving, timeout=ANSWER_WITHIN_S + 1)

    def pull_soon(self) -> None:
        """Ask for the assignments again."""
        self._assignments.pull_soon()
        self._detectors.pull_soon()

    def withdraw(self, cameras: Collection[str]) -> None:
        """What is said of these is nobody's business any more. Those not heard here are passed over."""
        self._assignments.withdraw()
        for carried in self._carried.values():
            if any(pk in cameras for pk in carried.cameras.values()):
                carried.revision = ""  # the same assignment, come again, is not what is heard now
            carried.cameras = {source: pk for source, pk in carried.cameras.items() if pk not in cameras}
        self._detectors.withdraw(cameras)
        self.book.forget(cameras)

    # -- assignments --------------------------------------------------------------------------------------------

    async def _apply(self, pages: list[EventFeedsReply]) -> None:
        assigned = {row.device: row for page in pages for row in page.feeds}
        for device, carried in list(self._carried.items()):
            if device not in assigned or assigned[device].revision != carried.revision:
                self._drop(device)
        for device, row in assigned.items():
            if device not in self._carried:
                self._follow(row)

    def _follow(self, row: EventFeedAssignment) -> None:
        try:
            feed = msgspec.json.decode(self._keys.open(row.sealed), type=EventFeed)
        except (SealError, msgspec.DecodeError):
            log.warning("event_feed_unreadable", device=row.device)
            return
        carried = self._carried[row.device] = _Carried(row.revision, dict(feed.cameras))
        carried.task = asyncio.create_task(self._listen(row.device, feed, carried), name=f"events of {row.device}")

    def _drop(self, device: str) -> None:
        task = self._carried.pop(device).task
        if task is not None and task.cancel():
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    # -- what they say ------------------------------------------------------------------------------------------

    async def _listen(self, device: str, feed: EventFeed, carried: _Carried) -> None:
        """To one device, again and again."""
        backoff = Backoff()

        def hear(heard: "list[Heard]") -> None:
            self._hear(carried, heard)

        while True:
            started = time.monotonic()
            code: SourceError | OnvifError = SourceError.DROPPED
            try:
                await listen(feed.source, hear, self._own_ports)
            except (DeviceFailure, SourceFailure) as failure:
                code = failure.code
            except Exception as error:  # one device's surprise must not end its supervision
                code = SourceError.FAILED
                # Not the text: it may contain what the device said.
                log.error("events_surprise", device=device, error=type(error).__name__)  # noqa: TRY400  a traceback could carry the source
            known = code if isinstance(code, SourceError) else SourceError.FAILED
            wait = _DUMB_S if code is OnvifError.NO_EVENTS else backoff.next(known, stood_s=time.monotonic() - started)
            log.info("events_lost", device=device, code=code.value, again_in_s=round(wait, 1))
            await asyncio.sleep(wait)

    def _hear(self, carried: _Carried, heard: "list[Heard]") -> None:
        for source, notice in heard:
            camera = carried.cameras.get(source) or carried.cameras.get("")
            if camera is not None:
                self.book.hear(
                    camera,
                    notice.kind,
                    EventSource.ONVIF,
                    key=notice.key,
                    is_on=notice.is_on,
                    is_initial=notice.is_initial,
                )
        self._tell_now.set()

    async def _tell_for_ever(self) -> None:
        """What control has not taken is told again: it may be away for a while."""
        wait = _TICK_S
        while True:
            if await wait_for_nudge(self._tell_now, wait):
                await asyncio.sleep(_BREATH_S)
            self._tell_now.clear()
            self.book.tick()
            wait = _TICK_S if await self._tell() else ASK_AGAIN_S

    async def _tell(self) -> bool:
        while tellings := self.book.next():
            message = EventReports(self._run, [telling.report for telling in tellings])
            try:
                taken = await self._bus.request(
                    of_node(CAMERA_EVENT, self._node), message, EventsTaken, ANSWER_WITHIN_S
                )
            except BusError:
                return False
            if not taken.accepted:
                return False
            self.book.told(tellings)
        return True
