"""Rule 1 once more, written another way: what grants the memberships of an organization must have, and no others."""

from belvedere.contracts.permissions import Permission
from belvedere.control.access.models import Grant, Origin
from belvedere.control.access.roles import PERMISSIONS, Role
from belvedere.control.organizations.models import Membership, Organization, Site

type Right = tuple[str, str, Permission]


def roles_of(membership: Membership, sites: list[str]) -> dict[str, Role]:
    """The role on each of these sites and, as "", on future ones; read off the rows, not through the code's own law."""
    named = {row.site_id: Role(row.role) for row in membership.site_roles.all()}
    everywhere = Role(membership.role) if membership.is_everywhere else Role.NO_ACCESS
    return {site: named.get(site, everywhere) for site in (*sites, "")}


def expected_rights(organization: str) -> set[Right]:
    """(account, resource, permissions) of every active membership."""
    sites = list(Site.objects.filter(organization_id=organization, closed_at=None).values_list("pk", flat=True))
    rights: set[Right] = set()
    for membership in Membership.objects.filter(organization_id=organization, is_active=True):
        if membership.is_everywhere and not membership.site_roles.exists():
            roles = {organization: Role(membership.role)}
        else:
            roles = {site: role for site, role in roles_of(membership, sites).items() if site}
        rights |= {
            (membership.account_id, resource, PERMISSIONS[role])
            for resource, role in roles.items()
            if role is not Role.NO_ACCESS
        }
    return rights


def rights_in_force(organization: str) -> list[Right]:
    """The same of what is granted by memberships; a list, because twice would be wrong too."""
    memberships = Membership.objects.filter(organization_id=organization).values_list("pk", flat=True)
    rows = Grant.objects.filter(origin=Origin.MEMBERSHIP, origin_id__in=list(memberships), ended_at=None)
    return [(row.principal, row.resource, Permission(row.permissions)) for row in rows]


def assert_projected(organization: str) -> None:
    """Rule 1 holds; and there is one owner, the one the organization names (VV 31)."""
    assert sorted(rights_in_force(organization)) == sorted(expected_rights(organization))
    owners = Membership.objects.filter(organization_id=organization, is_active=True, role=Role.OWNER)
    assert [row.account_id for row in owners] == [Organization.objects.get(pk=organization).owner_id]
