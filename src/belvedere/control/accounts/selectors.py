"""Reading accounts: one's own whole, another's only as name and address, and by exact, verified address."""

import json
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db.models import F, Q, QuerySet

from belvedere.control.accounts.models import Account, ApiToken, Phone, Session, digest_of
from belvedere.control.accounts.tokens import is_well_formed
from belvedere.control.core import clock, sql
from belvedere.control.core.errors import ReauthenticationRequired
from belvedere.control.core.names import is_phone
from belvedere.control.core.principal import Principal

FRESH_FOR: Final = timedelta(minutes=10)
VERIFIED_FOR: Final = timedelta(days=365)
#: how long an account is told that it was used in many places, and how soon not again
CROWDED_FOR: Final = timedelta(days=30)
#: how long an account that was closed can be brought back
RETURN_FOR: Final = timedelta(days=14)

_WHO_COMES_WITH: Final = (
    "SELECT t.id, t.scopes, account.id, account.name, account.email "
    "FROM accounts_apitoken AS t JOIN accounts_account AS account ON account.id = t.account_id "
    "WHERE t.digest = %s AND t.revoked_at IS NULL AND t.expires_at > %s AND account.is_active"
)
_ALIVE_SESSIONS: Final = (
    "SELECT session_key FROM accounts_session JOIN accounts_account ON accounts_account.id = account_id "
    "WHERE is_active AND expire_date > %s AND session_key IN"
)
_ALIVE_TOKENS: Final = (
    "SELECT accounts_apitoken.id FROM accounts_apitoken JOIN accounts_account ON accounts_account.id = account_id "
    "WHERE is_active AND revoked_at IS NULL AND expires_at > %s AND accounts_apitoken.id IN"
)


@dataclass(frozen=True, slots=True)
class Person:
    """One shape wherever a person stands."""

    id: str
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class SignIn:
    """A signed-in browser of one's own."""

    id: str
    agent: str
    created_at: datetime
    last_seen_at: datetime
    is_this: bool


@dataclass(frozen=True, slots=True)
class PasskeyView:
    """A passkey of one's own. A synced one may live on every device of whoever shares that cloud."""

    id: str
    name: str
    is_synced: bool
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Factors:
    """How one signs in. `codes_left` is None where there are no recovery codes; `app_since` where there is no app."""

    has_password: bool
    passkeys: list[PasskeyView]
    app_since: datetime | None
    codes_left: int | None


@dataclass(frozen=True, slots=True)
class PhoneView:
    """A phone number of one's own. `is_waiting`: a code is on its way."""

    id: str
    number: str
    is_verified: bool
    is_waiting: bool


def find_crowded(actor: Principal) -> datetime | None:
    """When one's own sign-in was found in many places at once, while that is news and was not put away."""
    return list_crowded([actor.id]).get(actor.id)


def list_crowded(accounts: Collection[str]) -> dict[str, datetime]:
    """The same of several, without those where there is nothing. The caller acts for the server. One query."""
    rows = Account.objects.filter(pk__in=accounts, crowded_at__gt=clock.now() - CROWDED_FOR)
    rows = rows.filter(Q(crowded_seen_at=None) | Q(crowded_seen_at__lte=F("crowded_at")))
    return {pk: at for pk, at in rows.values_list("pk", "crowded_at") if at}


def find_return(account: str) -> datetime | None:
    """Until when an account that its holder closed can be brought back. The caller has had it proven whose it is."""
    at = Account.objects.filter(pk=account, is_active=False).values_list("closed_at", flat=True).first()
    return at + RETURN_FOR if at and clock.now() - at < RETURN_FOR else None


def require_fresh(actor: Principal) -> None:
    """Called first by every dangerous act. Raises ReauthenticationRequired unless proved within ten minutes.

    A proof that lies ahead counts as little as an old one: setting the clock back revives none.
    """
    if actor.proved_at is None or abs(clock.now() - actor.proved_at) > FRESH_FOR:
        raise ReauthenticationRequired


def _name_nobody(_ids: Iterable[str]) -> dict[str, Person]:
    return {}


#: asked for principals that are no accounts: guests, whom an app above this one knows
_name_others: Callable[[Iterable[str]], dict[str, Person]] = _name_nobody


def register_others(find: Callable[[Iterable[str]], dict[str, Person]]) -> None:
    """Tell who names the principals that are no accounts. Called once, by composition."""
    global _name_others  # noqa: PLW0603  set once, when Django is ready
    _name_others = find


def get_persons(ids: Iterable[str]) -> dict[str, Person]:
    """Names and addresses by id; the caller has decided that its actor may know them. A guest has no address."""
    asked = set(ids)
    rows = Account.objects.filter(pk__in=asked).values_list("pk", "name", "email")
    found = {pk: Person(pk, name, email) for pk, name, email in rows}
    others = {pk for pk in asked - found.keys() if pk}
    return found | _name_others(others) if others else found


def find_verified(email: str) -> Person | None:
    """The account whose *verified* address is exactly this. Never shown to who asked before it accepted something."""
    address = (
        EmailAddress.objects.filter(email=email, verified=True, user__is_active=True).select_related("user").first()
    )
    return Person(address.user.pk, address.user.name, address.user.email) if address else None


def find_disabled(email: str) -> Person | None:
    """The account of this verified address that the operator disabled; none that its holder closed."""
    rows = EmailAddress.objects.filter(email=email, verified=True, user__is_active=False, user__closed_at=None)
    address = rows.filter(user__erased_at=None).select_related("user").first()
    return Person(address.user.pk, address.user.name, address.user.email) if address else None


