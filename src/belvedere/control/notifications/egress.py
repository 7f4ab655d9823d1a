"""The one way out: to an address that somebody else chose, by HTTP, or by MQTT in `publishing` (N31).

Resolved once; every address is looked at before any packet; the connection goes to the literal one, so that a name
cannot point elsewhere a moment later. No redirect is followed, no body is read, and after ten seconds it is over. The
public internet by https alone; other networks, and plain http there, only where the operator named them.
"""

import socket
import ssl
import time
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

from belvedere.contracts.reach import check_address, is_secure, parse_service_url
from belvedere.control.organizations.services import parse_reach

CONNECT_S: Final = 3.0
TOTAL_S: Final = 10.0
#: The head of an answer; of what follows nothing is read.
MAX_HEAD: Final = 16 * 1024
_EVERYWHERE: Final = [("0.0.0.0/0", 1, 65535), ("::/0", 1, 65535)]


class NotReachable(Exception):  # noqa: N818  an answer, not a fault
    """Nothing was sent: the address is none, or lies where this server sends nothing. `why` is a word for logs."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


class NoAnswer(Exception):  # noqa: N818  an answer, not a fault
    """Nobody answered, or nothing that is HTTP, or not in time. `why` names no address."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class Answer:
    """`retry_after_s`: when to come again, if it says so in seconds; else 0."""

    status: int
    retry_after_s: float = 0.0


def resolve_target(url: str) -> list[str]:
    """The literal addresses behind `url`, if a request may go to every one of them. Raises NotReachable."""
    try:
        host, port = parse_service_url(url)
    except ValueError:
        raise NotReachable("no_address") from None
    return resolve_host(host, port, secure=is_secure(url))


def resolve_host(host: str, port: int, *, secure: bool) -> list[str]:
    """The same for a host, spoken to by TLS (`secure`) or in clear. Raises NotReachable."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotReachable("unknown_host") from None
    literals = list(dict.fromkeys(str(row[4][0]) for row in found))
    if not literals or not all(_may_go(literal, port, secure=secure) for literal in literals):
        raise NotReachable("network_not_allowed")
    return literals


def is_named(url: str) -> bool:
    """Whether all of `url` lies in networks that the operator named. Raises NotReachable."""
    literals = resolve_target(url)
    _host, port = parse_service_url(url)
    return all(check_address(literal, port, _named()) for literal in literals)


def _may_go(literal: str, port: int, *, secure: bool) -> bool:
    own = (settings.BELVEDERE.port, settings.BELVEDERE.media_port)
    if check_address(literal, port, _named(), own):
        return True
    return secure and check_address(literal, port, _EVERYWHERE) and ip_address(literal).is_global


def _named() -> list[tuple[str, int, int]]:
    return _read_networks(settings.BELVEDERE.egress)


@cache
def _read_networks(text: str) -> list[tuple[str, int, int]]:
    return parse_reach(text)


@cache
def _trust() -> ssl.SSLContext:
    return ssl.create_default_context()


def post(url: str, body: bytes, headers: dict[str, str]) -> Answer:
    """Send it, once. Raises NotReachable, NoAnswer."""
    until = time.monotonic() + TOTAL_S
    literals = resolve_target(url)
    host, port = parse_service_url(url)
    try:
        with _connect(literals[0], port) as bare:
            bare.settimeout(_left(until))
            line = _trust().wrap_socket(bare, server_hostname=host) if is_secure(url) else bare
            with line:
                line.settimeout(_left(until))
                line.sendall(_request(url, body, headers))
                return _read_answer(line, until)
    except OSError as error:
        # Its text may hold the address; whether it was slow or absent is all that anybody needs.
        raise NoAnswer(type(error).__name__) from None


def _connect(literal: str, port: int) -> socket.socket:
    return socket.create_connection((literal, port), timeout=CONNECT_S)


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _request(url: str, body: bytes, headers: dict[str, str]) -> bytes:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    named = {"Host": parts.netloc, "Connection": "close", "Content-Length": str(len(body)), "User-Agent": "Belvedere"}
    lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in (named | headers).items()), "", ""]
    return "\r\n".join(lines).encode("ascii") + body


def _read_answer(line: socket.socket, until: float) -> Answer:
    head = b""
    while True:
        while b"\r\n\r\n" not in head:
            line.settimeout(_left(until))
            more = line.recv(4096)
            head += more
            if not more or len(head) > MAX_HEAD:
                raise NoAnswer("no_http")
        first, _end, rest = head.partition(b"\r\n\r\n")
        answer = _parse_head(first)
        # 1xx are no answers yet.
        if answer.status >= 200:
            return answer
        head = rest


def _parse_head(head: bytes) -> Answer:
    status, *fields = head.decode("latin-1").split("\r\n")
    words = status.split(" ", 2)
    if len(words) < 2 or not words[0].startswith("HTTP/1.") or not words[1].isdigit():
        raise NoAnswer("no_http")
    retry = 0.0
    for field in fields:
        name, _colon, value = field.partition(":")
        if name.strip().lower() == "retry-after" and value.strip().isdigit():
            retry = min(float(value.strip()), 3600.0)
    return Answer(int(words[1]), retry)
