"""From what waits in the outbox to what is sent: decided once more, at the last moment (N33).

Packing reads the database, sending does not: a parcel is handed to any thread, and knows nothing but where it goes.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import structlog
from django.utils.translation import gettext as _

from belvedere.contracts.camera_events import EventKind
from belvedere.control.accounts.models import Account
from belvedere.control.accounts.selectors import list_alive_credentials
from belvedere.control.core import clock, vault
from belvedere.control.core.matters import Matter
from belvedere.control.events.models import Event
from belvedere.control.events.words import KINDS as WORDS
from belvedere.control.events.words import counted
from belvedere.control.notifications import egress, publishing, signatures, web_push
from belvedere.control.notifications.audience import list_allowed, list_standing
from belvedere.control.notifications.channels import OF_PANELS, PERSONAL, Channel, choose, choose_for_matter
from belvedere.control.notifications.mails import send_mail
from belvedere.control.notifications.models import Broker, BrokerThing, Notification, PushSubscription, Webhook
from belvedere.control.notifications.selectors.choices import list_choices, list_quiet
from belvedere.control.notifications.selectors.matters import list_tellable_matters
from belvedere.control.outbox.models import Message

log = structlog.get_logger(__name__)

#: channel → kind in the outbox
KINDS: Final = {
    Channel.PUSH: "notification.push",
    Channel.MAIL: "notification.mail",
    Channel.WEBHOOK: "notification.webhook",
    Channel.MQTT: "notification.mqtt",
}
#: What waited for longer is no news: a push in the evening of a motion in the morning would frighten.
_FRESH: Final = {
    Channel.PUSH: timedelta(hours=1),
    Channel.MAIL: timedelta(hours=24),
    Channel.WEBHOOK: timedelta(days=3),
    # What it starts is a lamp, not a reader: late it is wrong.
    Channel.MQTT: timedelta(minutes=10),
}


@dataclass(frozen=True, slots=True)
class News:
    """What is told, in its reader's words. Of a test `id` is ""; `said` is what a matter says, which has no camera.

    `label` is what the source of the event calls what it saw, where it says.
    """

    id: str
    account: str
    resource: str
    name: str
    kind: str
    event: str
    count: int
    at: datetime
    said: str | None = None
    label: str = ""

    @property
    def words(self) -> str:
        """“Motion, 3 times”, “Animal (dog)”."""
        if not self.id:
            return _("This is a test. It works.")
        if self.said is not None:
            return self.said
        what = str(WORDS[EventKind(self.kind)]) + (f" ({self.label})" if self.label else "")
        return counted(what, EventKind(self.kind), self.count)

    @property
    def path(self) -> str:
        """Where it leads, at this server: decided again there."""
        if self.said is not None:
            return f"/notifications/matters/{self.id}"
        return f"/notifications/{self.id}" if self.id else "/account/notifications"

    @property
    def picture(self) -> str:
        """Where its picture is, decided again there; "" where there can be none."""
        has_one = self.id and self.said is None and self.kind not in OF_PANELS
        return f"{self.path}/picture.jpg" if has_one else ""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One thing to send. `send` raises NotReachable, NoAnswer, or what a mail server's absence raises."""

    message: Message
    channel: Channel
    target: str
    kind: str
    send: Callable[[], egress.Answer]


