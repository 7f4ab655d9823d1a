"""The mails of handovers. Who gets what is decided when the mail is sent, not when it was asked for.

A mail names what goes, both people with their addresses, and what becomes of the giver: nothing else of the
organization, and nobody else in it.
"""

import secrets
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from belvedere.control.accounts.models import digest_of
from belvedere.control.accounts.selectors import find_verified
from belvedere.control.handover.models import Handover
from belvedere.control.handover.selectors import state_of
from belvedere.control.handover.selectors.transfers import FORGOTTEN, name_of, receiver_of
from belvedere.control.sharing.selectors.blocking import is_blocked


def send_offered(payload: dict[str, Any]) -> None:
    """Tell one side of an offer that still waits: the receiver, or the giver, whose hand it may not have been.

    Somebody without an account gets the way in. Nothing goes to who has blocked the giver.
    """
    row = _get(payload["handover"])
    if state_of(row) != "pending":
        return
    if payload["to"] == "giver":
        _send("handover_sent", row, to="giver", path=f"/handovers/{row.pk}")
        return
    known = find_verified(row.receiver_email)
    if known and is_blocked(known.id, row.giver_id):
        return
    path = f"/handovers/{row.pk}" if known else f"/join/{_renew_join_secret(row)}"
    _send("handover_offered", row, to="receiver", path=path)


def _renew_join_secret(row: Handover) -> str:
    """A secret for one message alone: it waits in no queue, and makes the one before it void."""
    secret = secrets.token_urlsafe(32)
    Handover.objects.filter(pk=row.pk).update(join_digest=digest_of(secret))
    return secret


def send_answered(payload: dict[str, Any]) -> None:
    """Tell one side what became of it (VV 32)."""
    row = _get(payload["handover"])
    if payload["to"] == "receiver" and state_of(row) in {"withdrawn", "expired"}:
        known = find_verified(row.receiver_email)
        account = row.receiver_id or (known.id if known else "")
        # Who reads no offers of his reads of no withdrawn ones.
        if account and is_blocked(account, row.giver_id):
            return
    is_open = state_of(row) in {"draft", "accepted"}
    _send("handover_answered", row, to=payload["to"], path=f"/handovers/{row.pk}" if is_open else "/")


def _get(pk: str) -> Handover:
    return Handover.objects.select_related("organization", "site", "device", "giver", "receiver").get(pk=pk)


def _send(kind: str, row: Handover, *, to: str, path: str) -> None:
    receiver = receiver_of(row)
    context = {
        "thing": name_of(row),
        "kind": row.kind,
        "giver": {"name": row.giver.name, "email": row.giver.email},
        "receiver": {"name": receiver.name, "email": receiver.email},
        "state": "forgotten" if row.ended_reason == FORGOTTEN else state_of(row),
        "afterwards": row.afterwards,
        "warranty_until": row.warranty_until,
        "passes_credentials": row.passes_credentials,
        "expires_at": row.expires_at,
        "final_at": row.final_at,
        "link": settings.BELVEDERE.url + path,
    }
    subject = " ".join(render_to_string(f"mail/{kind}_subject.txt", context).split())
    address = row.giver.email if to == "giver" else receiver.email
    mail = EmailMultiAlternatives(subject, render_to_string(f"mail/{kind}.txt", context), to=[address])
    mail.attach_alternative(render_to_string(f"mail/{kind}.html", context), "text/html")
    mail.send()
