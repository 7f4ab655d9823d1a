"""Who watches over an organization's audit: its managers read it, and its owner gets its signed head (threats D4)."""

from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string

from belvedere.control.accounts.selectors import get_persons
from belvedere.control.audit.heads import SIGN_AFTER, Head, list_due_chains, list_heads, sign_chain
from belvedere.control.audit.selectors import Scope
from belvedere.control.core.principal import Principal
from belvedere.control.organizations.models import Organization
from belvedere.control.organizations.selectors import get_management
from belvedere.control.outbox.services import enqueue

log = structlog.get_logger(__name__)


def find_audit_scope(actor: Principal, organization: str) -> Scope:
    """What the actor may read of an organization's audit: all of it, or the entries at the sites he manages.

    Raises NotFound for who is no member, Forbidden for who manages nothing.
    """
    management = get_management(actor, organization)
    return Scope(organization, None if management.is_whole else frozenset(management.sites))


def sign_audit(*, after: timedelta = SIGN_AFTER) -> list[Head]:
    """Sign what is due, and tell the owners by mail. Called by the worker, and by `belvedere audit head`."""
    heads = []
    for chain in list_due_chains(after=after):
        try:
            head = _sign(chain)
        except OSError as error:
            # No key can be made, or no line be kept: what is due stays due, and the worker has other work.
            log.warning("audit_head_not_kept", organization=chain, error=type(error).__name__)
            continue
        if head:
            heads.append(head)
    return heads


@transaction.atomic
def _sign(chain: str) -> Head | None:
    head = sign_chain(chain)
    # The installation's has no owner to tell, nor has what a closed account left behind.
    if head and Organization.objects.filter(pk=chain, owner__is_active=True).exists():
        enqueue("mail.audit_head", {"organization": chain, "sequence": head.sequence})
    return head


def send_audit_head(payload: dict[str, Any]) -> None:
    """Send one signed head to whoever owns the organization when the mail goes out."""
    organization = Organization.objects.get(pk=payload["organization"])
    owner = get_persons([organization.owner_id])[organization.owner_id]
    head = next(head for head in reversed(list_heads(organization.pk)) if head.sequence == payload["sequence"])
    context = {
        "recipient": {"name": owner.name, "email": owner.email},
        "organization": organization.name,
        "head": head,
        "line": head.line(),
        "link": f"{settings.BELVEDERE.url}/admin/audit",
    }
    subject = " ".join(render_to_string("mail/audit_head_subject.txt", context).split())
    mail = EmailMultiAlternatives(subject, render_to_string("mail/audit_head.txt", context), to=[owner.email])
    mail.attach_alternative(render_to_string("mail/audit_head.html", context), "text/html")
    mail.send()
