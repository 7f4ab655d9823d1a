"""Second factors: passkeys, the app that makes codes, recovery codes. allauth.mfa keeps them and asks for them.

What changes them is here: it wants a fresh proof, ends every other sign-in and token (N4), and is told by mail.
"""

from typing import Any, Final

import structlog
from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.utils import decrypt, encrypt
from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.control.accounts import codes, passkeys
from belvedere.control.accounts.models import Account
from belvedere.control.accounts.selectors import require_fresh
from belvedere.control.accounts.services.credentials import end_all_credentials, end_other_credentials
from belvedere.control.accounts.sign_ins import find_alert_address
from belvedere.control.core.errors import Conflict, Invalid, NotFound
from belvedere.control.core.limits import forgive, hit
from belvedere.control.core.names import clean_name
from belvedere.control.core.principal import Principal
from belvedere.control.core.vault import SealBroken
from belvedere.control.outbox.services import enqueue

log = structlog.get_logger(__name__)

MAX_PASSKEYS: Final = 20
_TRIES: Final = 10
_TRIES_IN_S: Final = 300
_Type = Authenticator.Type


@transaction.atomic
def add_passkey(actor: Principal, *, name: str, state: dict[str, Any], response: dict[str, Any]) -> list[str]:
    """Keep the passkey that a browser made for `state`. Returns recovery codes where there were none before.

    Raises Invalid when the response is not for this state, this server and this page, or nobody proved himself.
    """
    require_fresh(actor)
    name = clean_name(name)
    if _rows(actor, _Type.WEBAUTHN).count() >= MAX_PASSKEYS:
        raise Conflict(_("That is enough passkeys: remove one first."))
    made = passkeys.complete(state, response)
    data = {"name": name, "credential": response, "backed_up": passkeys.is_backed_up(made)}
    Authenticator.objects.create(user_id=actor.id, type=_Type.WEBAUTHN, data=data)
    fresh = _codes_if_none(actor)
    _tell(actor, "passkey_added", name)
    end_other_credentials(actor, action="passkey.added", why="factors_changed")
    return fresh


@transaction.atomic
def rename_passkey(actor: Principal, *, passkey: str, name: str) -> None:
    """Call it something else; what it opens stays the same."""
    row = _get_passkey(actor, passkey)
    row.data["name"] = clean_name(name)
    row.save(update_fields=["data"])


@transaction.atomic
def remove_passkey(actor: Principal, *, passkey: str) -> None:
    """Let it sign in no more. Never the last way in. Raises NotFound, Conflict."""
    require_fresh(actor)
    row = _get_passkey(actor, passkey)
    account = Account.objects.select_for_update().get(pk=actor.id)
    if not account.has_usable_password() and _rows(actor, _Type.WEBAUTHN).count() == 1:
        raise Conflict(_("This is your only way in. Set a password first, or add another passkey."))
    _remove(actor, row)
    _tell(actor, "passkey_removed", row.data["name"])
    end_other_credentials(actor, action="passkey.removed", why="factors_changed")


@transaction.atomic
def activate_app(actor: Principal, *, seed: str, code: str) -> list[str]:
    """Ask for a code of an app from now on; `code` proves that it has the seed. Returns recovery codes, if new ones."""
    require_fresh(actor)
    hit("app.activate", actor.id, limit=30, per_s=3600)
    step = codes.find_step(seed, code)
    if step is None:
        raise Invalid(
            _("That is not the code of just now. Look again, and check the clock of the phone."), field="code"
        )
    if _rows(actor, _Type.TOTP).exists():
        raise Conflict(_("An app is set up already. Remove that one first."))
    # The step that was shown here signs nobody in.
    Authenticator.objects.create(user_id=actor.id, type=_Type.TOTP, data={"secret": encrypt(seed), "last_step": step})
    fresh = _codes_if_none(actor)
    _tell(actor, "app_added")
    end_other_credentials(actor, action="app.added", why="factors_changed")
    return fresh


@transaction.atomic
def remove_app(actor: Principal) -> None:
    """Ask for no code of an app any more. Raises NotFound."""
    require_fresh(actor)
    row = _rows(actor, _Type.TOTP).first()
    if row is None:
        raise NotFound
    _remove(actor, row)
    _tell(actor, "app_removed")
    end_other_credentials(actor, action="app.removed", why="factors_changed")


@transaction.atomic
def make_recovery_codes(actor: Principal) -> list[str]:
    """Ten new ones, shown this once; the old ones are void. Raises Conflict without a second factor."""
    require_fresh(actor)
    if not _rows(actor, _Type.TOTP, _Type.WEBAUTHN).exists():
        raise Conflict(_("Recovery codes stand in for a passkey or an app. Set one up first."))
    _rows(actor, _Type.RECOVERY_CODES).delete()
    fresh = _codes_if_none(actor)
    _tell(actor, "codes_made")
    end_other_credentials(actor, action="recovery_codes.made", why="factors_changed")
    return fresh


