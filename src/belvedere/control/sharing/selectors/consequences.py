"""What a change would mean for those it touches: who keeps what, through what, and who loses it. Nothing is changed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Literal

from django.utils.translation import gettext as _

from belvedere.contracts.permissions import NONE, Permission
from belvedere.control.access.decision import GrantFacts
from belvedere.control.access.selectors import asked_at, list_grants, list_touched
from belvedere.control.accounts.selectors import Person, get_persons
from belvedere.control.core import clock
from belvedere.control.core.offers import OPEN_STATES, OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.organizations.selectors import get_member
from belvedere.control.organizations.standing import NOBODY, Standing
from belvedere.control.sharing.changes import Change, all_of
from belvedere.control.sharing.items import covers
from belvedere.control.sharing.models import IS_BOUND, THINGS, Share, ShareItem, in_states
from belvedere.control.sharing.selectors.grounds import Sources, Thing, list_things, rights_words, things_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """What one person keeps and loses, on all the cameras or panels where that is the same.

    through   what he keeps it through: “the role Viewer”, “the share of Ada (weekdays 8–18)”
    text      all of it as a sentence
    """

    account: Person
    kind: Literal["camera", "panel"]
    things: tuple[str, ...]
    kept: Permission
    lost: Permission
    through: tuple[str, ...]

    @property
    def text(self) -> str:
        """As in “Rita keeps live view of Door, through the role Viewer”."""
        words = {
            "name": self.account.name,
            "things": things_words(list(self.things)),
            "kept": rights_words(self.kept),
            "lost": rights_words(self.lost),
            "ways": "; ".join(self.through),
        }
        if not self.kept:
            if self.kind == "panel":
                return _("%(name)s has nothing to do with %(things)s any more.") % words
            return _("%(name)s sees nothing of %(things)s any more.") % words
        if not self.lost:
            return _("%(name)s keeps %(kept)s of %(things)s, through %(ways)s.") % words
        return _("%(name)s loses %(lost)s of %(things)s, and keeps %(kept)s, through %(ways)s.") % words


def list_consequences(actor: Principal, change: Change) -> list[Consequence]:
    """What a change would mean, as far as the actor may share what it is about (N17). A constant number of queries."""
    return foresee(actor, {"": change})[""]


def foresee(actor: Principal, changes: Mapping[str, Change]) -> dict[str, list[Consequence]]:
    """The same of several changes, each made alone. As many queries as for one."""
    found: dict[str, list[Consequence]] = {key: [] for key in changes}
    origins = {origin for change in changes.values() for origin in change.origins}
    if not origins:
        return found
    beneath: dict[str, list[Thing]] = {}
    for thing in list_things(actor):
        for resource in dict.fromkeys(thing.path[:3]):
            beneath.setdefault(resource, []).append(thing)
    touched = list_touched(origins, beneath)
    principals = {principal for pairs in touched.values() for principal, _resource in pairs} - {actor.id}
    grants = _by_resource(list_grants(principals, beneath))
    people = get_persons(principals)
    sources = Sources(actor, (grant for held in grants.values() for rows in held.values() for grant in rows))
    for key, change in changes.items():
        pairs = {pair for origin in change.origins for pair in touched.get(origin, ())}
        concerned = {(principal, thing) for principal, resource in pairs for thing in beneath[resource]}
        found[key] = _grouped(change, concerned, grants, people, sources)
    return found


def _by_resource(grants: Mapping[str, list[GrantFacts]]) -> dict[str, dict[str, list[GrantFacts]]]:
    found: dict[str, dict[str, list[GrantFacts]]] = {}
    for principal, rows in grants.items():
        for grant in rows:
            found.setdefault(principal, {}).setdefault(grant.resource, []).append(grant)
    return found


def _grouped(
    change: Change,
    concerned: Iterable[tuple[str, Thing]],
    grants: Mapping[str, Mapping[str, list[GrantFacts]]],
    people: Mapping[str, Person],
    sources: Sources,
) -> list[Consequence]:
    """One for each person and all that is alike for him; by name, what is kept first."""
    at = asked_at()
    alike: dict[tuple[str, str, Permission, Permission, tuple[str, ...]], list[tuple[str, Permission]]] = {}
    for principal, thing in sorted(concerned, key=lambda pair: (pair[1].name.casefold(), pair[1].id)):
        if principal not in people:
            continue
        path = thing.path
        before = [row for resource in dict.fromkeys(path[:3]) for row in grants[principal].get(resource, ())]
        after = change.of(principal, path, before)
        had, kept = all_of(before, at), all_of(after, at)
        if not had or after == before:
            continue
        holding = [grant for grant in after if all_of([grant], at)]
        ways = tuple(dict.fromkeys(sources.way(grant, path, change) for grant in holding))
        # Who keeps nothing is told so in one sentence, whatever he had.
        key = (principal, thing.kind, kept, had & ~kept if kept else NONE, ways)
        alike.setdefault(key, []).append((thing.name, had & ~kept))
    found = [
        Consequence(
            account=people[principal],
            kind="panel" if kind == "panel" else "camera",
            things=tuple(name for name, _lost in rows),
            kept=kept,
            lost=reduce(or_, (lost for _name, lost in rows)),
            through=ways,
        )
        for (principal, kind, kept, _lost, ways), rows in alike.items()
    ]
    return sorted(found, key=lambda row: (row.account.name.casefold(), row.account.id, row.kept == NONE, row.kind))


def foresee_removal(actor: Principal, recipient: str) -> list[Consequence]:
    """What it would mean to end everything that the actor shares with one of his recipients."""
    shares = Share.objects.filter(in_states([OfferState.ACCEPTED], clock.now()), recipient=recipient, sharer=actor.id)
    return list_consequences(actor, Change(without=frozenset(shares.values_list("pk", flat=True))))


def foresee_member(actor: Principal, member: str, after: Standing = NOBODY) -> list[Consequence]:
    """What it would mean if a member were that from now on: for himself first, then for those he shares with.

    What he shared and may share no more is taken to end (rule 5). Raises NotFound, Forbidden. Constant queries.
    """
    view = get_member(actor, member)
    is_open = in_states(OPEN_STATES, clock.now(), of="share__")
    items = ShareItem.objects.filter(IS_BOUND, is_open, share__membership=member, ended_at=None)
    gone = {
        (item.share_id, item.resource): NONE
        for item in items.select_related(*THINGS)
        if not covers(after, item.thing.site_id, Permission(item.permissions))
    }
    change = Change(narrowed=gone, standings={member: (view.account.id, after)})
    rows = list_consequences(actor, change)
    return sorted(rows, key=lambda row: row.account.id != view.account.id)
