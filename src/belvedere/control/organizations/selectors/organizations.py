"""Reading organizations: those one belongs to."""

from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Q

from belvedere.contracts.permissions import NONE, Permission
from belvedere.control.access.roles import Role
from belvedere.control.access.selectors import ResourcePath, decision_of, grants_of
from belvedere.control.core import sql
from belvedere.control.core.errors import NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.principal import Principal, once
from belvedere.control.organizations.models import Membership, Organization, Reach, Site
from belvedere.control.organizations.standing import Standing, highest, manages_somewhere

_MINE: Final = (
    "SELECT m.id, o.id, o.name, o.is_personal, o.region, o.time_zone, o.owner_id, m.role, m.is_everywhere, "
    "EXISTS (SELECT 1 FROM organizations_ownershipclaim c WHERE c.organization_id = o.id AND c.state = 'pending'), "
    "r.site_id, r.role FROM organizations_membership m JOIN organizations_organization o ON o.id = m.organization_id "
    "LEFT JOIN organizations_siterole r ON r.membership_id = m.id "
    "WHERE m.account_id = %s AND m.is_active = %s ORDER BY o.is_personal DESC, o.name, m.id"
)


@dataclass(frozen=True, slots=True)
class OrganizationView:
    """An organization as a member sees it."""

    id: str
    name: str
    role: str
    is_personal: bool
    region: str
    time_zone: str
    #: whether the actor manages members anywhere in it: what *Admin* is shown by
    is_managed: bool
    is_owned: bool
    #: somebody claims to own it, and has to wait
    is_claimed: bool
    #: the actor's own membership: what one leaves
    membership: str


@dataclass(frozen=True, slots=True)
class SiteView:
    """A site as a member sees it."""

    id: str
    name: str
    organization: str
    region: str
    time_zone: str
    address: str
    permissions: Permission


@once
def list_organizations(actor: Principal) -> list[OrganizationView]:
    """Organizations the actor is a member of, the personal one first. One query."""
    found: dict[tuple[Any, ...], dict[str, Role]] = {}
    for *head, site, site_role in sql.fetch(_MINE, actor.id, True):
        roles = found.setdefault(tuple(head), {})
        if site:
            roles[site] = Role(site_role)
    return [_organization(actor, head, roles) for head, roles in found.items()]


def _organization(actor: Principal, head: tuple[Any, ...], roles: dict[str, Role]) -> OrganizationView:
    membership, pk, name, is_personal, region, time_zone, owner, role, is_everywhere, is_claimed = head
    standing = Standing.of(Role(role), None if is_everywhere else (), roles)
    return OrganizationView(
        id=pk,
        name=name,
        role=highest(standing),
        is_personal=bool(is_personal),
        region=region,
        time_zone=time_zone,
        is_managed=manages_somewhere(standing),
        is_owned=owner == actor.id,
        is_claimed=bool(is_claimed),
        membership=membership,
    )


def get_organization(actor: Principal, organization: str) -> OrganizationView:
    """One of the actor's organizations. Raises NotFound."""
    for view in list_organizations(actor):
        if view.id == organization:
            return view
    raise NotFound


def list_sites(actor: Principal, organization: str) -> list[SiteView]:
    """Sites of one of the actor's organizations on which he holds anything."""
    get_organization(actor, organization)
    rows = Site.objects.filter(organization_id=organization, closed_at=None).order_by("name", "pk")
    grants = grants_of(actor)
    found = [(row, grants.decide(path_of_site(row)).permissions) for row in rows]
    return [_site(row, permissions) for row, permissions in found if permissions]


def get_site(actor: Principal, site: str) -> SiteView:
    """One site on which the actor holds anything. Raises NotFound."""
    row = Site.objects.filter(pk=site, closed_at=None).first() if is_id(site) else None
    permissions = decision_of(actor, path_of_site(row)).permissions if row else NONE
    if row is None or not permissions:
        raise NotFound
    return _site(row, permissions)


def _site(row: Site, permissions: Permission) -> SiteView:
    return SiteView(row.pk, row.name, row.organization_id, row.region, row.time_zone, row.address, permissions)


def path_of_site(site: Site) -> ResourcePath:
    """The resource path of a site itself."""
    return ResourcePath(site.pk, site.pk, site.organization_id)


def find_site_path(site: str) -> ResourcePath | None:
    """The guard's resolver for sites."""
    row = Site.objects.filter(pk=site, closed_at=None).first()
    return path_of_site(row) if row else None


def is_member(account: str, organization: str) -> bool:
    """Whether this account belongs to it, with whatever role: it may know that it exists."""
    return Membership.objects.filter(account_id=account, organization_id=organization, is_active=True).exists()


def find_organization_path(organization: str) -> ResourcePath | None:
    """The guard's resolver for organizations."""
    if not Organization.objects.filter(pk=organization).exists():
        return None
    return ResourcePath(organization, organization, organization)


def list_reach(organization: str) -> list[tuple[str, int, int]]:
    """(CIDR, first port, last port) of every network this organization may reach. For devices' own use."""
    return list(Reach.objects.filter(organization_id=organization).values_list("cidr", "first_port", "last_port"))


def find_organizations(wanted: str) -> dict[str, str]:
    """Id → name of the one with this id, or of all with this very name. For the command line."""
    rows = Organization.objects.filter(Q(pk=wanted) | Q(name=wanted)).order_by("pk")
    return dict(rows.values_list("pk", "name"))


def get_owner(organization: str) -> str:
    """The account that owns it."""
    return Organization.objects.values_list("owner_id", flat=True).get(pk=organization)


def is_first_owner(account: str) -> bool:
    """Whether no organization here belongs to anybody else."""
    return not Organization.objects.exclude(owner_id=account).exists()
