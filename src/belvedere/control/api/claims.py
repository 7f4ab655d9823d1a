"""`/device-claims`: freeing a device that its owner left behind, by presence."""

from datetime import datetime
from typing import Self

from django.http import HttpRequest
from ninja import Router, Status
from pydantic import Field

from belvedere.control.api.auth import actor_of
from belvedere.control.api.devices import Password
from belvedere.control.api.pages import DEFAULT_LIMIT, MAX_LIMIT, paginate
from belvedere.control.api.schemas import Id, In, Out, problems
from belvedere.control.appeals import services
from belvedere.control.appeals.selectors import ClaimView, get_claim, list_claims

router = Router(tags=["devices"])


class ClaimIn(In):
    """Which refusal it starts from, where the device should be bound, and how to get into it: typed, nothing stored."""

    attempt: Id
    site: Id
    address: str = Field(max_length=500, examples=["rtsp://192.168.1.10:554/stream1", "192.168.1.20"])
    username: str = Field(default="", max_length=200)
    password: Password


class ClaimOut(Out):
    """A claim. Its claimant is masked; the device is null for the claimant, who does not learn what it is called."""

    id: str
    state: str = Field(description="waiting, released, refused or ended")
    mine: bool
    claimant: str
    device: str | None
    device_name: str
    claimed_at: datetime
    due_at: datetime
    ended_at: datetime | None
    ended_reason: str

    @classmethod
    def of(cls, view: ClaimView) -> Self:
        """From what selectors return."""
        return cls(
            id=view.id,
            state=view.state,
            mine=view.is_mine,
            claimant=view.claimant,
            device=view.device,
            device_name=view.device_name,
            claimed_at=view.claimed_at,
            due_at=view.due_at,
            ended_at=view.ended_at,
            ended_reason=view.ended_reason,
        )


class ClaimsOut(Out):
    """A page of claims."""

    items: list[ClaimOut]
    next: str | None = None


@router.post("/device-claims", response={202: ClaimOut, **problems(401, 403, 404, 409, 422, 429, 503)})
def claim_device(request: HttpRequest, body: ClaimIn) -> Status[ClaimOut]:
    """Claim a device one was refused. Its owner is told, and has 72 hours to refuse; then it is free to be added."""
    actor = actor_of(request)
    claim = services.claim_device(
        actor,
        site=body.site,
        attempt=body.attempt,
        address=body.address,
        username=body.username,
        password=body.password,
    )
    return Status(202, ClaimOut.of(get_claim(actor, claim)))


@router.get("/device-claims", response={200: ClaimsOut, **problems(400, 401)})
def device_claims(request: HttpRequest, limit: int = DEFAULT_LIMIT, cursor: str | None = None) -> ClaimsOut:
    """The caller's own claims, and those on devices that he may configure; newest first."""
    actor = actor_of(request)
    rows, following = paginate(
        [ClaimOut.of(row) for row in list_claims(actor, is_open=False)],
        actor=actor,
        listing="device-claims",
        key=lambda row: row.id,
        limit=max(1, min(limit, MAX_LIMIT)),
        cursor=cursor,
    )
    return ClaimsOut(items=rows, next=following)


@router.post("/device-claims/{claim_id}/refuse", response={200: ClaimOut, **problems(401, 404, 409)})
def refuse_claim(request: HttpRequest, claim_id: str) -> ClaimOut:
    """Say no to a claim on a device of one's own. A second time is harmless."""
    actor = actor_of(request)
    services.refuse_claim(actor, claim=claim_id)
    return ClaimOut.of(get_claim(actor, claim_id))
