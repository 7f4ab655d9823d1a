"""Rights that are good for one command (HC-30), counted by the app above that gives them.

That app may import this one, not the other way round: composition tells us once who is to be asked.
"""

from typing import Protocol

from belvedere.control.core.principal import Principal


class Use(Protocol):
    """One use that was claimed. Until it is settled nobody else can have it."""

    def settle(self, *, was_sent: bool) -> None:
        """The command went out, or may have: the right is used up. It did not: the use is there again."""
        ...


class Claim(Protocol):
    """Who claims the use that a command needs."""

    def __call__(self, actor: Principal, *, panel: str) -> Use | None:
        """The use; None where the actor's right is not counted. Raises Forbidden: there is none left."""
        ...


_claims: list[Claim] = []


def register_claim(claim: Claim) -> None:
    """Ask this one before each command. A second time changes nothing."""
    if claim not in _claims:
        _claims.append(claim)


def claim_uses(actor: Principal, panel: str) -> list[Use]:
    """Claim what this command needs. Raises Forbidden."""
    return [use for claim in _claims if (use := claim(actor, panel=panel)) is not None]
