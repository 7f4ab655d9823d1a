"""Every address of the control plane. Who may come in stands in `web/rules.py` and `api/rules.py`."""

from allauth.account import views as allauth
from allauth.mfa.base import views as mfa
from allauth.mfa.webauthn import views as webauthn
from django.urls import URLPattern, URLResolver, path, re_path

from belvedere.control.api.app import api
from belvedere.control.web import account, cameras, devices, factors, health, phones, sharing

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("", cameras.wall, name="wall"),
    path("cameras/<str:camera_id>", cameras.camera, name="camera"),
    path("cameras/<str:camera_id>/access", cameras.camera_access, name="camera-access"),
    path("cameras/<str:camera_id>/alias", cameras.camera_alias, name="camera-alias"),
    path("devices", devices.devices, name="devices"),
    path("devices/add", devices.device_add, name="device-add"),
    path("devices/probe", devices.device_probe, name="device-probe"),
    path("devices/<str:device_id>/rename", devices.device_rename, name="device-rename"),
    path("devices/<str:device_id>/unbind", devices.device_unbind, name="device-unbind"),
    path("share", sharing.share, name="share"),
    path("sharing", sharing.sharing, name="sharing"),
    path("sharing/<str:share_id>/end", sharing.share_end, name="share-end"),
    path("sharing/<str:share_id>/leave", sharing.share_leave, name="share-leave"),
    path("receipts/<str:change_id>", sharing.receipt, name="receipt"),
    path("inbox", sharing.inbox, name="inbox"),
    path("inbox/<str:share_id>/accept", sharing.offer_accept, name="offer-accept"),
    path("inbox/<str:share_id>/reject", sharing.offer_reject, name="offer-reject"),
    path("join/<str:secret>", account.join, name="join"),
    path("account", account.account, name="account"),
    path("account/tokens", account.token_create, name="token-create"),
    path("account/tokens/<str:token_id>/revoke", account.token_revoke, name="token-revoke"),
    path("account/sessions/others/end", account.sessions_end_others, name="sessions-end-others"),
    path("account/sessions/<str:session_id>/end", account.session_end, name="session-end"),
    path("account/security", factors.security, name="account-security"),
    path("account/security/passkeys/add", factors.passkey_add, name="account-passkey-add"),
    path("account/security/passkeys/<str:passkey_id>/rename", factors.passkey_rename, name="account-passkey-rename"),
    path("account/security/passkeys/<str:passkey_id>/remove", factors.passkey_remove, name="account-passkey-remove"),
    path("account/security/app", factors.app, name="account-app"),
    path("account/security/app/remove", factors.app_remove, name="account-app-remove"),
    path("account/security/codes", factors.codes_make, name="account-codes"),
    path("account/phones", phones.phones, name="account-phones"),
    path("account/phones/<str:phone_id>/confirm", phones.phone_confirm, name="account-phone-confirm"),
    path("account/phones/<str:phone_id>/remove", phones.phone_remove, name="account-phone-remove"),
    path("account/organization", account.organization_switch, name="organization-switch"),
    path("sign-out", account.sign_out, name="sign-out"),
    # allauth's own flows under our addresses. Only these: what is not named here does not exist.
    path("sign-in", allauth.login, name="account_login"),
    path("sign-up", allauth.signup, name="account_signup"),
    path("sign-out/now", account.sign_out, name="account_logout"),
    path("account/inactive", allauth.account_inactive, name="account_inactive"),
    path("sign-in/second-step", mfa.authenticate, name="mfa_authenticate"),
    path("sign-in/passkey", webauthn.login_webauthn, name="mfa_login_webauthn"),
    path("account/reauthenticate", allauth.reauthenticate, name="account_reauthenticate"),
    path("account/reauthenticate/code", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("account/reauthenticate/passkey", webauthn.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path("account/password", allauth.password_change, name="account_change_password"),
    path("account/password/set", account.password_set, name="account_set_password"),
    path("account/email", account.addresses, name="account_email"),
    path("confirm", allauth.email_verification_sent, name="account_email_verification_sent"),
    path("confirm/<str:key>", allauth.confirm_email, name="account_confirm_email"),
    path("reset", allauth.password_reset, name="account_reset_password"),
    path("reset/sent", allauth.password_reset_done, name="account_reset_password_done"),
    path("reset/done", allauth.password_reset_from_key_done, name="account_reset_password_from_key_done"),
    # A key has a dash in it, an id has none: the first one parts them.
    re_path(
        r"^reset/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[^/]+)$",
        allauth.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("api/v1/", api.urls),
]

handler400 = "belvedere.control.web.errors.bad_request"
handler404 = "belvedere.control.web.errors.not_found"
# Asked for by allauth, whose limits stand before its own pages.
handler429 = "belvedere.control.web.errors.too_many"
handler500 = "belvedere.control.web.errors.server_error"
