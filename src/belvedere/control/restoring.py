"""Backups and restores, as an operator asks for them (ADR 0031)."""

import os
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from belvedere.config import Settings
from belvedere.control.incident import operator
from belvedere.control.manage import setup
from belvedere.control.operate import OperatorError, line_to_media

if TYPE_CHECKING:
    from belvedere.control.backups.journal import Line, Place

type Say = Callable[[str, int], None]


def back_up(settings: Settings, to: BinaryIO | Path, passphrase: str, say: Say) -> dict[str, Any]:
    """Write a backup of this instant, whatever runs meanwhile: `{"made_at", "rows", "bytes", "sealed"}`.

    to   a file that is not there yet, 0600 from its first byte on and there only when it is whole; or a stream.
    say  a table's name and its number of rows, as they are written
    Raises OperatorError.
    """
    setup(settings)
    from django.db import DatabaseError

    from belvedere.control.backups import journal
    from belvedere.control.backups.contents import dump
    from belvedere.control.backups.sealed import write_sealed
    from belvedere.control.core import clock

    rows = 0

    def count(table: str, found: int) -> None:
        nonlocal rows
        rows += found
        say(table, found)

    made_at = clock.now().isoformat()
    try:
        # The journal's place comes before the rows: what ends in between is ended again, and not forgotten.
        place = journal.begin(settings.journal_folder)
        if not isinstance(to, Path):
            size = write_sealed(dump(place, count, made_at=made_at), to, passphrase)
            to.flush()
            return {"made_at": made_at, "rows": rows, "bytes": size}
        # A file of our own, 0600: of two that write the same backup at once, each is whole, and one stays.
        handle, name = tempfile.mkstemp(prefix=f"{to.name}.", suffix=".part", dir=to.parent)
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                size = write_sealed(dump(place, count, made_at=made_at), file, passphrase)
                file.flush()
                os.fsync(file.fileno())
            part.replace(to)
        finally:
            part.unlink(missing_ok=True)
    except journal.JournalBroken as error:
        message = f"{error}: see `belvedere doctor`"
        raise OperatorError(message) from None
    except OSError as error:
        message = f"no backup was written: {(error.strerror or type(error).__name__).lower()}"
        raise OperatorError(message) from None
    except DatabaseError as error:
        message = f"no backup was written: the database does not answer ({type(error).__name__})"
        raise OperatorError(message) from None
    return {"made_at": made_at, "rows": rows, "bytes": size, "sealed": to.stat().st_size}


def find_missing_key(settings: Settings) -> str:
    """A sentence, where there is no master key at all: looking further would make one. "" where there is."""
    from belvedere.keyring import list_keys

    if list_keys(settings.master_key_file):
        return ""
    return (
        f"there is no master key at {settings.master_key_file}: put the one of the backup there first, or see "
        "--other-key. Nothing was changed"
    )


def check_backup(settings: Settings, file: Path, passphrase: str, say: Say) -> dict[str, Any]:
    """Read a backup to its end and write nothing.

    `{"made_at", "version", "url", "rows", "missing_keys", "reaches_back"}`: ids of master keys that are not here, and
    whether the journal here knows of what ended since. Raises OperatorError.
    """
    setup(settings)
    from belvedere.control.backups.loading import check
    from belvedere.control.backups.sealed import NoBackup, read_sealed

    try:
        with file.open("rb") as stream:
            found = check(read_sealed(stream, passphrase), say)
    except NoBackup as error:
        raise OperatorError(str(error)) from None
    except OSError as error:
        message = f"{file} cannot be read: {(error.strerror or type(error).__name__).lower()}"
        raise OperatorError(message) from None
    about = found.about
    return {
        "made_at": about.made_at,
        "version": about.version,
        "url": about.url,
        "rows": sum(found.rows.values()),
        "missing_keys": found.missing_keys,
        "reaches_back": _lines_since(settings, about.journal) is not None,
    }


def restore(settings: Settings, file: Path, passphrase: str, say: Say) -> dict[str, Any]:
    """Put a backup, which was checked, in the place of all there is; then end what ended since it was made.

    All of it or nothing, whenever the machine dies. The caller holds the folder. `{"rows", "guest_links", "unowned"}`
    and the counts of `Unlearned`. Raises OperatorError.
    """
    setup(settings)
    from django.db import DatabaseError, transaction

    from belvedere.control.audit.heads import set_newer_heads_aside
    from belvedere.control.backups.contents import About
    from belvedere.control.backups.loading import another_database, load
    from belvedere.control.backups.replaying import unlearn, write_restored
    from belvedere.control.backups.sealed import NoBackup, read_sealed
    from belvedere.control.guests.services import end_all_links

    rows, by = 0, operator()

    def count(table: str, found: int) -> None:
        nonlocal rows
        rows += found
        say(table, found)

    try:
        with file.open("rb") as stream:
            about = About.read(next(read_sealed(stream, passphrase), b""))
        if (lines := _lines_since(settings, about.journal)) is not None and _keep_all_waiting(settings):
            lines = _lines_since(settings, about.journal)
        with another_database():
            with file.open("rb") as stream:
                load(read_sealed(stream, passphrase), count)
            with line_to_media(settings), transaction.atomic():
                links = end_all_links(by)
                unlearned = unlearn(by, lines)
                write_restored(
                    by,
                    made_at=about.made_at,
                    unlearned=unlearned,
                    guest_links=links,
                    has_journal=lines is not None,
                )
    except NoBackup as error:
        message = f"{error}. Nothing was changed"
        raise OperatorError(message) from None
    except OSError as error:
        message = f"nothing was restored: {(error.strerror or type(error).__name__).lower()}"
        raise OperatorError(message) from None
    except DatabaseError as error:
        message = f"nothing was restored: the database would not take it ({type(error).__name__})"
        raise OperatorError(message) from None
    except sqlite3.Error as error:
        message = f"nothing was restored: the database is in use, or cannot be written ({error})"
        raise OperatorError(message) from None
    try:
        set_newer_heads_aside()
    except OSError as error:
        message = (
            f"the backup is back, but the heads of the audit could not be put in order: "
            f"{(error.strerror or type(error).__name__).lower()}. See to it, and restore once more"
        )
        raise OperatorError(message) from None
    return {"rows": rows, "guest_links": links, "unowned": unlearned.unowned} | unlearned.counts()


def _keep_all_waiting(settings: Settings) -> bool:
    """Have the journal hear of what the present database has not told it yet: it is about to go.

    False where that database cannot be read: what it knew is lost, as it would be without us. Raises OperatorError
    where the journal cannot be written.
    """
    from django.db import DatabaseError, connection

    from belvedere.control.backups.losses import keep_all_waiting
    from belvedere.control.outbox.services import Again

    if connection.vendor == "sqlite" and not Path(str(connection.settings_dict["NAME"])).exists():
        return False
    try:
        keep_all_waiting()
    except DatabaseError:
        return False
    except Again:
        message = (
            f"something ended of late, and the journal at {settings.journal_folder} cannot be written: see to it "
            "first. Nothing was changed"
        )
        raise OperatorError(message) from None
    return True


def _lines_since(settings: Settings, place: "Place") -> "list[Line] | None":
    """What the journal says of the time since `place`; None if it says nothing, or cannot be believed."""
    from belvedere.control.backups.journal import JournalBroken, read

    with suppress(OSError, JournalBroken):
        found = read(settings.journal_folder)
        return found.since(place) if found else None
    return None
