"""The media port: one request on each connection, and it becomes a viewer or is closed.

Paths are compared whole, byte for byte: nothing is decoded, joined or folded, so there is no second way to say one.
"""

import asyncio
import hmac
import re
import time
import weakref
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final, cast

import structlog

from belvedere.contracts.sessions import CloseCode, OpenReply, Quality, SessionKind
from belvedere.media.decode import Decoder
from belvedere.media.delivery.answers import answer, switch_protocols
from belvedere.media.delivery.counters import Counters
from belvedere.media.delivery.downloads import Download
from belvedere.media.delivery.footage_reader import FootageReader
from belvedere.media.delivery.hls import PastList
from belvedere.media.delivery.hls_live import LiveList
from belvedere.media.delivery.http_sessions import (
    FOR_PAGES,
    OPEN_PATH,
    SECRET_PATH,
    Content,
    Grant,
    HttpSession,
    HttpSessions,
)
from belvedere.media.delivery.leases import LeaseKeeper
from belvedere.media.delivery.looking import Scene
from belvedere.media.delivery.past_pictures import PastPicture
from belvedere.media.delivery.request_head import BadRequest, RequestHead, parse_head
from belvedere.media.delivery.sessions import Ending, Lease
from belvedere.media.delivery.snapshots import Snapshot
from belvedere.media.delivery.stream import LiveStream
from belvedere.media.delivery.viewer import Viewer
from belvedere.media.delivery.websocket import accept_of
from belvedere.media.footage import Archive
from belvedere.media.ptz import Helms
from belvedere.media.talk.talker import Talker, TalkRoom

log = structlog.get_logger()

LIVE_PATH: Final = "/media/v1/live"
TALK_PATH: Final = "/media/v1/talk"
HEAD_WITHIN_S: Final = 5.0
#: Connections that have not shown a ticket that opens.
_MAX_STRANGERS: Final = 1024
#: A wall opens a hundred sockets at once, and a house is one peer.
MAX_STRANGERS_OF_PEER: Final = 256
_MAX_VIEWERS: Final = 2000
_TICKET: Final = re.compile(r"([0-9A-Za-z_-]{1,64})\.([0-9A-Za-z_-]{16,128})")
_PROTOCOL: Final = "bv1"
_SOON: Final = {"Retry-After": "1"}
#: what a refusal is called in HTTP; all others are the same 404
_STATUS_OF: Final = {CloseCode.TOO_MANY: 429, CloseCode.LEASE_LOST: 503}


@dataclass(frozen=True, kw_only=True)
class Door:
    """What the listener needs of the house. `find_stream` knows no stream it must not show.

    room       where cameras are spoken to
    helms      where they are moved
    archive    the footage here; None = nothing is kept on this node
    decoder    makes pictures of key frames
    trusted    networks of proxies whose X-Forwarded-For is believed
    metrics    the text of /metrics; `metrics_token` opens it to others than loopback
    """

    keeper: LeaseKeeper
    find_stream: Callable[[str, Quality], LiveStream | None]
    counters: Counters
    room: TalkRoom = field(default_factory=lambda: TalkRoom(find_source=lambda _: None))
    helms: Helms | None = None
    archive: Archive | None = None
    decoder: Decoder = field(default_factory=Decoder)
    trusted: Sequence[IPv4Network | IPv6Network] = ()
    metrics: Callable[[], bytes] = bytes
    metrics_token: str = field(default="", repr=False)
    clock: Callable[[], float] = time.monotonic


def _open_export(door: Door, grant: Grant) -> Content | None:
    return None if door.archive is None else Download(grant, door.archive, door.keeper.reports)


def _open_list(door: Door, grant: Grant) -> Content | None:
    reply = grant.reply
    if reply.start is not None:
        report = partial(door.keeper.watched, grant.session)
        return None if door.archive is None else PastList(grant, door.archive, report)
    stream = door.find_stream(reply.camera, reply.quality)
    return None if stream is None else LiveList(grant, stream)


