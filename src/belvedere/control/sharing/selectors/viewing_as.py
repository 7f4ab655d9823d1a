"""What somebody sees of what the actor manages: now or at another instant, as it is or as it would be after a change.

Booleans, names and times, never a picture or a way to one; nothing that others share with him, nor that there is any
(N17).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission
from belvedere.control.access.decision import Decision, GrantFacts, decide
from belvedere.control.access.selectors import list_grants
from belvedere.control.accounts.selectors import Person, find_by_address, get_persons
from belvedere.control.core import clock
from belvedere.control.core.errors import Invalid, NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.names import clean_address
from belvedere.control.core.principal import Principal
from belvedere.control.devices.panels import READERS
from belvedere.control.sharing.changes import NO_CHANGE, Change, all_of
from belvedere.control.sharing.models import Recipient
from belvedere.control.sharing.selectors.grounds import Sources, Thing, instant, list_things
from belvedere.control.sharing.selectors.why import find_known
from belvedere.control.sharing.terms import hours_wire

#: so far ahead it may be asked
FARTHEST: Final = timedelta(days=3650)
#: a form has no seconds: what was now when it was drawn is now still
_GRACE: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One camera or panel as somebody has it at that instant; without permissions, as he has it at other times.

    playback_from   the earliest footage, None = without bound or playback
    ends_at         when the last of what gives it ends, None = never
    hours           the weekly hours that all of it keeps to, None = any
    through         what gives it: “the role Viewer”, “your share (weekdays 8–18)”
    """

    thing: Thing
    permissions: Permission
    playback_from: datetime | None
    ends_at: datetime | None
    hours: dict[str, Any] | None
    through: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewedAs:
    """What somebody sees at an instant of what the actor may share.

    account   None for whom the actor does not know; then he sees nothing, whether he exists or not
    address   what he is known by then
    seen      what he has at that instant; `later` what he has at other times alone; `unseen` how many he never has
    sources   what gives him any of it, as it is: (“share:…”, “your share”), for asking what would be without
    """

    account: Person | None
    address: str
    at: datetime
    seen: tuple[Seen, ...] = ()
    later: tuple[Seen, ...] = ()
    unseen: int = 0
    sources: tuple[tuple[str, str], ...] = ()


def view_as(
    actor: Principal, who: str, *, organization: str = "", at: datetime | None = None, change: Change = NO_CHANGE
) -> ViewedAs:
    """What `who` sees: an account's id, a recipient of the actor's, or a whole address. A constant number of queries.

    Raises NotFound for an actor who may share nothing there; Invalid for what is no address, and for an instant that
    has passed: what was, the audit says.
    """
    things = list_things(actor, organization)
    if not things:
        raise NotFound
    asked = clock.now() if at is None else at
    if not clock.now() - _GRACE <= asked <= clock.now() + FARTHEST:
        raise Invalid(_("Choose an instant from now on, in the next ten years. What was, the audit says."), field="at")
    person, address = _find(actor, things, who)
    if person is None:
        return ViewedAs(account=None, address=address, at=asked, unseen=len(things))
    held = list_grants([person.id], {pk for thing in things for pk in thing.path[:3]}).get(person.id, [])
    return _view(person, things, held, asked, change, Sources(actor, held))


def _find(actor: Principal, things: list[Thing], who: str) -> tuple[Person | None, str]:
    """Somebody whom the actor knows, and his address; None and what was asked for everybody else."""
    mine = Recipient.objects.filter(sharer_id=actor.id).select_related("account")
    if is_id(who):
        row = mine.filter(Q(pk=who) | Q(account=who)).first()
        person = get_persons([who]).get(who) if row is None else None
    else:
        who = clean_address(who)
        row, person = mine.filter(Q(email=who) | Q(phone=who)).first(), find_by_address(who)
    if row and row.account:
        return Person(row.account.pk, row.account.name, row.account.email), row.account.email
    if row:
        return None, row.address
    known = find_known(things, person)
    return known, known.email if known else "" if is_id(who) else who


def _view(
    person: Person, things: list[Thing], held: list[GrantFacts], asked: datetime, change: Change, sources: Sources
) -> ViewedAs:
    by_resource: dict[str, list[GrantFacts]] = {}
    for grant in held:
        by_resource.setdefault(grant.resource, []).append(grant)
    origins: dict[str, str] = {}
    at, seen, later = asked.timestamp(), [], []
    for thing in things:
        path = thing.path
        before = [grant for resource in dict.fromkeys(path[:3]) for grant in by_resource.get(resource, ())]
        for grant in before:
            origins.setdefault(f"{grant.origin}:{grant.origin_id}", sources.name(grant, path))
        after = change.of(person.id, path, before)
        decision = decide(after, at)
        if _is_shown(thing, decision.permissions):
            seen.append(_seen(thing, decision, decision.because, sources, change))
        elif _is_shown(thing, all_of(after, at)):
            still = [grant for grant in after if all_of([grant], at)]
            later.append(_seen(thing, decision, still, sources, change))
    return ViewedAs(
        account=person,
        address=person.email,
        at=asked,
        seen=tuple(seen),
        later=tuple(later),
        unseen=len(things) - len(seen) - len(later),
        sources=tuple(origins.items()),
    )


def _is_shown(thing: Thing, permissions: Permission) -> bool:
    """Whether it is on his pages at all: a panel is for those who may arm it or are told of it."""
    return bool(permissions & READERS if thing.kind == "panel" else permissions)


def _seen(thing: Thing, decision: Decision, grants: Iterable[GrantFacts], sources: Sources, change: Change) -> Seen:
    grants = list(grants)
    ends = [grant.ends_at for grant in grants]
    hours = {grant.hours for grant in grants}
    return Seen(
        thing=thing,
        permissions=decision.permissions,
        playback_from=instant(decision.playback_from),
        ends_at=None if None in ends else instant(max(end for end in ends if end)),
        hours=hours_wire(hours.pop()) if len(hours) == 1 else None,
        through=tuple(dict.fromkeys(sources.way(grant, thing.path, change) for grant in grants)),
    )
