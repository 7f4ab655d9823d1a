"""A control small enough to be seen through: says what the test tells it to, on the real bus."""

import asyncio
import secrets
import time
from dataclasses import dataclass, field

import msgspec

from belvedere.bus import Bus
from belvedere.contracts.camera_events import (
    EventFeed,
    EventFeedAssignment,
    EventFeedsReply,
    EventFeedsRequest,
    EventReport,
    EventReports,
    EventsTaken,
)
from belvedere.contracts.events import (
    AssignmentsChanged,
    AssignmentsReply,
    AssignmentsRequest,
    CameraState,
    Hello,
    HelloReply,
    StreamAssignment,
    StreamSource,
)
from belvedere.contracts.permissions import NONE, Permission
from belvedere.contracts.recordings import (
    ExportFinished,
    ExportProgress,
    ExportSigned,
    FootageReport,
    PlansReply,
    PlansRequest,
    RecordingPlan,
    SessionWatched,
)
from belvedere.contracts.sealing import seal
from belvedere.contracts.sessions import (
    MAX_TTL_MS,
    LeasePush,
    LeaseReceipt,
    LeaseState,
    OpenReply,
    OpenRequest,
    Quality,
    RenewReply,
    RenewRequest,
    SessionClosed,
    SessionKind,
)
from belvedere.contracts.subjects import (
    CAMERA_EVENT,
    CAMERA_STATE,
    EVENT_FEEDS,
    EXPORT_FINISHED,
    EXPORT_PROGRESS,
    FOOTAGE_STATE,
    NODE_ASSIGNMENTS,
    NODE_CHANGED,
    NODE_HELLO,
    RECORDING_PLANS,
    SESSION_CLOSED,
    SESSION_LEASE,
    SESSION_OPEN,
    SESSION_RENEW,
    SESSION_WATCHED,
    of_any_node,
    of_node,
)

LOOPBACK = [("127.0.0.0/8", 1, 65535)]
NODE = "north"


@dataclass
class Row:
    """A ticket, later a session."""

    camera: str
    secret: str
    permissions: Permission = Permission.LIVE_VIEW
    quality: Quality = Quality.MAIN
    kind: SessionKind = SessionKind.LIVE
    why: str = ""
    by: str = ""
    ttl_ms: int = MAX_TTL_MS
    narrow_in_ms: int | None = None
    narrow_to: int = 0
    opened_by: str = ""
    closed_why: str | None = None
    peer: str = ""
    origin: str | None = None
    playback_from: float | None = None
    export_from: float | None = None
    start: float | None = None
    end: float | None = None
    holder: str = ""
    is_probe: bool = False


