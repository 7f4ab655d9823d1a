"""A recovery contact lets an account's holder in again: slowly, in the open, and never himself (ADR 0032).

He says that the holder cannot get in. All routes are told, on the first day and again; the holder's being there ends
it, and so does one word of any contact. After seven days the factors are gone and the password is void: the verified
mailbox alone sets a new one (threats, row `recovery`; N4).
"""

from datetime import timedelta
from typing import Final

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from belvedere.control.accounts.models import Account, AccountRecovery, RecoveryContact, digest_of
from belvedere.control.accounts.recovery import AskedContact, find_asked_contact, list_last_there, list_routes
from belvedere.control.accounts.selectors import find_verified
from belvedere.control.accounts.services.credentials import end_all_credentials
from belvedere.control.accounts.sign_ins import FORMER_FOR
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, NotFound, RateLimited
from belvedere.control.core.limits import hit
from belvedere.control.core.names import clean_address, clean_email
from belvedere.control.core.offers import OfferState, move
from belvedere.control.core.principal import Principal, system
from belvedere.control.outbox.services import enqueue

WAIT: Final = timedelta(days=7)
#: when everybody is told again, counted from the first day
REMIND_AFTER: Final = (timedelta(days=3), timedelta(days=6))
#: how soon nobody begins again after the holder was there, or somebody objected
REST: Final = timedelta(days=30)
#: how often one begins and takes it back in that time: each is told to everybody
TAKEN_BACK: Final = 3


@transaction.atomic
def ask_for_recovery_link(actor: Principal, *, email: str, address: str) -> None:
    """Have a recovery contact sent his link once more. The answer is the same whether the two go together (N1).

    email    of the account
    address  of the contact, e-mail or telephone

    Raises Invalid (one of them is none), RateLimited.
    """
    email, address = clean_email(email), clean_address(address, field="address")
    hit("recovery.link", actor.address, limit=30, per_s=3600)
    try:
        hit("recovery.link.to", digest_of(f"{email} {address}"), limit=3, per_s=86400)
    except RateLimited:
        return  # whoever is to be bothered has three messages already
    enqueue("account.recovery_link_asked", {"email": email, "address": address})


@transaction.atomic
def send_link_again(payload: dict[str, str]) -> None:
    """Send it, if there is such a contact, who said yes. Handler of `account.recovery_link_asked`."""
    person = find_verified(payload["email"])
    rows = RecoveryContact.objects.filter(account_id=person.id if person else "", address=payload["address"])
    for pk in rows.exclude(confirmed_at=None).values_list("pk", flat=True):
        enqueue("mail.recovery_contact", {"contact": pk})


@transaction.atomic
def begin_recovery(actor: Principal, *, token: str) -> str:
    """Say, by the secret of a contact's message, that the holder cannot get in; the recovery's id. Twice is harmless.

    Raises NotFound, Conflict (he was there, or somebody objected, or it was taken back too often, of late; or the
    address changed of late).
    """
    asked = _contact(token)
    # Locked: of two contacts who begin at once, one does; and who is taken off at this moment does not.
    account = Account.objects.select_for_update().get(pk=asked.account)
    if RecoveryContact.objects.select_for_update().filter(pk=asked.id).first() is None:
        raise NotFound
    rows = AccountRecovery.objects.filter(account=account)
    if waiting := rows.filter(state=OfferState.PENDING).first():
        if not (why := _why_over(waiting)):
            return waiting.pk
        # The worker has not come by yet: what is over is not what he has begun.
        _end(system("server"), account.pk, why)
    at = clock.now()
    ended = rows.filter(ended_at__gt=at - REST)
    is_resting = ended.filter(ended_reason__in=["holder_was_there", "objected"]).exists()
    if is_resting or ended.filter(ended_reason="withdrawn").count() >= TAKEN_BACK:
        raise Conflict(
            _("This was begun within the last thirty days, and ended. Speak to each other. Nothing was changed.")
        )
    if account.email_changed_at and at - account.email_changed_at < FORMER_FOR:
        raise Conflict(_("The address of this account changed within the last thirty days. Nothing was changed."))
    row = AccountRecovery.objects.create(
        account=account, contact_id=asked.id, contact_name=asked.name, offered_at=at, due_at=at + WAIT
    )
    write_entry(actor=actor, action="recovery.begun", thing=f"account:{account.pk}")
    _tell(row, "recovery_begun")
    return row.pk


