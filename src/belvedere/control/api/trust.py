"""Freezing an organization, its deputy owner and his claim, and one's own recovery contacts. For people, not tokens."""

from datetime import datetime
from typing import Self

from django.http import HttpRequest, HttpResponse
from ninja import Router, Status
from pydantic import Field

from belvedere.control.accounts import services as accounts
from belvedere.control.accounts.recovery import RecoveryContactView, list_recovery_contacts
from belvedere.control.api.auth import actor_of
from belvedere.control.api.schemas import Id, In, Name, Out, PersonOut, ReceiptOut, problems
from belvedere.control.backups.selectors import SuspendedRight, list_suspended
from belvedere.control.backups.services import confirm_rights
from belvedere.control.organizations import services
from belvedere.control.organizations.selectors import Deputizing, Freezing, get_deputizing, get_freezing
from belvedere.control.streaming.selectors import list_cuts

router = Router(tags=["organizations"])


class SuspendedRightOut(Out):
    """What somebody would hold again. `resource` is a site, a camera, a device (a panel) or the organization itself."""

    id: str
    person: PersonOut
    kind: str = Field(description="organization, site, device or camera")
    resource: str
    resource_name: str
    permissions: list[str]
    origin: str = Field(description="membership, share, guest_link or service")
    ends_unless_confirmed_at: datetime


class SuspendedRightsOut(Out):
    """What waits for the owner's word since a restore, person by person."""

    items: list[SuspendedRightOut]
    next: str | None = None

    @classmethod
    def of(cls, rows: list[SuspendedRight]) -> Self:
        """From what selectors return."""
        return cls(
            items=[
                SuspendedRightOut(
                    id=row.id,
                    person=PersonOut(id=row.person.id, name=row.person.name, email=row.person.email),
                    kind=row.kind,
                    resource=row.resource,
                    resource_name=row.resource_name,
                    permissions=row.permissions.wire_names,
                    origin=row.origin,
                    ends_unless_confirmed_at=row.ends_unless_confirmed_at,
                )
                for row in rows
            ]
        )


class RightsIn(In):
    """Those that hold, by id."""

    rights: list[Id] = Field(max_length=10_000)


class FreezerOut(Out):
    """Who froze it. `email` is for the owner and Super Admins: every member may look, and no list of members is his."""

    id: str
    name: str
    email: str | None


class FreezeOut(Out):
    """Whether an organization is frozen: nobody watches, no right changes, recording goes on. Null where it is not."""

    begun_at: datetime | None
    ends_at: datetime | None
    by: FreezerOut | None = Field(description="null also where whoever runs the server froze it")
    owner_agreed: bool
    admin_agreed: bool

    @classmethod
    def of(cls, view: Freezing) -> Self:
        """From what selectors return."""
        freeze = view.freeze
        if freeze is None:
            return cls(begun_at=None, ends_at=None, by=None, owner_agreed=False, admin_agreed=False)
        by = freeze.begun_by
        return cls(
            begun_at=freeze.begun_at,
            ends_at=freeze.ends_at,
            by=FreezerOut(id=by.id, name=by.name, email=by.email if view.may_act else None) if by else None,
            owner_agreed=freeze.owner_agreed,
            admin_agreed=freeze.admin_agreed,
        )


class DeputyIn(In):
    """A Super Admin, by account."""

    account: Id


class ClaimOfOwnershipOut(Out):
    """A claim that waits: at `due_at` the claimant owns the organization, unless somebody ends it."""

    claimant: PersonOut
    owner: PersonOut
    made_at: datetime
    due_at: datetime


class DeputyOut(Out):
    """Who stands in for the owner, and what he claims."""

    deputy: PersonOut | None
    agreed: bool
    named_at: datetime | None
    claim: ClaimOfOwnershipOut | None

    @classmethod
    def of(cls, view: Deputizing) -> Self:
        """From what selectors return."""
        deputy, claim = view.deputy, view.claim
        return cls(
            deputy=PersonOut.of(deputy.account) if deputy else None,
            agreed=deputy is not None and deputy.has_agreed,
            named_at=deputy.named_at if deputy else None,
            claim=ClaimOfOwnershipOut(
                claimant=PersonOut.of(claim.claimant),
                owner=PersonOut.of(claim.owner),
                made_at=claim.made_at,
                due_at=claim.due_at,
            )
            if claim
            else None,
        )


class RecoveryContactIn(In):
    """Whom to ask: an e-mail address or a telephone number, and who that is."""

    address: str = Field(max_length=254, examples=["clara@example.org", "+34600123456"])
    name: Name


class RecoveryContactOut(Out):
    """Who is told of every recovery of the account, once he said yes."""

    id: str
    name: str
    address: str
    asked_at: datetime
    confirmed_at: datetime | None

    @classmethod
    def of(cls, view: RecoveryContactView) -> Self:
        """From what selectors return."""
        return cls(
            id=view.id,
            name=view.name,
            address=view.address,
            asked_at=view.created_at,
            confirmed_at=view.confirmed_at,
        )


class RecoveryContactsOut(Out):
    """Recovery contacts, in the order in which they were named."""

    items: list[RecoveryContactOut]
    next: str | None = None


@router.get(
    "/organizations/{organization_id}/suspended-rights", response={200: SuspendedRightsOut, **problems(401, 403, 404)}
)
def suspended_rights(request: HttpRequest, organization_id: str) -> SuspendedRightsOut:
    """What came back with a backup and opens nothing until its owner says that it holds. For the owner."""
    return SuspendedRightsOut.of(list_suspended(actor_of(request), organization_id))


