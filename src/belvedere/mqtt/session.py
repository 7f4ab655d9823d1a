"""One session with a broker, over a connection that somebody else judged and opened.

A library would look names up itself and take packets of 256 MiB into memory; here every size is ours (ADR 0015).
Clean sessions, hearing at QoS 0, telling at QoS 1 and never twice.
"""

import asyncio
import contextlib
import secrets
import struct
from collections.abc import AsyncIterator, Iterator
from typing import Final, NamedTuple, Self

from belvedere.contracts.brokers import MAX_TOPIC, BrokerError
from belvedere.contracts.events import SourceError
from belvedere.mqtt.failure import MqttFailure

MAX_PAYLOAD: Final = 4096
KEEPALIVE_S: Final = 15
_ANSWER_WITHIN_S: Final = 5.0
#: Nothing from the broker for so long, though it was asked: it is gone.
_SILENT_AFTER_S: Final = 2.5 * KEEPALIVE_S
#: what stands before a payload, at most: a topic with its length, and an id
_MAX_HEAD: Final = 2 + 4 * MAX_TOPIC + 2
_CHUNK: Final = 65_536
_GOODBYE_WITHIN_S: Final = 0.5
#: Between two packets: whoever floods us waits, and the node goes on.
_BREATH_S: Final = 0.01

_CONNECT, _CONNACK, _PUBLISH, _PUBACK, _SUBSCRIBE, _SUBACK = 1, 2, 3, 4, 8, 9
_PINGREQ, _PINGRESP, _DISCONNECT = 12, 13, 14
#: what CONNACK says of a user and password that are not good
_BAD_LOGIN: Final = frozenset({4, 5})
_REFUSED_TOPIC: Final = 0x80


class Message(NamedTuple):
    """What came on a topic. `payload` is None where there was more of it than is read.

    is_retained  it was said before we listened, who knows when
    """

    topic: str
    payload: bytes | None
    is_retained: bool = False


class _Packet(NamedTuple):
    kind: int
    flags: int
    body: bytes
    is_cut: bool


