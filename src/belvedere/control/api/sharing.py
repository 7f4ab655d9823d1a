"""`/shares`."""

from collections.abc import Sequence
from typing import Final, Literal

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router, Status

from belvedere.contracts.permissions import Permission, parse_names
from belvedere.control.api.auth import actor_of
from belvedere.control.api.pages import DEFAULT_LIMIT, MAX_LIMIT, seal, unseal
from belvedere.control.api.schemas import (
    ReceiptOut,
    problems,
)
from belvedere.control.api.share_shapes import (
    ChangedOut,
    FootageIn,
    GivenOut,
    ItemIn,
    ItemPatch,
    ReceivedOut,
    ShareIn,
    SharePatch,
    SharesOut,
)
from belvedere.control.audit.selectors import find_caused
from belvedere.control.core.errors import Invalid, NotFound
from belvedere.control.core.offers import OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.devices.panels import list_panels
from belvedere.control.devices.selectors import list_cameras
from belvedere.control.sharing import services
from belvedere.control.sharing.selectors import (
    find_given_by_change,
    get_given,
    get_group,
    get_received,
    list_given,
    list_received,
)
from belvedere.control.sharing.terms import Footage, TermsPatch, parse_footage
from belvedere.control.streaming.selectors import list_cuts

router = Router(tags=["sharing"])

#: what the audit calls a change → what its receipt says became of its object
_STATES: Final = {
    "member.changed": "changed",
    "member.removed": "removed",
    "member.left": "left",
    "site.closed": "closed",
    "share.changed": "changed",
    "share.paused": "paused",
    "share.resumed": "resumed",
    "recipient.removed": "removed",
    "group.changed": "changed",
    "group.removed": "removed",
    "guest_link.changed": "changed",
    "guest_link.revoked": "revoked",
}


@router.get("/shares", response={200: SharesOut, **problems(400, 401)})
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
    listing, limit = f"shares:{direction}:{state}", max(1, min(limit, MAX_LIMIT))
    before = unseal(cursor, actor=actor, listing=listing) if cursor else ""
    found: list[GivenOut | ReceivedOut] = (
        [GivenOut.of(row) for row in list_given(actor, states=states, before=before, limit=limit + 1)]
        if direction == "given"
        else [ReceivedOut.of(row) for row in list_received(actor, states=states, before=before, limit=limit + 1)]
    )
    page = found[:limit]
    following = seal(page[-1].id, actor=actor, listing=listing) if len(found) > limit else None
    return SharesOut(items=page, next=following)


@router.post("/shares", response={201: GivenOut, **problems(401, 403, 404, 409, 422, 429)})
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
        is_once=body.once,
    )
    return Status(201, GivenOut.of(get_given(actor, share)))


def _expand(
    actor: Principal, items: Sequence[ItemIn | ItemPatch], shared: FootageIn | None = None
) -> list[services.Item]:
    """Items as services take them. `shared` is how far back those with playback reach that say nothing themselves."""
    found = []
    by_hand = {item.camera for item in items}
    for item in items:
        try:
            permissions = parse_names(item.permissions)
        except ValueError as error:
            raise Invalid(str(error), field="permissions") from None
        may_follow = item.group is not None and not isinstance(item, ItemPatch)
        if [item.camera, item.device, item.group].count(None) != 2 or (item.follow and not may_follow):
            raise Invalid("Each item names a camera, a device or a group; a group can be followed.", field="items")
        is_said = "footage" in item.model_fields_set and (item.footage or not shared)
        from_share = shared if Permission.PLAYBACK in permissions else None
        footage = _footage(item.footage) if is_said else _footage(from_share) if from_share else None
        if item.camera:
            found.append(services.Item(item.camera, permissions, footage=footage))
            continue
        if any(row.id == item.device for row in list_panels(actor)):
            found.append(services.Item(item.device or "", permissions, "panel", footage))
            continue
        cameras = _cameras_of(actor, item, by_hand)
        group = item.group if item.group and item.follow else ""
        found += [services.Item(camera, permissions, footage=footage, group=group) for camera in cameras]
    if shared and not any(Permission.PLAYBACK in item.permissions for item in found):
        raise Invalid(_("How far back somebody may look means nothing without playback."), field="footage")
    return found


