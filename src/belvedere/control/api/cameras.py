"""`/cameras` and tickets: what one may see, and the way to it."""

from datetime import datetime
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Router, Status
from pydantic import AwareDatetime, Field

from belvedere.contracts.sessions import Quality, SessionKind
from belvedere.control.api.auth import actor_of
from belvedere.control.api.pages import DEFAULT_LIMIT, MAX_LIMIT, paginate
from belvedere.control.api.schemas import (
    CameraOut,
    Id,
    In,
    Name,
    Out,
    PersonByPhoneOut,
    PersonOut,
    person_at,
    problems,
)
from belvedere.control.core.errors import Forbidden, Refusal
from belvedere.control.core.principal import Principal
from belvedere.control.devices import services as devices
from belvedere.control.devices.selectors import get_camera, list_cameras
from belvedere.control.recordings import services as recordings
from belvedere.control.sharing.selectors import Ground, list_access
from belvedere.control.streaming.selectors import count_watching, list_viewers
from belvedere.control.streaming.services import Ticket

router = Router(tags=["cameras"])
MAX_TICKETS = 64


class CamerasOut(Out):
    """A page of cameras."""

    items: list[CameraOut]
    next: str | None = None


class AliasIn(In):
    """A name of one's own; empty takes it back."""

    name: Name


class GroundOut(Out):
    """One thing that somebody's access rests on."""

    origin: str = Field(description="share, guest_link, or the role of a member")
    permissions: list[str]
    given_by: PersonOut | None = Field(description="null for what nobody else gave: an owner's own")
    since: datetime | None
    starts_at: datetime | None
    ends_at: datetime | None
    hours: dict[str, Any] | None
    footage: dict[str, str] | None = Field(description="how far back playback reaches; null = all there is, or none")
    holds_now: bool = Field(description="false at other hours than these, and before it starts")
    share: str | None = Field(description="null for a share that somebody else gave")

    @classmethod
    def of(cls, row: Ground) -> "GroundOut":
        """From what selectors return."""
        return cls(
            origin=row.origin,
            permissions=row.permissions.wire_names,
            given_by=PersonOut.of(row.given_by) if row.given_by else None,
            since=row.since,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            hours=row.hours,
            footage=row.footage.wire,
            holds_now=row.holds_now,
            share=row.share or None,
        )


class AccessOut(Out):
    """Somebody who can see the camera, or was offered to: one row a person, all grounds in `because`."""

    account: PersonOut | PersonByPhoneOut
    origin: str = Field(description="share, guest_link, or the role of a member: of the first ground")
    state: Literal["accepted", "pending", "paused"]
    permissions: list[str] = Field(description="of all grounds that hold now together; of all, where none does")
    since: datetime | None
    ends_at: datetime | None = Field(description="when the last ground ends; null if one has no end")
    share: str | None
    because: list[GroundOut]


class AccessListOut(Out):
    """Who can see it."""

    camera: str
    items: list[AccessOut]


class ViewerOut(Out):
    """Somebody watching now."""

    session: str
    account: PersonOut
    since: datetime
    kind: str
    probed_by: PersonOut | None = Field(description="who only tries whether this account may; nobody watches")


class ViewersOut(Out):
    """Who is watching now."""

    items: list[ViewerOut]


class TicketIn(In):
    """What to open. `from` and `to` say which part of the past: playback takes `from`, an export both, hls may."""

    kind: Literal["live", "playback", "talk", "hls", "export", "snapshot"] = "live"
    quality: Literal["main", "sub"] = "main"
    from_: AwareDatetime | None = Field(default=None, alias="from")
    to: AwareDatetime | None = None


class TicketItemIn(TicketIn):
    """One of several."""

    camera: Id


class TicketsIn(In):
    """Tickets for a wall."""

    items: list[TicketItemIn] = Field(min_length=1, max_length=MAX_TICKETS)


class TicketOut(Out):
    """Opens a media session once, within half a minute: ws(s) for live, playback, talk; http(s) for the others."""

    url: str
    expires_at: datetime


class TicketItemOut(Out):
    """One of several: a ticket, or the code of what stands against it."""

    camera: str
    url: str | None = None
    expires_at: datetime | None = None
    code: str | None = None


class TicketsOut(Out):
    """Tickets, in the order asked for."""

    items: list[TicketItemOut]


