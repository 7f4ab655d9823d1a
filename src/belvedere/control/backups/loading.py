"""Reading a backup back: as a look that writes nothing, and into a database that takes the place of ours.

SQLite: a file beside ours is filled, and renamed over it. PostgreSQL: one transaction empties ours and fills it again.
Either way it happens whole or not at all, whenever the machine dies.
"""

import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from django.apps.registry import Apps
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connection, models, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from belvedere.control.backups.contents import About, Progress, fingerprints
from belvedere.control.backups.sealed import NoBackup
from belvedere.control.core import clock

_AT_ONCE: Final = 1000
#: whose rows are known by their number elsewhere: in links that confirm an address, and in the journal
_NUMBERED: Final = ("account_emailaddress", "mfa_authenticator")
_NUMBERS_SINCE: Final = datetime(2026, 1, 1, tzinfo=UTC)
_NOT_WHOLE: Final = "the backup is not whole: it does not hold what it says"

type Lines = Callable[[], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class Checked:
    """A backup that is whole. `rows`: table → how many; `missing_keys`: ids of master keys that are not here."""

    about: About
    rows: dict[str, int]
    missing_keys: list[str]


def check(lines: Iterator[bytes], say: Progress) -> Checked:
    """Read all of it, and write nothing. Raises NoBackup: not whole, or made by a newer version."""
    about = About.read(next(lines, b""))
    known = MigrationLoader(None).graph.nodes
    if any(migration not in known for migration in about.migrations):
        message = f"this backup was made by Belvedere {about.version}, which is newer: restore it with that version"
        raise NoBackup(message)
    counts: dict[str, int] = {}
    for table, _columns, rows in _tables(lines):
        counts[table] = sum(1 for _row in rows)
        say(table, counts[table])
    here = fingerprints()
    missing = [key for key, digest in about.keys.items() if here.get(key) != digest]
    return Checked(about, counts, missing)


@contextmanager
def another_database() -> Iterator[None]:
    """Within it, the database is an empty one. Left without an error, that one takes the place of ours for good."""
    if connection.vendor == "sqlite":
        with _another_file():
            yield
        return
    with transaction.atomic():
        _refuse_company()
        with connection.cursor() as cursor:
            for table in connection.introspection.table_names(cursor):
                # The cache is nobody's model; it counts tries, which is no reason to keep anybody out now.
                verb = "DELETE FROM {}" if table == "cache" else "DROP TABLE {} CASCADE"
                cursor.execute(verb.format(connection.ops.quote_name(table)))
        yield


def load(lines: Iterator[bytes], say: Progress) -> None:
    """Fill an empty database with a backup that was checked, and bring it up to this version. Raises NoBackup."""
    about = About.read(next(lines, b""))
    there = _shape(about.migrations)
    by_table = {model._meta.db_table: model for model in there.get_models(include_auto_created=True)}  # noqa: SLF001  Django's public spelling
    filled = []
    with transaction.atomic():
        # Rows come table by table in the order of names. What made the tables may have asked for checks at once.
        _check_references("DEFERRED")
        for table, columns, rows in _tables(lines):
            model = by_table.get(table)
            if model is None:
                raise NoBackup(_NOT_WHOLE)
            say(table, _fill(model, columns, rows))
            filled.append(model)
        _settle_sequences(filled)
        # No table changes its shape while rows of it wait to be checked.
        _check_references("IMMEDIATE")
    call_command("migrate", interactive=False, verbosity=0)
    _leap()


def _tables(lines: Iterator[bytes]) -> Iterator[tuple[str, list[str], Iterator[list[Any]]]]:
    """Each table with its columns and rows, which are read before the next one is. Raises NoBackup."""
    head: dict[str, Any] = _parse(next(lines, b""), dict)
    counts: dict[str, int] = {}
    while "end" not in head:
        table, columns = head.get("table"), head.get("columns")
        if not isinstance(table, str) or not isinstance(columns, list) or table in counts:
            raise NoBackup(_NOT_WHOLE)
        counts[table] = 0
        after: list[dict[str, Any]] = []
        yield table, columns, _rows(lines, len(columns), table, counts, after)
        if not after:
            raise NoBackup(_NOT_WHOLE)
        [head] = after
    if head["end"] != counts or next(lines, None) is not None:
        raise NoBackup(_NOT_WHOLE)


def _rows(
    lines: Iterator[bytes], width: int, table: str, counts: dict[str, int], after: list[dict[str, Any]]
) -> Iterator[list[Any]]:
    for line in lines:
        found = _parse(line, list | dict)
        if isinstance(found, dict):
            after.append(found)
            return
        if len(found) != width:
            raise NoBackup(_NOT_WHOLE)
        counts[table] += 1
        yield found


def _parse(line: bytes, kind: Any) -> Any:
    with suppress(ValueError):
        found = json.loads(line)
        if isinstance(found, kind):
            return found
    raise NoBackup(_NOT_WHOLE)


def _shape(migrations: Sequence[tuple[str, str]]) -> Apps:
    """Make the tables as they were when the backup was made; the models of then."""
    executor = MigrationExecutor(connection)
    had = set(migrations)
    graph = executor.loader.graph
    leaves = [
        node
        for node in sorted(had)
        if not any(child.key in had and child.key[0] == node[0] for child in graph.node_map[node].children)
    ]
    return executor.migrate(leaves).apps


def _fill(model: type[models.Model], columns: list[str], rows: Iterator[list[Any]]) -> int:
    fields = {field.column: field for field in model._meta.concrete_fields}  # noqa: SLF001  Django's public spelling
    if set(columns) != set(fields):
        raise NoBackup(_NOT_WHOLE)
    quote = connection.ops.quote_name
    names, marks = ", ".join(quote(column) for column in columns), ", ".join(["%s"] * len(columns))
    statement = f"INSERT INTO {quote(model._meta.db_table)} ({names}) VALUES ({marks})"  # noqa: S608, SLF001  names of our own; Django's public spelling
    savers = [fields[column].get_db_prep_save for column in columns]
    count, waiting = 0, []
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {quote(model._meta.db_table)}")  # noqa: S608, SLF001  as above
        for row in rows:
            waiting.append([save(value, connection) for save, value in zip(savers, row, strict=True)])
            count += 1
            if len(waiting) == _AT_ONCE:
                cursor.executemany(statement, waiting)
                waiting = []
        if waiting:
            cursor.executemany(statement, waiting)
    return count


def _check_references(when: Literal["DEFERRED", "IMMEDIATE"]) -> None:
    """SQLite checks them when a transaction is committed, whatever is said here."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET CONSTRAINTS ALL {when}")


def _settle_sequences(filled: list[type[models.Model]]) -> None:
    """The next row gets a number that none has. SQLite sees to it by itself."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), filled):
            cursor.execute(statement)


def _leap() -> None:
    """No number is given out again that was given out since the backup: a link of then would confirm an address of now.

    A second is a number: so many rows are not made in the time between two restores.
    """
    floor = int((clock.now() - _NUMBERS_SINCE).total_seconds())
    with connection.cursor() as cursor:
        for table in _NUMBERED:
            quoted = connection.ops.quote_name(table)
            cursor.execute(f"SELECT MAX(id) FROM {quoted}")  # noqa: S608  a name of our own
            [(last,)] = cursor.fetchall()
            number = max(last or 0, floor, 1)
            if connection.vendor == "postgresql":
                cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [table, number])
            else:
                cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [table])
                cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, number])


