"""What the actor may share, and what stands behind somebody's grants on it, in words. For the selectors beside it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from belvedere.contracts.permissions import Permission, normalize
from belvedere.control.access.decision import GrantFacts
from belvedere.control.access.models import Origin
from belvedere.control.access.roles import TITLES
from belvedere.control.access.selectors import ResourcePath
from belvedere.control.core.principal import Principal
from belvedere.control.devices.panels import list_panels
from belvedere.control.devices.selectors import list_cameras
from belvedere.control.organizations.selectors import get_standings
from belvedere.control.organizations.standing import Standing
from belvedere.control.sharing.changes import NO_CHANGE, Change
from belvedere.control.sharing.models import Share
from belvedere.control.sharing.terms import EVERYTHING, Footage, hours_wire
from belvedere.control.sharing.words import footage_words, hours_words

#: so many things are called by name in one sentence
NAMED: Final = 3
_RIGHTS: Final = {
    Permission.LIVE_VIEW: gettext_lazy("live view"),
    Permission.LISTEN: gettext_lazy("sound"),
    Permission.PLAYBACK: gettext_lazy("playback"),
    Permission.EXPORT: gettext_lazy("export"),
    Permission.TALK: gettext_lazy("two-way audio"),
    Permission.PTZ: gettext_lazy("moving it"),
    Permission.NOTIFY: gettext_lazy("notifications"),
    Permission.ARM: gettext_lazy("arming"),
    Permission.CONFIGURE: gettext_lazy("setting it up"),
    Permission.SHARE: gettext_lazy("sharing it"),
    Permission.MANAGE: gettext_lazy("managing people"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """A camera or panel that the actor may share, by the names that he knows."""

    kind: Literal["camera", "panel"]
    id: str
    name: str
    site: str
    site_name: str
    organization: str
    has: tuple[str, ...] = ()
    is_on: bool = True

    @property
    def path(self) -> ResourcePath:
        """As decisions read it. What is closed is in no list."""
        return ResourcePath(self.id, self.site, self.organization)


def list_things(actor: Principal, organization: str = "") -> list[Thing]:
    """Everything that the actor may share, of one organization if said: the bound of all that he may ask (N17).

    Cameras first, each kind by name. A constant number of queries.
    """
    cameras = [
        Thing(
            kind="camera",
            id=view.id,
            name=view.label,
            site=view.site or "",
            site_name=view.site_name,
            organization=view.organization or "",
            has=tuple(view.has),
            is_on=view.disabled_at is None,
        )
        for view in list_cameras(actor)
        if view.may(Permission.SHARE)
    ]
    panels = [
        Thing(
            kind="panel",
            id=view.id,
            name=view.name,
            site=view.site or "",
            site_name=view.site_name,
            organization=view.organization or "",
        )
        for view in list_panels(actor)
        if view.may(Permission.SHARE)
    ]
    return [thing for thing in (*cameras, *panels) if organization in {"", thing.organization}]


class Sources:
    """What grants come from: standings and shares, read once for any number of them. Two queries."""

    def __init__(self, actor: Principal, grants: Iterable[GrantFacts]) -> None:
        self._actor = actor
        of: dict[str, set[str]] = {}
        for grant in grants:
            of.setdefault(grant.origin, set()).add(grant.origin_id)
        self.standings: Mapping[str, Standing] = get_standings(of.get(Origin.MEMBERSHIP, ()))
        self.shares = Share.objects.select_related("sharer").in_bulk(of.get(Origin.SHARE, set()))

    def way(self, grant: GrantFacts, path: ResourcePath, change: Change = NO_CHANGE) -> str:
        """“the role Viewer”, “your share (weekdays 8–18)”: what somebody has it through."""
        terms = self._terms(grant)
        return f"{self.name(grant, path, change)} ({terms})" if terms else self.name(grant, path, change)

    def name(self, grant: GrantFacts, path: ResourcePath, change: Change = NO_CHANGE) -> str:
        """The same without its terms."""
        if grant.origin == Origin.GUEST_LINK:
            return _("a guest link")
        if grant.origin == Origin.SERVICE:
            return _("a service provider’s right")
        share = self.shares.get(grant.origin_id)
        if share is not None:
            is_mine = share.sharer_id == self._actor.id
            return _("your share") if is_mine else _("the share of %(name)s") % {"name": share.sharer.name}
        after = change.standings.get(grant.origin_id)
        standing = after[1] if after else self.standings.get(grant.origin_id)
        if standing is None:
            return _("a role")
        # The role here: what somebody is on other sites is no reason, and not the reader's to know.
        return _("the role %(role)s") % {"role": TITLES[standing.on(path.site)]}

    def _terms(self, grant: GrantFacts) -> str:
        parts = [hours_words(hours_wire(grant.hours))]
        if grant.starts_at:
            parts.append(_("from %(day)s") % {"day": _day(grant.starts_at)})
        if grant.ends_at:
            parts.append(_("until %(day)s") % {"day": _day(grant.ends_at)})
        footage = footage_of(grant)
        if Permission.PLAYBACK in normalize(Permission(grant.permissions)) and footage != EVERYTHING:
            parts.append(_("recordings %(span)s") % {"span": footage_words(footage)})
        return ", ".join(filter(None, parts))


def footage_of(grant: GrantFacts) -> Footage:
    """How far back it reaches."""
    return Footage(grant.footage_last_s, grant.footage_from is not None)


def instant(seconds: float | None) -> datetime | None:
    """Seconds since the epoch as people and programs are told them; None for no bound."""
    bound = seconds is None or seconds in {float("inf"), -float("inf")}
    return None if bound or seconds is None else datetime.fromtimestamp(seconds, UTC)


def _day(seconds: float) -> str:
    return str(date_format(datetime.fromtimestamp(seconds, UTC), "j F Y"))


def rights_words(permissions: Permission) -> str:
    """“live view, playback and export”."""
    return joined([str(word) for bit, word in _RIGHTS.items() if bit in permissions])


def things_words(names: list[str]) -> str:
    """“Door”, “Door and Pool”, “these 5 cameras”."""
    if len(names) > NAMED:
        return _("these %(count)d cameras") % {"count": len(names)}
    return joined(names)


def joined(words: list[str]) -> str:
    """“this, that and the other”."""
    if len(words) < 2:
        return "".join(words)
    return _("%(most)s and %(last)s") % {"most": ", ".join(words[:-1]), "last": words[-1]}
