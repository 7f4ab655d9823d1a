"""Ending a guest link by hand, and forgetting who came."""

from collections.abc import Collection
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q

from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import unguarded
from belvedere.control.access.selectors import get_decision
from belvedere.control.access.services import end_grants
from belvedere.control.core import clock
from belvedere.control.core.errors import NotFound
from belvedere.control.core.ids import is_id, new_id
from belvedere.control.core.principal import Principal
from belvedere.control.devices.selectors import find_camera_path
from belvedere.control.guests.models import GuestLink, GuestVisit

#: the log of use, after the end
KEEP: Final = timedelta(days=90)


@unguarded("the actor's own link, or one all of whose cameras he may share")
@transaction.atomic
def end_link(actor: Principal, *, link: str) -> str:
    """End a link and all that is watched through it. Twice is harmless. The change id. Raises NotFound."""
    row = GuestLink.objects.filter(pk=link).first() if is_id(link) else None
    if row is None or not _may_end(actor, row):
        raise NotFound
    change_id = new_id()
    if not close_link(row, by=actor.id, reason="revoked", change_id=change_id):
        return row.change_id
    return end_grants(
        actor,
        organization=row.organization_id,
        reason="revoked",
        action="guest_link.revoked",
        thing=f"guest_link:{row.pk}",
        origin_ids=[row.pk],
        change_id=change_id,
        details={"name": row.name},
    )


@unguarded("the account's own cancelling, or the operator's panic: nothing is opened, and whoever asks has proven it")
@transaction.atomic
def end_all_links(actor: Principal, *, giver: str = "") -> int:
    """End every guest link that still opens something, of one giver if told: how many."""
    rows = GuestLink.objects.filter(ended_at=None, ends_at__gt=clock.now()).order_by("pk")
    links = list(rows.filter(giver=giver) if giver else rows)
    for row in links:
        change_id = new_id()
        if close_link(row, by=actor.id, reason="cancelled", change_id=change_id):
            end_grants(
                actor,
                organization=row.organization_id,
                reason="cancelled",
                action="guest_link.revoked",
                thing=f"guest_link:{row.pk}",
                origin_ids=[row.pk],
                change_id=change_id,
                details={"name": row.name},
            )
    return len(links)


@unguarded("told by the account's own cancelling")
def end_links_of_account(payload: dict[str, str]) -> None:
    """Everything of an account was cancelled, its guest links too. Handler of `account.cancelled`."""
    end_all_links(Principal(id=payload["account"], name=""), giver=payload["account"])


def _may_end(actor: Principal, link: GuestLink) -> bool:
    if link.giver_id == actor.id:
        return True
    cameras = link.cameras.filter(ended_at=None).values_list("camera_id", flat=True)
    paths = [find_camera_path(camera) for camera in cameras]
    return bool(paths) and all(path and get_decision(actor.id, path).allows(Permission.SHARE) for path in paths)


def close_link(link: GuestLink, *, by: str, reason: str, change_id: str) -> bool:
    """Mark it as over. Whether it was us who ended it."""
    rows = GuestLink.objects.filter(pk=link.pk, ended_at=None)
    changes = {"ended_at": clock.now(), "ended_by": by, "ended_reason": reason, "change_id": change_id}
    if not rows.update(**changes):
        link.refresh_from_db()
        return False
    return True


@unguarded("`handover` has decided, as its giver did on each of them")
@transaction.atomic
def close_links(actor: Principal, *, links: Collection[str], reason: str, change_id: str) -> None:
    """Mark these as over. The caller ends the grants that they project."""
    GuestLink.objects.filter(pk__in=list(links), ended_at=None).update(
        ended_at=clock.now(), ended_by=actor.id, ended_reason=reason, change_id=change_id
    )


@unguarded("the worker's own housekeeping")
def purge_visits() -> None:
    """The log of use, once its link has been over for as long as the viewing ledger is kept."""
    over = clock.now() - KEEP
    GuestVisit.objects.filter(Q(link__ended_at__lt=over) | Q(link__ends_at__lt=over)).delete()
