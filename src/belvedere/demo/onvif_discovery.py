"""Devices answering "who is there?": WS-Discovery over UDP, by the book or as sloppily as some are."""

import asyncio
import re
import socket
import struct
import uuid
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self, override
from urllib.parse import quote

GROUP: Final = ("239.255.255.250", 3702)
_BOOK: Final = (
    '<?xml version="1.0" encoding="UTF-8"?><e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
    ' xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"'
    ' xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><e:Header>'
    "<a:MessageID>urn:uuid:{id}</a:MessageID><a:RelatesTo>{to}</a:RelatesTo>"
    "<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches</a:Action></e:Header>"
    "<e:Body><d:ProbeMatches>{match}</d:ProbeMatches></e:Body></e:Envelope>"
)
#: Undeclared prefixes, no wrapper, another action: as seen.
_SLOPPY: Final = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header>'
    "<wsa:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatch</wsa:Action></s:Header>"
    "<s:Body>{match}</s:Body></s:Envelope>"
)
_MATCH: Final = (
    "<d:ProbeMatch><a:EndpointReference><a:Address>{endpoint}</a:Address></a:EndpointReference>"
    "<d:Types>dn:NetworkVideoTransmitter</d:Types><d:Scopes>{scopes}</d:Scopes><d:XAddrs>{address}</d:XAddrs>"
    "<d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch>"
)


@dataclass
class Announcement:
    """What a device says of itself when somebody asks.

    says  datagrams to send instead
    """

    address: str
    name: str = "Demo camera"
    hardware: str = "BV1"
    location: str = "House"
    endpoint: str = field(default_factory=lambda: f"urn:uuid:{uuid.uuid4()}")
    is_sloppy: bool = False
    says: list[bytes] | None = None

    def answers(self, asked: str) -> list[bytes]:
        """The datagrams that answer a probe with this message id."""
        if self.says is not None:
            return self.says
        named = {"name": self.name, "hardware": self.hardware, "location": self.location}
        scopes = " ".join(f"onvif://www.onvif.org/{kind}/{quote(value)}" for kind, value in named.items())
        match = _MATCH.format(endpoint=self.endpoint, scopes=scopes, address=self.address)
        return [(_SLOPPY if self.is_sloppy else _BOOK).format(id=uuid.uuid4(), to=asked, match=match).encode()]


class DiscoveryResponder(asyncio.DatagramProtocol):
    """Answers for one device from `host`: to multicast on that host's interface, or to a port of its own."""

    def __init__(self, announcement: Announcement, *, host: str = "127.0.0.1", in_group: bool = False) -> None:
        """Listen from `async with` on."""
        self.announcement = announcement
        self.host = host
        #: probes that came
        self.probes = 0
        self._in_group = in_group
        self._transports: list[asyncio.DatagramTransport] = []

    async def __aenter__(self) -> Self:
        """Listen. Raises OSError where there is no multicast."""
        loop = asyncio.get_running_loop()
        answering = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        answering.bind((self.host, 0))
        self._sender, _ = await loop.create_datagram_endpoint(lambda: self, sock=answering)
        self._transports.append(self._sender)
        if self._in_group:
            hearing = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            hearing.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            hearing.bind(GROUP)
            membership = struct.pack("=4s4s", socket.inet_aton(GROUP[0]), socket.inet_aton(self.host))
            hearing.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
            self._transports.append((await loop.create_datagram_endpoint(lambda: self, sock=hearing))[0])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hear no more."""
        for transport in self._transports:
            transport.abort()

    @property
    def asked_at(self) -> tuple[str, int]:
        """Where a probe by unicast reaches it."""
        address: tuple[str, int] = self._sender.get_extra_info("sockname")
        return address

    @override
    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer a probe for cameras, from the address that is announced."""
        asked = re.search(rb"MessageID[^>]*>([^<]{1,100})<", data)
        if b"Probe" not in data or b"NetworkVideoTransmitter" not in data:
            return
        self.probes += 1
        for answer in self.announcement.answers(asked[1].decode(errors="replace") if asked else ""):
            self._sender.sendto(answer, addr)
