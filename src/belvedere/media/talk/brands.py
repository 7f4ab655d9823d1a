"""What some brands want besides what ONVIF says, as data. A brand is known by what its own RTSP says of itself.

Learned from what owners report of their cameras; not tried here on the cameras themselves.
"""

import re
from dataclasses import dataclass
from typing import Final

#: milliseconds of G.711 in a packet, where nobody wants something else
PACKET_MS: Final = 20


@dataclass(frozen=True, slots=True)
class Quirk:
    """How a brand departs from the rule.

    realm      a pattern of what its password challenge guards
    path       a pattern of the paths under which it serves
    query      what must stand in the address for it to offer a backchannel
    packet_ms  how long its packets have to be
    """

    brand: str
    realm: str = ""
    path: str = ""
    query: str = ""
    packet_ms: int = PACKET_MS


QUIRKS: Final = (
    # Their doorbells stutter with anything but packets of 1024 bytes.
    Quirk("Reolink", realm=r"BC Streaming Media", packet_ms=128),
    # Offers the backchannel only to who asks for its ONVIF stream.
    Quirk("Dahua", path=r"/cam/realmonitor", query="unicast=true&proto=Onvif"),
)
_NONE: Final = Quirk("")


def quirk_of(path: str, realm: str = "") -> Quirk:
    """The first that fits a camera, by the path that it was added with and the realm of its challenge."""
    return next((one for one in QUIRKS if _fits(one.path, path) or _fits(one.realm, realm)), _NONE)


def _fits(pattern: str, text: str) -> bool:
    return bool(pattern) and re.match(pattern, text) is not None


def address_for(url: str) -> str:
    """The address to ask for a backchannel at: a camera's own, with what its brand wants to see in it."""
    base, _, query = url.partition("?")
    path = "/" + base.partition("://")[2].partition("/")[2]
    wanted = [part for part in quirk_of(path).query.split("&") if part and part not in query.split("&")]
    return url if not wanted else f"{base}?{'&'.join([*filter(None, [query]), *wanted])}"
