"""Files of keys: NAME.key, then NAME-2.key, NAME-3.key. The one with the highest number is in use.

32 bytes of chance each, 0600. A file is there whole or not at all, and never changes: whoever reads while another one
is added has the ring before or the ring after, and no process has to be told.
"""

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a ring."""

    number: int
    file: Path

    @property
    def id(self) -> str:
        """How what was sealed with it names it: k1, k2 and so on."""
        return f"k{self.number}"

    @property
    def since(self) -> datetime:
        """When it was made, or brought here. Raises FileNotFoundError."""
        return datetime.fromtimestamp(self.file.stat().st_mtime, UTC)


def list_keys(first: Path) -> list[Key]:
    """The ring that begins with this file, oldest first; may be empty. Looks into the folder each time."""
    head, tail = f"{first.stem}-", first.suffix
    found = []
    with suppress(FileNotFoundError), os.scandir(first.parent) as entries:
        for entry in entries:
            number = entry.name.removeprefix(head).removesuffix(tail)
            if entry.name == first.name:
                found.append(Key(1, first))
            elif entry.name == f"{head}{number}{tail}" and (key := find_key(first, f"k{number}")) and key.number > 1:
                found.append(key)
    return sorted(found, key=lambda key: key.number)


def find_key(first: Path, key_id: str) -> Key | None:
    """The key of this id, if there can be one; whether its file is there, reading it tells."""
    digits = key_id.removeprefix("k")
    if not key_id.startswith("k") or not digits.isdecimal() or digits[0] == "0" or len(digits) > 6:
        return None
    return _key(first, int(digits))


def current_key(first: Path) -> Key:
    """The key in use; where there is none yet, it is made."""
    if not (keys := list_keys(first)):
        ensure_key(first)
        keys = list_keys(first)
    return keys[-1]


def add_key(first: Path) -> Key:
    """Make another one, which is in use from now on. Raises OSError where the folder cannot be written."""
    key = _key(first, current_key(first).number + 1)
    ensure_key(key.file)
    return key


def ensure_key(path: Path) -> None:
    """Make this file, once; 0600 from the first byte on, and never there in part."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_once(path, secrets.token_bytes(32))


def write_once(path: Path, content: bytes) -> None:
    """Put a file there, 0600 and on the disk; one that is there already stays as it is."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # A link is refused where a file is; a renaming would take its place.
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def drop_drafts(folder: Path, *, before: datetime) -> None:
    """Remove what killed processes left of keys that they were making: it may hold one of them. Raises OSError."""
    for draft in folder.glob(".*.key.*"):
        with suppress(FileNotFoundError):
            if draft.stat().st_mtime <= before.timestamp():
                draft.unlink()


def _key(first: Path, number: int) -> Key:
    return Key(number, first if number == 1 else first.with_name(f"{first.stem}-{number}{first.suffix}"))
