"""Whose mail led here, and what an invitation shows of itself.

A mail's secret proves the address it was sent to: with it one may sign up where that is by invitation, and need not
prove the address a second time.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from belvedere.control.core import clock
from belvedere.control.handover.selectors import find_handover_address
from belvedere.control.organizations.selectors import ReceivedInvitation, find_waiting_address
from belvedere.control.providers.selectors import find_engagement_address
from belvedere.control.sharing.selectors import find_join_address

#: where the session keeps the secret of an offer's mail, and the id of the invitation whose secret was shown
_OFFER: Final = "join"
_INVITATION: Final = "invitation"
_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)


def remember_offer(request: HttpRequest, secret: str) -> None:
    """The mail of an offer led here."""
    request.session.pop(_INVITATION, None)
    request.session[_OFFER] = secret


def remember_invitation(request: HttpRequest, invitation: str) -> None:
    """The mail of an invitation led here. Its secret is not kept, only which one it was."""
    request.session.pop(_OFFER, None)
    request.session[_INVITATION] = invitation


def find_invited_address(request: HttpRequest) -> str:
    """The address whose mail led here, while what it offers still waits; "" otherwise."""
    secret = request.session.get(_OFFER, "")
    return (
        find_join_address(secret)
        or find_handover_address(secret)
        or find_engagement_address(secret)
        or find_waiting_address(request.session.get(_INVITATION, ""))
    )


def invitation_card(row: ReceivedInvitation) -> dict[str, Any]:
    """An invitation as the invited reads it: name, inviter, role and end, and nothing else."""
    return {
        "id": row.id,
        "organization": row.organization_name,
        "inviter": {"name": row.inviter.name, "email": row.inviter.email},
        "role": row.role,
        "expires_at": row.expires_at,
        "time_left": time_left(row.expires_at),
        "is_urgent": row.expires_at - clock.now() < _DAY,
    }


def time_left(until: datetime) -> str:
    """“6 days left”, “5 hours left”, “less than an hour left”."""
    left = until - clock.now()
    if left >= _DAY:
        return ngettext("%(count)d day left", "%(count)d days left", left // _DAY) % {"count": left // _DAY}
    if left >= _HOUR:
        return ngettext("%(count)d hour left", "%(count)d hours left", left // _HOUR) % {"count": left // _HOUR}
    return _("less than an hour left")
