"""How an RTSP camera asks for a password: Basic and Digest, as in HTTP (RFC 7617, RFC 7616)."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.request import parse_http_list, parse_keqv_list

_REALM: Final = "Belvedere demo camera"


class Scheme(StrEnum):
    """What a camera may ask for."""

    BASIC = "Basic"
    MD5 = "MD5"
    SHA256 = "SHA-256"


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


_HASHES: Final[dict[str, Callable[[str], str]]] = {Scheme.MD5: _md5, Scheme.SHA256: _sha256}


@dataclass(frozen=True)
class Login:
    """Who may see a camera, and the schemes it offers, the preferred one first."""

    username: str
    password: str = field(repr=False)
    schemes: tuple[Scheme, ...] = (Scheme.MD5,)

    def challenges(self, nonce: str) -> list[str]:
        """Values of `WWW-Authenticate`, one for each scheme.

        MD5 comes without `qop`, as most cameras send it, SHA-256 with it, as its RFC demands: both ways get used.
        """
        known = {
            Scheme.BASIC: f'Basic realm="{_REALM}"',
            Scheme.MD5: f'Digest realm="{_REALM}", nonce="{nonce}", algorithm=MD5',
            Scheme.SHA256: f'Digest realm="{_REALM}", nonce="{nonce}", algorithm=SHA-256, qop="auth"',
        }
        return [known[scheme] for scheme in self.schemes]

    def accepts(self, authorization: str, *, method: str, nonce: str) -> bool:
        """Whether this `Authorization` answers a challenge with `nonce`, by a scheme that was offered."""
        scheme, _, rest = authorization.partition(" ")
        if scheme.lower() == "basic":
            return Scheme.BASIC in self.schemes and self._accepts_basic(rest)
        if scheme.lower() == "digest":
            return self._accepts_digest(parse_keqv_list(_pairs(rest)), method, nonce)
        return False

    def _accepts_basic(self, encoded: str) -> bool:
        try:
            given = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            return False
        return hmac.compare_digest(given, f"{self.username}:{self.password}".encode())

    def _accepts_digest(self, given: dict[str, str], method: str, nonce: str) -> bool:
        algorithm = given.get("algorithm", Scheme.MD5)
        if algorithm not in self.schemes or given.get("username") != self.username or given.get("nonce") != nonce:
            return False
        h = _HASHES[algorithm]
        # The URI is the one the client hashed: behind a relay it is not the request's, and cameras let that pass.
        a1, a2 = h(f"{self.username}:{_REALM}:{self.password}"), h(f"{method}:{given.get('uri', '')}")
        middle = [nonce]
        if "qop" in given:
            middle += [given.get("nc", ""), given.get("cnonce", ""), given["qop"]]
        expected = h(":".join([a1, *middle, a2]))
        return hmac.compare_digest(expected.encode(), given.get("response", "").lower().encode())


def _pairs(text: str) -> list[str]:
    """Split at commas outside quotes, and drop what is no pair: the parser would raise on it."""
    return [item for item in parse_http_list(text) if item.partition("=")[2]]
