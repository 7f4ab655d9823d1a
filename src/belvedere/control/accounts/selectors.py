"""Reading accounts: one's own whole, another's only as name and address, and by exact, verified address."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from allauth.account.models import EmailAddress
from django.db.models import Q

from belvedere.control.accounts.models import Account, ApiToken, Session, digest_of
from belvedere.control.accounts.tokens import is_well_formed
from belvedere.control.core import clock, sql
from belvedere.control.core.errors import ReauthenticationRequired
from belvedere.control.core.principal import Principal

FRESH_FOR: Final = timedelta(minutes=10)

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
    is_this: bool


def require_fresh(actor: Principal) -> None:
    """Called first by every dangerous act. Raises ReauthenticationRequired unless proved within ten minutes.

    A proof that lies ahead counts as little as an old one: setting the clock back revives none.
    """
    if actor.proved_at is None or abs(clock.now() - actor.proved_at) > FRESH_FOR:
        raise ReauthenticationRequired


def get_persons(ids: Iterable[str]) -> dict[str, Person]:
    """Names and addresses by id; the caller has decided that its actor may know them."""
    rows = Account.objects.filter(pk__in=set(ids)).values_list("pk", "name", "email")
    return {pk: Person(pk, name, email) for pk, name, email in rows}


def find_verified(email: str) -> Person | None:
    """The account whose *verified* address is exactly this. Never shown to who asked before it accepted something."""
    address = (
        EmailAddress.objects.filter(email=email, verified=True, user__is_active=True).select_related("user").first()
    )
    return Person(address.user.pk, address.user.name, address.user.email) if address else None


def list_verified_addresses(account: str) -> list[str]:
    """Addresses this account has proven to be its own."""
    return list(EmailAddress.objects.filter(user_id=account, verified=True).values_list("email", flat=True))


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
    """Those of `credentials` that are still good: not ended, not expired, of an active account. Two queries."""
    named = set(credentials)
    at = clock.now()
    sessions = [name.removeprefix("session:") for name in named if name.startswith("session:")]
    tokens = [name.removeprefix("token:") for name in named if name.startswith("token:")]
    alive: set[str] = set()
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
        SignIn(row.session_key, row.agent, row.created_at, actor.credential == f"session:{row.session_key}")
        for row in rows
    ]
    return sorted(found, key=lambda row: not row.is_this)


def list_last_seen(accounts: Iterable[str]) -> dict[str, datetime]:
    """Account → when it last signed in. The caller has decided that its actor may know. One query."""
    rows = Account.objects.filter(pk__in=list(accounts), last_login__isnull=False)
    return {pk: at for pk, at in rows.values_list("pk", "last_login") if at}
