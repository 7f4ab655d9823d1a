"""Groups of cameras, as those see them who share there: with the cameras they may share, and no others (N14)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F

from belvedere.contracts.permissions import Permission
from belvedere.control.accounts.selectors import Person
from belvedere.control.core import clock
from belvedere.control.core.errors import NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.offers import OPEN_STATES
from belvedere.control.core.principal import Principal
from belvedere.control.devices.selectors import CameraView, list_cameras
from belvedere.control.organizations.selectors import find_membership
from belvedere.control.sharing.models import (
    GROUP_DELETED,
    LEFT_GROUP,
    CameraGroup,
    GroupCamera,
    ShareGroup,
    ShareItem,
    in_states,
)
from belvedere.control.sharing.terms import Footage


@dataclass(frozen=True, slots=True, kw_only=True)
class Follower:
    """A share that follows a group. `missing`: cameras of the group that are not in it, because its sharer may not give
    them, took them out, or the share is full.
    """

    share: str
    is_mine: bool
    sharer: Person
    #: the name for who gave it, once it was accepted; for everybody else the address
    recipient: str
    state: str
    permissions: Permission
    footage: Footage
    missing: list[str]


@dataclass(frozen=True, slots=True)
class LeftItem:
    """A camera that left a share of the reader's with its group, while the rest of the share goes on or ended since."""

    camera_name: str
    sharer: Person
    ended_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupView:
    """A group. `has_others`: it has cameras besides, that the reader may not share."""

    id: str
    organization: str
    name: str
    cameras: list[CameraView]
    has_others: bool
    followers: int


def _view(
    row: CameraGroup, members: list[str], shareable: Mapping[str, CameraView], followers: int
) -> GroupView | None:
    """None for a group of which the reader may share nothing; an empty one is everybody's who shares there."""
    cameras = [view for pk, view in shareable.items() if pk in members]
    if members and not cameras:
        return None
    return GroupView(
        id=row.pk,
        organization=row.organization_id,
        name=row.name,
        cameras=cameras,
        has_others=len(cameras) < len(members),
        followers=followers,
    )


def _views(actor: Principal, rows: list[CameraGroup]) -> list[GroupView]:
    ids = [row.pk for row in rows]
    members: dict[str, list[str]] = defaultdict(list)
    # What was given up is in no group any more, from the first moment on.
    there = GroupCamera.objects.filter(group__in=ids, camera__closed_at=None)
    there = there.filter(camera__organization=F("group__organization"))
    for group, camera in there.values_list("group_id", "camera_id"):
        members[group].append(camera)
    everything = {camera for cameras in members.values() for camera in cameras}
    shareable = {view.id: view for view in list_cameras(actor, ids=everything) if view.may(Permission.SHARE)}
    followers: dict[str, int] = defaultdict(int)
    open_still = in_states(OPEN_STATES, clock.now(), of="share__")
    for group in ShareGroup.objects.filter(open_still, group__in=ids).values_list("group_id", flat=True):
        followers[group] += 1
    views = (_view(row, members[row.pk], shareable, followers[row.pk]) for row in rows)
    return [view for view in views if view]


def list_groups(actor: Principal, organization: str) -> list[GroupView]:
    """The groups of an organization, by name, for who shares something there. Raises NotFound for everybody else.

    A constant number of queries.
    """
    if not is_id(organization) or find_membership(actor.id, organization, needs=Permission.SHARE) is None:
        raise NotFound
    return _views(actor, list(CameraGroup.objects.filter(organization=organization).order_by("key", "pk")))


def get_group(actor: Principal, group: str) -> GroupView:
    """One group. Raises NotFound for who may share nothing of it."""
    row = CameraGroup.objects.filter(pk=group).first() if is_id(group) else None
    if row is None or find_membership(actor.id, row.organization_id, needs=Permission.SHARE) is None:
        raise NotFound
    found = _views(actor, [row])
    if not found:
        raise NotFound
    return found[0]


def find_left(actor: Principal, camera: str) -> LeftItem | None:
    """How the reader lost a camera that came to him by a group; None if that is not how he did."""
    if not is_id(camera):
        return None
    mine = ShareItem.objects.filter(camera=camera, share__accepted_by=actor.id)
    left = mine.filter(ended_reason__in=(LEFT_GROUP, GROUP_DELETED)).select_related("camera", "share__sharer")
    row = left.order_by("-ended_at").first()
    if row is None or row.ended_at is None:
        return None
    sharer = row.share.sharer
    return LeftItem(row.thing.name, Person(sharer.pk, sharer.name, sharer.email), row.ended_at)


def list_followers(actor: Principal, group: str) -> list[Follower]:
    """The shares that follow a group, one's own first: whoever adds a camera knows who will see it. Raises NotFound.

    A constant number of queries.
    """
    view = get_group(actor, group)
    rows = list(
        ShareGroup.objects.filter(in_states(OPEN_STATES, clock.now(), of="share__"), group=group)
        .select_related("share__recipient__account", "share__sharer")
        .order_by("share__recipient__email", "share__recipient__phone", "share_id")
    )
    held: dict[str, set[str]] = defaultdict(set)
    items = ShareItem.objects.filter(share__in=[row.share_id for row in rows], ended_at=None)
    for share, camera in items.values_list("share_id", "camera_id"):
        held[share].add(camera)
    found = [_follower(actor, row, view.cameras, held[row.share_id]) for row in rows]
    return sorted(found, key=lambda row: not row.is_mine)


def _follower(actor: Principal, row: ShareGroup, cameras: Iterable[CameraView], held: set[str]) -> Follower:
    share, known = row.share, row.share.recipient.account
    is_mine = share.sharer_id == actor.id
    return Follower(
        share=share.pk,
        is_mine=is_mine,
        sharer=Person(share.sharer.pk, share.sharer.name, share.sharer.email),
        recipient=known.name if known and is_mine else share.recipient.address,
        state=share.state,
        permissions=Permission(row.permissions),
        footage=row.footage,
        missing=[view.name for view in cameras if view.id not in held],
    )