@dataclass
class LittleControl:
    """Answers everything a node asks. What it heard is in its lists."""

    bus: Bus
    page_size: int = 2
    sources: dict[tuple[str, Quality], StreamSource] = field(default_factory=dict)
    rows: dict[str, Row] = field(default_factory=dict)
    hellos: list[Hello] = field(default_factory=list)
    states: list[CameraState] = field(default_factory=list)
    renewals: list[RenewRequest] = field(default_factory=list)
    closed: list[SessionClosed] = field(default_factory=list)
    plans: dict[str, RecordingPlan] = field(default_factory=dict)
    footage: list[FootageReport] = field(default_factory=list)
    watched: list[SessionWatched] = field(default_factory=list)
    progress: list[ExportProgress] = field(default_factory=list)
    exports: list[ExportFinished] = field(default_factory=list)
    feeds: dict[str, EventFeed] = field(default_factory=dict)
    happened: list[EventReport] = field(default_factory=list)
    is_silent: bool = False
    #: public keys that a node is to use no more
    unwanted: set[str] = field(default_factory=set)

    async def listen(self) -> None:
        listen = self.bus.subscribe
        await listen(of_any_node(NODE_HELLO), Hello, self._hello)
        await listen(of_any_node(NODE_ASSIGNMENTS), AssignmentsRequest, self._assignments)
        await listen(of_any_node(CAMERA_STATE), CameraState, self._state)
        await listen(of_any_node(EVENT_FEEDS), EventFeedsRequest, self._event_feeds)
        await listen(of_any_node(CAMERA_EVENT), EventReports, self._camera_events)
        await listen(of_any_node(SESSION_OPEN), OpenRequest, self._open)
        await listen(of_any_node(SESSION_RENEW), RenewRequest, self._renew)
        await listen(of_any_node(SESSION_CLOSED), SessionClosed, self._closed)
        await listen(of_any_node(RECORDING_PLANS), PlansRequest, self._plans)
        await listen(of_any_node(FOOTAGE_STATE), FootageReport, self._footage)
        await listen(of_any_node(SESSION_WATCHED), SessionWatched, self._watched)
        await listen(of_any_node(EXPORT_PROGRESS), ExportProgress, self._progress)
        await listen(of_any_node(EXPORT_FINISHED), ExportFinished, self._finished)

    def add(self, camera: str, url: str, quality: Quality = Quality.MAIN, **login: str) -> None:
        self.sources[camera, quality] = StreamSource(
            url=url,
            username=login.get("username", ""),
            password=login.get("password", ""),
            networks=LOOPBACK,
        )

    def ticket(self, camera: str, **fields: object) -> str:
        """`id.secret`, good until used."""
        session = secrets.token_hex(8)
        self.rows[session] = msgspec.convert(
            {"camera": camera, "secret": secrets.token_urlsafe(16), **fields}, type=Row, strict=False
        )
        return f"{session}.{self.rows[session].secret}"

    async def push(self, session: str, timeout: float = 2.0) -> LeaseReceipt:
        """Say what is true of a session now, unasked."""
        push = LeasePush(leases=[self.state(session)])
        return await self.bus.request(of_node(SESSION_LEASE, NODE), push, LeaseReceipt, timeout=timeout)

    async def revoke(self, session: str, why: str = "revoked", by: str = "Olivia") -> LeaseReceipt:
        row = self.rows[session]
        row.permissions, row.why, row.by = NONE, why, by
        return await self.push(session)

    async def changed(self, *withdrawn: str) -> None:
        for camera in withdrawn:
            for key in [key for key in self.sources if key[0] == camera]:
                del self.sources[key]
        await self.bus.publish(of_node(NODE_CHANGED, NODE), AssignmentsChanged(withdrawn=list(withdrawn)))

    def state(self, session: str) -> LeaseState:
        row = self.rows.get(session)
        if row is None:
            return LeaseState(session=session, permissions=0, why="not_found")
        return LeaseState(
            session=session,
            permissions=int(row.permissions),
            ttl_ms=row.ttl_ms,
            playback_from=row.playback_from,
            export_from=row.export_from,
            narrow_in_ms=row.narrow_in_ms,
            narrow_to=row.narrow_to,
            why=row.why,
            by=row.by,
        )

    async def until_online(self, camera: str, quality: Quality = Quality.MAIN, online: bool = True) -> CameraState:
        async with asyncio.timeout(15):
            while True:
                mine = [state for state in self.states if (state.camera, state.quality) == (camera, quality)]
                if mine and mine[-1].online is online:
                    return mine[-1]
                await asyncio.sleep(0.01)

    async def until_closed(self, session: str) -> SessionClosed:
        async with asyncio.timeout(5):
            while True:
                for message in self.closed:
                    if message.session == session:
                        return message
                await asyncio.sleep(0.01)

    async def _quiet(self) -> None:
        if self.is_silent:
            await asyncio.sleep(3600)

    async def _hello(self, message: Hello, subject: str) -> HelloReply:
        await self._quiet()
        self.hellos.append(message)
        return HelloReply(subject.endswith(message.node), is_key_unwanted=message.public_key in self.unwanted)

    async def _assignments(self, request: AssignmentsRequest, subject: str) -> AssignmentsReply:
        await self._quiet()
        key = self.hellos[-1].public_key
        every = sorted(self.sources)
        start = int(request.after or 0)
        page = [
            StreamAssignment(
                camera=camera,
                quality=quality,
                revision=str(hash(msgspec.json.encode(self.sources[camera, quality]))),
                sealed=seal(key, msgspec.json.encode(self.sources[camera, quality])),
            )
            for camera, quality in every[start : start + self.page_size]
        ]
        following = start + self.page_size
        return AssignmentsReply(streams=page, next=str(following) if following < len(every) else "")

    async def _event_feeds(self, request: EventFeedsRequest, subject: str) -> EventFeedsReply:
        await self._quiet()
        key = self.hellos[-1].public_key
        rows = {device: msgspec.json.encode(feed) for device, feed in self.feeds.items()}
        return EventFeedsReply(
            [EventFeedAssignment(device, str(hash(row)), seal(key, row)) for device, row in rows.items()]
        )

    async def _camera_events(self, message: EventReports, subject: str) -> EventsTaken:
        await self._quiet()
        self.happened += message.reports
        return EventsTaken(accepted=True)

    async def _plans(self, request: PlansRequest, subject: str) -> PlansReply:
        await self._quiet()
        every = sorted(self.plans)
        start = int(request.after or 0)
        following = start + self.page_size
        page = [self.plans[camera] for camera in every[start:following]]
        return PlansReply(page, next=str(following) if following < len(every) else "")

    async def _footage(self, message: FootageReport, subject: str) -> None:
        self.footage.append(message)

    async def _watched(self, message: SessionWatched, subject: str) -> None:
        self.watched.append(message)

    async def _progress(self, message: ExportProgress, subject: str) -> None:
        self.progress.append(message)

    async def _finished(self, message: ExportFinished, subject: str) -> ExportSigned:
        await self._quiet()
        self.exports.append(message)
        return ExportSigned(accepted=True)

    async def _state(self, message: CameraState, subject: str) -> None:
        self.states.append(message)

    async def _open(self, request: OpenRequest, subject: str) -> OpenReply:
        await self._quiet()
        row = self.rows.get(request.session)
        if row is None or row.secret != request.secret or row.opened_by:
            return OpenReply(lease=LeaseState(session=request.session, permissions=0, why="not_found"))
        row.opened_by, row.peer, row.origin = request.run, request.peer, request.origin
        return OpenReply(
            self.state(request.session),
            row.camera,
            row.kind,
            row.quality,
            row.start,
            row.end,
            row.holder,
            row.is_probe,
        )

    async def _renew(self, request: RenewRequest, subject: str) -> RenewReply:
        await self._quiet()
        self.renewals.append(request)
        return RenewReply(leases=[self.state(session) for session in request.sessions])

    async def _closed(self, message: SessionClosed, subject: str) -> None:
        self.closed.append(message)
        if row := self.rows.get(message.session):
            row.closed_why = message.why


def now() -> float:
    """Wall clock, as receipts have it."""
    return time.time()
