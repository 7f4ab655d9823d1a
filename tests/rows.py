"""The whole database as rows: to compare before and after, and to put back."""

from typing import Any

from django.db import connection, transaction

type Rows = dict[str, list[tuple[Any, ...]]]

#: filled by migrations, and the same for every test
_KEPT = {"django_migrations", "django_content_type", "auth_permission"}
#: Django's cache, where limits count: with PostgreSQL it is a table too
CACHE = "cache"


def _tables() -> list[str]:
    with connection.cursor() as cursor:
        return [name for name in connection.introspection.table_names(cursor) if name not in _KEPT]


def get_rows(*, without: set[str] | None = None) -> Rows:
    """Every row of every table but those in `without`."""
    found = {}
    with connection.cursor() as cursor:
        for name in sorted({*_tables()} - {CACHE} - (without or set())):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(name)}")  # noqa: S608  our own tables
            found[name] = [tuple(row) for row in cursor.fetchall()]
    return found


def put_rows(rows: Rows) -> None:
    """Make the database consist of these rows and no others."""
    is_postgresql = connection.vendor == "postgresql"
    with connection.constraint_checks_disabled(), transaction.atomic(), connection.cursor() as cursor:
        if is_postgresql:
            cursor.execute("SET LOCAL session_replication_role = replica")
        for table in _tables():
            name = connection.ops.quote_name(table)
            cursor.execute(f"DELETE FROM {name}")  # noqa: S608  our own tables
            if rows.get(table):
                places = ", ".join(["%s"] * len(rows[table][0]))
                cursor.executemany(f"INSERT INTO {name} VALUES ({places})", rows[table])  # noqa: S608
