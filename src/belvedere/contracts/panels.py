"""Security panels over MQTT, by the conventions of Home Assistant's `alarm_control_panel`.

A panel says its state on one topic and hears commands on another. A node carries panels as it carries cameras: by
assignments that it asks for, sealed to its key.
"""

from enum import StrEnum
from typing import Final

import msgspec

from belvedere.contracts.brokers import BrokerSource

#: A panel's command has to be seen to work within this; after it nobody knows.
ANSWER_WITHIN_S: Final = 5.0
#: A node says every panel's state at least this often: one that nobody spoke of for a minute is unknown.
STATES_EVERY_S: Final = 15.0
FORGOTTEN_AFTER_S: Final = 60.0
MAX_CODE: Final = 32


class PanelStateWord(StrEnum):
    """What a panel can say of itself, and `unknown`, which only we say."""

    DISARMED = "disarmed"
    ARMED_HOME = "armed_home"
    ARMED_AWAY = "armed_away"
    ARMED_NIGHT = "armed_night"
    ARMED_VACATION = "armed_vacation"
    ARMED_CUSTOM_BYPASS = "armed_custom_bypass"
    PENDING = "pending"
    ARMING = "arming"
    DISARMING = "disarming"
    TRIGGERED = "triggered"
    UNKNOWN = "unknown"


class PanelAct(StrEnum):
    """What a panel can be told."""

    ARM_HOME = "arm_home"
    ARM_AWAY = "arm_away"
    ARM_NIGHT = "arm_night"
    DISARM = "disarm"

    @property
    def payload(self) -> str:
        """As it is published: `ARM_HOME`."""
        return self.value.upper()

    @property
    def goal(self) -> PanelStateWord:
        """The state in which it is done."""
        return {
            PanelAct.ARM_HOME: PanelStateWord.ARMED_HOME,
            PanelAct.ARM_AWAY: PanelStateWord.ARMED_AWAY,
            PanelAct.ARM_NIGHT: PanelStateWord.ARMED_NIGHT,
            PanelAct.DISARM: PanelStateWord.DISARMED,
        }[self]

    @property
    def on_the_way(self) -> frozenset[PanelStateWord]:
        """States that say, once the command is out, that the panel took it."""
        if self is PanelAct.DISARM:
            return frozenset({PanelStateWord.DISARMING})
        return frozenset({PanelStateWord.ARMING, PanelStateWord.PENDING})


class PanelError(StrEnum):
    """What can be wrong with a panel beside the words of SourceError and BrokerError."""

    OFFLINE = "panel_offline"
    UNREADABLE = "state_unreadable"


class PanelSource(BrokerSource, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is inside the seal: the broker, and which topics of it.

    availability_topic   "" where the panel has none; else only `online` said there makes its state count
    """

    state_topic: str
    command_topic: str
    availability_topic: str = ""


class PanelsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """media → control, `panel.assignments.<node>`: which panels am I to carry? Paged by `after`."""

    run: str
    after: str = ""


class PanelAssignment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One panel. `sealed` is a base64 HPKE box for the node's public key around a PanelSource."""

    panel: str
    #: changes whenever the source does; the same revision means: leave the connection alone
    revision: str
    sealed: str


class PanelsReply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One page. `next` is empty on the last one."""

    panels: list[PanelAssignment]
    next: str = ""


class PanelState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """media → control, `panel.state.<node>`: how a panel is now. State, not event: the last one wins.

    `since` and `at` are seconds since the epoch; `sequence` rises within a run. `error` is "" or why it is unknown.
    """

    run: str
    sequence: int
    panel: str
    state: PanelStateWord
    since: float
    at: float
    error: str = ""


class PanelCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """control → media, `panel.command.<node>`: tell a panel something, now or never. `sealed` is a PanelCode."""

    panel: str
    act: PanelAct
    sealed: str


class PanelCode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Inside a command's seal: the code as typed, "" where none is asked. Lives in memory for one command."""

    code: str

    def __repr__(self) -> str:
        """Keep it out of tracebacks and logs."""
        return "PanelCode(…)"


class PanelAnswerCode(StrEnum):
    """What became of a command."""

    OK = "ok"
    #: it went out, and nobody can tell what became of it
    UNANSWERED = "unanswered"
    #: it went out to a panel that is there, and that stayed as it was: a wrong code, or a slow panel
    NOT_TAKEN = "not_taken"
    #: it did not go out, and will not later
    UNREACHABLE = "unreachable"
    #: this node does not carry that panel, or cannot open the box
    REFUSED = "refused"


class PanelAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What became of a command, and the state after it."""

    code: PanelAnswerCode
    state: PanelStateWord = PanelStateWord.UNKNOWN