def _cameras_of(actor: Principal, item: ItemIn | ItemPatch, by_hand: set[str | None]) -> list[str]:
    """What a device or a group has now. Of a group, what stands in no item of its own."""
    if item.group:
        cameras = [row.id for row in get_group(actor, item.group).cameras if row.id not in by_hand]
        if not cameras:
            raise Invalid(_("There is no camera in that group now."), field="items")
        return cameras
    cameras = [row.id for row in list_cameras(actor) if row.device == item.device]
    if not cameras:
        raise NotFound
    return cameras


def _footage(said: FootageIn | None) -> Footage:
    return parse_footage(said.model_dump(exclude_none=True) if said else None)


@router.get("/shares/{share_id}", response={200: GivenOut | ReceivedOut, **problems(401, 404)})
def share(request: HttpRequest, share_id: str) -> GivenOut | ReceivedOut:
    """One share, from the caller's side."""
    actor = actor_of(request)
    try:
        return GivenOut.of(get_given(actor, share_id))
    except NotFound:
        return ReceivedOut.of(get_received(actor, share_id))


@router.patch("/shares/{share_id}", response={200: ChangedOut, **problems(401, 403, 404, 409, 422)})
def change_share(request: HttpRequest, share_id: str, body: SharePatch) -> ChangedOut:
    """Change a share the caller gave, or add cameras to it.

    Less acts at once, on running pictures too: the receipt says on which. More is in force at once, if the share was
    accepted, and the recipient is told. A share that is paused is there, and opens nothing.
    """
    actor, said = actor_of(request), body.model_fields_set
    alone = said & {"add", "paused", "lapse_unused_days"}
    if alone and len(said) > 1:
        raise Invalid(_("Add to a share, pause it, or change what is in it: one after the other."), field=min(alone))
    change_id = ""
    if "paused" in said:
        change_id = (services.pause_share if body.paused else services.resume_share)(actor, share=share_id)
    elif "lapse_unused_days" in said:
        services.set_lapse(actor, share=share_id, days=body.lapse_unused_days)
    elif body.add:
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


@router.delete("/shares/{share_id}", response={200: ReceiptOut, **problems(401, 404, 409)})
def end_share(request: HttpRequest, share_id: str) -> ReceiptOut:
    """End a share, or withdraw an offer. The receipt says what was cut, and when."""
    change_id = services.end_share(actor_of(request), share=share_id)
    return ReceiptOut.of("revoked", change_id, list_cuts(change_id))


@router.get("/receipts/{change_id}", response={200: ReceiptOut, **problems(401, 404)})
def receipt(request: HttpRequest, change_id: str) -> ReceiptOut:
    """The receipt again, with what nodes have confirmed since. For who made the change, of a share or of a member."""
    actor = actor_of(request)
    if caused := find_caused(actor, change_id, _STATES):
        return ReceiptOut.of(_STATES[caused.action], change_id, list_cuts(change_id))
    given = find_given_by_change(actor, change_id)
    if given is None:
        raise NotFound
    return ReceiptOut.of(given.state, change_id, list_cuts(change_id))


@router.post("/shares/{share_id}/remind", response={200: GivenOut, **problems(401, 404, 409)})
def remind_recipient(request: HttpRequest, share_id: str) -> GivenOut:
    """Send the message of an offer that waits once more. 409: it was sent again already, or waits no more."""
    actor = actor_of(request)
    services.remind_recipient(actor, share=share_id)
    return GivenOut.of(get_given(actor, share_id))


@router.post("/shares/{share_id}/accept", response={200: ReceivedOut, **problems(401, 404, 409)})
def accept_share(request: HttpRequest, share_id: str) -> ReceivedOut:
    """Accept an offer. A second time is harmless."""
    actor = actor_of(request)
    services.accept_share(actor, share=share_id)
    return ReceivedOut.of(get_received(actor, share_id))


@router.post("/shares/{share_id}/reject", response={200: ReceivedOut, **problems(401, 404, 409)})
def reject_share(request: HttpRequest, share_id: str) -> ReceivedOut:
    """Turn an offer down."""
    actor = actor_of(request)
    services.reject_share(actor, share=share_id)
    return ReceivedOut.of(get_received(actor, share_id))


@router.post("/shares/{share_id}/leave", response={200: ReceiptOut, **problems(401, 404, 409)})
def leave_share(request: HttpRequest, share_id: str) -> ReceiptOut:
    """Give a received share back."""
    change_id = services.leave_share(actor_of(request), share=share_id)
    return ReceiptOut.of("left", change_id, list_cuts(change_id))
