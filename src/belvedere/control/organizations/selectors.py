"""Reading organizations: those one belongs to."""

from dataclasses import dataclass

from belvedere.contracts.permissions import Permission
from belvedere.control.access.roles import PERMISSIONS, Role
from belvedere.control.access.selectors import GrantsOfPrincipal, ResourcePath
from belvedere.control.core.errors import NotFound
from belvedere.control.core.principal import Principal
from belvedere.control.organizations.models import Membership, Organization, Reach, Site


@dataclass(frozen=True, slots=True)
class OrganizationView:
    """An organization as a member sees it."""

    id: str
    name: str
    role: str
    is_personal: bool
    time_zone: str


@dataclass(frozen=True, slots=True)
class SiteView:
    """A site as a member sees it."""

    id: str
    name: str
    organization: str
    time_zone: str
    address: str


def list_organizations(actor: Principal) -> list[OrganizationView]:
    """Organizations the actor is a member of, the personal one first."""
    rows = (
        Membership.objects.filter(account_id=actor.id, is_active=True)
        .select_related("organization")
        .order_by("-organization__is_personal", "organization__name")
    )
    return [
        OrganizationView(
            row.organization_id,
            row.organization.name,
            row.role,
            row.organization.is_personal,
            row.organization.time_zone,
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
    rows = Site.objects.filter(organization_id=organization).order_by("name", "pk")
    grants = GrantsOfPrincipal(actor.id)
    return [
        SiteView(row.pk, row.name, row.organization_id, row.time_zone, row.address)
        for row in rows
        if grants.decide(path_of_site(row)).permissions
    ]


def path_of_site(site: Site) -> ResourcePath:
    """The resource path of a site itself."""
    return ResourcePath(site.pk, site.pk, site.organization_id)


def find_site_path(site: str) -> ResourcePath | None:
    """The guard's resolver for sites."""
    row = Site.objects.filter(pk=site).first()
    return path_of_site(row) if row else None


def find_organization_path(organization: str) -> ResourcePath | None:
    """The guard's resolver for organizations."""
    if not Organization.objects.filter(pk=organization).exists():
        return None
    return ResourcePath(organization, organization, organization)


def find_membership(account: str, organization: str, *, needs: Permission) -> Membership | None:
    """The membership in force under which `account` may use `needs`; roles are what memberships hold."""
    row = Membership.objects.filter(account_id=account, organization_id=organization, is_active=True).first()
    return row if row and needs in PERMISSIONS[Role(row.role)] else None


def list_reach(organization: str) -> list[tuple[str, int, int]]:
    """(CIDR, first port, last port) of every network this organization may reach. For devices' own use."""
    return list(Reach.objects.filter(organization_id=organization).values_list("cidr", "first_port", "last_port"))


def get_owner(organization: str) -> str:
    """The account that owns it."""
    return Organization.objects.values_list("owner_id", flat=True).get(pk=organization)


def is_first_owner(account: str) -> bool:
    """Whether no organization here belongs to anybody else."""
    return not Organization.objects.exclude(owner_id=account).exists()


def list_memberships_by_id(ids: list[str]) -> dict[str, str]:
    """Membership id → role, to say why somebody sees something."""
    return dict(Membership.objects.filter(pk__in=ids).values_list("pk", "role"))
