"""What a node remembers over a restart, so that it carries and records while control is away: its key, and its last
assignments, sealed to that key as they came.

Both lie in the node's own folder and never on the footage disk: who carries that away holds no credentials.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
import structlog

from belvedere.contracts.events import StreamAssignment
from belvedere.contracts.sealing import PrivateKey, generate_key, key_bytes, read_key

log = structlog.get_logger()


class NodeMemory:
    """Files of one node: `keys/media-NAME.key` and `assignments-NAME.json` in its data folder, 0600."""

    def __init__(self, folder: Path, node: str) -> None:
        self._key_file = folder / "keys" / f"media-{node}.key"
        self._file = folder / f"assignments-{node}.json"
        self._saved: list[tuple[str, str, str]] | None = None

    def key(self) -> PrivateKey:
        """This node's key; a new one where there is none yet, or none that can be read. Raises OSError."""
        try:
            return read_key(self._key_file.read_bytes())
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            log.warning("node_key_unreadable", error=type(error).__name__)
        key = generate_key()
        self._key_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(self._key_file, key_bytes(key))
        return key

    def save(self, streams: Sequence[StreamAssignment]) -> None:
        """Remember these. Nothing is written when they are the same as the last ones. Raises OSError."""
        told = [(stream.camera, stream.quality.value, stream.revision) for stream in streams]
        if told != self._saved:
            _write(self._file, msgspec.json.encode(streams))
            self._saved = told

    def recall(self) -> list[StreamAssignment]:
        """What was saved last; nothing when that cannot be read."""
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=list[StreamAssignment])
        except (OSError, msgspec.MsgspecError):
            return []


def _write(file: Path, data: bytes) -> None:
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)