def list_verified_addresses(account: str) -> list[str]:
    """Addresses this account has proven to be its own."""
    return list(addresses_proven_by(account))


def find_principal_of_token(secret: str, *, address: str = "") -> Principal | None:
    """Who comes with this API token; None for anything that is not good now."""
    if not is_well_formed(secret):
        return None
    rows = sql.fetch(_WHO_COMES_WITH, digest_of(secret), clock.now())
    if not rows:
        return None
    token, scopes, account, name, email = rows[0]
    return Principal(
        id=account,
        name=name,
        email=email,
        credential=f"token:{token}",
        scopes=frozenset(json.loads(scopes)),
        address=address,
    )


def list_alive_credentials(credentials: Iterable[str]) -> set[str]:
    """Those of `credentials` that are still good: not ended, not expired, of an active account. Two queries.

    A guest's is never lost by itself: his link ends, and with it every grant there is to him.
    """
    named = set(credentials)
    at = clock.now()
    sessions = [name.removeprefix("session:") for name in named if name.startswith("session:")]
    tokens = [name.removeprefix("token:") for name in named if name.startswith("token:")]
    alive = {name for name in named if name.startswith("guest:")}
    if sessions:
        found = sql.fetch(f"{_ALIVE_SESSIONS} ({sql.marks(sessions)})", at, *sessions)
        alive |= {f"session:{key}" for (key,) in found}
    if tokens:
        found = sql.fetch(f"{_ALIVE_TOKENS} ({sql.marks(tokens)})", at, *tokens)
        alive |= {f"token:{pk}" for (pk,) in found}
    return alive


def list_tokens(actor: Principal) -> list[ApiToken]:
    """One's own tokens that were not revoked, newest first."""
    return list(ApiToken.objects.filter(account_id=actor.id, revoked_at=None).order_by("-created_at"))


def list_sign_ins(actor: Principal) -> list[SignIn]:
    """Where one is signed in, this browser first."""
    rows = Session.objects.filter(Q(account_id=actor.id), expire_date__gt=clock.now()).order_by("-created_at")
    found = [
        SignIn(
            row.session_key,
            row.agent,
            row.created_at,
            row.last_seen_at or row.created_at,
            actor.credential == f"session:{row.session_key}",
        )
        for row in rows
    ]
    return sorted(found, key=lambda row: not row.is_this)


def list_last_seen(accounts: Iterable[str]) -> dict[str, datetime]:
    """Account → when it last signed in. The caller has decided that its actor may know. One query."""
    rows = Account.objects.filter(pk__in=list(accounts), last_login__isnull=False)
    return {pk: at for pk, at in rows.values_list("pk", "last_login") if at}


def get_factors(actor: Principal) -> Factors:
    """How one signs in."""
    rows: dict[str, list[Authenticator]] = {kind: [] for kind in Authenticator.Type.values}
    for row in Authenticator.objects.filter(user_id=actor.id).order_by("created_at"):
        rows[row.type].append(row)
    app, codes = rows[Authenticator.Type.TOTP], rows[Authenticator.Type.RECOVERY_CODES]
    return Factors(
        has_password=Account.objects.get(pk=actor.id).has_usable_password(),
        passkeys=[
            PasskeyView(
                str(row.pk), row.data["name"], bool(row.data.get("backed_up")), row.created_at, row.last_used_at
            )
            for row in rows[Authenticator.Type.WEBAUTHN]
        ],
        app_since=app[0].created_at if app else None,
        codes_left=len(codes[0].wrap().get_unused_codes()) if codes else None,
    )


def list_phones(actor: Principal) -> list[PhoneView]:
    """One's own numbers, confirmed or waiting for it."""
    at = clock.now()
    return [
        PhoneView(
            row.pk,
            row.number,
            row.verified_at is not None and at - row.verified_at < VERIFIED_FOR,
            row.code_expires_at is not None and row.code_expires_at > at,
        )
        for row in Phone.objects.filter(account_id=actor.id).order_by("created_at")
    ]


def list_verified_phones(account: str) -> list[str]:
    """Numbers (E.164) this account has proven to be its own, within a year: numbers change hands."""
    return list(numbers_proven_by(account))


def find_verified_phone(phone: str) -> Person | None:
    """The account whose verified number is exactly this (E.164). As secret as `find_verified`."""
    row = _verified_phones().filter(number=phone, account__is_active=True).select_related("account").first()
    return Person(row.account.pk, row.account.name, row.account.email) if row else None


def find_by_address(address: str) -> Person | None:
    """The account that has proven this e-mail address or number. As secret as `find_verified`."""
    return find_verified_phone(address) if is_phone(address) else find_verified(address)


def list_proven(account: str) -> list[str]:
    """Every e-mail address and number at which this account can be invited, and shared with."""
    return [*list_verified_addresses(account), *list_verified_phones(account)]


def addresses_proven_by(account: str) -> QuerySet[EmailAddress, str]:
    """Its e-mail addresses, for a query to compare with."""
    rows: QuerySet[EmailAddress, str] = EmailAddress.objects.filter(user_id=account, verified=True)
    return rows.values_list("email", flat=True)


def numbers_proven_by(account: str) -> QuerySet[Phone, str]:
    """Its numbers, for a query to compare with."""
    return _verified_phones().filter(account_id=account).values_list("number", flat=True)


def _verified_phones() -> QuerySet[Phone]:
    return Phone.objects.filter(verified_at__gt=clock.now() - VERIFIED_FOR)
