"""Engaging a service provider: offered by who manages the site, in force once he accepts, ended by either (HC-27).

Nobody is engaged without an end. What an engagement gives is setting up and looking, never handing on: no sharing, no
people. And setting up is no switch to pull: what blinds or takes away wants a member (`of_member` of the guard).
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import requires, unguarded
from belvedere.control.accounts.selectors import list_verified_addresses
from belvedere.control.core import clock, limits
from belvedere.control.core.errors import Conflict, Invalid, NotFound
from belvedere.control.core.names import clean_email, clean_name
from belvedere.control.core.offers import OfferState, move
from belvedere.control.core.principal import Principal
from belvedere.control.organizations.selectors import find_membership, get_owner, get_site, is_member
from belvedere.control.organizations.services import hold_organization, require_thawed, touch_membership
from belvedere.control.outbox.services import enqueue
from belvedere.control.providers.engaged import check_end, check_permissions, end, keep_names, take_back_wishes, write
from belvedere.control.providers.models import EngagedDevice, Engagement, Wish
from belvedere.control.providers.projection import project
from belvedere.control.providers.selectors import find_engagement, list_site_devices

OFFERS_A_DAY: Final = 20


@requires(Permission.MANAGE, on="site")
@transaction.atomic
def offer_engagement(
    actor: Principal,
    *,
    site: str,
    address: str,
    permissions: Permission,
    ends_at: datetime,
    devices: Collection[str] = (),
    message: str = "",
) -> str:
    """Offer whoever holds an e-mail address to set things up on a site until a date; the engagement's id.

    devices  those alone; none = the whole site, and what is added to it

    Raises NotFound, Forbidden, Invalid (address, oneself, a member, nothing or too much given, an end that has passed
    or lies too far ahead, a device that does not stand there), RateLimited.
    """
    address = clean_email(address, field="address")
    permissions = check_permissions(permissions)
    ends_at = check_end(ends_at)
    place = get_site(actor, site)
    if address in {actor.email, *list_verified_addresses(actor.id)}:
        raise Invalid(_("That is your own address."), field="address")
    if address in list_verified_addresses(get_owner(place.organization)):
        raise Invalid(_("That is the owner’s address. The owner may do everything already."), field="address")
    if unknown := set(devices) - list_site_devices(site).keys():
        raise Invalid(_("%(count)d of these devices are not on this site.") % {"count": len(unknown)}, field="devices")
    membership = find_membership(actor.id, place.organization, needs=Permission.MANAGE)
    if membership is None:
        raise NotFound
    touch_membership(membership.id)
    limits.hit("engagement", actor.id, limit=OFFERS_A_DAY, per_s=86400)
    row = Engagement.objects.create(
        organization_id=place.organization,
        site_id=site,
        membership_id=membership.id,
        giver_id=actor.id,
        address=address,
        permissions=int(permissions),
        message=clean_name(message, field="message", optional=True, max_length=280),
        offered_at=clock.now(),
        ends_at=ends_at,
    )
    EngagedDevice.objects.bulk_create(EngagedDevice(engagement=row, device_id=pk) for pk in sorted(set(devices)))
    write(actor, row, "engagement.offered", recipient=address, rights=permissions.wire_names, until=_instant(ends_at))
    enqueue("mail.engagement_offered", {"engagement": row.pk})
    return row.pk


@unguarded("the offer was made to an address that the actor has proven to be his own")
@transaction.atomic
def accept_engagement(actor: Principal, *, engagement: str) -> str:
    """Take it on: from now on its rights are in force, until its end. A second time is harmless. Its state.

    Raises NotFound, Conflict (withdrawn, run out, or its giver no longer manages the site; a member needs none).
    """
    row = find_engagement(actor, engagement, "received")
    if row.state == OfferState.ACCEPTED:
        return row.state
    hold_organization(row.organization_id)
    require_thawed(row.organization_id)
    touch_membership(row.membership_id)
    at = clock.now()
    if row.state_at(at) == OfferState.EXPIRED:
        raise Conflict(_("The time of this offer is over. Ask %(name)s for a new one.") % {"name": row.giver.name})
    if is_member(actor.id, row.organization_id):
        raise Conflict(_("You are a member there. Your role says what you may do."))
    if not move(row, OfferState.ACCEPTED, at=at, provider_id=actor.id):
        raise Conflict(_("This offer was withdrawn in the meantime."))
    project(row)
    write(actor, row, "engagement.accepted")
    enqueue("mail.engagement_answered", {"engagement": row.pk})
    return row.state


@unguarded("the offer was made to an address that the actor has proven to be his own")
@transaction.atomic
def decline_engagement(actor: Principal, *, engagement: str) -> None:
    """Turn it down; the giver reads that it was. A second time is harmless. Raises NotFound, Conflict."""
    row = find_engagement(actor, engagement, "received")
    if row.state == OfferState.REJECTED:
        return
    if not move(row, OfferState.REJECTED, at=clock.now(), provider_id=actor.id):
        raise Conflict(_("This offer was answered or withdrawn already."))
    keep_names(row)
    write(actor, row, "engagement.declined")
    enqueue("mail.engagement_answered", {"engagement": row.pk})


@unguarded("the selector finds it for those alone who manage its site")
@transaction.atomic
def end_engagement(actor: Principal, *, engagement: str) -> str:
    """Take it back at any time: everything of it ends at once. Twice is harmless. The change id. Raises NotFound,
    Conflict.
    """
    return end(actor, find_engagement(actor, engagement, "given"), OfferState.REVOKED, "engagement.ended")


@unguarded("the actor's own")
@transaction.atomic
def leave_engagement(actor: Principal, *, engagement: str) -> str:
    """Give it up, and what he asked for with it. Twice is harmless. The change id. Raises NotFound, Conflict."""
    row = find_engagement(actor, engagement, "received")
    take_back_wishes(actor, Wish.objects.filter(engagement=row))
    return end(actor, row, OfferState.LEFT, "engagement.left")


def _instant(at: datetime) -> str:
    return at.isoformat()
