"""`/organizations/{id}/invitations` and `/invitations`: sent by managers, answered by whoever proves the address."""

from datetime import datetime
from typing import Annotated, Literal

from django.http import HttpRequest
from ninja import Router, Status
from pydantic import Field, StringConstraints

from belvedere.control.access.roles import Role
from belvedere.control.api.auth import actor_of
from belvedere.control.api.members import StandingIn, StandingOut
from belvedere.control.api.pages import DEFAULT_LIMIT, MAX_LIMIT, paginate
from belvedere.control.api.schemas import In, Out, PersonOut, problems
from belvedere.control.core.errors import NotFound
from belvedere.control.organizations import services
from belvedere.control.organizations.selectors import (
    ReceivedInvitation,
    SentInvitation,
    find_invitation_by_token,
    get_invitation,
    get_received_invitation,
    list_invitations,
)

router = Router(tags=["invitations"])
type State = Literal["pending", "accepted", "declined", "cancelled", "expired"]
STATES: tuple[State, ...] = ("pending", "accepted", "declined", "cancelled", "expired")


class InvitationIn(StandingIn):
    """Whom to invite, and as what. A Super Admin has every site: `sites` is "all", or not there."""

    account: str = Field(max_length=254, examples=["vera@example.org"])
    role: Role


class JoinIn(In):
    """The secret of an invitation's mail."""

    token: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class SentInvitationOut(StandingOut):
    """An invitation, as those see it who could have sent it."""

    id: str
    organization: str
    account: str
    state: str
    inviter: PersonOut
    sent_at: datetime
    expires_at: datetime
    decided_at: datetime | None
    may_act: bool

    @classmethod
    def of(cls, view: SentInvitation) -> "SentInvitationOut":
        """From what selectors return."""
        return cls(
            **dict(StandingOut.of_standing(view.standing)),
            id=view.id,
            organization=view.organization,
            account=view.address,
            state=view.state,
            inviter=PersonOut.of(view.inviter),
            sent_at=view.offered_at,
            expires_at=view.expires_at,
            decided_at=view.decided_at,
            may_act=view.may_act,
        )


class InvitationsOut(Out):
    """A page of invitations."""

    items: list[SentInvitationOut]
    next: str | None = None


class ReceivedInvitationOut(Out):
    """An invitation, as the invited sees it. `organization` is null until accepted."""

    id: str
    kind: Literal["invitation"] = "invitation"
    state: str
    organization: str | None
    organization_name: str
    inviter: PersonOut
    role: str
    expires_at: datetime

    @classmethod
    def of(cls, view: ReceivedInvitation, organization: str | None = None) -> "ReceivedInvitationOut":
        """From what selectors return, and the id of what was joined."""
        return cls(
            id=view.id,
            state=view.state,
            organization=organization,
            organization_name=view.organization_name,
            inviter=PersonOut.of(view.inviter),
            role=view.role,
            expires_at=view.expires_at,
        )


@router.get(
    "/organizations/{organization_id}/invitations", response={200: InvitationsOut, **problems(400, 401, 403, 404, 422)}
)
def invitations(
    request: HttpRequest,
    organization_id: str,
    text: str = "",
    state: State | None = None,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> InvitationsOut:
    """Invitations of the last months, newest first, for those who manage members."""
    actor = actor_of(request)
    rows, following = paginate(
        list_invitations(actor, organization_id, text=text, states=(state,) if state else STATES),
        actor=actor,
        listing=f"invitations:{organization_id}:{state}:{text}",
        key=lambda row: row.id,
        limit=max(1, min(limit, MAX_LIMIT)),
        cursor=cursor,
    )
    return InvitationsOut(items=[SentInvitationOut.of(row) for row in rows], next=following)


@router.post(
    "/organizations/{organization_id}/invitations",
    response={201: SentInvitationOut, **problems(401, 403, 404, 409, 422, 429)},
)
def invite_member(request: HttpRequest, organization_id: str, body: InvitationIn) -> Status[SentInvitationOut]:
    """Invite whoever holds an address, for seven days. It replaces one that waits at that address."""
    actor = actor_of(request)
    pk = services.invite_member(actor, organization=organization_id, address=body.account, wish=body.to_wish())
    return Status(201, SentInvitationOut.of(get_invitation(actor, pk)))


# Before all that have an id in this place.
@router.post(
    "/invitations/by-token",
    response={200: ReceivedInvitationOut, **problems(401, 403, 404, 409, 422)},
    openapi_extra={"security": [{}, {"token": []}]},
)
def accept_invitation_by_token(request: HttpRequest, body: JoinIn) -> ReceivedInvitationOut:
    """Join as the invited account, with the secret of the mail alone: nobody has to be signed in, nor is afterwards."""
    joined = services.accept_invitation_by_token(actor_of(request), token=body.token)
    view = find_invitation_by_token(body.token)
    if view is None:
        raise NotFound
    return ReceivedInvitationOut.of(view, joined)


@router.delete("/invitations/{invitation_id}", response={200: SentInvitationOut, **problems(401, 403, 404, 409)})
def cancel_invitation(request: HttpRequest, invitation_id: str) -> SentInvitationOut:
    """Take it back. A second time is harmless."""
    actor = actor_of(request)
    services.cancel_invitation(actor, invitation=invitation_id)
    return SentInvitationOut.of(get_invitation(actor, invitation_id))


@router.post(
    "/invitations/{invitation_id}/resend", response={200: SentInvitationOut, **problems(401, 403, 404, 409, 429)}
)
def resend_invitation(request: HttpRequest, invitation_id: str) -> SentInvitationOut:
    """Send it again for seven new days; the old mail is void. One that ran out gets a successor: mind its id."""
    actor = actor_of(request)
    pk = services.resend_invitation(actor, invitation=invitation_id)
    return SentInvitationOut.of(get_invitation(actor, pk))


@router.post("/invitations/{invitation_id}/accept", response={200: ReceivedInvitationOut, **problems(401, 404, 409)})
def accept_invitation(request: HttpRequest, invitation_id: str) -> ReceivedInvitationOut:
    """Join. A second time is harmless."""
    actor = actor_of(request)
    joined = services.accept_invitation(actor, invitation=invitation_id)
    return ReceivedInvitationOut.of(get_received_invitation(actor, invitation_id), joined)


@router.post("/invitations/{invitation_id}/decline", response={200: ReceivedInvitationOut, **problems(401, 404, 409)})
def decline_invitation(request: HttpRequest, invitation_id: str) -> ReceivedInvitationOut:
    """Turn it down; the inviter is told. A second time is harmless."""
    actor = actor_of(request)
    services.decline_invitation(actor, invitation=invitation_id)
    return ReceivedInvitationOut.of(get_received_invitation(actor, invitation_id))
