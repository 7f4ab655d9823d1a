"""Why somebody may do something on a camera or panel, or why not: now, or as it would be after a change."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import NONE, SHAREABLE, Permission, normalize
from belvedere.control.access.decision import Decision, GrantFacts, decide
from belvedere.control.access.models import Origin
from belvedere.control.access.roles import PERMISSIONS, TITLES, Role
from belvedere.control.access.selectors import ResourcePath, asked_at, get_decision, list_grants
from belvedere.control.accounts.selectors import Person, find_by_address, get_persons
from belvedere.control.core.errors import NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.names import clean_address
from belvedere.control.core.principal import Principal
from belvedere.control.devices.selectors import find_camera_path, find_device_path
from belvedere.control.organizations.selectors import get_organization, get_site
from belvedere.control.organizations.standing import rank
from belvedere.control.sharing.changes import NO_CHANGE, Change
from belvedere.control.sharing.selectors.access import AccessRow, list_access, list_panel_access
from belvedere.control.sharing.selectors.grounds import (
    Sources,
    Thing,
    footage_of,
    instant,
    joined,
    list_things,
    rights_words,
)
from belvedere.control.sharing.terms import Footage, hours_wire

#: what there is to ask about each kind; managing people is of sites, and no right on a camera
ASKED: Final = {
    "camera": tuple(bit for bit in Permission if bit not in {Permission.ARM, Permission.MANAGE}),
    "panel": (Permission.ARM, Permission.NOTIFY, Permission.CONFIGURE, Permission.SHARE),
}
_PATHS: Final = {"camera": find_camera_path, "device": find_device_path}
#: permissions that a camera must be made for
_PARTS: Final = {Permission.LISTEN: "audio", Permission.TALK: "talk", Permission.PTZ: "ptz"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One grant that gives what was asked about, in words. `role` is what a member is there.

    starts_at, ends_at, hours, footage   when it holds, and how far back it reaches
    """

    origin: Literal["share", "membership", "guest_link"]
    id: str
    role: Role | None
    resource: str
    text: str
    starts_at: datetime | None
    ends_at: datetime | None
    hours: dict[str, Any] | None
    footage: Footage
    is_mine: bool = False


