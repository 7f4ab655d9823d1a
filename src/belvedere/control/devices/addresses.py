"""Addresses of cameras and devices: what is allowed to be one, whether it may be reached, what makes two the same.

Pure but for `resolve`, which asks the resolver. Every check happens before any packet to the camera (rule 8, N27).
"""

import socket
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from django.utils.translation import gettext as _

from belvedere.contracts.reach import check_address, is_secure, parse_broker_url, parse_camera_url, parse_service_url
from belvedere.control.core.errors import Invalid, NetworkNotAllowed

RTSP_PORT = 554
MAX_LENGTH = 500
#: where the standard puts the device service
ONVIF_PATH = "/onvif/device_service"
#: serial numbers that whole production runs share
NOBODYS_SERIALS = frozenset({"123456", "12345678", "123456789", "1234567890", "unknown", "default", "abcdef"})


@dataclass(frozen=True, slots=True)
class CameraAddress:
    """A camera's address, taken apart. `url` is clean: no user, no password, no fragment."""

    url: str
    host: str
    port: int
    path: str

    @property
    def shown(self) -> str:
        """What people may read of it: no path, no query, for they can carry secrets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"rtsp://{host}:{self.port}"


def parse_address(text: str, *, field: str = "address") -> CameraAddress:
    """`rtsp://192.168.1.10/stream1` → its parts. Raises Invalid with the words a person needs."""
    text = text.strip()
    if len(text) > MAX_LENGTH or not text.isprintable() or " " in text:
        raise Invalid(_("That address is too long or contains characters that no address has."), field=field)
    refusal = Invalid(_("Type an address like rtsp://192.168.1.10:554/stream1."), field=field)
    try:
        parts = urlsplit(text)
        has_userinfo = "@" in parts.netloc
        host, port = ("", 0) if has_userinfo else parse_camera_url(text)
    except ValueError:
        raise refusal from None
    if has_userinfo:
        raise Invalid(
            _("Leave user and password out of the address and type them into their own fields: there they are sealed."),
            field=field,
        )
    path = quote(unquote(parts.path), safe="/=@:,;!$&'()*+~-._") or "/"
    if parts.query:
        path += "?" + urlencode(sorted(parse_qsl(parts.query, keep_blank_values=True)))
    raw = parts.path + (f"?{parts.query}" if parts.query else "")
    shown_host = f"[{host}]" if ":" in host else host
    return CameraAddress(f"rtsp://{shown_host}:{port}{raw}", host, port, path)


@dataclass(frozen=True, slots=True)
class DeviceAddress:
    """Where a device answers ONVIF, taken apart."""

    url: str
    host: str
    port: int

    @property
    def shown(self) -> str:
        """What people may read of it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if is_secure(self.url) else 'http'}://{host}:{self.port}"


def is_service_address(text: str) -> bool:
    """Whether this is meant as a device's address: `http://…`, `https://…`, or a bare host."""
    return "://" not in text or text.strip().lower().startswith(("http://", "https://"))


def parse_device_address(text: str, *, field: str = "address") -> DeviceAddress:
    """`192.168.1.20`, `nvr.lan:8080` or `http://192.168.1.20/onvif/device_service` → its parts. Raises Invalid."""
    text = text.strip()
    if "://" not in text:
        bare = f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text
        text = f"http://{bare}"
    refusal = Invalid(_("Type the device's address, like 192.168.1.20 or nvr.lan:8080."), field=field)
    if len(text) > MAX_LENGTH or not text.isprintable() or " " in text:
        raise refusal
    try:
        host, port = parse_service_url(text)
    except ValueError:
        raise refusal from None
    path = urlsplit(text).path
    shown_host = f"[{host}]" if ":" in host else host
    scheme = "https" if is_secure(text) else "http"
    return DeviceAddress(f"{scheme}://{shown_host}:{port}{path if path not in {'', '/'} else ONVIF_PATH}", host, port)


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where a panel's MQTT broker is."""

    host: str
    port: int
    is_tls: bool

    @property
    def shown(self) -> str:
        """What people may read of it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"mqtt{'s' if self.is_tls else ''}://{host}:{self.port}"


def parse_broker_address(text: str, *, field: str = "address") -> BrokerAddress:
    """`mqtts://broker.lan:8883` → its parts; without a scheme it is mqtts. Raises Invalid."""
    text = text.strip()
    url = text if "://" in text else f"mqtts://{text}"
    refusal = Invalid(_("Type the broker’s address, like mqtts://192.168.1.10:8883."), field=field)
    if len(url) > MAX_LENGTH or urlsplit(url).path not in {"", "/"} or "?" in url:
        raise refusal
    try:
        host, port, is_tls = parse_broker_url(url)
    except ValueError:
        raise refusal from None
    return BrokerAddress(host, port, is_tls)


def resolve(address: CameraAddress | DeviceAddress | BrokerAddress, networks: list[tuple[str, int, int]]) -> list[str]:
    """The host's addresses, if *every* one lies inside the reach. Raises NetworkNotAllowed, no packet sent."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        # A name nobody knows answers as a forbidden one does: the resolver is no oracle either.
        raise NetworkNotAllowed from None
    literals = sorted({str(row[4][0]) for row in found})
    if not literals or not all(check_address(literal, address.port, networks) for literal in literals):
        raise NetworkNotAllowed
    return literals


def identities(address: CameraAddress, literals: list[str]) -> list[str]:
    """What this address is known by while it is bound: each literal address, port and normalized path.

    `cam.local`, `192.168.1.10` and `192.168.1.10:554` with the same path are the same camera (VA 1).
    """
    return [f"rtsp|{literal}|{address.port}|{address.path}" for literal in literals]


def hardware_identities(manufacturer: str, serial: str, mac: str) -> list[str]:
    """What a device is known by wherever it answers: maker and serial number, and hardware address (VA 1).

    A serial number that many devices share is nobody's identity, nor is a hardware address that no maker gave.
    """
    found = []
    maker, number = (_letters(text) for text in (manufacturer, serial))
    if len(number) >= 5 and len(set(number)) >= 3 and number not in NOBODYS_SERIALS:
        found.append(f"serial|{maker}|{number}")
    address = "".join(character for character in mac.lower() if character in "0123456789abcdef")
    if len(address) == 12 and len(set(address)) >= 3 and not int(address[:2], 16) & 3:
        found.append(f"mac|{address}")
    return found


def _letters(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())
