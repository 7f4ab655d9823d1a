"""What waits for somebody's answer, in whatever room: a number beside *Inbox*, and one question for all of it."""

from typing import Any

from django.db.models import QuerySet, Value


def count_together(first: QuerySet[Any], *others: QuerySet[Any]) -> int:
    """How many rows there are in all of these. One query."""
    head, *rest = (rows.order_by().annotate(one=Value(1)).values("one") for rows in (first, *others))
    count: int = head.union(*rest, all=True).count()
    return count
