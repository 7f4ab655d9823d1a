"""WebSocket (RFC 6455), as much as one side of it needs: small frames in, large frames out. No I/O.

Server frames carry no mask, so one bytes object serves every viewer.
"""

import base64
import binascii
import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_FIN: Final = 0x80
_RESERVED: Final = 0x70
_MASKED: Final = 0x80
MAX_TEXT: Final = 4 * 1024
_MAX_CONTROL: Final = 125
#: Players send their few words in one piece. Frames that never end a message would be counted by nobody.
_MAX_PARTS: Final = 64
#: what the seven bits of length say → bytes of length behind them
_EXTENDED: Final = {126: 2, 127: 8}


class Opcode(IntEnum):
    """What a frame is."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


class WebSocketError(Exception):
    """The peer broke the rules; `code` is the close code that says which (RFC 6455, 7.4.1)."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, slots=True)
class Message:
    """A whole message, or a control frame."""

    opcode: Opcode
    payload: bytes


def accept_of(key: str) -> str | None:
    """Sec-WebSocket-Accept for a Sec-WebSocket-Key, or None when that is not 16 bytes in base64."""
    try:
        if len(base64.b64decode(key, validate=True)) != 16:
            return None
    except (binascii.Error, ValueError):
        return None
    digest = hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


def frame(opcode: Opcode, payload: bytes) -> bytes:
    """One whole server frame."""
    return _header(opcode, len(payload)) + payload


def frame_media(track: int, data: bytes) -> bytes:
    """A binary message: one byte track number, then an init segment or a fragment."""
    return b"".join((_header(Opcode.BINARY, len(data) + 1), bytes((track,)), data))


def media_in(wire: bytes) -> bytes:
    """The init segment or fragment inside of such a message."""
    return wire[2 + _EXTENDED.get(wire[1], 0) + 1 :]


def frame_close(code: int, reason: bytes = b"") -> bytes:
    """Build a close frame; reason is UTF-8, at most 123 bytes (the rest is cut off)."""
    return frame(Opcode.CLOSE, struct.pack(">H", code) + reason[: _MAX_CONTROL - 2])


def _header(opcode: Opcode, size: int) -> bytes:
    first = _FIN | opcode
    if size < 126:
        return bytes((first, size))
    if size < 1 << 16:
        return struct.pack(">BBH", first, 126, size)
    return struct.pack(">BBQ", first, 127, size)


class FrameReader:
    """Client frames from a stream of bytes. Masked ones only, nothing reserved, nothing large."""

    def __init__(self, max_message: int = MAX_TEXT) -> None:
        self._max = max_message
        self._buffer = bytearray()
        self._opcode: Opcode | None = None
        self._parts = bytearray()
        self._count = 0

    def feed(self, data: bytes) -> Iterator[Message]:
        """Take what came, and read it as far as the caller goes: who has heard enough pays for no more.

        Raises WebSocketError; the reader is of no use after it.
        """
        self._buffer += data
        while (taken := self._take()) is not None:
            message = self._assemble(*taken)
            if message is not None:
                yield message

    def _take(self) -> tuple[bool, Opcode, bytes] | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        first, second = buffer[0], buffer[1]
        if first & _RESERVED or not second & _MASKED:
            raise WebSocketError(1002, "reserved bit, or no mask")
        try:
            opcode = Opcode(first & 0x0F)
        except ValueError:
            raise WebSocketError(1002, "unknown opcode") from None
        size, at = second & 0x7F, 2
        if opcode >= Opcode.CLOSE and (size > _MAX_CONTROL or not first & _FIN):
            raise WebSocketError(1002, "control frames are short and whole")
        if size >= 126:
            width = 2 if size == 126 else 8
            at += width
            if len(buffer) < at:
                return None
            size = int.from_bytes(buffer[2:at])
        if size > self._max:
            raise WebSocketError(1009, "too long")
        if len(buffer) < at + 4 + size:
            return None
        mask, payload = bytes(buffer[at : at + 4]), bytes(buffer[at + 4 : at + 4 + size])
        del buffer[: at + 4 + size]
        return bool(first & _FIN), opcode, _unmask(mask, payload)

    def _assemble(self, is_last: bool, opcode: Opcode, payload: bytes) -> Message | None:
        if opcode >= Opcode.CLOSE:
            return Message(opcode, payload)
        if (opcode is Opcode.CONTINUATION) != (self._opcode is not None):
            raise WebSocketError(1002, "a continuation out of place")
        if opcode is not Opcode.CONTINUATION:
            self._opcode = opcode
        self._parts += payload
        self._count += 1
        if len(self._parts) > self._max or self._count > _MAX_PARTS:
            raise WebSocketError(1009, "too long")
        if not is_last or self._opcode is None:
            return None
        message = Message(self._opcode, bytes(self._parts))
        self._opcode = None
        self._parts = bytearray()
        self._count = 0
        return message


def _unmask(mask: bytes, payload: bytes) -> bytes:
    size = len(payload)
    stream = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload) ^ int.from_bytes(stream)).to_bytes(size)
