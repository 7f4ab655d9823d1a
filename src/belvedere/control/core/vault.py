"""Secrets at rest: AES-256-GCM under keys derived from one master key that lives outside the database.

The master key file is made at the first start, 0600. What is sealed is bound to its table, row and field, so that
a sealed value copied to another row does not open there.
"""

import base64
import os
import secrets
from functools import cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_KEY_ID = "k1"


class SealBroken(Exception):  # noqa: N818  what it is, in one word
    """The value does not open with this key for this row: wrong key file, or tampered with."""


def ensure_master_key(path: Path) -> None:
    """Make the key file, once; 0600 from the first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_bytes(32))
        file.flush()
        os.fsync(file.fileno())


@cache
def derive_from(key_file: Path, purpose: str) -> bytes:
    """32 bytes for one purpose. Raises FileNotFoundError where there is no key file."""
    master = key_file.read_bytes()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"belvedere:{purpose}".encode()).derive(master)


def seal(text: str, *, table: str, row: str, field: str) -> str:
    """Seal `text` for one field of one row."""
    nonce = secrets.token_bytes(12)
    sealed = AESGCM(_field_key()).encrypt(nonce, text.encode(), _bound_to(table, row, field))
    return f"{_KEY_ID}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"


def unseal(sealed: str, *, table: str, row: str, field: str) -> str:
    """The text again. Raises SealBroken."""
    key_id, _dot, body = sealed.partition(".")
    if key_id != _KEY_ID:
        raise SealBroken
    try:
        raw = base64.urlsafe_b64decode(body)
        return AESGCM(_field_key()).decrypt(raw[:12], raw[12:], _bound_to(table, row, field)).decode()
    except (InvalidTag, ValueError):
        raise SealBroken from None


def _field_key() -> bytes:
    return derive_from(settings.BELVEDERE.master_key_file, "fields")


def _bound_to(table: str, row: str, field: str) -> bytes:
    return f"{table}\0{row}\0{field}\0{_KEY_ID}".encode()
