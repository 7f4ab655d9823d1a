"""Sites: adding, editing, closing. Whoever holds a role on all sites holds it on a new one too (VV 8)."""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import requires, unguarded
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, NotFound
from belvedere.control.core.names import clean_name
from belvedere.control.core.principal import Principal
from belvedere.control.organizations.models import Organization, Site, SiteRole
from belvedere.control.organizations.selectors.members import list_tenures, list_tenures_on_sites
from belvedere.control.organizations.services.founding import clean_zone, create_organization
from belvedere.control.organizations.services.projection import project


@requires(Permission.MANAGE, on="organization")
@transaction.atomic
def add_site(
    actor: Principal, *, organization: str, name: str, region: str = "", time_zone: str = "", address: str = ""
) -> Site:
    """A further place of an organization; its time zone is the organization's unless told.

    Raises NotFound, Forbidden, Invalid, Conflict (a site of this name is there).
    """
    zone = time_zone or Organization.objects.values_list("time_zone", flat=True).get(pk=organization)
    site = Site(
        organization_id=organization,
        name=_free_name(organization, name),
        region=clean_name(region, field="region", optional=True, max_length=60),
        time_zone=clean_zone(zone),
        address=clean_name(address, field="address", optional=True, max_length=200),
        created_at=clock.now(),
    )
    site.save(force_insert=True)
    project(
        actor,
        list_tenures_on_sites(organization),
        organization=organization,
        reason="site_added",
        action="site.created",
        thing=f"site:{site.pk}",
        details={"name": site.name, "site": site.pk},
    )
    return site


def _free_name(organization: str, text: str, *, but: str = "") -> str:
    """Two sites of one name could not be told apart where it matters most. Raises Invalid, Conflict."""
    name = clean_name(text)
    # The organization's row is locked: of two that come at once with one name, the later is told.
    Organization.objects.filter(pk=organization).update(created_at=F("created_at"))
    if Site.objects.filter(organization_id=organization, closed_at=None, name__iexact=name).exclude(pk=but).exists():
        raise Conflict(_("There is a site of this name already. Choose another."))
    return name


@requires(Permission.MANAGE, on="site")
@transaction.atomic
def edit_site(
    actor: Principal,
    *,
    site: str,
    name: str | None = None,
    region: str | None = None,
    zone: str | None = None,
    address: str | None = None,
) -> None:
    """Change what a site is called and where it lies; None leaves it. Raises NotFound, Forbidden, Invalid, Conflict."""
    row = Site.objects.get(pk=site)
    changes: dict[str, str] = {}
    if name is not None:
        changes["name"] = _free_name(row.organization_id, name, but=site)
    if region is not None:
        changes["region"] = clean_name(region, field="region", optional=True, max_length=60)
    if zone is not None:
        changes["time_zone"] = clean_zone(zone)
    if address is not None:
        changes["address"] = clean_name(address, field="address", optional=True, max_length=200)
    before = {field: getattr(row, field) for field in changes}
    if before == changes:
        return
    Site.objects.filter(pk=site).update(**changes)
    write_entry(
        actor=actor,
        action="site.edited",
        thing=f"site:{site}",
        organization=row.organization_id,
        site=site,
        before=before,
        after=changes,
    )


def touch_site(site: str) -> None:
    """Hold this site for the rest of the transaction: who adds a device and who closes the site see each other.

    Raises NotFound if it was closed.
    """
    if not Site.objects.filter(pk=site, closed_at=None).update(closed_at=None):
        raise NotFound


@transaction.atomic
def close_site(actor: Principal, *, site: str, change_id: str) -> str:
    """Close an empty site: every role on it ends, and with it what rested on that. The change id.

    Called by the service of `devices` that has moved what stood there, or found nothing; its guard has decided.
    """
    row = Site.objects.get(pk=site)
    if not Site.objects.filter(pk=site, closed_at=None).update(closed_at=clock.now()):
        raise NotFound
    concerned = [tenure.id for tenure in list_tenures_on_sites(row.organization_id, site)]
    SiteRole.objects.filter(site=site).delete()
    return project(
        actor,
        list_tenures(concerned).values(),
        organization=row.organization_id,
        reason="site_closed",
        action="site.closed",
        thing=f"site:{site}",
        change_id=change_id,
        details={"name": row.name, "site": site},
    )


@unguarded("`handover` has decided: what went from there comes back")
@transaction.atomic
def reopen_site(actor: Principal, *, site: str, change_id: str) -> str:
    """Open a closed site again, under its name or a free one like it; its id. Who has every site has it again.

    Roles on it alone ended with it, and stay ended.
    """
    row = Site.objects.get(pk=site)
    try:
        name = _free_name(row.organization_id, row.name)
    except Conflict:
        name = _free_name(row.organization_id, f"{row.name[:60]} ({clock.now():%Y-%m-%d %H:%M})")
    if not Site.objects.filter(pk=site).exclude(closed_at=None).update(closed_at=None, name=name):
        raise Conflict(_("That site is open already. Nothing was changed."))
    project(
        actor,
        list_tenures_on_sites(row.organization_id),
        organization=row.organization_id,
        reason="site_added",
        action="site.reopened",
        thing=f"site:{site}",
        change_id=change_id,
        details={"name": name, "site": site},
    )
    return site


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstSite:
    """The site that an organization is founded with. No zone: the organization's."""

    name: str
    region: str = ""
    time_zone: str = ""
    address: str = ""


@unguarded("anybody may found an organization; its founder owns it")
@transaction.atomic
def found_organization(
    actor: Principal, *, name: str, region: str = "", time_zone: str = "UTC", site: FirstSite | None = None
) -> str:
    """Found an organization together with its first site: both or neither (VV 30). The organization's id.

    Raises Invalid, RateLimited.
    """
    organization = create_organization(actor, name=name, region=region, time_zone=time_zone)
    if site:
        add_site(
            actor,
            organization=organization,
            name=site.name,
            region=site.region,
            time_zone=site.time_zone,
            address=site.address,
        )
    return organization
