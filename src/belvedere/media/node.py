"""The media process: says hello, carries what it is assigned, lets viewers in, and ends when told.

Control may come and go: what was assigned is carried on, and leases run out by themselves.
"""

import asyncio
import contextlib
import resource
import secrets
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec
import structlog
import uvloop

from belvedere.bus import Bus, BusError, BusUser
from belvedere.config import Settings
from belvedere.contracts.devices import DiscoverReply, DiscoverRequest, InspectRequest, InspectResult
from belvedere.contracts.events import (
    HELLO_EVERY_S,
    AssignmentsChanged,
    AssignmentsReply,
    AssignmentsRequest,
    CameraState,
    Hello,
    HelloReply,
    ProbeRequest,
    ProbeResult,
    SourceError,
    StreamAssignment,
    StreamSource,
)
from belvedere.contracts.sealing import SealError
from belvedere.contracts.sessions import Quality
from belvedere.contracts.subjects import (
    CAMERA_STATE,
    NODE_ASSIGNMENTS,
    NODE_CHANGED,
    NODE_DISCOVER,
    NODE_HELLO,
    NODE_INSPECT,
    NODE_PROBE,
    of_node,
)
from belvedere.media.assignments import ANSWER_WITHIN_S, ASK_AGAIN_S, Assignments
from belvedere.media.carriage import Assigned, Carriage, StreamKey
from belvedere.media.delivery.counters import Counters
from belvedere.media.delivery.leases import LeaseKeeper
from belvedere.media.delivery.listener import Door, Listener
from belvedere.media.delivery.stream import LiveStream
from belvedere.media.footage.archive import Archive
from belvedere.media.footage.keeper import FootageKeeper
from belvedere.media.happenings import EventKeeper
from belvedere.media.memory import NodeMemory
from belvedere.media.metrics import MediaMetrics
from belvedere.media.node_keys import NodeKeys, turn
from belvedere.media.onvif import discover, inspect, warm_up
from belvedere.media.panels import PanelKeeper
from belvedere.media.ptz import Helms
from belvedere.media.sources import probe
from belvedere.media.talk.scouting import Scout
from belvedere.media.talk.talker import TalkRoom
from belvedere.media.trials import Trials
from belvedere.media.waiting import wait_for_nudge

log = structlog.get_logger()

_MAX_PROBE_S: Final = 15.0
#: A reader's thread ends when its read times out, at the latest.
_THREADS_WITHIN_S: Final = 5.0
_MAX_PROBES: Final = 4
#: A recorder with 64 channels has some two hundred questions to answer.
_MAX_INSPECT_S: Final = 30.0
_MAX_INSPECTIONS: Final = 4
_MAX_SEARCHES: Final = 2
_FILES: Final = 16_384


def run(settings: Settings) -> None:
    """Be a media node until SIGTERM or SIGINT. Raises BusError without a bus, OSError without a port."""
    uvloop.run(run_node(settings))


