"""`/guest-links`: a camera for somebody without an account, by a link."""

from datetime import datetime
from typing import Any, Literal, cast

from django.conf import settings
from django.http import HttpRequest
from ninja import Router, Status
from pydantic import AwareDatetime, Field

from belvedere.contracts.permissions import Permission, parse_names
from belvedere.control.api.auth import actor_of
from belvedere.control.api.schemas import Id, In, Name, Out, PersonOut, ReceiptOut, problems
from belvedere.control.api.share_shapes import FootageIn
from belvedere.control.core.errors import Invalid
from belvedere.control.guests import services
from belvedere.control.guests.selectors import GuestLinkView, get_link, list_links
from belvedere.control.sharing.terms import parse_footage
from belvedere.control.streaming.selectors import list_cuts

router = Router(tags=["guest links"])
_REFUSALS = problems(401, 403, 404, 422)


class GuestLinkIn(In):
    """What a guest may see, until when, and how often the link may be opened."""

    name: Name = Field(description="for whom it is; the guest never reads it")
    cameras: list[Id] = Field(min_length=1, max_length=64)
    permissions: list[str] = Field(description="live_view, playback, or both")
    footage: FootageIn | None = Field(default=None, description="with playback: how far back it reaches")
    ends_at: AwareDatetime = Field(description="within 30 days")
    max_uses: int = Field(description="how many browsers may open it: 1 to 100")
    passcode: str = Field(default="", max_length=64, description="at least 6 characters, or empty for none")


class GuestLinkPatch(In):
    """What is to change. What is left out, or null, stays."""

    name: Name | None = None
    cameras: list[Id] | None = Field(default=None, max_length=64, description="those that stay: none can be added")
    ends_at: AwareDatetime | None = None
    max_uses: int | None = None
    permissions: list[str] | None = Field(default=None, description="live_view, playback, or both")
    footage: FootageIn | None = Field(default=None, description="how far back playback reaches")
    passcode: str | None = Field(default=None, max_length=64, description="a new one; empty: none is asked for")

    @property
    def patch(self) -> services.LinkPatch:
        """What is to change. Raises Invalid."""
        found: dict[str, Any] = self.model_dump(exclude_none=True)
        if self.permissions is not None:
            found["permissions"] = _permissions(self.permissions)
        if self.footage is not None:
            found["footage"] = parse_footage(found["footage"])
        return cast("services.LinkPatch", found)


def _permissions(names: list[str]) -> Permission:
    try:
        return parse_names(names)
    except ValueError as error:
        raise Invalid(str(error), field="permissions") from None


class VisitOut(Out):
    """One use."""

    at: datetime
    network: str = Field(description="/24 or /48: no address is kept")


class GuestCameraOut(Out):
    """A camera of a link."""

    id: str
    name: str


class GuestLinkOut(Out):
    """A guest link. Its secret was in the answer to its making, and nowhere since."""

    id: str
    name: str
    giver: PersonOut
    cameras: list[GuestCameraOut]
    permissions: list[str]
    footage: dict[str, str] | None
    has_passcode: bool
    state: Literal["open", "used_up", "expired", "ended"]
    created_at: datetime
    ends_at: datetime
    max_uses: int
    uses: int
    watching: int = Field(description="how many pictures run through it now")
    paused_until: datetime | None = Field(description="after five wrong passcodes")
    ended_at: datetime | None
    ended_reason: str | None
    visits: list[VisitOut] = Field(description="the latest first")

    @classmethod
    def of(cls, view: GuestLinkView) -> "GuestLinkOut":
        """From what selectors return."""
        return cls(
            id=view.id,
            name=view.name,
            giver=PersonOut.of(view.giver),
            cameras=[GuestCameraOut(id=pk, name=name) for pk, name in view.cameras.items()],
            permissions=view.permissions.wire_names,
            footage=view.footage.wire if view.footage else None,
            has_passcode=view.has_passcode,
            state=view.state,
            created_at=view.created_at,
            ends_at=view.ends_at,
            max_uses=view.max_uses,
            uses=view.uses,
            watching=view.watching,
            paused_until=view.paused_until,
            ended_at=view.ended_at,
            ended_reason=view.ended_reason or None,
            visits=[VisitOut(at=row.at, network=row.network) for row in view.visits],
        )


class GuestLinkMadeOut(GuestLinkOut):
    """A fresh link, with the address to send."""

    url: str = Field(description="shown this once; the secret is what stands behind the #")


class GuestLinkChangedOut(GuestLinkOut):
    """A changed link, and what the change cut."""

    receipt: ReceiptOut


class GuestLinksOut(Out):
    """Links, the latest first."""

    items: list[GuestLinkOut]


@router.get("/guest-links", response={200: GuestLinksOut, **problems(401)})
def guest_links(request: HttpRequest) -> GuestLinksOut:
    """Links that the caller gave, or all of whose cameras he may share."""
    return GuestLinksOut(items=[GuestLinkOut.of(row) for row in list_links(actor_of(request))])


@router.post("/guest-links", response={201: GuestLinkMadeOut, **problems(429), **_REFUSALS})
def make_guest_link(request: HttpRequest, body: GuestLinkIn) -> Status[GuestLinkMadeOut]:
    """Make a guest link. Needs `share` on every camera; it is in force at once."""
    actor = actor_of(request)
    made = services.make_link(
        actor,
        name=body.name,
        cameras=body.cameras,
        permissions=_permissions(body.permissions),
        ends_at=body.ends_at,
        max_uses=body.max_uses,
        passcode=body.passcode,
        footage=parse_footage(body.footage.model_dump(exclude_none=True)) if body.footage else None,
    )
    url = f"{settings.BELVEDERE.url}/g/{made.id}#{made.secret}"
    return Status(201, GuestLinkMadeOut(**GuestLinkOut.of(get_link(actor, made.id)).model_dump(), url=url))


@router.get("/guest-links/{link_id}", response={200: GuestLinkOut, **problems(401, 404)})
def guest_link(request: HttpRequest, link_id: str) -> GuestLinkOut:
    """One guest link, with the log of its use."""
    return GuestLinkOut.of(get_link(actor_of(request), link_id))


@router.patch("/guest-links/{link_id}", response={200: GuestLinkChangedOut, **problems(409), **_REFUSALS})
def change_guest_link(request: HttpRequest, link_id: str, body: GuestLinkPatch) -> GuestLinkChangedOut:
    """Change a link the caller gave: less acts at once, on running pictures too."""
    actor = actor_of(request)
    change_id = services.change_link(actor, link=link_id, **body.patch)
    receipt = ReceiptOut.of("changed", change_id, list_cuts(change_id))
    return GuestLinkChangedOut(**GuestLinkOut.of(get_link(actor, link_id)).model_dump(), receipt=receipt)


@router.delete("/guest-links/{link_id}", response={200: ReceiptOut, **problems(401, 404)})
def end_guest_link(request: HttpRequest, link_id: str) -> ReceiptOut:
    """End a link. The receipt says what was cut, and when."""
    change_id = services.end_link(actor_of(request), link=link_id)
    return ReceiptOut.of("revoked", change_id, list_cuts(change_id))
