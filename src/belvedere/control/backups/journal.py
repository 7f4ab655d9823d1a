"""The journal: what ended, in a file apart from the database and from every backup of it.

One object of JSON a line, only ever added to, each on the disk before whoever wrote it goes on. Every line holds the
digest of itself and of the line before, so that none is changed, left out or put in between. Ids, instants and kinds:
no names, no addresses. What restores an old database reads here what has ended since.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from belvedere.control.core import clock
from belvedere.control.core.ids import new_id

_NAME: Final = "journal.jsonl"
_BLOCK: Final = 65536


class JournalBroken(Exception):  # noqa: N818  what it is, in two words
    """The journal does not hold. The message says where."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line of one journal: which journal, the line's number from 1 on, and its digest (hex)."""

    journal: str
    number: int
    digest: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `facts` holds what the kind has to say, as JSON values."""

    place: Place
    at: str
    kind: str
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Journal:
    """A journal that holds, whole."""

    lines: list[Line]

    @property
    def began_at(self) -> str:
        """Since when it is kept: RFC 3339, UTC."""
        return self.lines[0].at

    def since(self, place: Place) -> list[Line] | None:
        """What was written after `place`; None if that is no line of this journal: it does not reach back so far."""
        number = place.number
        if not 0 < number <= len(self.lines) or self.lines[number - 1].place != place:
            return None
        return self.lines[number:]


def file_in(folder: Path) -> Path:
    """Where the journal of this folder is."""
    return folder / _NAME


def begin(folder: Path) -> Place:
    """The journal's last line; a new journal where there is none. Raises OSError, JournalBroken."""
    with _held(folder) as file:
        return _last(file)


def append(folder: Path, kind: str, facts: dict[str, Any]) -> Place:
    """Write one line, and have it on the disk. Raises OSError (full, gone), JournalBroken: then nothing was written."""
    with _held(folder) as file:
        return _write(file, _last(file), kind, facts)


def read(folder: Path) -> Journal | None:
    """The whole journal, verified; None where there is none. Raises OSError, JournalBroken."""
    try:
        text = file_in(folder).read_bytes()
    except FileNotFoundError:
        return None
    lines: list[Line] = []
    before = Place("", 0, "")
    # What has no end was torn by a power cut: nobody was told that it stands here, and it is written again.
    for raw in text.split(b"\n")[:-1]:
        line = _parse(raw, before)
        lines.append(line)
        before = line.place
    return Journal(lines) if lines else None


@contextmanager
def _held(folder: Path) -> Iterator[BinaryIO]:
    """The file, for one writer at a time; begun if it is new."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(file_in(folder), os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(handle, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not _cut_torn(file):
            _write(file, Place(new_id(), 0, ""), "began", {})
            _sync_folder(folder)
        yield file


def _cut_torn(file: BinaryIO) -> int:
    """Take away a last line without an end; how long the file is then."""
    end = file.seek(0, os.SEEK_END)
    good, found = end, False
    while good and not found:
        start = max(0, good - _BLOCK)
        file.seek(start)
        at = file.read(good - start).rfind(b"\n")
        found, good = at >= 0, start + at + 1 if at >= 0 else start
    if good < end:
        file.truncate(good)
    return good


def _last(file: BinaryIO) -> Place:
    """The last line's place. That the lines before it hold is `read`'s to say."""
    end = file.seek(0, os.SEEK_END)
    tail, start = b"", end
    while start and tail.count(b"\n") < 2:
        start = max(0, start - _BLOCK)
        file.seek(start)
        tail = file.read(end - start)
    return _parse(tail.rstrip(b"\n").rpartition(b"\n")[2], None).place


def _write(file: BinaryIO, before: Place, kind: str, facts: dict[str, Any]) -> Place:
    said = {"journal": before.journal, "n": before.number + 1, "at": clock.now().isoformat(), "kind": kind, **facts}
    digest = _digest(before.digest, said)
    end = file.seek(0, os.SEEK_END)
    try:
        file.write(json.dumps(said | {"digest": digest}).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    except OSError:
        file.truncate(end)
        raise
    return Place(before.journal, before.number + 1, digest)


def _parse(raw: bytes, before: Place | None) -> Line:
    """One line, held against the one before it unless that is None. Raises JournalBroken."""
    number = before.number + 1 if before else None
    try:
        said = json.loads(raw)
        digest, journal, at, kind = said.pop("digest"), said["journal"], said["at"], said["kind"]
        place = Place(journal, said["n"], digest)
    except (ValueError, KeyError, TypeError, AttributeError):
        message = f"line {number or 'the last'} of the journal cannot be read"
        raise JournalBroken(message) from None
    if before is not None and (
        place.number != number or before.journal not in ("", journal) or digest != _digest(before.digest, said)
    ):
        message = f"line {number} of the journal does not follow from the one before it"
        raise JournalBroken(message)
    facts = {key: value for key, value in said.items() if key not in {"journal", "n", "at", "kind"}}
    return Line(place, at, kind, facts)


def _digest(before: str, said: dict[str, Any]) -> str:
    body = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{before}\n{body}".encode()).hexdigest()


def _sync_folder(folder: Path) -> None:
    """Have the file's name on the disk, too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
