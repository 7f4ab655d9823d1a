"""Cursor pages: `items` and `next`. A cursor is sealed to the caller and the list it came from (N13)."""

from collections.abc import Callable, Sequence
from typing import Any

from django.core import signing

from belvedere.control.core.errors import Refusal
from belvedere.control.core.principal import Principal

DEFAULT_LIMIT = 100
MAX_LIMIT = 500


class BadCursor(Refusal):
    """The cursor is of another list, or of somebody else."""

    status = 400
    code = "bad_cursor"


def seal(place: Any, *, actor: Principal, listing: str) -> str:
    """A cursor: where this caller's next page of this list begins."""
    return signing.dumps(place, salt=_salt(actor, listing))


def unseal(cursor: str, *, actor: Principal, listing: str) -> Any:
    """What was sealed. Raises BadCursor for anybody else's, and for that of another list."""
    try:
        return signing.loads(cursor, salt=_salt(actor, listing))
    except signing.BadSignature:
        raise BadCursor from None


def _salt(actor: Principal, listing: str) -> str:
    return f"cursor:{actor.id}:{listing}"


def paginate[T](
    items: Sequence[T], *, actor: Principal, listing: str, key: Callable[[T], str], limit: int, cursor: str | None
) -> tuple[list[T], str | None]:
    """The part of `items` after `cursor`, and the cursor of the rest. Raises BadCursor."""
    start = 0
    if cursor:
        last, place = unseal(cursor, actor=actor, listing=listing)
        # Where the last one is gone meanwhile, its place is taken by the one that follows.
        start = next((index + 1 for index, item in enumerate(items) if key(item) == last), place)
    end = start + limit
    page = list(items[start:end])
    more = page and end < len(items)
    return page, seal([key(page[-1]), end - 1], actor=actor, listing=listing) if more else None
