"""What happens in front of cameras, as they say it themselves, and where a node hears it.

Media tells, control keeps. One `EventReport` is the state of one event: told again when it ends, goes on or grows, and
the one with the highest sequence counts, whenever it arrives. Instants are seconds since the epoch by the node's clock,
which is the clock of the footage; a device's own may be wrong.
"""

from enum import StrEnum
from typing import Final

import msgspec

from belvedere.contracts.events import StreamSource

#: The same kind again so soon after the last end is the same event going on.
JOIN_S: Final = 30.0
#: No event is longer. What goes on then is the next one, and what never says that it is over ends here.
MAX_LENGTH_S: Final = 600.0
#: Events of one camera that begin within a minute; of more, only how many there were is kept.
MAX_A_MINUTE: Final = 30
#: What a detector calls what it saw: so many characters of one word, so many words of one event.
MAX_LABEL: Final = 30
MAX_LABELS: Final = 3
#: Reports in one message.
REPORTS_BATCH: Final = 100


class EventKind(StrEnum):
    """What can happen. The last five are not said by cameras: a panel's alarm, and what we notice ourselves."""

    MOTION = "motion"
    LINE = "line"
    INTRUSION = "intrusion"
    DIGITAL_INPUT = "digital_input"
    TAMPER = "tamper"
    AUDIO = "audio"
    PERSON = "person"
    VEHICLE = "vehicle"
    ANIMAL = "animal"
    #: whatever else a detector has a word for
    OBJECT = "object"
    ALARM = "alarm"
    OFFLINE = "offline"
    STORAGE = "storage"
    #: a disk is nearly full, and the oldest footage goes early
    FILLING = "filling"
    #: the media node that looks after the camera is silent
    NODE_LOST = "node_lost"


class EventSource(StrEnum):
    """Who said so."""

    ONVIF = "onvif"
    MQTT = "mqtt"
    PANEL = "panel"
    OURSELVES = "ourselves"


#: What is wrong with the machines behind a camera: we notice it ourselves, and tell those who can mend it.
OF_MACHINES: Final = frozenset({EventKind.STORAGE, EventKind.FILLING, EventKind.NODE_LOST})
#: What a node may report of a camera.
REPORTABLE: Final = frozenset(EventKind) - OF_MACHINES - {EventKind.ALARM, EventKind.OFFLINE}


class EventReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one event stands.

    id        made by the node when it began, and the event's for good
    sequence  rises with each report of a run
    ended_at  None while it goes on; one that ended may go on again (JOIN_S)
    count     how often the camera said so: 1, or a storm
    label     what its source calls what it saw, where it knows more than the kind: “dog, cat”; or ""
    """

    id: str
    sequence: int
    camera: str
    kind: EventKind
    source: EventSource
    started_at: float
    ended_at: float | None = None
    count: int = 1
    label: str = ""


class EventReports(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """media → control, `camera.event.<node>`, a request: said again until it is answered."""

    run: str
    reports: list[EventReport]


class EventsTaken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Control has kept what is worth keeping. False: it does not know this run (yet)."""

    accepted: bool


class EventFeedsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """media → control, `event.feeds.<node>`: whom am I to listen to? Paged by `after`."""

    run: str
    after: str = ""


class EventFeedAssignment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One device. `sealed` is a base64 HPKE box for the node's public key around an EventFeed."""

    device: str
    #: changes whenever the feed does; the same revision means: leave the subscription alone
    revision: str
    sealed: str


class EventFeedsReply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One page. `next` is empty on the last one."""

    feeds: list[EventFeedAssignment]
    next: str = ""


class EventFeed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is inside the seal: a device's ONVIF service, and whose events are whose. Never logged, never repr'd whole.

    cameras  the device's name of a video source → the camera; "" → the only one, whatever it says
    """

    source: StreamSource
    cameras: dict[str, str]

    def __repr__(self) -> str:
        """Keep credentials out of tracebacks and logs."""
        return "EventFeed(…)"
