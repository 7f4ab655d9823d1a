"""`/shares`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal, Self

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router, Status
from pydantic import AwareDatetime, Field

from belvedere.contracts.permissions import Permission, parse_names
from belvedere.control.api.auth import actor_of
from belvedere.control.api.pages import DEFAULT_LIMIT, MAX_LIMIT, paginate
from belvedere.control.api.schemas import (
    CutOut,
    Hours,
    Id,
    In,
    Name,
    Out,
    PersonByPhoneOut,
    PersonOut,
    ProblemOut,
    ReceiptOut,
    person_at,
)
from belvedere.control.audit.selectors import find_caused
from belvedere.control.core.errors import Invalid, NotFound
from belvedere.control.core.offers import OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.devices.panels import list_panels
from belvedere.control.devices.selectors import list_cameras
from belvedere.control.sharing import services
from belvedere.control.sharing.presets import PRESETS
from belvedere.control.sharing.selectors import (
    GivenShare,
    ItemView,
    ReceivedShare,
    find_given_by_change,
    get_given,
    get_received,
    list_given,
    list_received,
)
from belvedere.control.sharing.terms import HOUR, Footage, TermsPatch, parse_footage
from belvedere.control.streaming.selectors import list_cuts

router = Router(tags=["sharing"])

#: what the audit calls a change → what its receipt says became of its object
_STATES: Final = {
    "member.changed": "changed",
    "member.removed": "removed",
    "member.left": "left",
    "site.closed": "closed",
    "share.changed": "changed",
    "recipient.removed": "removed",
    "guest_link.changed": "changed",
    "guest_link.revoked": "revoked",
}


class FootageIn(In):
    """How far back playback reaches: the last so many days or hours, or from acceptance on."""

    last: str | None = Field(default=None, max_length=12, examples=["P7D", "PT24H"])
    since: Literal["grant"] | None = None


class ItemIn(In):
    """A camera, or a device: all cameras it has now; a security panel is itself."""

    camera: Id | None = None
    device: Id | None = None
    permissions: list[str] = Field(min_length=1, max_length=11)
    footage: FootageIn | None = Field(default=None, description="how far back, if not as the share says")


class ShareIn(In):
    """An offer to be made. Null is without a bound: from acceptance on, for good, at any hour, all footage there is."""

    recipient: str = Field(
        max_length=254,
        examples=["rita@example.org", "+34600123456"],
        description="the whole e-mail address, or the number with its country",
    )
    remark: Name = ""
    message: str = Field(default="", max_length=280)
    items: list[ItemIn] = Field(min_length=1, max_length=64)
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    hours: Hours | None = None
    footage: FootageIn | None = Field(default=None, description="of every item with playback that has none of its own")


class ItemOut(Out):
    """One camera of a share. `footage` is null where playback reaches as far as there is any, or is not given."""

    camera: str
    name: str
    permissions: list[str]
    footage: dict[str, str] | None


class PanelItemOut(Out):
    """One security panel of a share."""

    device: str
    name: str
    permissions: list[str]


class GivenOut(Out):
    """A share the caller gave. `recipient.name` is null until accepted."""

    id: str
    state: str
    direction: Literal["given"] = "given"
    recipient: PersonOut | PersonByPhoneOut
    remark: str
    message: str
    items: list[ItemOut | PanelItemOut]
    offered_at: datetime
    decided_at: datetime | None
    ended_at: datetime | None
    starts_at: datetime | None
    ends_at: datetime | None
    hours: dict[str, Any] | None
    version: int

    @classmethod
    def of(cls, row: GivenShare) -> "GivenOut":
        """From what selectors return."""
        return cls(
            id=row.id,
            state=row.state,
            recipient=person_at(row.recipient_id, row.recipient_name, row.recipient_address),
            remark=row.remark,
            message=row.message,
            items=[_item(item) for item in row.items],
            offered_at=row.offered_at,
            decided_at=row.decided_at,
            ended_at=row.ended_at,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            hours=row.hours,
            version=row.version,
        )


class ChangedOut(GivenOut):
    """The share as it is now, and the receipt of the change; widening cuts nothing."""

    change_id: str
    cut: list[CutOut]


class ItemPatch(ItemIn):
    """What a camera or device of the share gets from now on, instead. Without permissions it leaves the share."""

    permissions: list[str] = Field(max_length=11)


class SharePatch(In):
    """What is to change of a share. What is left out stays; null takes a bound away.

    add       what comes to it, as in an offer; alone, or not at all
    items     what some of its cameras get from now on
    footage   of every item with playback that has none said of its own
    version   of the share as it was read: 409 if it was changed since
    """

    add: list[ItemIn] = Field(default=[], max_length=64)
    items: list[ItemPatch] = Field(default=[], max_length=64)
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    hours: Hours | None = None
    footage: FootageIn | None = None
    version: int | None = Field(default=None, ge=1, le=2**31 - 2)


class ReceivedOut(Out):
    """A share meant for the caller: name, sharer, rights."""

    id: str
    state: str
    direction: Literal["received"] = "received"
    sharer: PersonOut
    message: str
    items: list[ItemOut | PanelItemOut]
    offered_at: datetime
    decided_at: datetime | None
    ended_at: datetime | None
    starts_at: datetime | None
    ends_at: datetime | None
    hours: dict[str, Any] | None

    @classmethod
    def of(cls, row: ReceivedShare) -> Self:
        """From what selectors return."""
        return cls(
            id=row.id,
            state=row.state,
            sharer=PersonOut.of(row.sharer),
            message=row.message,
            items=[_item(item) for item in row.items],
            offered_at=row.offered_at,
            decided_at=row.decided_at,
            ended_at=row.ended_at,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            hours=row.hours,
        )


class SharesOut(Out):
    """A page of shares."""

    items: list[GivenOut | ReceivedOut]
    next: str | None = None


def _item(item: ItemView) -> ItemOut | PanelItemOut:
    names = item.permissions.wire_names
    if item.kind == "panel":
        return PanelItemOut(device=item.resource, name=item.name, permissions=names)
    return ItemOut(camera=item.resource, name=item.name, permissions=names, footage=item.footage.wire)


@router.get("/shares", response={200: SharesOut, 400: ProblemOut, 401: ProblemOut})
def shares(
    request: HttpRequest,
    direction: Literal["given", "received"] = "given",
    state: Literal["open", "all"] = "open",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> SharesOut:
    """Shares the caller gave, or was given."""
    actor = actor_of(request)
    states = ["pending", "accepted"] if state == "open" else list(OfferState)
    found: list[GivenOut | ReceivedOut] = (
        [GivenOut.of(row) for row in list_given(actor, states=states)]
        if direction == "given"
        else [ReceivedOut.of(row) for row in list_received(actor, states=states)]
    )
    rows, following = paginate(
        found,
        actor=actor,
        listing=f"shares:{direction}:{state}",
        key=lambda row: row.id,
        limit=max(1, min(limit, MAX_LIMIT)),
        cursor=cursor,
    )
    return SharesOut(items=rows, next=following)


@router.post(
    "/shares",
    response={
        201: GivenOut,
        401: ProblemOut,
        403: ProblemOut,
        404: ProblemOut,
        409: ProblemOut,
        422: ProblemOut,
        429: ProblemOut,
    },
)
def offer_share(request: HttpRequest, body: ShareIn) -> Status[GivenOut]:
    """Offer cameras to whoever holds an address. Nothing opens before they accept."""
    actor = actor_of(request)
    share = services.offer_share(
        actor,
        recipient=body.recipient,
        items=_expand(actor, body.items, body.footage),
        remark=body.remark,
        message=body.message,
        starts_at=body.starts_at,
        ends_at=body.ends_at,
        hours=body.hours.model_dump(mode="json") if body.hours else None,
    )
    return Status(201, GivenOut.of(get_given(actor, share)))


def _expand(
    actor: Principal, items: Sequence[ItemIn | ItemPatch], shared: FootageIn | None = None
) -> list[services.Item]:
    """Items as services take them. `shared` is how far back those with playback reach that say nothing themselves."""
    found = []
    for item in items:
        try:
            permissions = parse_names(item.permissions)
        except ValueError as error:
            raise Invalid(str(error), field="permissions") from None
        if (item.camera is None) == (item.device is None):
            raise Invalid("Each item names a camera or a device.", field="items")
        is_said = "footage" in item.model_fields_set and (item.footage or not shared)
        from_share = shared if Permission.PLAYBACK in permissions else None
        footage = _footage(item.footage) if is_said else _footage(from_share) if from_share else None
        if item.camera:
            found.append(services.Item(item.camera, permissions, footage=footage))
            continue
        if any(row.id == item.device for row in list_panels(actor)):
            found.append(services.Item(item.device or "", permissions, "panel", footage))
            continue
        cameras = [row.id for row in list_cameras(actor) if row.device == item.device]
        if not cameras:
            raise NotFound
        found += [services.Item(camera, permissions, footage=footage) for camera in cameras]
    if shared and not any(Permission.PLAYBACK in item.permissions for item in found):
        raise Invalid(_("How far back somebody may look means nothing without playback."), field="footage")
    return found


def _footage(said: FootageIn | None) -> Footage:
    return parse_footage(said.model_dump(exclude_none=True) if said else None)


@router.get("/shares/{share_id}", response={200: GivenOut | ReceivedOut, 401: ProblemOut, 404: ProblemOut})
def share(request: HttpRequest, share_id: str) -> GivenOut | ReceivedOut:
    """One share, from the caller's side."""
    actor = actor_of(request)
    try:
        return GivenOut.of(get_given(actor, share_id))
    except NotFound:
        return ReceivedOut.of(get_received(actor, share_id))


