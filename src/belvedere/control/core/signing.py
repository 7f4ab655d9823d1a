"""Ed25519 keys of this installation: files of 32 bytes beside the master key, 0600, made when first asked for."""

import base64
from functools import cache
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings

from belvedere.control.core.vault import ensure_master_key


def key_file(name: str) -> Path:
    """Where the key of this name lies."""
    file: Path = settings.BELVEDERE.master_key_file.with_name(f"{name}.key")
    return file


def public_key(name: str) -> bytes:
    """32 bytes, for those who verify."""
    return _key(name).public_key().public_bytes_raw()


def key_id(name: str) -> str:
    """Which key signs just now."""
    return id_of(public_key(name))


def id_of(public: bytes) -> str:
    """The first 16 hex digits of SHA-256 over a public key."""
    return sha256(public).hexdigest()[:16]


def sign(name: str, text: bytes) -> str:
    """The signature, base64."""
    return base64.b64encode(_key(name).sign(text)).decode()


def is_signed(public: bytes, text: bytes, signature: str) -> bool:
    """Whether the private half of `public` signed exactly `text`."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(base64.b64decode(signature, validate=True), text)
    except (InvalidSignature, ValueError):
        return False
    return True


def _key(name: str) -> Ed25519PrivateKey:
    file = key_file(name)
    ensure_master_key(file)
    return _read_key(file)


@cache
def _read_key(file: Path) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(file.read_bytes())
