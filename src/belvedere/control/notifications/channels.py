"""How one can be told, and which way is chosen for what. Pure."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from belvedere.contracts.camera_events import OF_MACHINES, EventKind
from belvedere.control.core.matters import Matter


class Channel(StrEnum):
    """A way to be told."""

    INBOX = "inbox"
    PUSH = "push"
    MAIL = "mail"
    WEBHOOK = "webhook"
    MQTT = "mqtt"


#: Until somebody chooses otherwise. A browser is asked before it is pushed to; webhooks and brokers were set up.
USUAL: Final = frozenset({Channel.INBOX, Channel.PUSH, Channel.WEBHOOK, Channel.MQTT})
#: What keeps quiet hours: programs do not sleep.
PERSONAL: Final = frozenset({Channel.PUSH, Channel.MAIL})

#: The same for what concerns no camera. Of rights there are mails of their own (sharing.mails, organizations.mails).
USUAL_FOR_MATTERS: Final = {
    matter: frozenset({Channel.INBOX, Channel.PUSH}) | ({Channel.MAIL} if matter is not Matter.RIGHTS else set())
    for matter in Matter
}

#: (resource, kind) → channels; "" stands for any
type Choices = Mapping[tuple[str, str], frozenset[Channel]]

#: What happens at panels; all else happens at cameras.
OF_PANELS: Final = frozenset({EventKind.ALARM})
OF_CAMERAS: Final = frozenset(EventKind) - OF_PANELS


def choose(choices: Choices, resource: str, kind: str) -> frozenset[Channel]:
    """The narrowest choice counts: of this kind here, then of all here, then of this kind anywhere, then of all.

    Disks and nodes stand at one of their cameras, so what was chosen for that one says nothing of them.
    """
    resource = "" if kind in OF_MACHINES else resource
    for key in ((resource, kind), (resource, ""), ("", kind), ("", "")):
        if key in choices:
            return choices[key]
    return USUAL


def choose_for_matter(choices: Choices, kind: Matter) -> frozenset[Channel]:
    """What was chosen for cameras says nothing of one's own account. Programs are not told of it at all."""
    return choices.get(("", kind), USUAL_FOR_MATTERS[kind]) - {Channel.WEBHOOK, Channel.MQTT}


def write_channels(channels: Iterable[Channel]) -> str:
    """As it is stored, in the order of the catalogue."""
    given = set(channels)
    return ",".join(channel.value for channel in Channel if channel in given)


def read_channels(text: str) -> frozenset[Channel]:
    """As it was stored."""
    return frozenset(Channel(name) for name in text.split(",") if name)
