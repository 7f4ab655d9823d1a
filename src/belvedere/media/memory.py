"""What a node remembers over a restart, so that it carries and records while control is away: its last assignments,
sealed to its key as they came.

It lies in the node's own folder and never on the footage disk: who carries that away holds no credentials.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from belvedere.contracts.events import StreamAssignment


class NodeMemory:
    """`assignments-NAME.json` in the data folder of a node, 0600."""

    def __init__(self, folder: Path, node: str) -> None:
        self._file = folder / f"assignments-{node}.json"
        self._saved: list[tuple[str, str, str]] | None = None

    def save(self, streams: Sequence[StreamAssignment], *, is_sealed_anew: bool = False) -> None:
        """Remember these. Nothing is written when they are the same as the last ones. Raises OSError.

        is_sealed_anew  they may be the same, and sealed to another key
        """
        told = [(stream.camera, stream.quality.value, stream.revision) for stream in streams]
        if told != self._saved or is_sealed_anew:
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
