"""What owners read of their cameras by mail: that somebody took the sight of one."""

from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from belvedere.control.accounts.selectors import get_persons
from belvedere.control.devices.blindings import OWNERS
from belvedere.control.devices.models import Blinding
from belvedere.control.organizations.models import Membership


def send_blinded(payload: dict[str, Any]) -> None:
    """Tell one owner what was taken from which cameras, and by whom. Not who owns no more by now."""
    rows = list(Blinding.objects.filter(pk__in=payload["blindings"]).select_related("camera__organization"))
    rows.sort(key=lambda row: (row.camera.name, row.pk))
    first = rows[0]
    owns = Membership.objects.filter(
        organization=first.camera.organization_id, account=payload["to"], is_active=True, role__in=OWNERS
    )
    people = get_persons([payload["to"], first.by])
    if payload["to"] not in people or not owns.exists():
        return
    by = people.get(first.by)
    context = {
        "recipient": people[payload["to"]],
        "by": by.name if by else "",
        "organization": first.camera.organization.name,
        "kind": first.kind,
        "cameras": [row.camera.name for row in rows],
        "at": first.began_at,
        "link": f"{settings.BELVEDERE.url}/cameras/{first.camera_id}",
    }
    subject = " ".join(render_to_string("mail/camera_blinded_subject.txt", context).split())
    mail = EmailMultiAlternatives(
        subject, render_to_string("mail/camera_blinded.txt", context), to=[people[payload["to"]].email]
    )
    mail.attach_alternative(render_to_string("mail/camera_blinded.html", context), "text/html")
    mail.send()
