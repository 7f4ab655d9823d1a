"""Addresses that a device names: their path is its word, their host never is (N28).

Every result is on the host that was asked. Where the device names another one it may be behind a router, or hostile:
the same answer serves both.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from belvedere.contracts.reach import (
    HTTP_PORT,
    RTSP_PORT,
    Network,
    check_address,
    parse_camera_url,
    parse_service_url,
)


@dataclass(frozen=True)
class Site:
    """Where a device is: `host` as the person wrote it, `ip` and `port` as they were judged."""

    host: str
    ip: str
    port: int
    networks: Sequence[Network]
    own_ports: Collection[int] = ()

    def stream_url(self, named: str) -> str:
        """An `rtsp://` address, its own port kept; "" if it is none, or that port lies outside the reach."""
        path, port = path_of(named, "rtsp"), _port_of(named)
        url = f"rtsp://{self._netloc(RTSP_PORT if port is None else port, RTSP_PORT)}{path}"
        try:
            _, port = parse_camera_url(url) if path else ("", 0)
        except ValueError:
            return ""
        return url if self._may_reach(port) else ""

    def snapshot_url(self, named: str) -> str:
        """An `http://` address, or "". Behind a router its port means nothing here, so it is that of the services."""
        path, port = path_of(named, "http"), _port_of(named)
        is_own = _host_of(named) in {self.host.lower(), self.ip}
        url = f"http://{self._netloc((port or HTTP_PORT) if is_own else self.port, HTTP_PORT)}{path}"
        try:
            _, port = parse_service_url(url) if path else ("", 0)
        except ValueError:
            return ""
        return url if self._may_reach(port) else ""

    def _netloc(self, port: int, usual: int) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if port == usual else f"{host}:{port}"

    def _may_reach(self, port: int) -> bool:
        return check_address(self.ip, port, self.networks, self.own_ports)


def path_of(url: str, *schemes: str) -> str:
    """`/path?query` of an address with one of these schemes, in printable ASCII; "" if it is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    fits = parts.scheme in schemes and path.startswith("/") and all(" " < char < "\x7f" for char in path)
    return path if fits else ""


def _port_of(url: str) -> int | None:
    try:
        return urlsplit(url).port
    except ValueError:
        return None


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
