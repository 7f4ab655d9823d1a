"""Kinds of events in words."""

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, ngettext

from belvedere.contracts.camera_events import OF_MACHINES, EventKind

KINDS: Final[dict[EventKind, Promise]] = {
    EventKind.MOTION: gettext_lazy("Motion"),
    EventKind.LINE: gettext_lazy("Line crossed"),
    EventKind.INTRUSION: gettext_lazy("Somebody inside an area"),
    EventKind.DIGITAL_INPUT: gettext_lazy("Contact"),
    EventKind.TAMPER: gettext_lazy("Tampering"),
    EventKind.AUDIO: gettext_lazy("Sound"),
    EventKind.PERSON: gettext_lazy("Person"),
    EventKind.VEHICLE: gettext_lazy("Vehicle"),
    EventKind.ANIMAL: gettext_lazy("Animal"),
    EventKind.OBJECT: gettext_lazy("Object"),
    EventKind.ALARM: gettext_lazy("Alarm"),
    EventKind.OFFLINE: gettext_lazy("Offline"),
    EventKind.STORAGE: gettext_lazy("Not recorded"),
    EventKind.FILLING: gettext_lazy("Disk nearly full"),
    EventKind.NODE_LOST: gettext_lazy("Its media node is silent"),
}


def counted(what: str, kind: EventKind, count: int) -> str:
    """“Motion, 3 times”, “Not recorded, 3 cameras”: `what` is the kind in words, with what its source calls it."""
    if count == 1:
        return what
    if kind in OF_MACHINES:
        return ngettext("%(what)s, %(n)d camera", "%(what)s, %(n)d cameras", count) % {"what": what, "n": count}
    return ngettext("%(what)s, %(n)d time", "%(what)s, %(n)d times", count) % {"what": what, "n": count}
