"""From an event to those who are to be told of it: lines of inboxes, and what is to be sent.

An event is spread chunk by chunk, all but the first in transactions of their own, so that ten thousand subscribers are
no more in memory than five hundred. Done twice it does no harm: nobody has two lines of one event.
"""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import Count, F

from belvedere.control.access.decision import GrantFacts
from belvedere.control.access.guard import unguarded
from belvedere.control.access.selectors import asked_at, list_candidates
from belvedere.control.accounts.models import Account
from belvedere.control.core import clock
from belvedere.control.events.models import Event
from belvedere.control.notifications.audience import Thing, drop_muted, grounds_of, list_things, needed_for
from belvedere.control.notifications.channels import Channel, choose
from belvedere.control.notifications.models import Notification, PushSubscription, Webhook
from belvedere.control.notifications.parcels import KINDS
from belvedere.control.notifications.selectors.choices import list_choices
from belvedere.control.outbox.services import enqueue_many

#: Accounts at once.
CHUNK: Final = 500
#: The same kind at the same place again so soon is the same notification, one more time …
COOL_DOWN: Final = timedelta(seconds=60)
#: … but not for longer than this: what goes on all night is told of again.
LONGEST: Final = timedelta(minutes=10)
#: Notifications that are sent to one account within a minute; of more there are but lines in the inbox.
MAX_A_MINUTE: Final = 30
#: What is older when we hear of it goes to the inbox alone.
NEWS: Final = timedelta(minutes=15)


@unguarded("events that happened; to whom they are told is decided for each account")
def tell_of_events(payload: Mapping[str, list[str]]) -> None:
    """Tell everybody who may know. `payload`: `{"events": [ids]}`."""
    rows = list(Event.objects.filter(pk__in=payload["events"]).order_by("pk"))
    things = list_things({row.camera_id or row.panel_id or "" for row in rows})
    going_on = []
    # Most have a handful of listeners: those of one message are one commit.
    with transaction.atomic():
        for row in rows:
            thing = things.get(row.camera_id or row.panel_id or "")
            if thing and (after := _tell(row, thing)):
                going_on.append((row, thing, after))
    for row, thing, first in going_on:
        after = first
        while after:
            after = _tell(row, thing, after)


def _tell(event: Event, thing: Thing, after: str = "") -> str:
    """Tell the next of them; after whom it goes on, "" where it does not."""
    candidates = list_candidates(thing.path, needed_for(event.kind), after=after, limit=CHUNK)
    if candidates:
        _tell_some(event, thing.path.leaf, candidates)
    return candidates[-1][0] if len(candidates) == CHUNK else ""


@transaction.atomic(savepoint=False)
def _tell_some(event: Event, resource: str, candidates: list[tuple[str, list[GrantFacts]]]) -> None:
    at = asked_at()
    found = {account: grounds_of(grants, event.kind, at) for account, grants in candidates}
    listeners = drop_muted({account: grounds for account, grounds in found.items() if grounds})
    active = Account.objects.filter(pk__in=listeners, is_active=True)
    listeners = list(active.values_list("pk", flat=True))
    choices = list_choices(listeners)
    chosen = {account: choose(choices.get(account, {}), resource, event.kind) for account in listeners}
    chosen = {account: channels for account, channels in chosen.items() if channels}
    now = clock.now()
    again = _count_again(event, resource, chosen)
    fresh = [account for account in chosen if account not in again]
    rows = [
        Notification(
            account_id=account,
            resource=resource,
            kind=event.kind,
            event=event.pk,
            last_event=event.pk,
            began_at=event.started_at,
            last_at=now,
            is_kept=Channel.INBOX in chosen[account],
        )
        for account in fresh
    ]
    if not rows:
        return
    Notification.objects.bulk_create(rows, ignore_conflicts=True, batch_size=CHUNK)
    # Those that this transaction wrote: whose line was there was told before.
    written = dict(Notification.objects.filter(pk__in=[row.pk for row in rows]).values_list("account", "pk"))
    if event.started_at > now - NEWS:
        flooded = _list_flooded(written)
        _send({account: pk for account, pk in written.items() if account not in flooded}, chosen, event.kind)


def _count_again(event: Event, resource: str, accounts: Collection[str]) -> set[str]:
    """Accounts that were told of the same a moment ago: their line says how often."""
    now = clock.now()
    again = Notification.objects.filter(
        account__in=list(accounts),
        resource=resource,
        kind=event.kind,
        last_at__gt=now - COOL_DOWN,
        began_at__gt=now - LONGEST,
    )
    told = dict(again.values_list("account", "pk"))
    if told:
        rows = Notification.objects.filter(pk__in=told.values()).exclude(last_event=event.pk)
        rows.update(count=F("count") + 1, last_at=now, last_event=event.pk)
    return set(told)


def _list_flooded(accounts: Collection[str]) -> set[str]:
    """Accounts that were sent enough within this minute."""
    since = clock.now() - timedelta(minutes=1)
    rows = Notification.objects.filter(account__in=list(accounts), last_at__gt=since, began_at__gt=since - NEWS)
    counted = rows.values("account").annotate(n=Count("pk")).order_by("account")
    return set(counted.filter(n__gt=MAX_A_MINUTE).values_list("account", flat=True))


def _send(lines: Mapping[str, str], chosen: Mapping[str, frozenset[Channel]], kind: str) -> None:
    """Put into the outbox what goes out: account → notification."""

    def by(channel: Channel) -> list[str]:
        return [account for account in lines if channel in chosen[account]]

    if accounts := by(Channel.PUSH):
        browsers = PushSubscription.objects.filter(account__in=accounts).values_list("account", "pk", "host")
        enqueue_many(
            KINDS[Channel.PUSH],
            (({"notification": lines[account], "to": pk}, host) for account, pk, host in browsers),
        )
    if accounts := by(Channel.MAIL):
        enqueue_many(
            KINDS[Channel.MAIL], (({"notification": lines[account], "to": account}, "mail") for account in accounts)
        )
    if accounts := by(Channel.WEBHOOK):
        hooks = Webhook.objects.filter(account__in=accounts, disabled_at=None)
        enqueue_many(
            KINDS[Channel.WEBHOOK],
            (
                ({"notification": lines[account], "to": pk}, pk)
                for account, pk, kinds in hooks.values_list("account", "pk", "kinds")
                if not kinds or kind in kinds.split(",")
            ),
        )
