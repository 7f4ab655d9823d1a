"""What rests on memberships, told by the apps above: shares are given under one, and end with what it no longer covers.

Those apps may import this one, not the other way round: composition tells us once who is to be asked.
"""

from collections.abc import Iterable
from typing import Protocol

from belvedere.control.core.principal import Principal


class Dependent(Protocol):
    """Ends, in the transaction at hand, what these memberships (or anybody's, on these cameras) no longer cover.

    With `adopt` the actor takes over what he may give himself, and the rest ends. Returns the grants to be ended with
    this change.
    """

    def __call__(
        self, actor: Principal, *, memberships: Iterable[str], cameras: Iterable[str], change_id: str, adopt: bool
    ) -> list[str]:
        """The grants that end."""
        ...


_dependents: list[Dependent] = []


def register_dependent(dependent: Dependent) -> None:
    """Ask this one too. A second time changes nothing."""
    if dependent not in _dependents:
        _dependents.append(dependent)


def settle_dependents(
    actor: Principal,
    *,
    change_id: str,
    memberships: Iterable[str] = (),
    cameras: Iterable[str] = (),
    adopt: bool = False,
) -> list[str]:
    """Let everybody settle. The memberships were changed by an earlier statement: whoever rests on one from now on sees
    that (rule 5). Returns the grants that end.
    """
    memberships, cameras = list(memberships), list(cameras)
    found: list[str] = []
    for dependent in _dependents:
        found += dependent(actor, memberships=memberships, cameras=cameras, change_id=change_id, adopt=adopt)
    return found
