"""A security panel: it says its state, and does what it is told by whoever knows its code.

By the conventions of Home Assistant's `alarm_control_panel`, and in MQTT of its own: what media sends is read here by
other code than wrote it.
"""

import asyncio
import contextlib
import json
import secrets
import struct
from collections.abc import AsyncIterator
from typing import Final

from belvedere.demo.samples import SampleAlarm

_CONNECT, _CONNACK, _PUBLISH, _SUBSCRIBE = 1, 2, 3, 8
_KEEPALIVE_S: Final = 30
#: It says how it is again and again: the broker may not yet have kept a word when somebody subscribes to it.
_SAYS_EVERY_S: Final = 3.0
_AGAIN_AFTER_S: Final = 0.5
#: how long somebody has to leave the house
ARMING_S: Final = 2.0
_ARMED: Final = {"ARM_HOME": "armed_home", "ARM_AWAY": "armed_away", "ARM_NIGHT": "armed_night"}


class Panel:
    """One panel at a broker on this machine: `run` until that task is cancelled. It starts disarmed."""

    def __init__(self, sample: SampleAlarm, port: int, *, username: str, password: str) -> None:
        self.state = "disarmed"
        self._sample = sample
        self._port = port
        self._login = username, password
        self._writer: asyncio.StreamWriter | None = None
        self._arming: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Stay connected for ever."""
        try:
            while True:
                with contextlib.suppress(OSError, EOFError):
                    await self._talk()
                await asyncio.sleep(_AGAIN_AFTER_S)
        finally:
            self._stop_arming()

    async def _talk(self) -> None:
        reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            self._send(_CONNECT, self._greeting())
            kind, _flags, body = await _read(reader)
            if (kind, body[1:2]) != (_CONNACK, b"\0"):
                message = "the broker refuses the panel"
                raise ConnectionRefusedError(message)
            self._send(_SUBSCRIBE, struct.pack(">H", 1) + _text(self._sample.command_topic) + b"\0", flags=2)
            async with self._repeating():
                while True:
                    kind, flags, body = await _read(reader)
                    if kind == _PUBLISH:
                        self._obey(_payload(flags, body))
        finally:
            self._writer.close()
            self._writer = None

    def _greeting(self) -> bytes:
        """A clean session, and a last will: should the panel die, the broker says that it is away."""
        username, password = self._login
        head = _text("MQTT") + bytes((4, 0xC0 | 0x20 | 0x04 | 0x02)) + struct.pack(">H", _KEEPALIVE_S)
        will = _text(self._sample.availability_topic) + _text("offline")
        return head + _text(f"panel-{secrets.token_hex(4)}") + will + _text(username) + _text(password)

    @contextlib.asynccontextmanager
    async def _repeating(self) -> AsyncIterator[None]:
        async def repeat() -> None:
            while True:
                self._say(self._sample.availability_topic, "online")
                self._say(self._sample.state_topic, self.state)
                await asyncio.sleep(_SAYS_EVERY_S)

        task = asyncio.create_task(repeat())
        try:
            yield
        finally:
            task.cancel()

    def _obey(self, payload: bytes) -> None:
        """Arm for anybody who gives no wrong code; disarm for who knows it. Of anything else it takes no notice."""
        act, code = _command(payload)
        if code not in {"", self._sample.code}:
            return
        if act == "DISARM" and code:
            self._stop_arming()
            self._settle("disarmed")
        elif act in _ARMED:
            self._stop_arming()
            self._arming = asyncio.create_task(self._arm(_ARMED[act]))

    async def _arm(self, state: str) -> None:
        self._settle("arming")
        await asyncio.sleep(ARMING_S)
        self._settle(state)

    def _stop_arming(self) -> None:
        if self._arming:
            self._arming.cancel()

    def _settle(self, state: str) -> None:
        self.state = state
        self._say(self._sample.state_topic, state)

    def _say(self, topic: str, payload: str) -> None:
        """At most once, and retained: whoever comes later hears the last word."""
        self._send(_PUBLISH, _text(topic) + payload.encode(), flags=1)

    def _send(self, kind: int, body: bytes, *, flags: int = 0) -> None:
        if self._writer:
            self._writer.write(bytes((kind << 4 | flags,)) + _length(len(body)) + body)


async def _read(reader: asyncio.StreamReader) -> tuple[int, int, bytes]:
    """One packet: its kind, flags and body."""
    head = (await reader.readexactly(1))[0]
    length = shift = 0
    while True:
        byte = (await reader.readexactly(1))[0]
        length |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return head >> 4, head & 0x0F, await reader.readexactly(length)


def _payload(flags: int, body: bytes) -> bytes:
    """Of a PUBLISH: behind its topic and, where somebody cares that it arrives, its number."""
    end: int = 2 + struct.unpack(">H", body[:2])[0]
    return body[end + (2 if flags & 0x06 else 0) :]


def _command(payload: bytes) -> tuple[str, str]:
    """`ARM_HOME`, or `{"action": "DISARM", "code": "1234"}` → what is to be done, and the code or ""."""
    text = payload.decode(errors="replace")
    if not text.startswith("{"):
        return text, ""
    try:
        said = json.loads(text)
        return str(said["action"]), str(said["code"])
    except (ValueError, KeyError):
        return "", ""


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def _length(number: int) -> bytes:
    """As MQTT writes lengths; ours fit two bytes."""
    return bytes((number,)) if number < 0x80 else bytes((number & 0x7F | 0x80, number >> 7))
