"""RTSP 1.0 (RFC 2326), our side of it: one connection to one judged address, one question at a time.

A camera's answer is hostile until proven dull: its size is bounded, it comes in time, and a redirect is the end (N28).
"""

import asyncio
import contextlib
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from belvedere.contracts.events import SourceError
from belvedere.media.talk.digest import Credentials
from belvedere.media.talk.failure import TalkError, TalkFailure

CONNECT_WITHIN_S: Final = 3.0
ANSWER_WITHIN_S: Final = 3.0
_MAX_HEAD: Final = 16 * 1024
_MAX_BODY: Final = 256 * 1024
#: After PLAY some cameras let bytes slip in between packets; so many in a row, and it is no RTSP.
_MAX_STRAY: Final = 64 * 1024
#: Half a second of G.711: more than that the kernel must not hide.
_SEND_BUFFER: Final = 4 * 1024
_STATUS: Final = re.compile(rb"RTSP/1\.[01] ([1-9]\d\d)(?: [^\r\n]*)?")
#: What two readers could end in two ways; said back in a header, it would be a header of its own.
_AMBIGUOUS: Final = re.compile(rb"(?<!\r)\n|\r(?!\n)|\x00")
_AGENT: Final = "Belvedere"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the camera said. Headers by lower-case name, each with all its values."""

    status: int
    headers: dict[str, list[str]]
    body: str = ""

    def one(self, name: str) -> str:
        """The first value of a header, "" without one."""
        return self.headers.get(name, [""])[0]


class Conversation:
    """An open connection. Whoever opened it must `close` or `abort` it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, credentials: Credentials) -> None:
        self.credentials = credentials
        self.session = ""
        self._reader = reader
        self._writer = writer
        self._sequence = 0

    @classmethod
    async def open(cls, ip: str, port: int, credentials: Credentials) -> "Conversation":
        """Connect to a literal address. Raises TalkFailure: REFUSED, UNREACHABLE."""
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S):
                reader, writer = await asyncio.open_connection(ip, port, limit=_MAX_HEAD)
        except ConnectionRefusedError:
            raise TalkFailure(SourceError.REFUSED) from None
        except (OSError, TimeoutError):
            raise TalkFailure(SourceError.UNREACHABLE) from None
        sock: socket.socket = writer.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        writer.transport.set_write_buffer_limits(high=0)
        return cls(reader, writer, credentials)

    @property
    def is_clear(self) -> bool:
        """Whether the kernel has taken all that was written."""
        return self._writer.transport.get_write_buffer_size() == 0 and not self._writer.transport.is_closing()

    async def ask(self, method: str, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """One question and its answer, the login included. What is no 200 is for the caller to judge.

        Raises TalkFailure: WRONG_PASSWORD, NOT_RTSP, NOT_ALLOWED (a redirect), STALLED, DROPPED.
        """
        while True:
            answer = await self._ask_once(method, url, headers or {})
            if answer.status != 401:
                break
            if not self.credentials.challenge(answer.headers.get("www-authenticate", [])):
                raise TalkFailure(SourceError.WRONG_PASSWORD)
        if 300 <= answer.status < 400:
            raise TalkFailure(SourceError.NOT_ALLOWED)
        return answer

    def say(self, method: str, url: str) -> None:
        """Ask without waiting: `drain` reads past the answer."""
        self._write(method, url, {})

    def send(self, channel: int, packet: bytes) -> None:
        """One interleaved packet (RFC 2326, 10.12)."""
        self._writer.write(b"$" + bytes((channel,)) + len(packet).to_bytes(2) + packet)

    async def drain(self) -> None:
        """Read past all that comes, for ever. Ends with TalkFailure: the camera hung up, or talks nonsense."""
        stray = 0
        try:
            while True:
                first = await self._reader.readexactly(1)
                if first == b"$":
                    await self._skip_packet()
                elif first == b"R":
                    await self._read_message(first)
                else:
                    stray += 1
                    if stray > _MAX_STRAY:
                        raise TalkFailure(SourceError.NOT_RTSP)
                    continue
                stray = 0
        except (asyncio.IncompleteReadError, OSError):
            raise TalkFailure(SourceError.DROPPED) from None
        except asyncio.LimitOverrunError:
            raise TalkFailure(SourceError.NOT_RTSP) from None

    async def close(self) -> None:
        """Hang up, and let what was written arrive."""
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1.0):
                await self._writer.wait_closed()

    def abort(self) -> None:
        """Hang up in the middle of a word: what the kernel still holds is thrown away."""
        sock: socket.socket | None = self._writer.get_extra_info("socket")
        if sock is not None and not self._writer.transport.is_closing():
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._writer.transport.abort()

    async def _ask_once(self, method: str, url: str, headers: Mapping[str, str]) -> Answer:
        self._write(method, url, headers)
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                while True:
                    first = await self._reader.readexactly(1)
                    if first != b"$":
                        return await self._read_message(first)
                    await self._skip_packet()
        except TimeoutError:
            raise TalkFailure(SourceError.STALLED) from None
        except (asyncio.IncompleteReadError, OSError):
            raise TalkFailure(SourceError.DROPPED) from None
        except asyncio.LimitOverrunError:
            raise TalkFailure(SourceError.NOT_RTSP) from None

    def _write(self, method: str, url: str, headers: Mapping[str, str]) -> None:
        if self._writer.transport.is_closing():
            return  # whoever reads hears of it
        self._sequence += 1
        # Without a User-Agent some cameras answer 401 to whatever else is right.
        fields = {"CSeq": str(self._sequence), "User-Agent": _AGENT, **headers}
        if self.session:
            fields["Session"] = self.session
        if authorization := self.credentials.header(method, url):
            fields["Authorization"] = authorization
        head = [f"{method} {url} RTSP/1.0", *(f"{name}: {value}" for name, value in fields.items())]
        self._writer.write(("\r\n".join(head) + "\r\n\r\n").encode())

    async def _skip_packet(self) -> None:
        head = await self._reader.readexactly(3)
        await self._reader.readexactly(int.from_bytes(head[1:]))

    async def _read_message(self, first: bytes) -> Answer:
        head = first + await self._reader.readuntil(b"\r\n\r\n")
        line, *fields = head[:-4].split(b"\r\n")
        status = _STATUS.fullmatch(line)
        if status is None or _AMBIGUOUS.search(head):
            raise TalkFailure(SourceError.NOT_RTSP)
        headers: dict[str, list[str]] = {}
        for text in fields:
            name, colon, value = text.decode("latin-1").partition(":")
            if not colon:
                raise TalkFailure(SourceError.NOT_RTSP)
            headers.setdefault(name.strip().lower(), []).append(value.strip())
        length = headers.get("content-length", ["0"])
        if len(length) > 1 or not length[0].isdecimal() or len(length[0]) > 7 or int(length[0]) > _MAX_BODY:
            raise TalkFailure(SourceError.NOT_RTSP)
        body = await self._reader.readexactly(int(length[0]))
        return Answer(int(status[1]), headers, body.decode("utf-8", "replace"))


def failure_of(answer: Answer) -> TalkFailure | None:
    """What an answer that is no 200 means; None for one that is."""
    match answer.status:
        case 200:
            return None
        case 403:
            return TalkFailure(SourceError.WRONG_PASSWORD)
        case 404 | 454:
            return TalkFailure(SourceError.NO_SUCH_STREAM)
        case 453 | 486 | 503:
            return TalkFailure(TalkError.CAMERA_BUSY)
        case _:
            return TalkFailure(TalkError.NO_BACKCHANNEL)
