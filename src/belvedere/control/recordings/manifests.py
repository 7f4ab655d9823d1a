"""The manifest of an export: what the file is, in words that a key of this installation signed. Pure.

Whoever has file, manifest and public key can verify without this installation.
"""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any, BinaryIO, Final

from belvedere.contracts.recordings import Span
from belvedere.control.core.signing import id_of, is_signed

#: the name of the signing key
KEY: Final = "export"
VERSION: Final = 1
_READ: Final = 1 << 20


class NotGenuine(Exception):  # noqa: N818  what it is, in two words
    """File, manifest and key do not belong together. The message says why."""


def canonical(manifest: dict[str, Any]) -> str:
    """The one way to write it: keys in order, no blanks, no numbers but whole ones."""
    return json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def signed_bytes(manifest: dict[str, Any]) -> bytes:
    """The bytes under the signature: what they are for comes first."""
    return b"belvedere export 1\n" + canonical(manifest).encode()


def instant(at: float | datetime) -> str:
    """RFC 3339, UTC, microseconds."""
    at = datetime.fromtimestamp(at, UTC) if isinstance(at, float | int) else at.astimezone(UTC)
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def list_spans(spans: list[Span]) -> list[dict[str, str]]:
    """The pieces of footage in a file, as a manifest has them."""
    return [{"from": instant(span.start), "to": instant(span.end)} for span in spans]


def verify(file: BinaryIO, text: str, public_key: bytes) -> dict[str, Any]:
    """The manifest, if the key signed it and the file is the one it speaks of. Raises NotGenuine."""
    try:
        found = json.loads(text)
        manifest, signature = found["manifest"], found["signature"]
        digest, size = manifest["sha256"], manifest["size"]
        said = signed_bytes(manifest)
    except (ValueError, KeyError, TypeError, RecursionError):
        message = "this is no manifest of an export"
        raise NotGenuine(message) from None
    if not isinstance(signature, str) or not is_signed(public_key, said, signature):
        message = f"the manifest was not signed by the key {id_of(public_key)}, or was changed"
        raise NotGenuine(message)
    if manifest.get("version") != VERSION:
        message = f"the manifest is of version {manifest.get('version')}, which this version cannot read"
        raise NotGenuine(message)
    read = hashlib.sha256()
    length = 0
    while piece := file.read(_READ):
        read.update(piece)
        length += len(piece)
    if (read.hexdigest(), length) != (digest, size):
        message = f"the file is not the one that was exported: {length} of {size} bytes, and another digest"
        raise NotGenuine(message)
    return dict(manifest)
