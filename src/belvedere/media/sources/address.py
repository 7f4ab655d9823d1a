"""A name → the one literal address we may connect to, judged anew at each connect (rebinding, N27)."""

import socket
from collections.abc import Collection, Sequence

from belvedere.contracts.events import SourceError, StreamSource
from belvedere.contracts.reach import Network, check_address, parse_camera_url
from belvedere.media.sources.failure import SourceFailure


def resolve(source: StreamSource, own_ports: Collection[int] = ()) -> tuple[str, int]:
    """The address and port of a camera. Blocks as long as the resolver does. Raises SourceFailure as below."""
    try:
        host, port = parse_camera_url(source.url)
    except ValueError:
        raise SourceFailure(SourceError.NOT_ALLOWED) from None
    return resolve_host(host, port, source.networks, own_ports), port


def resolve_host(host: str, port: int, networks: Sequence[Network], own_ports: Collection[int] = ()) -> str:
    """Look a host up. *Every* address it has must lie inside the reach; the first one is returned.

    Raises SourceFailure: NOT_ALLOWED, UNKNOWN_HOST.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise SourceFailure(SourceError.UNKNOWN_HOST) from None
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not all(check_address(ip, port, networks, own_ports) for ip in addresses):
        raise SourceFailure(SourceError.NOT_ALLOWED)
    return addresses[0]
