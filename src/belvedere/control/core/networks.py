"""Where somebody comes from, as coarsely as we care to know: a network, never an address (threats.md §5, §6)."""

from ipaddress import ip_address, ip_network
from typing import Final

#: every private network is one place: a house has more than one, and a server at home sees them all
AT_HOME: Final = "local"


def network_of(address: str) -> str:
    """The network an address is of, /24 or /48 in CIDR; `local` for a private one or loopback, "" for no address."""
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    if found.is_private or found.is_loopback or found.is_link_local:
        return AT_HOME
    return str(ip_network(f"{found}/{24 if found.version == 4 else 48}", strict=False))
