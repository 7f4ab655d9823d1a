"""Recovery contacts: named by an account's holder, good once they said yes, correctable at any time (VA 11).

Whoever holds a message's secret answers for its address. It signs nobody in, and it is not to: what a contact may do
is hear of every step of a recovery, and begin one (`regaining`).
"""

from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.control.accounts.models import Account, RecoveryContact, digest_of
from belvedere.control.accounts.recovery import find_asked_contact, list_routes, reset_link_of
from belvedere.control.accounts.selectors import list_proven, require_fresh
from belvedere.control.accounts.sign_ins import find_alert_address
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Invalid, NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.limits import hit
from belvedere.control.core.names import clean_address, clean_name
from belvedere.control.core.principal import Principal
from belvedere.control.outbox.services import enqueue

MAX_CONTACTS: Final = 3
ANSWER_FOR: Final = timedelta(days=7)


@transaction.atomic
def add_recovery_contact(actor: Principal, *, address: str, name: str) -> str:
    """Ask whoever reads at `address` to be one's recovery contact; again, if he was asked before. The contact's id.

    Raises ReauthenticationRequired, Invalid, Conflict (enough of them), RateLimited.
    """
    require_fresh(actor)
    address, name = clean_address(address, field="address"), clean_name(name)
    if address == Account.objects.values_list("email", flat=True).get(pk=actor.id):
        raise Invalid(
            _("You sign in with this address. Name another way to reach you, or somebody you trust."), field="address"
        )
    hit("recovery.contact", actor.id, limit=10, per_s=86400)
    hit("recovery.contact.to", address, limit=5, per_s=86400)
    mine = RecoveryContact.objects.filter(account_id=actor.id)
    if mine.exclude(address=address).count() >= MAX_CONTACTS:
        raise Conflict(_("That is enough recovery contacts: remove one first."))
    at = clock.now()
    row, is_new = mine.get_or_create(
        account_id=actor.id,
        address=address,
        defaults={"name": name, "created_at": at, "expires_at": at + ANSWER_FOR},
    )
    if not is_new:
        mine.filter(pk=row.pk).update(name=name, expires_at=at + ANSWER_FOR)
    # The secret is made when the message goes out: it waits in no queue, and voids the one before.
    enqueue("mail.recovery_contact", {"contact": row.pk})
    write_entry(actor=actor, action="recovery_contact.asked", thing=f"account:{actor.id}")
    return row.pk


@transaction.atomic
def confirm_recovery_contact(actor: Principal, *, token: str) -> None:
    """Say yes, by the secret of the message. A second time is harmless. Raises NotFound, Conflict (too late)."""
    asked = find_asked_contact(token)
    if asked is None:
        raise NotFound
    if asked.is_confirmed:
        return
    at = clock.now()
    waiting = RecoveryContact.objects.filter(
        pk=asked.id, token_digest=digest_of(token), confirmed_at=None, expires_at__gt=at
    )
    if not waiting.update(confirmed_at=at):
        raise Conflict(_("This was good for seven days. Ask whoever named you to ask again. Nothing was changed."))
    write_entry(actor=actor, action="recovery_contact.confirmed", thing=f"account:{asked.account}")
    _tell_holder(asked.account, "recovery_contact_added", asked.name)


@transaction.atomic
def decline_recovery_contact(actor: Principal, *, token: str) -> None:
    """Say no, or no more, by the secret of the message. Raises NotFound."""
    asked = find_asked_contact(token)
    if asked is None or not RecoveryContact.objects.filter(pk=asked.id, token_digest=digest_of(token)).delete()[0]:
        raise NotFound
    enqueue("lost.helper", {"contact": asked.id})
    write_entry(actor=actor, action="recovery_contact.declined", thing=f"account:{asked.account}")
    _tell_holder(asked.account, "recovery_contact_declined", asked.name)


@transaction.atomic
def remove_recovery_contact(actor: Principal, *, contact: str) -> None:
    """Take one back; he is told if he had said yes. Raises ReauthenticationRequired, NotFound."""
    require_fresh(actor)
    row = RecoveryContact.objects.filter(pk=contact, account_id=actor.id).first() if is_id(contact) else None
    if row is None:
        raise NotFound
    _drop(row)
    write_entry(actor=actor, action="recovery_contact.removed", thing=f"account:{actor.id}")
    _tell_holder(actor.id, "recovery_contact_removed", row.name)
    if row.confirmed_at:
        enqueue("mail.recovery_told", {"to": row.address, "what": "contact_removed", "who": actor.name})


@transaction.atomic
def drop_recovery_contacts(actor: Principal, *, account: str, is_silent: bool) -> None:
    """Whoever has this account is no recovery contact of the actor's any more; told, if he had said yes, or in silence.

    Called by moving out, which wanted a fresh proof.
    """
    rows = RecoveryContact.objects.filter(account_id=actor.id, address__in=list_proven(account))
    for row in list(rows):
        _drop(row)
        write_entry(actor=actor, action="recovery_contact.removed", thing=f"account:{actor.id}")
        if row.confirmed_at and not is_silent:
            enqueue("mail.recovery_told", {"to": row.address, "what": "contact_removed", "who": actor.name})


@transaction.atomic
def forget_recovery_contacts(account: str) -> None:
    """Forget whom somebody else named, before the true holder comes in. Nobody is told: he named none of them."""
    for row in RecoveryContact.objects.filter(account_id=account):
        _drop(row)


@transaction.atomic
def make_reset_link(actor: Principal, *, account: str) -> str:
    """An operator's act: a link that sets a new password once, within the hour. Told by every way there is to him.

    Factors stay: it still asks for them. Raises NotFound.
    """
    row = Account.objects.filter(pk=account, is_active=True).first()
    if row is None:
        raise NotFound
    write_entry(actor=actor, action="account.reset_link_made", thing=f"account:{account}")
    for route in list_routes(account):
        enqueue("mail.recovery_told", {"to": route, "what": "reset_link_made", "who": row.name})
    return reset_link_of(row)


def _drop(row: RecoveryContact) -> None:
    enqueue("lost.helper", {"contact": row.pk})
    row.delete()


def _tell_holder(account: str, what: str, detail: str) -> None:
    enqueue("mail.account_notice", {"to": find_alert_address(account), "what": what, "detail": detail})
