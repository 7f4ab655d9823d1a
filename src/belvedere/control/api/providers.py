"""`/engagements`: service providers, from both sides; `/engagement-wishes`: what they ask for."""

from datetime import datetime
from typing import Annotated, Literal

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router, Status
from pydantic import AwareDatetime, Field

from belvedere.contracts.permissions import Permission, parse_names
from belvedere.control.api.auth import actor_of
from belvedere.control.api.pages import DEFAULT_LIMIT, MAX_LIMIT, paginate
from belvedere.control.api.schemas import Id, In, Out, PersonOut, ReceiptOut, problems
from belvedere.control.core.errors import Invalid
from belvedere.control.providers import services
from belvedere.control.providers.selectors import EngagementView, WishView, get_engagement, list_engagements
from belvedere.control.streaming.selectors import list_cuts

router = Router(tags=["service providers"])
_REFUSALS = problems(401, 403, 404, 409)
_FORM = {**_REFUSALS, **problems(422, 429)}

Names = Annotated[list[str], Field(min_length=1, max_length=16, examples=[["live_view", "configure"]])]


class EngagementIn(In):
    """Whom to engage on a site, for what, until when."""

    site: Id
    account: str = Field(max_length=254, description="an e-mail address", examples=["ivan@example.org"])
    permissions: Names
    ends_at: AwareDatetime
    devices: list[Id] | None = Field(default=None, max_length=500, description="those alone; null: the whole site")
    message: str = Field(default="", max_length=280)


class WishIn(In):
    """What a provider asks for: either hours or until."""

    permissions: Names
    reason: str = Field(max_length=280)
    hours: Literal[1, 2, 4, 8] | None = None
    until: AwareDatetime | None = None


class GivenIn(In):
    """What he is given instead; null: what he asked for."""

    permissions: Names | None = None
    hours: Literal[1, 2, 4, 8] | None = None
    until: AwareDatetime | None = None


class WishOut(Out):
    """A wish that waits, or what became of it."""

    id: str
    permissions: list[str]
    hours: int | None
    until: datetime | None
    reason: str
    state: str
    asked_at: datetime

    @classmethod
    def of(cls, view: WishView) -> "WishOut":
        """From what selectors return."""
        return cls(
            id=view.id,
            permissions=view.permissions.wire_names,
            hours=view.hours,
            until=view.until,
            reason=view.reason,
            state=view.state,
            asked_at=view.asked_at,
        )


class EngagementOut(Out):
    """An engagement, as both sides see it."""

    id: str
    organization: str
    organization_name: str
    site: str
    site_name: str
    giver: PersonOut
    provider: PersonOut
    permissions: list[str]
    devices: list[str] | None
    state: str = Field(description="pending, accepted, declined, ended, left or expired")
    offered_at: datetime
    ends_at: datetime
    ended_at: datetime | None
    wish: WishOut | None

    @classmethod
    def of(cls, view: EngagementView) -> "EngagementOut":
        """From what selectors return."""
        return cls(
            id=view.id,
            organization=view.organization,
            organization_name=view.organization_name,
            site=view.site,
            site_name=view.site_name,
            giver=PersonOut.of(view.giver),
            provider=PersonOut.of(view.provider),
            permissions=view.permissions.wire_names,
            devices=None if view.devices is None else list(view.devices),
            state=view.state,
            offered_at=view.offered_at,
            ends_at=view.ends_at,
            ended_at=view.ended_at,
            wish=WishOut.of(view.wish) if view.wish else None,
        )


class EngagementsOut(Out):
    """A page of engagements."""

    items: list[EngagementOut]
    next: str | None = None


def _parse(names: list[str]) -> Permission:
    try:
        return parse_names(names)
    except ValueError:
        raise Invalid(_("That is no permission."), field="permissions") from None


