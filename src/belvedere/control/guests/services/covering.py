"""Guest links end with what they rest on: a right of whoever gave them, or the cameras themselves (rule 5)."""

from collections.abc import Collection, Iterable
from typing import Any

from django.db import transaction
from django.db.models import Q

from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import unguarded
from belvedere.control.access.roles import PERMISSIONS
from belvedere.control.access.selectors import list_projected
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock
from belvedere.control.core.principal import Principal
from belvedere.control.guests.models import GuestCamera, GuestLink
from belvedere.control.guests.services.ending import close_link
from belvedere.control.organizations.selectors import get_standings
from belvedere.control.organizations.standing import Standing


@unguarded("asked by whatever narrows memberships or moves cameras, whose guard has decided")
@transaction.atomic(savepoint=False)
def end_uncovered_links(
    actor: Principal, *, memberships: Iterable[str], cameras: Iterable[str], change_id: str, adopt: bool
) -> list[str]:
    """End what links under these memberships, or of these cameras, open beyond their giver's rights (rule 5).

    Nobody takes a link over, `adopt` or not: whom the giver sent it to, only he knows. Returns the grants that end.
    """
    del adopt
    resting = GuestCamera.objects.filter(
        Q(link__membership__in=list(memberships)) | Q(camera__in=list(cameras)),
        ended_at=None,
        link__ended_at=None,
        link__ends_at__gt=clock.now(),
    )
    rows = list(resting.select_related("link", "camera"))
    standings = get_standings({row.link.membership_id for row in rows}) if rows else {}
    lost: dict[GuestLink, list[GuestCamera]] = {}
    for row in rows:
        if not _covers(standings.get(row.link.membership_id), row):
            lost.setdefault(row.link, []).append(row)
    stale: list[str] = []
    for link, uncovered in sorted(lost.items(), key=lambda pair: pair[0].pk):
        gone = {row.camera_id for row in uncovered}
        projected = list_projected([link.pk]).get(link.pk, [])
        stale += [pk for pk, resource, _bits in projected if resource in gone]
        _drop(actor, link, gone, reason="sharer_lost_right", change_id=change_id)
    return stale


def _covers(standing: Standing | None, row: GuestCamera) -> bool:
    if standing is None:
        return False
    held = PERMISSIONS[standing.on(row.camera.site_id)]
    return Permission.SHARE in held and not Permission(row.link.permissions) & ~held


def _drop(actor: Principal, link: GuestLink, gone: Collection[str], *, reason: str, change_id: str) -> None:
    """These cameras leave the link; if none is left, it is over."""
    rest = link.cameras.filter(ended_at=None, camera__closed_at=None).exclude(camera__in=gone)
    if rest.exists():
        link.cameras.filter(ended_at=None, camera__in=gone).update(ended_at=clock.now())
    elif close_link(link, by=actor.id, reason=reason, change_id=change_id):
        write_entry(
            actor=actor,
            action="guest_link.lapsed",
            thing=f"guest_link:{link.pk}",
            organization=link.organization_id,
            change_id=change_id,
        )


@unguarded("cameras are closed by unbinding, whose guard has decided")
@transaction.atomic
def end_links_of_closed(payload: dict[str, Any]) -> None:
    """Links of which nothing is left end. Handler of `cameras.closed`, beside streaming's, which cuts the pictures."""
    touched = GuestCamera.objects.filter(camera__in=payload["cameras"], ended_at=None).values("link")
    for link in GuestLink.objects.filter(pk__in=touched, ended_at=None):
        if not link.cameras.filter(ended_at=None, camera__closed_at=None).exists():
            close_link(link, by="", reason=payload["why"], change_id=payload["change_id"])
