"""The mails of requests and claims. Who gets what is decided when the mail is sent, not when it was asked for.

A request's mail names who asks, with his verified address, and his reason; the answer's nothing that he did not know. A
claim's mail masks the claimant: its owner learns that it happens, and how to end it.
"""

from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from belvedere.contracts.permissions import Permission
from belvedere.control.accounts.selectors import get_persons, list_verified_addresses
from belvedere.control.appeals.models import AccessRequest, DeviceClaim
from belvedere.control.appeals.selectors import CLAIM_STATES
from belvedere.control.core.names import mask_email
from belvedere.control.core.offers import OfferState
from belvedere.control.organizations.selectors import get_owner


def send_request_made(payload: dict[str, Any]) -> None:
    """Tell the owner of a request that still waits."""
    row = _get_request(payload["request"])
    if row.state == OfferState.PENDING:
        owner = get_owner(row.organization_id)
        _send("request_made", get_persons([owner])[owner].email, context=_of_request(row, path=f"/requests/{row.pk}"))


def send_request_denied(payload: dict[str, Any]) -> None:
    """Tell the requester that the answer was no. A yes comes as the offer's own mail."""
    row = _get_request(payload["request"])
    _send("request_denied", row.requester.email, context=_of_request(row, path="/inbox"))


def _get_request(pk: str) -> AccessRequest:
    return AccessRequest.objects.select_related("requester", "device", "camera").get(pk=pk)


def _of_request(row: AccessRequest, *, path: str) -> dict[str, Any]:
    return {
        "requester": {"name": row.requester.name, "email": row.requester.email},
        "device": row.device.name,
        "camera": row.camera.name if row.camera else "",
        "rights": Permission(row.permissions).wire_names,
        "reason": row.reason,
        "ends_at": row.ends_at,
        "link": settings.BELVEDERE.url + path,
    }


def send_claim_made(payload: dict[str, Any]) -> None:
    """Tell the owner, at every address he has proven, of a claim that still waits."""
    row = _get_claim(payload["claim"])
    if row.state != OfferState.PENDING:
        return
    _send("claim_made", *_addresses_of_owner(row), context=_of_claim(row, path=f"/claims/{row.pk}"))


def send_claim_ended(payload: dict[str, Any]) -> None:
    """Tell the claimant that it came to nothing."""
    row = _get_claim(payload["claim"])
    _send("claim_ended", row.claimant.email, context=_of_claim(row, path="/inbox"))


def send_claim_released(payload: dict[str, Any]) -> None:
    """Tell one side that the device is free."""
    row = _get_claim(payload["claim"])
    if payload["to"] == "claimant":
        _send("claim_released", row.claimant.email, context=_of_claim(row, path="/devices/add"))
        return
    _send("claim_lost", *_addresses_of_owner(row), context=_of_claim(row, path="/"))


def _addresses_of_owner(row: DeviceClaim) -> list[str]:
    return list_verified_addresses(get_owner(row.device.organization_id))


def _get_claim(pk: str) -> DeviceClaim:
    return DeviceClaim.objects.select_related("claimant", "device").get(pk=pk)


def _of_claim(row: DeviceClaim, *, path: str) -> dict[str, Any]:
    return {
        "claimant": mask_email(row.claimant.email),
        "device": row.device.name,
        "state": CLAIM_STATES[OfferState(row.state)],
        "due_at": row.due_at,
        "link": settings.BELVEDERE.url + path,
    }


def _send(kind: str, *to: str, context: dict[str, Any]) -> None:
    subject = " ".join(render_to_string(f"mail/{kind}_subject.txt", context).split())
    mail = EmailMultiAlternatives(subject, render_to_string(f"mail/{kind}.txt", context), to=list(to))
    mail.attach_alternative(render_to_string(f"mail/{kind}.html", context), "text/html")
    mail.send()
