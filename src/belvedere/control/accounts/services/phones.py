"""Phone numbers: one is the account's once the code that was sent there has been typed here."""

from typing import Final

from django.db import transaction
from django.db.models import F
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from belvedere.control.accounts.models import Phone
from belvedere.control.accounts.selectors import require_fresh
from belvedere.control.accounts.texts import code_digest
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Invalid, NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.limits import hit
from belvedere.control.core.names import clean_phone
from belvedere.control.core.principal import Principal
from belvedere.control.outbox.services import enqueue

MAX_PHONES: Final = 5
MAX_TRIES: Final = 5


@transaction.atomic
def add_phone(actor: Principal, *, number: str) -> str:
    """Send a code to `number`. One answer whether or not somebody else has it (N1). Returns the phone's id."""
    require_fresh(actor)
    number = clean_phone(number)
    hit("phone.code", actor.id, limit=10, per_s=3600)
    hit("phone.code.to", number, limit=5, per_s=3600)
    mine = Phone.objects.filter(account_id=actor.id)
    if mine.exclude(number=number).count() >= MAX_PHONES:
        raise Conflict(_("That is enough numbers: remove one first."))
    phone, _is_new = mine.get_or_create(account_id=actor.id, number=number, defaults={"created_at": clock.now()})
    # The code itself is made when the text goes out: it waits in no queue.
    enqueue("text.phone_code", {"phone": phone.pk})
    write_entry(actor=actor, action="phone.code_sent", thing=f"account:{actor.id}")
    return phone.pk


def confirm_phone(actor: Principal, *, phone: str, code: str) -> None:
    """The number is the actor's, and nobody's else from now on. Raises NotFound, Conflict, Invalid.

    A try is counted for good before the code is looked at.
    """
    row = _get(actor, phone)
    waiting = Phone.objects.filter(pk=row.pk, code_tries__lt=MAX_TRIES, code_expires_at__gt=clock.now())
    if not waiting.update(code_tries=F("code_tries") + 1):
        raise Conflict(_("This code is used up or too old. Have a new one sent."))
    if not constant_time_compare(row.code_digest, code_digest(row.pk, "".join(code.split()))):
        raise Invalid(_("That is not the code that was sent."), field="code")
    with transaction.atomic():
        _take_from_others(row)
        # Spent by whoever comes first.
        if not Phone.objects.filter(pk=row.pk, code_digest=row.code_digest).update(
            verified_at=clock.now(), code_digest="", code_expires_at=None
        ):
            raise Conflict(_("This code is used up or too old. Have a new one sent."))
        write_entry(actor=actor, action="phone.verified", thing=f"account:{actor.id}")


@transaction.atomic
def remove_phone(actor: Principal, *, phone: str) -> None:
    """Give a number up."""
    require_fresh(actor)
    _drop(_get(actor, phone))
    write_entry(actor=actor, action="phone.removed", thing=f"account:{actor.id}")


@transaction.atomic
def drop_phones(account: str) -> None:
    """Forget all numbers of an account: what is proven of it was proven by somebody else."""
    for row in Phone.objects.filter(account_id=account):
        _drop(row)


def _take_from_others(row: Phone) -> None:
    """Numbers change hands: whoever has the telephone has the number, and who had it before is told."""
    others = Phone.objects.filter(number=row.number).exclude(pk=row.pk).exclude(verified_at=None)
    for other in others.select_related("account"):
        enqueue("mail.account_notice", {"to": other.account.email, "what": "phone_lost", "detail": row.number})
        _drop(other)


def _drop(row: Phone) -> None:
    enqueue("lost.account", {"account": row.account_id, "why": "phone_removed", "phone": row.pk})
    row.delete()


def _get(actor: Principal, phone: str) -> Phone:
    row = Phone.objects.filter(pk=phone, account_id=actor.id).first() if is_id(phone) else None
    if row is None:
        raise NotFound
    return row
