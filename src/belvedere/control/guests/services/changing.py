"""Changing a guest link after it was made: less acts at once, on running pictures too."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final, TypedDict, Unpack

from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import unguarded
from belvedere.control.access.selectors import list_projected
from belvedere.control.access.services import end_grants
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Invalid, NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.names import clean_name
from belvedere.control.core.principal import Principal
from belvedere.control.guests.models import GuestLink
from belvedere.control.guests.services.giving import check_bounds, check_permissions, hash_passcode, project, written
from belvedere.control.organizations.services import touch_membership
from belvedere.control.sharing.items import Item, check_items
from belvedere.control.sharing.terms import Footage, When

#: a try counted meanwhile is not forgotten unless the passcode is a new one
PASSCODE_FIELDS: Final = ("passcode", "tries", "paused_until")
KEPT: Final = ("name", "ends_at", "max_uses", "permissions", "footage_last_s")

#: what decides whether what is in force has to be put in force anew
type _Terms = tuple[int, int | None, datetime]


class LinkPatch(TypedDict, total=False):
    """What is to change of a link; what is not there stays.

    cameras       those that stay in it: none can be added
    permissions   live view, playback, or both
    footage       how far back playback reaches
    passcode      a new one, or "" for none. Who has come in stays in; tries and rest are forgotten
    """

    name: str
    ends_at: datetime
    max_uses: int
    cameras: Collection[str]
    permissions: Permission
    footage: Footage
    passcode: str


@unguarded("the actor's own link; checks `share` on all that stays, and that he may give it for as long")
@transaction.atomic
def change_link(actor: Principal, *, link: str, **patch: Unpack[LinkPatch]) -> str:
    """Change what is given of a link one made. The change id, for the receipt.

    Raises NotFound, Forbidden, Invalid, Conflict (it is over).
    """
    row = GuestLink.objects.filter(pk=link, giver_id=actor.id).first() if is_id(link) else None
    if row is None:
        raise NotFound
    touch_membership(row.membership_id)
    row.refresh_from_db()
    if row.state_at(clock.now()) in {"ended", "expired"}:
        raise Conflict(_("This guest link is over already."))
    held = list(row.cameras.filter(ended_at=None, camera__closed_at=None).values_list("camera_id", flat=True))
    stay = list(dict.fromkeys(patch.get("cameras", held)))
    if not stay or not set(stay) <= set(held):
        raise Invalid(_("Cameras can be taken out of a guest link, all but the last."), field="cameras")
    was = _terms_of(row)
    _apply(row, patch)
    footage = row.footage if Permission.PLAYBACK & row.permissions else None
    items = [Item(camera, Permission(row.permissions), footage=footage) for camera in stay]
    check_items(actor, items, When(ends_at=row.ends_at))
    _keep(row, *(PASSCODE_FIELDS if "passcode" in patch else ()))
    row.cameras.filter(ended_at=None).exclude(camera__in=stay).update(ended_at=clock.now())
    is_new = _terms_of(row) != was
    projected = list_projected([row.pk]).get(row.pk, [])
    if is_new:
        # What is new comes first: nobody is blind in between.
        project(row, stay)
    return end_grants(
        actor,
        organization=row.organization_id,
        reason="share_changed",
        action="guest_link.changed",
        thing=f"guest_link:{row.pk}",
        grants=[pk for pk, resource, _bits in projected if is_new or resource not in stay],
        details=written(row, stay),
    )


def _terms_of(link: GuestLink) -> _Terms:
    return link.permissions, link.footage_last_s, link.ends_at


def _apply(link: GuestLink, patch: LinkPatch) -> None:
    """Set what the patch says. Raises Invalid."""
    if "name" in patch:
        link.name = clean_name(patch["name"])
    link.ends_at, link.max_uses = patch.get("ends_at", link.ends_at), patch.get("max_uses", link.max_uses)
    check_bounds(link.ends_at, link.max_uses)
    permissions = patch.get("permissions", Permission(link.permissions))
    # Playback that was not there before has no reach yet: it has to be said.
    held = link.footage if Permission.PLAYBACK & link.permissions & permissions else None
    footage = patch.get("footage", held)
    check_permissions(permissions, footage)
    if footage and Permission.PLAYBACK not in permissions:
        raise Invalid(_("How far back somebody may look means nothing without playback."), field="footage")
    link.permissions, link.footage_last_s = int(permissions), footage.last_s if footage else None
    if "passcode" in patch:
        link.passcode, link.tries, link.paused_until = hash_passcode(patch["passcode"]), 0, None


def _keep(link: GuestLink, *more: str) -> None:
    """Write what may have changed, and only that: uses are counted meanwhile. Raises Conflict."""
    still = GuestLink.objects.filter(pk=link.pk, ended_at=None)
    if not still.update(**{field: getattr(link, field) for field in (*KEPT, *more)}):
        raise Conflict(_("This guest link is over already."))


@unguarded("`handover` has decided, as its giver did on each of them")
@transaction.atomic
def narrow_links(actor: Principal, *, links: Mapping[str, datetime]) -> list[str]:
    """Let these end at an instant at the latest: an earlier end stays. The grants that end; nobody is blind between."""
    del actor
    stale: list[str] = []
    for row in GuestLink.objects.filter(pk__in=list(links), ended_at=None, ends_at__gt=clock.now()).order_by("pk"):
        row.ends_at = min(row.ends_at, links[row.pk])
        GuestLink.objects.filter(pk=row.pk).update(ends_at=row.ends_at)
        stale += [pk for pk, _resource, _bits in list_projected([row.pk]).get(row.pk, [])]
        project(row, row.cameras.filter(ended_at=None, camera__closed_at=None).values_list("camera_id", flat=True))
    return stale
