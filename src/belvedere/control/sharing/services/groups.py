"""Groups of cameras: an organization's cameras under a name, to be shared together.

A group is nobody's alone: whoever may share a camera puts it into a group and takes it out. What concerns the whole
group, its name and its end, asks for `share` on every camera in it.

Rule 9 says that what is new is offered to be shared, and never shared by itself. Who ticked *follow* has decided that
in advance, and his recipient read it in the offer: only into those shares comes what comes to the group. What leaves
the group leaves them at once. A group that is given up takes nothing away by itself: what came by it stays, like what
was chosen by hand, unless the actor wants it to end; whoever tidies up names blinds nobody.
"""

from collections.abc import Collection
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import unguarded
from belvedere.control.access.selectors import GrantsOfPrincipal
from belvedere.control.access.services import end_grants
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Forbidden, Invalid, NotFound
from belvedere.control.core.ids import is_id, new_id
from belvedere.control.core.names import clean_name
from belvedere.control.core.offers import OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.devices.selectors import list_paths
from belvedere.control.organizations.selectors import find_membership
from belvedere.control.organizations.services import hold_organization
from belvedere.control.outbox.services import enqueue
from belvedere.control.sharing.following import (
    grow_followers,
    hold_followers,
    hold_group,
    leave_followers,
)
from belvedere.control.sharing.items import MAX_ITEMS, Item
from belvedere.control.sharing.models import (
    GROUP_DELETED,
    LEFT_GROUP,
    CameraGroup,
    GroupCamera,
    Share,
    ShareGroup,
    ShareItem,
)
from belvedere.control.sharing.projection import get_own_share, terms_written
from belvedere.control.sharing.selectors.groups import GroupView, get_group

MAX_GROUPS: Final = 100
#: as many as one share holds: what cannot be shared together is no group
MAX_CAMERAS: Final = MAX_ITEMS


@unguarded("checks `share` on every camera of the group itself: all of them or none")
@transaction.atomic
def make_group(actor: Principal, *, organization: str, name: str, cameras: Collection[str] = ()) -> str:
    """Put cameras of an organization together under a name; the group's id.

    Raises NotFound (the organization; a camera that is not there, or another organization's), Forbidden, Invalid,
    Conflict (of this name there is one, or there are too many).
    """
    if not is_id(organization) or find_membership(actor.id, organization, needs=Permission.SHARE) is None:
        raise NotFound
    _check_cameras(actor, organization, cameras)
    hold_organization(organization)
    if CameraGroup.objects.filter(organization=organization).count() >= MAX_GROUPS:
        raise Conflict(_("An organization has at most %(count)d groups of cameras.") % {"count": MAX_GROUPS})
    row = CameraGroup(organization_id=organization, created_at=clock.now())
    row.name = _free_name(row, name)
    row.key = row.name.casefold()
    row.save(force_insert=True)
    _add(row.pk, cameras)
    write_entry(
        actor=actor,
        action="group.made",
        thing=f"group:{row.pk}",
        organization=organization,
        name=row.name,
        added=sorted(set(cameras)),
    )
    return row.pk


@unguarded("checks `share` on every camera that comes or leaves, and on all of the group for its name")
@transaction.atomic
def change_group(
    actor: Principal,
    *,
    group: str,
    name: str | None = None,
    add: Collection[str] = (),
    remove: Collection[str] = (),
) -> str:
    """Rename a group, put cameras in, take cameras out; the change id, for the receipt.

    What comes and leaves is named, not what the group is to be: of two who change it at once both have their way. A
    camera that is there already, or is not there, changes nothing. What comes is first, so that a share that follows
    the group outlives the exchange of its one camera.

    Raises NotFound, Forbidden, Invalid, Conflict.
    """
    view = get_group(actor, group)
    _check_cameras(actor, view.organization, {*add, *remove})
    if set(add) & set(remove):
        raise Invalid(_("A camera comes to the group or leaves it, not both."), field="remove")
    if name is not None:
        hold_organization(view.organization)
    hold_group(group)
    row = CameraGroup.objects.get(pk=group)
    before = row.name
    if name is not None and clean_name(name) != before:
        _check_whole(view)
        row.name = _free_name(row, name)
        row.key = row.name.casefold()
        CameraGroup.objects.filter(pk=group).update(name=row.name, key=row.key)
    change_id = new_id()
    followers = hold_followers(group) if add or remove else []
    added = _add(group, add)
    grown = grow_followers(followers, added) if added else {}
    gone = GroupCamera.objects.filter(group=group, camera__in=remove)
    removed = sorted(gone.values_list("camera_id", flat=True))
    gone.delete()
    left, stale = leave_followers(actor, followers, removed, reason=LEFT_GROUP, change_id=change_id)
    # The audit's chain is held last: who holds a share and waits for the chain must not be waited for here.
    for share, items in grown.items():
        _write_grown(actor, share, items, row.name, change_id)
    _write_over(actor, left, change_id)
    return end_grants(
        actor,
        organization=row.organization_id,
        reason=LEFT_GROUP,
        action="group.changed",
        thing=f"group:{group}",
        grants=stale,
        change_id=change_id,
        details={
            "name": row.name,
            "before": before,
            "added": added,
            "removed": removed,
            "grew": sorted(share.pk for share in grown),
            "left": {share.pk: cameras for share, cameras in left.items()},
        },
    )


