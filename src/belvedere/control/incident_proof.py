"""Whether an incident bundle is what this installation made. Pure: whoever has bundle and public key needs no more."""

import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from belvedere.control.core.signing import is_signed
from belvedere.control.recordings.manifests import NotGenuine, canonical

VERSION: Final = 1
MANIFEST: Final = "manifest.json"
_READ: Final = 1 << 20
#: a manifest is some lines for each chain and log
_MAX_MANIFEST: Final = 16 << 20


def signed_bytes(manifest: dict[str, Any]) -> bytes:
    """The bytes under the signature: what they are for comes first."""
    return b"belvedere incident 1\n" + canonical(manifest).encode()


def verify_bundle(bundle: Path, keys: Iterable[bytes]) -> dict[str, Any]:
    """The manifest, if one of the public keys signed it, and every file is the one it speaks of. Raises NotGenuine."""
    try:
        with zipfile.ZipFile(bundle) as archive:
            found = _read_manifest(archive)
            manifest = found["manifest"]
            said = signed_bytes(manifest)
            if not any(is_signed(key, said, found["signature"]) for key in keys):
                message = "the bundle was not signed by this key, or its manifest was changed"
                raise NotGenuine(message)
            told = {row["name"]: (row["sha256"], row["size"]) for row in manifest["files"]}
            there = archive.namelist()
            # One manifest: of two, others may read the one that nobody signed.
            if sorted(there) != sorted([*told, MANIFEST]):
                others = ", ".join(sorted({*there} ^ {*told, MANIFEST})) or "one of them twice"
                message = f"other files are in it than were signed: {others}"
                raise NotGenuine(message)
            for name, expected in told.items():
                if _digest(archive, name, expected[1]) != expected:
                    message = f"{name} is not the file that was signed"
                    raise NotGenuine(message)
    # RuntimeError: it is locked, or packed in a way that nobody knows.
    except (zipfile.BadZipFile, zlib.error, ValueError, KeyError, TypeError, RuntimeError, EOFError):
        message = "this is no incident bundle, or it is damaged"
        raise NotGenuine(message) from None
    return dict(manifest)


def _read_manifest(archive: zipfile.ZipFile) -> dict[str, Any]:
    with archive.open(MANIFEST) as file:
        return dict(json.loads(file.read(_MAX_MANIFEST)))


def _digest(archive: zipfile.ZipFile, name: str, size: int) -> tuple[str, int]:
    """No further than one byte past what was signed: a zip may promise little and hold much."""
    read, length = hashlib.sha256(), 0
    with archive.open(name) as file:
        while length <= size and (piece := file.read(min(_READ, size + 1 - length))):
            read.update(piece)
            length += len(piece)
    return read.hexdigest(), length