@dataclass(frozen=True, slots=True)
class Explanation:
    """Whether somebody may, because of what; and from which instant on there is footage for him, None = no bound.

    `needs`: what would have to be given, in words, where he may not.
    """

    is_allowed: bool = False
    footage_from: datetime | None = None
    because: tuple[Reason, ...] = ()
    needs: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One permission: allowed or not now, because of what; `later` is what gives it at another hour or day."""

    permission: Permission
    is_allowed: bool
    footage_from: datetime | None
    because: tuple[Reason, ...]
    later: tuple[Reason, ...]
    needs: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """All that somebody may do with one thing, and why.

    account   None for whom the actor does not know: an address, whether anybody lives there or not
    offered   what waits for an answer; `paused` what was given, and gives nothing until it goes on
    since     id of a share, membership or guest link → since when
    text      all of it as one sentence
    """

    account: Person | None
    address: str
    thing: Thing
    verdicts: tuple[Verdict, ...]
    offered: Permission
    paused: Permission
    since: Mapping[str, datetime]
    text: str


def explain_access(
    actor: Principal,
    *,
    account: str,
    permission: Permission,
    kind: Literal["camera", "device"],
    resource: str,
    change: Change = NO_CHANGE,
) -> Explanation:
    """Why somebody, by id or whole address, may use one permission on what the actor may share; or would by a change.

    Who may not and who does not exist are one answer. Raises Invalid for what is no address; NotFound for whatever the
    actor may not share: of other owners' cameras nobody learns who sees them (N17).
    """
    path = _PATHS[kind](resource) if is_id(resource) else None
    if path is None or not get_decision(actor.id, path).allows(Permission.SHARE):
        raise NotFound
    person = _find(account)
    held = list_grants([person.id], path[:3]).get(person.id, []) if person else []
    decision = decide(change.of(person.id, path, held), asked_at()) if person and path.is_live else Decision()
    if person is None or not decision.allows(permission):
        return Explanation(needs=_needs(permission, get_site(actor, path.site).name))
    grants = [grant for grant in decision.because if permission in normalize(Permission(grant.permissions))]
    words = _Reasons(actor, person, path, Sources(actor, grants))
    return Explanation(True, _footage_from(decision, permission), tuple(map(words.of, grants)))


def explain_all(
    actor: Principal, *, account: str, kind: Literal["camera", "panel"], resource: str, change: Change = NO_CHANGE
) -> Why:
    """Every permission of somebody, by id or whole address, on a camera or panel that the actor may share.

    Raises Invalid for what is no address; NotFound for what the actor may not share, and for an id of nobody whom he
    knows by something that he may share.
    """
    things = list_things(actor)
    thing = next((one for one in things if one.kind == kind and one.id == resource), None)
    if thing is None:
        raise NotFound
    rows = list_access(actor, thing.id) if kind == "camera" else list_panel_access(actor, thing.id)
    person = _find(account)
    if person and not any(row.account and row.account.id == person.id for row in rows):
        person = find_known(things, person)
    if person is None and is_id(account):
        raise NotFound
    path, at = thing.path, asked_at()
    held = list_grants([person.id], path[:3]).get(person.id, []) if person else []
    grants = change.of(person.id, path, held) if person else []
    decision = decide(grants, at)
    now = {grant.id for grant in decision.because}
    later = [grant for grant in grants if grant.id not in now and (grant.ends_at or at + 1) > at]
    address = person.email if person else clean_address(account)
    offered, paused, since = _besides(rows, person, address)
    words = _Reasons(actor, person, path, Sources(actor, grants)) if person else None
    verdicts = []
    for bit in ASKED[kind]:
        because, again = ([grant for grant in of if _gives(grant, bit)] for of in (decision.because, later))
        verdicts.append(
            Verdict(
                permission=bit,
                is_allowed=bool(because),
                footage_from=_footage_from(decision, bit),
                because=tuple(map(words.of, because)) if words else (),
                later=tuple(map(words.of, again)) if words else (),
                needs="" if because else _needs(bit, thing.site_name, thing),
            )
        )
    return Why(
        account=person,
        address=address,
        thing=thing,
        verdicts=tuple(verdicts),
        offered=offered,
        paused=paused,
        since=since,
        text=_sentence(person.name if person else address, thing, verdicts),
    )


def _find(account: str) -> Person | None:
    if is_id(account):
        return get_persons([account]).get(account)
    return find_by_address(clean_address(account))


def find_known(things: Iterable[Thing], person: Person | None) -> Person | None:
    """This person, if he holds anything on one of these things; of anybody else it is not said that he exists (N1)."""
    resources = {resource for thing in things for resource in thing.path[:3]}
    return person if person and list_grants([person.id], resources) else None


def _gives(grant: GrantFacts, permission: Permission) -> bool:
    return permission in normalize(Permission(grant.permissions))


def _besides(
    rows: list[AccessRow], person: Person | None, address: str
) -> tuple[Permission, Permission, dict[str, datetime]]:
    """What waits for this one's answer, and what rests; and since when he has what he has, source by source."""
    offered = paused = NONE
    since: dict[str, datetime] = {}
    for row in rows:
        if row.state == "pending" and row.address == address:
            offered |= row.permissions
        elif person is None or row.account is None or row.account.id != person.id:
            continue
        elif row.state == "paused":
            paused |= row.permissions
        else:
            since |= {ground.source: ground.since for ground in row.because if ground.since}
    return offered, paused, since