@router.post(
    "/organizations/{organization_id}/suspended-rights",
    response={200: SuspendedRightsOut, **problems(401, 403, 404, 422)},
)
def confirm_suspended_rights(request: HttpRequest, organization_id: str, body: RightsIn) -> SuspendedRightsOut:
    """Say that these hold; what is left. For the owner, with a fresh sign-in. A second time is harmless."""
    actor = actor_of(request)
    confirm_rights(actor, organization=organization_id, rights=body.rights)
    return SuspendedRightsOut.of(list_suspended(actor, organization_id))


@router.get("/organizations/{organization_id}/freeze", response={200: FreezeOut, **problems(401, 403, 404)})
def freeze(request: HttpRequest, organization_id: str) -> FreezeOut:
    """Whether it is frozen: no secret to any of its members."""
    return FreezeOut.of(get_freezing(actor_of(request), organization_id))


@router.post("/organizations/{organization_id}/freeze", response={200: ReceiptOut, **problems(401, 403, 404, 409)})
def freeze_organization(request: HttpRequest, organization_id: str) -> ReceiptOut:
    """Freeze it for 72 hours. For the owner and Super Admins, with a fresh sign-in. A second time is harmless."""
    change_id = services.freeze_organization(actor_of(request), organization=organization_id)
    return ReceiptOut.of("frozen", change_id, list_cuts(change_id))


@router.delete("/organizations/{organization_id}/freeze", response={200: FreezeOut, **problems(401, 403, 404)})
def thaw_organization(request: HttpRequest, organization_id: str) -> FreezeOut:
    """Agree that it ends. It does once owner and a Super Admin have both agreed."""
    actor = actor_of(request)
    services.thaw_organization(actor, organization=organization_id)
    return FreezeOut.of(get_freezing(actor, organization_id))


@router.get("/organizations/{organization_id}/deputy", response={200: DeputyOut, **problems(401, 403, 404)})
def deputy(request: HttpRequest, organization_id: str) -> DeputyOut:
    """The deputy owner and what he claims, for the owner and Super Admins."""
    return DeputyOut.of(get_deputizing(actor_of(request), organization_id))


@router.post("/organizations/{organization_id}/deputy", response={200: DeputyOut, **problems(401, 403, 404, 409, 422)})
def name_deputy(request: HttpRequest, organization_id: str, body: DeputyIn) -> DeputyOut:
    """Ask a Super Admin to be it. For the owner, with a fresh sign-in."""
    actor = actor_of(request)
    services.name_deputy(actor, organization=organization_id, account=body.account)
    return DeputyOut.of(get_deputizing(actor, organization_id))


@router.delete("/organizations/{organization_id}/deputy", response={200: DeputyOut, **problems(401, 403, 404)})
def end_deputy(request: HttpRequest, organization_id: str) -> DeputyOut:
    """No deputy any more, by the owner's or his own word; what he claimed is over, too."""
    actor = actor_of(request)
    services.end_deputy(actor, organization=organization_id)
    return DeputyOut.of(get_deputizing(actor, organization_id))


@router.post("/organizations/{organization_id}/deputy/agree", response={200: DeputyOut, **problems(401, 403, 404, 409)})
def agree_to_deputize(request: HttpRequest, organization_id: str) -> DeputyOut:
    """Say yes to being it. Wants a fresh sign-in."""
    actor = actor_of(request)
    services.agree_to_deputize(actor, organization=organization_id)
    return DeputyOut.of(get_deputizing(actor, organization_id))


@router.post("/organizations/{organization_id}/deputy/claim", response={200: DeputyOut, **problems(401, 403, 404, 409)})
def claim_ownership(request: HttpRequest, organization_id: str) -> DeputyOut:
    """The deputy says that the owner does not come back: in fourteen days it is his. Wants a fresh sign-in."""
    actor = actor_of(request)
    services.claim_ownership(actor, organization=organization_id)
    return DeputyOut.of(get_deputizing(actor, organization_id))


@router.delete("/organizations/{organization_id}/deputy/claim", response={200: DeputyOut, **problems(401, 403, 404)})
def end_ownership_claim(request: HttpRequest, organization_id: str) -> DeputyOut:
    """Object to the claim, or take one's own back. A second time is harmless."""
    actor = actor_of(request)
    services.end_ownership_claim(actor, organization=organization_id)
    return DeputyOut.of(get_deputizing(actor, organization_id))


@router.get(
    "/me/recovery-contacts",
    tags=["account"],
    response={200: RecoveryContactsOut, **problems(401, 403)},
)
def recovery_contacts(request: HttpRequest) -> RecoveryContactsOut:
    """Who is told when somebody recovers the account."""
    rows = list_recovery_contacts(actor_of(request))
    return RecoveryContactsOut(items=[RecoveryContactOut.of(row) for row in rows])


@router.post(
    "/me/recovery-contacts",
    tags=["account"],
    response={201: RecoveryContactOut, **problems(401, 403, 409, 422, 429)},
)
def add_recovery_contact(request: HttpRequest, body: RecoveryContactIn) -> Status[RecoveryContactOut]:
    """Ask somebody to be one, or once more. Wants a fresh sign-in."""
    actor = actor_of(request)
    pk = accounts.add_recovery_contact(actor, address=body.address, name=body.name)
    return Status(201, RecoveryContactOut.of(next(row for row in list_recovery_contacts(actor) if row.id == pk)))


@router.delete(
    "/me/recovery-contacts/{contact_id}",
    tags=["account"],
    response={204: None, **problems(401, 403, 404)},
)
def remove_recovery_contact(request: HttpRequest, contact_id: str) -> HttpResponse:
    """Take one back. Wants a fresh sign-in."""
    accounts.remove_recovery_contact(actor_of(request), contact=contact_id)
    return HttpResponse(status=204)
