"""Shares by what they rest on: the membership they were given under, the recorder whose cameras they hold."""

from dataclasses import dataclass
from functools import reduce
from operator import and_

from django.db.models import Q

from belvedere.contracts.permissions import NONE, Permission, normalize
from belvedere.control.core import clock
from belvedere.control.core.offers import OPEN_STATES
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Camera
from belvedere.control.organizations.selectors import (
    get_management,
    get_member,
)
from belvedere.control.sharing.models import (
    IS_BOUND,
    THINGS,
    Share,
    ShareItem,
    in_states,
)
from belvedere.control.sharing.terms import Footage, least


@dataclass(frozen=True, slots=True)
class RestingShare:
    """A share given under somebody's membership: to which address, cameras by name, and on which sites they are."""

    id: str
    recipient: str
    cameras: list[str]
    sites: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """A share of other cameras of a recorder, that a camera which came later may join: with what they all have, and as
    far back as the least of them.
    """

    share: str
    state: str
    recipient_id: str
    recipient_name: str | None
    #: an e-mail address, or a number in E.164
    recipient_address: str
    remark: str
    permissions: Permission
    footage: Footage


def list_resting_shares(actor: Principal, member: str) -> list[RestingShare]:
    """What rests on a membership and would end with it: one's own, or as far as the actor manages those sites.

    Raises NotFound, Forbidden. A constant number of queries.
    """
    view = get_member(actor, member)
    is_open = in_states(OPEN_STATES, clock.now(), of="share__")
    items = ShareItem.objects.filter(is_open, share__membership=member, ended_at=None)
    if not view.is_me:
        sites = list(get_management(actor, view.organization).sites)
        items = items.filter(Q(camera__site__in=sites) | Q(panel__device__site__in=sites))
    found: dict[Share, list[ShareItem]] = {}
    things = items.select_related("share__recipient", *THINGS)
    for item in things.order_by("share__recipient__email", "share__recipient__phone", "camera__name", "pk"):
        found.setdefault(item.share, []).append(item)
    return [
        RestingShare(
            share.pk,
            share.recipient.address,
            [item.thing.name for item in rows],
            frozenset(item.thing.site_id for item in rows),
        )
        for share, rows in found.items()
    ]


def list_extensions(actor: Principal, device: str) -> dict[str, list[Extension]]:
    """Camera → the shares the actor gave of other cameras of this device, before there was that one (rule 9).

    Not those whose recipient has it from the actor already, nor those that it has left. Two queries.
    """
    items = (
        ShareItem.objects.filter(share__sharer=actor.id, camera__device=device)
        .filter(IS_BOUND, in_states(OPEN_STATES, clock.now(), of="share__"))
        .select_related("share__recipient__account")
        .order_by("share__recipient__email", "share__recipient__phone", "share__pk")
    )
    shares: dict[Share, list[ShareItem]] = {}
    seen: set[tuple[str, str | None]] = set()
    for item in items:
        shares.setdefault(item.share, []).append(item)
        seen.add((item.share.recipient_id, item.camera_id))
    if not shares:
        return {}
    oldest = min(share.offered_at for share in shares)
    later = Camera.objects.filter(device=device, closed_at=None, created_at__gt=oldest).order_by("name", "pk")
    found: dict[str, list[Extension]] = {}
    for camera, created_at in later.values_list("pk", "created_at"):
        for share, held in shares.items():
            view = _extension(share, [item for item in held if item.ended_at is None])
            if created_at > share.offered_at and (share.recipient_id, camera) not in seen and view.permissions:
                found.setdefault(camera, []).append(view)
    return found


def _extension(share: Share, held: list[ShareItem]) -> Extension:
    known = share.recipient.account
    bits = reduce(and_, (Permission(item.permissions) for item in held)) if held else NONE
    return Extension(
        share=share.pk,
        state=share.state,
        recipient_id=share.recipient_id,
        recipient_name=known.name if known else None,
        recipient_address=share.recipient.address,
        remark=share.recipient.remark,
        permissions=normalize(bits),
        footage=least(item.footage for item in held if Permission.PLAYBACK in Permission(bits)),
    )
