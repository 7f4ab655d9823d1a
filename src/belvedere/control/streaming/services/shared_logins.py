"""One sign-in that is used in many places at once is mostly a password that was passed on (VA 6)."""

from typing import Final

from belvedere.control.access.guard import unguarded
from belvedere.control.accounts.services import notice_many_places
from belvedere.control.core import sql

#: a phone on the road, a screen at home and one at work are one person; a fourth place is another one
MANY: Final = 4

#: Tokens are for programs, which may stand anywhere; guests have no account.
_CROWDED: Final = (
    "SELECT principal, COUNT(DISTINCT network) FROM streaming_viewingsession "
    "WHERE opened_at IS NOT NULL AND closed_at IS NULL AND network <> '' AND probed_by = '' "
    "AND credential LIKE 'session:%%' "
    "GROUP BY principal HAVING COUNT(DISTINCT network) >= %s"
)


@unguarded("the worker's own housekeeping")
def notice_shared_logins() -> None:
    """Tell each account that watches from many networks at this moment, and nobody else."""
    for account, places in sql.fetch(_CROWDED, MANY):
        notice_many_places(account, places=places)
