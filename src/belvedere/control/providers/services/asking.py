"""A provider asks for more, for a while, and says why; whoever manages the site decides, and may give less (HC-29)."""

from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import check, unguarded
from belvedere.control.appeals.selectors import is_requester_blocked
from belvedere.control.core import clock, limits
from belvedere.control.core.errors import Conflict, Invalid
from belvedere.control.core.names import clean_name
from belvedere.control.core.offers import OfferState, move
from belvedere.control.core.principal import Principal
from belvedere.control.organizations.selectors import find_membership
from belvedere.control.organizations.services import touch_membership
from belvedere.control.outbox.services import enqueue
from belvedere.control.providers.engaged import check_end, check_permissions, write
from belvedere.control.providers.models import EngagedDevice, Engagement, Wish
from belvedere.control.providers.projection import project
from belvedere.control.providers.selectors import find_engagement, find_wish

#: for how long one may ask, unless until a date
HOURS: Final = (1, 2, 4, 8)
WISHES_A_DAY: Final = 10
#: who was engaged there may ask for so long after it has ended
ASKS_FOR: Final = timedelta(days=366)


@unguarded("the actor's own engagement: it gives nothing, it asks")
@transaction.atomic
def ask_for_more(
    actor: Principal,
    *,
    engagement: str,
    permissions: Permission,
    reason: str,
    hours: int | None = None,
    until: datetime | None = None,
) -> str:
    """Ask for rights where one is engaged, or was; for some hours from the answer on, or until a date. The wish's id.

    Raises NotFound, Invalid (no reason, hours that are none of the four, both or neither), Conflict (one waits
    already; it was declined, or ended by the owner), RateLimited.
    """
    row = find_engagement(actor, engagement, "received")
    if row.provider_id != actor.id or row.state not in {OfferState.ACCEPTED, OfferState.EXPIRED, OfferState.LEFT}:
        raise Conflict(_("Only who is engaged there, or was until the end, can ask for more."))
    if row.state != OfferState.ACCEPTED and is_requester_blocked(actor.id, row.organization_id):
        # Whom they have moved away from is not heard, by this way either (threats §5).
        raise Conflict(_("That is too long ago. The owner can engage you anew."))
    if clock.now() > row.ends_at + ASKS_FOR:
        raise Conflict(_("That is too long ago. The owner can engage you anew."))
    permissions = check_permissions(permissions)
    _check_span(hours, until)
    reason = clean_name(reason, field="reason", max_length=280)
    limits.hit("engagement.wish", actor.id, limit=WISHES_A_DAY, per_s=86400)
    at = clock.now()
    for old in Wish.objects.filter(engagement=row, state=OfferState.PENDING):
        if old.state_at(at) == OfferState.EXPIRED:
            move(old, OfferState.EXPIRED, at=at)
    wish = Wish(engagement=row, permissions=int(permissions), hours=hours, until=until, reason=reason, offered_at=at)
    try:
        with transaction.atomic():
            wish.save(force_insert=True)
    except IntegrityError:
        raise Conflict(_("You have asked already. They have not answered yet.")) from None
    write(actor, row, "engagement.asked", rights=permissions.wire_names, hours=hours or 0)
    enqueue("mail.engagement_asked", {"wish": wish.pk})
    return wish.pk


def _check_span(hours: int | None, until: datetime | None) -> None:
    if (hours is None) is (until is None):
        raise Invalid(_("Say for how many hours, or until when."), field="hours")
    if hours is not None and hours not in HOURS:
        raise Invalid(_("Ask for 1, 2, 4 or 8 hours, or until a date."), field="hours")
    if until is not None:
        check_end(until)


@unguarded("the selector finds it for those alone who manage its site")
@transaction.atomic
def approve_wish(
    actor: Principal,
    *,
    wish: str,
    permissions: Permission | None = None,
    hours: int | None = None,
    until: datetime | None = None,
) -> str:
    """Say yes to what was asked, or to less or else; in force at once, for he asked for it. The new engagement's id.

    Hours count from now. It stands beside what he has, and ends by itself. Raises NotFound, Forbidden, Invalid,
    Conflict (answered or run out).
    """
    row = find_wish(actor, wish)
    old, at = row.engagement, clock.now()
    check(actor, Permission.MANAGE, on="site", resource=old.site_id)
    membership = find_membership(actor.id, old.organization_id, needs=Permission.MANAGE)
    if membership is None or row.state_at(at) == OfferState.EXPIRED or old.state == OfferState.REVOKED:
        raise _answered()
    touch_membership(membership.id)
    given = check_permissions(Permission(row.permissions) if permissions is None else permissions)
    if hours is None and until is None:
        hours, until = row.hours, row.until
    _check_span(hours, until)
    new = Engagement(
        organization_id=old.organization_id,
        site_id=old.site_id,
        membership_id=membership.id,
        giver_id=actor.id,
        address=old.address,
        provider_id=old.provider_id,
        permissions=int(given),
        message=row.reason,
        state=OfferState.ACCEPTED,
        offered_at=at,
        decided_at=at,
        ends_at=until or at + timedelta(hours=hours or 0),
    )
    # The conditional UPDATE comes first: of two who answer at once one gives. What fails after it undoes it.
    if not move(row, OfferState.ACCEPTED, at=at, ended_by=actor.id):
        raise _answered()
    new.save(force_insert=True)
    devices = old.devices.values_list("device", flat=True)
    EngagedDevice.objects.bulk_create(EngagedDevice(engagement=new, device_id=pk) for pk in devices)
    Wish.objects.filter(pk=row.pk).update(granted=new)
    project(new)
    write(
        actor, new, "engagement.granted", recipient=old.address, rights=given.wire_names, until=new.ends_at.isoformat()
    )
    enqueue("mail.engagement_decided", {"wish": row.pk})
    return new.pk


@unguarded("the selector finds it for those alone who manage its site")
@transaction.atomic
def deny_wish(actor: Principal, *, wish: str) -> None:
    """Say no; he is told. A second time is harmless. Raises NotFound, Conflict."""
    row = find_wish(actor, wish)
    if not move(row, OfferState.REJECTED, at=clock.now(), ended_by=actor.id):
        row.refresh_from_db()
        if row.state != OfferState.REJECTED:
            raise _answered()
        return
    write(actor, row.engagement, "engagement.denied", recipient=row.engagement.address)
    enqueue("mail.engagement_decided", {"wish": row.pk})


def _answered() -> Conflict:
    return Conflict(_("This was answered already, or has run out. Nothing was changed."))
