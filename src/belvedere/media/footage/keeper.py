"""Footage of this node: the disk is looked after, cameras are recorded as control plans, what there is is said.

Control may be away: the last plans are in the index, and what is recorded stays recorded. A disk that is refused, or
breaks, takes recording with it and nothing else; it is tried again until it is well.
"""

import asyncio
import contextlib
import itertools
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import structlog

from belvedere.bus import Bus, BusError
from belvedere.contracts.recordings import (
    MAX_COVERAGE_S,
    MAX_SPANS,
    PLANS_BATCH,
    PLANS_EVERY_S,
    REPORT_EVERY_S,
    CoverageReply,
    CoverageRequest,
    EraseReply,
    EraseRequest,
    FootageReport,
    Holding,
    PlansReply,
    PlansRequest,
    RecordingPlan,
    RecordMode,
    Span,
    VolumeState,
)
from belvedere.contracts.sessions import Quality
from belvedere.contracts.subjects import FOOTAGE_COVERAGE, FOOTAGE_ERASE, FOOTAGE_STATE, RECORDING_PLANS, of_node
from belvedere.media.assignments import Assignments
from belvedere.media.delivery.stream import LiveStream
from belvedere.media.footage.archive import Archive
from belvedere.media.footage.coverage import coarse
from belvedere.media.footage.index import Index, IndexFailed
from belvedere.media.footage.recorder import Recorder
from belvedere.media.footage.repair import repair
from belvedere.media.footage.retention import Retention
from belvedere.media.footage.volume import Volume, VolumeRefused
from belvedere.media.footage.writer import Writer

log = structlog.get_logger()

_SWEEP_EVERY_S: Final = 60.0
#: A disk that was refused is looked at again this often.
_OPEN_AGAIN_S: Final = 15.0
#: What begins, ends and fails is looked for this often, and said when it is news.
_LOOK_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class _Disk:
    """A volume in use."""

    volume: Volume
    index: Index
    writer: Writer
    archive: Archive
    retention: Retention

    @classmethod
    def open(cls, folder: Path, expected: Path) -> "_Disk":
        """Open and repair. Blocks. Raises VolumeRefused, sqlite3.Error, OSError."""
        with contextlib.ExitStack() as undo:
            volume = Volume.open(folder, expected)
            undo.callback(volume.close)
            index = Index.open(volume)
            undo.callback(index.close)
            repair(volume, index)
            writer = Writer(volume, index)
            undo.pop_all()
        return cls(volume, index, writer, Archive(volume, index, writer), Retention(volume, index))

    def close(self) -> None:
        """Finish what is being written. Blocks."""
        self.writer.close()
        self.index.close()
        self.volume.close()

    def state(self) -> VolumeState:
        """How it is. Blocks for a look at the disk."""
        size = sum(camera.bytes for camera in self.index.cameras())
        return self.volume.state(size, self.writer.trouble, is_filling=self.retention.is_filling)


