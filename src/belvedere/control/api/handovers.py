"""`/handovers`: for signed-in people alone, no token hands anything over (N9)."""

from datetime import datetime
from typing import Literal

from django.http import HttpRequest
from ninja import Router, Status
from pydantic import AwareDatetime, Field

from belvedere.control.api.auth import actor_of
from belvedere.control.api.pages import DEFAULT_LIMIT, MAX_LIMIT, paginate
from belvedere.control.api.schemas import CutOut, Id, In, Name, Out, PersonOut, ReceiptOut, problems
from belvedere.control.handover import services
from belvedere.control.handover.selectors import (
    HandoverView,
    PlanRow,
    get_handover,
    get_plan,
    list_handovers,
    list_own_cuts,
)

router = Router(tags=["handovers"])

type Subject = Literal["share", "member", "guest_link", "engagement", "notification"]
type Verdict = Literal["carry_over", "end", "end_on"]
type Afterwards = Literal["super_admin", "leaves", "warranty"]


class HandoverIn(In):
    """What goes, to whom, and what becomes of the giver."""

    kind: Literal["organization", "site", "device"]
    thing: Id = Field(description="the organization, site or device")
    receiver: str = Field(
        max_length=254,
        description="an organization's: account or address of one of its Super Admins; else anybody's exact address",
        examples=["sam@example.org"],
    )
    afterwards: Afterwards
    warranty_until: AwareDatetime | None = Field(default=None, description="with `warranty`; fourteen days unless told")
    passes_credentials: bool = Field(
        default=False, description="the new owner gets the devices' passwords; else they are deleted"
    )


class ChoiceIn(In):
    """What the giver decides on one row. `facts` as he read them; if they are others by now, the row stays open."""

    key: str = Field(max_length=64)
    verdict: Verdict
    until: AwareDatetime | None = None
    facts: str = Field(default="", max_length=64)


class PlanPatch(In):
    """What is to change of a plan; what is left out stays. `rest` decides on every row that is still open."""

    receiver: str | None = Field(default=None, max_length=254)
    afterwards: Afterwards | None = None
    warranty_until: AwareDatetime | None = None
    passes_credentials: bool | None = None
    choices: list[ChoiceIn] = Field(default_factory=list, max_length=500)
    rest: Literal["carry_over", "end"] | None = None
    rest_of: Subject | None = None


class AcceptIn(In):
    """Where it goes: a site into `organization`, or a new one called `found`; a device onto `site`; else nothing."""

    organization: Id | None = None
    found: Name | None = None
    site: Id | None = None


class RowOut(Out):
    """One thing that hangs on what goes, and what was decided on it."""

    key: str
    subject: str
    who: str
    address: str
    role: str
    permissions: list[str]
    things: list[str]
    ends_at: datetime | None
    given_by: str
    verdicts: list[str] = Field(description="what may be decided; `end` alone is what will be")
    verdict: str | None = Field(description="null: undecided, or decided on what is not so any more")
    until: datetime | None
    changed: bool
    why: str
    facts: str

    @classmethod
    def of(cls, row: PlanRow) -> "RowOut":
        """From what selectors return."""
        return cls(
            key=row.key,
            subject=row.subject.value,
            who=row.who,
            address=row.address,
            role=row.role,
            permissions=row.permissions.wire_names,
            things=list(row.things),
            ends_at=row.ends_at,
            given_by=row.giver,
            verdicts=[verdict.value for verdict in row.verdicts],
            verdict=row.verdict.value if row.verdict else None,
            until=row.until,
            changed=row.is_changed,
            why=row.why,
            facts=row.facts,
        )


class HandoverOut(Out):
    """A handover, as both of its sides see it."""

    id: str
    kind: str
    organization: str
    organization_name: str
    thing: str
    thing_name: str
    giver: PersonOut
    receiver: PersonOut
    afterwards: str
    warranty_until: datetime | None
    passes_credentials: bool
    state: str = Field(description="draft, pending, accepted, done, declined, withdrawn, expired or undone")
    offered_at: datetime
    expires_at: datetime
    decided_at: datetime | None
    final_at: datetime | None = Field(description="until when either side can undo it")

    @classmethod
    def of(cls, view: HandoverView) -> "HandoverOut":
        """From what selectors return."""
        return cls(
            id=view.id,
            kind=view.kind,
            organization=view.organization,
            organization_name=view.organization_name,
            thing=view.thing,
            thing_name=view.thing_name,
            giver=PersonOut.of(view.giver),
            receiver=PersonOut.of(view.receiver),
            afterwards=view.afterwards,
            warranty_until=view.warranty_until,
            passes_credentials=view.passes_credentials,
            state=view.state,
            offered_at=view.offered_at,
            expires_at=view.expires_at,
            decided_at=view.decided_at,
            final_at=view.final_at,
        )


class PlanOut(HandoverOut):
    """A handover with its plan, which the giver alone reads: null for the other side, and once it is over."""

    plan: list[RowOut] | None


