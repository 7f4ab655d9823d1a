"""A change that nobody has made yet: the grants as they would be after it. Pure.

A decision is a function of grants, so what a change would mean is the same function of other grants. Nothing here is
ever written.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from django.utils.translation import gettext as _

from belvedere.contracts.permissions import NONE, Permission, normalize
from belvedere.control.access.decision import GrantFacts
from belvedere.control.access.models import Origin
from belvedere.control.access.roles import PERMISSIONS
from belvedere.control.access.selectors import ResourcePath
from belvedere.control.core.errors import Invalid
from belvedere.control.core.ids import is_id
from belvedere.control.organizations.standing import Standing

#: as many may be left out at once
MAX_WITHOUT: Final = 64
_KINDS: Final = {Origin.SHARE.value, Origin.MEMBERSHIP.value, Origin.GUEST_LINK.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What of the grants would be gone, less, or otherwise.

    without     ids of shares, memberships and guest links that would be over
    narrowed    (share, camera or panel) → what the share would give there; nothing: it leaves the share
    standings   membership → (whose it is, what he would be by it)
    """

    without: frozenset[str] = frozenset()
    narrowed: Mapping[tuple[str, str], Permission] = field(default_factory=dict)
    standings: Mapping[str, tuple[str, Standing]] = field(default_factory=dict)

    @property
    def origins(self) -> set[str]:
        """Every share, membership and guest link that it touches."""
        return {*self.without, *(origin for origin, _resource in self.narrowed), *self.standings}

    def of(self, principal: str, path: ResourcePath, grants: Iterable[GrantFacts]) -> list[GrantFacts]:
        """The grants of somebody on a path as they would be."""
        found = []
        for grant in grants:
            if grant.origin_id in self.without or grant.origin_id in self.standings:
                continue
            bits = self.narrowed.get((grant.origin_id, grant.resource))
            if bits is None:
                found.append(grant)
            elif bits:
                found.append(grant._replace(permissions=int(bits)))
        for membership, (account, standing) in self.standings.items():
            bits = PERMISSIONS[standing.on(path.site)] if account == principal else NONE
            if bits:
                found.append(GrantFacts(membership, path.site, int(bits), Origin.MEMBERSHIP.value, membership))
        return found


NO_CHANGE: Final = Change()


def parse_without(names: Iterable[str]) -> Change:
    """`["share:…", "membership:…"]`, as in addresses: without all that these give. Raises Invalid."""
    asked = list(names)
    for name in asked:
        kind, _colon, pk = name.partition(":")
        if kind not in _KINDS or not is_id(pk) or len(asked) > MAX_WITHOUT:
            raise Invalid(_("Say what to leave out as “share:…” or “membership:…”, with its id."), field="without")
    return Change(without=frozenset(name.partition(":")[2] for name in asked))


def all_of(grants: Iterable[GrantFacts], at: float) -> Permission:
    """Everything that these grants give, now or at another hour; what is over gives nothing."""
    found = NONE
    for grant in grants:
        if grant.ends_at is None or at < grant.ends_at:
            found |= normalize(Permission(grant.permissions))
    return found
