"""Cursor pages: `items` and `next`. A cursor is sealed to the caller and the list it came from (N13)."""

from collections.abc import Callable, Sequence

from django.core import signing

from belvedere.control.core.errors import Refusal
from belvedere.control.core.principal import Principal

DEFAULT_LIMIT = 100
MAX_LIMIT = 500


class BadCursor(Refusal):
    """The cursor is of another list, or of somebody else."""

    status = 400
    code = "bad_cursor"


def paginate[T](
    items: Sequence[T], *, actor: Principal, listing: str, key: Callable[[T], str], limit: int, cursor: str | None
) -> tuple[list[T], str | None]:
    """The part of `items` after `cursor`, and the cursor of the rest. Raises BadCursor."""
    salt = f"cursor:{actor.id}:{listing}"
    start = 0
    if cursor:
        try:
            last, place = signing.loads(cursor, salt=salt)
        except signing.BadSignature:
            raise BadCursor from None
        # Where the last one is gone meanwhile, its place is taken by the one that follows.
        start = next((index + 1 for index, item in enumerate(items) if key(item) == last), place)
    end = start + limit
    page = list(items[start:end])
    return page, signing.dumps([key(page[-1]), end - 1], salt=salt) if page and end < len(items) else None