def pack(messages: Iterable[Message]) -> list[Parcel]:
    """What of this is to be sent now. The rest is nobody's any more. A constant number of queries."""
    asked = list(messages)
    about = {message.payload["notification"] for message in asked} - {""}
    told = _list_told(about) | _list_told_matters(about)
    targets = {message.payload["to"] for message in asked}
    browsers = {row.pk: row for row in PushSubscription.objects.filter(pk__in=targets)}
    alive = list_alive_credentials(row.credential for row in browsers.values())
    hooks = {row.pk: row for row in Webhook.objects.filter(pk__in=targets, disabled_at=None)}
    brokers = {row.pk: row for row in Broker.objects.filter(pk__in=targets, disabled_at=None)}
    people = {row.pk: row for row in Account.objects.filter(pk__in=targets, is_active=True)}
    overdue = _list_overdue(asked)
    parcels = []
    for message in asked:
        target = message.payload["to"]
        browser, hook, person = browsers.get(target), hooks.get(target), people.get(target)
        broker = brokers.get(target)
        work: Callable[[News], Callable[[], egress.Answer]]
        if browser and browser.credential in alive:
            owner, channel, work = browser.account_id, Channel.PUSH, partial(_push, browser)
        elif hook:
            owner, channel, work = hook.account_id, Channel.WEBHOOK, partial(_call, hook, message.pk)
        elif broker:
            owner, channel, work = broker.account_id, Channel.MQTT, partial(_publish, broker, message.payload)
        elif person:
            owner, channel, work = person.pk, Channel.MAIL, partial(_mail, person.email)
        else:
            continue
        if message.payload.get("forget", "") and (target, message.payload["forget"]) not in overdue:
            continue
        news = told.get((message.payload["notification"], channel))
        if not message.payload["notification"]:
            news = News("", owner, "", "Belvedere", "", "", 1, clock.now())
        if news and news.account == owner and message.kind == KINDS[channel]:
            parcels.append(Parcel(message, channel, target, news.kind, ready(partial(work, news))))
    return parcels


def ready(write: Callable[[], Callable[[], egress.Answer]]) -> Callable[[], egress.Answer]:
    """What `write` makes ready to send. What cannot be written fails when it is sent, and keeps no other waiting."""
    try:
        return write()
    except Exception as error:
        log.error("notification_not_written", error=type(error).__name__)  # noqa: TRY400  a traceback could carry keys
        return partial(_fail, type(error).__name__)


def _fail(why: str) -> egress.Answer:
    raise egress.NoAnswer(why)


def _list_overdue(messages: Iterable[Message]) -> set[tuple[str, str]]:
    """(broker, resource) of what brokers are to forget and its owner may not know again meanwhile."""
    asked = {(message.payload["to"], message.payload["forget"]) for message in messages if "forget" in message.payload}
    if not asked:
        return set()
    things = BrokerThing.objects.filter(
        broker__in={broker for broker, _resource in asked}, resource__in={resource for _broker, resource in asked}
    ).exclude(taken_back_at=None)
    keys = {
        (broker, resource): (account, resource, EventKind.MOTION.value)
        for broker, account, resource in things.values_list("broker", "broker__account", "resource")
    }
    standing = list_standing(set(keys.values()))
    return {thing for thing, key in keys.items() if thing in asked and key not in standing}


def _list_told(notifications: set[str]) -> dict[tuple[str, Channel], News]:
    """(notification, channel) → what is to be said, where its account is to be told by that channel now."""
    rows = list(Notification.objects.filter(pk__in=notifications))
    allowed = list_allowed([(row.account_id, row.resource, row.kind) for row in rows])
    accounts = {row.account_id for row in rows}
    choices, quiet = list_choices(accounts), list_quiet(accounts)
    seen = Event.objects.filter(pk__in={row.event for row in rows}).exclude(label="")
    labels = dict(seen.values_list("pk", "label"))
    now = clock.now()
    found = {}
    for row in rows:
        name = allowed.get((row.account_id, row.resource, row.kind))
        if name is None:
            continue
        news = News(
            *(row.pk, row.account_id, row.resource, name, row.kind, row.event, row.count, row.began_at),
            label=labels.get(row.event, ""),
        )
        for channel in choose(choices.get(row.account_id, {}), row.resource, row.kind) & _FRESH.keys():
            is_needless = channel in PERSONAL and (row.account_id in quiet or row.seen_at is not None)
            if row.last_at > now - _FRESH[channel] and not is_needless:
                found[row.pk, channel] = news
    return found


