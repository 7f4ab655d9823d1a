"""The mails of engagements: to the provider, and to who engaged him. Decided when sent, not when asked for.

They name the site, both people with their addresses, what may be done and until when: no camera, nobody else.
"""

import secrets
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from belvedere.contracts.permissions import Permission
from belvedere.control.accounts.models import digest_of
from belvedere.control.accounts.selectors import find_verified, get_persons
from belvedere.control.core import clock
from belvedere.control.core.offers import OfferState
from belvedere.control.organizations.selectors import get_owner
from belvedere.control.providers.models import Engagement, Wish
from belvedere.control.providers.selectors import STATES, WISH_STATES
from belvedere.control.sharing.selectors import is_blocked


def send_offered(payload: dict[str, Any]) -> None:
    """Tell somebody of an offer that still waits."""
    row = _get(payload["engagement"])
    if row.state_at(clock.now()) != OfferState.PENDING:
        return
    known = find_verified(row.address)
    if known and is_blocked(known.id, row.giver_id):
        return
    path = "/installations" if known else f"/join/{_renew_join_secret(row)}"
    _send("engagement_offered", row.address, _context(row, path=path))


def _renew_join_secret(row: Engagement) -> str:
    """A secret for one message alone: it waits in no queue, and makes the one before it void."""
    secret = secrets.token_urlsafe(32)
    Engagement.objects.filter(pk=row.pk).update(join_digest=digest_of(secret))
    return secret


def send_answered(payload: dict[str, Any]) -> None:
    """Tell the giver that he took it on, or declined."""
    row = _get(payload["engagement"])
    _send("engagement_answered", row.giver.email, _context(row, path="/admin/providers"))


def send_ended(payload: dict[str, Any]) -> None:
    """Tell both that it is over."""
    row = _get(payload["engagement"])
    _send("engagement_ended", row.address, _context(row, path="/installations"))
    _send("engagement_ended", row.giver.email, _context(row, path="/admin/providers"))


def send_handed_over(payload: dict[str, Any]) -> None:
    """Tell the provider whose it is now, while it goes on."""
    row = _get(payload["engagement"])
    if row.state_at(clock.now()) == OfferState.ACCEPTED:
        _send("engagement_handed_over", row.address, _context(row, path="/installations"))


def send_asked(payload: dict[str, Any]) -> None:
    """Tell the owner of a wish that still waits."""
    wish = _get_wish(payload["wish"])
    if wish.state_at(clock.now()) == OfferState.PENDING:
        owner = get_owner(wish.engagement.organization_id)
        _send("engagement_asked", get_persons([owner])[owner].email, _of_wish(wish, path="/admin/providers"))


def send_decided(payload: dict[str, Any]) -> None:
    """Tell the provider what became of his wish."""
    wish = _get_wish(payload["wish"])
    _send("engagement_decided", wish.engagement.address, _of_wish(wish, path="/installations"))


def _get(pk: str) -> Engagement:
    return Engagement.objects.select_related("organization", "site", "giver", "provider").get(pk=pk)


def _get_wish(pk: str) -> Wish:
    wish = Wish.objects.select_related("granted").get(pk=pk)
    wish.engagement = _get(wish.engagement_id)
    return wish


def _context(row: Engagement, *, path: str) -> dict[str, Any]:
    provider = row.provider
    return {
        "site": row.site.name,
        "organization": row.organization.name,
        "giver": {"name": row.giver.name, "email": row.giver.email},
        "provider": {"name": provider.name if provider else row.address, "email": row.address},
        "rights": Permission(row.permissions).wire_names,
        "ends_at": row.ends_at,
        "message": row.message,
        "state": STATES[row.state_at(clock.now())],
        "link": settings.BELVEDERE.url + path,
    }


def _of_wish(wish: Wish, *, path: str) -> dict[str, Any]:
    granted = wish.granted
    return _context(wish.engagement, path=path) | {
        "state": WISH_STATES[OfferState(wish.state)],
        "rights": Permission(granted.permissions if granted else wish.permissions).wire_names,
        "hours": wish.hours,
        "until": granted.ends_at if granted else wish.until,
        "reason": wish.reason,
    }


def _send(kind: str, address: str, context: dict[str, Any]) -> None:
    subject = " ".join(render_to_string(f"mail/{kind}_subject.txt", context).split())
    mail = EmailMultiAlternatives(subject, render_to_string(f"mail/{kind}.txt", context), to=[address])
    mail.attach_alternative(render_to_string(f"mail/{kind}.html", context), "text/html")
    mail.send()
