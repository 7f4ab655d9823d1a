"""`/access-requests`: asking the owner of a device for a share of it."""

from datetime import datetime
from typing import Literal, Self

from django.http import HttpRequest
from ninja import Router, Status
from pydantic import Field

from belvedere.contracts.permissions import Permission, parse_names
from belvedere.control.api.auth import actor_of
from belvedere.control.api.pages import DEFAULT_LIMIT, MAX_LIMIT, paginate
from belvedere.control.api.schemas import Id, In, Out, PersonOut, problems
from belvedere.control.api.share_shapes import GivenOut
from belvedere.control.appeals import services
from belvedere.control.appeals.selectors import (
    ReceivedRequest,
    SentRequest,
    get_received_request,
    list_blocked,
    list_received_requests,
    list_sent_requests,
)
from belvedere.control.core.errors import Invalid
from belvedere.control.sharing.selectors import get_given
from belvedere.control.sharing.services import Item

router = Router(tags=["requests"])


class RequestIn(In):
    """What is asked for: a device one was refused (`attempt` of `already_bound`), or a camera one sees."""

    attempt: Id | None = None
    camera: Id | None = None
    permissions: list[str] = Field(min_length=1, max_length=11)
    ends_at: datetime | None = None
    reason: str = Field(min_length=1, max_length=280)


class AskedOut(Out):
    """The one answer: whether there was somebody to ask is not in it."""

    state: Literal["asked"] = "asked"


class RequestedCameraOut(Out):
    """A camera of the device that was asked for."""

    id: str
    name: str
    wanted: bool


class SentRequestOut(Out):
    """A request as its requester sees it. `share` is the offer it became."""

    id: str
    state: str = Field(description="pending, approved, denied, ended or expired")
    direction: Literal["sent"] = "sent"
    camera: str | None
    permissions: list[str]
    ends_at: datetime | None
    reason: str
    asked_at: datetime
    decided_at: datetime | None
    share: str | None

    @classmethod
    def of(cls, view: SentRequest) -> Self:
        """From what selectors return."""
        return cls(
            id=view.id,
            state=view.state,
            camera=view.camera,
            permissions=view.permissions.wire_names,
            ends_at=view.ends_at,
            reason=view.reason,
            asked_at=view.asked_at,
            decided_at=view.decided_at,
            share=view.share,
        )


class ReceivedRequestOut(Out):
    """A request as those see it who may share the device."""

    id: str
    state: str = Field(description="pending, approved, denied, ended or expired")
    direction: Literal["received"] = "received"
    requester: PersonOut
    device: str
    device_name: str
    cameras: list[RequestedCameraOut]
    panel: bool = Field(description="it is a security panel: no cameras, the device itself is asked for")
    permissions: list[str]
    ends_at: datetime | None
    reason: str
    asked_at: datetime
    decided_at: datetime | None

    @classmethod
    def of(cls, view: ReceivedRequest) -> Self:
        """From what selectors return."""
        return cls(
            id=view.id,
            state=view.state,
            requester=PersonOut.of(view.requester),
            device=view.device,
            device_name=view.device_name,
            cameras=[
                RequestedCameraOut(id=pk, name=name, wanted=pk in view.wanted) for pk, name in view.cameras.items()
            ],
            panel=view.is_panel,
            permissions=view.permissions.wire_names,
            ends_at=view.ends_at,
            reason=view.reason,
            asked_at=view.asked_at,
            decided_at=view.decided_at,
        )


class RequestsOut(Out):
    """A page of requests."""

    items: list[SentRequestOut | ReceivedRequestOut]
    next: str | None = None


class ApprovedItemIn(In):
    """A camera, or the security panel that was asked for, and what is offered on it: as asked, or otherwise."""

    camera: Id | None = None
    device: Id | None = Field(default=None, description="of a security panel")
    permissions: list[str] = Field(min_length=1, max_length=11)

    def item(self) -> Item:
        """As services take it. Raises Invalid."""
        if (self.camera is None) == (self.device is None):
            raise Invalid("Each item names a camera or a security panel.", field="items")
        permissions = _permissions(self.permissions)
        return Item(self.camera, permissions) if self.camera else Item(self.device or "", permissions, "panel")


class ApprovalIn(In):
    """What is offered. null: what was asked for, until when it was asked for."""

    items: list[ApprovedItemIn] | None = Field(default=None, min_length=1, max_length=64)
    ends_at: datetime | None = None


