"""The form of API tokens: `bv_`, 43 characters of base 62, 6 of checksum. Pure.

The prefix and the checksum let secret scanners find leaked tokens, and let us refuse mistyped ones unasked.
"""

import secrets
import zlib
from typing import Final

PREFIX: Final = "bv_"
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM: Final = 43
_CHECK: Final = 6

#: scope → what a token with it may do. No scope reaches tokens, sign-in or ownership: those need a person.
SCOPES: Final = {
    "read": "see what the account sees: cameras, shares, inbox",
    "watch": "watch: live, and what was recorded; export",
    "share": "offer, change and end shares; answer offers",
    "devices": "add, change and unbind devices",
    "manage": "invite, change and remove members; add and edit sites",
}


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode())
    digits = ""
    for _ in range(_CHECK):
        number, digit = divmod(number, 62)
        digits += _ALPHABET[digit]
    return digits


def new_secret() -> str:
    """A fresh token, 256 bits of chance."""
    body = "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return PREFIX + body + _checksum(body)


def is_well_formed(secret: str) -> bool:
    """Whether prefix, length and checksum are right."""
    if not secret.startswith(PREFIX) or len(secret) != len(PREFIX) + _RANDOM + _CHECK or not secret.isascii():
        return False
    body = secret[len(PREFIX) :]
    return _checksum(body[:_RANDOM]) == body[_RANDOM:]
