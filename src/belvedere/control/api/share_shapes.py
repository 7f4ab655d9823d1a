"""What shares look like on the wire: as they are asked for, as who gave one reads it, and as who got one does."""

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import AwareDatetime, Field

from belvedere.control.api.schemas import (
    CutOut,
    Hours,
    Id,
    In,
    Name,
    Out,
    PersonByPhoneOut,
    PersonOut,
    person_at,
)
from belvedere.control.sharing.selectors import (
    FollowView,
    GivenShare,
    ItemView,
    ReceivedShare,
)


class FootageIn(In):
    """How far back playback reaches: the last so many days or hours, or from acceptance on."""

    last: str | None = Field(default=None, max_length=12, examples=["P7D", "PT24H"])
    since: Literal["grant"] | None = None


class ItemIn(In):
    """A camera; a device: all cameras it has now, a security panel is itself; or a group: the cameras it has now.

    `follow`: cameras that are added to the group later come to the share by themselves, and those that leave it leave.
    A camera of the group that stands in an item of its own gets what that says, and stays.
    """

    camera: Id | None = None
    device: Id | None = None
    group: Id | None = None
    follow: bool = False
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
    once: bool = Field(default=False, description="of one panel: for one command, or 24 hours from acceptance on")


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


class FollowOut(Out):
    """A group whose later cameras come to the share by themselves, and what they give at most."""

    group: str
    name: str
    permissions: list[str]
    footage: dict[str, str] | None

    @classmethod
    def of(cls, row: FollowView) -> Self:
        """From what selectors return."""
        return cls(group=row.group, name=row.name, permissions=row.permissions.wire_names, footage=row.footage.wire)


class GivenOut(Out):
    """A share the caller gave. `recipient.name` is null until accepted."""

    id: str
    state: str
    direction: Literal["given"] = "given"
    recipient: PersonOut | PersonByPhoneOut
    remark: str
    message: str
    items: list[ItemOut | PanelItemOut]
    follows: list[FollowOut]
    offered_at: datetime
    decided_at: datetime | None
    ended_at: datetime | None
    starts_at: datetime | None
    ends_at: datetime | None
    hours: dict[str, Any] | None
    ended_reason: str
    paused_at: datetime | None = Field(description="since when it rests; its end comes all the same")
    once: bool
    answer_by: datetime | None = Field(description="until when an offer can be answered")
    reminded_at: datetime | None
    last_used_at: datetime | None
    unused: bool = Field(description="not used for 90 days, or never since it was accepted 30 days ago")
    lapse_unused_days: int | None = Field(description="after so many days without use it ends by itself")
    lapses_at: datetime | None
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
            follows=[FollowOut.of(follow) for follow in row.follows],
            offered_at=row.offered_at,
            decided_at=row.decided_at,
            ended_at=row.ended_at,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            hours=row.hours,
            ended_reason=row.ended_reason,
            paused_at=row.paused_at,
            once=row.is_once,
            answer_by=row.answer_by,
            reminded_at=row.reminded_at,
            last_used_at=row.last_used_at,
            unused=row.is_unused,
            lapse_unused_days=row.lapse_unused_days,
            lapses_at=row.lapses_at,
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
    paused    whether it rests; alone, or not at all
    lapse_unused_days   30 or 90: without use for so long it ends by itself; null = it does not; alone, or not at all
    """

    add: list[ItemIn] = Field(default=[], max_length=64)
    items: list[ItemPatch] = Field(default=[], max_length=64)
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    hours: Hours | None = None
    footage: FootageIn | None = None
    version: int | None = Field(default=None, ge=1, le=2**31 - 2)
    paused: bool = False
    lapse_unused_days: Literal[30, 90] | None = None


class ReceivedOut(Out):
    """A share meant for the caller: name, sharer, rights."""

    id: str
    state: str
    direction: Literal["received"] = "received"
    sharer: PersonOut
    message: str
    items: list[ItemOut | PanelItemOut]
    follows: list[str] = Field(description="names of groups: cameras added to them later come by themselves")
    offered_at: datetime
    decided_at: datetime | None
    ended_at: datetime | None
    starts_at: datetime | None
    ends_at: datetime | None
    hours: dict[str, Any] | None
    ended_reason: str
    paused_at: datetime | None
    once: bool
    answer_by: datetime | None
    muted: bool

    @classmethod
    def of(cls, row: ReceivedShare) -> Self:
        """From what selectors return."""
        return cls(
            id=row.id,
            state=row.state,
            sharer=PersonOut.of(row.sharer),
            message=row.message,
            items=[_item(item) for item in row.items],
            follows=[follow.name for follow in row.follows],
            offered_at=row.offered_at,
            decided_at=row.decided_at,
            ended_at=row.ended_at,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            hours=row.hours,
            ended_reason=row.ended_reason,
            paused_at=row.paused_at,
            once=row.is_once,
            answer_by=row.answer_by,
            muted=row.is_muted,
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
