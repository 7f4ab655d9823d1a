"""What a member is, and where; and who may make him something else. Pure: no database, no clock.

A *standing* is a role, the sites it holds on, and other roles on single sites. No standing gives anything by itself:
services project it into grants (rule 1). `may_change` is the whole law of who may raise, lower, invite and remove.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from belvedere.contracts.permissions import Permission
from belvedere.control.access.roles import PERMISSIONS, Role

#: from least to most; nobody changes what stands above him
_RANKS: Final = (
    Role.NO_ACCESS,
    Role.LIVE_ONLY,
    Role.VIEWER,
    Role.OPERATOR,
    Role.ADMIN,
    Role.SUPER_ADMIN,
    Role.OWNER,
)
#: roles that hold on every site, always: for them there is no choice of sites (VV 6)
WHOLE: Final = (Role.OWNER, Role.SUPER_ADMIN)
#: stands for every site that does not exist yet
FUTURE: Final = ""


def rank(role: Role) -> int:
    """How high a role stands: 0 is no access."""
    return _RANKS.index(role)


@dataclass(frozen=True, slots=True)
class Standing:
    """`role` on `sites` (None = all, future ones too), but `overrides` on single ones."""

    role: Role
    sites: frozenset[str] | None = None
    overrides: Mapping[str, Role] = field(default_factory=dict)

    def on(self, site: str) -> Role:
        """The role on one site; FUTURE asks for those that do not exist yet."""
        if site in self.overrides:
            return self.overrides[site]
        return self.role if self.sites is None or site in self.sites else Role.NO_ACCESS

    @property
    def is_whole(self) -> bool:
        """One role on the whole organization: it is projected into one grant on it."""
        return self.sites is None and not self.overrides

    @classmethod
    def of(cls, role: Role, sites: Iterable[str] | None, overrides: Mapping[str, Role]) -> "Standing":
        """The one form of what may be said in several: overrides hold what differs, and nothing else.

        On single sites the role is one that is held there: nobody is called an Admin who is one nowhere any more.
        """
        if sites is None:
            return cls(role, None, {site: held for site, held in overrides.items() if held is not role})
        roles = {**dict.fromkeys(sites, role), **overrides}
        if roles and role not in roles.values():
            role = _commonest(roles)
        same = frozenset(site for site, held in roles.items() if held is role)
        return cls(role, same, {site: held for site, held in roles.items() if held is not role})

    def with_roles(self, roles: Mapping[str, Role]) -> "Standing":
        """The same, but for these sites. Unchanged elsewhere, on future sites too."""
        sites = None if self.sites is None else self.sites - roles.keys()
        return Standing.of(self.role, sites, {**self.overrides, **roles})

    def seen_from(self, sites: Iterable[str]) -> "Standing":
        """What somebody may know of it who manages these sites alone: nothing of any other."""
        if self.role in WHOLE:
            return self
        roles = {site: self.on(site) for site in sites}
        if not roles:
            return NOBODY
        return Standing.of(_commonest(roles), (), roles)


def _commonest(roles: Mapping[str, Role]) -> Role:
    """What somebody is on most of these sites; of two on as many, the higher."""
    counted = Counter(roles.values())
    return max(counted, key=lambda role: (counted[role], rank(role)))


#: what somebody is who is no member
NOBODY: Final = Standing(Role.NO_ACCESS, frozenset())


def highest(standing: Standing) -> Role:
    """The most that somebody is, on any site: what an organization's list shows beside its name."""
    roles = list(standing.overrides.values())
    if standing.sites is None or standing.sites:
        roles.append(standing.role)
    return max(roles, key=rank, default=Role.NO_ACCESS)


def manages_somewhere(standing: Standing) -> bool:
    """Whether this standing has user management on any site."""
    return Permission.MANAGE in PERMISSIONS[highest(standing)]


def givable(giver: Standing) -> tuple[Role, ...]:
    """Roles that somebody of this standing may give somewhere, the highest first (VV 27)."""
    top = rank(highest(giver)) if manages_somewhere(giver) else -1
    return tuple(
        role
        for role in reversed(_RANKS)
        if rank(role) <= top and role is not Role.OWNER and (role not in WHOLE or giver.role in WHOLE)
    )


def may_take(giver: Standing, target: Standing) -> bool:
    """Whether `giver` may take away all that `target` is."""
    named = {*giver.overrides, *target.overrides, *(giver.sites or ()), *(target.sites or ())}
    return may_change(giver, target, NOBODY, named)


def may_touch(giver: Standing, target: Standing, sites: Iterable[str]) -> bool:
    """Whether `giver` may change what `target` is on these sites, which are all that he manages."""
    return target.role is not Role.OWNER and all(rank(target.on(site)) <= rank(giver.on(site)) for site in sites)


def may_change(giver: Standing, before: Standing, after: Standing, sites: Iterable[str]) -> bool:
    """Whether somebody of standing `giver` may turn `before` into `after`, where `sites` are all that exist.

    On each site where something changes, future ones among them, the giver manages members, and neither what was nor
    what becomes stands above his own role there (VV 27). Ownership never changes hands this way (VV 31, 32).
    """
    if Role.OWNER in {before.role, after.role}:
        return False
    for site in (*sites, FUTURE):
        was, becomes, own = before.on(site), after.on(site), giver.on(site)
        if was is becomes:
            continue
        if Permission.MANAGE not in PERMISSIONS[own] or max(rank(was), rank(becomes)) > rank(own):
            return False
    return True
