"""One TCP connection to a camera: requests in, answers out, until one side hangs up."""

import asyncio
import math
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from belvedere.demo.backchannel import EAR_TRACK, REQUIRED
from belvedere.demo.mounts import Mount, Session
from belvedere.demo.outlets import InterleavedOutlet, Outlet, UdpOutlet
from belvedere.demo.rtp import session_description

_REASONS: Final = {
    200: "OK",
    302: "Moved Temporarily",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    454: "Session Not Found",
    453: "Not Enough Bandwidth",
    461: "Unsupported Transport",
    501: "Not Implemented",
    551: "Option not supported",
}
_METHODS: Final = ("DESCRIBE", "SETUP", "PLAY", "GET_PARAMETER", "SET_PARAMETER", "TEARDOWN")
_MAX_BODY: Final = 65_536
_GARBAGE: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>It works!</html>"


class _ProtocolError(Exception):
    """What came is not RTSP."""


@dataclass(frozen=True)
class Request:
    """One request. `target` is path and query of the URL; header names are in lower case."""

    method: str
    url: str
    target: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """One answer: status, headers, and an SDP if there is one."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""


class Connection:
    """A client's conversation. It holds at most one session, which ends with it."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        find: Callable[[str], Mount | None],
        timeout_s: float,
    ) -> None:
        """`find` knows the mount of a target. Silence of `timeout_s` ends the conversation."""
        self._reader = reader
        self._writer = writer
        self._find = find
        self._timeout_s = timeout_s
        self._nonce = secrets.token_hex(16)
        self._mount: Mount | None = None
        self._session: Session | None = None

    @property
    def path(self) -> str | None:
        """The mount this is about, once a request named it."""
        return self._mount.path if self._mount else None

    def abort(self) -> None:
        """Cut the line, in the middle of a word if need be."""
        self._writer.transport.abort()

    async def run(self) -> None:
        """Serve until the client leaves, is cut off, or says nothing for too long."""
        try:
            while True:
                async with asyncio.timeout(self._timeout_s):
                    await self._serve(await self._next_request())
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            pass  # hung up, or forgotten
        except (_ProtocolError, asyncio.LimitOverrunError):
            self._writer.write(b"RTSP/1.0 400 Bad Request\r\n\r\n")
        finally:
            self._end_session()
            self._writer.close()

    async def _next_request(self) -> Request | None:
        """Read a request with its body, or an interleaved packet: a sign of life, and perhaps somebody speaking."""
        first = await self._reader.readexactly(1)
        if first == b"$":
            channel, *length = await self._reader.readexactly(3)
            packet = await self._reader.readexactly(int.from_bytes(length))
            if self._session:
                self._session.hear(channel, packet)
            return None
        request = _parse(first + await self._reader.readuntil(b"\r\n\r\n"))
        length_text = request.headers.get("content-length", "0")
        if not length_text.isdecimal() or int(length_text) > _MAX_BODY:
            raise _ProtocolError
        await self._reader.readexactly(int(length_text))  # bodies of requests carry parameters we do not have
        return request

    async def _serve(self, request: Request | None) -> None:
        if request is None:
            return
        if request.target != "*":  # means the camera as a whole: whichever this is about
            self._mount = self._find(request.target)
        faults = self._mount.faults if self._mount else None
        if faults and faults.silent:
            return
        if faults and faults.late_s:
            await asyncio.sleep(faults.late_s)
        if faults and faults.garbage:
            self._writer.write(_GARBAGE)
            return
        answer = await self._answer(request)
        if self._writer.is_closing():
            return
        head = [f"RTSP/1.0 {answer.status} {_REASONS[answer.status]}", f"CSeq: {request.headers.get('cseq', '0')}"]
        head += [f"{name}: {value}" for name, value in answer.headers]
        if self._session:
            head.append(f"Session: {self._session.id};timeout={math.ceil(self._timeout_s)}")
        if answer.body:
            head.append(f"Content-Length: {len(answer.body.encode())}")
        self._writer.write(("\r\n".join(head) + "\r\n\r\n" + answer.body).encode())
        await self._writer.drain()

    async def _answer(self, request: Request) -> Answer:
        if request.method == "OPTIONS":  # asked before anybody knows a password, and again as a sign of life
            return Answer(200, (("Public", ", ".join(("OPTIONS", *_METHODS))),))
        if request.method not in _METHODS:
            return Answer(501)
        mount = self._mount
        if mount is None:
            return Answer(404)
        if refusal := self._refusal(mount, request):
            return refusal
        match request.method:
            case "DESCRIBE":
                return self._describe(mount, request)
            case "SETUP":
                return await self._set_up(mount, request)
            case "PLAY":
                return self._play(request)
            case "TEARDOWN":
                self._end_session()
        return Answer(200)  # nobody asks us for parameters: an empty question means "are you there?"

    def _refusal(self, mount: Mount, request: Request) -> Answer | None:
        """Why this mount does not answer this request, if it does not."""
        login = mount.login
        credentials = request.headers.get("authorization", "")
        if mount.faults.unauthorized or (
            login and not login.accepts(credentials, method=request.method, nonce=self._nonce)
        ):
            challenges = login.challenges(self._nonce) if login else ['Basic realm="nobody"']
            return Answer(401, tuple(("WWW-Authenticate", challenge) for challenge in challenges))
        if mount.faults.missing:
            return Answer(404)
        session = request.headers.get("session", "").partition(";")[0]
        if session and (self._session is None or session != self._session.id):
            return Answer(454)
        return None

    def _describe(self, mount: Mount, request: Request) -> Answer:
        if mount.faults.redirect_to:
            return Answer(302, (("Location", mount.faults.redirect_to),))
        base = request.url.rstrip("/") + "/"
        headers = (("Content-Base", base), ("Content-Type", "application/sdp"))
        description = session_description(mount.announced())
        if request.headers.get("require") == REQUIRED:
            if mount.ear is not None:
                description += mount.ear.description()
            elif not mount.faults.ignores_require:
                return Answer(551, (("Unsupported", REQUIRED),))
        return Answer(200, headers, description)

    async def _set_up(self, mount: Mount, request: Request) -> Answer:
        track = request.target.rpartition("/trackID=")[2]
        if track == str(EAR_TRACK) and mount.ear is not None:
            return self._set_up_ear(mount, request)
        if not track.isdecimal() or int(track) not in dict(mount.announced()):
            return Answer(404)
        session = self._session or Session(mount)
        for offer in request.headers.get("transport", "").split(","):
            profile, *parameters = offer.strip().split(";")
            given = dict(parameter.partition("=")[::2] for parameter in parameters)
            if profile == "RTP/AVP/TCP":
                channel = _pair(given.get("interleaved", ""), below=256) or (2 * int(track), 2 * int(track) + 1)
                outlet: Outlet = InterleavedOutlet(self._writer, channel)
                detail = f"interleaved={channel[0]}-{channel[1]}"
            elif profile in {"RTP/AVP", "RTP/AVP/UDP"} and (ports := _pair(given.get("client_port", ""), below=65_536)):
                here, there = (self._writer.get_extra_info(name)[0] for name in ("sockname", "peername"))
                udp = await UdpOutlet.open(here, there, ports)
                outlet = udp
                detail = f"client_port={ports[0]}-{ports[1]};server_port={udp.ports[0]}-{udp.ports[1]}"
                if foreign := mount.faults.foreign_source:
                    detail += f";source={foreign}"
            else:
                continue
            session.take(int(track), outlet)
            self._session = session
            return Answer(200, (("Transport", f"{profile};unicast;{detail}"),))
        return Answer(461)

    def _set_up_ear(self, mount: Mount, request: Request) -> Answer:
        """Be ready to listen, on this connection: beside it nobody is heard."""
        if mount.faults.drops_ear:
            self.abort()
        if mount.faults.ear_busy:
            return Answer(453)
        transport = request.headers.get("transport", "")
        given = dict(parameter.partition("=")[::2] for parameter in transport.split(";"))
        channels = _pair(given.get("interleaved", ""), below=256)
        if not transport.startswith("RTP/AVP/TCP") or channels is None:
            return Answer(461)
        self._session = self._session or Session(mount)
        self._session.ear_channel = channels[0]
        return Answer(200, (("Transport", f"RTP/AVP/TCP;unicast;interleaved={channels[0]}-{channels[1]}"),))

    def _play(self, request: Request) -> Answer:
        if self._session is None:
            return Answer(454)
        base = request.url.rstrip("/")
        info = ",".join(
            f"url={base}/trackID={track};seq={sequence};rtptime={timestamp}"
            for track, sequence, timestamp in self._session.mount.play(self._session)
        )
        return Answer(200, (("Range", "npt=now-"), ("RTP-Info", info)))

    def _end_session(self) -> None:
        if self._session:
            self._session.end()
            self._session = None


def _parse(head: bytes) -> Request:
    try:
        first, *lines = head.decode().rstrip("\r\n").split("\r\n")
        method, url, version = first.split(" ")
        headers = {name.strip().lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
        parts = urlsplit(url)
    except ValueError:
        raise _ProtocolError from None
    if version != "RTSP/1.0":
        raise _ProtocolError
    return Request(method, url, f"{parts.path}?{parts.query}" if parts.query else parts.path, headers)


def _pair(text: str, *, below: int) -> tuple[int, int] | None:
    """`4-5` → (4, 5); `4` → (4, 5); anything else, or a number that is too large → None."""
    first, _, second = text.partition("-")
    if not first.isdecimal() or not (second or "0").isdecimal():
        return None
    pair = int(first), int(second) if second else int(first) + 1
    return pair if max(pair) < below else None
