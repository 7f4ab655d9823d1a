"""Reading organizations: those one belongs to."""

from dataclasses import dataclass

from django.db.models import Q

from belvedere.contracts.permissions import NONE, Permission
from belvedere.control.access.selectors import GrantsOfPrincipal, ResourcePath, get_decision
from belvedere.control.core.errors import NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.principal import Principal
from belvedere.control.organizations.models import Membership, Organization, Reach, Site
from belvedere.control.organizations.selectors.members import standing_of
from belvedere.control.organizations.standing import highest, manages_somewhere


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


def list_organizations(actor: Principal) -> list[OrganizationView]:
    """Organizations the actor is a member of, the personal one first."""
    rows = (
        Membership.objects.filter(account_id=actor.id, is_active=True)
        .select_related("organization")
        .prefetch_related("site_roles")
        .order_by("-organization__is_personal", "organization__name", "pk")
    )
    return [
        OrganizationView(
            id=row.organization_id,
            name=row.organization.name,
            role=highest(standing_of(row)),
            is_personal=row.organization.is_personal,
            region=row.organization.region,
            time_zone=row.organization.time_zone,
            is_managed=manages_somewhere(standing_of(row)),
            is_owned=row.organization.owner_id == actor.id,
            membership=row.pk,
        )
        for row in rows
    ]


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
    grants = GrantsOfPrincipal(actor.id)
    found = [(row, grants.decide(path_of_site(row)).permissions) for row in rows]
    return [_site(row, permissions) for row, permissions in found if permissions]


def get_site(actor: Principal, site: str) -> SiteView:
    """One site on which the actor holds anything. Raises NotFound."""
    row = Site.objects.filter(pk=site, closed_at=None).first() if is_id(site) else None
    permissions = get_decision(actor.id, path_of_site(row)).permissions if row else NONE
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
