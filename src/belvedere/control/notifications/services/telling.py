"""From what happened to those who are to be told of it: lines of inboxes, and what is to be sent.

What is announced together is told together: the same kind at the same place as one, a few hundred accounts at a time,
by a number of queries that does not grow. So neither a storm nor ten thousand subscribers hold up what happens
elsewhere, or fill the memory. Done twice it does no harm: nobody has two lines of one event, none is counted twice.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final, NamedTuple

from django.db import transaction
from django.db.models import Count

from belvedere.contracts.camera_events import OF_MACHINES
from belvedere.control.access.decision import GrantFacts
from belvedere.control.access.guard import unguarded
from belvedere.control.access.selectors import asked_at, list_candidates
from belvedere.control.accounts.models import Account
from belvedere.control.core import clock, sql
from belvedere.control.events.models import Event
from belvedere.control.notifications.audience import Thing, drop_muted, grounds_of, list_things, needed_for
from belvedere.control.notifications.channels import Channel, choose
from belvedere.control.notifications.models import Broker, BrokerThing, Notification, PushSubscription, Webhook
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

_AGAIN: Final = "UPDATE notifications_notification SET count = count + %s, last_at = %s, last_event = %s WHERE id IN "


class Happening(NamedTuple):
    """Events of one kind at one camera or panel, in the order of their ids, which is that of time.

    What is wrong with machines stands at the first camera of its site.
    """

    thing: Thing
    kind: str
    events: list[Event]


#: who is to be told of which happening, by the happening's place in a list
type _Told = tuple[str, int]


@unguarded("events that happened; to whom they are told is decided for each account")
def tell_of_events(payload: Mapping[str, list[str]]) -> None:
    """Tell everybody who may know. `payload`: `{"events": [ids]}`."""
    waiting = [(happening, "") for happening in _list_happenings(payload["events"])]
    while waiting:
        waiting = _tell_next(waiting)


def _list_happenings(events: Iterable[str]) -> list[Happening]:
    rows = list(Event.objects.filter(pk__in=list(events)).order_by("pk"))
    things = list_things({row.camera_id or row.panel_id or "" for row in rows})
    grouped: defaultdict[tuple[str, str], list[Event]] = defaultdict(list)
    for row in rows:
        if thing := things.get(row.camera_id or row.panel_id or ""):
            # A node or disk has many cameras. Who may set one up may set up all of its site: he is told once.
            place = thing.path.site if row.kind in OF_MACHINES else ""
            grouped[place or thing.path.leaf, row.kind].append(row)
    return [
        Happening(things[found[0].camera_id or found[0].panel_id or ""], kind, found)
        for (_place, kind), found in grouped.items()
    ]


def _tell_next(waiting: list[tuple[Happening, str]]) -> list[tuple[Happening, str]]:
    """Tell as many accounts as fit of what waits, each with the account after which it goes on; what waits still."""
    happenings: list[Happening] = []
    candidates: list[list[tuple[str, list[GrantFacts]]]] = []
    rest, room = [], CHUNK
    for happening, after in waiting:
        found = []
        if room:
            needed = needed_for(happening.kind)
            found = list_candidates(happening.thing.path, needed, after=after, limit=room)
            happenings.append(happening)
            candidates.append(found)
        if len(found) == room:
            rest.append((happening, found[-1][0] if found else after))
        room -= len(found)
    _tell(happenings, candidates)
    return rest


@transaction.atomic
def _tell(happenings: list[Happening], candidates: list[list[tuple[str, list[GrantFacts]]]]) -> None:
    at, now = asked_at(), clock.now()
    grounds = {
        (account, number): grounds_of(grants, happening.kind, at)
        for number, (happening, found) in enumerate(zip(happenings, candidates, strict=True))
        for account, grants in found
    }
    listeners = drop_muted({told: because for told, because in grounds.items() if because})
    accounts = {account for account, _number in listeners}
    active = set(Account.objects.filter(pk__in=accounts, is_active=True).values_list("pk", flat=True))
    choices = list_choices(active)
    chosen: dict[_Told, frozenset[Channel]] = {}
    for account, number in listeners:
        happening = happenings[number]
        channels = choose(choices.get(account, {}), happening.thing.path.leaf, happening.kind)
        if account in active and channels:
            chosen[account, number] = channels
    fresh = chosen.keys() - _count_again(happenings, chosen)
    rows = [_line(account, happenings[number], chosen[account, number]) for account, number in sorted(fresh)]
    if not rows:
        return
    Notification.objects.bulk_create(rows, ignore_conflicts=True, batch_size=CHUNK)
    # Those that this transaction wrote: whose line was there was told before.
    written = Notification.objects.filter(pk__in=[row.pk for row in rows]).values_list("account", "event", "pk")
    numbers = {happening.events[0].pk: number for number, happening in enumerate(happenings)}
    lines = {(account, numbers[event]): pk for account, event, pk in written}
    flooded = _list_flooded({account for account, _number in lines})
    news = {number for number, one in enumerate(happenings) if one.events[-1].started_at > now - NEWS}
    sent = {told: pk for told, pk in lines.items() if told[0] not in flooded and told[1] in news}
    _send(sent, chosen, happenings)


def _line(account: str, happening: Happening, channels: frozenset[Channel]) -> Notification:
    first, last = happening.events[0], happening.events[-1]
    return Notification(
        account_id=account,
        resource=happening.thing.path.leaf,
        kind=happening.kind,
        event=first.pk,
        last_event=last.pk,
        count=len(happening.events),
        began_at=first.started_at,
        last_at=clock.now(),
        is_kept=Channel.INBOX in channels,
    )


def _count_again(happenings: list[Happening], asked: Iterable[_Told]) -> set[_Told]:
    """Those who were told of the same a moment ago: their line says how often, and of each event once."""
    now, wanted = clock.now(), set(asked)
    recent = Notification.objects.filter(
        account__in={account for account, _number in wanted},
        resource__in={happening.thing.path.leaf for happening in happenings},
        last_at__gt=now - COOL_DOWN,
        began_at__gt=now - LONGEST,
    )
    numbers = {(one.thing.path.leaf, one.kind): number for number, one in enumerate(happenings)}
    told: set[_Told] = set()
    more: defaultdict[tuple[int, int], list[str]] = defaultdict(list)
    for pk, account, resource, kind, last in recent.values_list("pk", "account", "resource", "kind", "last_event"):
        number = numbers.get((resource, kind), -1)
        if (account, number) in wanted:
            told.add((account, number))
            more[number, sum(event.pk > last for event in happenings[number].events)].append(pk)
    for (number, count), lines in more.items():
        if count:
            last = happenings[number].events[-1].pk
            sql.change(f"{_AGAIN} ({sql.marks(lines)})", count, now, last, *lines)
    return told


def _list_flooded(accounts: Iterable[str]) -> set[str]:
    """Accounts that were sent enough within this minute."""
    since = clock.now() - timedelta(minutes=1)
    rows = Notification.objects.filter(account__in=list(accounts), last_at__gt=since, began_at__gt=since - NEWS)
    counted = rows.values("account").annotate(n=Count("pk")).order_by("account")
    return set(counted.filter(n__gt=MAX_A_MINUTE).values_list("account", flat=True))


def _send(lines: Mapping[_Told, str], chosen: Mapping[_Told, frozenset[Channel]], happenings: list[Happening]) -> None:
    """Put into the outbox what goes out: who is told of what → notification; `happenings` by what."""

    def by(channel: Channel) -> dict[str, list[tuple[str, Happening]]]:
        """Account → its notifications that go this way, and what they are of."""
        found: defaultdict[str, list[tuple[str, Happening]]] = defaultdict(list)
        for told, pk in lines.items():
            if channel in chosen[told]:
                found[told[0]].append((pk, happenings[told[1]]))
        return found

    if pushed := by(Channel.PUSH):
        browsers = PushSubscription.objects.filter(account__in=pushed).values_list("account", "pk", "host")
        enqueue_many(
            KINDS[Channel.PUSH],
            (
                ({"notification": line, "to": pk}, host)
                for account, pk, host in browsers
                for line, _happening in pushed[account]
            ),
        )
    if mailed := by(Channel.MAIL):
        enqueue_many(
            KINDS[Channel.MAIL],
            (
                ({"notification": line, "to": account}, "mail")
                for account, told in mailed.items()
                for line, _happening in told
            ),
        )
    if called := by(Channel.WEBHOOK):
        hooks = Webhook.objects.filter(account__in=called, disabled_at=None).values_list("account", "pk", "kinds")
        enqueue_many(
            KINDS[Channel.WEBHOOK],
            (
                ({"notification": line, "to": pk}, pk)
                for account, pk, wanted in hooks
                for line, happening in called[account]
                if not wanted or happening.kind in wanted.split(",")
            ),
        )
    if published := by(Channel.MQTT):
        _publish(published)


def _publish(published: Mapping[str, list[tuple[str, Happening]]]) -> None:
    """The same for brokers: account → its notifications; and what each broker will have been told exists."""
    brokers = list(Broker.objects.filter(account__in=published, disabled_at=None))
    enqueue_many(
        KINDS[Channel.MQTT],
        (
            ({"notification": line, "to": row.pk}, row.pk)
            for row in brokers
            for line, _happening in published[row.account_id]
        ),
    )
    things = {
        (row.pk, happening.thing.path.leaf)
        for row in brokers
        if row.is_announced
        for _line, happening in published[row.account_id]
    }
    BrokerThing.objects.bulk_create(
        [BrokerThing(broker_id=pk, resource=resource, look_at=clock.now()) for pk, resource in sorted(things)],
        update_conflicts=True,
        unique_fields=["broker", "resource"],
        update_fields=["taken_back_at", "look_at"],
    )
