"""What is said about recovery: to whoever is asked to be a contact, and to everybody who is told of a step.

An address here may be a telephone number: then it is a text, and short.
"""

import secrets
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from belvedere.control.accounts.models import RecoveryContact, digest_of
from belvedere.control.accounts.texts import send_text
from belvedere.control.core.names import is_phone


def send_recovery_contact(payload: dict[str, Any]) -> None:
    """Ask somebody to be a recovery contact, or for his word once more. The secret is made here, and voids the last."""
    row = RecoveryContact.objects.filter(pk=payload["contact"]).select_related("account").first()
    if row is None or not row.account.is_active:
        return
    secret = secrets.token_urlsafe(32)
    if not RecoveryContact.objects.filter(pk=row.pk).update(token_digest=digest_of(secret)):
        return
    words = {"who": row.account.name, "until": date_format(row.expires_at, "DATE_FORMAT")}
    send_grave(
        row.address,
        _("%(who)s asks you to be a recovery contact") % words,
        _(
            "%(who)s named you as recovery contact on Belvedere: you would be told when somebody recovers that "
            "account. You could not sign in to it. Answer until %(until)s:"
        )
        % words,
        link=f"{settings.BELVEDERE.url}/recovery/{secret}",
    )


def send_recovery_told(payload: dict[str, Any]) -> None:
    """One step of a recovery, to one of those who are told: `to`, `what` happened, and to `who`se account."""
    subject, sentence = _words(payload["what"])
    words = {"who": payload["who"], "detail": payload.get("detail", "")}
    page = payload.get("page", "")
    send_grave(payload["to"], subject % words, sentence % words, link=settings.BELVEDERE.url + page if page else "")


def send_grave(to: str, subject: str, sentence: str, *, link: str = "") -> None:
    """One sentence that must reach somebody, by mail or by text."""
    if is_phone(to):
        send_text(to, f"{sentence} {link}".strip())
        return
    context = {"sentence": sentence, "link": link}
    mail = EmailMultiAlternatives(subject, render_to_string("mail/grave.txt", context), to=[to])
    mail.attach_alternative(render_to_string("mail/grave.html", context), "text/html")
    mail.send()


def _words(what: str) -> tuple[str, str]:
    return {
        "cancelled": (
            _("Everything of %(who)s’s account was ended"),
            _(
                "With a recovery code, every sign-in, API token and guest link of %(who)s’s account on Belvedere was "
                "ended at once. Nobody is signed in to it. Whoever has its password and second factor can sign in."
            ),
        ),
        "reset_link_made": (
            _("A way into the account of %(who)s was made"),
            _(
                "Whoever runs this server made a link that sets a new password for %(who)s’s account on Belvedere. If "
                "%(who)s did not ask for it, speak to whoever runs the server at once."
            ),
        ),
        "contact_removed": (
            _("You are no recovery contact of %(who)s any more"),
            _("%(who)s took you off the recovery contacts of his or her account on Belvedere. You have nothing to do."),
        ),
    }[what]
