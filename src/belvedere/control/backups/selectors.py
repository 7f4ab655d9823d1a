"""Rights that came back with a backup and wait for their owner's word."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, Min, QuerySet

from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import check
from belvedere.control.access.models import Grant
from belvedere.control.access.roles import Role
from belvedere.control.accounts.selectors import Person, get_persons
from belvedere.control.core.errors import Forbidden
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Camera, Device
from belvedere.control.organizations.models import Organization, Site
from belvedere.control.organizations.selectors.members import find_tenure

#: what nobody confirms for so long, ends
WAITS_FOR: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendedRight:
    """What somebody would hold again. `kind`: organization, site, camera or device; `origin` as in `access.Origin`."""

    id: str
    person: Person
    kind: str
    resource: str
    resource_name: str
    permissions: Permission
    origin: str
    ends_unless_confirmed_at: datetime


def list_suspended(actor: Principal, organization: str) -> list[SuspendedRight]:
    """For the owner alone, person by person. Raises NotFound, Forbidden, Frozen."""
    require_owner(actor, organization)
    names = _names_in(organization)
    rows = list(_waiting_on(names).order_by("principal", "resource", "pk"))
    persons = get_persons(row.principal for row in rows)
    found = [
        SuspendedRight(
            id=row.pk,
            person=persons[row.principal],
            kind=names[row.resource][0],
            resource=row.resource,
            resource_name=names[row.resource][1],
            permissions=Permission(row.permissions),
            origin=row.origin,
            ends_unless_confirmed_at=row.suspended_at + WAITS_FOR,
        )
        for row in rows
        if row.principal in persons and row.suspended_at
    ]
    return sorted(found, key=lambda row: (row.person.name.casefold(), row.person.id, row.resource_name.casefold()))


@dataclass(frozen=True, slots=True)
class OwnedWaiting:
    """How many rights wait in an organization, and since when."""

    organization: str
    name: str
    count: int
    since: datetime


def list_owned_waiting(actor: Principal) -> list[OwnedWaiting]:
    """Where something waits for the actor's word. One query, as long as nothing does."""
    if not Grant.objects.filter(ended_at=None, suspended_at__isnull=False).exists():
        return []
    found = []
    for pk, name in Organization.objects.filter(owner=actor.id).order_by("name", "pk").values_list("pk", "name"):
        waiting = _waiting_on(_names_in(pk)).aggregate(count=Count("pk"), since=Min("suspended_at"))
        if waiting["count"]:
            found.append(OwnedWaiting(pk, name, waiting["count"], waiting["since"]))
    return found


def require_owner(actor: Principal, organization: str) -> None:
    """What an owner gave, he alone gives back. Raises NotFound, Forbidden, Frozen."""
    check(actor, Permission.MANAGE, on="organization", resource=organization)
    tenure = find_tenure(actor.id, organization)
    if tenure is None or tenure.standing.role is not Role.OWNER:
        raise Forbidden


def _waiting_on(resources: Iterable[str]) -> QuerySet[Grant]:
    return Grant.objects.filter(resource__in=list(resources), ended_at=None, suspended_at__isnull=False)


def _names_in(organization: str) -> dict[str, tuple[str, str]]:
    """Resource → (kind, name) of all there is in it."""
    itself = Organization.objects.filter(pk=organization).values_list("pk", "name")
    found = {pk: ("organization", name) for pk, name in itself}
    for kind, model in (("site", Site), ("device", Device), ("camera", Camera)):
        rows = model._default_manager.filter(organization=organization).values_list("pk", "name")  # noqa: SLF001  Django's public spelling
        found |= {pk: (kind, name) for pk, name in rows}
    return found
