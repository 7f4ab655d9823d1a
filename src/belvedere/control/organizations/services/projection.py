"""Memberships become grants here, and nowhere else (rule 1). Called by the other services of this app."""

from collections.abc import Iterable

from belvedere.contracts.permissions import Permission
from belvedere.control.access.models import Origin
from belvedere.control.access.roles import PERMISSIONS
from belvedere.control.access.selectors import list_projected
from belvedere.control.access.services import end_grants, grant
from belvedere.control.core.ids import new_id
from belvedere.control.core.principal import Principal
from belvedere.control.organizations.dependents import settle_dependents
from belvedere.control.organizations.models import Membership, Site, SiteRole
from belvedere.control.organizations.selectors.members import standing_of
from belvedere.control.organizations.standing import Standing


def write_standing(membership: Membership, standing: Standing) -> None:
    """Make the rows say `standing`. Gives nothing yet: `project` does."""
    is_everywhere = standing.sites is None
    roles = dict.fromkeys(standing.sites or (), standing.role) | dict(standing.overrides)
    Membership.objects.filter(pk=membership.pk).update(role=standing.role, is_everywhere=is_everywhere)
    membership.role, membership.is_everywhere = standing.role, is_everywhere
    membership.site_roles.all().delete()
    SiteRole.objects.bulk_create(
        SiteRole(membership=membership, site_id=site, role=role) for site, role in sorted(roles.items())
    )


def project(
    actor: Principal,
    memberships: Iterable[Membership],
    *,
    organization: str,
    reason: str,
    action: str,
    thing: str,
    change_id: str = "",
    adopt: bool = False,
    details: dict[str, object] | None = None,
) -> str:
    """Bring the grants of these memberships to what they say now; the change id.

    What stays the same is not touched. What is new comes first, what is lost ends in the same transaction, and with it
    what rested on it: nobody is blind in between, and nobody sees longer.
    """
    memberships = list(memberships)
    change_id = change_id or new_id()
    sites = list(Site.objects.filter(organization_id=organization, closed_at=None).values_list("pk", flat=True))
    in_force = list_projected(row.pk for row in memberships)
    stale: list[str] = []
    for membership in memberships:
        wanted = _wanted(membership, sites)
        for pk, resource, permissions in in_force.get(membership.pk, ()):
            if wanted.get(resource) == permissions:
                del wanted[resource]
            else:
                stale.append(pk)
        for resource, permissions in wanted.items():
            grant(
                principal=membership.account_id,
                resource=resource,
                permissions=Permission(permissions),
                origin=Origin.MEMBERSHIP,
                origin_id=membership.pk,
                created_by=actor.id,
            )
    if stale:
        stale += settle_dependents(actor, memberships=[row.pk for row in memberships], change_id=change_id, adopt=adopt)
    return end_grants(
        actor,
        organization=organization,
        reason=reason,
        action=action,
        thing=thing,
        grants=stale,
        change_id=change_id,
        details=details,
    )


def _wanted(membership: Membership, sites: list[str]) -> dict[str, int]:
    """Resource → bits. All sites and no override: one grant on the organization; else one for each site."""
    if not membership.is_active:
        return {}
    standing = standing_of(membership)
    if standing.is_whole:
        wanted = {membership.organization_id: PERMISSIONS[standing.role]}
    else:
        wanted = {site: PERMISSIONS[standing.on(site)] for site in sites}
    return {resource: int(permissions) for resource, permissions in wanted.items() if permissions}


def list_memberships_touching_sites(organization: str, site: str = "") -> list[Membership]:
    """Memberships whose grants stand on single sites: on every site if `site` is "", else those that name this one."""
    rows = Membership.objects.filter(organization_id=organization, is_active=True).prefetch_related("site_roles")
    if site:
        return list(rows.filter(site_roles__site=site).distinct())
    return list(rows.filter(is_everywhere=True, site_roles__isnull=False).distinct())
