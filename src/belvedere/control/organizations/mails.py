"""The mails of organizations. Who gets what is decided when the mail is sent, not when it was asked for.

A mail names the organization, the inviter with his address, role and end: no site, no camera, no other member.
"""

import secrets
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from belvedere.control.accounts.models import digest_of
from belvedere.control.accounts.selectors import find_by_address, get_persons
from belvedere.control.accounts.texts import send_text
from belvedere.control.core.names import is_phone
from belvedere.control.core.offers import OfferState
from belvedere.control.organizations.models import Invitation, Membership
from belvedere.control.organizations.selectors.invitations import standing_offered, state_of
from belvedere.control.organizations.selectors.members import standing_of
from belvedere.control.organizations.standing import highest


def send_invitation(payload: dict[str, Any]) -> None:
    """Tell the invited, if it still waits. The secret is made here: it waits in no queue, and voids the one before."""
    row = Invitation.objects.select_related("organization", "inviter").get(pk=payload["invitation"])
    if state_of(row) != "pending":
        return
    secret = secrets.token_urlsafe(32)
    if not Invitation.objects.filter(pk=row.pk, state=OfferState.PENDING).update(token_digest=digest_of(secret)):
        return
    context = {
        "organization": row.organization.name,
        "inviter": {"name": row.inviter.name, "email": row.inviter.email},
        "role": highest(standing_offered(row)).value,
        "expires_at": row.expires_at,
        "has_account": find_by_address(row.address) is not None,
        "link": f"{settings.BELVEDERE.url}/invitations/{secret}",
    }
    if is_phone(row.address):
        words = _("%(who)s invites you to %(organization)s on Belvedere. Answer within seven days: %(link)s")
        send_text(
            row.address,
            words % {"who": row.inviter.name, "organization": row.organization.name, "link": context["link"]},
        )
        return
    _send("invitation", row.address, context)


def send_invitation_answer(payload: dict[str, Any]) -> None:
    """Tell the inviter what became of it (VV 18)."""
    row = Invitation.objects.select_related("organization", "inviter").get(pk=payload["invitation"])
    kind = {OfferState.ACCEPTED: "invitation_accepted", OfferState.REJECTED: "invitation_declined"}.get(
        OfferState(row.state)
    )
    if kind:
        known = get_persons([row.accepted_by]).get(row.accepted_by)
        context = {
            "organization": row.organization.name,
            "invited": {"name": known.name if known else row.address, "email": row.address},
            "link": f"{settings.BELVEDERE.url}/admin/users",
        }
        _send(kind, row.inviter.email, context)


def send_member_changed(payload: dict[str, Any]) -> None:
    """Tell a member what he is now (HC 32)."""
    row = Membership.objects.select_related("organization", "account").get(pk=payload["membership"])
    if row.is_active:
        by = get_persons([payload["by"]]).get(payload["by"])
        context = {
            "organization": row.organization.name,
            "by": by.name if by else "",
            "role": highest(standing_of(row)).value,
            "link": f"{settings.BELVEDERE.url}/",
        }
        _send("member_changed", row.account.email, context)


def send_member_removed(payload: dict[str, Any]) -> None:
    """Tell somebody that he is a member no more. Not if he is one again by now."""
    row = Membership.objects.select_related("organization", "account").get(pk=payload["membership"])
    again = Membership.objects.filter(organization=row.organization_id, account=row.account_id, is_active=True)
    if not row.is_active and not again.exists():
        _send("member_removed", row.account.email, {"organization": row.organization.name})


def _send(kind: str, to: str, context: dict[str, Any]) -> None:
    subject = " ".join(render_to_string(f"mail/{kind}_subject.txt", context).split())
    mail = EmailMultiAlternatives(subject, render_to_string(f"mail/{kind}.txt", context), to=[to])
    mail.attach_alternative(render_to_string(f"mail/{kind}.html", context), "text/html")
    mail.send()
