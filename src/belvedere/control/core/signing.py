"""Ed25519 keys of this installation: rings of files beside the master key, made when first asked for.

A key that is used no more leaves its public half behind, with the instant of its end: what it signed before is genuine,
and what it signs after it was stolen is not.
"""

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings

from belvedere.control.core import clock
from belvedere.keyring import Key, add_key, current_key, list_keys, write_once


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What others verify with. `until` None: it signs just now."""

    id: str
    raw: bytes
    until: datetime | None = None


class Signer:
    """The key of a name that signs now. Ask once for each thing to sign: its id belongs to its signature."""

    def __init__(self, name: str) -> None:
        self._private = _open(name)
        self.id = id_of(self._private.public_key().public_bytes_raw())

    def sign(self, text: bytes) -> str:
        """The signature, base64."""
        return base64.b64encode(self._private.sign(text)).decode()


def key_file(name: str) -> Path:
    """Where the first key of this name lies."""
    file: Path = settings.BELVEDERE.master_key_file.with_name(f"{name}.key")
    return file


def public_key(name: str) -> bytes:
    """32 bytes, for those who verify what is signed now."""
    return _open(name).public_key().public_bytes_raw()


def key_id(name: str) -> str:
    """Which key signs just now."""
    return id_of(public_key(name))


def id_of_file(key: Key) -> str:
    """The same of one key of a ring."""
    return id_of(_read_key(key.file).public_key().public_bytes_raw())


def id_of(public: bytes) -> str:
    """The first 16 hex digits of SHA-256 over a public key."""
    return sha256(public).hexdigest()[:16]


def list_public_keys(name: str) -> list[PublicKey]:
    """The one in use, then those before it, newest first."""
    current = public_key(name)
    papers = {
        *key_file(name).parent.glob(f"{name}.retired"),
        *key_file(name).parent.glob(f"{name}-[1-9]*.retired"),
    }
    former = sorted((_read_paper(paper) for paper in papers), key=lambda key: str(key.until), reverse=True)
    return [PublicKey(id_of(current), current), *(key for key in former if key.raw != current)]


def is_signed_by_ours(name: str, *, key: str, at: datetime, text: bytes, signature: str) -> bool:
    """Whether a key of ours of this name and id, in use at that instant, signed exactly `text`."""
    return any(
        is_signed(known.raw, text, signature)
        for known in list_public_keys(name)
        if known.id == key and (known.until is None or at <= known.until)
    )


def is_signed(public: bytes, text: bytes, signature: str) -> bool:
    """Whether the private half of `public` signed exactly `text`."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(base64.b64decode(signature, validate=True), text)
    except (InvalidSignature, ValueError):
        return False
    return True


def rotate(name: str) -> str:
    """Sign with a new key from now on; of those before only the public half is kept. The id of the new one.

    Raises OSError where the folder cannot be written.
    """
    add_key(key_file(name))
    retire_old(name)
    return key_id(name)


def retire_old(name: str) -> None:
    """Let go of every private key but the one in use; once more after a crash in between."""
    for key in list_keys(key_file(name))[:-1]:
        public = _read_key(key.file).public_key().public_bytes_raw()
        paper = {"public_key": base64.b64encode(public).decode(), "until": clock.now().isoformat()}
        write_once(key.file.with_suffix(".retired"), json.dumps(paper).encode())
        key.file.unlink(missing_ok=True)


def _open(name: str) -> Ed25519PrivateKey:
    key: Key = current_key(key_file(name))
    try:
        return _read_key(key.file)
    except FileNotFoundError:  # between the look and the reading another took its place
        return _read_key(current_key(key_file(name)).file)


@cache
def _read_key(file: Path) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(file.read_bytes())


@cache
def _read_paper(paper: Path) -> PublicKey:
    found = json.loads(paper.read_bytes())
    raw = base64.b64decode(found["public_key"])
    return PublicKey(id_of(raw), raw, datetime.fromisoformat(found["until"]))
