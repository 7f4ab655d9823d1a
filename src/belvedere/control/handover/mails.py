"""The mails of handovers. Who gets what is decided when the mail is sent, not when it was asked for.

A mail names the organization, both people with their addresses, and what becomes of the giver: no site, no camera, no
other member.
"""

from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from belvedere.control.handover.models import Handover
from belvedere.control.handover.selectors import state_of


def send_offered(payload: dict[str, Any]) -> None:
    """Tell one side of an offer that still waits: the receiver, or the giver, whose hand it may not have been."""
    row = _get(payload["handover"])
    if state_of(row) == "pending":
        kind = {"giver": "handover_sent", "receiver": "handover_offered"}[payload["to"]]
        _send(kind, row, to=payload["to"], path=f"/handovers/{row.pk}")


def send_answered(payload: dict[str, Any]) -> None:
    """Tell one side what became of it (VV 32)."""
    _send("handover_answered", _get(payload["handover"]), to=payload["to"], path="/")


def _get(pk: str) -> Handover:
    return Handover.objects.select_related("organization", "giver", "receiver").get(pk=pk)


def _send(kind: str, row: Handover, *, to: str, path: str) -> None:
    context = {
        "organization": row.organization.name,
        "giver": {"name": row.giver.name, "email": row.giver.email},
        "receiver": {"name": row.receiver.name, "email": row.receiver.email},
        "state": state_of(row),
        "is_leaving": row.is_leaving,
        "expires_at": row.expires_at,
        "link": settings.BELVEDERE.url + path,
    }
    subject = " ".join(render_to_string(f"mail/{kind}_subject.txt", context).split())
    address = row.giver.email if to == "giver" else row.receiver.email
    mail = EmailMultiAlternatives(subject, render_to_string(f"mail/{kind}.txt", context), to=[address])
    mail.attach_alternative(render_to_string(f"mail/{kind}.html", context), "text/html")
    mail.send()
