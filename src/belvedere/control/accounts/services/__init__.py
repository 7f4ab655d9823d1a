"""Changing accounts: the actor's own, and by the server's authority."""

from belvedere.control.accounts.services.account import (
    create_account,
    disable_account,
    make_address_primary,
    notice_many_places,
    remove_address,
    rename,
    reset_unproven_credentials,
)
from belvedere.control.accounts.services.closing import close_sign_in, erase_closed_accounts, reopen_account
from belvedere.control.accounts.services.credentials import (
    create_token,
    end_all_credentials,
    end_every_credential,
    end_other_sessions,
    end_session,
    issue_token,
    note_token_use,
    revoke_token,
)
from belvedere.control.accounts.services.duress import cancel_all
from belvedere.control.accounts.services.factors import (
    activate_app,
    add_passkey,
    make_recovery_codes,
    note_passkey_use,
    remove_all_factors,
    remove_app,
    remove_passkey,
    rename_passkey,
    use_code,
)
from belvedere.control.accounts.services.phones import add_phone, confirm_phone, remove_phone
from belvedere.control.accounts.services.qr import QrView, renew_qr, show_qr
from belvedere.control.accounts.services.recovery import (
    add_recovery_contact,
    confirm_recovery_contact,
    decline_recovery_contact,
    remove_recovery_contact,
)
from belvedere.control.accounts.services.sign_ins import (
    confirm_sign_in,
    deny_sign_in,
    dismiss_many_places,
    forget_sign_ins,
    note_sign_in,
    note_wrong_password,
    tell_of_guesses,
)

__all__ = [
    "QrView",
    "activate_app",
    "add_passkey",
    "add_phone",
    "add_recovery_contact",
    "cancel_all",
    "close_sign_in",
    "confirm_phone",
    "confirm_recovery_contact",
    "confirm_sign_in",
    "create_account",
    "create_token",
    "decline_recovery_contact",
    "deny_sign_in",
    "disable_account",
    "dismiss_many_places",
    "end_all_credentials",
    "end_every_credential",
    "end_other_sessions",
    "end_session",
    "erase_closed_accounts",
    "forget_sign_ins",
    "issue_token",
    "make_address_primary",
    "make_recovery_codes",
    "note_passkey_use",
    "note_sign_in",
    "note_token_use",
    "note_wrong_password",
    "notice_many_places",
    "remove_address",
    "remove_all_factors",
    "remove_app",
    "remove_passkey",
    "remove_phone",
    "remove_recovery_contact",
    "rename",
    "rename_passkey",
    "renew_qr",
    "reopen_account",
    "reset_unproven_credentials",
    "revoke_token",
    "show_qr",
    "tell_of_guesses",
    "use_code",
]
