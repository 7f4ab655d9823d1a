"""A name → the one literal address we may connect to, judged anew at each connect (rebinding, N27)."""

import socket
from collections.abc import Collection

from belvedere.contracts.events import SourceError, StreamSource
from belvedere.contracts.reach import check_address, parse_camera_url
from belvedere.media.sources.failure import SourceFailure


def resolve(source: StreamSource, own_ports: Collection[int] = ()) -> tuple[str, int]:
    """Look the camera's host up. *Every* address it has must lie inside the reach; the first one is returned.

    Blocks as long as the resolver does. Raises SourceFailure: NOT_ALLOWED, UNKNOWN_HOST.
    """
    try:
        host, port = parse_camera_url(source.url)
    except ValueError:
        raise SourceFailure(SourceError.NOT_ALLOWED) from None
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise SourceFailure(SourceError.UNKNOWN_HOST) from None
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not all(check_address(ip, port, source.networks, own_ports) for ip in addresses):
        raise SourceFailure(SourceError.NOT_ALLOWED)
    return addresses[0], port
