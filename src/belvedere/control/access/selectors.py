"""Reading grants: raw SQL on the hot path (building the ORM's query costs a hundred times the query)."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from django.db import connection
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from belvedere.contracts.permissions import Permission
from belvedere.control.access.decision import Decision, GrantFacts, decide
from belvedere.control.access.models import Grant, Origin
from belvedere.control.core import clock, sql
from belvedere.control.core.principal import Principal, once


class ResourcePath(NamedTuple):
    """A resource and what stands above it. Ids that are not there are "".

    `is_live` False (unbound, deleted, suspended) means that no grant opens it (rule 6). `is_on` False: rights stand,
    but somebody switched it off, so that there is nothing to watch.
    """

    leaf: str
    site: str
    organization: str
    is_live: bool = True
    is_on: bool = True


_COLUMNS: Final = (
    "id, resource, permissions, origin, origin_id, created_by, starts_at, ends_at, hours, footage_last_s, footage_from"
)
#: neither over, nor waiting for an owner's word since a restore (ADR 0031)
_IN_FORCE: Final = "ended_at IS NULL AND suspended_at IS NULL"
_FREEZE: Final = "SELECT MAX(ends_at) FROM access_freeze WHERE organization IN (%s, %s, %s)"
_ONE: Final = (
    f"SELECT {_COLUMNS}, ({_FREEZE}) FROM access_grant "  # noqa: S608  constants only
    f"WHERE principal = %s AND resource IN (%s, %s, %s) AND {_IN_FORCE}"
)
_ONE_SQLITE: Final = _ONE.replace("%s", "?")
_FROZEN: Final = "SELECT organization, MAX(ends_at) FROM access_freeze WHERE ends_at > %s GROUP BY organization"
_ALL_OF: Final = (
    f"SELECT {_COLUMNS}, (SELECT MAX(ends_at) FROM access_freeze) FROM access_grant "  # noqa: S608  constants
    f"WHERE principal = %s AND {_IN_FORCE}"
)


def _seconds(value: Any) -> float | None:
    """SQLite hands out text, PostgreSQL aware datetimes."""
    if value is None:
        return None
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    return float(value.timestamp())


def _facts(row: Sequence[Any]) -> GrantFacts:
    pk, resource, permissions, origin, origin_id, by, starts_at, ends_at, hours, last_s, footage_from = row
    if starts_at is None is ends_at is None is footage_from:
        return GrantFacts(pk, resource, permissions, origin, origin_id, by, None, None, hours, last_s)
    return GrantFacts(
        pk,
        resource,
        permissions,
        origin,
        origin_id,
        by,
        _seconds(starts_at),
        _seconds(ends_at),
        hours,
        last_s,
        _seconds(footage_from),
    )


def asked_at() -> float:
    """The instant of a question, in seconds since the epoch."""
    return clock.now().timestamp()


def _fetch_one(principal: str, path: ResourcePath) -> list[Any]:
    """The rows of `_ONE`. SQLite is asked without Django's cursor, which costs as much again as the question.

    Where queries are logged it is asked through it: tests count these questions like all others.
    """
    place = (path.leaf, path.site, path.organization)
    arguments = (*place, principal, *place)
    if connection.vendor == "sqlite" and not connection.queries_logged:
        connection.ensure_connection()
        return list(connection.connection.execute(_ONE_SQLITE, arguments))
    with connection.cursor() as cursor:
        cursor.execute(_ONE, arguments)
        return list(cursor.fetchall())


def get_decision(principal: str, path: ResourcePath, *, at: float | None = None) -> Decision:
    """What `principal` may do with `path.leaf`. One indexed statement."""
    if not path.is_live or not principal:
        return Decision()
    rows = _fetch_one(principal, path)
    # The same in every row: there is one freeze of a path, or none.
    frozen_until = _seconds(rows[0][-1]) if rows else None
    return decide((_facts(row[:-1]) for row in rows), asked_at() if at is None else at, frozen_until=frozen_until)


def list_frozen() -> dict[str, datetime]:
    """Organization → until when it is frozen, for those that are. One query."""
    rows = sql.fetch(_FROZEN, clock.now())
    return {organization: datetime.fromtimestamp(_seconds(until) or 0, UTC) for organization, until in rows}


def find_frozen_until(path: ResourcePath) -> datetime | None:
    """Until when nothing opens there, if it is so now. One query."""
    [(until,)] = sql.fetch(_FREEZE, path.leaf, path.site, path.organization)
    seconds = _seconds(until)
    return datetime.fromtimestamp(seconds, UTC) if seconds and seconds > asked_at() else None


class GrantsOfPrincipal:
    """All grants of one principal, for lists: one statement, then any number of decisions.

    A second one while anything on this server is frozen.
    """

    def __init__(self, principal: str) -> None:
        self.at = asked_at()
        self._by_resource: dict[str, list[GrantFacts]] = {}
        #: what was decided, by the resources that had a say: the cameras of a site mostly have the same ones
        self._decided: dict[tuple[str, ...], Decision] = {}
        with connection.cursor() as cursor:
            cursor.execute(_ALL_OF, (principal,))
            rows = cursor.fetchall()
        for row in rows:
            facts = _facts(row[:-1])
            self._by_resource.setdefault(facts.resource, []).append(facts)
        last_freeze = _seconds(rows[0][-1]) if rows else None
        is_nothing_frozen = bool(rows) and (last_freeze is None or last_freeze <= self.at)
        #: None: not known yet
        self._frozen: dict[str, datetime] | None = {} if is_nothing_frozen else None

    @property
    def resources(self) -> list[str]:
        """Every resource there is a grant on."""
        return list(self._by_resource)

    def decide(self, path: ResourcePath) -> Decision:
        """What they allow on `path.leaf`."""
        if not path.is_live:
            return Decision()
        held = tuple(resource for resource in dict.fromkeys(path[:3]) if resource in self._by_resource)
        if held and self.frozen and (until := self.frozen_until(path)):
            return decide(self._facts_on(held), self.at, frozen_until=until)
        if held not in self._decided:
            self._decided[held] = decide(self._facts_on(held), self.at)
        return self._decided[held]

    def _facts_on(self, held: tuple[str, ...]) -> Iterator[GrantFacts]:
        return (facts for resource in held for facts in self._by_resource[resource])

    def frozen_until(self, path: ResourcePath) -> float | None:
        """Until when nothing opens there. Known for who holds anything at all."""
        frozen = self.frozen if self._by_resource else {}
        return next((frozen[one].timestamp() for one in path[:3] if one in frozen), None)

    @property
    def frozen(self) -> dict[str, datetime]:
        """Organization → until when it is frozen, of all on this server. Asked for if anything was."""
        if self._frozen is None:
            self._frozen = list_frozen()
        return self._frozen


@once
def grants_of(actor: Principal) -> GrantsOfPrincipal:
    """All grants of who asks."""
    return GrantsOfPrincipal(actor.id)


def decision_of(actor: Principal, path: ResourcePath) -> Decision:
    """What the actor may do with `path.leaf`. While his request only reads, of the grants that it has read anyway."""
    if actor.answers is not None:
        return grants_of(actor).decide(path)
    return get_decision(actor.id, path)


class Holder(NamedTuple):
    """A principal with what he holds on a resource, and since when he was given each grant.

    `later` are grants that hold again, or for the first time, at another hour or day: nothing now, but not over.
    """

    principal: str
    decision: Decision
    given_at: dict[str, datetime]
    later: tuple[GrantFacts, ...] = ()


def list_holders(path: ResourcePath) -> list[Holder]:
    """Everybody who may do anything with `path.leaf`, now or later, and because of what. The caller has decided who may
    ask.
    """
    at = asked_at()
    found: dict[str, list[GrantFacts]] = {}
    given_at: dict[str, dict[str, datetime]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT principal, created_at, {_COLUMNS} FROM access_grant "  # noqa: S608  constants only
            f"WHERE resource IN (%s, %s, %s) AND {_IN_FORCE} ORDER BY created_at",
            (path.leaf, path.site, path.organization),
        )
        for principal, created_at, *row in cursor.fetchall():
            facts = _facts(row)
            found.setdefault(principal, []).append(facts)
            given_at.setdefault(principal, {})[facts.id] = datetime.fromtimestamp(_seconds(created_at) or 0, UTC)
    holders = []
    for principal, grants in found.items():
        decision = decide(grants, at)
        now = {grant.id for grant in decision.because}
        later = (grant for grant in grants if grant.id not in now and (grant.ends_at or at + 1) > at)
        holders.append(Holder(principal, decision, given_at[principal], tuple(later)))
    return [holder for holder in holders if holder.decision.permissions or holder.later]


def list_candidates(
    path: ResourcePath, permission: Permission, *, after: str = "", limit: int
) -> list[tuple[str, list[GrantFacts]]]:
    """The next principals, by id, with a grant of `permission` on `path.leaf`, and all their grants there: to decide.

    The caller acts for the server, on behalf of nobody. Two statements.
    """
    if not path.is_live or find_frozen_until(path):
        return []
    place = (path.leaf, path.site, path.organization)
    rows = sql.fetch(
        f"SELECT principal, {_COLUMNS} FROM access_grant "  # noqa: S608  constants only
        f"WHERE resource IN (%s, %s, %s) AND {_IN_FORCE} AND principal IN ("
        f"SELECT DISTINCT principal FROM access_grant WHERE resource IN (%s, %s, %s) AND {_IN_FORCE} "
        "AND (permissions & %s) <> 0 AND principal > %s ORDER BY principal LIMIT %s) ORDER BY principal",
        *place,
        *place,
        int(permission),
        after,
        limit,
    )
    found: dict[str, list[GrantFacts]] = {}
    for principal, *row in rows:
        found.setdefault(principal, []).append(_facts(row))
    return list(found.items())


def list_in_force(resources: Iterable[str]) -> dict[str, list[GrantFacts]]:
    """Principal → his grants in force on these very resources. The caller has decided who may ask. One query."""
    on = list(resources)
    found: dict[str, list[GrantFacts]] = {}
    if on:
        statement = f"SELECT principal, {_COLUMNS} FROM access_grant WHERE resource IN ({sql.marks(on)}) "  # noqa: S608  constants
        for principal, *row in sql.fetch(f"{statement} AND {_IN_FORCE}", *on):
            found.setdefault(principal, []).append(_facts(row))
    return found


def list_once_held(resources: Iterable[str], permission: Permission) -> set[str]:
    """Who holds or ever held `permission` on these very resources. The caller has decided who may ask. One query."""
    on = list(resources)
    if not on:
        return set()
    rows = sql.fetch(
        f"SELECT DISTINCT principal FROM access_grant WHERE resource IN ({sql.marks(on)}) "  # noqa: S608  constants
        "AND (permissions & %s) <> 0",
        *on,
        int(permission),
    )
    return {principal for (principal,) in rows}


def list_resources_once_held(principal: str, permission: Permission) -> set[str]:
    """On which resources somebody holds or ever held `permission`. The caller has decided who may ask. One query."""
    rows = sql.fetch(
        "SELECT DISTINCT resource FROM access_grant WHERE principal = %s AND (permissions & %s) <> 0",
        principal,
        int(permission),
    )
    return {resource for (resource,) in rows}


def list_grants(principals: Iterable[str], resources: Iterable[str]) -> dict[str, list[GrantFacts]]:
    """Principal → his grants in force on these very resources, and on no other. The caller has decided who may ask.

    One query.
    """
    asked, on = list(principals), list(resources)
    found: dict[str, list[GrantFacts]] = {}
    if asked and on:
        rows = sql.fetch(
            f"SELECT principal, {_COLUMNS} FROM access_grant WHERE principal IN ({sql.marks(asked)}) "  # noqa: S608  constants
            f"AND resource IN ({sql.marks(on)}) AND {_IN_FORCE} ORDER BY created_at, id",
            *asked,
            *on,
        )
        for principal, *row in rows:
            found.setdefault(principal, []).append(_facts(row))
    return found


def list_touched(origins: Iterable[str], resources: Iterable[str]) -> dict[str, set[tuple[str, str]]]:
    """Origin id → whom it gives something on which of these resources: (principal, resource). One query."""
    asked, on = list(origins), list(resources)
    found: dict[str, set[tuple[str, str]]] = {}
    if asked and on:
        rows = sql.fetch(
            f"SELECT origin_id, principal, resource FROM access_grant WHERE origin_id IN ({sql.marks(asked)}) "  # noqa: S608  marks only
            f"AND resource IN ({sql.marks(on)}) AND {_IN_FORCE}",
            *asked,
            *on,
        )
        for origin, principal, resource in rows:
            found.setdefault(origin, set()).add((principal, resource))
    return found


def shared_with() -> Coalesce:
    """With how many others something is shared just now: a column for lists of it, to be told to who may share it."""
    has_not_run_out = Q(ends_at=None) | Q(ends_at__gt=clock.now())
    shares = Grant.objects.filter(has_not_run_out, resource=OuterRef("pk"), origin=Origin.SHARE)
    each = shares.filter(ended_at=None, suspended_at=None).order_by().values("resource")
    return Coalesce(Subquery(each.annotate(count=Count("principal", distinct=True)).values("count")), 0)


def list_principals_of_change(change_id: str) -> list[str]:
    """Who lost something in this change."""
    rows = sql.fetch("SELECT DISTINCT principal FROM access_grant WHERE change_id = %s", change_id)
    return [principal for (principal,) in rows]


def list_projected(origin_ids: Iterable[str]) -> dict[str, list[tuple[str, str, int]]]:
    """Origin id → its grants that are not over, suspended ones too: (id, resource, permission bits). For who projects
    them. One query.
    """
    found: dict[str, list[tuple[str, str, int]]] = {}
    rows = Grant.objects.filter(origin_id__in=list(origin_ids), ended_at=None)
    for origin_id, pk, resource, permissions in rows.values_list("origin_id", "pk", "resource", "permissions"):
        found.setdefault(origin_id, []).append((pk, resource, permissions))
    return found
