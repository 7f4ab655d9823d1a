"""Whether journal and database tell the same story, for `doctor`."""

from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q, QuerySet

from belvedere.control.access.models import Grant
from belvedere.control.backups.journal import Journal
from belvedere.control.backups.losses import KEEPERS
from belvedere.control.core import clock
from belvedere.control.outbox.models import Message

#: how long a line may be under way
_SLACK: Final = timedelta(minutes=1)
_LOOKED_BACK: Final = timedelta(days=30)


def count_missing(journal: Journal | None) -> int:
    """Changes of the last thirty days that ended rights and are in no line: of those since the journal began.

    Where there is none, all of them: somebody took it away.
    """
    until = clock.now() - _SLACK
    since = until - _LOOKED_BACK
    if journal is not None:
        since = max(since, datetime.fromisoformat(journal.began_at))
    ended = Grant.objects.filter(ended_at__gt=since, ended_at__lt=until).exclude(change_id="")
    kept = {line.facts.get("change") for line in journal.lines} if journal else set()
    waiting = {row["change_id"] for row in _waiting().filter(kind="lost.rights").values_list("payload", flat=True)}
    return len(set(ended.values_list("change_id", flat=True).distinct()) - kept - waiting)


def count_waiting() -> int:
    """Losses that should stand in the journal by now."""
    # What is claimed is being written this very moment.
    return _waiting().filter(Q(claimed_until=None) | Q(claimed_until__lte=clock.now())).count()


def _waiting() -> QuerySet[Message]:
    return Message.objects.filter(kind__in=KEEPERS, done_at=None)