def _refuse_company() -> None:
    """Nobody else may have a connection while everything is replaced. Raises NoBackup."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND backend_type = 'client backend'"
        )
        [(others,)] = cursor.fetchall()
    if others:
        message = f"{others} others are connected to the database: stop everything that uses it, then try again"
        raise NoBackup(message)


@contextmanager
def _another_file() -> Iterator[None]:
    ours = Path(str(connection.settings_dict["NAME"]))
    new = ours.with_name(f"{ours.name}.restoring")
    _remove(new)
    connection.close()
    connection.settings_dict["NAME"] = str(new)
    try:
        yield
        connection.close()
        _put_away_log(new)
        if ours.exists():
            _put_away(ours)
        # From one instruction to the next, ours is the new one.
        new.replace(ours)
        _sync(ours.parent)
    finally:
        connection.close()
        connection.settings_dict["NAME"] = str(ours)
        _remove(new)


def _put_away(ours: Path) -> None:
    """Have ours ready to be taken the place of; one that is broken is kept, as `.broken`, and its log with it."""
    try:
        _put_away_log(ours)
    except sqlite3.OperationalError:
        raise  # in use, or not ours to write: it may be whole
    except sqlite3.DatabaseError:
        for suffix in ("", "-wal", "-shm", "-journal"):
            with suppress(FileNotFoundError):
                ours.with_name(ours.name + suffix).replace(ours.with_name(f"{ours.name}.broken{suffix}"))


def _put_away_log(file: Path) -> None:
    """Have everything in the one file: a log that lies beside it would be read into whatever takes its name."""
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute("PRAGMA journal_mode = DELETE")
    _sync(file)


def _remove(file: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