def _open_snapshot(door: Door, grant: Grant) -> Content | None:
    reply = grant.reply
    if reply.start is not None:
        report = partial(door.keeper.watched, grant.session)
        return None if door.archive is None else PastPicture(grant, door.archive, door.decoder, report, reply.start)
    stream = door.find_stream(reply.camera, reply.quality)
    return Snapshot(grant, stream, door.archive, door.decoder)


#: kind → what lies under the secret of such a session; None: nothing of it is here
CONTENTS: Final[dict[SessionKind, Callable[[Door, Grant], Content | None]]] = {
    SessionKind.EXPORT: _open_export,
    SessionKind.HLS: _open_list,
    SessionKind.SNAPSHOT: _open_snapshot,
}


class Listener:
    """The listening socket and everybody who came through it."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.strangers: Counter[str] = Counter()
        #: everybody who is connected, in whatever state
        self.transports: weakref.WeakSet[asyncio.Transport] = weakref.WeakSet()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.http = HttpSessions(door.counters, self._http_closed)

    async def start(self, host: str, port: int) -> int:
        """Listen; the port, which matters when 0 was asked for. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: HeadReader(self), host, port, backlog=512)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def close(self) -> None:
        """Let nobody in any more; who waited at the door is sent away."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)
        await self.door.decoder.close()

    async def abort(self) -> None:
        """End every connection there is, goodbyes said or not: uvloop does not close while one stands (seen)."""
        for transport in list(self.transports):
            transport.abort()
        await asyncio.sleep(0)
        self.http.close()  # not before: an answer that is cut lets go of its files there

    def admit(self, viewer: Viewer | Talker, ticket: re.Match[str] | None, peer: str, origin: str | None) -> None:
        """Ask control about a ticket, and let the viewer watch, or the talker speak, or send it away."""
        if ticket is None:
            viewer.cut(CloseCode.NOT_FOUND, "not_found")
            return
        if self._is_full(peer):
            viewer.cut(CloseCode.TOO_MANY, "too_many")
            return
        self._ask(self._open(viewer, ticket, peer, origin), peer)

    def admit_request(
        self, transport: asyncio.Transport, ticket: re.Match[str] | None, peer: str, origin: str | None
    ) -> None:
        """The same for who asks by plain HTTP: sent on to a secret of his own, or away."""
        if ticket is None:
            _say(transport, answer(404))
        elif self._is_full(peer):
            _say(transport, answer(429, headers=_SOON))
        else:
            self._ask(self._open_content(transport, ticket, peer, origin), peer)

    def _is_full(self, peer: str) -> bool:
        return self.door.keeper.watching >= _MAX_VIEWERS or self.is_crowded(peer)

    def _ask(self, asking: Coroutine[None, None, None], peer: str) -> None:
        self.strangers[peer] += 1
        task = asyncio.get_running_loop().create_task(asking)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: self.forget(peer))

    def is_crowded(self, peer: str) -> bool:
        """Whether too many without a lease are here already, of this peer or of all."""
        return self.strangers[peer] >= MAX_STRANGERS_OF_PEER or self.strangers.total() >= _MAX_STRANGERS

    def forget(self, peer: str) -> None:
        """One stranger less."""
        self.strangers[peer] -= 1
        if self.strangers[peer] <= 0:
            del self.strangers[peer]

    async def _open(self, viewer: Viewer | Talker, ticket: re.Match[str], peer: str, origin: str | None) -> None:
        session, secret = ticket.groups()
        keeper = self.door.keeper
        opened = await keeper.open(session, secret, peer, origin)
        if isinstance(opened, Ending):
            viewer.cut(opened.code, opened.why, opened.by)
            return
        # From here to the end nothing is awaited: no loss can slip in between.
        lease, reply = opened
        viewer.session = session
        keeper.take(session, viewer)
        if viewer.is_over:
            keeper.release(session, "left")
        elif isinstance(viewer, Viewer):
            self._show(viewer, session, lease, reply)
        elif reply.kind is SessionKind.TALK:
            viewer.speak(reply.camera, lease, self.door.room, reply.holder, is_probe=reply.is_probe)
        else:
            viewer.cut(CloseCode.NOT_FOUND, "not_found")

    def _show(self, viewer: Viewer, session: str, lease: Lease, reply: OpenReply) -> None:
        scene = self._scene_of(session, reply)
        stream = scene.find_stream() if reply.kind is SessionKind.LIVE else None
        if stream is not None:
            viewer.watch(stream, lease, scene)
        elif reply.kind is SessionKind.PLAYBACK and scene.footage is not None:
            viewer.look_back(lease, scene, reply.start)
        else:
            # Control says yes, so the camera is there: it is on its way to us, or to another node. Not yet is not no.
            viewer.turn_away(is_gone=reply.kind is not SessionKind.LIVE)

    def _scene_of(self, session: str, reply: OpenReply) -> Scene:
        door = self.door
        return Scene(
            find_stream=partial(door.find_stream, reply.camera, reply.quality),
            footage=None if door.archive is None else FootageReader(door.archive, reply.camera, reply.quality),
            report=partial(door.keeper.watched, session),
            decoder=door.decoder,
            helm=door.helms.at(reply.camera) if door.helms and reply.kind is SessionKind.LIVE else None,
        )

    async def _open_content(
        self, transport: asyncio.Transport, ticket: re.Match[str], peer: str, origin: str | None
    ) -> None:
        session, secret = ticket.groups()
        keeper = self.door.keeper
        opened = await keeper.open(session, secret, peer, origin)
        if isinstance(opened, Ending):
            status = _STATUS_OF.get(opened.code, 404)
            _say(transport, answer(status, headers={} if status == 404 else _SOON))
            return
        # From here to the end nothing is awaited: no loss can slip in between.
        lease, reply = opened
        grant = Grant(session, lease, reply, self.door.clock)
        open_content = CONTENTS.get(reply.kind)
        if transport.is_closing():
            keeper.release(session, "left")
            return
        content = open_content(self.door, grant) if open_content is not None else None
        if content is None:
            keeper.release(session, "not_here")
            # Of now, control says yes, so the camera is on its way to us, or to another node. Not yet is not no.
            is_coming = open_content is not None and reply.start is None
            _say(transport, answer(503, headers=_SOON) if is_coming else answer(404))
            return
        opened_session, path = self.http.begin(grant, content)
        keeper.take(session, opened_session)
        _say(transport, answer(307, headers={**FOR_PAGES, "Location": path}))

    def _http_closed(self, session: HttpSession, why: str) -> None:
        self.door.keeper.release(session.grant.session, why)


class HeadReader(asyncio.Protocol):
    """A connection until its request is read."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._data = b""
        self._peer = ""
        self._is_counted = False
        self._is_routed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody is at the door, and has five seconds to say what for."""
        # uvloop's transports behave like asyncio's without being a subclass.
        self._transport = transport = cast("asyncio.Transport", transport)
        self._listener.transports.add(transport)
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if peer else ""
        self._deadline = asyncio.get_running_loop().call_later(HEAD_WITHIN_S, transport.abort)
        if self._listener.is_crowded(self._peer) and not self._is_proxy(self._peer):
            transport.abort()
            return
        self._is_counted = True
        self._listener.strangers[self._peer] += 1

    def connection_lost(self, exc: Exception | None) -> None:
        """Gone without a request."""
        del exc
        self._leave()

    def data_received(self, data: bytes) -> None:
        """A part of the head, or all of it."""
        if self._transport.is_closing():
            return
        self._data += data
        try:
            head = parse_head(self._data)
            if head is not None:
                self._leave()
                if not self._is_routed:
                    self._is_routed = True
                    self._route(head)
        except BadRequest:
            self._listener.door.counters.bad_requests += 1
            self._say(answer(400))

    def _route(self, head: RequestHead) -> None:
        if head.path.startswith(SECRET_PATH):
            if head.method in {"GET", "HEAD"}:
                self._listener.http.serve(self._transport, head)
            else:
                self._say(answer(405, headers={"Allow": "GET, HEAD"}))
        elif head.path not in {LIVE_PATH, TALK_PATH, OPEN_PATH, "/healthz", "/metrics"}:
            self._say(answer(404))
        elif head.method != "GET":
            self._say(answer(405, headers={"Allow": "GET"}))
        elif head.path in {LIVE_PATH, TALK_PATH}:
            self._upgrade(head)
        elif head.path == OPEN_PATH:
            ticket = _ticket_of(head.query, ())
            self._listener.admit_request(self._transport, ticket, self._client_of(head), head.one("origin"))
        elif head.path == "/healthz":
            self._say(answer(200, b"ok\n"))
        elif self._may_read_metrics(head):
            text = "text/plain; version=0.0.4; charset=utf-8"
            self._say(answer(200, self._listener.door.metrics(), content_type=text))
        else:
            self._say(answer(401, headers={"WWW-Authenticate": "Bearer"}))

    def _upgrade(self, head: RequestHead) -> None:
        key = accept_of(head.one("sec-websocket-key") or "")
        wanted = {token.lower() for token in head.tokens("connection")}
        if key is None or (head.one("upgrade") or "").lower() != "websocket" or "upgrade" not in wanted:
            self._say(answer(426, headers={"Upgrade": "websocket", "Sec-WebSocket-Version": "13"}))
            return
        if head.one("sec-websocket-version") != "13":
            self._say(answer(426, headers={"Upgrade": "websocket", "Sec-WebSocket-Version": "13"}))
            return
        protocols = head.tokens("sec-websocket-protocol")
        door = self._listener.door
        origin = head.one("origin")
        peer = self._client_of(head)
        self._transport.write(switch_protocols(key, _PROTOCOL if _PROTOCOL in protocols else None))
        viewer: Viewer | Talker
        if head.path == TALK_PATH:
            viewer = Talker(self._transport, door.clock, self._viewer_closed)
        else:
            viewer = Viewer(self._transport, door.counters, door.clock, self._viewer_closed)
        self._transport.set_protocol(viewer)
        self._listener.admit(viewer, _ticket_of(head.query, protocols), peer, origin)

    def _viewer_closed(self, viewer: Viewer | Talker, why: str) -> None:
        if viewer.session:
            self._listener.door.keeper.release(viewer.session, why)

    def _client_of(self, head: RequestHead) -> str:
        """The address of whoever is behind trusted proxies: the last one in the chain that is none of them."""
        chain = [*head.tokens("x-forwarded-for"), self._peer]
        while len(chain) > 1 and self._is_proxy(chain[-1]):
            chain.pop()
        return chain[-1][:64]

    def _is_proxy(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._listener.door.trusted if network.version == parsed.version)

    def _may_read_metrics(self, head: RequestHead) -> bool:
        token = self._listener.door.metrics_token
        if token:
            given = head.one("authorization") or ""
            return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
        # A front door is on loopback too, but it says for whom it asks.
        forwarded = any(name.startswith("x-forwarded") or name == "forwarded" for name in head.headers)
        return not forwarded and bool(self._peer) and ip_address(self._peer).is_loopback

    def _say(self, data: bytes) -> None:
        _say(self._transport, data)

    def _leave(self) -> None:
        self._deadline.cancel()
        if self._is_counted:
            self._is_counted = False
            self._listener.forget(self._peer)


def _say(transport: asyncio.Transport, data: bytes) -> None:
    """The last word on a connection; into the wind, if nobody is there any more."""
    transport.write(data)
    transport.close()


def _ticket_of(query: str, protocols: Sequence[str]) -> re.Match[str] | None:
    """`?ticket=id.secret`, or the subprotocol `ticket.id.secret`; both at once is neither."""
    offered = [token.removeprefix("ticket.") for token in protocols if token.startswith("ticket.")]
    if query:
        offered.append(query.removeprefix("ticket=") if query.startswith("ticket=") else "")
    return _TICKET.fullmatch(offered[0]) if len(offered) == 1 else None
