"""What browsers show is taken back: a message that says which tag to close, and shows nothing."""

from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Final

from belvedere.control.core import vault
from belvedere.control.notifications import web_push
from belvedere.control.notifications.channels import Channel
from belvedere.control.notifications.egress import Answer
from belvedere.control.notifications.models import MatterLine, Notification, PushSubscription
from belvedere.control.notifications.parcels import Parcel, ready, send_push
from belvedere.control.outbox.models import Message

#: kind in the outbox: `{"to": browser, "tag": tag}`
CLOSE: Final = "notification.close"


def pack_closes(messages: Iterable[Message]) -> list[Parcel]:
    """What of this is to be sent: to browsers that are still somebody's, signed in or not. Three queries.

    Not what would come too late: under the same tag a browser may show the next of its kind by now.
    """
    asked = list(messages)
    browsers = {row.pk: row for row in PushSubscription.objects.filter(pk__in=[one.payload["to"] for one in asked])}
    shown = _list_shown({row.account_id for row in browsers.values()}, {one.payload["tag"] for one in asked})
    return [
        _pack(message, row)
        for message in asked
        if (row := browsers.get(message.payload["to"])) and (row.account_id, message.payload["tag"]) not in shown
    ]


def _list_shown(accounts: Collection[str], tags: Collection[str]) -> set[tuple[str, str]]:
    """(account, tag) of what is shown now."""
    things = {tag.partition(".")[0] for tag in tags}
    lines = Notification.objects.filter(account__in=accounts, pushed_at__isnull=False, resource__in=things)
    matters = MatterLine.objects.filter(account__in=accounts, pushed_at__isnull=False, event__in=things)
    rows = [*lines.values_list("account", "resource", "kind"), *matters.values_list("account", "event", "kind")]
    return {(account, web_push.tag_of(thing, kind)) for account, thing, kind in rows}


def _pack(message: Message, row: PushSubscription) -> Parcel:
    return Parcel(message, Channel.PUSH, row.pk, "", ready(partial(_write, message, row)))


def _write(message: Message, row: PushSubscription) -> Callable[[], Answer]:
    browser = web_push.read_browser(vault.unseal(row.keys, table="push_subscription", row=row.pk, field="keys"))
    said = {"close": message.payload["tag"]}
    return partial(send_push, browser, said, is_known=web_push.is_push_service(row.host))
