"""The mail of guest links: that one rests. To whoever made it, as long as it would open again after the rest."""

from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from belvedere.control.core import clock
from belvedere.control.guests.models import GuestLink


def send_paused(payload: dict[str, Any]) -> None:
    """Five wrong passcodes: somebody has the address, and guesses."""
    link = GuestLink.objects.select_related("giver").get(pk=payload["link"])
    if link.paused_until is None or link.state_at(clock.now()) != "open":
        return
    context = {
        "name": link.name,
        "until": link.paused_until,
        "link": f"{settings.BELVEDERE.url}/guest-links/{link.pk}",
    }
    subject = " ".join(render_to_string("mail/guest_link_paused_subject.txt", context).split())
    mail = EmailMultiAlternatives(
        subject, render_to_string("mail/guest_link_paused.txt", context), to=[link.giver.email]
    )
    mail.attach_alternative(render_to_string("mail/guest_link_paused.html", context), "text/html")
    mail.send()
