"""What an account is told about itself, so that its owner notices what was not his doing."""

from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.translation import gettext as _


def send_notice(payload: dict[str, Any]) -> None:
    """One mail to one address: `to`, `what` happened, and its `detail`: a name, an address, a number.

    `page`: where on this server something can be done about it, where that is not how one signs in.
    """
    subject, sentence = _words(payload["what"], payload["detail"])
    is_closed = payload["what"] == "account_closed"
    page = payload.get("page") or ("/sign-in" if is_closed else "/account/security")
    context = {"sentence": sentence, "link": settings.BELVEDERE.url + page, "is_closed": is_closed}
    mail = EmailMultiAlternatives(subject, render_to_string("mail/account_notice.txt", context), to=[payload["to"]])
    mail.attach_alternative(render_to_string("mail/account_notice.html", context), "text/html")
    mail.send()


def _words(what: str, detail: str) -> tuple[str, str]:
    subject, sentence = {
        "passkey_added": (
            _("A passkey was added"),
            _("The passkey “%(detail)s” was added to your account. It signs in without a password."),
        ),
        "passkey_removed": (
            _("A passkey was removed"),
            _("The passkey “%(detail)s” was removed from your account and signs in no more."),
        ),
        "app_added": (
            _("Signing in now asks for a code"),
            _("An app that makes codes was set up for your account. Signing in with the password asks for one."),
        ),
        "app_removed": (
            _("Signing in asks for no code any more"),
            _("The app that makes codes was removed from your account."),
        ),
        "codes_made": (
            _("New recovery codes were made"),
            _("New recovery codes were made for your account. The old ones are void."),
        ),
        "code_used": (
            _("A recovery code was used"),
            _("Somebody proved to be you with a recovery code. It is spent."),
        ),
        "factors_removed": (
            _("Your second factors were removed"),
            _("Whoever runs this server removed your passkeys, app and recovery codes. Your password signs in alone."),
        ),
        "address_changed": (
            _("Your address was changed"),
            _("Mail of your account goes to %(detail)s from now on, and no longer here."),
        ),
        "address_removed": (
            _("An address was removed"),
            _("%(detail)s was removed from its account."),
        ),
        "sign_in": (
            _("A new sign-in to your account"),
            _("Somebody signed in to your account in a browser that was not there before (%(detail)s)."),
        ),
        "guesses": (
            _("Many wrong passwords"),
            _("Somebody tried many wrong passwords for your account. Nobody has come in with them."),
        ),
        "wrong_codes": (
            _("Somebody knows your password"),
            _(
                "Somebody typed your password, and then several wrong codes. Nobody has come in. If it was not you, "
                "choose a new password: the second step is all that holds them."
            ),
        ),
        "many_places": (
            _("Your sign-in is used in several places at once"),
            _(
                "Your sign-in was watching from %(detail)s networks at the same time. If somebody else uses your "
                "password, share the cameras with them instead: they see what you choose, and you can end it. Then "
                "change your password. If it was you in all of them, nothing needs doing."
            ),
        ),
        "account_closed": (
            _("Your account was closed"),
            _(
                "Your account was closed, and all that was shared with it or by it has ended. Until %(detail)s you can "
                "bring the account back by signing in; after that, your name, addresses and numbers are erased."
            ),
        ),
        "account_reopened": (
            _("Your account is back"),
            _("Your account was brought back and can sign in again. What was shared with it or by it has ended."),
        ),
        "panic": (
            _("Everybody was signed out"),
            _(
                "Whoever runs this server ended every sign-in, API token, guest link and invitation on it, as after a "
                "break-in. Recording goes on, and what is shared stays shared. Sign in again, and look whether "
                "everything is as you know it."
            ),
        ),
        "account_enabled": (
            _("Your account works again"),
            _(
                "Whoever runs this server enabled your account again: you can sign in. What was shared with it or by "
                "it had ended, and stays ended."
            ),
        ),
        "keys_rotated": (
            _("Keys of your server were renewed"),
            _(
                "Whoever runs this server renewed its keys (%(detail)s). What was sealed or signed before stays good. "
                "If notifications stop in a browser, open Belvedere there once."
            ),
        ),
        "incident_bundled": (
            _("Records were taken to look into an incident"),
            _(
                "Whoever runs this server took an incident bundle: the audit, who watched what, and logs, of "
                "%(detail)s. It may be shown to an authority or to somebody who looks into a break-in. If you know of "
                "none, ask whoever runs the server."
            ),
        ),
        "recovery_contact_added": (
            _("You have a recovery contact"),
            _("%(detail)s said yes, and is told from now on when somebody recovers your account."),
        ),
        "recovery_contact_declined": (
            _("Somebody is no recovery contact of yours"),
            _("%(detail)s does not want to be your recovery contact. Name somebody else if nobody is left."),
        ),
        "recovery_contact_removed": (
            _("A recovery contact was removed"),
            _("%(detail)s was taken off your recovery contacts, and hears of no recovery any more."),
        ),
        "phone_lost": (
            _("A phone number was taken off your account"),
            _("Somebody else confirmed the number %(detail)s with a code that was sent there. It is yours no more."),
        ),
    }[what]
    return subject, sentence % {"detail": detail}
