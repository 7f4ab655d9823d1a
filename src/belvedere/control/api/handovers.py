"""`/handovers`: for signed-in people alone, no token hands anything over (N9)."""

from datetime import datetime
from typing import Literal

from django.http import HttpRequest
from ninja import Router, Status
from pydantic import Field

from belvedere.control.api.auth import actor_of
from belvedere.control.api.pages import DEFAULT_LIMIT, MAX_LIMIT, paginate
from belvedere.control.api.schemas import CutOut, Id, In, Out, PersonOut, ProblemOut, ReceiptOut
from belvedere.control.handover import services
from belvedere.control.handover.selectors import HandoverView, get_handover, list_handovers
from belvedere.control.streaming.selectors import list_cuts

router = Router(tags=["handovers"])


class HandoverIn(In):
    """What is handed over, to whom, and what becomes of the giver. Other kinds come with a later version."""

    kind: Literal["organization"] = "organization"
    organization: Id
    receiver: str = Field(
        max_length=254, description="account or address of a Super Admin", examples=["sam@example.org"]
    )
    afterwards: Literal["super_admin", "leaves"]


class HandoverOut(Out):
    """A handover, as both of its sides see it."""

    id: str
    kind: str
    organization: str
    organization_name: str
    giver: PersonOut
    receiver: PersonOut
    afterwards: str
    state: str = Field(description="pending, accepted, declined, withdrawn or expired")
    offered_at: datetime
    expires_at: datetime
    decided_at: datetime | None

    @classmethod
    def of(cls, view: HandoverView) -> "HandoverOut":
        """From what selectors return."""
        return cls(
            id=view.id,
            kind=view.kind,
            organization=view.organization,
            organization_name=view.organization_name,
            giver=PersonOut.of(view.giver),
            receiver=PersonOut.of(view.receiver),
            afterwards=view.afterwards,
            state=view.state,
            offered_at=view.offered_at,
            expires_at=view.expires_at,
            decided_at=view.decided_at,
        )


class TakenOut(HandoverOut):
    """A handover that was accepted, and what that has cut: streams of a giver who leaves."""

    change_id: str
    cut: list[CutOut]


class HandoversOut(Out):
    """A page of handovers."""

    items: list[HandoverOut]
    next: str | None = None


@router.get("/handovers", response={200: HandoversOut, 400: ProblemOut, 401: ProblemOut, 403: ProblemOut})
def handovers(request: HttpRequest, limit: int = DEFAULT_LIMIT, cursor: str | None = None) -> HandoversOut:
    """Those the caller gave or was offered, newest first."""
    actor = actor_of(request)
    rows, following = paginate(
        list_handovers(actor),
        actor=actor,
        listing="handovers",
        key=lambda row: row.id,
        limit=max(1, min(limit, MAX_LIMIT)),
        cursor=cursor,
    )
    return HandoversOut(items=[HandoverOut.of(row) for row in rows], next=following)


@router.post(
    "/handovers",
    response={
        201: HandoverOut,
        401: ProblemOut,
        403: ProblemOut,
        404: ProblemOut,
        409: ProblemOut,
        422: ProblemOut,
        429: ProblemOut,
    },
)
def offer_handover(request: HttpRequest, body: HandoverIn) -> Status[HandoverOut]:
    """Offer an organization one owns to one of its Super Admins, for fourteen days. Wants a fresh sign-in."""
    actor = actor_of(request)
    pk = services.offer_handover(
        actor, organization=body.organization, receiver=body.receiver, afterwards=body.afterwards
    )
    return Status(201, HandoverOut.of(get_handover(actor, pk)))


@router.get("/handovers/{handover_id}", response={200: HandoverOut, 401: ProblemOut, 403: ProblemOut, 404: ProblemOut})
def handover(request: HttpRequest, handover_id: str) -> HandoverOut:
    """One handover, for its two sides."""
    return HandoverOut.of(get_handover(actor_of(request), handover_id))


@router.delete(
    "/handovers/{handover_id}",
    response={200: HandoverOut, 401: ProblemOut, 403: ProblemOut, 404: ProblemOut, 409: ProblemOut},
)
def withdraw_handover(request: HttpRequest, handover_id: str) -> HandoverOut:
    """Take it back while it waits. A second time is harmless."""
    actor = actor_of(request)
    services.withdraw_handover(actor, handover=handover_id)
    return HandoverOut.of(get_handover(actor, handover_id))


@router.post(
    "/handovers/{handover_id}/accept",
    response={200: TakenOut, 401: ProblemOut, 403: ProblemOut, 404: ProblemOut, 409: ProblemOut},
)
def accept_handover(request: HttpRequest, handover_id: str) -> TakenOut:
    """Become the owner. A second time is harmless. Wants a fresh sign-in."""
    actor = actor_of(request)
    change_id = services.accept_handover(actor, handover=handover_id)
    receipt = ReceiptOut.of("accepted", change_id, list_cuts(change_id))
    return TakenOut(**dict(HandoverOut.of(get_handover(actor, handover_id))), change_id=change_id, cut=receipt.cut)


@router.post(
    "/handovers/{handover_id}/decline",
    response={200: HandoverOut, 401: ProblemOut, 403: ProblemOut, 404: ProblemOut, 409: ProblemOut},
)
def decline_handover(request: HttpRequest, handover_id: str) -> HandoverOut:
    """Turn it down; the giver is told. A second time is harmless."""
    actor = actor_of(request)
    services.decline_handover(actor, handover=handover_id)
    return HandoverOut.of(get_handover(actor, handover_id))
