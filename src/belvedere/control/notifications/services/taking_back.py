"""Taking back what browsers show: its reader opened it elsewhere, or may not know of it any more (N33).

What was pushed is marked when the push service took it, and the mark is claimed when it is taken back: once, whoever
comes first. A right may also end by itself, by its hours or its last day: somebody looks once a minute.
"""

from collections.abc import Collection
from datetime import timedelta
from itertools import batched
from typing import Final

from django.db import transaction
from django.db.models import Q

from belvedere.control.access.guard import unguarded
from belvedere.control.access.selectors import list_principals_of_change
from belvedere.control.core import clock, sql
from belvedere.control.core.principal import Principal
from belvedere.control.notifications.audience import list_allowed
from belvedere.control.notifications.models import Notification, PushSubscription
from belvedere.control.notifications.selectors.lines import get_line
from belvedere.control.notifications.taken_back import CLOSE
from belvedere.control.notifications.web_push import shows_each, tag_of
from belvedere.control.outbox.services import enqueue_many

#: Lines looked at together.
CHUNK: Final = 500
#: Nobody leaves a notification on a screen for longer; and if, it is old news.
SHOWN_FOR: Final = timedelta(days=3)


@unguarded("a push service took them")
def note_pushed(notifications: Collection[str]) -> None:
    """Browsers show these now, as far as we know."""
    for line in Notification.objects.filter(pk__in=list(notifications)):
        # It took the place of those before it: there is one of a kind on a screen.
        same = Notification.objects.filter(account=line.account_id, resource=line.resource, kind=line.kind)
        same.filter(pushed_at__isnull=False, last_at__lt=line.last_at).update(pushed_at=None)
    if notifications:
        Notification.objects.filter(pk__in=list(notifications)).update(pushed_at=clock.now())


@unguarded("the actor's own line, found by the rule of its selector; his other browsers need not show it any more")
@transaction.atomic
def see_line(actor: Principal, *, notification: str) -> None:
    """Its reader opened it: all of its kind there before it were seen, too. Raises NotFound."""
    line = get_line(actor, notification)
    rows = Notification.objects.filter(
        account=actor.id, resource=line.resource, kind=line.kind, last_at__lte=line.last_at, seen_at=None
    )
    seen = list(rows.values_list("pk", flat=True))
    rows.update(seen_at=clock.now())
    _take_back(seen)


@unguarded("rights ended; what they allowed to be shown is decided anew for each line")
def take_back_lost(payload: dict[str, str]) -> None:
    """Look at what those who lost something are shown. Handler of `access.lost`, beside the one that cuts streams."""
    for principals in batched(list_principals_of_change(payload["change_id"]), CHUNK):
        _look(Q(account__in=principals))


@unguarded("the worker's own housekeeping")
def take_back_stale() -> None:
    """Look at all that is shown: a right that ended by itself told nobody."""
    Notification.objects.filter(pushed_at__lt=clock.now() - SHOWN_FOR).update(pushed_at=None)
    _look(Q())


def _look(which: Q) -> None:
    """Take back what of these nobody should be shown any more, some at a time."""
    after = ""
    while True:
        shown = Notification.objects.filter(which, pushed_at__isnull=False, pk__gt=after).order_by("pk")
        rows = list(shown.values_list("pk", "account", "resource", "kind", "seen_at")[:CHUNK])
        if not rows:
            return
        after = rows[-1][0]
        allowed = list_allowed(
            [(account, resource, kind) for _pk, account, resource, kind, _seen in rows], is_muted=False
        )
        stale = [pk for pk, account, resource, kind, seen in rows if seen or (account, resource, kind) not in allowed]
        if stale:
            with transaction.atomic():
                _take_back(stale)


def _take_back(notifications: Collection[str]) -> None:
    """Claim the marks of these, and have each browser of theirs close it."""
    if not notifications:
        return
    claimed = sql.fetch(
        "UPDATE notifications_notification SET pushed_at = NULL "  # noqa: S608  marks only
        f"WHERE pushed_at IS NOT NULL AND id IN ({sql.marks(notifications)}) RETURNING account_id, resource, kind",
        *notifications,
    )
    tags: dict[str, set[str]] = {}
    for account, resource, kind in claimed:
        tags.setdefault(account, set()).add(tag_of(resource, kind))
    browsers = PushSubscription.objects.filter(account__in=tags).values_list("account", "pk", "host")
    enqueue_many(
        CLOSE,
        (
            ({"to": pk, "tag": tag}, host)
            for account, pk, host in browsers
            if not shows_each(host)
            for tag in sorted(tags[account])
        ),
    )
