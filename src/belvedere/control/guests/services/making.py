"""Making a guest link."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import unguarded
from belvedere.control.accounts.models import digest_of
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock, limits
from belvedere.control.core.errors import Forbidden
from belvedere.control.core.names import clean_name
from belvedere.control.core.principal import Principal
from belvedere.control.guests.models import GuestCamera, GuestLink
from belvedere.control.guests.services.giving import check_bounds, check_permissions, hash_passcode, project, written
from belvedere.control.organizations.selectors import find_membership
from belvedere.control.organizations.services import touch_membership
from belvedere.control.sharing.items import Item, check_items, normalize_items
from belvedere.control.sharing.terms import Footage, When

MADE_A_DAY: Final = 50


@dataclass(frozen=True, slots=True)
class MadeLink:
    """A fresh link, and the secret of its address, which nobody can read again."""

    id: str
    secret: str


@unguarded("checks `share` on every camera of the link itself: all of them or none")
@transaction.atomic
def make_link(
    actor: Principal,
    *,
    name: str,
    cameras: Collection[str],
    permissions: Permission,
    ends_at: datetime,
    max_uses: int,
    passcode: str = "",
    footage: Footage | None = None,
) -> MadeLink:
    """Make a guest link. It is in force at once: there is nobody who could accept it.

    permissions   live view, playback, or both
    ends_at       within 30 days
    max_uses      how many browsers may open it, 1 to 100
    passcode      6 to 64 characters, or "" for none
    footage       how far back playback reaches; with playback it has to be said

    Raises NotFound or Forbidden (a camera; more, longer or farther back than the actor holds; plain http), Invalid,
    RateLimited.
    """
    if settings.BELVEDERE.is_plain_http_in_public and not settings.BELVEDERE.allow_http:
        raise Forbidden(_("This server is reached by plain http: whoever listens would read the secret of the link."))
    name = clean_name(name)
    check_permissions(permissions, footage)
    check_bounds(ends_at, max_uses)
    digest = hash_passcode(passcode)
    items = normalize_items([Item(camera, permissions, footage=footage) for camera in cameras])
    organization = check_items(actor, items, When(ends_at=ends_at))
    membership = find_membership(actor.id, organization, needs=Permission.SHARE)
    if membership is None:
        raise Forbidden
    touch_membership(membership.id)
    limits.hit("guest_link.made", actor.id, limit=MADE_A_DAY, per_s=86_400)
    secret = secrets.token_urlsafe(32)
    link = GuestLink.objects.create(
        organization_id=organization,
        membership_id=membership.id,
        giver_id=actor.id,
        name=name,
        secret_hash=digest_of(secret),
        passcode=digest,
        permissions=int(permissions),
        footage_last_s=footage.last_s if footage else None,
        created_at=clock.now(),
        ends_at=ends_at,
        max_uses=max_uses,
    )
    GuestCamera.objects.bulk_create(GuestCamera(link=link, camera_id=item.resource) for item in items)
    project(link, [item.resource for item in items])
    write_entry(
        actor=actor,
        action="guest_link.made",
        thing=f"guest_link:{link.pk}",
        organization=organization,
        **written(link, [item.resource for item in items]),
    )
    return MadeLink(link.pk, secret)