@unguarded("checks `share` on every camera of the group")
@transaction.atomic
def remove_group(actor: Principal, *, group: str, ends_items: bool = False) -> str:
    """Give a group up: no share follows it any more. What came to shares by it stays, unless `ends_items`.

    The change id, for the receipt. Raises NotFound, Forbidden (cameras are in it that the actor may not share).
    """
    view = get_group(actor, group)
    _check_whole(view)
    hold_group(group)
    change_id = new_id()
    followers = hold_followers(group)
    left: dict[Share, list[str]] = {}
    stale: list[str] = []
    if ends_items:
        cameras = list(
            ShareItem.objects.filter(group=group, ended_at=None).values_list("camera_id", flat=True).distinct()
        )
        reason = GROUP_DELETED
        left, stale = leave_followers(actor, followers, cameras, reason=reason, change_id=change_id)
    CameraGroup.objects.filter(pk=group).delete()
    enqueue("lost.following", {"group": group})
    _write_over(actor, left, change_id)
    return end_grants(
        actor,
        organization=view.organization,
        reason=GROUP_DELETED,
        action="group.removed",
        thing=f"group:{group}",
        grants=stale,
        change_id=change_id,
        details={"name": view.name, "ended": {share.pk: cameras for share, cameras in left.items()}},
    )


@unguarded("the actor's own given share")
@transaction.atomic
def unfollow_group(actor: Principal, *, group: str, share: str) -> None:
    """What comes to the group no longer comes to this share of the actor's. What it gives stays, as if chosen by hand.

    A second time is harmless. Raises NotFound.
    """
    row = get_own_share(actor, share)
    if not is_id(group):
        raise NotFound
    follows = ShareGroup.objects.filter(share=share, group=group)
    hold_group(group)
    name = CameraGroup.objects.values_list("name", flat=True).get(pk=group)
    if not follows.delete()[0]:
        return
    ShareItem.objects.filter(share=share, group=group).update(group=None)
    enqueue("lost.following", {"share": share, "group": group})
    write_entry(
        actor=actor,
        action="group.unfollowed",
        thing=f"group:{group}",
        organization=row.organization_id,
        name=name,
        share=share,
    )


@unguarded("cameras are closed by unbinding, whose guard has decided")
@transaction.atomic
def drop_closed_cameras(payload: dict[str, Any]) -> None:
    """Cameras that are given up are in no group any more. Handler of `cameras.closed`, beside that of shares."""
    GroupCamera.objects.filter(camera__in=payload["cameras"]).delete()


def _add(group: str, cameras: Collection[str]) -> list[str]:
    """The group is held, or new. Those that were not in it. Raises Invalid if it would hold too many."""
    there = set(GroupCamera.objects.filter(group=group).values_list("camera_id", flat=True))
    added = sorted(set(cameras) - there)
    if len(there) + len(added) > MAX_CAMERAS:
        words = _("A group has at most %(count)d cameras: as many as one share.") % {"count": MAX_CAMERAS}
        raise Invalid(words, field="cameras")
    at = clock.now()
    GroupCamera.objects.bulk_create(GroupCamera(group_id=group, camera_id=pk, added_at=at) for pk in added)
    return added


def _check_cameras(actor: Principal, organization: str, cameras: Collection[str]) -> None:
    """Each is of this organization, and the actor may share it. Two queries, however many there are.

    One of another organization is not there, though the actor may share it elsewhere. Raises NotFound, Forbidden.
    """
    paths = list_paths(cameras)
    grants = GrantsOfPrincipal(actor.id)
    may_not = False
    for camera in cameras:
        path = paths.get(camera)
        decision = grants.decide(path) if path and path.organization == organization else None
        if decision is None or not decision.permissions:
            raise NotFound
        may_not = may_not or not decision.allows(Permission.SHARE)
    if may_not:
        raise Forbidden


def _check_whole(view: GroupView) -> None:
    if view.has_others:
        raise Forbidden(_("There are cameras in this group that you may not share. Change those that you may."))


def _free_name(row: CameraGroup, text: str) -> str:
    """Of two alike nobody knows which he shares; capitals alone make no difference. Raises Invalid, Conflict."""
    name = clean_name(text)
    same = CameraGroup.objects.filter(organization=row.organization_id, key=name.casefold()).exclude(pk=row.pk)
    if same.exists():
        raise Conflict(_("There is a group of this name already. Choose another."))
    return name


def _write_grown(actor: Principal, share: Share, items: list[Item], name: str, change_id: str) -> None:
    write_entry(
        actor=actor,
        action="share.extended",
        thing=f"share:{share.pk}",
        organization=share.organization_id,
        change_id=change_id,
        recipient=share.recipient.address,
        group=name,
        cameras={item.resource: item.permissions.wire_names for item in items},
        **terms_written(share.when, items),
    )


def _write_over(actor: Principal, left: dict[Share, list[str]], change_id: str) -> None:
    for share in left:
        if share.state == OfferState.REVOKED:
            write_entry(
                actor=actor,
                action="share.emptied",
                thing=f"share:{share.pk}",
                organization=share.organization_id,
                change_id=change_id,
            )
