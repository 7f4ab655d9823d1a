"""The keys of this node: what control seals to it opens with them, and nowhere else (threats §8).

A renewal is one more file. What was sealed to the key before opens until nothing rests on that, and it goes.
"""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog

from belvedere.contracts.sealing import PrivateKey, SealError, public_bytes, read_key, unseal
from belvedere.keyring import Key, add_key, current_key, drop_drafts, list_keys
from belvedere.media.memory import NodeMemory

log = structlog.get_logger()

#: What was sealed to the key before, in the instant in which control learned of the new one, has come by then.
_OLD_KEY_STAYS_S: Final = 60.0


class NodeKeys:
    """The ring `keys/media-NAME/box.key` in the data folder of a node. Whoever opens needs no lock."""

    def __init__(self, folder: Path, node: str) -> None:
        """Read it; a new key is made where there is none yet, or none that can be read. Raises OSError."""
        # A folder of its own: the second key of `a` is not the first one of `a-2`.
        self._first = folder / "keys" / f"media-{node}" / "box.key"
        # One process has this folder: whatever makes a key here was killed.
        drop_drafts(self._first.parent, before=datetime.now(UTC))
        current_key(self._first)
        self._ring = self._read()
        if not self._ring:
            self.renew()

    @property
    def public(self) -> str:
        """What control is to seal to."""
        return public_bytes(self._ring[0][1])

    @property
    def is_renewing(self) -> bool:
        """Whether there is a key before the one in use."""
        return len(self._ring) > 1

    def open(self, sealed: str) -> bytes:
        """Open a box that was sealed to any of them. Raises SealError."""
        for _, key in self._ring[:-1]:
            with suppress(SealError):
                return unseal(key, sealed)
        return unseal(self._ring[-1][1], sealed)

    def renew(self) -> None:
        """Put one more key into use. Raises OSError; then the one before stays in use."""
        add_key(self._first)
        self._ring = self._read()

    def retire(self, kept: Collection[str]) -> None:
        """Let go of every key but the one in use, unless one of these boxes opens with no other. Raises OSError."""
        (newest, in_use), *old = self._ring
        if any(_opens(key, box) for box in kept if not _opens(in_use, box) for _, key in old):
            return
        for key in list_keys(self._first):
            if key != newest:
                key.file.unlink(missing_ok=True)
        self._ring = [(newest, in_use)]

    def _read(self) -> list[tuple[Key, PrivateKey]]:
        """Newest first, those that can be read."""
        ring = []
        for key in reversed(list_keys(self._first)):
            try:
                ring.append((key, read_key(key.file.read_bytes())))
            except (OSError, ValueError) as error:
                log.warning("node_key_unreadable", error=type(error).__name__)
        return ring


async def turn(keys: NodeKeys, memory: NodeMemory, *, is_unwanted: bool, known_for_s: float) -> bool:
    """Make a new key where control wants no more of this one, and let go of the one before. True: there is another one.

    known_for_s  how long control has known the newest
    """
    try:
        # One at a time: whoever says for ever that our key is unwanted does not fill the disk.
        if keys.is_renewing:
            if known_for_s > _OLD_KEY_STAYS_S:
                kept = await asyncio.to_thread(memory.recall)
                await asyncio.to_thread(keys.retire, [stream.sealed for stream in kept])
        elif is_unwanted:
            await asyncio.to_thread(keys.renew)
            log.info("node_key_renewed")
            return True
    except OSError as error:
        log.warning("node_key_not_renewed", error=error.strerror)
    return False


def _opens(key: PrivateKey, box: str) -> bool:
    try:
        unseal(key, box)
    except SealError:
        return False
    return True
