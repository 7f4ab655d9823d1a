"""How a WebSocket ends: with a word, or at once."""

import asyncio
import socket
import struct
from typing import Final

from belvedere.media.delivery.websocket import frame_close

#: After our close frame, so long for the peer's.
_CLOSE_WITHIN_S: Final = 1.0
_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER with no time: abort() throws away what the kernel holds


def socket_of(transport: asyncio.BaseTransport) -> socket.socket:
    """The socket below a transport, for its options."""
    found: socket.socket = transport.get_extra_info("socket")
    return found


def say_goodbye(transport: asyncio.Transport, code: int, reason: bytes) -> None:
    """Close frame, then end our half; the peer has a second to end its own."""
    transport.write(frame_close(code, reason))
    if transport.can_write_eof():
        transport.write_eof()
    asyncio.get_running_loop().call_later(_CLOSE_WITHIN_S, transport.abort)


def reset(transport: asyncio.WriteTransport) -> None:
    """End it without a word: what waits in the kernel is thrown away, too."""
    if not transport.is_closing():
        socket_of(transport).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()
