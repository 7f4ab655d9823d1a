"""Presets: sets of permissions and terms with a name, to begin from (VA 20). Data; whoever shares may change all of it.

Listening and talking are off in every one of them: who is heard, or spoken to, is decided by hand.
"""

from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from belvedere.contracts.permissions import Permission
from belvedere.control.sharing.terms import DAY, HOUR, Footage

_LOOK: Final = Permission.LIVE_VIEW
_WEEKDAYS: Final = {day: [["08:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """What somebody of this kind mostly needs.

    weekly   windows of weekly hours, in whatever zone the camera is; None = at any hour
    lasts_s  how long after it was offered it ends; None = it does not
    organization  whose own it is; "" for one that is built in, which nobody changes
    """

    id: str
    name: str | Promise
    permissions: Permission
    footage: Footage | None = None
    weekly: dict[str, list[list[str]]] | None = None
    lasts_s: int | None = None
    organization: str = ""


PRESETS: Final = (
    Preset(
        id="family",
        name=gettext_lazy("Family"),
        permissions=_LOOK | Permission.PLAYBACK | Permission.PTZ | Permission.NOTIFY,
        footage=Footage(7 * DAY),
    ),
    Preset(id="neighbour", name=gettext_lazy("Neighbour"), permissions=_LOOK | Permission.NOTIFY),
    Preset(
        id="staff",
        name=gettext_lazy("Staff"),
        permissions=_LOOK | Permission.PLAYBACK,
        footage=Footage(DAY),
        weekly=_WEEKDAYS,
    ),
    Preset(
        id="manager",
        name=gettext_lazy("Manager"),
        permissions=_LOOK | Permission.PLAYBACK | Permission.EXPORT | Permission.PTZ | Permission.NOTIFY,
        footage=Footage(30 * DAY),
    ),
    Preset(id="installer", name=gettext_lazy("Installer"), permissions=_LOOK | Permission.PTZ, lasts_s=8 * HOUR),
)
