"""`/groups`: an organization's cameras under a name, to be shared together."""

from typing import Literal, Self

from django.http import HttpRequest
from ninja import Router, Status
from pydantic import Field

from belvedere.control.api.auth import actor_of
from belvedere.control.api.schemas import CutOut, Id, In, Name, Out, PersonOut, ReceiptOut, problems
from belvedere.control.core.principal import Principal
from belvedere.control.sharing import services
from belvedere.control.sharing.selectors import Follower, GroupView, get_group, list_followers, list_groups
from belvedere.control.streaming.selectors import list_cuts

router = Router(tags=["sharing"])


class GroupCameraOut(Out):
    """One camera of a group."""

    id: str
    name: str


class FollowerOut(Out):
    """A share that follows the group. `missing`: cameras of the group that are not in it."""

    share: str
    mine: bool
    sharer: PersonOut
    recipient: str
    state: str
    permissions: list[str]
    footage: dict[str, str] | None
    missing: list[str]

    @classmethod
    def of(cls, row: Follower) -> Self:
        """From what selectors return."""
        return cls(
            share=row.share,
            mine=row.is_mine,
            sharer=PersonOut.of(row.sharer),
            recipient=row.recipient,
            state=row.state,
            permissions=row.permissions.wire_names,
            footage=row.footage.wire,
            missing=row.missing,
        )


class GroupOut(Out):
    """A group, with the cameras of it that the caller may share."""

    id: str
    organization: str
    name: str
    cameras: list[GroupCameraOut]
    has_others: bool = Field(description="it has cameras besides, that the caller may not share")
    followers: int = Field(description="how many shares get what is added")

    @classmethod
    def of(cls, row: GroupView) -> Self:
        """From what selectors return."""
        return cls(
            id=row.id,
            organization=row.organization,
            name=row.name,
            cameras=[GroupCameraOut(id=view.id, name=view.name) for view in row.cameras],
            has_others=row.has_others,
            followers=row.followers,
        )


class GroupsOut(Out):
    """The groups of an organization."""

    items: list[GroupOut]


class WholeGroupOut(GroupOut):
    """A group, and the shares that follow it."""

    followed_by: list[FollowerOut]

    @classmethod
    def read(cls, actor: Principal, group: str) -> Self:
        """As it is now."""
        base = GroupOut.of(get_group(actor, group)).model_dump()
        return cls(**base, followed_by=[FollowerOut.of(row) for row in list_followers(actor, group)])


class ChangedGroupOut(WholeGroupOut):
    """The group as it is now, and the receipt of the change."""

    change_id: str
    cut: list[CutOut]


class GroupIn(In):
    """A group to be made, of cameras of one organization."""

    organization: Id
    name: Name
    cameras: list[Id] = Field(default=[], max_length=services.MAX_CAMERAS)


class GroupPatch(In):
    """What is to change. What comes and what leaves is named, so that of two changes at once both are made."""

    name: Name | None = None
    add: list[Id] = Field(default=[], max_length=services.MAX_CAMERAS)
    remove: list[Id] = Field(default=[], max_length=services.MAX_CAMERAS)


@router.get("/groups", response={200: GroupsOut, **problems(401, 404)})
def groups(request: HttpRequest, organization: str) -> GroupsOut:
    """The groups of an organization in which the caller shares something."""
    return GroupsOut(items=[GroupOut.of(row) for row in list_groups(actor_of(request), organization)])


@router.post("/groups", response={201: WholeGroupOut, **problems(401, 403, 404, 409, 422)})
def make_group(request: HttpRequest, body: GroupIn) -> Status[WholeGroupOut]:
    """Put cameras together under a name. It gives nobody anything."""
    actor = actor_of(request)
    made = services.make_group(actor, organization=body.organization, name=body.name, cameras=body.cameras)
    return Status(201, WholeGroupOut.read(actor, made))


@router.get("/groups/{group_id}", response={200: WholeGroupOut, **problems(401, 404)})
def group(request: HttpRequest, group_id: str) -> WholeGroupOut:
    """One group, and who gets what is added to it."""
    return WholeGroupOut.read(actor_of(request), group_id)


@router.patch("/groups/{group_id}", response={200: ChangedGroupOut, **problems(401, 403, 404, 409, 422)})
def change_group(request: HttpRequest, group_id: str, body: GroupPatch) -> ChangedGroupOut:
    """Rename a group, put cameras in, take cameras out.

    Shares that follow it get what comes, as far as their sharer may give it, and their recipients are told. What leaves
    the group leaves these shares at once, on running pictures too: the receipt says on which.
    """
    actor = actor_of(request)
    change_id = services.change_group(actor, group=group_id, name=body.name, add=body.add, remove=body.remove)
    receipt = ReceiptOut.of("changed", change_id, list_cuts(change_id))
    whole = WholeGroupOut.read(actor, group_id).model_dump()
    return ChangedGroupOut(**whole, change_id=change_id, cut=receipt.cut)


@router.delete("/groups/{group_id}", response={200: ReceiptOut, **problems(401, 403, 404)})
def remove_group(request: HttpRequest, group_id: str, shares: Literal["keep", "end"] = "keep") -> ReceiptOut:
    """Give a group up. No share follows it any more; what came to shares by it stays in them, or ends with it."""
    actor = actor_of(request)
    change_id = services.remove_group(actor, group=group_id, ends_items=shares == "end")
    return ReceiptOut.of("removed", change_id, list_cuts(change_id))


@router.delete("/groups/{group_id}/shares/{share_id}", response={200: WholeGroupOut, **problems(401, 404)})
def unfollow_group(request: HttpRequest, group_id: str, share_id: str) -> WholeGroupOut:
    """A share of the caller's no longer gets what is added to the group. What it gives stays."""
    services.unfollow_group(actor_of(request), group=group_id, share=share_id)
    return WholeGroupOut.read(actor_of(request), group_id)
