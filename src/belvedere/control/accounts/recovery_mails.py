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

from belvedere.control.accounts.models import Account, RecoveryContact, digest_of
from belvedere.control.accounts.recovery import reset_link_of
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
    if row.confirmed_at:
        send_grave(
            row.address,
            _("You are a recovery contact of %(who)s") % words,
            _(
                "Somebody asked for your link as a recovery contact of %(who)s on Belvedere. Speak to %(who)s in "
                "person first. If %(who)s has lost every way in, you can begin here to let %(who)s in again:"
            )
            % words,
            link=f"{settings.BELVEDERE.url}/recovery/{secret}",
        )
        return
    send_grave(
        row.address,
        _("%(who)s asks you to be a recovery contact") % words,
        _(
            "%(who)s named you as recovery contact on Belvedere: you would be told when somebody recovers that "
            "account, and could begin it. You could not sign in to it. Answer until %(until)s:"
        )
        % words,
        link=f"{settings.BELVEDERE.url}/recovery/{secret}",
    )


def send_recovery_told(payload: dict[str, Any]) -> None:
    """One step of a recovery, to one of those who are told: `to`, `what` happened, and to `who`se account."""
    subject, sentence = _words(payload["what"])
    words = {"who": payload["who"], "by": payload.get("by", ""), "detail": payload.get("detail", "")}
    page = payload.get("page", "")
    send_grave(payload["to"], subject % words, sentence % words, link=settings.BELVEDERE.url + page if page else "")


def send_recovery_link(payload: dict[str, Any]) -> None:
    """The end of a recovery that nobody objected to: to the account's own address and to nobody else."""
    row = Account.objects.filter(pk=payload["account"], is_active=True).first()
    if row is None or row.has_usable_password():
        return
    words = {"who": row.name, "page": f"{settings.BELVEDERE.url}/reset"}
    send_grave(
        row.email,
        _("Set a new password, and come in again"),
        _(
            "Seven days have passed, and nobody objected. The old password and second step of %(who)s’s account are "
            "void. Set a new password within the hour; later, ask for another link at %(page)s."
        )
        % words,
        link=reset_link_of(row),
    )


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
        "recovery_begun": (
            _("Somebody recovers the account of %(who)s"),
            _(
                "%(by)s, a recovery contact of %(who)s, says that %(who)s cannot sign in to Belvedere any more. On "
                "%(detail)s the old password and second step end, and a link goes to the mailbox of %(who)s alone. If "
                "%(who)s signs in before, or any recovery contact objects, it is over. Speak to %(who)s in person."
            ),
        ),
        "recovery_waits": (
            _("On %(detail)s the account of %(who)s is recovered"),
            _(
                "%(by)s said that %(who)s cannot sign in to Belvedere any more. On %(detail)s the old password and "
                "second step end, unless %(who)s signs in before, or any recovery contact objects."
            ),
        ),
        "recovery_ended": (
            _("The account of %(who)s is not recovered"),
            _("%(who)s was there, or somebody objected. Nothing has changed: the same password and second step."),
        ),
        "recovery_done": (
            _("The account of %(who)s was recovered"),
            _(
                "Nobody objected to what %(by)s began. The old password and second step of %(who)s’s account are void, "
                "and a link that sets a new password went to the mailbox of %(who)s."
            ),
        ),
        "contact_removed": (
            _("You are no recovery contact of %(who)s any more"),
            _("%(who)s took you off the recovery contacts of his or her account on Belvedere. You have nothing to do."),
        ),
    }[what]