class TakenOut(HandoverOut):
    """A handover that was accepted or undone, and what that has cut."""

    change_id: str
    became: str = Field(description="of a site or device: its id with the new owner")
    cut: list[CutOut]


class HandoversOut(Out):
    """A page of handovers."""

    items: list[HandoverOut]
    next: str | None = None


@router.get("/handovers", response={200: HandoversOut, **problems(400, 401, 403)})
def handovers(request: HttpRequest, limit: int = DEFAULT_LIMIT, cursor: str | None = None) -> HandoversOut:
    """Those the caller plans, gave or was offered, newest first."""
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


@router.post("/handovers", response={201: PlanOut, **problems(401, 403, 404, 409, 422)})
def plan_handover(request: HttpRequest, body: HandoverIn) -> Status[PlanOut]:
    """Plan to give away what one owns. Nobody is told, nothing changes. Wants a fresh sign-in."""
    actor = actor_of(request)
    pk = services.plan_handover(actor, **body.dict())
    return Status(201, _plan(request, pk))


def _plan(request: HttpRequest, handover: str) -> PlanOut:
    actor = actor_of(request)
    view = get_handover(actor, handover)
    is_plan = not view.is_received and view.state in {"draft", "pending"}
    rows = [RowOut.of(row) for row in get_plan(actor, handover).rows] if is_plan else None
    return PlanOut(**dict(HandoverOut.of(view)), plan=rows)


@router.get("/handovers/{handover_id}", response={200: PlanOut, **problems(401, 403, 404)})
def handover(request: HttpRequest, handover_id: str) -> PlanOut:
    """One handover, for its two sides; what hangs on it, for the giver."""
    return _plan(request, handover_id)


@router.patch("/handovers/{handover_id}", response={200: PlanOut, **problems(401, 403, 404, 409, 422)})
def change_plan(request: HttpRequest, handover_id: str, body: PlanPatch) -> PlanOut:
    """Change a plan, or decide on what hangs on it: nothing is kept unsaid."""
    services.change_plan(
        actor_of(request),
        handover=handover_id,
        receiver=body.receiver,
        afterwards=body.afterwards,
        warranty_until=body.warranty_until,
        passes_credentials=body.passes_credentials,
        choices=[services.Choice(**choice.dict()) for choice in body.choices],
        rest=body.rest or "",
        rest_of=body.rest_of or "",
    )
    return _plan(request, handover_id)


@router.delete("/handovers/{handover_id}", response={200: HandoverOut, **problems(401, 403, 404, 409)})
def withdraw_handover(request: HttpRequest, handover_id: str) -> HandoverOut:
    """Take it back while it waits, or throw a plan away. A second time is harmless."""
    actor = actor_of(request)
    services.withdraw_handover(actor, handover=handover_id)
    return HandoverOut.of(get_handover(actor, handover_id))


@router.post("/handovers/{handover_id}/offer", response={200: PlanOut, **problems(401, 403, 404, 409, 429)})
def offer_handover(request: HttpRequest, handover_id: str) -> PlanOut:
    """Offer it for fourteen days. 409 with `undecided`: keys of rows to decide on first. Wants a fresh sign-in."""
    services.offer_handover(actor_of(request), handover=handover_id)
    return _plan(request, handover_id)


@router.post("/handovers/{handover_id}/accept", response={200: TakenOut, **problems(401, 403, 404, 409, 422)})
def accept_handover(request: HttpRequest, handover_id: str, body: AcceptIn | None = None) -> TakenOut:
    """Become the owner. A second time is harmless. Wants a fresh sign-in."""
    place = body or AcceptIn()
    change_id = services.accept_handover(
        actor_of(request),
        handover=handover_id,
        organization=place.organization or "",
        found=place.found or "",
        site=place.site or "",
    )
    return _taken(request, handover_id, change_id)


def _taken(request: HttpRequest, handover: str, change_id: str) -> TakenOut:
    receipt = ReceiptOut.of("accepted", change_id, list_own_cuts(actor_of(request), handover))
    view = get_handover(actor_of(request), handover)
    return TakenOut(**dict(HandoverOut.of(view)), change_id=change_id, became=view.became, cut=receipt.cut)


@router.post("/handovers/{handover_id}/undo", response={200: TakenOut, **problems(401, 403, 404, 409)})
def undo_handover(request: HttpRequest, handover_id: str) -> TakenOut:
    """Give back or take back what changed hands less than a day ago. Wants a fresh sign-in."""
    change_id = services.undo_handover(actor_of(request), handover=handover_id)
    return _taken(request, handover_id, change_id)


@router.post("/handovers/{handover_id}/decline", response={200: HandoverOut, **problems(401, 403, 404, 409)})
def decline_handover(request: HttpRequest, handover_id: str) -> HandoverOut:
    """Turn it down; the giver is told. A second time is harmless."""
    actor = actor_of(request)
    services.decline_handover(actor, handover=handover_id)
    return HandoverOut.of(get_handover(actor, handover_id))
