"""Memberships become grants here, and nowhere else (rule 1). Called by the other services of this app."""

from collections.abc import Iterable

from belvedere.contracts.permissions import Permission
from belvedere.control.access.models import Origin
from belvedere.control.access.roles import PERMISSIONS
from belvedere.control.access.selectors import list_projected
from belvedere.control.access.services import end_grants, grant
from belvedere.control.core import sql
from belvedere.control.core.ids import new_id
from belvedere.control.core.principal import Principal
from belvedere.control.organizations.dependents import settle_dependents
from belvedere.control.organizations.selectors.members import Tenure
from belvedere.control.organizations.standing import Standing


def write_standing(membership: str, standing: Standing) -> None:
    """Make the rows say `standing`. Gives nothing yet: `project` does."""
    sql.change(
        "UPDATE organizations_membership SET role = %s, is_everywhere = %s WHERE id = %s",
        standing.role.value,
        standing.sites is None,
        membership,
    )
    sql.change("DELETE FROM organizations_siterole WHERE membership_id = %s", membership)
    roles = dict.fromkeys(standing.sites or (), standing.role) | dict(standing.overrides)
    for site, role in sorted(roles.items()):
        sql.change(
            "INSERT INTO organizations_siterole (membership_id, site_id, role) VALUES (%s, %s, %s)",
            membership,
            site,
            role.value,
        )


def list_open_sites(organization: str) -> list[str]:
    """Ids of the sites there are."""
    rows = sql.fetch("SELECT id FROM organizations_site WHERE organization_id = %s AND closed_at IS NULL", organization)
    return [pk for (pk,) in rows]


def project(
    actor: Principal,
    tenures: Iterable[Tenure],
    *,
    organization: str,
    reason: str,
    action: str,
    thing: str,
    change_id: str = "",
    adopt: bool = False,
    details: dict[str, object] | None = None,
    is_silent: bool = False,
) -> str:
    """Bring the grants of these memberships to what they are now (NOBODY: ended); the change id.

    What stays the same is not touched. What is new comes first, what is lost ends in the same transaction, and with it
    what rested on it: nobody is blind in between, and nobody sees longer.
    """
    tenures = list(tenures)
    change_id = change_id or new_id()
    sites = list_open_sites(organization)
    in_force = list_projected([tenure.id for tenure in tenures])
    stale: list[str] = []
    for tenure in tenures:
        wanted = _wanted(tenure, sites)
        for pk, resource, permissions in in_force.get(tenure.id, ()):
            if wanted.get(resource) == permissions:
                del wanted[resource]
            else:
                stale.append(pk)
        for resource, permissions in wanted.items():
            grant(
                principal=tenure.account,
                resource=resource,
                permissions=Permission(permissions),
                origin=Origin.MEMBERSHIP,
                origin_id=tenure.id,
                created_by=actor.id,
            )
    if stale:
        stale += settle_dependents(actor, memberships=[row.id for row in tenures], change_id=change_id, adopt=adopt)
    return end_grants(
        actor,
        organization=organization,
        reason=reason,
        action=action,
        thing=thing,
        grants=stale,
        change_id=change_id,
        details=details,
        is_silent=is_silent,
    )


def _wanted(tenure: Tenure, sites: list[str]) -> dict[str, int]:
    """Resource → bits. All sites and no override: one grant on the organization; else one for each site."""
    standing = tenure.standing
    if standing.is_whole:
        wanted = {tenure.organization: PERMISSIONS[standing.role]}
    else:
        wanted = {site: PERMISSIONS[standing.on(site)] for site in sites}
    return {resource: int(permissions) for resource, permissions in wanted.items() if permissions}