class FootageKeeper:
    """All footage of one run of a node: `start`, `serve` until cancelled, `close`.

    find_stream  the stream of just that quality, or None
    on_open      is told of the archive when the disk is there
    """

    def __init__(
        self,
        bus: Bus,
        node: str,
        run: str,
        folders: tuple[Path, Path],
        find_stream: Callable[[str, Quality], LiveStream | None],
        on_open: Callable[[Archive], None],
    ) -> None:
        """`folders`: the volume's, and the node's own, where it remembers which disk belongs there."""
        self._bus = bus
        self._node = node
        self._run = run
        self._folder = folders[0]
        self._expected = folders[1] / f"volume-{node}.json"
        self._find_stream = find_stream
        self._on_open = on_open
        self._disk: _Disk | None = None
        self._opening: asyncio.Task[_Disk] | None = None
        self._refusal = ""
        #: by camera; what control said last
        self.plans: dict[str, RecordingPlan] = {}
        self._recorders: dict[str, Recorder] = {}
        self._planned = Assignments(
            bus,
            of_node(RECORDING_PLANS, node),
            lambda after: PlansRequest(run, after),
            PlansReply,
            self._apply,
            every_s=PLANS_EVERY_S,
        )
        self._said: dict[str, tuple[bool, str]] = {}

    @property
    def archive(self) -> Archive | None:
        """What there is, while the disk is there."""
        return self._disk.archive if self._disk else None

    async def start(self) -> None:
        """Hear questions. Raises BusError."""
        await self._bus.subscribe(of_node(FOOTAGE_COVERAGE, self._node), CoverageRequest, self._on_coverage)
        await self._bus.subscribe(of_node(FOOTAGE_ERASE, self._node), EraseRequest, self._on_erase)

    async def serve(self) -> None:
        """Open the disk, then record, report and tidy up, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._open_for_ever(), name="footage disk")
            group.create_task(self._planned.serve(), name="recording plans")
            group.create_task(self._report_for_ever(), name="footage reports")
            group.create_task(self._sweep_for_ever(), name="retention")

    async def close(self) -> None:
        """End every segment, and let go of the disk."""
        for camera in list(self._recorders):
            self._drop(camera)
        if self._disk is None and self._opening is not None:
            with contextlib.suppress(VolumeRefused, sqlite3.Error, OSError):
                self._disk = await self._opening
        disk, self._disk = self._disk, None
        if disk is not None:
            await asyncio.to_thread(disk.close)

    def pull_soon(self) -> None:
        """Ask for the plans again."""
        self._planned.pull_soon()

    def sync(self) -> None:
        """Streams or plans have changed: record exactly what is planned and carried."""
        disk = self._disk
        wanted: dict[str, tuple[RecordingPlan, LiveStream]] = {}
        if disk is not None:
            for camera, plan in self.plans.items():
                stream = self._stream_of(plan) if plan.mode is not RecordMode.OFF else None
                if stream is not None:
                    wanted[camera] = (plan, stream)
        for camera, recorder in list(self._recorders.items()):
            if camera not in wanted or wanted[camera][1] is not recorder.stream:
                self._drop(camera)
        for camera, (plan, stream) in wanted.items():
            recording = self._recorders.get(camera)
            if recording is None:
                assert disk is not None  # noqa: S101  else nothing is wanted
                recording = self._recorders[camera] = Recorder(stream, plan, disk.writer)
                recording.start()
            elif recording.plan != plan:
                recording.follow(plan)

    def _stream_of(self, plan: RecordingPlan) -> LiveStream | None:
        other = Quality.SUB if plan.quality is Quality.MAIN else Quality.MAIN
        return self._find_stream(plan.camera, plan.quality) or self._find_stream(plan.camera, other)

    def _drop(self, camera: str) -> None:
        self._recorders.pop(camera).stop()

    # -- the disk -----------------------------------------------------------------------------------------------

    async def _open_for_ever(self) -> None:
        while self._disk is None:
            try:
                self._opening = asyncio.create_task(asyncio.to_thread(_Disk.open, self._folder, self._expected))
                self._disk = await asyncio.shield(self._opening)
            except (VolumeRefused, sqlite3.Error, OSError) as error:
                reason = str(error) if isinstance(error, VolumeRefused) else type(error).__name__
                if reason != self._refusal:
                    log.error("volume_refused", reason=reason)  # noqa: TRY400  the reason is all there is
                self._refusal = reason
                await asyncio.sleep(_OPEN_AGAIN_S)
        self._refusal = ""
        if self.plans:
            self._disk.index.keep_plans(self.plans.values())
        else:  # until control says otherwise, it is as it was
            self.plans = await asyncio.to_thread(self._disk.index.plans)
        self._on_open(self._disk.archive)
        self.sync()

    async def _sweep_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_EVERY_S)
            if self._disk is not None:
                try:
                    await asyncio.to_thread(self._disk.retention.sweep)
                except (OSError, IndexFailed, sqlite3.Error) as error:
                    log.error("retention_failed", error=type(error).__name__)  # noqa: TRY400  the reason is all there is

    # -- plans --------------------------------------------------------------------------------------------------

    async def _apply(self, pages: list[PlansReply]) -> None:
        found = [plan for page in pages for plan in page.plans]
        changed = [plan for plan in found if self.plans.get(plan.camera) != plan]
        self.plans = {plan.camera: plan for plan in found}
        if self._disk is not None and changed:
            self._disk.index.keep_plans(changed)
        self.sync()

    # -- what there is ------------------------------------------------------------------------------------------

    async def _report_for_ever(self) -> None:
        due = 0.0
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            now = {camera: (row.is_recording, row.error) for camera, row in self._recorders.items()}
            if now != self._said or loop.time() >= due:
                self._said = now
                due = loop.time() + REPORT_EVERY_S
                await self._report()

    async def _report(self) -> None:
        disk = self._disk
        if disk is None:
            state, holdings = VolumeState("", "refused", error=self._refusal), []
        else:
            try:
                state = await asyncio.to_thread(disk.state)
                holdings = await asyncio.to_thread(disk.archive.holdings)
            except sqlite3.Error as error:
                state, holdings = VolumeState(disk.volume.id, "failed", error=type(error).__name__), []
        rows = [self._judge(holding) for holding in self._with_planned(holdings)]
        batches = list(itertools.batched(rows, PLANS_BATCH)) or [()]
        for number, batch in enumerate(batches, 1):
            report = FootageReport(self._run, state, list(batch), is_last=number == len(batches))
            with contextlib.suppress(BusError):  # the next round says it again
                await self._bus.publish(of_node(FOOTAGE_STATE, self._node), report)

    def _with_planned(self, holdings: Iterable[Holding]) -> list[Holding]:
        """And cameras that are to be recorded, of which there is nothing yet."""
        held = {holding.camera: holding for holding in holdings}
        for camera in self._recorders.keys() - held.keys():
            held[camera] = Holding(camera, None, None, 0, 0, is_recording=False)
        return list(held.values())

    def _judge(self, holding: Holding) -> Holding:
        recorder = self._recorders.get(holding.camera)
        if recorder is None:
            return msgspec.structs.replace(holding, is_recording=False)
        return msgspec.structs.replace(holding, is_recording=recorder.is_recording, error=recorder.error)

    # -- questions ----------------------------------------------------------------------------------------------

    async def _on_coverage(self, request: CoverageRequest, subject: str) -> CoverageReply:
        del subject
        disk = self._disk
        if disk is None or not 0 <= request.start < request.end <= request.start + MAX_COVERAGE_S:
            return CoverageReply([])
        start_us, end_us = int(request.start * 1e6), int(request.end * 1e6)
        spans = await asyncio.to_thread(disk.archive.spans, request.camera, start_us, end_us)
        return CoverageReply([Span(start / 1e6, end / 1e6) for start, end in coarse(spans, MAX_SPANS)])

    async def _on_erase(self, request: EraseRequest, subject: str) -> EraseReply:
        del subject
        disk = self._disk
        if disk is None or not 0 <= request.start < request.end:
            return EraseReply(0, 0)
        recorder = self._recorders.get(request.camera)
        if recorder is not None:
            recorder.turn_soon()
        return await asyncio.to_thread(_erase, disk, request)


def _erase(disk: _Disk, request: EraseRequest) -> EraseReply:
    disk.writer.flush()
    disk.index.flush()
    return disk.retention.erase(request.camera, int(request.start * 1e6), int(request.end * 1e6))
