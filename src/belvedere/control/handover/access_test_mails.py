"""The mail that asks somebody to try for himself what he is let see. To whom, and whether, is decided when it is sent.

It names who asks and how many cameras, none of them: which ones he may see is read at the door (N17).
"""

import secrets
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from belvedere.control.accounts.models import digest_of
from belvedere.control.accounts.selectors import get_persons
from belvedere.control.core import clock
from belvedere.control.handover.models import AccessTest
from belvedere.control.handover.selectors.access_tests import mail_address_of
from belvedere.control.sharing.selectors.blocking import is_blocked


def send_link(payload: dict[str, Any]) -> None:
    """Send a link of a test that still waits, to a proven address. To who has blocked the asker nothing goes."""
    waiting = AccessTest.objects.filter(opened_at=None, finished_at=None, ends_at__gt=clock.now())
    test = waiting.filter(pk=payload["test"]).first()
    address = mail_address_of(test.account) if test else ""
    if test is None or not address or is_blocked(test.account, test.asker):
        return
    # Made for this one message: it waits in no queue, and a second try makes the first one's void.
    secret = secrets.token_urlsafe(32)
    waiting.filter(pk=test.pk).update(mailed_hash=digest_of(secret))
    asker = get_persons([test.asker])[test.asker]
    context = {
        "asker": {"name": asker.name, "email": asker.email},
        "cameras": test.results.values("camera").distinct().count(),
        "ends_at": test.ends_at,
        "link": f"{settings.BELVEDERE.url}/access-tests/{test.pk}/come#{secret}",
    }
    subject = " ".join(render_to_string("mail/access_test_subject.txt", context).split())
    mail = EmailMultiAlternatives(subject, render_to_string("mail/access_test.txt", context), to=[address])
    mail.attach_alternative(render_to_string("mail/access_test.html", context), "text/html")
    mail.send()
