"""Rights that are good for one command (HC-30), counted by the app above that gives them.

That app may import this one, not the other way round: composition tells us once who is to be asked.
"""

from enum import Enum
from typing import Protocol

from belvedere.contracts.panels import PanelAct, PanelStateWord
from belvedere.control.core.principal import Principal


class Fate(Enum):
    """What became of the command that a use was claimed for."""

    #: it did not go out
    UNSENT = "unsent"
    #: it went out, and the panel shows that it did not take it
    NOT_TAKEN = "not_taken"
    #: it went out, or may have
    SENT = "sent"


class Use(Protocol):
    """One use that was claimed. Until it is settled nobody else can have it."""

    def settle(self, fate: Fate) -> None:
        """Say what became of the command: only what was not sent or not taken may leave the use to be had again."""
        ...


class Claim(Protocol):
    """Who claims the use that a command needs."""

    def __call__(self, actor: Principal, *, panel: str, act: PanelAct) -> Use | None:
        """The use; None where the actor's right is not counted. Raises Forbidden: there is none left."""
        ...


class Witness(Protocol):
    """Who is told that a panel's state changed: it may have taken late what it seemed not to take."""

    def __call__(self, panel: str, state: PanelStateWord) -> None:
        """Within the transaction that wrote the state."""
        ...


_claims: list[Claim] = []
_witnesses: list[Witness] = []


def register_claim(claim: Claim) -> None:
    """Ask this one before each command. A second time changes nothing."""
    if claim not in _claims:
        _claims.append(claim)


def register_witness(witness: Witness) -> None:
    """Tell this one of each change. A second time changes nothing."""
    if witness not in _witnesses:
        _witnesses.append(witness)


def claim_uses(actor: Principal, panel: str, act: PanelAct) -> list[Use]:
    """Claim what this command needs. Raises Forbidden."""
    return [use for claim in _claims if (use := claim(actor, panel=panel, act=act)) is not None]


def tell_witnesses(panel: str, state: PanelStateWord) -> None:
    """A panel's state changed."""
    for witness in _witnesses:
        witness(panel, state)
