"""Text messages to phones, by whatever BELVEDERE_SMS names: the outbox folder, or a gateway's address.

A gateway gets one POST with `{"to": "+49…", "body": "…"}` as JSON and answers 2xx. The address is the operator's; it
may hold a key, so that no error repeats it.
"""

import json
import os
import secrets
import urllib.error
import urllib.request
from datetime import timedelta
from email.message import Message
from typing import IO, Any, Final

from django.conf import settings
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from belvedere.control.accounts.models import Phone
from belvedere.control.core import clock
from belvedere.control.core.ids import new_id

CODE_FOR: Final = timedelta(minutes=10)
TIMEOUT_S: Final = 10


class TextNotSent(Exception):  # noqa: N818  what it is, in one word
    """The gateway did not take it. Tried again by the outbox."""


def send_phone_code(payload: dict[str, Any]) -> None:
    """Make a code for a number that waits to be confirmed, and send it there. An older code is void."""
    phone = Phone.objects.filter(pk=payload["phone"]).first()
    if phone is None:
        return
    code = f"{secrets.randbelow(10**6):06}"
    Phone.objects.filter(pk=phone.pk).update(
        code_digest=code_digest(phone.pk, code), code_expires_at=clock.now() + CODE_FOR, code_tries=0
    )
    words = _("%(code)s is your Belvedere code. It is good for ten minutes. Tell it to nobody, us included.")
    send_text(phone.number, words % {"code": code})


def code_digest(phone: str, code: str) -> str:
    """What is kept of a code: keyed, because six digits alone are soon guessed."""
    return salted_hmac("phone-code", f"{phone}:{code}", algorithm="sha256").hexdigest()


def can_send() -> bool:
    """Whether texts leave this server. Without a gateway they stay in the outbox folder, for whoever runs it."""
    return bool(settings.BELVEDERE.sms != "outbox")


def send_text(to: str, body: str) -> None:
    """Send one text to a number in E.164. Blocks up to ten seconds: for the worker. Raises TextNotSent."""
    _kind, _colon, address = settings.BELVEDERE.sms.partition(":")
    if address:
        _post(address, to, body)
    else:
        _write(to, body)


def _write(to: str, body: str) -> None:
    """The embedded sender: one file for each text, beside the mails."""
    folder = settings.BELVEDERE.mail_folder
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(folder / f"text-{new_id()}.txt", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"To: {to}\n\n{body}\n")


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message,
        newurl: str,
    ) -> None:
        """Go nowhere else: what is sent holds a code."""


_opener = urllib.request.build_opener(_NoRedirects)


def _post(address: str, to: str, body: str) -> None:
    # S310: the settings take http and https only.
    request = urllib.request.Request(  # noqa: S310  see above
        address,
        data=json.dumps({"to": to, "body": body}).encode(),
        headers={"Content-Type": "application/json", "User-Agent": "Belvedere"},
        method="POST",
    )
    try:
        with _opener.open(request, timeout=TIMEOUT_S):
            return
    except urllib.error.HTTPError as refused:
        refused.close()
        raise TextNotSent from None
    except (OSError, ValueError):
        raise TextNotSent from None