class DenialIn(In):
    """`block`: hear no more of them, which they are not told."""

    block: bool = False


class BlockedOut(Out):
    """Somebody whose requests the organization hears no more of."""

    account: PersonOut
    since: datetime


class BlockedListOut(Out):
    """All of them, the latest first."""

    items: list[BlockedOut]
    next: str | None = None


def _permissions(names: list[str]) -> Permission:
    try:
        return parse_names(names)
    except ValueError as error:
        raise Invalid(str(error), field="permissions") from None


@router.post("/access-requests", response={202: AskedOut, **problems(401, 422, 429)})
def request_access(request: HttpRequest, body: RequestIn) -> Status[AskedOut]:
    """Ask the owner for a share. The answer is always the same; what one may not see is asked of nobody."""
    if (body.attempt is None) == (body.camera is None):
        raise Invalid("A request names an attempt or a camera.", field="camera")
    services.request_access(
        actor_of(request),
        asked=services.Asked(attempt=body.attempt or "", camera=body.camera or ""),
        permissions=_permissions(body.permissions),
        ends_at=body.ends_at,
        reason=body.reason,
    )
    return Status(202, AskedOut())


@router.get("/access-requests", response={200: RequestsOut, **problems(400, 401)})
def access_requests(
    request: HttpRequest,
    direction: Literal["sent", "received"] = "received",
    state: Literal["open", "all"] = "open",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> RequestsOut:
    """Requests the caller may answer, or has sent; newest first."""
    actor = actor_of(request)
    found: list[SentRequestOut | ReceivedRequestOut]
    if direction == "sent":
        sent = [row for row in list_sent_requests(actor) if state == "all" or row.state == "pending"]
        found = [SentRequestOut.of(row) for row in sent]
    else:
        found = [ReceivedRequestOut.of(row) for row in list_received_requests(actor, is_open=state == "open")]
    rows, following = paginate(
        found,
        actor=actor,
        listing=f"access-requests:{direction}:{state}",
        key=lambda row: row.id,
        limit=max(1, min(limit, MAX_LIMIT)),
        cursor=cursor,
    )
    return RequestsOut(items=rows, next=following)


@router.post(
    "/access-requests/{request_id}/approve", response={201: GivenOut, **problems(401, 403, 404, 409, 422, 429)}
)
def approve_request(request: HttpRequest, request_id: str, body: ApprovalIn) -> Status[GivenOut]:
    """Offer the requester what he asked for, or something else. It is an ordinary offer: nothing opens before he
    accepts it.
    """
    actor = actor_of(request)
    if body.items is None:
        view = get_received_request(actor, request_id)
        items = view.as_asked
        ends_at = body.ends_at or view.ends_at
    else:
        items, ends_at = [row.item() for row in body.items], body.ends_at
    share = services.approve_request(actor, request=request_id, items=items, ends_at=ends_at)
    return Status(201, GivenOut.of(get_given(actor, share)))


@router.post("/access-requests/{request_id}/deny", response={200: ReceivedRequestOut, **problems(401, 404, 409, 422)})
def deny_request(request: HttpRequest, request_id: str, body: DenialIn) -> ReceivedRequestOut:
    """Say no. They are told, and may ask again for this device in a week. A second time is harmless."""
    actor = actor_of(request)
    services.deny_request(actor, request=request_id, is_blocked=body.block)
    return ReceivedRequestOut.of(get_received_request(actor, request_id))


@router.get("/organizations/{organization_id}/blocked-requesters", response={200: BlockedListOut, **problems(401, 404)})
def blocked_requesters(request: HttpRequest, organization_id: str) -> BlockedListOut:
    """Whom the organization hears no more requests of; without its whole `share`, whom the caller blocked himself."""
    rows = list_blocked(actor_of(request), organization_id)
    return BlockedListOut(items=[BlockedOut(account=PersonOut.of(row.account), since=row.since) for row in rows])


@router.delete(
    "/organizations/{organization_id}/blocked-requesters/{blocked_id}",
    response={200: BlockedListOut, **problems(401, 404)},
)
def unblock_requester(request: HttpRequest, organization_id: str, blocked_id: str) -> BlockedListOut:
    """Hear somebody's requests again. He is not told. `blocked_id` is his account; the answer, who is left."""
    services.unblock_requester(actor_of(request), organization=organization_id, account=blocked_id)
    return blocked_requesters(request, organization_id)
