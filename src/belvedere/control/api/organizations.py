"""`/organizations`, and their sites."""

from django.http import HttpRequest
from ninja import Router, Status

from belvedere.control.api.auth import actor_of
from belvedere.control.api.schemas import In, Name, Out, ProblemOut
from belvedere.control.organizations import services
from belvedere.control.organizations.selectors import (
    OrganizationView,
    SiteView,
    get_organization,
    list_organizations,
    list_sites,
)

router = Router(tags=["organizations"])


class OrganizationOut(Out):
    """An organization the caller belongs to."""

    id: str
    name: str
    role: str
    personal: bool
    time_zone: str

    @classmethod
    def of(cls, view: OrganizationView) -> "OrganizationOut":
        """From what selectors return."""
        return cls(id=view.id, name=view.name, role=view.role, personal=view.is_personal, time_zone=view.time_zone)


class OrganizationsOut(Out):
    """Organizations."""

    items: list[OrganizationOut]
    next: str | None = None


class SiteIn(In):
    """A site to be made."""

    name: Name
    address: str = ""


class SiteOut(Out):
    """A place of an organization."""

    id: str
    name: str
    organization: str
    time_zone: str
    address: str

    @classmethod
    def of(cls, view: SiteView) -> "SiteOut":
        """From what selectors return."""
        return cls(
            id=view.id,
            name=view.name,
            organization=view.organization,
            time_zone=view.time_zone,
            address=view.address,
        )


class SitesOut(Out):
    """Sites."""

    items: list[SiteOut]
    next: str | None = None


@router.get("/organizations", response={200: OrganizationsOut, 401: ProblemOut})
def organizations(request: HttpRequest) -> OrganizationsOut:
    """Organizations the caller belongs to."""
    rows = list_organizations(actor_of(request))
    return OrganizationsOut(items=[OrganizationOut.of(row) for row in rows])


@router.get("/organizations/{organization_id}", response={200: OrganizationOut, 401: ProblemOut, 404: ProblemOut})
def organization(request: HttpRequest, organization_id: str) -> OrganizationOut:
    """One of them."""
    return OrganizationOut.of(get_organization(actor_of(request), organization_id))


@router.get("/organizations/{organization_id}/sites", response={200: SitesOut, 401: ProblemOut, 404: ProblemOut})
def sites(request: HttpRequest, organization_id: str) -> SitesOut:
    """Its sites."""
    rows = list_sites(actor_of(request), organization_id)
    return SitesOut(items=[SiteOut.of(row) for row in rows])


@router.post(
    "/organizations/{organization_id}/sites",
    response={201: SiteOut, 401: ProblemOut, 403: ProblemOut, 404: ProblemOut, 422: ProblemOut},
)
def add_site(request: HttpRequest, organization_id: str, body: SiteIn) -> Status[SiteOut]:
    """A further site."""
    actor = actor_of(request)
    site = services.add_site(actor, organization=organization_id, name=body.name, address=body.address)
    return Status(201, next(SiteOut.of(row) for row in list_sites(actor, organization_id) if row.id == site.pk))
