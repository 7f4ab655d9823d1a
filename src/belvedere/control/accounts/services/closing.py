"""Closing one's own account, bringing it back within fourteen days, erasing it after them (threats §6).

Only the account comes back. What was shared with it and by it, and what it was a member of, ended when it was closed.
"""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from belvedere.control.accounts.models import (
    Account,
    AccountQr,
    AccountRecovery,
    ApiToken,
    Phone,
    RecoveryContact,
    Session,
    SignInPlace,
)
from belvedere.control.accounts.selectors import RETURN_FOR, require_fresh
from belvedere.control.accounts.services.credentials import end_all_credentials
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict
from belvedere.control.core.principal import Principal, system
from belvedere.control.outbox.services import enqueue

_AT_ONCE = 100


@transaction.atomic
def close_sign_in(actor: Principal) -> str:
    """The account's own part of closing it: nobody signs in to it, and whoever is, is out. The change id.

    Called last, by `sharing.close_account`, which has ended what rested on it. Raises ReauthenticationRequired,
    Conflict (closed in the meantime).
    """
    require_fresh(actor)
    at = clock.now()
    if not Account.objects.filter(pk=actor.id, is_active=True).update(is_active=False, closed_at=at):
        raise Conflict(_("This account is closed already."))
    enqueue("account.disabled", {"account": actor.id, "at": at.isoformat()})
    _tell(actor.id, "account_closed", date_format(at + RETURN_FOR, "DATE_FORMAT"))
    return end_all_credentials(actor.id, why="account_closed", by=actor, action="account.closed")


@transaction.atomic
def reopen_account(actor: Principal) -> None:
    """Bring one's own account back: it signs in again, and has nothing but what is its own. Raises Conflict (too late).

    The caller has just had proven by password or passkey whose it is; signing in asks for all factors again.
    """
    closed = Account.objects.filter(pk=actor.id, is_active=False, closed_at__gt=clock.now() - RETURN_FOR)
    if not closed.update(is_active=True, closed_at=None):
        raise Conflict(_("This account cannot be brought back any more."))
    # Or a restore would close it again, and fourteen days later nobody could bring it back.
    enqueue("lost.account", {"account": actor.id, "why": "account_reopened"})
    write_entry(actor=actor, action="account.reopened", thing=f"account:{actor.id}")
    _tell(actor.id, "account_reopened", "")


def _tell(account: str, what: str, detail: str) -> None:
    to = Account.objects.values_list("email", flat=True).get(pk=account)
    enqueue("mail.account_notice", {"to": to, "what": what, "detail": detail})


def erase_closed_accounts() -> int:
    """Forget who held the accounts that nobody brought back in time: how many. The worker's own housekeeping."""
    due = Account.objects.filter(closed_at__lte=clock.now() - RETURN_FOR, erased_at=None).values_list("pk", flat=True)
    return sum(_erase(account) for account in list(due[:_AT_ONCE]))


@transaction.atomic
def _erase(account: str) -> bool:
    """Name, addresses, numbers, code and whatever signed in. The row stays: what others did with it names its id."""
    at = clock.now()
    claimed = Account.objects.filter(pk=account, closed_at__lte=at - RETURN_FOR, erased_at=None).update(
        erased_at=at,
        name=_("Closed account"),
        email=f"{account.lower()}@erased.invalid",
        password=make_password(None),
        last_login=None,
        crowded_at=None,
        former_email="",
    )
    if not claimed:
        return False
    for rows in (
        EmailAddress.objects.filter(user_id=account),
        Authenticator.objects.filter(user_id=account),
        Phone.objects.filter(account_id=account),
        AccountQr.objects.filter(account_id=account),
        AccountRecovery.objects.filter(account_id=account),
        RecoveryContact.objects.filter(account_id=account),
        ApiToken.objects.filter(account_id=account),
        Session.objects.filter(account_id=account),
        SignInPlace.objects.filter(account_id=account),
    ):
        rows.delete()
    enqueue("account.erased", {"account": account})
    enqueue("lost.account", {"account": account, "why": "account_erased"})
    write_entry(actor=system("server"), action="account.erased", thing=f"account:{account}")
    return True