class MqttSession:
    """One session on an open connection: `login`, then `subscribe`, then `messages` until it breaks.

    Everything raises MqttFailure. Only one task may read; `publish` may be called beside it.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, max_payload: int = MAX_PAYLOAD
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._max_payload = max_payload
        self._max_packet = max_payload + _MAX_HEAD
        self._last_id = 0
        self._unconfirmed: dict[int, asyncio.Future[None]] = {}

    async def __aenter__(self) -> Self:
        """Talk inside."""
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Hang up; whoever waits for a confirmation learns that none comes."""
        for waiting in self._unconfirmed.values():
            if not waiting.done():
                waiting.set_exception(MqttFailure(SourceError.DROPPED))
                waiting.exception()  # nobody may be left to fetch it
        with contextlib.suppress(OSError):
            self._writer.write(bytes((_DISCONNECT << 4, 0)))
        await hang_up(self._writer)

    async def login(self, username: str, password: str) -> None:
        """Say who we are. A fresh client id and a clean session: nothing waits for us, nothing is kept."""
        flags = 2 | (0x80 if username else 0) | (0x40 if username and password else 0)
        body = _text("MQTT") + bytes((4, flags)) + struct.pack(">H", KEEPALIVE_S)
        body += _text(f"belvedere-{secrets.token_hex(6)}")
        if username:
            body += _text(username) + (_text(password) if password else b"")
        await self._send(_CONNECT, body)
        packet = await self._next(_ANSWER_WITHIN_S)
        if packet.kind != _CONNACK or len(packet.body) != 2:
            raise MqttFailure(BrokerError.NOT_MQTT)
        if packet.body[1]:
            raise MqttFailure(SourceError.WRONG_PASSWORD if packet.body[1] in _BAD_LOGIN else SourceError.REFUSED)

    async def subscribe(self, *topics: str) -> None:
        """Hear these. Must come before `messages`; what is retained on them comes after it."""
        wanted = b"".join(_text(topic) + b"\0" for topic in topics)
        await self._send(_SUBSCRIBE, struct.pack(">H", self._fresh_id()) + wanted, flags=2)
        packet = await self._next(_ANSWER_WITHIN_S)
        if packet.kind != _SUBACK:
            raise MqttFailure(BrokerError.NOT_MQTT)
        if len(packet.body) != 2 + len(topics) or _REFUSED_TOPIC in packet.body[2:]:
            raise MqttFailure(BrokerError.TOPIC_REFUSED)

    async def messages(self) -> AsyncIterator[Message]:
        """What comes, until the connection breaks, which raises."""
        async with _pinging(self):
            while True:
                packet = await self._next(_SILENT_AFTER_S)
                if packet.kind == _PUBLISH:
                    yield self._message(packet)
                elif packet.kind == _PUBACK and len(packet.body) == 2:
                    self._confirm(struct.unpack(">H", packet.body)[0])
                elif packet.kind != _PINGRESP:
                    raise MqttFailure(BrokerError.NOT_MQTT)
                await asyncio.sleep(_BREATH_S)

    async def publish(self, topic: str, payload: bytes) -> None:
        """Send once, and wait until the broker has it. The caller bounds the wait."""
        pk = self._fresh_id()
        waiting = self._unconfirmed[pk] = asyncio.get_running_loop().create_future()
        try:
            await self._send(_PUBLISH, _text(topic) + struct.pack(">H", pk) + payload, flags=2)
            await waiting
        finally:
            del self._unconfirmed[pk]

    async def deliver(self, topic: str, payload: bytes, *, is_retained: bool = False) -> None:
        """As `publish`, in a session that hears nothing and that nobody else reads."""
        pk = self._fresh_id()
        head = _text(topic) + struct.pack(">H", pk)
        await self._send(_PUBLISH, head + payload, flags=3 if is_retained else 2)
        packet = await self._next(_ANSWER_WITHIN_S)
        if packet.kind != _PUBACK or packet.body != struct.pack(">H", pk):
            raise MqttFailure(BrokerError.NOT_MQTT)

    async def ping(self) -> None:
        """Show that we are here."""
        await self._send(_PINGREQ, b"")

    def _message(self, packet: _Packet) -> Message:
        """Taken apart. Anything but QoS 0 was not asked for."""
        body = packet.body
        end = 2 + struct.unpack(">H", body[:2])[0] if len(body) >= 2 else len(body) + 1
        if packet.flags & 0x06 or (end > len(body) and not packet.is_cut):
            raise MqttFailure(BrokerError.NOT_MQTT)
        payload = body[end:]
        is_whole = not packet.is_cut and len(payload) <= self._max_payload
        return Message(body[2:end].decode(errors="replace"), payload if is_whole else None, bool(packet.flags & 1))

    def _confirm(self, pk: int) -> None:
        waiting = self._unconfirmed.get(pk)
        if waiting and not waiting.done():
            waiting.set_result(None)

    def _fresh_id(self) -> int:
        self._last_id = self._last_id % 0xFFFF + 1
        return self._last_id

    async def _send(self, kind: int, body: bytes, *, flags: int = 0) -> None:
        try:
            self._writer.write(bytes((kind << 4 | flags,)) + bytes(_length(len(body))) + body)
            await self._writer.drain()
        except OSError:
            raise MqttFailure(SourceError.DROPPED) from None

    async def _next(self, within_s: float) -> _Packet:
        try:
            async with asyncio.timeout(within_s):
                return await self._read()
        except TimeoutError:
            raise MqttFailure(SourceError.STALLED) from None
        except (OSError, EOFError):
            raise MqttFailure(SourceError.DROPPED) from None

    async def _read(self) -> _Packet:
        head = (await self._reader.readexactly(1))[0]
        length = 0
        for shift in (0, 7, 14, 21):
            byte = (await self._reader.readexactly(1))[0]
            length |= (byte & 0x7F) << shift
            if not byte & 0x80:
                break
        else:
            raise MqttFailure(BrokerError.NOT_MQTT)
        body = await self._reader.readexactly(min(length, self._max_packet))
        # What is too long is let by, never kept: it may be retained, and would else end every connection anew.
        left = length - len(body)
        while left:
            left -= len(await self._reader.readexactly(min(left, _CHUNK)))
        return _Packet(head >> 4, head & 0x0F, body, length > self._max_packet)


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Close it; who takes his time over TLS's goodbye is left standing."""
    writer.close()
    try:
        async with asyncio.timeout(_GOODBYE_WITHIN_S):
            await writer.wait_closed()
    except OSError:  # a timeout is one too
        writer.transport.abort()
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def _pinging(session: MqttSession) -> AsyncIterator[None]:
    async def ping() -> None:
        with contextlib.suppress(MqttFailure):  # whoever reads notices by himself
            while True:
                await asyncio.sleep(KEEPALIVE_S)
                await session.ping()

    task = asyncio.create_task(ping())
    try:
        yield
    finally:
        task.cancel()


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def _length(number: int) -> Iterator[int]:
    while number > 0x7F:
        yield number & 0x7F | 0x80
        number >>= 7
    yield number
