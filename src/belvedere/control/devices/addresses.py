"""Camera addresses: what is allowed to be one, whether it may be reached, and what makes two of them the same.

Pure but for `resolve`, which asks the resolver. Every check happens before any packet to the camera (rule 8, N27).
"""

import socket
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from django.utils.translation import gettext as _

from belvedere.contracts.reach import check_address, parse_camera_url
from belvedere.control.core.errors import Invalid, NetworkNotAllowed

RTSP_PORT = 554
MAX_LENGTH = 500


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


def resolve(address: CameraAddress, networks: list[tuple[str, int, int]]) -> list[str]:
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