@transaction.atomic
def remove_all_factors(actor: Principal, *, account: str) -> str:
    """An operator's act for somebody who lost them all: the password alone signs in again, and nothing else is in.

    Returns the change id. Raises NotFound.
    """
    email = Account.objects.filter(pk=account).values_list("email", flat=True).first()
    if email is None:
        raise NotFound
    Authenticator.objects.filter(user_id=account).delete()
    enqueue("mail.account_notice", {"to": email, "what": "factors_removed", "detail": ""})
    return end_all_credentials(account, why="factors_removed", by=actor)


def use_code(account: str, *, code: str) -> Authenticator | None:
    """Spend a code of the app, or a recovery code. None for a wrong or spent one. Raises RateLimited.

    Spent is what stands in the row, so that no other process takes it again, nor this one after a start (N5).
    """
    hit("second-step", account, limit=_TRIES, per_s=_TRIES_IN_S)
    with transaction.atomic():
        # Locked on PostgreSQL; on SQLite the transaction itself is the lock.
        rows = Authenticator.objects.select_for_update().filter(user_id=account).exclude(type=_Type.WEBAUTHN)
        spent = next((row for row in rows if _spend(row, code)), None)
    if spent is not None:
        forgive("second-step", account, per_s=_TRIES_IN_S)
        if spent.type == _Type.RECOVERY_CODES:
            with transaction.atomic():
                _tell(Principal(id=account, name=""), "code_used")
    return spent


@transaction.atomic
def spend_recovery_code(account: str, *, code: str) -> bool:
    """Spend a recovery code, and no other one. The caller has counted the try.

    A wrong one costs the same work and the same questions whoever it was tried on: somebody who has codes, who has
    none, or nobody, "" (N1).
    """
    row = Authenticator.objects.select_for_update().filter(user_id=account, type=_Type.RECOVERY_CODES).first()
    nobodys = Authenticator(data={"seed": encrypt(RecoveryCodes.generate_seed()), "used_mask": 0})
    return _is_among(row or nobodys, code) and row is not None and _spend(row, code)


def _is_among(row: Authenticator, code: str) -> bool:
    """Whether it is one of the row's recovery codes, used or not. All of them are looked at."""
    try:
        known = RecoveryCodes(row).generate_codes()
    except SealBroken:
        log.warning("factor_does_not_open")
        return False
    return any([compare_user_code(actual=code, expected=one) for one in known])  # noqa: C419  no shorter for the first


def note_passkey_use(authenticator: Authenticator, *, backed_up: bool) -> None:
    """A passkey that was bound to one device may have been copied to others since: remember what it says of itself."""
    if authenticator.data.get("backed_up") != backed_up:
        authenticator.data["backed_up"] = backed_up
        authenticator.save(update_fields=["data"])


def _spend(row: Authenticator, code: str) -> bool:
    try:
        return _is_good(row, code)
    except SealBroken:
        # Another master key than the one it was sealed with: no code is right, and the operator has to know why.
        log.warning("factor_does_not_open")
        return False


def _is_good(row: Authenticator, code: str) -> bool:
    if row.type == _Type.RECOVERY_CODES:
        sheet = row.wrap()
        if not sheet.validate_code(code):
            return False
        # A backup knows nothing of it, and a sheet of paper is seen by others (N5). Read anew by allauth, not in `row`.
        spent = {"codes": row.pk, "used": sheet.instance.data["used_mask"]}
        enqueue("lost.account", {"account": row.user_id, "why": "code_used"} | spent)
        return True
    step = codes.find_step(decrypt(row.data["secret"]), code)
    if step is None or step <= row.data["last_step"]:
        return False
    row.data["last_step"] = step
    row.save(update_fields=["data"])
    return True


def _rows(actor: Principal, *types: str) -> Any:
    return Authenticator.objects.filter(user_id=actor.id, type__in=types)


def _get_passkey(actor: Principal, passkey: str) -> Authenticator:
    if not (passkey.isascii() and passkey.isdigit() and len(passkey) < 19):
        raise NotFound
    row = _rows(actor, _Type.WEBAUTHN).filter(pk=int(passkey)).first()
    if row is None:
        raise NotFound
    return row


def _codes_if_none(actor: Principal) -> list[str]:
    if _rows(actor, _Type.RECOVERY_CODES).exists():
        return []
    made: list[str] = RecoveryCodes.activate(Account(pk=actor.id)).generate_codes()
    return made


def _remove(actor: Principal, row: Authenticator) -> None:
    row.delete()
    if not _rows(actor, _Type.TOTP, _Type.WEBAUTHN).exists():
        # They stand in for a second factor, and there is none any more.
        _rows(actor, _Type.RECOVERY_CODES).delete()


def _tell(actor: Principal, what: str, detail: str = "") -> None:
    enqueue("mail.account_notice", {"to": find_alert_address(actor.id), "what": what, "detail": detail})
