"""What may be given by a guest link, within which bounds, and how it comes in force: of making and of changing one."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.auth.hashers import make_password
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission
from belvedere.control.access.models import Origin
from belvedere.control.access.services import Terms, grant
from belvedere.control.core import clock
from belvedere.control.core.errors import Invalid
from belvedere.control.guests.models import GuestLink
from belvedere.control.sharing.terms import EVERYTHING, Footage

GIVABLE: Final = Permission.LIVE_VIEW | Permission.PLAYBACK
LONGEST: Final = timedelta(days=30)
MAX_USES: Final = 100
PASSCODE_LENGTHS: Final = range(6, 65)


def check_permissions(permissions: Permission, footage: Footage | None) -> None:
    """Live view, playback, or both; and how far back if there is playback. Raises Invalid."""
    if permissions & ~GIVABLE or not permissions:
        raise Invalid(_("A guest link opens live view, playback, or both."), field="permissions")
    if Permission.PLAYBACK in permissions and footage in (None, EVERYTHING):
        raise Invalid(_("Say how far back a guest may look."), field="footage")


def check_bounds(ends_at: datetime, max_uses: int) -> None:
    """Not for ever, and not for everybody. Raises Invalid."""
    at = clock.now()
    if ends_at <= at:
        raise Invalid(_("That end lies in the past."), field="ends_at")
    if ends_at > at + LONGEST:
        raise Invalid(_("A guest link ends within %(days)d days.") % {"days": LONGEST.days}, field="ends_at")
    if not 1 <= max_uses <= MAX_USES:
        raise Invalid(_("It can be opened once, or up to %(n)d times.") % {"n": MAX_USES}, field="max_uses")


def hash_passcode(passcode: str) -> str:
    """Argon2id of it; "" where none is asked for. Raises Invalid."""
    if not passcode:
        return ""
    if len(passcode) not in PASSCODE_LENGTHS:
        raise Invalid(_("A passcode has at least 6 characters, and at most 64."), field="passcode")
    return make_password(passcode)


def project(link: GuestLink, cameras: Iterable[str]) -> None:
    """Put the link in force on these cameras, as it stands."""
    for camera in cameras:
        grant(
            principal=link.pk,
            resource=camera,
            permissions=Permission(link.permissions),
            origin=Origin.GUEST_LINK,
            origin_id=link.pk,
            created_by=link.giver_id,
            terms=Terms(
                ends_at=link.ends_at,
                footage_last_s=link.footage_last_s,
                footage_from=link.created_at if link.footage.is_since_grant else None,
            ),
        )


def written(link: GuestLink, cameras: Iterable[str]) -> dict[str, Any]:
    """What the audit keeps of a link: no secret, no passcode."""
    names = Permission(link.permissions).wire_names
    return {
        "name": link.name,
        "cameras": dict.fromkeys(cameras, names),
        "ends_at": link.ends_at.isoformat(),
        "max_uses": link.max_uses,
        "has_passcode": bool(link.passcode),
    }
