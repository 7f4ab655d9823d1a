"""The private networks this server is attached to: what the first owner may reach without being asked (rule 8)."""

from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Final

#: Linux tells its routes here, addresses in the host's byte order, in hexadecimal. Elsewhere there is no such file.
ROUTES: Final = Path("/proc/net/route")


def list_attached_networks(table: str | None = None) -> list[str]:
    """CIDRs of the IPv4 networks on our own links: private ones only, no default route, no gateway on the way.

    `table` is the text of the routing table; the system's own if None. Empty where the system does not tell.
    """
    if table is None:
        try:
            table = ROUTES.read_text(encoding="ascii")
        except OSError:
            return []
    found = []
    for line in table.splitlines()[1:]:
        _interface, destination, gateway, _flags, _, _, _, mask, *_rest = line.split()
        network = IPv4Network((_address(destination), str(_address(mask))))
        is_ours = int(gateway, 16) == 0 and 0 < network.prefixlen < 32  # a host is no network
        if is_ours and network.is_private and not network.is_link_local and not network.is_loopback:
            found.append(str(network))
    return sorted(set(found))


def _address(text: str) -> IPv4Address:
    return IPv4Address(int(text, 16).to_bytes(4, "little"))