def _footage_from(decision: Decision, permission: Permission) -> datetime | None:
    bounds = {Permission.PLAYBACK: decision.playback_from, Permission.EXPORT: decision.export_from}
    return instant(bounds.get(permission))


class _Reasons:
    """Grants of one person on one path, as reasons."""

    def __init__(self, actor: Principal, person: Person, path: ResourcePath, sources: Sources) -> None:
        self._actor, self._person, self._path, self._sources = actor, person, path, sources
        self._places: dict[str, str] = {}

    def of(self, grant: GrantFacts) -> Reason:
        """One of them. A member's is called by the place that his role is of."""
        share, standing = self._sources.shares.get(grant.origin_id), self._sources.standings.get(grant.origin_id)
        role = standing.on(self._path.site) if standing else None
        words = {"name": self._person.name, "sharer": share.sharer.name if share else ""}
        if share and share.ends_at:
            words["end"] = date_format(share.ends_at, "j F Y")
            text = _("%(sharer)s shared it with %(name)s until %(end)s") % words
        elif share:
            text = _("%(sharer)s shared it with %(name)s") % words
        elif role is None:
            text = _("%(name)s has a guest link") % words
        else:
            words |= {"role": str(TITLES[role]), "place": self._place(grant.resource)}
            text = _("%(name)s is %(role)s of %(place)s") % words
        kinds: Final[dict[str, Literal["share", "membership", "guest_link"]]] = {
            Origin.SHARE: "share",
            Origin.MEMBERSHIP: "membership",
        }
        return Reason(
            origin=kinds.get(grant.origin, "guest_link"),
            id=grant.origin_id,
            role=role,
            resource=grant.resource,
            text=text,
            starts_at=instant(grant.starts_at),
            ends_at=instant(grant.ends_at),
            hours=hours_wire(grant.hours),
            footage=footage_of(grant),
            is_mine=bool(share and share.sharer_id == self._actor.id),
        )

    def _place(self, resource: str) -> str:
        if resource not in self._places:
            is_whole = resource == self._path.organization
            found = get_organization(self._actor, resource) if is_whole else get_site(self._actor, self._path.site)
            self._places[resource] = found.name
        return self._places[resource]


def _needs(permission: Permission, site: str, thing: Thing | None = None) -> str:
    """What would have to be given for it. Of nobody in particular, so that it tells of nobody."""
    if thing and permission in _PARTS and _PARTS[permission] not in thing.has:
        return _("%(camera)s cannot do that.") % {"camera": thing.name}
    role = min((role for role in Role if permission in PERMISSIONS[role]), key=rank)
    words = {"role": TITLES[role], "site": site, "rights": rights_words(_together(permission))}
    if permission & ~SHAREABLE:
        return _("It takes the role %(role)s on %(site)s, or a higher one. No share can give it.") % words
    return _("It takes a share with %(rights)s, or the role %(role)s on %(site)s, or a higher one.") % words


def _together(permission: Permission) -> Permission:
    """The permission with the least that makes it worth something (rule 4)."""
    if normalize(permission):
        return permission
    return next(permission | other for other in Permission if permission in normalize(permission | other))


def _sentence(name: str, thing: Thing, verdicts: Iterable[Verdict]) -> str:
    may = [verdict for verdict in verdicts if verdict.is_allowed]
    later = [verdict for verdict in verdicts if verdict.later and not verdict.is_allowed]
    bits = NONE
    for verdict in may or later:
        bits |= verdict.permission
    reasons = joined(list(dict.fromkeys(one.text for row in may or later for one in row.because or row.later)))
    words = {"name": name, "thing": thing.name, "rights": rights_words(bits), "reasons": reasons}
    if may:
        return _("%(name)s has %(rights)s of %(thing)s, because %(reasons)s.") % words
    if later:
        return _("%(name)s has nothing of %(thing)s just now, but at other times %(rights)s: %(reasons)s.") % words
    return _("%(name)s has nothing of %(thing)s: no share and no role gives it.") % words
