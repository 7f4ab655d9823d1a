"""The recipient's own side: what is logged about him, what he wants to hear of, and of whom no more."""

from datetime import datetime
from typing import Annotated, Literal

from django.http import HttpRequest
from ninja import Field, Query, Router, Status

from belvedere.control.api.auth import actor_of
from belvedere.control.api.pages import seal, unseal
from belvedere.control.api.schemas import Out, PersonOut, problems
from belvedere.control.api.share_shapes import ReceivedOut
from belvedere.control.sharing import services
from belvedere.control.sharing.selectors import (
    BlockedView,
    MyEntry,
    MyViewing,
    get_received,
    list_activity,
    list_blocked_sharers,
)

router = Router(tags=["sharing"])

_LISTING = "activity"


class KnownCamera(Out):
    """A camera as the caller knows it; the name is null once he sees it no more and had no name of his own for it."""

    id: str
    name: str | None


class PastOut(Out):
    """A part of the past that was watched."""

    from_: datetime = Field(serialization_alias="from")
    to: datetime


class ViewingOut(Out):
    """Something the caller watched. `until` is null while he does."""

    kind: Literal["viewing"] = "viewing"
    id: str
    at: datetime
    until: datetime | None
    camera: KnownCamera
    shared_by: PersonOut | None
    watching: str = Field(description="live, playback, export and so on")
    watched: list[PastOut]

    @classmethod
    def of(cls, row: MyViewing) -> "ViewingOut":
        """From what selectors return."""
        return cls(
            id=row.id,
            at=row.at,
            until=row.viewing.until,
            camera=KnownCamera(id=row.camera.id, name=row.camera.name or None),
            shared_by=PersonOut.of(row.camera.shared_by) if row.camera.shared_by else None,
            watching=row.viewing.kind,
            watched=[PastOut(from_=start, to=end) for start, end in row.viewing.watched],
        )


class EntryOut(Out):
    """An entry of the audit about the caller.

    mine      whether he did it himself; `address` is then the network it came from
    by        the sharer, where it was him; null for whomever the caller need not know
    readers   who else reads it: the installation's operator, or those who manage an organization
    """

    kind: Literal["entry"] = "entry"
    id: str
    at: datetime
    action: str
    thing: str
    mine: bool
    by: PersonOut | None
    address: str | None
    readers: Literal["operator", "managers"]

    @classmethod
    def of(cls, row: MyEntry) -> "EntryOut":
        """From what selectors return."""
        return cls(
            id=row.id,
            at=row.at,
            action=row.entry.action,
            thing=row.entry.thing,
            mine=row.is_mine,
            by=PersonOut.of(row.by) if row.by else None,
            address=(row.entry.text("address") or None) if row.is_mine else None,
            readers="operator" if row.chain == "installation" else "managers",
        )


class ActivityOut(Out):
    """What is logged, the latest first."""

    items: list[ViewingOut | EntryOut]
    next: str | None


class BlockedSharerOut(Out):
    """Somebody whose offers do not reach the caller."""

    account: PersonOut
    since: datetime

    @classmethod
    def of(cls, row: BlockedView) -> "BlockedSharerOut":
        """From what selectors return."""
        return cls(account=PersonOut.of(row.sharer), since=row.blocked_at)


class BlockedSharersOut(Out):
    """All of them."""

    items: list[BlockedSharerOut]
    next: str | None = None


@router.get("/me/activity", response={200: ActivityOut, **problems(400, 401)}, by_alias=True)
def activity(
    request: HttpRequest, limit: Annotated[int, Query(ge=1, le=200)] = 50, cursor: str | None = None
) -> ActivityOut:
    """What the caller watched, what he did, and what others did with what they share with him."""
    actor = actor_of(request)
    place = unseal(cursor, actor=actor, listing=_LISTING) if cursor else None
    page = list_activity(actor, before=(datetime.fromisoformat(place[0]), place[1]) if place else None, limit=limit)
    return ActivityOut(
        items=[ViewingOut.of(row) if isinstance(row, MyViewing) else EntryOut.of(row) for row in page.items],
        next=seal([page.before[0].isoformat(), page.before[1]], actor=actor, listing=_LISTING) if page.before else None,
    )


@router.get("/me/blocked", response={200: BlockedSharersOut, **problems(401)})
def blocked_sharers(request: HttpRequest) -> BlockedSharersOut:
    """Whose offers do not reach the caller."""
    rows = list_blocked_sharers(actor_of(request))
    return BlockedSharersOut(items=[BlockedSharerOut.of(row) for row in rows])


@router.delete("/me/blocked/{sharer_id}", response={204: None, **problems(401, 404)})
def unblock_sharer(request: HttpRequest, sharer_id: str) -> Status[None]:
    """Let his offers in again."""
    services.unblock_sharer(actor_of(request), sharer=sharer_id)
    return Status(204, None)


@router.post("/shares/{share_id}/block", response={204: None, **problems(401, 404, 409)})
def block_sharer(request: HttpRequest, share_id: str) -> Status[None]:
    """Let no more offers of whoever made this one reach the caller. Whoever made it sees nothing of that."""
    services.block_sharer(actor_of(request), share=share_id)
    return Status(204, None)


@router.post("/shares/{share_id}/mute", response={200: ReceivedOut, **problems(401, 404)})
def mute_share(request: HttpRequest, share_id: str) -> ReceivedOut:
    """Have no messages about a received share, but that it ends."""
    return _mute(request, share_id, is_muted=True)


@router.post("/shares/{share_id}/unmute", response={200: ReceivedOut, **problems(401, 404)})
def unmute_share(request: HttpRequest, share_id: str) -> ReceivedOut:
    """Have messages about it again."""
    return _mute(request, share_id, is_muted=False)


def _mute(request: HttpRequest, share_id: str, *, is_muted: bool) -> ReceivedOut:
    actor = actor_of(request)
    services.mute_share(actor, share=share_id, is_muted=is_muted)
    return ReceivedOut.of(get_received(actor, share_id))
