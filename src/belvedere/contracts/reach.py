"""Which addresses a camera may have: an organization's *reach*, checked before any packet (threats D1, N27).

Control asks before it saves an address, media before each connection; both ask here. Names are resolved elsewhere:
what is judged is the literal address the packet would go to, parsed by `ipaddress` and never by pattern.
"""

from collections.abc import Collection, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

#: (CIDR, first port, last port), as it travels in a StreamSource.
type Network = tuple[str, int, int]

RTSP_PORT: Final = 554
HTTP_PORT: Final = 80
HTTPS_PORT: Final = 443
MQTT_PORT: Final = 1883
MQTTS_PORT: Final = 8883
_MAX_URL: Final = 2048
_MAX_HOST: Final = 253

_LOOPBACK: Final = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
#: Never a camera, whatever an operator's CIDR says. The IPv6 ones carry an IPv4 address inside, or mean "this link".
_NEVER: Final = tuple(
    ip_network(cidr)
    for cidr in (
        "0.0.0.0/8",
        "169.254.0.0/16",  # link-local, and the metadata service of clouds
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and 255.255.255.255
        "::/128",
        "::ffff:0:0/96",  # v4-mapped
        "::ffff:0:0:0/96",  # v4-translated
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",
        "2001::/32",  # Teredo
        "2002::/16",  # 6to4
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)
#: v4-compatible: deprecated, and it hides an IPv4 address. ::1 lies in it and is judged as loopback.
_V4_COMPATIBLE: Final = ip_network("::/96")


def check_address(ip: str, port: int, networks: Sequence[Network], own_ports: Collection[int] = ()) -> bool:
    """Whether a connection to `ip`:`port` lies inside the reach.

    ip         a literal address; a name, a scope id or a shorthand (`127.1`) is refused
    networks   the reach. Loopback is inside only where an entry names loopback itself: 0.0.0.0/0 does not
    own_ports  TCP ports this installation listens on; refused on loopback, where they would be ours
    """
    try:
        address = ip_address(ip)
    except ValueError:
        return False
    if getattr(address, "scope_id", None) is not None or _is_never(address):
        return False
    is_loopback = any(address in net for net in _LOOPBACK if net.version == address.version)
    if is_loopback and port in own_ports:
        return False
    return any(_covers(entry, address, port, loopback_only=is_loopback) for entry in networks)


def _is_never(address: IPv4Address | IPv6Address) -> bool:
    if any(address in net for net in _NEVER if net.version == address.version):
        return True
    return address.version == 6 and address in _V4_COMPATIBLE and not address.is_loopback


def _covers(entry: Network, address: IPv4Address | IPv6Address, port: int, *, loopback_only: bool) -> bool:
    cidr, first, last = entry
    try:
        network = ip_network(cidr)
    except ValueError:
        return False  # what cannot be read allows nothing
    if network.version != address.version or not first <= port <= last:
        return False
    return address in network and (network.is_loopback or not loopback_only)


def parse_camera_url(url: str) -> tuple[str, int]:
    """`rtsp://camera.lan/stream?channel=1` → `("camera.lan", 554)`.

    Raises ValueError, saying what is wrong without repeating the address: another scheme, a user or password in it,
    no host, a port out of range, control characters, a number that only looks like an address (`127.1`, `0x7f.1`).
    """
    return _parse(url, "rtsp", RTSP_PORT)


def parse_service_url(url: str) -> tuple[str, int]:
    """`http://192.168.1.20/onvif/device_service` → `("192.168.1.20", 80)`; https too. Raises ValueError as above."""
    return _parse(url, "https", HTTPS_PORT) if is_secure(url) else _parse(url, "http", HTTP_PORT)


def is_secure(url: str) -> bool:
    """Whether a service's address asks for TLS."""
    return url[:6].lower() == "https:"


def parse_broker_url(url: str) -> tuple[str, int, bool]:
    """`mqtts://broker.lan` → `("broker.lan", 8883, True)`; the last one is TLS. Raises ValueError as above."""
    is_tls = url[:6].lower() == "mqtts:"
    host, port = _parse(url, "mqtts" if is_tls else "mqtt", MQTTS_PORT if is_tls else MQTT_PORT)
    return host, port, is_tls


def _parse(url: str, scheme: str, default_port: int) -> tuple[str, int]:
    if len(url) > _MAX_URL or any(not " " < char < "\x7f" for char in url):
        message = "the address is too long, or holds characters that no address has"
        raise ValueError(message)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        message = "the address cannot be read"
        raise ValueError(message) from None
    if parts.scheme != scheme:
        message = f"the address must begin with {scheme}://"
        raise ValueError(message)
    if "@" in parts.netloc:
        message = "user name and password have fields of their own"
        raise ValueError(message)
    if "#" in url or "\\" in url:
        message = "the address holds a # or a backslash"
        raise ValueError(message)
    host = parts.hostname or ""
    if port == 0 or not _is_host(host):
        message = "the address names no host, or one that cannot be"
        raise ValueError(message)
    return host, default_port if port is None else port


def _is_host(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        pass
    else:
        return "%" not in host
    labels = host.removesuffix(".").split(".")
    if len(host) > _MAX_HOST or not all(_is_label(label) for label in labels):
        return False
    # What ends in a number would be read as an IPv4 address by the resolver (127.1, 2130706433, 0x7f.1).
    last = labels[-1]
    return not (last.isdigit() or last.startswith("0x"))


def _is_label(label: str) -> bool:
    return 0 < len(label) <= 63 and label.replace("-", "").replace("_", "").isalnum() and label.isascii()