@router.get("/engagements", response={200: EngagementsOut, **problems(400, 401, 403)})
def engagements(
    request: HttpRequest,
    direction: Literal["given", "received"] = "received",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> EngagementsOut:
    """The caller's own, or (`given`) those of sites whose people the caller manages; newest first."""
    actor = actor_of(request)
    rows, following = paginate(
        list_engagements(actor, direction),
        actor=actor,
        listing=f"engagements:{direction}",
        key=lambda row: row.id,
        limit=max(1, min(limit, MAX_LIMIT)),
        cursor=cursor,
    )
    return EngagementsOut(items=[EngagementOut.of(row) for row in rows], next=following)


@router.post("/engagements", response={201: EngagementOut, **_FORM})
def offer_engagement(request: HttpRequest, body: EngagementIn) -> Status[EngagementOut]:
    """Offer somebody to set devices up on a site until a date. Needs `manage` there; nothing is in force before yes."""
    actor = actor_of(request)
    pk = services.offer_engagement(
        actor,
        site=body.site,
        address=body.account,
        permissions=_parse(body.permissions),
        ends_at=body.ends_at,
        devices=body.devices or (),
        message=body.message,
    )
    return Status(201, EngagementOut.of(get_engagement(actor, pk)))


@router.get("/engagements/{engagement_id}", response={200: EngagementOut, **_REFUSALS})
def engagement(request: HttpRequest, engagement_id: str) -> EngagementOut:
    """One engagement, for the provider and for who manages its site."""
    return EngagementOut.of(get_engagement(actor_of(request), engagement_id))


@router.delete("/engagements/{engagement_id}", response={200: ReceiptOut, **_REFUSALS})
def end_engagement(request: HttpRequest, engagement_id: str) -> ReceiptOut:
    """End it, or take an offer back; whatever rests on it is cut. A second time is harmless."""
    change_id = services.end_engagement(actor_of(request), engagement=engagement_id)
    return ReceiptOut.of("ended", change_id, list_cuts(change_id))


@router.post("/engagements/{engagement_id}/accept", response={200: EngagementOut, **_REFUSALS})
def accept_engagement(request: HttpRequest, engagement_id: str) -> EngagementOut:
    """Take it on. A second time is harmless."""
    actor = actor_of(request)
    services.accept_engagement(actor, engagement=engagement_id)
    return EngagementOut.of(get_engagement(actor, engagement_id))


@router.post("/engagements/{engagement_id}/decline", response={200: EngagementOut, **_REFUSALS})
def decline_engagement(request: HttpRequest, engagement_id: str) -> EngagementOut:
    """Turn it down; who offered it is told. A second time is harmless."""
    actor = actor_of(request)
    services.decline_engagement(actor, engagement=engagement_id)
    return EngagementOut.of(get_engagement(actor, engagement_id))


@router.post("/engagements/{engagement_id}/leave", response={200: ReceiptOut, **_REFUSALS})
def leave_engagement(request: HttpRequest, engagement_id: str) -> ReceiptOut:
    """Give it up. A second time is harmless."""
    change_id = services.leave_engagement(actor_of(request), engagement=engagement_id)
    return ReceiptOut.of("left", change_id, list_cuts(change_id))


@router.post("/engagements/{engagement_id}/wishes", response={201: EngagementOut, **_FORM})
def ask_for_more(request: HttpRequest, engagement_id: str, body: WishIn) -> Status[EngagementOut]:
    """Ask for rights where one serves or served, for some hours from the answer on or until a date."""
    actor = actor_of(request)
    services.ask_for_more(
        actor,
        engagement=engagement_id,
        permissions=_parse(body.permissions),
        reason=body.reason,
        hours=body.hours,
        until=body.until,
    )
    return Status(201, EngagementOut.of(get_engagement(actor, engagement_id)))


@router.post("/engagement-wishes/{wish_id}/approve", response={201: EngagementOut, **_FORM})
def approve_wish(request: HttpRequest, wish_id: str, body: GivenIn) -> Status[EngagementOut]:
    """Give what was asked for, or what the body says instead. It is in force at once, and ends by itself."""
    actor = actor_of(request)
    pk = services.approve_wish(
        actor,
        wish=wish_id,
        permissions=None if body.permissions is None else _parse(body.permissions),
        hours=body.hours,
        until=body.until,
    )
    return Status(201, EngagementOut.of(get_engagement(actor, pk)))


@router.post("/engagement-wishes/{wish_id}/deny", response={204: None, **_REFUSALS})
def deny_wish(request: HttpRequest, wish_id: str) -> Status[None]:
    """Say no; the provider is told. A second time is harmless."""
    services.deny_wish(actor_of(request), wish=wish_id)
    return Status(204, None)
