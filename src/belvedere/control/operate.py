"""What an operator does from the command line. Writes the audit as the server, like anything the server does itself."""

from belvedere.config import Settings
from belvedere.control.manage import setup


class OperatorError(Exception):
    """It was not done. The message says why."""


def create_owner(settings: Settings, *, email: str, name: str, password: str, reach: str) -> None:
    """Make an account, verified on the operator's word, with its organization; `reach` may be empty.

    All of it or nothing. Raises OperatorError.
    """
    setup(settings)
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError
    from django.db import transaction

    from belvedere.control.accounts.selectors import find_verified
    from belvedere.control.accounts.services import create_account
    from belvedere.control.core.errors import Refusal
    from belvedere.control.core.principal import Principal, system
    from belvedere.control.organizations.services import register_account, set_reach

    try:
        validate_password(password)
        with transaction.atomic():
            if find_verified(email) is not None:
                message = f"{email} has an account already"
                raise OperatorError(message)
            account = create_account(email=email, name=name, password=password, is_verified=True)
            organization = register_account(Principal(id=account.pk, name=account.name, email=account.email))
            if reach:
                set_reach(system("operator"), organization=organization.pk, reach=reach)
    except ValidationError as error:
        raise OperatorError(" ".join(error.messages)) from None
    except Refusal as refusal:
        raise OperatorError(refusal.message) from None


def list_audit_faults(settings: Settings) -> list[dict[str, str | int]]:
    """Where an audit chain does not hold: `[{"chain", "sequence", "what"}]`, empty when all do (N36)."""
    setup(settings)
    from belvedere.control.audit.selectors import verify_chains

    return [{"chain": fault.chain, "sequence": fault.sequence, "what": fault.what} for fault in verify_chains()]
