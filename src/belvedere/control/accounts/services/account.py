"""The account itself: making it, its name and addresses, disabling it."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from belvedere.control.accounts.models import Account
from belvedere.control.accounts.selectors import CROWDED_FOR, require_fresh
from belvedere.control.accounts.services.credentials import end_all_credentials, end_other_credentials
from belvedere.control.accounts.services.phones import drop_phones
from belvedere.control.accounts.services.recovery import forget_recovery_contacts
from belvedere.control.accounts.sign_ins import find_alert_address
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, NotFound
from belvedere.control.core.ids import new_id
from belvedere.control.core.matters import Matter
from belvedere.control.core.names import clean_email, clean_name
from belvedere.control.core.principal import Principal, system
from belvedere.control.outbox.services import enqueue


@transaction.atomic
def create_account(*, email: str, name: str, password: str | None, is_verified: bool) -> Account:
    """Make an account on the server's own authority: command line and demo. Sign-up goes through allauth."""
    account = Account(email=clean_email(email), name=clean_name(name))
    account.set_password(password)
    account.save(force_insert=True)
    EmailAddress.objects.create(user=account, email=account.email, primary=True, verified=is_verified)
    write_entry(actor=system("server"), action="account.created", thing=f"account:{account.pk}")
    return account


@transaction.atomic
def rename(actor: Principal, *, name: str) -> None:
    """Change one's own name."""
    Account.objects.filter(pk=actor.id).update(name=clean_name(name))
    write_entry(actor=actor, action="account.renamed", thing=f"account:{actor.id}")


@transaction.atomic
def make_address_primary(actor: Principal, *, email: str) -> str:
    """Have one's mail, and one's sign-in, at another confirmed address. The old one is told. Returns the change id."""
    require_fresh(actor)
    address = _get_address(actor, email)
    if not address.verified:
        raise Conflict(_("Confirm this address first: open the link in the mail that went there."))
    row = Account.objects.get(pk=actor.id)
    old, told = row.email, find_alert_address(actor.id)
    address.set_as_primary()
    # Changed twice in a row, alerts still go to who read them first.
    Account.objects.filter(pk=actor.id).update(former_email=told, email_changed_at=clock.now())
    enqueue("mail.account_notice", {"to": old, "what": "address_changed", "detail": address.email})
    return end_other_credentials(actor, action="address.made_primary", why="address_changed")


@transaction.atomic
def remove_address(actor: Principal, *, email: str) -> None:
    """Give up an address that is not the primary one. It is told."""
    require_fresh(actor)
    address = _get_address(actor, email)
    if address.primary:
        raise Conflict(_("Your mail goes to this address. Make another one primary first."))
    was_proven, row = address.verified, address.pk
    address.remove()
    enqueue("lost.account", {"account": actor.id, "why": "address_removed", "address": row})
    write_entry(actor=actor, action="address.removed", thing=f"account:{actor.id}")
    if was_proven:
        enqueue("mail.account_notice", {"to": address.email, "what": "address_removed", "detail": address.email})


def _get_address(actor: Principal, email: str) -> EmailAddress:
    address = EmailAddress.objects.filter(user_id=actor.id, email=email).first()
    if address is None:
        raise NotFound
    return address


@transaction.atomic
def disable_account(actor: Principal, *, account: str) -> str:
    """An operator's act: nothing of this account works any more, at once. Returns the change id.

    One that its holder had closed is the operator's now: nobody brings it back, and it is not erased by itself.
    """
    if not Account.objects.filter(pk=account).update(is_active=False, closed_at=None):
        raise NotFound
    enqueue("account.disabled", {"account": account, "at": clock.now().isoformat()})
    return end_all_credentials(account, why="account_disabled", by=actor)


@transaction.atomic
def enable_account(actor: Principal, *, account: str) -> None:
    """An operator's act: one that was disabled signs in again. What had ended with it stays ended. Raises NotFound."""
    row = Account.objects.filter(pk=account, is_active=False, closed_at=None, erased_at=None)
    if not row.update(is_active=True):
        raise NotFound
    enqueue("lost.account", {"account": account, "why": "account_enabled"})
    write_entry(actor=actor, action="account.enabled", thing=f"account:{account}")
    to = Account.objects.values_list("email", flat=True).get(pk=account)
    enqueue("mail.account_notice", {"to": to, "what": "account_enabled", "detail": "", "page": "/sign-in"})


@transaction.atomic
def notice_many_places(account: str, *, places: int) -> None:
    """This sign-in watches from so many networks at once. Its account is told, once in a while, and nobody else."""
    at = clock.now()
    rows = Account.objects.filter(pk=account, is_active=True)
    if not rows.filter(Q(crowded_at=None) | Q(crowded_at__lt=at - CROWDED_FOR)).update(crowded_at=at):
        return
    write_entry(actor=system("server"), action="account.crowded", thing=f"account:{account}", places=places)
    told = {"kind": Matter.MANY_PLACES, "account": account, "event": new_id(), "detail": str(places)}
    enqueue("account.matter", told)


@transaction.atomic
def reset_unproven_credentials(account: str) -> str:
    """Somebody else registered this address: what he set is gone before its true holder comes in (N2)."""
    row = Account.objects.get(pk=account)
    row.set_unusable_password()
    row.save(update_fields=["password"])
    Authenticator.objects.filter(user_id=account).delete()
    drop_phones(account)
    forget_recovery_contacts(account)
    return end_all_credentials(account, why="address_verified_elsewhere")
