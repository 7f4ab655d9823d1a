r"""A file that nobody reads without its passphrase, and nobody changes unnoticed.

    belvedere backup 1 \n | salt, 16 bytes | chunk | chunk | … | last chunk
    chunk   1 byte: 0, or 1 for the last · 4 bytes: how long · AES-256-GCM, its nonce the chunk's number

The key is scrypt's of passphrase and salt (N = 2¹⁷, r = 8); the salt is fresh for each file, so no nonce is used twice.
Each chunk is bound to the file's head, its own number and whether it is the last: one that is changed, swapped, left
out or added does not open, and a file that was cut has no last one.
"""

import secrets
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

_MAGIC: Final = b"belvedere backup 1\n"
_SALT: Final = 16
_CHUNK: Final = 1 << 20
_MORE, _LAST = b"\0", b"\1"
#: what a chunk of ours is at most: nobody's file makes us take more memory
_MAX_SEALED: Final = _CHUNK + 16
#: fast, and most of what there is to gain: rows are much alike
_LEVEL: Final = 3


class NoBackup(Exception):  # noqa: N818  what it is, in two words
    """The file is no backup, does not open with this passphrase, or is not whole. The message says which."""


def write_sealed(lines: Iterable[bytes], to: BinaryIO, passphrase: str) -> int:
    """Seal these lines; how many bytes they were before. Raises what `to` raises."""
    salt = secrets.token_bytes(_SALT)
    head = _MAGIC + salt
    to.write(head)
    cipher, pack, waiting, number, count = _cipher(passphrase, salt), zlib.compressobj(_LEVEL), bytearray(), 0, 0

    def put(piece: bytes, kind: bytes) -> None:
        sealed = cipher.encrypt(_nonce(number), piece, head + kind)
        to.write(kind + len(sealed).to_bytes(4) + sealed)

    for line in lines:
        count += len(line)
        waiting += pack.compress(line)
        while len(waiting) > _CHUNK:
            put(bytes(waiting[:_CHUNK]), _MORE)
            del waiting[:_CHUNK]
            number += 1
    waiting += pack.flush()
    while len(waiting) > _CHUNK:
        put(bytes(waiting[:_CHUNK]), _MORE)
        del waiting[:_CHUNK]
        number += 1
    put(bytes(waiting), _LAST)
    return count


def read_sealed(file: BinaryIO, passphrase: str) -> Iterator[bytes]:
    """The lines again, without their ends; whole only when the last one came. Raises NoBackup, OSError."""
    head = file.read(len(_MAGIC) + _SALT)
    if not head.startswith(_MAGIC) or len(head) != len(_MAGIC) + _SALT:
        message = "this is no backup of Belvedere, or one of another version"
        raise NoBackup(message)
    unpack, rest = zlib.decompressobj(), b""
    for piece in _open_chunks(file, _cipher(passphrase, head[len(_MAGIC) :]), head):
        try:
            rest += unpack.decompress(piece)
        except zlib.error:
            raise NoBackup(_BROKEN) from None
        *lines, rest = rest.split(b"\n")
        yield from lines
    if rest or not unpack.eof:
        raise NoBackup(_BROKEN)


_BROKEN: Final = "the backup is not whole: it was cut, or changed"


def _open_chunks(file: BinaryIO, cipher: AESGCM, head: bytes) -> Iterator[bytes]:
    number = 0
    while True:
        frame = file.read(5)
        length = int.from_bytes(frame[1:])
        if len(frame) < 5 or length > _MAX_SEALED:
            raise NoBackup(_BROKEN)
        kind = frame[:1]
        try:
            piece = cipher.decrypt(_nonce(number), file.read(length), head + kind)
        except (InvalidTag, ValueError):
            message = "the passphrase is not right, or the backup was changed" if number == 0 else _BROKEN
            raise NoBackup(message) from None
        yield piece
        if kind == _LAST:
            break
        number += 1
    if file.read(1):
        message = "something was appended to the backup"
        raise NoBackup(message)


def _cipher(passphrase: str, salt: bytes) -> AESGCM:
    return AESGCM(Scrypt(salt=salt, length=32, n=1 << 17, r=8, p=1).derive(passphrase.encode()))


def _nonce(number: int) -> bytes:
    return number.to_bytes(12)
