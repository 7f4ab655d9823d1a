"""The mails of sharing. Who gets what is decided when the mail is sent, not when it was asked for.

A mail names the sharer with his verified address, the cameras and the offered rights: no picture, no remark, and only
links to our own address.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission
from belvedere.control.accounts.selectors import find_by_address
from belvedere.control.accounts.texts import send_text
from belvedere.control.core import clock
from belvedere.control.core.offers import OfferState
from belvedere.control.sharing.models import THINGS, Share, ShareItem, of_things
from belvedere.control.sharing.selectors.blocking import is_blocked
from belvedere.control.sharing.services.joining import renew_join_secret
from belvedere.control.sharing.terms import hours_wire
from belvedere.control.sharing.usage import lapses_at
from belvedere.control.sharing.words import footage_words, hours_words, term_words

_NOTHING: Final[dict[str, Any]] = {}


def send_offer(payload: dict[str, Any]) -> None:
    """Tell the recipient of an offer that still waits; somebody without an account gets the way in.

    By mail, or to a number by text. Nothing goes to who has blocked the sharer: whose address that is, he never learns.
    """
    share = _get(payload["share"])
    if share.state != OfferState.PENDING:
        return
    known = find_by_address(share.recipient.address)
    if known and is_blocked(known.id, share.sharer_id):
        return
    path = f"/inbox?offer={share.pk}" if known else f"/join/{renew_join_secret(share.pk)}"
    link = settings.BELVEDERE.url + path
    if share.recipient.phone:
        words = _(
            "%(who)s (%(email)s) wants to share a camera with you on Belvedere. "
            "Nothing opens before you accept: %(link)s"
        )
        send_text(share.recipient.phone, words % {"who": share.sharer.name, "email": share.sharer.email, "link": link})
        return
    # A second time, it says so: nobody is to think that he is offered something else.
    more = {"is_again": bool(payload.get("again"))}
    _send("offer" if known else "offer_signup", share.recipient.email, share, link=link, more=more)


def send_extended(payload: dict[str, Any]) -> None:
    """Tell the recipient of a share what came to it, while it is in force."""
    share = _get(payload["share"])
    if share.state == OfferState.ACCEPTED and not share.is_muted:
        link = f"{settings.BELVEDERE.url}/"
        _send("share_extended", _reach(share), share, link=link, only=payload["added"])


def send_changed(payload: dict[str, Any]) -> None:
    """Tell the recipient of a share what it gives from now on: more than before (HC-32)."""
    share = _get(payload["share"])
    if share.state == OfferState.ACCEPTED and not share.is_muted:
        _send("share_changed", _reach(share), share, link=f"{settings.BELVEDERE.url}/")


def send_handed_over(payload: dict[str, Any]) -> None:
    """Tell the recipient that what he has is given by somebody else from now on: its new owner."""
    share = _get(payload["share"])
    if share.state_at(clock.now()) == OfferState.ACCEPTED and not share.is_muted:
        _send("share_handed_over", _reach(share), share, link=f"{settings.BELVEDERE.url}/")


def send_resumed(payload: dict[str, Any]) -> None:
    """Tell the recipient that what was paused is his again, if it still is."""
    share = _get(payload["share"])
    if share.state_at(clock.now()) == OfferState.ACCEPTED and not share.paused_at and not share.is_muted:
        _send("share_resumed", _reach(share), share, link=f"{settings.BELVEDERE.url}/")


def send_ending(payload: dict[str, Any]) -> None:
    """Remind one side of an end that comes, if it is still that end. The sharer is led to where he can prolong it.

    What a muted share says nothing of is more right, not the end of it.
    """
    share = _get(payload["share"])
    is_so = share.state_at(clock.now()) == OfferState.ACCEPTED
    if is_so and share.ends_at == datetime.fromisoformat(payload["ends_at"]):
        _send_side("share_ending", payload["to"], share)


def send_lapsing(payload: dict[str, Any]) -> None:
    """Tell one side that a share nobody uses will end by itself, if it still will."""
    share = _get(payload["share"])
    if share.state_at(clock.now()) == OfferState.ACCEPTED and share.lapse_warned_at and share.lapse_unused_days:
        _send_side("share_lapsing", payload["to"], share)


def send_used(payload: dict[str, Any]) -> None:
    """Tell the sharer that the one time he gave was used."""
    share = _get(payload["share"])
    _send("share_used", share.sharer.email, share, link=_page_of(share))


def _send_side(kind: str, side: str, share: Share) -> None:
    """The same fact, as the sharer or as the recipient reads it."""
    more = {"term": term_words(share.term) if share.term else "", "lapses_at": lapses_at(share)}
    if side == "sharer":
        _send(f"{kind}_given", share.sharer.email, share, link=_page_of(share), more=more)
        return
    camera = share.items.filter(ended_at=None, camera__isnull=False).values_list("camera", flat=True).first()
    ask = f"/requests/new?{urlencode({'camera': camera})}" if camera and kind == "share_ending" else "/"
    _send(kind, _reach(share), share, link=settings.BELVEDERE.url + ask, more=more | {"may_ask": ask != "/"})


def _page_of(share: Share) -> str:
    return f"{settings.BELVEDERE.url}/sharing/{share.pk}"


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
        # What ended with it is told of with it.
        _send("share_ended", _reach(share), share, link=f"{settings.BELVEDERE.url}/", also=payload.get("also", ()))


def _reach(share: Share) -> str:
    """Where mail about an accepted share goes: to the address it was offered to; one by phone, to the account's own."""
    account = share.recipient.account
    return share.recipient.email or (account.email if account else "")


def _get(pk: str) -> Share:
    return Share.objects.select_related("recipient", "recipient__account", "sharer").get(pk=pk)


def _send(
    kind: str,
    to: str,
    share: Share,
    *,
    link: str,
    only: Collection[str] | None = None,
    also: Collection[str] = (),
    more: dict[str, Any] = _NOTHING,
) -> None:
    """With `only`, of these cameras and panels alone; with `also`, of these shares, too."""
    items = ShareItem.objects.filter(share__in=[share.pk, *also], ended_at=None)
    if only is not None:
        items = items.filter(of_things(only))
    account = share.recipient.account
    context = {
        "sharer": {"name": share.sharer.name, "email": share.sharer.email},
        "recipient": {"name": account.name if account else share.recipient.address, "email": share.recipient.address},
        "items": [
            {
                "camera_name": item.thing.name,
                "rights": Permission(item.permissions).wire_names,
                "footage": footage_words(item.footage) if Permission.PLAYBACK & item.permissions else "",
            }
            for item in items.select_related(*THINGS).order_by("camera__name", "pk")
        ],
        "follows": list(share.follows.order_by("group__key").values_list("group__name", flat=True)),
        "message": share.message,
        "link": link,
        "starts_at": share.starts_at,
        "ends_at": share.ends_at,
        "hours": hours_words(hours := hours_wire(share.hours)),
        "zone": hours["zone"] if hours else "",
        "is_released": share.ended_reason == "released",
        "is_closed": share.ended_reason == "account_closed",
        "is_unused": share.ended_reason == "unused",
        "is_once": share.is_once,
        "is_paused": share.paused_at is not None,
        **more,
    }
    subject = " ".join(render_to_string(f"mail/{kind}_subject.txt", context).split())
    mail = EmailMultiAlternatives(subject, render_to_string(f"mail/{kind}.txt", context), to=[to])
    mail.attach_alternative(render_to_string(f"mail/{kind}.html", context), "text/html")
    mail.send()
