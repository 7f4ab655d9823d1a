"""Statements written by hand, for the few paths where somebody waits: to build the ORM's costs ten times the statement.

They are written for both databases, with %s for values; nothing but constants and `marks` is ever put into their text.
"""

from collections.abc import Sized
from functools import cache
from typing import Any

from django.db import connection, models


def fetch(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """The rows of a question, or of a change with RETURNING. Instants come as the database has them: SQLite, text."""
    with connection.cursor() as cursor:
        cursor.execute(statement, [connection.ops.adapt_unknown_value(value) for value in values])
        return list(cursor.fetchall())


def change(statement: str, *values: Any) -> int:
    """Do it; how many rows it met."""
    with connection.cursor() as cursor:
        cursor.execute(statement, [connection.ops.adapt_unknown_value(value) for value in values])
        return int(cursor.rowcount)


def insert(row: models.Model) -> None:
    """Write a row that is new, as `save(force_insert=True)` would."""
    statement = _insert_into(type(row))
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            [
                field.get_db_prep_save(getattr(row, field.attname), connection)
                for field in row._meta.concrete_fields  # noqa: SLF001  Django's public spelling
            ],
        )
    row._state.adding = False  # noqa: SLF001  Django's public spelling


def marks(values: Sized) -> str:
    """A %s for each of these, for IN (…)."""
    return ", ".join(["%s"] * len(values))


@cache
def _insert_into(model: type[models.Model]) -> str:
    meta = model._meta  # noqa: SLF001  Django's public spelling
    columns = ", ".join(f'"{field.column}"' for field in meta.concrete_fields)
    return f"INSERT INTO {meta.db_table} ({columns}) VALUES ({marks(meta.concrete_fields)})"  # noqa: S608  names of our own
