"""Reading the audit, as far as a `Scope` goes. Who has which, `organizations.oversight` decides."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, Final

from django.db.models import Q, QuerySet

from belvedere.control.audit.models import ActorOf, Entry
from belvedere.control.core.ids import is_id
from belvedere.control.core.principal import Principal

#: how many rows are held at once while many are read
CHUNK: Final = 500
#: fields of entries that name a person the entry is about
ABOUT_A_PERSON: Final = ("actor_name", "recipient", "person", "email")

_OF_THE_ACTOR: Final = ("actor", "actor_name", "actor_kind", "address")


@dataclass(frozen=True, slots=True)
class Proof:
    """What a receipt quotes of the entry it rests on."""

    sequence: int
    digest: str


@dataclass(frozen=True, slots=True)
class Scope:
    """What somebody may read: one chain; of it the entries at these sites alone, unless `sites` is None."""

    chain: str
    sites: frozenset[str] | None

    @property
    def is_whole(self) -> bool:
        """Whether every entry of the chain may be read."""
        return self.sites is None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFilter:
    """What to look for; empty fields look for everything.

    person       an account's id, or a part of a name or address
    thing        `kind:id`, or a kind alone
    action       `share.offered`, or a group alone: `share`
    start, end   from this instant on, and before that one
    """

    person: str = ""
    thing: str = ""
    action: str = ""
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class EntryView:
    """One entry. `fields` is empty once it was erased; `is_erased` tells it from one that never had any."""

    sequence: int
    at: datetime
    action: str
    thing: str
    site: str
    change_id: str
    fields: dict[str, Any]
    is_erased: bool
    salt: str
    fields_digest: str
    previous: str
    digest: str

    @property
    def details(self) -> dict[str, Any]:
        """The fields but for who did it and from where."""
        return {key: value for key, value in self.fields.items() if key not in _OF_THE_ACTOR}

    def text(self, key: str) -> str:
        """One of the fields as text; "" where there is none."""
        value = self.fields.get(key)
        return "" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class OwnEntry:
    """An entry that somebody reads because it is about him. `chain` is an organization's, or the installation's."""

    id: str
    chain: str
    entry: "EntryView"


@dataclass(frozen=True, slots=True)
class EntryPage:
    """Entries, the latest first. `before` is where the next page goes on, None at the end."""

    items: list[EntryView] = field(default_factory=list)
    before: int | None = None


def find_proof(change_id: str) -> Proof | None:
    """The first audit entry of a change."""
    if not is_id(change_id):
        return None
    entry = Entry.objects.filter(change_id=change_id).order_by("sequence").only("sequence", "digest").first()
    return Proof(entry.sequence, entry.digest) if entry else None


def find_caused(actor: Principal, change_id: str, actions: Collection[str]) -> EntryView | None:
    """Of a change that the actor himself made, the entry that is one of these actions: what his receipt is about."""
    if not is_id(change_id):
        return None
    rows = Entry.objects.filter(change_id=change_id, action__in=actions, fields__actor=actor.id)
    row = rows.order_by("sequence").first()
    return _view(row) if row else None


def list_entries(
    scope: Scope, look_for: EntryFilter | None = None, *, before: int | None = None, limit: int = 50
) -> EntryPage:
    """A page of entries, the latest first. One query."""
    rows = _filtered(scope, look_for or EntryFilter())
    if before is not None:
        rows = rows.filter(sequence__lt=before)
    found = [_view(row) for row in rows.order_by("-sequence")[: limit + 1]]
    return EntryPage(found[:limit], found[limit - 1].sequence if len(found) > limit else None)


def list_about(
    account: str, things: Iterable[QuerySet[Any, str]], *, before: tuple[datetime, str] | None = None, limit: int
) -> list[OwnEntry]:
    """What somebody did himself, and what happened to him and to these things of his (`kind:id`), in every chain.

    The latest first; `before` is time and id of the last one that was read. The caller knows that the things are his.
    One query.
    """
    about = reduce(or_, (Q(thing__in=rows) for rows in things), Q(by=account) | Q(thing=f"account:{account}"))
    rows = Entry.objects.annotate(by=ActorOf("fields")).filter(about)
    if before:
        rows = rows.filter(Q(at__lt=before[0]) | Q(at=before[0], pk__lt=before[1]))
    return [OwnEntry(row.pk, row.chain_id, _view(row)) for row in rows.order_by("-at", "-pk")[:limit]]


def list_active(chains: Collection[str], since: datetime) -> set[tuple[str, str]]:
    """(account, chain) of whoever did anything since then in these chains, all of which may be read. One query."""
    rows = Entry.objects.filter(chain__in=list(chains), at__gte=since).annotate(by=ActorOf("fields"))
    return {(account, chain) for account, chain in rows.values_list("by", "chain").distinct() if account}


def iterate_entries(scope: Scope, look_for: EntryFilter | None = None) -> Iterator[EntryView]:
    """Every entry that matches, the first first, a few at a time: no query stays open while somebody downloads."""
    rows = _filtered(scope, look_for or EntryFilter()).order_by("sequence")
    last = 0
    while chunk := list(rows.filter(sequence__gt=last)[:CHUNK]):
        yield from map(_view, chunk)
        last = chunk[-1].sequence


def list_names(scope: Scope, things: Collection[str]) -> dict[str, dict[str, Any]]:
    """Thing → what the entries that one may read say of it, later ones first. One query.

    A share is called by whom it was offered to, a device by its name: only the entry that says so knows.
    """
    found: dict[str, dict[str, Any]] = {}
    rows = _readable(scope).filter(thing__in=set(things)).filter(fields__isnull=False).order_by("-sequence")
    for thing, fields in rows.values_list("thing", "fields")[: 20 * CHUNK]:
        found[thing] = (fields or {}) | found.get(thing, {})
    return found


def list_actors(scope: Scope, *, among: int = 200) -> list[str]:
    """Names of those who acted in the latest entries, to choose from. One query."""
    rows = _readable(scope).order_by("-sequence").values_list("fields__actor_name", flat=True)[:among]
    return sorted({name for name in rows if name})


def _readable(scope: Scope) -> QuerySet[Entry]:
    rows = Entry.objects.filter(chain=scope.chain)
    # An entry without a site is the whole organization's business.
    return rows if scope.sites is None else rows.exclude(site="").filter(site__in=scope.sites)


def _filtered(scope: Scope, look_for: EntryFilter) -> QuerySet[Entry]:
    rows = _readable(scope)
    if "\0" in look_for.person + look_for.thing + look_for.action:
        return rows.none()  # no text of ours holds one, and PostgreSQL takes none
    if is_id(look_for.person):
        rows = rows.filter(Q(fields__actor=look_for.person) | Q(thing=f"account:{look_for.person}"))
    elif look_for.person:
        named = (Q(**{f"fields__{key}__icontains": look_for.person}) for key in ABOUT_A_PERSON)
        rows = rows.filter(reduce(or_, named))
    if ":" in look_for.thing:
        rows = rows.filter(thing=look_for.thing)
    elif look_for.thing:
        rows = rows.filter(thing__startswith=f"{look_for.thing}:")
    if "." in look_for.action:
        rows = rows.filter(action=look_for.action)
    elif look_for.action:
        rows = rows.filter(action__startswith=f"{look_for.action}.")
    if look_for.start:
        rows = rows.filter(at__gte=look_for.start)
    if look_for.end:
        rows = rows.filter(at__lt=look_for.end)
    return rows


def _view(row: Entry) -> EntryView:
    return EntryView(
        sequence=row.sequence,
        at=row.at,
        action=row.action,
        thing=row.thing,
        site=row.site,
        change_id=row.change_id,
        fields=row.fields or {},
        is_erased=row.fields is None,
        salt=row.salt,
        fields_digest=row.fields_digest,
        previous=row.previous,
        digest=row.digest,
    )
