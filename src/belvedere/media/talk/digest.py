"""How we answer a camera that asks who we are: Digest (RFC 7616, RFC 2617), and Basic where it offers nothing else."""

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Sequence
from typing import Final
from urllib.request import parse_http_list, parse_keqv_list


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


#: the better one first
_HASHES: Final[dict[str, Callable[[str], str]]] = {"SHA-256": _sha256, "MD5": _md5}
_UNSPEAKABLE: Final = re.compile(r'["\\\x00-\x1f\x7f]')


class Credentials:
    """A name and a password, and what the camera challenged them with. Never logged."""

    def __init__(self, username: str, password: str) -> None:
        self._username = username
        self._password = password
        self._challenge: dict[str, str] = {}
        self._algorithm = ""
        self._count = 0

    def __repr__(self) -> str:
        """Keep the password out of tracebacks."""
        return "Credentials(…)"

    @property
    def realm(self) -> str:
        """What the camera calls what it guards: brands can be told by it."""
        return self._challenge.get("realm", "")

    def challenge(self, values: Sequence[str]) -> bool:
        """Take the `WWW-Authenticate` values of a 401. Whether another try makes sense.

        One that asks the same question twice has refused the answer; a fresh nonce that it calls stale has not.
        """
        if not self._username and not self._password:
            return False
        offers = {}
        for value in values:
            scheme, _, rest = value.partition(" ")
            given = parse_keqv_list([item for item in parse_http_list(rest) if item.partition("=")[2]])
            name = "Basic" if scheme.lower() == "basic" else given.get("algorithm", "MD5").upper()
            if scheme.lower() in {"basic", "digest"}:
                offers[name] = given
        algorithm = next((name for name in (*_HASHES, "Basic") if name in offers), "")
        if not algorithm:
            return False
        chosen = offers[algorithm]
        is_refused = bool(self._algorithm) and chosen.get("stale", "").lower() != "true"
        self._algorithm, self._challenge, self._count = algorithm, chosen, 0
        return not is_refused and not _UNSPEAKABLE.search(self._username)

    def header(self, method: str, url: str) -> str:
        """The `Authorization` of this request; "" before there was a challenge."""
        if not self._algorithm:
            return ""
        if self._algorithm == "Basic":
            return "Basic " + base64.b64encode(f"{self._username}:{self._password}".encode()).decode()
        h, given = _HASHES[self._algorithm], self._challenge
        realm, nonce = given.get("realm", ""), given.get("nonce", "")
        a1, a2 = h(f"{self._username}:{realm}:{self._password}"), h(f"{method}:{url}")
        fields = {"username": self._username, "realm": realm, "nonce": nonce, "uri": url}
        bare = ""
        if "auth" in [quality.strip() for quality in given.get("qop", "").split(",")]:
            self._count += 1
            count, ours = f"{self._count:08x}", secrets.token_hex(8)
            response = h(f"{a1}:{nonce}:{count}:{ours}:auth:{a2}")
            fields["cnonce"] = ours
            bare = f", qop=auth, nc={count}"
        else:
            response = h(f"{a1}:{nonce}:{a2}")
        fields["response"] = response
        if "opaque" in given:
            fields["opaque"] = given["opaque"]
        quoted = ", ".join(f'{name}="{value}"' for name, value in fields.items())
        named = f", algorithm={self._algorithm}" if "algorithm" in given else ""
        return f"Digest {quoted}{bare}{named}"
