"""`/organizations` and `/sites`."""

from django.http import HttpRequest
from ninja import Router, Status

from belvedere.contracts.permissions import Permission
from belvedere.control.api.auth import actor_of
from belvedere.control.api.schemas import Id, In, Name, Out, Place, ReceiptOut, Zone, problems
from belvedere.control.devices.services import remove_site
from belvedere.control.organizations import services
from belvedere.control.organizations.selectors import (
    OrganizationView,
    SiteView,
    get_organization,
    get_site,
    list_organizations,
    list_sites,
)
from belvedere.control.streaming.selectors import list_cuts

router = Router(tags=["organizations"])


class OrganizationIn(In):
    """An organization to be founded. Its first site may come later."""

    name: Name
    region: Place = ""
    time_zone: Zone = "UTC"


class OrganizationPatch(In):
    """What of an organization can be changed; null leaves it."""

    name: Name | None = None
    region: Place | None = None
    time_zone: Zone | None = None


class OrganizationOut(Out):
    """An organization the caller belongs to. `membership` is what he leaves it with."""

    id: str
    name: str
    role: str
    personal: bool
    region: str
    time_zone: str
    manages: bool
    membership: str

    @classmethod
    def of(cls, view: OrganizationView) -> "OrganizationOut":
        """From what selectors return."""
        return cls(
            id=view.id,
            name=view.name,
            role=view.role,
            personal=view.is_personal,
            region=view.region,
            time_zone=view.time_zone,
            manages=view.is_managed,
            membership=view.membership,
        )


class OrganizationsOut(Out):
    """Organizations."""

    items: list[OrganizationOut]
    next: str | None = None


class SiteIn(In):
    """A site to be made; its time zone is the organization's unless told."""

    name: Name
    region: Place = ""
    time_zone: Zone = ""
    address: Place = ""


class SitePatch(In):
    """What of a site can be changed; null leaves it."""

    name: Name | None = None
    region: Place | None = None
    time_zone: Zone | None = None
    address: Place | None = None


class SiteRemoval(In):
    """Where the devices go that stand on the site."""

    move_devices_to: Id | None = None


class SiteOut(Out):
    """A place of an organization. Its address is null for who neither configures nor manages it."""

    id: str
    name: str
    organization: str
    region: str
    time_zone: str
    address: str | None
    permissions: list[str]

    @classmethod
    def of(cls, view: SiteView) -> "SiteOut":
        """From what selectors return."""
        is_run = bool(view.permissions & (Permission.CONFIGURE | Permission.MANAGE))
        return cls(
            id=view.id,
            name=view.name,
            organization=view.organization,
            region=view.region,
            time_zone=view.time_zone,
            address=view.address if is_run else None,
            permissions=view.permissions.wire_names,
        )


class SitesOut(Out):
    """Sites."""

    items: list[SiteOut]
    next: str | None = None


@router.get("/organizations", response={200: OrganizationsOut, **problems(401)})
def organizations(request: HttpRequest) -> OrganizationsOut:
    """Organizations the caller belongs to."""
    rows = list_organizations(actor_of(request))
    return OrganizationsOut(items=[OrganizationOut.of(row) for row in rows])


@router.post("/organizations", response={201: OrganizationOut, **problems(401, 403, 422, 429)})
def create_organization(request: HttpRequest, body: OrganizationIn) -> Status[OrganizationOut]:
    """Found an organization; the caller owns it."""
    actor = actor_of(request)
    pk = services.create_organization(actor, name=body.name, region=body.region, time_zone=body.time_zone)
    return Status(201, OrganizationOut.of(get_organization(actor, pk)))


@router.get("/organizations/{organization_id}", response={200: OrganizationOut, **problems(401, 404)})
def organization(request: HttpRequest, organization_id: str) -> OrganizationOut:
    """One of them."""
    return OrganizationOut.of(get_organization(actor_of(request), organization_id))


@router.patch("/organizations/{organization_id}", response={200: OrganizationOut, **problems(401, 403, 404, 422)})
def edit_organization(request: HttpRequest, organization_id: str, body: OrganizationPatch) -> OrganizationOut:
    """Change name, region or time zone."""
    actor = actor_of(request)
    services.edit_organization(
        actor, organization=organization_id, name=body.name, region=body.region, zone=body.time_zone
    )
    return OrganizationOut.of(get_organization(actor, organization_id))


@router.get("/organizations/{organization_id}/sites", response={200: SitesOut, **problems(401, 404)})
def sites(request: HttpRequest, organization_id: str) -> SitesOut:
    """Its sites on which the caller holds anything."""
    rows = list_sites(actor_of(request), organization_id)
    return SitesOut(items=[SiteOut.of(row) for row in rows])


@router.post("/organizations/{organization_id}/sites", response={201: SiteOut, **problems(401, 403, 404, 409, 422)})
def add_site(request: HttpRequest, organization_id: str, body: SiteIn) -> Status[SiteOut]:
    """A further site. Who holds a role on all sites holds it here too."""
    actor = actor_of(request)
    site = services.add_site(
        actor,
        organization=organization_id,
        name=body.name,
        region=body.region,
        time_zone=body.time_zone,
        address=body.address,
    )
    return Status(201, SiteOut.of(get_site(actor, site.pk)))


@router.get("/sites/{site_id}", response={200: SiteOut, **problems(401, 404)})
def site(request: HttpRequest, site_id: str) -> SiteOut:
    """One site."""
    return SiteOut.of(get_site(actor_of(request), site_id))


@router.patch("/sites/{site_id}", response={200: SiteOut, **problems(401, 403, 404, 409, 422)})
def edit_site(request: HttpRequest, site_id: str, body: SitePatch) -> SiteOut:
    """Change what a site is called, and where it lies."""
    actor = actor_of(request)
    services.edit_site(
        actor, site=site_id, name=body.name, region=body.region, zone=body.time_zone, address=body.address
    )
    return SiteOut.of(get_site(actor, site_id))


@router.delete("/sites/{site_id}", response={200: ReceiptOut, **problems(401, 403, 404, 409, 422)})
def delete_site(
    request: HttpRequest, site_id: str, move_devices_to: str = "", body: SiteRemoval | None = None
) -> ReceiptOut:
    """Give a site up. Its devices move to `move_devices_to`, told in the address or in the body; 409 lists them."""
    target = (body and body.move_devices_to) or move_devices_to
    change_id = remove_site(actor_of(request), site=site_id, move_devices_to=target)
    return ReceiptOut.of("closed", change_id, list_cuts(change_id))
