"""Shares that follow a group: what comes to it comes to them, and what leaves it leaves them.

For services of shares and groups alone, whose guard has decided. Whoever changes a group and whoever begins to follow
it hold the group first, then memberships, then shares, each in one order for all: so that what one does the other sees.
"""

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from functools import reduce
from operator import and_
from typing import Final

from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission, normalize
from belvedere.control.access.selectors import GrantsOfPrincipal, ResourcePath, list_projected
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Invalid, NotFound
from belvedere.control.core.offers import OPEN_STATES, OfferState, move
from belvedere.control.core.principal import Principal
from belvedere.control.devices.selectors import list_paths
from belvedere.control.organizations.services import touch_membership
from belvedere.control.outbox.services import enqueue
from belvedere.control.sharing.items import MAX_ITEMS, Item, list_givable
from belvedere.control.sharing.models import CameraGroup, GroupCamera, Share, ShareGroup, ShareItem, in_states
from belvedere.control.sharing.projection import put_in
from belvedere.control.sharing.terms import EVERYTHING, Footage, least

#: one change of a group is written with all that it does to shares: as many as one person can wait for
MAX_FOLLOWERS: Final = 500


def hold_group(group: str) -> None:
    """Hold a group for the rest of the transaction. Raises NotFound if it is gone."""
    if not CameraGroup.objects.filter(pk=group).update(created_at=F("created_at")):
        raise NotFound


# ── Beginning to follow ──────────────────────────────────────────────────────────────────────────────────────────────


def hold_groups(items: Iterable[Item]) -> None:
    """Hold the groups that items come by; called before a membership is. Who may share these cameras may share them by
    a group they are in.

    Raises NotFound (a group that is gone), Conflict (a camera has left it meanwhile; too many shares follow it).
    """
    by_group: dict[str, set[str]] = {}
    for item in items:
        if item.group:
            by_group.setdefault(item.group, set()).add(item.resource)
    for group, cameras in sorted(by_group.items()):
        hold_group(group)
        if GroupCamera.objects.filter(group=group, camera__in=cameras).count() != len(cameras):
            raise Conflict(_("That group was changed just now. Look at its cameras again."))
        if _open_followers(group).count() >= MAX_FOLLOWERS:
            words = _("%(count)d shares follow that group: no more can. Share its cameras as they are now.")
            raise Conflict(words % {"count": MAX_FOLLOWERS})


def follow_groups(share: Share, items: Sequence[Item]) -> None:
    """From now on the share follows every group that one of its items came by; what comes later gets what all of these
    have, and shows as far back as the least of them. Raises Invalid where that is nothing.
    """
    for group in sorted({item.group for item in items if item.group}):
        permissions, footage = _common((item.permissions, item.reach) for item in items if item.group == group)
        if not permissions:
            words = _("What you give of these cameras has nothing in common: later ones would come with nothing.")
            raise Invalid(words, field="permissions")
        ShareGroup.objects.update_or_create(share=share, group_id=group, defaults=_columns(permissions, footage))


def _common(given: Iterable[tuple[Permission, Footage]]) -> tuple[Permission, Footage]:
    rows = list(given)
    permissions = normalize(reduce(and_, (bits for bits, _footage in rows)))
    if Permission.PLAYBACK not in permissions:
        return permissions, EVERYTHING
    return permissions, least(footage for _bits, footage in rows)


def _columns(permissions: Permission, footage: Footage) -> dict[str, object]:
    return {
        "permissions": int(permissions),
        "footage_last_s": footage.last_s,
        "is_since_grant": footage.is_since_grant,
    }


# ── Following ────────────────────────────────────────────────────────────────────────────────────────────────────────


def hold_followers(group: str) -> list[ShareGroup]:
    """The open shares that follow a group, held: nobody accepts, changes or ends one until this is done."""
    rows = list(_open_followers(group).values_list("pk", "share_id", "share__membership_id").order_by("share_id"))
    for membership in sorted({membership for _pk, _share, membership in rows}):
        # One that has ended takes its shares with it, or leaves them to somebody else: below they are read anew.
        with suppress(Conflict):
            touch_membership(membership)
    held = [
        pk
        for pk, share, _membership in rows
        if Share.objects.filter(in_states(OPEN_STATES, clock.now()), pk=share).update(version=F("version") + 1)
    ]
    found = ShareGroup.objects.filter(pk__in=held).select_related("share__recipient", "group")
    return list(found.order_by("share_id"))


