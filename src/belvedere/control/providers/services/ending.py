"""Engagements that end by what happens elsewhere: their time, their giver's role, a device that left, an account."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import Q

from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import unguarded
from belvedere.control.access.roles import PERMISSIONS
from belvedere.control.access.selectors import list_projected
from belvedere.control.access.services import end_grants, hand_grants
from belvedere.control.core import clock, sql
from belvedere.control.core.offers import OPEN_STATES, OfferState, move
from belvedere.control.core.principal import Principal, system
from belvedere.control.organizations.selectors import find_membership, get_standings
from belvedere.control.organizations.standing import Standing
from belvedere.control.outbox.services import enqueue
from belvedere.control.providers.engaged import end, keep_names, take_back_wishes, write
from belvedere.control.providers.models import Engagement, Wish
from belvedere.control.providers.projection import list_resources


@unguarded("asked by whatever narrows memberships or moves cameras, whose guard has decided")
@transaction.atomic(savepoint=False)
def end_uncovered_engagements(
    actor: Principal, *, memberships: Iterable[str], cameras: Iterable[str], change_id: str, adopt: bool
) -> list[str]:
    """End engagements whose giver no longer manages the site (rule 5), and what they gave on devices that left it.

    With `adopt` they go on under the actor, where he manages it himself. Returns the grants that end.
    """
    given = Engagement.objects.filter(membership__in=list(memberships), state__in=OPEN_STATES)
    rows = list(given.order_by("pk"))
    standings = get_standings({row.membership_id for row in rows}) if rows else {}
    stale: list[str] = []
    for row in rows:
        if _covers(standings.get(row.membership_id), row) or (adopt and _take_over(actor, row)):
            continue
        stale += [pk for pk, _resource, _bits in list_projected([row.pk]).get(row.pk, [])]
        was = row.state
        if move(
            row, OfferState.REVOKED, at=clock.now(), ended_by=actor.id, ended_reason="giver_left", change_id=change_id
        ):
            keep_names(row)
            write(actor, row, "engagement.lapsed", recipient=row.address)
            if was == OfferState.ACCEPTED:
                enqueue("mail.engagement_ended", {"engagement": row.pk})
    return stale + _left_behind(list(cameras))


def _covers(standing: Standing | None, row: Engagement) -> bool:
    return standing is not None and Permission.MANAGE in PERMISSIONS[standing.on(row.site_id)]


def _take_over(actor: Principal, row: Engagement) -> bool:
    mine = find_membership(actor.id, row.organization_id, needs=Permission.MANAGE)
    if mine is None or not _covers(mine.standing, row):
        return False
    sql.change(
        "UPDATE providers_engagement SET membership_id = %s, giver_id = %s WHERE id = %s", mine.id, actor.id, row.pk
    )
    hand_grants([row.pk], to=actor.id)
    return True


def _left_behind(cameras: list[str]) -> list[str]:
    """Grants on these cameras, and on their devices, of engagements for devices that stand elsewhere now."""
    if not cameras:
        return []
    # A panel has no cameras: it is told of by the id of its device.
    moved = Q(devices__device__cameras__in=cameras) | Q(devices__device__in=cameras)
    hit = Engagement.objects.filter(moved, state=OfferState.ACCEPTED).distinct()
    rows = {row.pk: set(list_resources(row)) for row in hit}
    return [
        pk for key, held in list_projected(rows).items() for pk, resource, _bits in held if resource not in rows[key]
    ]


@unguarded("accounts are closed by their holders, or by whoever runs the server: accounts have decided")
def end_of_account(payload: dict[str, Any]) -> None:
    """End what an account was engaged for, and what it asked for. Handler of `account.disabled`."""
    for row in Engagement.objects.filter(provider=payload["account"], state=OfferState.ACCEPTED).order_by("pk"):
        if row.state_at(clock.now()) == OfferState.EXPIRED:
            continue
        with transaction.atomic():
            end(system("server"), row, OfferState.LEFT, "engagement.left")
    take_back_wishes(system("server"), Wish.objects.filter(engagement__provider=payload["account"]))


@unguarded("the worker's own housekeeping")
def expire_engagements() -> int:
    """Write down what ran out: rights ended by themselves, to the second; this says so, and tells both. How many.

    So does what was given on a site that is given up.
    """
    at, done = clock.now(), 0
    for row in Engagement.objects.filter(state__in=OPEN_STATES, ends_at__lte=at).order_by("ends_at")[:500]:
        done += _expire(row)
    # Nothing stands on a site that was given up, so nothing is left to look after.
    closed = Engagement.objects.filter(state__in=OPEN_STATES, site__closed_at__isnull=False, ends_at__gt=at)
    for row in closed.order_by("pk")[:500]:
        with transaction.atomic():
            end(system("server"), row, OfferState.REVOKED, "engagement.lapsed")
            done += 1
    for wish in Wish.objects.filter(state=OfferState.PENDING).select_related("engagement")[:500]:
        if wish.state_at(at) == OfferState.EXPIRED:
            done += move(wish, OfferState.EXPIRED, at=at)
    return done


@transaction.atomic
def _expire(row: Engagement) -> bool:
    was = row.state
    changed = sql.change(
        "UPDATE providers_engagement SET state = %s, ended_at = %s WHERE id = %s AND state = %s",
        OfferState.EXPIRED.value,
        row.ends_at,
        row.pk,
        was,
    )
    if not changed:
        return False
    end_grants(
        system("server"),
        organization=row.organization_id,
        reason="expired",
        action="engagement.expired",
        thing=f"engagement:{row.pk}",
        origin_ids=[row.pk],
        details={"recipient": row.address},
    )
    keep_names(row)
    if was == OfferState.ACCEPTED:
        enqueue("mail.engagement_ended", {"engagement": row.pk})
    return True
