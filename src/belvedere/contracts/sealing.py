"""Boxes that only one media node can open: camera credentials on their way over the bus.

HPKE (RFC 9180), base mode, DHKEM(X25519, HKDF-SHA256) with AES-128-GCM. The node's key is its own: it stays on the
node, so that what was sealed to it opens after a restart too.
"""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

PrivateKey = X25519PrivateKey

_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)
#: Binds a box to its purpose: nothing sealed for anything else opens here.
_INFO: Final = b"belvedere stream source 1"


class SealError(Exception):
    """This box is not for this key, or was damaged."""


def generate_key() -> PrivateKey:
    """Make a fresh key pair."""
    return X25519PrivateKey.generate()


def read_key(data: bytes) -> PrivateKey:
    """The private half, raw: 32 bytes of chance. Raises ValueError when it is something else."""
    return X25519PrivateKey.from_private_bytes(data)


def public_bytes(key: PrivateKey) -> str:
    """Public half, raw, in base64: what a node says in its hello."""
    return b64encode(key.public_key().public_bytes_raw()).decode()


def seal(public_key: str, data: bytes) -> str:
    """Close a box for the holder of `public_key`. Raises SealError if that is no X25519 key in base64."""
    try:
        key = X25519PublicKey.from_public_bytes(b64decode(public_key, validate=True))
        return b64encode(_SUITE.encrypt(data, key, _INFO)).decode()
    except ValueError:
        message = "not an X25519 public key"
        raise SealError(message) from None


def unseal(key: PrivateKey, sealed: str) -> bytes:
    """Open a box. Raises SealError if it was sealed for another key or damaged."""
    try:
        return _SUITE.decrypt(b64decode(sealed, validate=True), key, _INFO)
    except (InvalidTag, ValueError, Base64Error):
        message = "the box does not open with this key"
        raise SealError(message) from None
