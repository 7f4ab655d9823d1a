"""What an account's QR code says: `BELVEDERE_URL/u/` and 128 bits. Nothing else is one (N1, N15)."""

import re
from typing import Final

from django.conf import settings
from django.utils.translation import gettext as _

from belvedere.control.accounts.models import AccountQr
from belvedere.control.accounts.selectors import Person
from belvedere.control.core.errors import Invalid

_CODE: Final = re.compile(r"[0-9a-f]{32}")
#: of what was scanned, as much as is shown to whoever scanned it
_SHOWN: Final = 60


def address_of(code: str) -> str:
    """What the picture of a code says."""
    return f"{settings.BELVEDERE.url}/u/{code}"


def find_by_qr(text: str) -> Person:
    """Whose code this is just now: all that a picture said, or its digits alone.

    Raises Invalid, with a sentence, for one that was renewed, one of another server, and what is no such code at all.
    """
    code = text.strip().removeprefix(address_of(""))
    if not _CODE.fullmatch(code):
        shown = text.strip()[:_SHOWN] + ("…" if len(text.strip()) > _SHOWN else "")
        raise Invalid(
            _("That is nobody’s code on this server. It says: “%(text)s”. Nothing was opened.") % {"text": shown},
            field="qr",
        )
    row = AccountQr.objects.filter(code=code, account__is_active=True).select_related("account").first()
    if row is None:
        raise Invalid(_("Nobody here has that code any more. Ask for a fresh one, or type the address."), field="qr")
    return Person(row.account.pk, row.account.name, row.account.email)
