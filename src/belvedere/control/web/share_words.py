"""The terms of a share in words: “weekdays 8–18, until 31 December”, “recordings of the last 24 hours”."""

from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from belvedere.contracts.permissions import Permission
from belvedere.control.core import clock
from belvedere.control.sharing.selectors import GivenShare, ItemView, ReceivedShare
from belvedere.control.sharing.terms import DAY, EVERYTHING, Footage
from belvedere.control.sharing.words import footage_words, hours_words
from belvedere.control.web.invited import time_left

_WEEK: Final = 7 * DAY
_CAN: Final = (
    (Permission.LISTEN, gettext_lazy("listen")),
    (Permission.EXPORT, gettext_lazy("export")),
    (Permission.TALK, gettext_lazy("talk")),
    (Permission.PTZ, gettext_lazy("move the camera")),
    (Permission.NOTIFY, gettext_lazy("get notifications")),
)


def instant_words(at: datetime, zone: str) -> str:
    """`31 December`, `31 December, 18:00`; the year where it is another one. Wall time of the zone."""
    local, now = at.astimezone(ZoneInfo(zone)), clock.now().astimezone(ZoneInfo(zone))
    words = date_format(local, "j F" if local.year == now.year else "j F Y")
    return words if (local.hour, local.minute) in {(0, 0), (23, 59)} else f"{words}, {local:%H:%M}"


def when_words(starts_at: datetime | None, ends_at: datetime | None, hours: dict[str, Any] | None, zone: str) -> str:
    """`weekdays 8–18, from 1 December until 31 December`; "" without any bound."""
    parts = [hours_words(hours)]
    span = [
        _("from %(at)s") % {"at": instant_words(starts_at, zone)} if starts_at else "",
        _("until %(at)s") % {"at": instant_words(ends_at, zone)} if ends_at else "",
    ]
    parts.append(" ".join(filter(None, span)))
    return ", ".join(filter(None, parts))


def sees_words(permissions: Permission, footage: Footage) -> str:
    """What somebody will see of a camera: `live, and recordings of the last 24 hours`."""
    past = (
        " ".join(filter(None, (_("recordings"), footage_words(footage)))) if Permission.PLAYBACK in permissions else ""
    )
    live = _("live") if Permission.LIVE_VIEW in permissions else ""
    if live and past:
        return _("%(live)s, and %(past)s") % {"live": live, "past": past}
    return live or past


def can_words(permissions: Permission) -> str:
    """What somebody may do besides: `listen and export`; "" for nothing."""
    words = [str(word) for bit, word in _CAN if bit in permissions]
    if len(words) < 2:
        return "".join(words)
    return _("%(most)s and %(last)s") % {"most": ", ".join(words[:-1]), "last": words[-1]}


def cannot_words(permissions: Permission) -> str:
    """The rest, as a sentence."""
    words = [] if Permission.PLAYBACK in permissions else [_("look back")]
    words += [str(word) for bit, word in _CAN if bit not in permissions and bit is not Permission.NOTIFY]
    return _("They can’t %(what)s.") % {"what": ", ".join([*words, _("or share any of it")])}


def terms_line(row: GivenShare | ReceivedShare) -> dict[str, Any]:
    """The terms of a share for `_terms.html`: hours in words, start and end as instants, how long is left."""
    is_open = row.state in {"pending", "accepted"}
    return {
        "hours": hours_words(row.hours),
        "zone": row.hours["zone"] if row.hours else "",
        "starts_at": row.starts_at if row.starts_at and row.starts_at > clock.now() else None,
        "ends_at": row.ends_at,
        "left": time_left(row.ends_at) if is_open and row.ends_at and _is_soon(row.ends_at) else "",
    }


def _is_soon(at: datetime) -> bool:
    return (at - clock.now()).total_seconds() < _WEEK


def item_words(item: ItemView) -> str:
    """How far back one camera of a share reaches: `Recordings of the last 24 hours`; "" without playback or bound."""
    if Permission.PLAYBACK not in item.permissions or item.footage == EVERYTHING:
        return ""
    return _("Recordings %(span)s") % {"span": footage_words(item.footage)}