@transaction.atomic
def stop_recovery(actor: Principal, *, token: str) -> None:
    """Any confirmed contact's word ends it, and so the beginner's own. Twice is harmless. Raises NotFound."""
    asked = _contact(token)
    if asked.recovery:
        is_own = asked.recovery.contact == asked.id
        _end(actor, asked.account, "withdrawn" if is_own else "objected")


@transaction.atomic
def refuse_recovery(actor: Principal) -> None:
    """The holder's word: he is there. Twice is harmless."""
    _end(actor, actor.id, "holder_was_there")


def settle_recoveries() -> int:
    """End those whose holder was there, remind of those that wait, carry out what is due: how many. Of the worker."""
    rows = AccountRecovery.objects.filter(state=OfferState.PENDING).select_related("account").order_by("due_at", "pk")
    return sum(_settle(row) for row in rows[:500])


def _contact(token: str) -> AskedContact:
    asked = find_asked_contact(token)
    if asked is None or not asked.is_confirmed:
        raise NotFound
    return asked


@transaction.atomic
def _end(actor: Principal, account: str, why: str) -> bool:
    row = AccountRecovery.objects.filter(account=account, state=OfferState.PENDING).select_related("account").first()
    if row is None or not move(row, OfferState.REVOKED, at=clock.now(), ended_by=actor.id, ended_reason=why):
        return False
    write_entry(actor=actor, action="recovery.ended", thing=f"account:{account}", why=why)
    _tell(row, "recovery_ended")
    return True


def _settle(row: AccountRecovery) -> bool:
    if why := _why_over(row):
        return _end(system("server"), row.account_id, why)
    at = clock.now()
    if at >= row.due_at:
        return _carry_out(row)
    passed = sum(at >= row.offered_at + after for after in REMIND_AFTER)
    return passed > row.reminders and _remind(row, passed)


def _why_over(row: AccountRecovery) -> str:
    """Why it cannot go on; "" while it can."""
    there = list_last_there([row.account_id]).get(row.account_id)
    changed = row.account.email_changed_at
    # When he was seen last is known to the hour; that his mail was moved, to the second: there the link would go.
    if (there and there > row.offered_at) or (changed and changed > row.offered_at):
        return "holder_was_there"
    return "" if row.contact_id and row.account.is_active else "no_contact"


@transaction.atomic
def _remind(row: AccountRecovery, passed: int) -> bool:
    if not AccountRecovery.objects.filter(pk=row.pk, reminders=row.reminders).update(reminders=passed):
        return False
    _tell(row, "recovery_waits")
    return True


@transaction.atomic
def _carry_out(row: AccountRecovery) -> bool:
    account = Account.objects.select_for_update().get(pk=row.account_id)
    # Read again with the account held: who comes back, or takes the contact off, at this moment is not overlooked.
    row = AccountRecovery.objects.select_for_update().get(pk=row.pk)
    if _why_over(row) or not move(row, OfferState.ACCEPTED, at=clock.now(), only_from=OfferState.PENDING):
        return False
    # The password goes with the factors, or whoever knows it would be in without the second step.
    account.set_unusable_password()
    account.save(update_fields=["password"])
    Authenticator.objects.filter(user_id=account.pk).delete()
    end_all_credentials(account.pk, why="recovered", by=system("server"), action="recovery.carried_out")
    # The link is made when the message goes out: it waits in no queue.
    enqueue("mail.recovery_link", {"account": account.pk})
    _tell(row, "recovery_done")
    return True


def _tell(row: AccountRecovery, what: str) -> None:
    """Every route to the holder, his contacts, and whoever watches over what he owns."""
    name, until = row.account.name, date_format(row.due_at, "DATE_FORMAT")
    for route in list_routes(row.account_id):
        told = {"to": route, "what": what, "who": name, "by": row.contact_name, "detail": until, "page": "/sign-in"}
        enqueue("mail.recovery_told", told)
    enqueue("account.recovery", {"account": row.account_id, "what": what, "detail": until})
