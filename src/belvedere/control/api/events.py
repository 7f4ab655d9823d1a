"""What happened: for who may look back, as far back as he may. A picture of it is a look into the past as well."""

from datetime import datetime
from typing import Literal

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from ninja import Query, Router
from pydantic import AwareDatetime, Field

from belvedere.contracts.camera_events import EventKind
from belvedere.control.api.auth import actor_of
from belvedere.control.api.cameras import origin_of
from belvedere.control.api.pages import DEFAULT_LIMIT, MAX_LIMIT, seal, unseal
from belvedere.control.api.schemas import In, Out, problems
from belvedere.control.events.selectors import EventView, list_events
from belvedere.control.events.services import open_picture

router = Router(tags=["events"])

Kind = Literal[
    "motion",
    "line",
    "intrusion",
    "digital_input",
    "tamper",
    "audio",
    "person",
    "vehicle",
    "animal",
    "object",
    "alarm",
    "offline",
    "storage",
    "filling",
    "node_lost",
]


class EventsQuery(In):
    """What to look for; what is left out looks for everything."""

    camera: str = Field(default="", description="of this one alone")
    panel: str = Field(default="", description="the same of a security panel; not with a camera")
    from_: AwareDatetime | None = Field(default=None, alias="from", description="began at this instant or later")
    to: AwareDatetime | None = Field(default=None, description="began before this one")
    kind: Kind | None = None
    limit: int = DEFAULT_LIMIT
    cursor: str | None = None


class EventOut(Out):
    """One thing that happened, of a camera or of a panel; the other one is null."""

    id: str
    camera: str | None
    panel: str | None
    kind: str
    label: str = Field(description="what its source calls what it saw, as in “dog”, where it says; or empty")
    from_: datetime = Field(serialization_alias="from")
    to: datetime | None = Field(description="null while it goes on")
    count: int = Field(description="how often its source said so: many are a storm")
    unkept: int = Field(description="more that began in the same minute, and were only counted")
    has_picture: bool = Field(description="whether there is footage of its beginning, as far as is known")

    @classmethod
    def of(cls, view: EventView) -> "EventOut":
        """From what selectors return."""
        return cls(
            id=view.id,
            camera=view.camera,
            panel=view.panel,
            kind=view.kind.value,
            label=view.label,
            from_=view.start,
            to=view.end,
            count=view.count,
            unkept=view.unkept,
            has_picture=view.has_picture,
        )


class EventsOut(Out):
    """Events, the latest first."""

    items: list[EventOut]
    next: str | None = None


_REFUSALS = problems(400, 401, 403, 404, 422)


@router.get("/events", response={200: EventsOut, **_REFUSALS}, by_alias=True)
def events(request: HttpRequest, query: Query[EventsQuery]) -> EventsOut:
    """What happened, the latest first. Of cameras needs `playback`, and tells nothing from before one's window.

    Of panels needs `configure`: they have no footage that says who may look back.
    """
    actor = actor_of(request)
    # Sealed to the caller and to every part of the question (N13).
    listing = f"events:{query.model_dump_json(exclude={'limit', 'cursor'})}"
    page = list_events(
        actor,
        camera=query.camera,
        panel=query.panel,
        start=query.from_,
        end=query.to,
        kinds=[EventKind(query.kind)] if query.kind else [],
        before=unseal(query.cursor, actor=actor, listing=listing) if query.cursor else None,
        limit=max(1, min(query.limit, MAX_LIMIT)),
    )
    following = seal(page.before, actor=actor, listing=listing) if page.before else None
    return EventsOut(items=[EventOut.of(view) for view in page.items], next=following)


@router.get("/events/{event_id}/picture.jpg", response={307: None, **problems(401, 404, 429, 503)})
def event_picture(request: HttpRequest, event_id: str) -> HttpResponse:
    """To what was recorded when it began, which media has: 307, good once and for half a minute. Needs `playback`."""
    actor = actor_of(request)
    ticket = open_picture(actor, event=event_id, origin=origin_of(request, actor))
    return HttpResponseRedirect(ticket.url, preserve_request=True)
