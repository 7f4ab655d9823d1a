"""Every page by name, and for whom it is. A page that is not here answers 404; a test walks all of them."""

from enum import StrEnum
from typing import Final


class Rule(StrEnum):
    """For whom a page is. What one sees on it, its selectors decide."""

    PUBLIC = "public"
    ACCOUNT = "account"


RULES: Final[dict[str, Rule]] = {
    # Probes: no body worth reading
    "healthz": Rule.PUBLIC,
    "readyz": Rule.PUBLIC,
    "metrics": Rule.PUBLIC,  # asks for its own token, or for loopback
    # The way in: allauth's pages, made for people who are not signed in
    "account_login": Rule.PUBLIC,
    "account_signup": Rule.PUBLIC,
    "account_inactive": Rule.PUBLIC,
    "account_email_verification_sent": Rule.PUBLIC,
    "account_confirm_email": Rule.PUBLIC,
    "account_reset_password": Rule.PUBLIC,
    "account_reset_password_done": Rule.PUBLIC,
    "account_reset_password_from_key": Rule.PUBLIC,
    "account_reset_password_from_key_done": Rule.PUBLIC,
    "mfa_authenticate": Rule.PUBLIC,  # after the password, before anybody is signed in
    "mfa_login_webauthn": Rule.PUBLIC,
    "join": Rule.PUBLIC,  # the secret in the mail is the proof; GET shows, sign-up acts
    "invitation": Rule.PUBLIC,  # the same; POST acts, for the invited account alone
    "invitation-accept": Rule.PUBLIC,
    "invitation-decline": Rule.PUBLIC,
    # Signed in
    "account_logout": Rule.ACCOUNT,
    "sign-out": Rule.ACCOUNT,
    "account_change_password": Rule.ACCOUNT,
    "account_set_password": Rule.ACCOUNT,
    "account_reauthenticate": Rule.ACCOUNT,
    "account_email": Rule.ACCOUNT,
    "mfa_reauthenticate": Rule.ACCOUNT,
    "mfa_reauthenticate_webauthn": Rule.ACCOUNT,
    "account-security": Rule.ACCOUNT,
    "account-passkey-add": Rule.ACCOUNT,
    "account-passkey-rename": Rule.ACCOUNT,
    "account-passkey-remove": Rule.ACCOUNT,
    "account-app": Rule.ACCOUNT,
    "account-app-remove": Rule.ACCOUNT,
    "account-codes": Rule.ACCOUNT,
    "account-phones": Rule.ACCOUNT,
    "account-phone-confirm": Rule.ACCOUNT,
    "account-phone-remove": Rule.ACCOUNT,
    "wall": Rule.ACCOUNT,
    "camera": Rule.ACCOUNT,
    "camera-access": Rule.ACCOUNT,
    "camera-alias": Rule.ACCOUNT,
    "devices": Rule.ACCOUNT,
    "device-add": Rule.ACCOUNT,
    "device-probe": Rule.ACCOUNT,
    "device-rename": Rule.ACCOUNT,
    "device-unbind": Rule.ACCOUNT,
    "panel": Rule.ACCOUNT,
    "panel-add": Rule.ACCOUNT,
    "panel-command": Rule.ACCOUNT,
    "panel-share": Rule.ACCOUNT,
    "share": Rule.ACCOUNT,
    "share-end": Rule.ACCOUNT,
    "share-leave": Rule.ACCOUNT,
    "sharing": Rule.ACCOUNT,
    "receipt": Rule.ACCOUNT,
    "inbox": Rule.ACCOUNT,
    "offer-accept": Rule.ACCOUNT,
    "offer-reject": Rule.ACCOUNT,
    "handover-new": Rule.ACCOUNT,
    "handover": Rule.ACCOUNT,
    "handover-accept": Rule.ACCOUNT,
    "handover-decline": Rule.ACCOUNT,
    "handover-withdraw": Rule.ACCOUNT,
    "admin-audit": Rule.ACCOUNT,
    "admin-users": Rule.ACCOUNT,
    "admin-invite": Rule.ACCOUNT,
    "admin-member": Rule.ACCOUNT,
    "admin-member-remove": Rule.ACCOUNT,
    "admin-invitation-resend": Rule.ACCOUNT,
    "admin-invitation-cancel": Rule.ACCOUNT,
    "admin-sites": Rule.ACCOUNT,
    "admin-site-add": Rule.ACCOUNT,
    "admin-site": Rule.ACCOUNT,
    "admin-site-delete": Rule.ACCOUNT,
    "admin-settings": Rule.ACCOUNT,
    "organization-leave": Rule.ACCOUNT,
    "account": Rule.ACCOUNT,
    "token-create": Rule.ACCOUNT,
    "token-revoke": Rule.ACCOUNT,
    "session-end": Rule.ACCOUNT,
    "sessions-end-others": Rule.ACCOUNT,
    "organizations": Rule.ACCOUNT,
    "organization-new": Rule.ACCOUNT,
    "organization-switch": Rule.ACCOUNT,
    "organization-join": Rule.ACCOUNT,
    "organization-decline": Rule.ACCOUNT,
}
