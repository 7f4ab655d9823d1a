"""Who is there? WS-Discovery by multicast, read with tolerance and kept within bounds.

Cameras are sloppy here: undeclared prefixes, no ProbeMatches around the match, addresses of another network. So
elements are found by their local names, and a device's address is where its answer came from; only the path is its
word. What lies outside the reach is not told, and its network gets no question either.
"""

import asyncio
import fcntl
import socket
import struct
import time
import uuid
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Interface, IPv4Network, ip_network
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from msgspec.structs import replace

from belvedere.contracts.devices import MAX_FOUND, Discovered, DiscoverReply
from belvedere.contracts.reach import HTTP_PORT, HTTPS_PORT, Network, check_address, is_secure, parse_service_url
from belvedere.media.onvif.addresses import path_of
from belvedere.media.onvif.bounded_xml import XmlRefused, walk
from belvedere.media.onvif.reading import mac_of, words

MULTICAST: Final = ("239.255.255.250", 3702)
MAX_WAIT_S: Final = 10.0
#: More than any answer needs; what is longer is dropped unread.
MAX_DATAGRAM: Final = 16 * 1024
#: Answers that are read, of all and of one host; more are heard and forgotten.
_MAX_READ: Final = 4096
_MAX_READ_OF_HOST: Final = 64
_MAX_NODES: Final = 500
_MAX_TEXT: Final = 4096
#: Datagrams get lost: everything is asked twice.
_ASK_AT_S: Final = (0.0, 0.7)
_USUAL_PATH: Final = "/onvif/device_service"
_SCOPE: Final = "onvif://www.onvif.org/"
#: Cameras answer to the first, some recorders to the second alone. Printers answer to neither.
_TYPES: Final = (
    'xmlns:t="http://www.onvif.org/ver10/network/wsdl">t:NetworkVideoTransmitter',
    'xmlns:t="http://www.onvif.org/ver10/device/wsdl">t:Device',
)
_PROBE: Final = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
    ' xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><e:Header>'
    "<a:MessageID>urn:uuid:{id}</a:MessageID><a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>"
    "<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action></e:Header>"
    "<e:Body><d:Probe><d:Types {types}</d:Types></d:Probe></e:Body></e:Envelope>"
)
_SIOCGIFADDR: Final = 0x8915
_SIOCGIFNETMASK: Final = 0x891B


async def discover(
    networks: Sequence[Network],
    timeout_s: float,
    own_ports: Collection[int] = (),
    *,
    ask: Collection[tuple[str, int]] = (MULTICAST,),
) -> DiscoverReply:
    """Ask, listen for `timeout_s` (10 s at most), and tell what answered from inside the reach.

    ask  where the question goes: UDP addresses
    """
    return await asyncio.to_thread(_discover, networks, min(timeout_s, MAX_WAIT_S), own_ports, ask)


def _discover(
    networks: Sequence[Network], timeout_s: float, own_ports: Collection[int], ask: Collection[tuple[str, int]]
) -> DiscoverReply:
    began = time.monotonic()
    found = _Found(networks, own_ports)
    due = [began + at for at in _ASK_AT_S]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        while not found.is_full and (now := time.monotonic()) < began + timeout_s:
            if due and now >= due[0]:
                due.pop(0)
                _ask(sock, networks, ask)
            sock.settimeout(max(0.001, min([began + timeout_s, *due]) - now))
            try:
                data, (ip, _port) = sock.recvfrom(MAX_DATAGRAM + 1)
            except TimeoutError:
                continue
            found.take(ip, data)
    macs = neighbours()
    devices = [replace(device, mac=macs.get(device.host, "")) for device in found.devices.values()]
    return DiscoverReply(found=devices[:MAX_FOUND], is_cut=found.is_full)


# -- asking ---------------------------------------------------------------------------------------------------------


def _ask(sock: socket.socket, networks: Sequence[Network], addresses: Collection[tuple[str, int]]) -> None:
    for address in addresses:
        for types in _TYPES:
            probe = _PROBE.format(id=uuid.uuid4(), types=types).encode()
            if address != MULTICAST:
                sock.sendto(probe, address)
                continue
            for index in _interfaces(sock, networks):
                try:
                    sock.setsockopt(
                        socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("=4s4si", bytes(4), bytes(4), index)
                    )
                    sock.sendto(probe, address)
                except OSError:
                    continue  # an interface that is down, or knows no multicast


def _interfaces(sock: socket.socket, networks: Sequence[Network]) -> Iterator[int]:
    """Numbers of this machine's interfaces that stand in a network of the reach."""
    for index, name in socket.if_nameindex():
        request = struct.pack("256s", name.encode()[:15])
        try:
            ip, mask = (
                socket.inet_ntoa(fcntl.ioctl(sock, code, request)[20:24]) for code in (_SIOCGIFADDR, _SIOCGIFNETMASK)
            )
            interface = IPv4Interface(f"{ip}/{mask}")
        except (OSError, ValueError):
            continue  # no address, or not IPv4
        if any(_overlaps(interface, cidr) for cidr, _, _ in networks):
            yield index


