"""Taking back what browsers show: its reader opened it elsewhere, or may not know of it any more (N33).

What was pushed is marked when the push service took it, and the mark is claimed when it is taken back: once, whoever
comes first. Whoever ends a right says so, and it is looked at then; a right may also end by itself, by its hours or
its last day: of each line it is known when that is next. So what stands for long costs nothing while it stands.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import batched
from math import inf
from typing import Any, Final

from django.db import transaction
from django.db.models import Q

from belvedere.control.access.guard import unguarded
from belvedere.control.access.selectors import list_principals_of_change
from belvedere.control.core import clock, sql
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Camera, Panel
from belvedere.control.notifications.audience import list_standing
from belvedere.control.notifications.models import BrokerThing, MatterLine, Notification, PushSubscription
from belvedere.control.notifications.selectors.lines import get_line
from belvedere.control.notifications.selectors.matters import get_matter, list_tellable_matters
from belvedere.control.notifications.taken_back import CLOSE
from belvedere.control.notifications.web_push import shows_each, tag_of
from belvedere.control.outbox.services import enqueue_many

#: Lines looked at together.
CHUNK: Final = 500
#: Nobody leaves a notification on a screen for longer; and if, it is old news.
SHOWN_FOR: Final = timedelta(days=3)

type _Kind = type[Notification | MatterLine]

#: what stands before the dot of a tag
_TAGGED: Final = {Notification: "resource", MatterLine: "event"}


@unguarded("a push service took them")
def note_pushed(told: Collection[str]) -> None:
    """Browsers show these lines now, as far as we know; what ended while they were under way is taken back at once."""
    lines = list(Notification.objects.filter(pk__in=list(told)))
    for line in lines:
        # It took the place of those before it: there is one of a kind on a screen.
        same = Notification.objects.filter(account=line.account_id, resource=line.resource, kind=line.kind)
        same.filter(pushed_at__isnull=False, last_at__lt=line.last_at).update(pushed_at=None)
    matters = set(told) - {line.pk for line in lines}
    for kind, found in ((Notification, {line.pk for line in lines}), (MatterLine, matters)):
        if found:
            kind.objects.filter(pk__in=found).update(pushed_at=clock.now(), look_at=clock.now())
            _look(kind, Q(pk__in=found))


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
    _take_back(Notification, seen)


@unguarded("the actor's own line, found by the rule of its selector")
@transaction.atomic
def see_matter(actor: Principal, *, matter: str) -> None:
    """The same of what concerns his account, or rights. Raises NotFound."""
    view = get_matter(actor, matter)
    MatterLine.objects.filter(pk=view.id, seen_at=None).update(seen_at=clock.now())
    _take_back(MatterLine, [view.id])


@unguarded("rights ended; what they allowed to be shown is decided anew for each line")
def take_back_lost(payload: Mapping[str, str]) -> None:
    """Look at what those who lost something are shown. Handler of `access.lost`, beside the one that cuts streams."""
    for principals in batched(list_principals_of_change(payload["change_id"]), CHUNK):
        _look_at_accounts(principals)


@unguarded("an account said something about a matter, or is no more; what it is shown is decided anew")
def take_back_of_account(payload: Mapping[str, str]) -> None:
    """Look at what one account is shown. Handler of `account.matter_answered` and `account.disabled`."""
    _look_at_accounts([payload["account"]])


@unguarded("cameras or panels changed; what is shown of them is decided anew")
def take_back_changed(payload: Mapping[str, Any]) -> None:
    """Look at what is shown of them. Handler of `cameras.closed`, `cameras.moved`."""
    _look_at_things(Q(resource__in=payload["cameras"]))


@unguarded("an organization was frozen; what is shown of it is decided anew")
def take_back_frozen(payload: Mapping[str, str]) -> None:
    """Look at what is shown of an organization. Handler of `organization.frozen`."""
    organization = payload["organization"]
    cameras = Camera.objects.filter(organization=organization).values("pk")
    panels = Panel.objects.filter(device__organization=organization).values("pk")
    _look_at_things(Q(resource__in=cameras) | Q(resource__in=panels))
    _look(MatterLine, Q(organization=organization))


@unguarded("the worker's own housekeeping")
def take_back_stale() -> None:
    """Look at what is due: a right that ended by itself told nobody."""
    for kind in (Notification, MatterLine):
        while due := _list_due(kind):
            _look(kind, Q(pk__in=due))


def _list_due(kind: _Kind) -> list[str]:
    due = kind.objects.filter(pushed_at__isnull=False, look_at__lte=clock.now())
    return list(due.order_by("look_at").values_list("pk", flat=True)[:CHUNK])


def _look_at_accounts(accounts: Sequence[str]) -> None:
    _look(Notification, Q(account__in=accounts))
    _look(MatterLine, Q(account__in=accounts))
    BrokerThing.objects.filter(broker__account__in=accounts).update(look_at=clock.now())


def _look_at_things(which: Q) -> None:
    _look(Notification, which)
    BrokerThing.objects.filter(which).update(look_at=clock.now())


def _look(kind: _Kind, which: Q) -> None:
    """Take back what of these nobody should be shown any more, and know of the others when to look next."""
    after = ""
    while True:
        found = kind.objects.filter(which, pushed_at__isnull=False, pk__gt=after)
        rows: list[Any] = list(found.order_by("pk")[:CHUNK])
        if not rows:
            break
        after = rows[-1].pk
        until = _STANDING[kind](rows)
        shown = [row for row in rows if row.seen_at is None and row.pk in until]
        for row in shown:
            old_at = (row.pushed_at or clock.now()) + SHOWN_FOR
            row.look_at = min(old_at, _instant(until[row.pk]))
        with transaction.atomic():
            kind.objects.bulk_update(shown, ["look_at"])
            _take_back(kind, {row.pk for row in rows} - {row.pk for row in shown})
    # What is as old as that is left where it is, if it is still there.
    kind.objects.filter(which, pushed_at__lte=clock.now() - SHOWN_FOR).update(pushed_at=None)


def _instant(seconds: float) -> datetime:
    return datetime.max.replace(tzinfo=UTC) if seconds == inf else datetime.fromtimestamp(seconds, UTC)


def _list_standing(rows: Sequence[Notification]) -> dict[str, float]:
    """Line → until when its account may know of it at least."""
    asked = {row.pk: (row.account_id, row.resource, row.kind) for row in rows}
    standing = list_standing(set(asked.values()))
    return {pk: standing[key] for pk, key in asked.items() if key in standing}


def _list_standing_matters(rows: Sequence[MatterLine]) -> dict[str, float]:
    return {view.id: view.until for view in list_tellable_matters([row.pk for row in rows])}


_STANDING: Final[dict[type[Any], Callable[[Any], dict[str, float]]]] = {
    Notification: _list_standing,
    MatterLine: _list_standing_matters,
}


def _take_back(kind: _Kind, lines: Collection[str]) -> None:
    """Claim the marks of these, and have each browser of theirs close it."""
    if not lines:
        return
    claimed = sql.fetch(
        f"UPDATE {kind._meta.db_table} SET pushed_at = NULL "  # noqa: S608, SLF001  our own table, marks; Django's way to its name
        f"WHERE pushed_at IS NOT NULL AND id IN ({sql.marks(lines)}) RETURNING account_id, {_TAGGED[kind]}, kind",
        *lines,
    )
    tags: dict[str, set[str]] = {}
    for account, thing, what in claimed:
        tags.setdefault(account, set()).add(tag_of(thing, what))
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
