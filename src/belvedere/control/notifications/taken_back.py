"""What browsers show is taken back: a message that says which tag to close, and shows nothing."""

from collections.abc import Iterable
from functools import partial
from typing import Final

from belvedere.control.core import vault
from belvedere.control.notifications import web_push
from belvedere.control.notifications.channels import Channel
from belvedere.control.notifications.models import PushSubscription
from belvedere.control.notifications.parcels import Parcel, send_push
from belvedere.control.outbox.models import Message

#: kind in the outbox: `{"to": browser, "tag": tag}`
CLOSE: Final = "notification.close"


def pack_closes(messages: Iterable[Message]) -> list[Parcel]:
    """What of this is to be sent: to browsers that are still somebody's, signed in or not. One query."""
    asked = list(messages)
    browsers = {row.pk: row for row in PushSubscription.objects.filter(pk__in=[one.payload["to"] for one in asked])}
    return [_pack(message, browsers[message.payload["to"]]) for message in asked if message.payload["to"] in browsers]


def _pack(message: Message, row: PushSubscription) -> Parcel:
    browser = web_push.read_browser(vault.unseal(row.keys, table="push_subscription", row=row.pk, field="keys"))
    said = {"close": message.payload["tag"]}
    send = partial(send_push, browser, said, is_known=web_push.is_push_service(row.host))
    return Parcel(message, Channel.PUSH, row.pk, "", send)
