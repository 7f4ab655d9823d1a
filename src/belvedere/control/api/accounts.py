"""`/me`, `/inbox`, `/tokens`."""

from datetime import datetime
from typing import Final, Literal

from django.http import HttpRequest
from ninja import Field, Router, Status

from belvedere.control.accounts import services
from belvedere.control.accounts.selectors import list_tokens
from belvedere.control.api.auth import actor_of
from belvedere.control.api.claims import ClaimOut
from belvedere.control.api.invitations import ReceivedInvitationOut
from belvedere.control.api.notifications import MatterOut
from belvedere.control.api.requests import ReceivedRequestOut
from belvedere.control.api.schemas import In, Name, Out, PersonOut, ReceiptOut, problems
from belvedere.control.api.share_shapes import ReceivedOut
from belvedere.control.appeals.selectors import list_claims, list_received_requests
from belvedere.control.core import clock
from belvedere.control.core.principal import Principal
from belvedere.control.notifications.selectors import list_matters
from belvedere.control.notifications.selectors.matters import SHOWN_FOR
from belvedere.control.organizations.selectors import list_organizations, list_received_invitations
from belvedere.control.sharing.selectors import list_received
from belvedere.control.streaming.selectors import list_cuts

router = Router(tags=["account"])

#: as many offers stand in `/me` and `/inbox`; all of them, page by page, in `/shares?direction=received`
MAX_OFFERS: Final = 100


class MembershipOut(Out):
    """An organization one belongs to."""

    id: str
    name: str
    role: str
    personal: bool


class ShareOfferOut(ReceivedOut):
    """A share that waits; `kind` tells it from what else does."""

    kind: Literal["share"] = "share"


class MeOut(Out):
    """Who one is, where one belongs, what waits."""

    account: PersonOut
    organizations: list[MembershipOut]
    offers: list[ShareOfferOut | ReceivedInvitationOut]


class WaitingRequestOut(ReceivedRequestOut):
    """Somebody asks for a share of a device that the caller may share."""

    kind: Literal["request"] = "request"


class WaitingClaimOut(ClaimOut):
    """Somebody claims a device that the caller may configure; it is freed at `due_at` unless he refuses."""

    kind: Literal["claim"] = "claim"


class InboxOut(Out):
    """What waits for the caller's word, and what he is told of his account; `kind` tells one from the other."""

    items: list[ShareOfferOut | ReceivedInvitationOut | WaitingRequestOut | WaitingClaimOut | MatterOut]
    next: str | None = None


class TokenIn(In):
    """A token to be made."""

    name: Name
    scopes: list[str]
    days: int = 90


class TokenOut(Out):
    """A token; its secret only in the answer that made it."""

    id: str
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


class NewTokenOut(TokenOut):
    """The one answer that shows the secret."""

    token: str = Field(description="shown once")


class TokensOut(Out):
    """One's tokens."""

    items: list[TokenOut]
    next: str | None = None


def _offers(actor: Principal) -> list[ShareOfferOut | ReceivedInvitationOut]:
    return [
        *(ReceivedInvitationOut.of(row) for row in list_received_invitations(actor)),
        *(ShareOfferOut.of(row) for row in list_received(actor, states=["pending"], limit=MAX_OFFERS)),
    ]


@router.get("/me", response={200: MeOut, **problems(401)})
def me(request: HttpRequest) -> MeOut:
    """The caller."""
    actor = actor_of(request)
    return MeOut(
        account=PersonOut.of(actor),
        organizations=[
            MembershipOut(id=row.id, name=row.name, role=row.role, personal=row.is_personal)
            for row in list_organizations(actor)
        ],
        offers=_offers(actor),
    )


@router.get("/inbox", response={200: InboxOut, **problems(401)})
def inbox(request: HttpRequest) -> InboxOut:
    """Offers, invitations, requests and claims that wait for the caller's word; news of his account and of rights."""
    actor = actor_of(request)
    return InboxOut(
        items=[
            *_offers(actor),
            *(WaitingRequestOut.of(row) for row in list_received_requests(actor)),
            *(WaitingClaimOut.of(row) for row in list_claims(actor) if not row.is_mine),
            *(MatterOut.of(row) for row in list_matters(actor, since=clock.now() - SHOWN_FOR)),
        ]
    )


@router.get("/tokens", response={200: TokensOut, **problems(401, 403)})
def tokens(request: HttpRequest) -> TokensOut:
    """One's own API tokens."""
    rows = list_tokens(actor_of(request))
    return TokensOut(items=[TokenOut.from_orm(row) for row in rows])


@router.post("/tokens", response={201: NewTokenOut, **problems(401, 403, 422)})
def create_token(request: HttpRequest, body: TokenIn) -> Status[NewTokenOut]:
    """Make a token. For signed-in people only."""
    token, secret = services.create_token(actor_of(request), name=body.name, scopes=body.scopes, days=body.days)
    return Status(201, NewTokenOut(**TokenOut.from_orm(token).dict(), token=secret))


@router.delete("/tokens/{token_id}", response={200: ReceiptOut, **problems(401, 404)})
def revoke_token(request: HttpRequest, token_id: str) -> ReceiptOut:
    """End a token and what was opened with it."""
    change_id = services.revoke_token(actor_of(request), token=token_id)
    return ReceiptOut.of("revoked", change_id, list_cuts(change_id))