@router.patch(
    "/shares/{share_id}",
    response={
        200: ChangedOut,
        401: ProblemOut,
        403: ProblemOut,
        404: ProblemOut,
        409: ProblemOut,
        422: ProblemOut,
    },
)
def change_share(request: HttpRequest, share_id: str, body: SharePatch) -> ChangedOut:
    """Change a share the caller gave, or add cameras to it.

    Less acts at once, on running pictures too: the receipt says on which. More is in force at once, if the share was
    accepted, and the recipient is told.
    """
    actor = actor_of(request)
    if body.add:
        if body.model_fields_set != {"add"}:
            raise Invalid(_("Add to a share, or change what is in it: one after the other."), field="add")
        change_id = services.extend_shares(actor, additions={share_id: _expand(actor, body.add)})
    else:
        change_id = services.change_share(
            actor, share=share_id, terms=_terms(body), items=_expand(actor, body.items), version=body.version
        )
    receipt = ReceiptOut.of("changed", change_id, list_cuts(change_id))
    return ChangedOut(**GivenOut.of(get_given(actor, share_id)).model_dump(), change_id=change_id, cut=receipt.cut)


def _terms(body: SharePatch) -> TermsPatch:
    said = body.model_fields_set
    if not said & {"items", "starts_at", "ends_at", "hours", "footage"}:
        raise Invalid(_("Say what is to change."), field="body")
    terms: TermsPatch = {}
    if "starts_at" in said:
        terms["starts_at"] = body.starts_at
    if "ends_at" in said:
        terms["ends_at"] = body.ends_at
    if "hours" in said:
        terms["hours"] = body.hours.model_dump(mode="json") if body.hours else None
    if "footage" in said:
        terms["footage"] = _footage(body.footage)
    return terms