@router.get("/cameras", response={200: CamerasOut, **problems(400, 401)})
def cameras(request: HttpRequest, limit: int = DEFAULT_LIMIT, cursor: str | None = None) -> CamerasOut:
    """Every camera the caller may do anything with."""
    actor = actor_of(request)
    rows, following = paginate(
        list_cameras(actor),
        actor=actor,
        listing="cameras",
        key=lambda row: row.id,
        limit=max(1, min(limit, MAX_LIMIT)),
        cursor=cursor,
    )
    watching = count_watching(rows)
    return CamerasOut(items=[CameraOut.of(row, watching.get(row.id)) for row in rows], next=following)


@router.get("/cameras/{camera_id}", response={200: CameraOut, **problems(401, 404)})
def camera(request: HttpRequest, camera_id: str) -> CameraOut:
    """One camera."""
    view = get_camera(actor_of(request), camera_id)
    return CameraOut.of(view, count_watching([view]).get(view.id))


@router.put("/cameras/{camera_id}/alias", response={200: CameraOut, **problems(401, 403, 404, 422)})
def set_alias(request: HttpRequest, camera_id: str, body: AliasIn) -> CameraOut:
    """Give a camera a name of one's own, for oneself alone."""
    actor = actor_of(request)
    devices.set_alias(actor, camera=camera_id, name=body.name)
    return CameraOut.of(get_camera(actor, camera_id), None)


@router.get("/cameras/{camera_id}/access", response={200: AccessListOut, **problems(401, 403, 404)})
def access(request: HttpRequest, camera_id: str) -> AccessListOut:
    """Who can see it, and why. Needs `share`."""
    rows = list_access(actor_of(request), camera_id)
    return AccessListOut(
        camera=camera_id,
        items=[
            AccessOut(
                account=PersonOut.of(row.account) if row.account else person_at("", None, row.address),
                origin=row.origin,
                state=row.state,
                permissions=row.permissions.wire_names,
                since=row.since,
                ends_at=row.ends_at,
                share=row.share or None,
                because=[GroundOut.of(ground) for ground in row.because],
            )
            for row in rows
        ],
    )


@router.get("/cameras/{camera_id}/viewers", response={200: ViewersOut, **problems(401, 403, 404)})
def viewers(request: HttpRequest, camera_id: str) -> ViewersOut:
    """Who is watching now. Needs `share`."""
    rows = list_viewers(actor_of(request), camera_id)
    return ViewersOut(
        items=[
            ViewerOut(
                session=row.session,
                account=PersonOut.of(row.account),
                since=row.since,
                kind=row.kind,
                probed_by=PersonOut.of(row.probed_by) if row.probed_by else None,
            )
            for row in rows
        ]
    )


@router.post("/cameras/{camera_id}/tickets", response={201: TicketOut, **problems(401, 403, 404, 422, 429, 503)})
def open_ticket(request: HttpRequest, camera_id: str, body: TicketIn) -> Status[TicketOut]:
    """A ticket: for live, hls and snapshot of now needs `live_view`, for the past `playback`, for an export `export`.

    To talk needs `talk`, and of a token the scope `devices`: what only watches does not speak.

    What lies before one's footage window is as good as absent: 404 `nothing_there`. An export of more than an hour
    wants a fresh identity: 403 `reauthentication_required`; at most three run at once: 429.
    """
    ticket = _open(request, camera_id, body)
    return Status(201, TicketOut(url=ticket.url, expires_at=ticket.expires_at))


@router.post("/tickets", response={201: TicketsOut, **problems(401, 403, 422, 429)})
def open_tickets(request: HttpRequest, body: TicketsIn) -> Status[TicketsOut]:
    """Tickets for a wall. One camera's refusal does not stop the others."""
    found = []
    for item in body.items:
        try:
            ticket = _open(request, item.camera, item)
        except Refusal as refusal:
            found.append(TicketItemOut(camera=item.camera, code=refusal.code))
        else:
            found.append(TicketItemOut(camera=item.camera, url=ticket.url, expires_at=ticket.expires_at))
    return Status(201, TicketsOut(items=found))


def origin_of(request: HttpRequest, actor: Principal) -> str | None:
    """Where a ticket works: a page's on that page's origin alone; a program's in no browser."""
    return f"{request.scheme}://{request.get_host()}" if actor.scopes is None else None


def _open(request: HttpRequest, camera_id: str, body: TicketIn) -> Ticket:
    actor = actor_of(request)
    origin = origin_of(request, actor)
    if body.kind == "talk" and actor.scopes is not None and "devices" not in actor.scopes:
        raise Forbidden
    return recordings.open_ticket(
        actor,
        camera=camera_id,
        kind=SessionKind(body.kind),
        quality=Quality(body.quality),
        start=body.from_,
        end=body.to,
        origin=origin,
    )
