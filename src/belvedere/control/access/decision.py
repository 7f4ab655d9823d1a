"""The decision: grants and an instant in, what is allowed and why out. Pure: no database, no clock.

It is the only function that says what somebody may do, on every surface. Times are seconds since the epoch.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from belvedere.contracts.hours import window_end
from belvedere.contracts.permissions import NONE, Permission, normalize

_FOREVER: Final = float("inf")


class GrantFacts(NamedTuple):
    """One grant in force, as the database tells it."""

    id: str
    resource: str
    permissions: int
    origin: str
    origin_id: str
    created_by: str = ""
    starts_at: float | None = None
    ends_at: float | None = None
    hours: str = ""
    footage_last_s: int | None = None
    footage_from: float | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What is allowed at one instant.

    permissions     the union over all grants that hold
    playback_from   the earliest instant of footage; None where there is no playback, -inf where there is no bound
    export_from     the same for export
    because         the grants that hold, for "why?"
    narrows_at      the next instant at which a grant that holds now stops holding; inf = none does
    frozen_until    there are grants, and nothing is allowed before this instant: the organization is frozen
    """

    permissions: Permission = NONE
    playback_from: float | None = None
    export_from: float | None = None
    because: tuple[GrantFacts, ...] = field(default=())
    narrows_at: float = _FOREVER
    frozen_until: float | None = None

    def allows(self, permission: Permission) -> bool:
        """Whether every bit of `permission` is there."""
        return permission in self.permissions

    def without(self, origin: str) -> Permission:
        """What is left of the permissions without the grants of one origin."""
        left = NONE
        for grant in self.because:
            if grant.origin != origin:
                left |= normalize(Permission(grant.permissions))
        return left


NOTHING: Final = Decision()


def decide(grants: Iterable[GrantFacts], at: float, *, frozen_until: float | None = None) -> Decision:
    """What `grants`, all of one principal on one resource path, allow at `at`; a freeze stands above them all."""
    permissions = NONE
    playback_from = export_from = None
    because = []
    narrows_at = _FOREVER
    for grant in grants:
        until = _holds_until(grant, at)
        if until <= at:
            continue
        given = normalize(Permission(grant.permissions))
        if not given:
            continue
        permissions |= given
        because.append(grant)
        narrows_at = min(narrows_at, until)
        if Permission.PLAYBACK in given:
            earliest = _earliest(grant, at)
            playback_from = earliest if playback_from is None else min(playback_from, earliest)
            if Permission.EXPORT in given:
                export_from = earliest if export_from is None else min(export_from, earliest)
    if not because:
        return NOTHING
    if frozen_until is not None and at < frozen_until:
        return Decision(frozen_until=frozen_until)
    return Decision(permissions, playback_from, export_from, tuple(because), narrows_at)


def covered(held: Iterable[GrantFacts], given: GrantFacts, at: float) -> Permission:
    """Of what `given` gives, the permissions that one of `held` gives as long, at those hours, and as far back.

    Nobody gives what he does not hold, or longer (rule 5). One grant has to cover each permission alone: what several
    cover by turns would be a calculation that nobody can follow.
    """
    found = NONE
    wanted = normalize(Permission(given.permissions))
    for grant in held:
        if not _outlasts(grant, given, at):
            continue
        common = wanted & normalize(Permission(grant.permissions))
        found |= common if _reaches(grant, given, at) else common & ~(Permission.PLAYBACK | Permission.EXPORT)
    return normalize(found)


def _outlasts(grant: GrantFacts, given: GrantFacts, at: float) -> bool:
    starts_at = max(at, given.starts_at or at)
    return (
        (grant.starts_at is None or grant.starts_at <= starts_at)
        and (grant.ends_at is None or (given.ends_at is not None and given.ends_at <= grant.ends_at))
        and grant.hours in {"", given.hours}
    )


def _reaches(grant: GrantFacts, given: GrantFacts, at: float) -> bool:
    """Whether `grant` shows all that `given` would, now and for as long as both hold."""
    if grant.footage_last_s is not None and (
        given.footage_last_s is None or given.footage_last_s > grant.footage_last_s
    ):
        return False
    # Both windows only ever move forward: what is no farther back now will not be later.
    return grant.footage_from is None or _earliest(given, at) >= grant.footage_from


def _holds_until(grant: GrantFacts, at: float) -> float:
    """The instant up to which `grant` holds without a break from `at`; `at` itself if it does not hold."""
    if grant.starts_at is not None and at < grant.starts_at:
        return at
    until = _FOREVER
    if grant.ends_at is not None:
        if at >= grant.ends_at:
            return at
        until = grant.ends_at
    if grant.hours:
        until = min(until, window_end(grant.hours, at))
    return until


def _earliest(grant: GrantFacts, at: float) -> float:
    earliest = -_FOREVER
    if grant.footage_last_s is not None:
        earliest = at - grant.footage_last_s
    if grant.footage_from is not None:
        earliest = max(earliest, grant.footage_from)
    return earliest
