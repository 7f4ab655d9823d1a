"""How an ONVIF device asks for a password: a WS-Security UsernameToken with a digest, dated by its own clock."""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

#: A signature may be so old, or so far ahead, by the device's clock.
TOLERANCE_S: Final = 5.0
_MAX_NONCES: Final = 10_000


def local_name(element: Any) -> str:
    """`{uri}Name` → `Name`."""
    return str(element.tag).rpartition("}")[2]


def text_in(call: Any, name: str) -> str:
    """Of the first element so called, in whatever namespace; "" where there is none."""
    found = call.find(f".//{{*}}{name}")
    return "" if found is None else (found.text or "").strip()


@dataclass
class WsSecurity:
    """Who may speak to a device. Without a password everybody may."""

    username: str
    password: str = field(repr=False)
    _seen: set[str] = field(default_factory=set, repr=False)

    def accepts(self, root: Any, now: float) -> bool:
        """Whether the token in this envelope is right, fresh by the device's clock, and new."""
        if not self.password:
            return True
        token = root.find(".//{*}UsernameToken")
        parts = {} if token is None else {local_name(part): (part.text or "").strip() for part in token}
        try:
            nonce = base64.b64decode(parts["Nonce"], validate=True)
            created = datetime.fromisoformat(parts["Created"])
        except (KeyError, ValueError, binascii.Error):
            return False
        digest = hashlib.sha1(
            nonce + parts["Created"].encode() + self.password.encode(), usedforsecurity=False
        ).digest()
        is_right = parts.get("Username") == self.username and hmac.compare_digest(
            base64.b64encode(digest), parts.get("Password", "").encode()
        )
        is_fresh = created.tzinfo is not None and abs(created.timestamp() - now) <= TOLERANCE_S
        is_new = parts["Nonce"] not in self._seen and len(self._seen) < _MAX_NONCES
        self._seen.add(parts["Nonce"])
        return is_right and is_fresh and is_new
