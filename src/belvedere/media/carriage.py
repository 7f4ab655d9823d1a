"""What this node carries: streams by camera and quality, each with its reader, held to what control assigned."""

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

import structlog

from belvedere.contracts.events import SourceError, StreamSource
from belvedere.contracts.sessions import Quality
from belvedere.media.delivery.counters import Counters
from belvedere.media.delivery.stream import LiveStream
from belvedere.media.sources import CameraReader, SourceEvent

log = structlog.get_logger()

type StreamKey = tuple[str, Quality]


@dataclass(frozen=True, slots=True)
class Assigned:
    """One stream to carry, unsealed. The same revision means: nothing about it has changed."""

    key: StreamKey
    revision: str
    source: StreamSource


@dataclass(slots=True)
class _Carried:
    stream: LiveStream
    revision: str
    reader: CameraReader
    source: StreamSource


class Carriage:
    """All streams of this node. `on_change(stream)` is called when a stream comes or goes."""

    def __init__(
        self, counters: Counters, on_change: Callable[[LiveStream], None], own_ports: Collection[int] = ()
    ) -> None:
        self._counters = counters
        self._on_change = on_change
        self._own_ports = own_ports
        self._carried: dict[StreamKey, _Carried] = {}
        self._leaving: list[CameraReader] = []

    def streams(self) -> list[LiveStream]:
        """Everything that is carried now."""
        return [carried.stream for carried in self._carried.values()]

    def find(self, camera: str, quality: Quality) -> LiveStream | None:
        """The stream of that quality; the camera's other one where there is none; None for a camera not ours."""
        other = Quality.SUB if quality is Quality.MAIN else Quality.MAIN
        carried = self._carried.get((camera, quality)) or self._carried.get((camera, other))
        return carried.stream if carried else None

    def find_exactly(self, camera: str, quality: Quality) -> LiveStream | None:
        """The stream of just that quality."""
        carried = self._carried.get((camera, quality))
        return carried.stream if carried else None

    def find_source(self, camera: str) -> StreamSource | None:
        """The way to a camera, for whoever needs one of his own; the same object as long as it is the same way."""
        carried = self._carried.get((camera, Quality.MAIN)) or self._carried.get((camera, Quality.SUB))
        return carried.source if carried else None

    def has(self, key: StreamKey, revision: str) -> bool:
        """Whether this stream is carried already, in just this revision."""
        carried = self._carried.get(key)
        return carried is not None and carried.revision == revision

    def apply(self, assigned: Iterable[Assigned], kept: Collection[StreamKey] = ()) -> list[LiveStream]:
        """Carry exactly these, and those in `kept` as they are. Returns the streams that are no longer carried."""
        wanted = {stream.key: stream for stream in assigned}
        gone = [key for key in self._carried if key not in wanted and key not in kept]
        dropped = [self._drop(key) for key in gone]
        for key, assignment in wanted.items():
            carried = self._carried.get(key)
            if carried is None:
                self._carry(assignment, LiveStream(*key, self._counters))
            elif carried.revision != assignment.revision:
                # Address or credentials are new: the picture of the old ones must not stay.
                self._retire(carried.reader)
                carried.stream.lose(SourceError.DROPPED)
                carried.stream.wake()
                self._carry(assignment, carried.stream)
        return dropped

    def withdraw(self, cameras: Collection[str]) -> list[LiveStream]:
        """Let go of these cameras at once. Returns their streams."""
        return [self._drop(key) for key in list(self._carried) if key[0] in cameras]

    async def close(self, within_s: float) -> None:
        """Stop all readers, and wait for their threads as long as that."""
        for key in list(self._carried):
            self._drop(key)
        leaving, self._leaving = self._leaving, []
        if leaving:
            loop = asyncio.get_running_loop()
            await asyncio.gather(*(loop.run_in_executor(None, reader.join, within_s) for reader in leaving))

    def _carry(self, assignment: Assigned, stream: LiveStream) -> None:
        camera, quality = assignment.key

        def receive(events: list[SourceEvent]) -> None:
            if stream.receive(events):
                self._on_change(stream)

        reader = CameraReader(
            f"{camera}/{quality}",
            assignment.source,
            receive,
            own_ports=self._own_ports,
            watched=stream.watched,
            listened=stream.listened.event,
            heard=stream.heard,
        )
        self._carried[assignment.key] = _Carried(stream, assignment.revision, reader, assignment.source)
        reader.start()

    def _drop(self, key: StreamKey) -> LiveStream:
        carried = self._carried.pop(key)
        self._retire(carried.reader)
        log.info("stream_dropped", camera=key[0], quality=key[1].value)
        return carried.stream

    def _retire(self, reader: CameraReader) -> None:
        reader.stop()
        self._leaving = [other for other in self._leaving if not other.join(0)]
        self._leaving.append(reader)