def _list_told_matters(lines: set[str]) -> dict[tuple[str, Channel], News]:
    """The same of what concerns an account or rights. What concerns the account itself comes in quiet hours, too."""
    views = list_tellable_matters(lines)
    accounts = {view.account for view in views}
    choices, quiet = list_choices(accounts), list_quiet(accounts)
    found: dict[tuple[str, Channel], News] = {}
    for view in views:
        is_kept_quiet = view.kind is Matter.RIGHTS and view.account in quiet
        for channel in choose_for_matter(choices.get(view.account, {}), view.kind) & _FRESH.keys():
            if view.at > clock.now() - _FRESH[channel] and not is_kept_quiet:
                found[view.id, channel] = News(
                    view.id, view.account, view.event, view.title, view.kind, view.event, 1, view.at, said=view.text
                )
    return found


def _push(row: PushSubscription, news: News) -> Callable[[], egress.Answer]:
    browser = web_push.read_browser(vault.unseal(row.keys, table="push_subscription", row=row.pk, field="keys"))
    said: dict[str, Any] = {
        "title": news.name,
        "body": news.words,
        "url": news.path,
        "picture": news.picture,
        "tag": web_push.tag_of(news.resource, news.kind),
        "at": news.at.isoformat(),
    }
    if row.is_discreet and news.id:
        said |= {"title": "Belvedere", "body": _("Something happened."), "picture": ""}
    return partial(send_push, browser, said, is_known=web_push.is_push_service(row.host))


def send_push(browser: web_push.Browser, said: dict[str, Any], *, is_known: bool) -> egress.Answer:
    """Encrypt it and hand it over. `is_known`: the push service is on the list. Raises NotReachable, NoAnswer."""
    # Who is on no list lies in a network that the operator named, and may have taken back.
    if not is_known and not egress.is_named(browser.endpoint):
        raise egress.NotReachable("no_push_service")
    return egress.post(browser.endpoint, web_push.encrypt(browser, said), web_push.headers_for(browser))


def _call(row: Webhook, message: str, news: News) -> Callable[[], egress.Answer]:
    at = clock.now()
    data = {
        "id": news.id,
        "event": news.event,
        "panel" if news.kind in OF_PANELS else "camera": news.resource,
        "name": news.name,
        "kind": news.kind,
        "count": news.count,
        "at": news.at.isoformat(),
    }
    kind = "event.began" if news.id else "test"
    said = {"type": kind, "timestamp": at.isoformat(), "data": data if news.id else {}}
    keys = [vault.unseal(row.secret, table="webhook", row=row.pk, field="secret")]
    if row.former_secret and row.former_until and row.former_until > at:
        keys.append(vault.unseal(row.former_secret, table="webhook", row=row.pk, field="former_secret"))
    body = json.dumps(said, ensure_ascii=False).encode()
    headers = signatures.sign(message, at, body, keys) | {"Content-Type": "application/json"}
    return partial(egress.post, vault.unseal(row.url, table="webhook", row=row.pk, field="url"), body, headers)


def _publish(row: Broker, payload: Mapping[str, Any], news: News) -> Callable[[], egress.Answer]:
    login = publishing.open_login(row)
    if gone := payload.get("forget"):
        return partial(publishing.publish, login, publishing.take_back(row.pk, gone))
    said: dict[str, Any] = {"event_type": news.kind or "test", "words": news.words, "at": news.at.isoformat()}
    if not news.id:
        return partial(publishing.publish, login, [publishing.tell(row.prefix, "test", said)])
    said |= {"id": news.id, "event": news.event, "name": news.name, "label": news.label, "count": news.count}
    is_panel = news.kind in OF_PANELS
    announced = publishing.announce(row.prefix, row.pk, news.resource, news.name, is_panel=is_panel)
    told = publishing.tell(row.prefix, news.resource, said)
    return partial(publishing.publish, login, [*(announced if row.is_announced else []), told])


def _mail(address: str, news: News) -> Callable[[], egress.Answer]:
    return partial(send_mail, address, news.account, news.name, news.words, news.at, news.path)
