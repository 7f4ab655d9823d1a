"""The catalogue of permissions, and which of them need which.

Bits are stored in grants and travel in leases; names travel on the wire of the REST API. Order matters to people:
it is the order in which rights are shown everywhere.
"""

from enum import IntFlag
from typing import Final


class Permission(IntFlag):
    """What one may do with one camera or panel."""

    LIVE_VIEW = 1
    LISTEN = 2
    PLAYBACK = 4
    EXPORT = 8
    TALK = 16
    PTZ = 32
    NOTIFY = 64
    ARM = 128
    CONFIGURE = 256
    SHARE = 512
    MANAGE = 1024

    @property
    def wire_names(self) -> list[str]:
        """Names as in the API, in the fixed order: `["live_view", "playback"]`."""
        return [member.name.lower() for member in Permission if member in self and member.name]


NONE: Final = Permission(0)
ALL: Final = Permission(2047)
#: What a share or a guest link may carry. The rest comes from roles only.
SHAREABLE: Final = Permission(255)

#: permission → it is worth nothing without one of these.
_NEEDS: Final = {
    Permission.LISTEN: Permission.LIVE_VIEW | Permission.PLAYBACK,
    Permission.EXPORT: Permission.PLAYBACK,
    Permission.TALK: Permission.LIVE_VIEW,
    Permission.PTZ: Permission.LIVE_VIEW,
}


def normalize(permissions: Permission) -> Permission:
    """Drop what is worth nothing without another permission of the same set (rule 4)."""
    kept = permissions
    for permission, needed in _NEEDS.items():
        if permission in kept and not kept & needed:
            kept &= ~permission
    return kept


def parse_names(names: list[str]) -> Permission:
    """`["live_view"]` → bits. Raises ValueError, naming the word nobody knows."""
    bits = NONE
    for name in names:
        try:
            bits |= Permission[name.upper()]
        except KeyError:
            message = f"unknown permission: {name}"
            raise ValueError(message) from None
    return bits
