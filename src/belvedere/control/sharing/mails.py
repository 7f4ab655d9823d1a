"""The mails of sharing. Who gets what is decided when the mail is sent, not when it was asked for.

A mail names the sharer with his verified address, the cameras and the offered rights: no picture, no remark, and only
links to our own address.
"""

import secrets
from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from belvedere.contracts.permissions import Permission
from belvedere.control.accounts.models import digest_of
from belvedere.control.accounts.selectors import find_verified
from belvedere.control.core.offers import OfferState
from belvedere.control.sharing.models import THINGS, Share, of_things
from belvedere.control.sharing.terms import hours_wire
from belvedere.control.sharing.words import footage_words, hours_words


def send_offer(payload: dict[str, Any]) -> None:
    """Tell the recipient of an offer that still waits; somebody without an account gets the way in."""
    share = _get(payload["share"])
    if share.state != OfferState.PENDING:
        return
    known = find_verified(share.recipient.email) is not None
    path = f"/inbox?offer={share.pk}" if known else f"/join/{_new_secret(share)}"
    _send("offer" if known else "offer_signup", share.recipient.email, share, link=settings.BELVEDERE.url + path)


def _new_secret(share: Share) -> str:
    """A secret for this mail alone: it waits in no queue, and a mail sent again makes the older one void."""
    secret = secrets.token_urlsafe(32)
    Share.objects.filter(pk=share.pk).update(join_digest=digest_of(secret))
    return secret


def send_extended(payload: dict[str, Any]) -> None:
    """Tell the recipient of a share what came to it, while it is in force."""
    share = _get(payload["share"])
    if share.state == OfferState.ACCEPTED:
        link = f"{settings.BELVEDERE.url}/"
        _send("share_extended", share.recipient.email, share, link=link, only=payload["added"])


def send_changed(payload: dict[str, Any]) -> None:
    """Tell the recipient of a share what it gives from now on: more than before (HC-32)."""
    share = _get(payload["share"])
    if share.state == OfferState.ACCEPTED:
        _send("share_changed", share.recipient.email, share, link=f"{settings.BELVEDERE.url}/")


def send_answer(payload: dict[str, Any]) -> None:
    """Tell the sharer what became of his offer."""
    share = _get(payload["share"])
    kind = {OfferState.ACCEPTED: "share_accepted", OfferState.REJECTED: "share_rejected"}.get(OfferState(share.state))
    if kind:
        _send(kind, share.sharer.email, share, link=f"{settings.BELVEDERE.url}/sharing")


def send_ended(payload: dict[str, Any]) -> None:
    """Tell the recipient that what he had has ended, or the sharer that it was given back."""
    share = _get(payload["share"])
    if share.state == OfferState.LEFT:
        _send("share_left", share.sharer.email, share, link=f"{settings.BELVEDERE.url}/sharing")
    elif share.accepted_by:
        _send("share_ended", share.recipient.email, share, link=f"{settings.BELVEDERE.url}/")


def _get(pk: str) -> Share:
    return Share.objects.select_related("recipient", "recipient__account", "sharer").get(pk=pk)


def _send(kind: str, to: str, share: Share, *, link: str, only: Collection[str] | None = None) -> None:
    """With `only`, of these cameras and panels alone."""
    items = share.items.filter(ended_at=None)
    if only is not None:
        items = items.filter(of_things(only))
    account = share.recipient.account
    context = {
        "sharer": {"name": share.sharer.name, "email": share.sharer.email},
        "recipient": {"name": account.name if account else share.recipient.email, "email": share.recipient.email},
        "items": [
            {
                "camera_name": item.thing.name,
                "rights": Permission(item.permissions).wire_names,
                "footage": footage_words(item.footage) if Permission.PLAYBACK & item.permissions else "",
            }
            for item in items.select_related(*THINGS).order_by("camera__name", "pk")
        ],
        "message": share.message,
        "link": link,
        "starts_at": share.starts_at,
        "ends_at": share.ends_at,
        "hours": hours_words(hours := hours_wire(share.hours)),
        "zone": hours["zone"] if hours else "",
        "is_released": share.ended_reason == "released",
    }
    subject = " ".join(render_to_string(f"mail/{kind}_subject.txt", context).split())
    mail = EmailMultiAlternatives(subject, render_to_string(f"mail/{kind}.txt", context), to=[to])
    mail.attach_alternative(render_to_string(f"mail/{kind}.html", context), "text/html")
    mail.send()
