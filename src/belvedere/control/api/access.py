"""`/access`: why somebody may do something, or that he may not; and what he sees of what the caller manages."""

from contextlib import suppress
from datetime import datetime
from typing import Any, Final, Literal

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Query, Router
from pydantic import AwareDatetime, Field

from belvedere.contracts.permissions import parse_names
from belvedere.control.access.roles import Role
from belvedere.control.api.auth import actor_of
from belvedere.control.api.schemas import In, Out, PersonOut, problems
from belvedere.control.core.errors import Invalid, NotFound
from belvedere.control.sharing.changes import parse_without
from belvedere.control.sharing.selectors import Reason, Seen, explain_access, view_as
from belvedere.control.sharing.services import open_view_as

router = Router(tags=["access"])
#: what a change would end, repeated
_WITHOUT: Final = "`share:ID`, `membership:ID` or `guest_link:ID`, repeated: answer as if these were over"
WITHOUT = Query(default_factory=list, description=_WITHOUT)  # type: ignore[type-arg]  # a default, not a type


class ReasonOut(Out):
    """One right that gives it."""

    origin: Literal["share", "membership", "guest_link"]
    id: str
    role: Role | None
    resource: str
    text: str
    starts_at: datetime | None
    ends_at: datetime | None
    hours: dict[str, Any] | None
    footage: dict[str, str] | None = Field(description="how far back playback reaches; null = all there is, or none")

    @classmethod
    def of(cls, row: Reason) -> "ReasonOut":
        """From what selectors return."""
        return cls(
            origin=row.origin,
            id=row.id,
            role=row.role,
            resource=row.resource,
            text=row.text,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            hours=row.hours,
            footage=row.footage.wire,
        )


class ExplanationOut(Out):
    """Whether, and because of what. `from` is where footage begins, null where there is no bound or no footage."""

    allowed: bool
    from_: datetime | None = Field(serialization_alias="from")
    because: list[ReasonOut]
    needs: str = Field(description="what would have to be given, in words; empty where it is allowed")


class ViewAsIn(In):
    """As whom, of which organization (of all, without one), when, and after which change."""

    account: str
    organization: str = ""
    at: AwareDatetime | None = None
    without: list[str] = Field(default=[], description=_WITHOUT)


class SeenOut(Out):
    """One camera or panel as somebody has it at that instant; without permissions, as he has it at other times."""

    kind: Literal["camera", "panel"]
    id: str
    name: str
    site: str
    permissions: list[str]
    playback_from: datetime | None = Field(description="the earliest footage; null without bound, or without playback")
    ends_at: datetime | None
    hours: dict[str, Any] | None
    through: list[str]

    @classmethod
    def of(cls, row: Seen) -> "SeenOut":
        """From what selectors return."""
        return cls(
            kind=row.thing.kind,
            id=row.thing.id,
            name=row.thing.name,
            site=row.thing.site,
            permissions=row.permissions.wire_names,
            playback_from=row.playback_from,
            ends_at=row.ends_at,
            hours=row.hours,
            through=list(row.through),
        )


class ViewedAsOut(Out):
    """What somebody sees at an instant of what the caller may share, and nothing of anybody else's."""

    account: PersonOut | None = Field(description="null for whom the caller does not know")
    at: datetime
    items: list[SeenOut]
    later: list[SeenOut] = Field(description="what he has at other hours or days alone")
    unseen: int = Field(description="how many more the caller could share with him")


@router.get("/access/explain", response={200: ExplanationOut, **problems(401, 404, 422)}, by_alias=True)
def explain(
    request: HttpRequest,
    account: str,
    permission: str,
    camera: str = "",
    device: str = "",
    without: list[str] = WITHOUT,
) -> ExplanationOut:
    """Why an account, by id or whole address, may use a permission on a camera or device that the caller may share.

    One who may not and one who does not exist get the same answer. `without` asks what would be after a change.
    """
    if bool(camera) == bool(device):
        raise Invalid(_("Name a camera or a device."), field="camera")
    try:
        asked = parse_names([permission])
    except ValueError as error:
        raise Invalid(str(error), field="permission") from None
    found = explain_access(
        actor_of(request),
        account=account,
        permission=asked,
        kind="camera" if camera else "device",
        resource=camera or device,
        change=parse_without(without),
    )
    return ExplanationOut(
        allowed=found.is_allowed,
        from_=found.footage_from,
        because=[ReasonOut.of(row) for row in found.because],
        needs=found.needs,
    )


@router.post("/access/view-as", response={200: ViewedAsOut, **problems(401, 404, 422)})
def view_as_somebody(request: HttpRequest, body: ViewAsIn) -> ViewedAsOut:
    """What an account, by id or whole address, sees of what the caller may share: now, or at an instant to come.

    Names and rights, never a picture. That the caller looked stands in the audit, hence POST. Who sees nothing and who
    does not exist get the same answer. `without` asks what would be after a change.
    """
    actor, change = actor_of(request), parse_without(body.without)
    with suppress(NotFound):  # of whom the caller does not know he sees nothing: there is nothing to write down
        open_view_as(actor, who=body.account, organization=body.organization, at=body.at, change=change)
    found = view_as(actor, body.account, organization=body.organization, at=body.at, change=change)
    return ViewedAsOut(
        account=PersonOut.of(found.account) if found.account else None,
        at=found.at,
        items=[SeenOut.of(row) for row in found.seen],
        later=[SeenOut.of(row) for row in found.later],
        unseen=found.unseen,
    )