def _overlaps(interface: IPv4Interface, cidr: str) -> bool:
    try:
        network = ip_network(cidr)
    except ValueError:
        return False
    if not isinstance(network, IPv4Network) or not network.overlaps(interface.network):
        return False
    return network.is_loopback or not interface.is_loopback


# -- listening ------------------------------------------------------------------------------------------------------


class _Found:
    """What was heard, each device once, within bounds."""

    def __init__(self, networks: Sequence[Network], own_ports: Collection[int]) -> None:
        self.devices: dict[str, Discovered] = {}
        self._networks = networks
        self._own_ports = own_ports
        self._read: Counter[str] = Counter()
        self._endpoints: set[tuple[str, str]] = set()

    @property
    def is_full(self) -> bool:
        """There may be more, but not for us."""
        return len(self.devices) > MAX_FOUND or self._read.total() >= _MAX_READ

    def take(self, ip: str, data: bytes) -> None:
        """One datagram from `ip`. What cannot be read is no device."""
        is_near = any(_lies_in(ip, cidr) for cidr, _, _ in self._networks)
        if len(data) > MAX_DATAGRAM or not is_near or self._read[ip] >= _MAX_READ_OF_HOST:
            return
        self._read[ip] += 1
        try:
            matches = read_matches(data)
        except XmlRefused:
            return
        for match in matches:
            device = self._device(ip, match)
            if device is None or (device.endpoint and (ip, device.endpoint) in self._endpoints):
                continue
            self.devices.setdefault(device.address, device)
            self._endpoints.add((ip, device.endpoint))  # of one host: nobody hides another by taking his name

    def _device(self, ip: str, match: "Match") -> Discovered | None:
        if not match.is_onvif:
            return None
        scheme, port, path = _service_of(ip, match.addresses)
        if not check_address(ip, port, self._networks, self._own_ports):
            return None
        netloc = ip if port == (HTTPS_PORT if scheme == "https" else HTTP_PORT) else f"{ip}:{port}"
        return Discovered(
            endpoint=words(match.endpoint),
            address=f"{scheme}://{netloc}{path}",
            host=ip,
            name=match.scope("name"),
            hardware=match.scope("hardware"),
            location=match.scope("location"),
        )


def neighbours(table: str = "/proc/net/arp") -> dict[str, str]:
    """IPv4 address → hardware address of whom this machine has just talked to; empty where the system does not say.

    The kernel's word, not the device's: somebody on the same wire may still lie to the kernel.
    """
    try:
        lines = Path(table).read_text(encoding="ascii", errors="replace").splitlines()[1:]
    except OSError:
        return {}
    rows = [line.split() for line in lines]
    return {row[0]: mac for row in rows if len(row) > 3 and (mac := mac_of(row[3]))}


@dataclass
class Match:
    """One device's answer, as it says it."""

    endpoint: str = ""
    types: str = ""
    scopes: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    @property
    def is_onvif(self) -> bool:
        """Whether anything in it says so: others use the same discovery."""
        said = [self.types, *self.scopes, *self.addresses]
        return any(mark in text for mark in ("NetworkVideo", "onvif") for text in said)

    def scope(self, kind: str) -> str:
        """`onvif://www.onvif.org/name/Front%20door` → `Front door` for "name"; "" if it has none."""
        prefix = f"{_SCOPE}{kind}/"
        return next((words(unquote(scope[len(prefix) :])) for scope in self.scopes if scope.startswith(prefix)), "")


def read_matches(data: bytes) -> list[Match]:
    """The matches in an answer, with or without a ProbeMatches around them. Raises XmlRefused."""
    matches: list[Match] = []
    text: list[str] = []
    path: list[str] = []

    def start(name: str) -> None:
        text.clear()
        path.append(name)
        if name == "ProbeMatch":
            matches.append(Match())

    def end(name: str) -> None:
        said = "".join(text)[:_MAX_TEXT].strip()
        text.clear()
        path.pop()
        if "Body" not in path:
            return
        if not matches:
            matches.append(Match())
        if name == "Address":
            matches[-1].endpoint = said
        elif name == "Types":
            matches[-1].types = said
        elif name == "Scopes":
            matches[-1].scopes = said.split()
        elif name == "XAddrs":
            matches[-1].addresses = said.split()

    walk(data, on_start=start, on_text=text.append, on_end=end, max_nodes=_MAX_NODES)
    return matches


def _service_of(ip: str, addresses: Sequence[str]) -> tuple[str, int, str]:
    """(scheme, port, path) of the device service: of the address that names the host we hear, else the first by IPv4.

    One without TLS before one with it: what cameras do there is slow and old, and no password travels in clear.
    """
    usable = []
    for address in addresses:
        try:
            _, port = parse_service_url(address)
        except ValueError:
            continue
        host = urlsplit(address).hostname or ""
        scheme = "https" if is_secure(address) else "http"
        usable.append(((host != ip, ":" in host, scheme == "https"), scheme, port, path_of(address, "http", "https")))
    return min(usable, key=lambda one: one[0])[1:] if usable else ("http", HTTP_PORT, _USUAL_PATH)


def _lies_in(ip: str, cidr: str) -> bool:
    """Whether a device there could be told of at all, on whatever port."""
    return check_address(ip, HTTP_PORT, [(cidr, HTTP_PORT, HTTP_PORT)])
