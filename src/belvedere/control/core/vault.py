"""Secrets at rest: AES-256-GCM under keys derived from a master key that lives outside the database.

What is sealed names the master key it was sealed with, and is bound to that, its table, row and field: copied to
another row it does not open there. After a rotation the keys before open what they sealed, until nothing names them.
"""

import base64
import secrets
from functools import cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from belvedere.keyring import Key, current_key, find_key, list_keys


class SealBroken(Exception):  # noqa: N818  what it is, in one word
    """The value does not open with this key for this row: wrong key file, or tampered with."""


@cache
def derive_from(key_file: Path, purpose: str) -> bytes:
    """32 bytes for one purpose. Raises FileNotFoundError where there is no key file."""
    master = key_file.read_bytes()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"belvedere:{purpose}".encode()).derive(master)


def list_master_keys() -> list[Key]:
    """Oldest first. The last one seals, all of them open."""
    return list_keys(settings.BELVEDERE.master_key_file)


def key_of(sealed: str) -> str:
    """The id of the master key that this was sealed with."""
    return sealed.partition(".")[0]


def seal(text: str, *, table: str, row: str, field: str) -> str:
    """Seal `text` for one field of one row."""
    key = current_key(settings.BELVEDERE.master_key_file)
    nonce = secrets.token_bytes(12)
    cipher = AESGCM(derive_from(key.file, "fields"))
    sealed = cipher.encrypt(nonce, text.encode(), _bound_to(table, row, field, key.id))
    return f"{key.id}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"


def unseal(sealed: str, *, table: str, row: str, field: str) -> str:
    """The text again. Raises SealBroken."""
    key_id, _dot, body = sealed.partition(".")
    key = find_key(settings.BELVEDERE.master_key_file, key_id)
    if key is None:
        raise SealBroken
    try:
        raw = base64.urlsafe_b64decode(body)
        cipher = AESGCM(derive_from(key.file, "fields"))
        return cipher.decrypt(raw[:12], raw[12:], _bound_to(table, row, field, key_id)).decode()
    except (InvalidTag, ValueError, FileNotFoundError):
        raise SealBroken from None


def _bound_to(table: str, row: str, field: str, key_id: str) -> bytes:
    return f"{table}\0{row}\0{field}\0{key_id}".encode()
