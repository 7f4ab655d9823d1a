"""An account's QR code: it says who somebody is, and nothing more. No one signs in with it, and it gives nothing."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from belvedere.control.accounts.models import AccountQr
from belvedere.control.accounts.qr import address_of
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock
from belvedere.control.core.principal import Principal
from belvedere.control.outbox.services import enqueue


@dataclass(frozen=True, slots=True)
class QrView:
    """What one's own code says, 32 hexadecimal digits, and since when."""

    code: str
    created_at: datetime

    @property
    def address(self) -> str:
        """What the picture says."""
        return address_of(self.code)


@transaction.atomic
def show_qr(actor: Principal) -> QrView:
    """One's own code (HC-8). Made when it is first asked for."""
    row, _is_new = AccountQr.objects.get_or_create(
        account_id=actor.id, defaults={"code": secrets.token_hex(16), "created_at": clock.now()}
    )
    return QrView(row.code, row.created_at)


@transaction.atomic
def renew_qr(actor: Principal) -> QrView:
    """A fresh code; the old one leads to nobody from now on (HC-9)."""
    row, _is_new = AccountQr.objects.update_or_create(
        account_id=actor.id, defaults={"code": secrets.token_hex(16), "created_at": clock.now()}
    )
    enqueue("lost.account", {"account": actor.id, "why": "qr_renewed"})
    write_entry(actor=actor, action="qr.renewed", thing=f"account:{actor.id}")
    return QrView(row.code, row.created_at)