def _open_followers(group: str) -> QuerySet[ShareGroup]:
    return ShareGroup.objects.filter(in_states(OPEN_STATES, clock.now(), of="share__"), group=group)


def grow_followers(followers: Iterable[ShareGroup], cameras: Collection[str]) -> dict[Share, list[Item]]:
    """Put cameras that came to a group into the shares that follow it; what came to which.

    Not where the sharer may not give all of it himself (rule 5), where the recipient has it from him already, or where
    a share is full.
    """
    paths = list_paths(cameras)
    grants: dict[str, GrantsOfPrincipal] = {}
    grown: dict[Share, list[Item]] = {}
    for follow in followers:
        sharer = follow.share.sharer_id
        if sharer not in grants:
            grants[sharer] = GrantsOfPrincipal(sharer)
        if items := _addable(follow, paths, grants[sharer]):
            put_in(follow.share, items, at=clock.now())
            grown[follow.share] = items
            if follow.share.state == OfferState.ACCEPTED:
                added = [item.resource for item in items]
                told = {"share": follow.share.pk, "added": added, "at": clock.now().isoformat()}
                enqueue("mail.share_extended", told)
    return grown


def _addable(follow: ShareGroup, paths: dict[str, ResourcePath], held: GrantsOfPrincipal) -> list[Item]:
    share = follow.share
    open_still = in_states(OPEN_STATES, clock.now(), of="share__")
    theirs = ShareItem.objects.filter(open_still, share__recipient=share.recipient_id, ended_at=None)
    has_already = set(theirs.filter(camera__in=paths).values_list("camera_id", flat=True))
    room = MAX_ITEMS - share.items.filter(ended_at=None).count()
    permissions, footage = _most(follow)
    if not permissions:
        # They were changed one by one since, and have nothing in common any more.
        return []
    found = []
    for camera, path in sorted(paths.items()):
        item = Item(camera, permissions, footage=footage, group=follow.group_id)
        if camera not in has_already and list_givable(held.decide(path), item, share.when) == permissions:
            found.append(item)
    return found[:room]


def _most(follow: ShareGroup) -> tuple[Permission, Footage]:
    """What a camera that is added gives at most: what was said, and no more than the others of the group have by now.

    Whoever narrowed those did not mean that the next one shows what they no longer show.
    """
    by_group = ShareItem.objects.filter(share=follow.share_id, group=follow.group_id, ended_at=None)
    said = (Permission(follow.permissions), follow.footage)
    return _common([said, *((Permission(item.permissions), item.footage) for item in by_group)])


def leave_followers(
    actor: Principal, followers: Iterable[ShareGroup], cameras: Collection[str], *, reason: str, change_id: str
) -> tuple[dict[Share, list[str]], list[str]]:
    """Take cameras that leave a group out of the shares they came to by it: cameras by share, and grants that end.

    What was chosen by hand stays; so does what is in another group that the share follows. A share of which nothing is
    left is over.
    """
    left: dict[Share, list[str]] = {}
    stale: list[str] = []
    for follow in followers:
        share = follow.share
        there = share.items.filter(group=follow.group_id, camera__in=cameras, ended_at=None)
        gone = [item for item in there.order_by("camera") if not _goes_on_by_another(item, follow)]
        if not gone:
            continue
        # What they were narrowed to is remembered: the next one that comes gets no more.
        ShareGroup.objects.filter(pk=follow.pk).update(**_columns(*_most(follow)))
        resources = {item.resource for item in gone}
        stale += [pk for pk, resource, _ in list_projected([share.pk]).get(share.pk, []) if resource in resources]
        left[share] = sorted(resources)
        at, was = clock.now(), share.state
        if share.items.filter(ended_at=None).exclude(pk__in=[item.pk for item in gone]).exists():
            ShareItem.objects.filter(pk__in=[item.pk for item in gone]).update(ended_at=at, ended_reason=reason)
        elif move(share, OfferState.REVOKED, at=at, ended_by=actor.id, ended_reason=reason, change_id=change_id) and (
            was == OfferState.ACCEPTED
        ):
            enqueue("mail.share_ended", {"share": share.pk})
    return left, stale


def _goes_on_by_another(item: ShareItem, follow: ShareGroup) -> bool:
    others = GroupCamera.objects.filter(camera=item.camera_id, group__followers__share=follow.share_id)
    other = others.exclude(group=follow.group_id).order_by("group").first()
    if other:
        ShareItem.objects.filter(pk=item.pk).update(group=other.group_id)
    return other is not None
