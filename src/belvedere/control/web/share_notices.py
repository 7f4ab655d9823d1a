"""What the inbox says of shares by themselves: what rests, what is about to end, what was used up or lapsed."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from belvedere.control.core.principal import Principal
from belvedere.control.sharing.selectors import (
    GivenShare,
    ItemView,
    ReceivedShare,
    list_given_ending,
    list_over_since,
    list_received_ending,
    list_received_paused,
)


def share_notices(actor: Principal, since: datetime) -> list[dict[str, Any]]:
    """Of shares given and received: `{icon, title, text, at, url}`; url: where something can be done about it."""
    return [
        *(_over(row) for row in list_over_since(actor, since)),
        *(_given_ending(row) for row in list_given_ending(actor)),
        *(_received_ending(row) for row in list_received_ending(actor)),
        *(_paused(row) for row in list_received_paused(actor)),
    ]


def _over(row: GivenShare) -> dict[str, Any]:
    words = {"used": _("%(who)s used the one time you gave them"), "unused": _("%(who)s did not use it, and it ended")}
    return _of_given(row, "check", words[row.ended_reason], row.ended_at)


def _given_ending(row: GivenShare) -> dict[str, Any]:
    return _of_given(row, "clock", _("What you share with %(who)s ends soon"), row.ends_at)


def _of_given(row: GivenShare, icon: str, title: str, at: datetime | None) -> dict[str, Any]:
    return {
        "icon": icon,
        "title": title % {"who": row.recipient_name or row.recipient_address},
        "text": _names(row.items),
        "at": at,
        "url": reverse("share-page", args=[row.id]),
    }


def _received_ending(row: ReceivedShare) -> dict[str, Any]:
    camera = next((item.resource for item in row.items if item.kind == "camera"), "")
    return {
        "icon": "clock",
        "title": _("What %(who)s shares with you ends soon") % {"who": row.sharer.name},
        "text": _names(row.items),
        "at": row.ends_at,
        # Whoever needs it for longer may ask; whoever gives it decides.
        "url": f"{reverse('request-new')}?{urlencode({'camera': camera})}" if camera else "",
    }


def _paused(row: ReceivedShare) -> dict[str, Any]:
    return {
        "icon": "pause",
        "title": _("Paused by %(who)s") % {"who": row.sharer.name},
        "text": _names(row.items),
        "at": row.paused_at,
    }


def _names(items: list[ItemView]) -> str:
    return ", ".join(item.name for item in items)
