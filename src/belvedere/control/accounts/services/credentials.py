"""Sign-ins and API tokens. Every loss of one ends in `end_credentials`, which cuts what rested on it."""

from datetime import timedelta
from typing import Any, Final

from django.core.cache import cache
from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.control.accounts.models import ApiToken, Session, digest_of
from belvedere.control.accounts.selectors import require_fresh
from belvedere.control.accounts.tokens import SCOPES, new_secret
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Forbidden, Invalid, NotFound
from belvedere.control.core.ids import is_id, new_id
from belvedere.control.core.limits import hit
from belvedere.control.core.names import clean_name
from belvedere.control.core.principal import Principal
from belvedere.control.outbox.services import enqueue

MAX_TOKEN_DAYS: Final = 365
MAX_TOKENS: Final = 50


@transaction.atomic
def create_token(actor: Principal, *, name: str, scopes: list[str], days: int = 90) -> tuple[ApiToken, str]:
    """A new API token and its secret, which nobody can read again. No token makes tokens (N9)."""
    if not actor.credential.startswith("session:"):
        raise Forbidden(_("Only a signed-in person makes tokens. Sign in on the page, then make one there."))
    require_fresh(actor)
    hit("token.create", actor.id, limit=30, per_s=3600)
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        raise Invalid(_("Choose at least one of: %(scopes)s.") % {"scopes": ", ".join(SCOPES)}, field="scopes")
    if not 1 <= days <= MAX_TOKEN_DAYS:
        raise Invalid(_("A token lives from 1 to %(days)d days.") % {"days": MAX_TOKEN_DAYS}, field="days")
    if ApiToken.objects.filter(account_id=actor.id, revoked_at=None).count() >= MAX_TOKENS:
        raise Invalid(_("That is enough tokens: revoke one first."))
    return issue_token(actor.id, name=name, scopes=scopes, days=days, by=actor)


@transaction.atomic
def issue_token(account: str, *, name: str, scopes: list[str], days: int, by: Principal) -> tuple[ApiToken, str]:
    """The writing half of `create_token`; the demo calls it for its cast."""
    secret = new_secret()
    at = clock.now()
    token = ApiToken.objects.create(
        account_id=account,
        name=clean_name(name),
        digest=digest_of(secret),
        scopes=sorted(set(scopes)),
        created_at=at,
        expires_at=at + timedelta(days=days),
    )
    write_entry(actor=by, action="token.created", thing=f"token:{token.pk}", scopes=token.scopes)
    return token, secret


@transaction.atomic
def revoke_token(actor: Principal, *, token: str) -> str:
    """End one of one's own tokens and everything opened with it. Returns the change id."""
    rows = ApiToken.objects.filter(pk=token, account_id=actor.id, revoked_at=None)
    if not is_id(token) or not rows.update(revoked_at=clock.now()):
        raise NotFound
    return end_credentials(actor, [f"token:{token}"], action="token.revoked", why="token_revoked")


def note_token_use(actor: Principal) -> None:
    """Remember that a token is in use, to the hour: one that nobody uses is one to revoke."""
    token = actor.credential.removeprefix("token:")
    if cache.add(f"token-used:{token}", 1, timeout=3600):
        ApiToken.objects.filter(pk=token).update(last_used_at=clock.now())


@transaction.atomic
def end_session(actor: Principal, *, session: str) -> str:
    """Sign out one of one's own browsers. Returns the change id."""
    rows = Session.objects.filter(pk=session, account_id=actor.id)
    if not session.isalnum() or not rows.delete()[0]:
        raise NotFound
    return end_credentials(actor, [f"session:{session}"], action="session.ended", why="signed_out")


@transaction.atomic
def end_other_sessions(actor: Principal) -> str:
    """Sign out everywhere else. Returns the change id."""
    require_fresh(actor)
    rows = Session.objects.filter(account_id=actor.id).exclude(pk=actor.credential.removeprefix("session:"))
    names = [f"session:{key}" for key in rows.values_list("pk", flat=True)]
    rows.delete()
    return end_credentials(actor, names, action="session.others_ended", why="signed_out")


@transaction.atomic
def end_all_credentials(
    account: str, *, why: str, by: Principal | None = None, action: str = "credentials.all_ended"
) -> str:
    """After a reset, a factor change, a take-over, disabling, closing: nothing stays signed in (N2, N4, N6)."""
    sessions = Session.objects.filter(account_id=account)
    tokens = ApiToken.objects.filter(account_id=account, revoked_at=None)
    names = [f"session:{key}" for key in sessions.values_list("pk", flat=True)]
    names += [f"token:{pk}" for pk in tokens.values_list("pk", flat=True)]
    sessions.delete()
    tokens.update(revoked_at=clock.now())
    enqueue("lost.account", {"account": account, "why": why})
    actor = by or Principal(id=account, name="")
    return end_credentials(actor, names, action=action, why=why, of=account)


def end_every_credential(actor: Principal, *, why: str) -> int:
    """An operator's act: nobody stays signed in, no token works. Of how many accounts something ended.

    Account by account, each in its own transaction: what is cut, is cut at once.
    """
    signed_in = Session.objects.exclude(account=None).values_list("account_id", flat=True)
    with_tokens = ApiToken.objects.filter(revoked_at=None).values_list("account_id", flat=True)
    accounts = sorted({*signed_in, *with_tokens})
    for account in accounts:
        end_all_credentials(account, why=why, by=actor)
    return len(accounts)


def end_other_credentials(actor: Principal, *, action: str, why: str, **details: Any) -> str:
    """After a change of what signs in: every other browser and every token end, this browser stays (N4).

    Called in the transaction of that change, of which `action` is the one audit entry. Returns the change id.
    """
    sessions = Session.objects.filter(account_id=actor.id).exclude(pk=actor.credential.removeprefix("session:"))
    tokens = ApiToken.objects.filter(account_id=actor.id, revoked_at=None)
    names = [f"session:{key}" for key in sessions.values_list("pk", flat=True)]
    names += [f"token:{pk}" for pk in tokens.values_list("pk", flat=True)]
    sessions.delete()
    tokens.update(revoked_at=clock.now())
    enqueue("lost.account", {"account": actor.id, "why": why})
    return end_credentials(actor, names, action=action, why=why, **details)


def end_credentials(
    actor: Principal, credentials: list[str], *, action: str, why: str, of: str = "", **details: Any
) -> str:
    """The one way out: the audit entry of the act, and the cut of what was opened with `credentials`.

    of  whose they are, where somebody else ends them
    """
    change_id = new_id()
    write_entry(
        actor=actor,
        action=action,
        thing=f"account:{of or actor.id}",
        change_id=change_id,
        count=len(credentials),
        why=why,
        **details,
    )
    if credentials:
        enqueue("credential.lost", {"change_id": change_id, "credentials": credentials, "why": why})
    return change_id
