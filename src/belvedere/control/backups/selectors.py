"""Rights that came back with a backup and wait for their owner's word."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import QuerySet

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
    """Where something waits for the actor's word. One query as long as nothing does, else six."""
    waiting = Grant.objects.filter(ended_at=None, suspended_at__isnull=False)
    if not waiting.exists():
        return []
    names = dict(Organization.objects.filter(owner=actor.id).order_by("name", "pk").values_list("pk", "name"))
    place = {pk: pk for pk in names}
    for model in (Site, Camera, Device):
        rows = model._default_manager.filter(organization__in=names, pk__in=waiting.values("resource"))  # noqa: SLF001  Django's public spelling
        place |= dict(rows.values_list("pk", "organization_id"))
    since: dict[str, list[datetime]] = {pk: [] for pk in names}
    for resource, at in waiting.filter(resource__in=place).values_list("resource", "suspended_at"):
        since[place[resource]] += [at] if at else []
    return [OwnedWaiting(pk, name, len(since[pk]), min(since[pk])) for pk, name in names.items() if since[pk]]


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
