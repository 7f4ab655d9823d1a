"""What waits for somebody's answer, in whatever room: numbers, and one question for all of them."""

from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet


def count_each(**rows: QuerySet[Any]) -> dict[str, int]:
    """How many rows there are in each of these. One query."""
    parts: dict[str, str] = {}
    values: list[Any] = []
    for name, one in rows.items():
        try:
            statement, given = one.order_by().values("pk").query.sql_with_params()
        except EmptyResultSet:  # of nobody's addresses, or in no organization: there is nothing to ask
            continue
        parts[name] = f"(SELECT COUNT(*) FROM ({statement}) AS part)"  # noqa: S608  Django's own statement
        values += given
    if not parts:
        return dict.fromkeys(rows, 0)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts.values())}", values)
        [counts] = cursor.fetchall()
    return dict.fromkeys(rows, 0) | dict(zip(parts, counts, strict=True))
