"""Where somebody comes from, as coarsely as we care to know: a network, never an address (threats.md §5, §6)."""

from ipaddress import ip_address, ip_network
from typing import Final

#: every private network is one place: a house has more than one, and a server at home sees them all
AT_HOME: Final = "local"


def network_of(address: str) -> str:
    """The network an address is of, /24 or /48 in CIDR; "" for what is no address."""
    try:
        version = ip_address(address).version
    except ValueError:
        return ""
    return str(ip_network(f"{address}/{24 if version == 4 else 48}", strict=False))


def place_of(address: str) -> str:
    """The same, but `local` for whoever is at home: in a private network, or at this machine."""
    network = network_of(address)
    return AT_HOME if network and ip_address(address).is_private else network
