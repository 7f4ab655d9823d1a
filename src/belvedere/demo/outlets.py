"""Ways for packets to reach a viewer: inside the RTSP connection, or by UDP beside it."""

import asyncio
import struct
from typing import Final, Protocol

#: A viewer this far behind (bytes) misses packets until it has caught up, as with a real camera.
_MAX_BACKLOG: Final = 2 * 1024 * 1024


class Outlet(Protocol):
    """Where one track of one session goes."""

    def send(self, packets: list[bytes]) -> None:
        """Send RTP, now, without waiting."""

    def send_report(self, report: bytes) -> None:
        """Send RTCP."""

    def close(self) -> None:
        """Free what it holds."""


class InterleavedOutlet:
    """RTP between the lines of RTSP: `$`, a channel, a length, the packet (RFC 2326, 10.12)."""

    def __init__(self, writer: asyncio.StreamWriter, channels: tuple[int, int]) -> None:
        """RTP goes to the first channel, RTCP to the second."""
        self._writer = writer
        self._rtp, self._rtcp = channels

    def send(self, packets: list[bytes]) -> None:
        """One write for the whole picture."""
        if self._writer.transport.get_write_buffer_size() <= _MAX_BACKLOG:
            self._writer.write(b"".join(_frame(self._rtp, packet) for packet in packets))

    def send_report(self, report: bytes) -> None:
        """Never held back: it is small, and it is the clock."""
        self._writer.write(_frame(self._rtcp, report))

    def close(self) -> None:
        """Nothing to free: the connection is not ours."""


def _frame(channel: int, packet: bytes) -> bytes:
    return struct.pack("!cBH", b"$", channel, len(packet)) + packet


class UdpOutlet:
    """RTP and RTCP from a pair of ports to a pair of ports, the lower one even (RFC 3550, 11)."""

    def __init__(self, transports: tuple[asyncio.DatagramTransport, asyncio.DatagramTransport]) -> None:
        """Take two connected sockets: RTP, RTCP."""
        self._rtp, self._rtcp = transports

    @classmethod
    async def open(cls, here: str, there: str, ports: tuple[int, int]) -> "UdpOutlet":
        """Send from a pair of ports on address `here` to `ports` on `there`. Raises OSError if no pair is free."""
        loop = asyncio.get_running_loop()
        for _ in range(20):
            rtp, _protocol = await loop.create_datagram_endpoint(
                asyncio.DatagramProtocol, local_addr=(here, 0), remote_addr=(there, ports[0])
            )
            port = rtp.get_extra_info("sockname")[1]
            if port % 2 == 0:
                try:
                    rtcp, _protocol = await loop.create_datagram_endpoint(
                        asyncio.DatagramProtocol, local_addr=(here, port + 1), remote_addr=(there, ports[1])
                    )
                except OSError:
                    pass  # taken: look for another pair
                else:
                    return cls((rtp, rtcp))
            rtp.close()
        message = "no free pair of UDP ports"
        raise OSError(message)

    @property
    def ports(self) -> tuple[int, int]:
        """Our own pair."""
        return self._rtp.get_extra_info("sockname")[1], self._rtcp.get_extra_info("sockname")[1]

    def send(self, packets: list[bytes]) -> None:
        """One datagram each."""
        for packet in packets:
            self._rtp.sendto(packet)

    def send_report(self, report: bytes) -> None:
        """To the RTCP port."""
        self._rtcp.sendto(report)

    def close(self) -> None:
        """Give the ports back."""
        self._rtp.close()
        self._rtcp.close()