def _raise_file_limit() -> None:
    """Every viewer and camera is a file to the kernel, and the usual limit is 1024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def run_node(settings: Settings) -> None:
    """The same inside a running loop."""
    _raise_file_limit()
    user = BusUser.read(Path(settings.bus_file))
    bus = await Bus.connect(user.url, user.user, user.password, role=f"media-{settings.node}")
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        async with MediaNode.start(settings, bus, own_ports=[urlsplit(user.url).port or 0]):
            await stop.wait()
    finally:
        await bus.close()


class MediaNode:
    """One run of a node: fresh `run`, everything of an older run is over. Made by `start`."""

    def __init__(
        self,
        settings: Settings,
        bus: Bus,
        *,
        own_ports: Sequence[int] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.run = secrets.token_hex(16)
        self.counters = Counters()
        #: where it listens, once it does
        self.port = settings.media_port
        self._settings = settings
        self._name = settings.node
        self._bus = bus
        self._clock = clock
        self._memory = NodeMemory(settings.data, self._name)
        self._keys = NodeKeys(settings.data, self._name)
        #: whether control has said what to carry, or the last time it did was looked up
        self._is_told = False
        self._own_ports = (settings.port, settings.media_port, *own_ports)
        self.carriage = Carriage(self.counters, self._report_soon, self._own_ports)
        self.keeper = LeaseKeeper(bus, self._name, self.run, self.counters, clock=clock)
        self.panels = PanelKeeper(bus, self._name, self.run, self._keys, self._own_ports)
        self.events = EventKeeper(bus, self._name, self.run, self._keys, self._own_ports)
        self.footage = FootageKeeper(
            bus,
            self._name,
            self.run,
            (settings.footage_folder, settings.data),
            self.carriage.find_exactly,
            self._open_archive,
        )
        self._scout = Scout(self.carriage.find_source, self._report_talk, self._own_ports)
        self._room = TalkRoom(find_source=self.carriage.find_source, own_ports=self._own_ports)
        self.helms = Helms(bus, self._name, self.run, self.carriage.find_source, self._own_ports)
        self._metrics = MediaMetrics(self.counters, self._gauges)
        self._listener = Listener(
            Door(
                keeper=self.keeper,
                find_stream=self.carriage.find,
                counters=self.counters,
                room=self._room,
                helms=self.helms,
                trusted=[ip_network(cidr.strip()) for cidr in settings.trusted_proxies.split(",") if cidr.strip()],
                metrics=self._metrics.text,
                metrics_token=settings.metrics_token,
                clock=clock,
            )
        )
        self._trials = Trials(bus, self._name, lambda: (settings.host, self.port))
        self._sequence = 0
        self._probing = asyncio.Semaphore(_MAX_PROBES)
        self._inspecting = asyncio.Semaphore(_MAX_INSPECTIONS)
        self._searching = asyncio.Semaphore(_MAX_SEARCHES)
        self._warming: asyncio.Task[None] | None = None
        self._assignments = Assignments(
            bus,
            of_node(NODE_ASSIGNMENTS, self._name),
            lambda after: AssignmentsRequest(run=self.run, after=after),
            AssignmentsReply,
            self._apply,
        )
        self._hello_now = asyncio.Event()
        self._report_now = asyncio.Event()
        self._changed: set[LiveStream] = set()
        #: assignments whose box did not open: not complained about twice
        self._unreadable: set[tuple[str, Quality, str]] = set()

    @classmethod
    @contextlib.asynccontextmanager
    async def start(
        cls, settings: Settings, bus: Bus, *, own_ports: Sequence[int] = (), clock: Callable[[], float] = time.monotonic
    ) -> AsyncIterator["MediaNode"]:
        """Run a node until it is left. Raises OSError when the port is taken, BusError when it may not subscribe.

        own_ports  further TCP ports on loopback that are no cameras (the bus)
        """
        node = cls(settings, bus, own_ports=own_ports, clock=clock)
        try:
            async with asyncio.TaskGroup() as group:
                await node._open_doors()
                works = [
                    group.create_task(node.keeper.serve(), name="leases"),
                    group.create_task(node._say_hello_for_ever(), name="hello"),
                    group.create_task(node._assignments.serve(), name="assignments"),
                    group.create_task(node._report_for_ever(), name="camera states"),
                    group.create_task(node.panels.serve(), name="panels"),
                    group.create_task(node.events.serve(), name="events"),
                    group.create_task(node.footage.serve(), name="footage"),
                ]
                try:
                    yield node
                finally:
                    for work in works:
                        work.cancel()
        finally:
            await node._close_doors()

    async def _open_doors(self) -> None:
        """Ears first, then the door, and only then `hello`: whoever hears that may speak to us at once."""
        await self.keeper.start()
        await self.panels.start()
        await self.footage.start()
        await self.helms.start()
        await self._trials.start()
        await self._bus.subscribe(of_node(NODE_CHANGED, self._name), AssignmentsChanged, self._on_changed)
        await self._bus.subscribe(of_node(NODE_PROBE, self._name), ProbeRequest, self._on_probe)
        await self._bus.subscribe(of_node(NODE_DISCOVER, self._name), DiscoverRequest, self._on_discover)
        await self._bus.subscribe(of_node(NODE_INSPECT, self._name), InspectRequest, self._on_inspect)
        self._bus.on_reconnect(self._on_reconnect)
        self.port = await self._listener.start(self._settings.host, self._settings.media_port)
        log.info("media_listens", node=self._name, port=self.port)

    async def _close_doors(self) -> None:
        await self._trials.close()
        await self._listener.close()
        await self.keeper.close()
        await self.helms.close()
        await self.panels.close()
        await self.events.close()
        await self.footage.close()
        await self._scout.close()
        # While the cameras' threads run out, the players read their goodbye.
        await self.carriage.close(_THREADS_WITHIN_S)
        await self._listener.abort()

    # -- hello, and what follows from it ------------------------------------------------------------------------

    async def _say_hello_for_ever(self) -> None:
        known, since = "", 0.0
        while True:
            self._hello_now.clear()
            key = self._keys.public
            hello = Hello(node=self._name, run=self.run, url=self._settings.media_url, public_key=key)
            answer = await self._ask(NODE_HELLO, hello, HelloReply)
            if answer is not None:
                self._report_soon(*self.carriage.streams())
                if key != known:
                    known, since = key, self._clock()
                    self._pull_soon()
                known_for_s = self._clock() - since
                if await turn(self._keys, self._memory, is_unwanted=answer.is_key_unwanted, known_for_s=known_for_s):
                    self._hello_now.set()
            else:
                known = ""
                if not self._is_told:
                    self._carry(await asyncio.to_thread(self._memory.recall))
            await wait_for_nudge(self._hello_now, HELLO_EVERY_S if answer else ASK_AGAIN_S)

    async def _on_reconnect(self) -> None:
        self._hello_now.set()
        self._pull_soon()

    def _pull_soon(self) -> None:
        self._assignments.pull_soon()
        self.panels.pull_soon()
        self.events.pull_soon()
        self.footage.pull_soon()

    async def _ask[T: msgspec.Struct](self, subject: str, question: msgspec.Struct, reply_type: type[T]) -> T | None:
        """Control's answer, or None: it is away, or the bus is. Everything here goes on without it."""
        try:
            return await self._bus.request(of_node(subject, self._name), question, reply_type, ANSWER_WITHIN_S)
        except BusError:
            return None

    # -- assignments --------------------------------------------------------------------------------------------

    async def _apply(self, pages: list[AssignmentsReply]) -> None:
        """Carry what they say, and remember it: control may be away when we come back."""
        found = [row for page in pages for row in page.streams]
        self._carry(found)
        try:
            await asyncio.to_thread(self._memory.save, found, is_sealed_anew=self._keys.is_renewing)
        except OSError as error:
            log.warning("assignments_not_saved", error=error.strerror)

    def _carry(self, streams: Sequence[StreamAssignment]) -> None:
        """Carry these, and no others."""
        self._is_told = True
        keys: set[StreamKey] = {(stream.camera, stream.quality) for stream in streams}
        new = [stream for stream in streams if not self.carriage.has((stream.camera, stream.quality), stream.revision)]
        readable = [assigned for stream in new if (assigned := self._open_box(stream)) is not None]
        self._turn_away(self.carriage.apply(readable, kept=keys))
        self._scout.forget({key[0] for key in keys})
        self.footage.sync()

    def _open_box(self, stream: StreamAssignment) -> Assigned | None:
        source = self._unseal(stream.sealed)
        if source is None:
            known = (stream.camera, stream.quality, stream.revision)
            if known not in self._unreadable:
                self._unreadable.add(known)
                log.warning("assignment_unreadable", camera=stream.camera, quality=stream.quality.value)
            return None
        return Assigned((stream.camera, stream.quality), stream.revision, source)

    def _unseal(self, sealed: str) -> StreamSource | None:
        try:
            return msgspec.json.decode(self._keys.open(sealed), type=StreamSource)
        except (SealError, msgspec.DecodeError):
            return None

    async def _on_changed(self, message: AssignmentsChanged, subject: str) -> None:
        del subject
        self._assignments.withdraw()
        self._turn_away(self.carriage.withdraw(message.withdrawn))
        self.footage.sync()
        self.panels.withdraw(message.withdrawn)
        self.events.withdraw(message.withdrawn)
        self._pull_soon()

    def _turn_away(self, dropped: Iterable[LiveStream]) -> None:
        """Whoever watched what is no longer carried: 4404, or 1001 where the camera has another stream left."""
        for stream in dropped:
            self._changed.discard(stream)
            is_gone = self.carriage.find(stream.camera, stream.quality) is None
            for watcher in stream.watchers():
                watcher.turn_away(is_gone=is_gone)

    # -- what cameras do ----------------------------------------------------------------------------------------

    def _report_soon(self, *streams: LiveStream) -> None:
        self._changed.update(streams)
        self._report_now.set()

    def _report_talk(self, camera: str) -> None:
        if stream := self.carriage.find_exactly(camera, Quality.MAIN):
            self._report_soon(stream)

    async def _report_for_ever(self) -> None:
        while True:
            await self._report_now.wait()
            self._report_now.clear()
            changed, self._changed = self._changed, set()
            for stream in changed:
                with contextlib.suppress(BusError):  # the next hello says it again
                    await self._bus.publish(of_node(CAMERA_STATE, self._name), self._state_of(stream))

    def _state_of(self, stream: LiveStream) -> CameraState:
        self._sequence += 1
        if stream.is_online and stream.quality is Quality.MAIN:
            self._scout.look(stream.camera)
        track = stream.current.track if stream.current else None
        return CameraState(
            run=self.run,
            sequence=self._sequence,
            camera=stream.camera,
            quality=stream.quality,
            online=stream.is_online,
            since=stream.since,
            at=time.time(),
            error=stream.error,
            codec=track.codec if track else "",
            width=track.width if track else 0,
            height=track.height if track else 0,
            fps=stream.fps,
            has_audio=bool(stream.audio),
            has_talk=self._scout.has_talk(stream.camera),
            bitrate=stream.bitrate,
        )

    # -- questions about devices that may become cameras ---------------------------------------------------------

    async def _on_probe(self, request: ProbeRequest, subject: str) -> ProbeResult:
        del subject
        source = self._unseal(request.sealed)
        if source is None:
            return ProbeResult(code=SourceError.FAILED.value)
        async with self._probing:
            return await probe(source, min(request.timeout_s, _MAX_PROBE_S), self._own_ports)

    async def _on_discover(self, request: DiscoverRequest, subject: str) -> DiscoverReply:
        del subject
        if self._warming is None:  # who searches will inspect what he finds
            self._warming = asyncio.create_task(warm_up(), name="onvif")
        async with self._searching:
            return await discover(request.networks, request.timeout_s, self._own_ports)

    async def _on_inspect(self, request: InspectRequest, subject: str) -> InspectResult:
        del subject
        source = self._unseal(request.sealed)
        if source is None:
            return InspectResult(code=SourceError.FAILED.value)
        async with self._inspecting:
            return await inspect(source, min(request.timeout_s, _MAX_INSPECT_S), self._own_ports)

    def _open_archive(self, archive: Archive) -> None:
        self._listener.door = replace(self._listener.door, archive=archive)

    def _gauges(self) -> dict[str, int]:
        streams = self.carriage.streams()
        return {
            "viewers": self.keeper.watching,
            "talkers": len(self._room.floor),
            "sources": len(streams),
            "sources_online": sum(stream.is_online for stream in streams),
        }