@router.delete("/shares/{share_id}", response={200: ReceiptOut, 401: ProblemOut, 404: ProblemOut, 409: ProblemOut})
def end_share(request: HttpRequest, share_id: str) -> ReceiptOut:
    """End a share, or withdraw an offer. The receipt says what was cut, and when."""
    change_id = services.end_share(actor_of(request), share=share_id)
    return ReceiptOut.of("revoked", change_id, list_cuts(change_id))


@router.get("/receipts/{change_id}", response={200: ReceiptOut, 401: ProblemOut, 404: ProblemOut})
def receipt(request: HttpRequest, change_id: str) -> ReceiptOut:
    """The receipt again, with what nodes have confirmed since. For who made the change, of a share or of a member."""
    actor = actor_of(request)
    if caused := find_caused(actor, change_id, _STATES):
        return ReceiptOut.of(_STATES[caused.action], change_id, list_cuts(change_id))
    given = find_given_by_change(actor, change_id)
    if given is None:
        raise NotFound
    return ReceiptOut.of(given.state, change_id, list_cuts(change_id))


@router.post(
    "/shares/{share_id}/accept", response={200: ReceivedOut, 401: ProblemOut, 404: ProblemOut, 409: ProblemOut}
)
def accept_share(request: HttpRequest, share_id: str) -> ReceivedOut:
    """Accept an offer. A second time is harmless."""
    actor = actor_of(request)
    services.accept_share(actor, share=share_id)
    return ReceivedOut.of(get_received(actor, share_id))


@router.post(
    "/shares/{share_id}/reject", response={200: ReceivedOut, 401: ProblemOut, 404: ProblemOut, 409: ProblemOut}
)
def reject_share(request: HttpRequest, share_id: str) -> ReceivedOut:
    """Turn an offer down."""
    actor = actor_of(request)
    services.reject_share(actor, share=share_id)
    return ReceivedOut.of(get_received(actor, share_id))


@router.post("/shares/{share_id}/leave", response={200: ReceiptOut, 401: ProblemOut, 404: ProblemOut, 409: ProblemOut})
def leave_share(request: HttpRequest, share_id: str) -> ReceiptOut:
    """Give a received share back."""
    change_id = services.leave_share(actor_of(request), share=share_id)
    return ReceiptOut.of("left", change_id, list_cuts(change_id))


class PresetOut(Out):
    """What somebody of this kind mostly needs: to begin from. `weekly` in the zone of the camera."""

    id: str
    name: str
    permissions: list[str]
    footage: dict[str, str] | None
    weekly: dict[str, list[list[str]]] | None
    lasts: str | None = Field(description="how long after the offer it ends, as PT8H; null = it does not")


class PresetsOut(Out):
    """The presets there are."""

    items: list[PresetOut]


@router.get("/presets", response={200: PresetsOut, 401: ProblemOut})
def presets(request: HttpRequest) -> PresetsOut:
    """Sets of permissions and terms to begin from. In none of them is anybody listened to, or spoken to."""
    actor_of(request)
    return PresetsOut(
        items=[
            PresetOut(
                id=row.id,
                name=str(row.name),
                permissions=row.permissions.wire_names,
                footage=row.footage.wire if row.footage else None,
                weekly=row.weekly,
                lasts=f"PT{row.lasts_s // HOUR}H" if row.lasts_s else None,
            )
            for row in PRESETS
        ]
    )
