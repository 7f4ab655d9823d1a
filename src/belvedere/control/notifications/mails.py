"""The mail about something that happened: no picture, nobody else's name, and a way out of the next one."""

from datetime import datetime
from typing import Final

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from belvedere.control.notifications.egress import Answer

_SALT: Final = "notifications.unsubscribe"


def unsubscribe_token(account: str) -> str:
    """What the link in a mail carries: it stops these mails, and opens nothing."""
    return signing.dumps(account, salt=_SALT)


def read_unsubscribe_token(token: str) -> str | None:
    """Whose mails are to stop; None for what is not ours."""
    try:
        return str(signing.loads(token, salt=_SALT))
    except signing.BadSignature:
        return None


def send_mail(address: str, account: str, name: str, words: str, at: datetime, path: str) -> Answer:
    """Hand it to the mail server, whose yes is an answer like any other. Raises what its absence raises."""
    base = settings.BELVEDERE.url
    stop = f"{base}/notifications/stop/{unsubscribe_token(account)}"
    context = {"name": name, "words": words, "at": at, "link": f"{base}{path}", "stop": stop}
    subject = " ".join(render_to_string("mail/notification_subject.txt", context).split())
    mail = EmailMultiAlternatives(
        subject,
        render_to_string("mail/notification.txt", context),
        to=[address],
        # RFC 8058: mail programs show a button, and press it by POST.
        headers={"List-Unsubscribe": f"<{stop}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
    )
    mail.attach_alternative(render_to_string("mail/notification.html", context), "text/html")
    mail.send()
    return Answer(200)
