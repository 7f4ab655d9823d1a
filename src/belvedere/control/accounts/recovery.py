"""Reading recovery contacts: one's own, those of an organization's owner, and the one whose message is shown."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from allauth.account import app_settings
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.db.models import Max

from belvedere.control.accounts.models import Account, AccountRecovery, RecoveryContact, Session, digest_of
from belvedere.control.accounts.selectors import list_last_seen, list_verified_addresses, list_verified_phones
from belvedere.control.accounts.sign_ins import find_alert_address
from belvedere.control.core import clock
from belvedere.control.core.offers import OfferState
from belvedere.control.core.principal import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryContactView:
    """Whom an account's holder named, and whether he said yes. `is_waiting`: his message can still be answered."""

    id: str
    #: an e-mail address, or a telephone number in E.164
    address: str
    name: str
    created_at: datetime
    confirmed_at: datetime | None
    is_waiting: bool

    @property
    def is_confirmed(self) -> bool:
        """Whether it counts."""
        return self.confirmed_at is not None


@dataclass(frozen=True, slots=True)
class RecoveryView:
    """A recovery that waits: at `due_at` the mailbox alone lets the holder in. `by`: the contact who began it."""

    id: str
    contact: str
    by: str
    begun_at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True)
class AskedContact:
    """What the message to a contact is about: who named him, and where that stands."""

    id: str
    account: str
    account_name: str
    name: str
    address: str
    is_confirmed: bool
    is_over: bool
    recovery: "RecoveryView | None"


def list_recovery_contacts(actor: Principal) -> list[RecoveryContactView]:
    """One's own, in the order in which they were named."""
    return list_recovery_contacts_of([actor.id]).get(actor.id, [])


def list_recovery_contacts_of(accounts: Iterable[str]) -> dict[str, list[RecoveryContactView]]:
    """Account → its recovery contacts, confirmed or not. The caller has decided that its actor may know. One query."""
    at = clock.now()
    found: dict[str, list[RecoveryContactView]] = {}
    for row in RecoveryContact.objects.filter(account_id__in=list(accounts)).order_by("created_at", "pk"):
        view = RecoveryContactView(
            id=row.pk,
            address=row.address,
            name=row.name,
            created_at=row.created_at,
            confirmed_at=row.confirmed_at,
            is_waiting=row.confirmed_at is None and row.expires_at > at,
        )
        found.setdefault(row.account_id, []).append(view)
    return found


def list_routes(account: str) -> list[str]:
    """Every way by which the holder of an account can be told something grave: his own, and his confirmed contacts'."""
    contacts = RecoveryContact.objects.filter(account_id=account).exclude(confirmed_at=None)
    addresses = contacts.order_by("created_at").values_list("address", flat=True)
    # First where alerts go: who took the account over may have changed its address and removed the rest.
    own = [find_alert_address(account), *list_verified_addresses(account)]
    return list(dict.fromkeys([*own, *list_verified_phones(account), *addresses]))


def list_last_there(accounts: Iterable[str]) -> dict[str, datetime]:
    """Account → when its holder last showed himself: signed in, or used a browser that he is signed in with.

    To the hour, and never too late. Programs of his do not count: they run on without him. Two queries.
    """
    asked = list(accounts)
    found = list_last_seen(asked)
    used = Session.objects.filter(account__in=asked, last_seen_at__isnull=False).values_list("account_id")
    for account, at in used.annotate(at=Max("last_seen_at")):
        found[account] = max(at, found.get(account, at))
    return found


def find_asked_contact(token: str) -> AskedContact | None:
    """Who was asked by the message with this secret. For who holds the message: nobody else has it."""
    row = RecoveryContact.objects.filter(token_digest=digest_of(token)).select_related("account").first()
    if row is None or not token or not row.account.is_active:
        return None
    is_confirmed = row.confirmed_at is not None
    is_over = not is_confirmed and clock.now() >= row.expires_at
    recovery = find_recovery(row.account_id) if is_confirmed else None
    return AskedContact(
        row.pk, row.account_id, row.account.name, row.name, row.address, is_confirmed, is_over, recovery
    )


def find_recovery(account: str) -> RecoveryView | None:
    """The recovery of an account that waits. For its holder, and for who holds the message of a contact of his."""
    row = AccountRecovery.objects.filter(account=account, state=OfferState.PENDING).first()
    return RecoveryView(row.pk, row.contact_id or "", row.contact_name, row.offered_at, row.due_at) if row else None


def reset_link_of(account: Account) -> str:
    """A link that sets a new password once, within the hour. For who has decided that it may be made."""
    key = f"{user_pk_to_url_str(account)}-{app_settings.PASSWORD_RESET_TOKEN_GENERATOR().make_token(account)}"
    return f"{settings.BELVEDERE.url}/reset/{key}"
