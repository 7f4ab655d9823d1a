"""Every page × every method × everybody in the cast: a literal table, multiplied. B-9, HC-2, VA-4, N8, N16."""

import re
from datetime import timedelta
from typing import Any, Final

import pytest
from django.test import Client
from django.urls import reverse

from belvedere.control.accounts.models import Account
from belvedere.control.core import clock
from belvedere.control.core.ids import new_id
from belvedere.control.web.rules import RULES
from invariants.conftest import World
from invariants.surface import CAST, fill, page_routes
from invariants.test_api_rules import NOBODYS
from rows import get_rows

#: rule → status for each of the cast, by the order of CAST. "ok": 200, or 302 to a page of ours.
ANSWERS: Final[dict[str, tuple[str | int, ...]]] = {
    "public": ("ok", "ok", "ok", "ok", "ok"),
    "own": ("sign-in", "ok", "ok", "ok", "ok"),
    "member": ("sign-in", "ok", 404, 404, 404),
    "no-deputy": ("sign-in", 403, 404, 404, 404),
    # The site is no choice of theirs.
    "chooser": ("sign-in", "ok", 422, 422, 422),
    "viewer": ("sign-in", "ok", "ok", 404, 404),
    "sharer": ("sign-in", "ok", 403, 404, 404),
    # Nothing was recorded yet: past the guard there is nothing to take along.
    "exporter": ("sign-in", 404, 403, 404, 404),
    # The panel is shared with Vera. No media node answers in these tests.
    "armer": ("sign-in", 503, 503, 404, 404),
    # The counter was added by its address: past the guard there is nobody to ask.
    "asker": ("sign-in", 422, 404, 404, 404),
    # Whoever has nothing to share has no share pages at all (VA 4). Xena has a camera of her own.
    "any-sharer": ("sign-in", "ok", 404, 404, "ok"),
    # A camera that is not theirs is no camera of the form's.
    "share-form": ("sign-in", "ok", 404, 404, 422),
    # Neither for Xena, who has one to show.
    "guest-form": ("sign-in", "ok", 404, 404, 404),
    # Nobody's secret: one page for all; whoever is signed in is past it.
    "way-in": (404, "ok", "ok", "ok", "ok"),
    "giver": ("sign-in", "ok", 404, 404, 404),
    # A script asks, and shows no page.
    "reader": ("sign-in", 204, 404, 404, 404),
    "receiver": ("sign-in", 404, "ok", 404, 404),
    "offered": ("sign-in", 404, 404, "ok", 404),
    # What was offered to an e-mail address needs no link to hand over.
    "by-mail": ("sign-in", 409, 404, 404, 404),
    "handover-giver": ("sign-in", "ok", 403, 404, 404),
    "handover-giver-late": ("sign-in", 409, 403, 404, 404),
    "handover-early": ("sign-in", 409, 409, 404, 404),
    "handover-receiver": ("sign-in", 403, "ok", 404, 404),
    "nobody": ("sign-in", 404, 404, 404, 404),
    # What their device should have signed, or their app computed, is missing.
    "ceremony": ("sign-in", 422, 422, 422, 422),
    # Recovery codes stand in for a second factor, which nobody in the cast has.
    "no-factor": ("sign-in", 409, 409, 409, 409),
    # Whoever owns a device keeps the account, and reads which.
    "closer": ("sign-in", 409, "ok", "ok", 409),
    # Nobody's code: a sentence, whoever comes with it.
    "scanner": ("sign-in", 422, 422, 422, 422),
    "no-bus": (503, 503, 503, 503, 503),
    "forged": (404, 404, 404, 404, 404),
    # Nobody's code: one answer for everybody, known or not.
    "wrong-code": (422, 422, 422, 422, 422),
    # A form is no JSON: past it stands the secret.
    "json": (422, 422, 422, 422, 422),
}

#: (method, page) → rule; a method that is not here answers 405
PAGES: Final[dict[tuple[str, str], str]] = {
    ("GET", "healthz"): "public",
    ("GET", "readyz"): "no-bus",
    ("GET", "metrics"): "public",
    ("GET", "public-keys"): "public",
    ("GET", "app-manifest"): "public",
    ("GET", "app-worker"): "public",
    # These tests have no front door: there is nothing to trust, whoever asks.
    ("GET", "trust"): "forged",
    ("GET", "trust-certificate"): "forged",
    ("GET", "account_login"): "public",
    ("POST", "account_login"): "public",
    ("GET", "account_signup"): "public",
    ("POST", "account_signup"): "public",
    ("GET", "account_inactive"): "public",
    ("GET", "account_email_verification_sent"): "public",
    ("GET", "account_confirm_email"): "public",
    ("POST", "account_confirm_email"): "forged",
    ("GET", "account_reset_password"): "public",
    ("POST", "account_reset_password"): "public",
    ("GET", "account_reset_password_done"): "public",
    ("GET", "account_reset_password_from_key"): "public",
    ("POST", "account_reset_password_from_key"): "public",
    ("GET", "account_reset_password_from_key_done"): "public",
    ("GET", "mfa_authenticate"): "public",
    ("POST", "mfa_authenticate"): "public",
    ("GET", "mfa_login_webauthn"): "public",
    ("POST", "mfa_login_webauthn"): "public",
    ("GET", "join"): "way-in",
    # Nobody's secret leads nowhere, for whoever comes with it.
    ("GET", "invitation"): "forged",
    ("POST", "invitation-accept"): "forged",
    ("POST", "invitation-decline"): "forged",
    ("GET", "guest"): "public",
    ("POST", "guest-open"): "json",
    # Without the cookie of a guest, whoever is signed in.
    ("POST", "guest-ticket"): "forged",
    ("GET", "guest-recordings"): "forged",
    ("GET", "account_change_password"): "own",
    ("POST", "account_change_password"): "own",
    ("GET", "account_set_password"): "own",
    ("POST", "account_set_password"): "own",
    ("GET", "account_reauthenticate"): "own",
    ("POST", "account_reauthenticate"): "own",
    ("GET", "mfa_reauthenticate"): "own",
    ("POST", "mfa_reauthenticate"): "own",
    ("GET", "mfa_reauthenticate_webauthn"): "own",
    ("POST", "mfa_reauthenticate_webauthn"): "own",
    ("GET", "account-security"): "own",
    ("GET", "account-passkey-add"): "own",
    ("POST", "account-passkey-add"): "ceremony",
    ("POST", "account-passkey-rename"): "nobody",
    ("POST", "account-passkey-remove"): "nobody",
    ("GET", "account-app"): "own",
    ("POST", "account-app"): "ceremony",
    ("POST", "account-app-remove"): "nobody",
    ("POST", "account-codes"): "no-factor",
    ("GET", "organization-deputy"): "member",
    ("POST", "deputy-name"): "member",
    # Nobody is asked, so nobody agrees or claims.
    ("POST", "deputy-agree"): "no-deputy",
    ("POST", "deputy-end"): "member",
    ("POST", "deputy-claim"): "no-deputy",
    ("POST", "deputy-object"): "member",
    ("GET", "organization-restored"): "member",
    ("POST", "organization-restored-confirm"): "member",
    ("GET", "organization-freezing"): "member",
    ("POST", "organization-freeze"): "member",
    ("POST", "organization-thaw"): "member",
    ("GET", "account-recovery"): "own",
    ("POST", "account-recovery"): "own",
    ("POST", "account-recovery-remove"): "nobody",
    ("GET", "cancel-all"): "public",
    ("POST", "cancel-all"): "wrong-code",
    ("GET", "recovery-asked"): "forged",
    ("POST", "recovery-confirm"): "forged",
    ("POST", "recovery-begin"): "forged",
    ("POST", "recovery-stop"): "forged",
    ("GET", "recovery-link"): "public",
    ("POST", "recovery-link"): "public",
    ("POST", "account-recovery-refuse"): "own",
    ("POST", "recovery-decline"): "forged",
    ("GET", "account-sign-in"): "giver",
    ("POST", "account-sign-in-confirm"): "giver",
    ("POST", "account-sign-in-deny"): "giver",
    ("POST", "account-many-places-dismiss"): "own",
    ("GET", "matter"): "giver",
    ("POST", "matter-seen"): "reader",
    ("GET", "account-phones"): "own",
    ("POST", "account-phones"): "own",
    ("POST", "account-phone-confirm"): "nobody",
    ("POST", "account-phone-remove"): "nobody",
    ("GET", "account_email"): "own",
    ("POST", "account_email"): "own",
    ("POST", "account_logout"): "own",
    ("POST", "sign-out"): "own",
    ("GET", "account-activity"): "own",
    ("GET", "account-notifications"): "own",
    ("POST", "account-notifications-channels"): "own",
    ("POST", "account-notifications-quiet"): "own",
    ("POST", "account-notifications-snooze"): "own",
    ("POST", "account-notifications-test"): "own",
    ("POST", "push-forget"): "giver",
    ("GET", "broker-new"): "own",
    ("POST", "broker-new"): "own",
    ("GET", "broker"): "giver",
    ("GET", "broker-change"): "giver",
    ("POST", "broker-change"): "giver",
    ("POST", "broker-switch"): "giver",
    ("POST", "broker-test"): "giver",
    ("POST", "broker-remove"): "giver",
    ("GET", "webhook-new"): "own",
    ("POST", "webhook-new"): "own",
    ("GET", "webhook"): "giver",
    ("GET", "webhook-change"): "giver",
    ("POST", "webhook-change"): "giver",
    ("POST", "webhook-switch"): "giver",
    ("POST", "webhook-secret"): "giver",
    ("POST", "webhook-test"): "giver",
    ("POST", "webhook-remove"): "giver",
    ("GET", "notification"): "giver",
    ("POST", "notification-seen"): "reader",
    # Nothing was recorded: past the guard there is no picture.
    ("GET", "notification-picture"): "nobody",
    ("GET", "notification-matrix"): "any-sharer",
    # A mail program presses the button: what is in the address is the proof.
    ("GET", "notifications-stop"): "forged",
    ("POST", "notifications-stop"): "forged",
    ("GET", "account-blocked"): "own",
    ("GET", "review"): "own",
    ("POST", "review-put-away"): "own",
    ("POST", "review-answer"): "nobody",  # everything is fresh: nothing is asked about
    ("GET", "moving-out"): "own",
    # Mia belongs to Olivia’s.
    ("GET", "moving-out-person"): "giver",
    ("POST", "moving-out-person"): "giver",
    ("GET", "moved-out"): "nobody",
    ("GET", "quiet"): "public",
    ("GET", "account-close"): "own",
    ("POST", "account-close"): "closer",
    # Nobody who did not just prove that a closed account is his: to the sign-in.
    ("GET", "account-return"): "public",
    ("POST", "account-return"): "public",
    ("POST", "sharer-unblock"): "nobody",
    ("GET", "shared-with-me"): "own",
    ("POST", "share-mute"): "receiver",
    ("POST", "sharer-block"): "receiver",
    ("POST", "share-link"): "by-mail",
    ("GET", "guides"): "own",
    ("GET", "guide"): "own",
    ("GET", "wall"): "own",
    ("GET", "camera"): "viewer",
    ("GET", "camera-access"): "sharer",
    ("POST", "camera-alias"): "viewer",
    # The counter is shared with Rita, who lives elsewhere.
    ("POST", "camera-private"): "sharer",
    ("GET", "recording"): "sharer",
    ("POST", "recording"): "sharer",
    ("GET", "detector"): "sharer",
    ("POST", "detector"): "sharer",
    ("POST", "detector-remove"): "sharer",
    ("POST", "camera-export"): "exporter",
    ("GET", "exports"): "own",
    ("GET", "devices"): "own",
    ("GET", "device-add"): "own",
    ("POST", "device-add"): "chooser",
    ("POST", "device-search"): "own",
    ("POST", "device-label"): "own",
    ("POST", "device-look"): "own",
    ("GET", "device"): "member",
    ("POST", "device-rename"): "member",
    ("POST", "device-switch"): "member",
    ("POST", "device-refresh"): "asker",
    ("POST", "device-channels"): "asker",
    ("POST", "device-extend"): "member",
    ("GET", "device-address"): "member",
    ("POST", "device-address"): "member",
    ("GET", "device-move"): "member",
    ("POST", "device-move"): "member",
    ("POST", "camera-rename"): "sharer",
    ("GET", "device-unbind"): "member",
    ("POST", "device-unbind"): "member",
    ("GET", "panel"): "viewer",
    ("GET", "panel-add"): "own",
    ("POST", "panel-add"): "chooser",
    ("POST", "panel-command"): "armer",
    ("GET", "panel-address"): "member",
    ("POST", "panel-address"): "member",
    ("GET", "panel-share"): "sharer",
    ("POST", "panel-share"): "sharer",
    ("GET", "share"): "any-sharer",
    ("POST", "share"): "share-form",
    ("GET", "sharing"): "any-sharer",
    ("GET", "sharing-matrix"): "any-sharer",
    ("GET", "sharing-matrix-csv"): "any-sharer",
    ("GET", "share-consequence"): "giver",
    ("GET", "access-tests"): "any-sharer",
    ("GET", "access-test-new"): "nobody",  # without a person in the address
    ("POST", "access-test-new"): "nobody",
    ("GET", "access-test"): "giver",
    ("GET", "access-test-entrance"): "public",
    # Without the secret of its link it is not there, for anybody.
    ("POST", "access-test-open"): "nobody",
    ("GET", "access-test-own"): "nobody",
    ("POST", "access-test-own"): "nobody",
    ("GET", "access-why"): "nobody",  # without a person and a camera in the address
    ("GET", "view-as"): "giver",
    ("POST", "view-as"): "giver",
    ("GET", "share-cell"): "giver",
    ("POST", "share-cell"): "giver",
    ("GET", "share-page"): "giver",
    ("POST", "share-pause"): "giver",
    ("POST", "share-resume"): "giver",
    ("POST", "share-remind"): "giver",
    ("POST", "share-prolong"): "giver",
    ("POST", "share-lapse"): "giver",
    ("GET", "share-terms"): "giver",
    ("POST", "share-terms"): "giver",
    ("POST", "share-end"): "giver",
    ("POST", "share-leave"): "receiver",
    ("GET", "presets"): "any-sharer",
    ("GET", "preset-new"): "any-sharer",
    ("POST", "preset-new"): "any-sharer",
    ("GET", "preset"): "giver",
    ("POST", "preset"): "giver",
    ("POST", "preset-remove"): "giver",
    ("GET", "groups"): "any-sharer",
    ("GET", "group-new"): "any-sharer",
    ("POST", "group-new"): "guest-form",
    ("GET", "group"): "giver",
    ("POST", "group"): "giver",
    ("GET", "group-remove"): "giver",
    ("POST", "group-remove"): "giver",
    ("POST", "group-unfollow"): "giver",
    ("GET", "guest-links"): "any-sharer",
    ("GET", "guest-link-new"): "any-sharer",
    ("POST", "guest-link-new"): "guest-form",
    ("GET", "guest-link"): "giver",
    ("GET", "guest-link-change"): "giver",
    ("POST", "guest-link-change"): "giver",
    ("POST", "guest-link-end"): "giver",
    ("GET", "recipient"): "giver",
    ("POST", "recipient"): "giver",
    ("POST", "recipient-remove"): "giver",
    ("GET", "recipient-scan"): "own",
    ("POST", "recipient-scan"): "scanner",
    ("GET", "recipient-met"): "own",
    ("GET", "account-qr"): "own",
    ("POST", "account-qr"): "own",
    ("GET", "receipt"): "giver",
    ("GET", "inbox"): "own",
    ("GET", "request-new"): "own",
    ("POST", "request-new"): "own",
    ("GET", "request"): "giver",
    ("POST", "request-approve"): "giver",
    ("POST", "request-deny"): "giver",
    ("POST", "requester-unblock"): "member",
    ("GET", "claim-new"): "nobody",  # without a refusal of one's own
    ("POST", "claim-new"): "nobody",
    ("GET", "claim"): "giver",
    ("POST", "claim-refuse"): "giver",
    ("GET", "handover-new"): "nobody",  # without an organization in the address
    ("POST", "handover-new"): "handover-giver",
    ("GET", "handover"): "viewer",
    # It waits: nothing was kept yet.
    ("GET", "admin-providers"): "any-sharer",
    ("POST", "admin-providers"): "giver",
    ("POST", "provider-end"): "giver",
    ("POST", "wish-approve"): "giver",
    ("POST", "wish-deny"): "giver",
    ("GET", "installations"): "own",
    ("POST", "installation-accept"): "receiver",
    ("POST", "installation-decline"): "receiver",
    ("POST", "installation-leave"): "receiver",
    ("POST", "installation-ask"): "receiver",
    ("GET", "handover-report"): "nobody",
    ("GET", "handover-report-paper"): "nobody",
    ("GET", "report"): "nobody",  # without a place in the address
    ("GET", "report-paper"): "nobody",
    ("POST", "handover-decide"): "handover-giver-late",
    ("POST", "handover-offer"): "handover-giver-late",
    ("POST", "handover-undo"): "handover-early",
    ("POST", "handover-accept"): "handover-receiver",
    ("POST", "handover-decline"): "handover-receiver",
    ("POST", "handover-withdraw"): "handover-giver",
    ("POST", "offer-accept"): "offered",
    ("POST", "offer-reject"): "offered",
    ("GET", "admin-audit"): "any-sharer",
    ("GET", "admin-users"): "any-sharer",
    ("GET", "admin-invite"): "any-sharer",
    ("POST", "admin-invite"): "member",
    ("POST", "admin-invitation-resend"): "member",
    ("POST", "admin-invitation-cancel"): "member",
    ("GET", "admin-member"): "member",
    ("POST", "admin-member"): "member",
    ("GET", "admin-member-remove"): "member",
    ("POST", "admin-member-remove"): "member",
    ("GET", "admin-sites"): "any-sharer",
    ("GET", "admin-site-add"): "any-sharer",
    ("POST", "admin-site-add"): "member",
    ("GET", "admin-site"): "member",
    ("POST", "admin-site"): "member",
    ("GET", "admin-site-delete"): "member",
    ("POST", "admin-site-delete"): "member",
    ("GET", "admin-settings"): "any-sharer",
    ("POST", "admin-settings"): "member",
    # It is her own home: nobody leaves that.
    ("GET", "organization-leave"): "nobody",
    ("POST", "organization-leave"): "nobody",
    ("GET", "account"): "own",
    ("POST", "account"): "own",
    ("POST", "token-create"): "own",
    ("POST", "token-revoke"): "giver",
    ("POST", "session-end"): "nobody",
    ("POST", "sessions-end-others"): "own",
    ("GET", "organizations"): "own",
    ("GET", "organization-new"): "own",
    ("POST", "organization-new"): "own",
    ("POST", "organization-switch"): "member",
    ("POST", "organization-join"): "offered",
    ("POST", "organization-decline"): "offered",
}

FORMS: Final[dict[str, dict[str, Any]]] = {
    "account": {"name": "Another Name"},
    "admin-invite": {
        "organization": "{organization_id}",
        "account": "new@example.org",
        "role": "viewer",
        "reach": "all",
        "step": "send",
    },
    "admin-member": {"role": "operator", "reach": "all", "step": "save"},
    "admin-providers": {
        "organization": "{organization_id}",
        "site": "{site_id}",
        "account": "new@example.org",
        "permission": ["live_view"],
        "until": f"{clock.now() + timedelta(days=7):%Y-%m-%d}",
    },
    "wish-approve": {"permission": ["live_view"], "hours": "1"},
    "installation-ask": {"permission": ["live_view"], "hours": "1", "reason": "cable"},
    "admin-settings": {"organization": "{organization_id}", "name": "Casa Alba"},
    "admin-site": {"name": "Orchard"},
    "admin-site-add": {"organization": "{organization_id}", "name": "Annex"},
    "admin-site-delete": {"move_devices_to": "{other_site_id}"},
    "account-passkey-add": {"name": "Phone", "credential": "[]"},
    "account-passkey-rename": {"name": "Phone"},
    "account-app": {"code": "123456"},
    "cancel-all": {"email": "olivia@example.org", "code": "000000000000"},
    "recovery-link": {"email": "olivia@example.org", "address": "clara@example.org"},
    "account-recovery": {"address": "clara@example.org", "name": "My sister Clara"},
    "account-phones": {"number": "+34 600 123 456"},
    "account-phone-confirm": {"code": "123456"},
    "camera-alias": {"name": "My counter"},
    "detector": {"address": "mqtts://127.0.0.1:9", "password": "", "topics": "frigate", "name": "back_yard"},
    "camera-private": {"hours": "1"},
    "recording": {"mode": "continuous", "quality": "main", "keep_days": "3"},
    "camera-export": {"from": "2026-11-01T10:00", "to": "2026-11-01T10:05"},
    "device-add": {"name": "Gate", "site": "{site_id}", "address": "rtsp://127.0.0.1:9/g", "skip_test": "on"},
    "device-look": {"site": "{site_id}", "address": "rtsp://127.0.0.1:9/g"},
    "device-label": {"text": "192.168.1.20"},
    "device-switch": {"to": "off"},
    "device-channels": {"channel": ["2"]},
    "device-address": {"address": "rtsp://127.0.0.1:9/elsewhere"},
    "device-move": {"site": "{other_site_id}"},
    "camera-rename": {"name": "Till"},
    "device-rename": {"name": "Till"},
    "guest-link-change": {
        "name": "Gardener",
        "camera": ["{camera_id}"],
        "permission": ["live_view"],
        "uses": "3",
        "asks": "keep",
    },
    "preset-new": {"name": "Gardener", "permission": "live_view"},
    "preset": {"name": "Cleaner", "permission": "live_view"},
    "group-new": {"name": "Front", "camera": "{camera_id}"},
    "group": {"name": "Inside", "camera": "{camera_id}"},
    "guest-link-new": {
        "name": "Gardener",
        "camera": ["{camera_id}"],
        "permission": ["live_view"],
        "span": "2",
        "reach": "86400",
        "uses": "3",
    },
    "handover-new": {"organization": "{mill_id}", "receiver": "vera@example.org", "afterwards": "super_admin"},
    "panel-add": {
        "name": "Siren",
        "site": "{site_id}",
        "address": "mqtts://127.0.0.1:9",
        "state_topic": "siren",
        "command_topic": "siren/set",
        "code": "disarm",
    },
    "panel-command": {"command": "arm_away"},
    "panel-address": {"address": "mqtts://127.0.0.1:9", "username": "house", "password": "canary"},
    "panel-share": {"to": "new@example.org", "permission": ["arm"]},
    "request-new": {"camera": "{camera_id}", "permission": ["live_view"], "reason": "please"},
    "request-approve": {"camera": ["{other_camera_id}"], "permission": ["live_view"]},
    "share-cell": {"permission": ["live_view", "playback"]},
    "broker-new": {"name": "Home", "address": "mqtts://127.0.0.1:9", "topics": "belvedere"},
    "broker-change": {"name": "House", "address": "mqtts://127.0.0.1:9"},
    "broker-switch": {"on": "1"},
    "webhook-new": {"name": "Lamp", "url": "http://127.0.0.1:9/lamp"},
    "webhook-change": {"name": "Lamp"},
    "webhook-switch": {"on": "1"},
    "token-create": {"name": "script", "scope": ["read"]},
    "organization-switch": {"organization": "{organization_id}"},
    "organization-new": {"organization-name": "Bakery", "organization-time_zone": "Europe/Madrid", "step": "done"},
    "share-terms": {"version": "1", "time": "always"},
    "share": {"step": "review", "to": "new@example.org", "camera": ["{camera_id}"], "permission": ["live_view"]},
}
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
#: allauth's pages answer these as GET or POST; they are not ours to refuse
LENIENT: Final = {name for name in RULES if name.startswith(("account_", "mfa_"))}
#: pressed by mail programs, which have no form of ours
BY_MAIL_PROGRAMS: Final = {"notifications-stop"}
BY_ID: Final = sorted(
    {
        row
        for row in PAGES
        if "<str:" in page_routes()[row[1]]
        and not row[1].startswith("account_")
        and row[1] not in {"join", "recipient-met", "guide"}
    }
)


def address_of(name: str, ids: dict[str, str]) -> str:
    """The address of a page, with ids in it."""
    names = re.findall(r"<(?:str:)?(\w+)>", page_routes()[name])
    more = {
        "secret": "s3cret",
        "slug": "already-bound",
        "key": "k3y",
        "code": "0" * 32,
        "uidb36": "0",
        "session_id": "f" * 64,
        "passkey_id": "77",
        "phone_id": new_id(),
        "contact_id": new_id(),
    }
    return reverse(name, kwargs={key: (ids | more)[key] for key in names})


def request(client: Client, row: tuple[str, str], ids: dict[str, str], **more: Any) -> Any:
    """Ask for one page, with a form that is right for Olivia."""
    method, name = row
    form = fill(FORMS.get(name, {}), ids) if method == "POST" else {}
    return getattr(client, method.lower())(address_of(name, ids), form, **more)


def same(content: bytes) -> str:
    """A page without what is new each time by design: nonce and form token."""
    text = re.sub(r'nonce="[^"]*"', "", content.decode())
    return re.sub(r'(name="csrf-token" content|csrfmiddlewaretoken" value)="[^"]*"', "", text)


def test_every_page_has_a_rule() -> None:
    """A page that nobody decided about fails here, and answers 404 meanwhile."""
    assert {name for _, name in PAGES} == set(page_routes())
    assert set(page_routes()) <= set(RULES)
    assert set(PAGES.values()) == set(ANSWERS)


def is_right(answer: Any, expected: str | int) -> bool:
    """Whether an answer is what the table says."""
    if expected == "sign-in":
        return bool(answer.status_code == 302 and answer.headers["Location"].startswith("/sign-in?next="))
    if expected == "ok":
        is_ours = answer.status_code == 302 and answer.headers["Location"].startswith("/")
        return bool(answer.status_code == 200 or (is_ours and "/sign-in?" not in answer.headers["Location"]))
    return bool(answer.status_code == expected)


@pytest.mark.parametrize("row", sorted(PAGES), ids=" ".join)
def test_everybody_gets_the_answer_of_the_table(world: World, row: tuple[str, str]) -> None:
    rule = PAGES[row]
    ids = world.ids | ({"share_id": world.people.pats_offer} if rule == "offered" else {})
    # Those who may not come first: what they did must not be why the others get theirs.
    for name, expected in sorted(zip(CAST, ANSWERS[rule], strict=True), key=lambda pair: pair[1] == "ok"):
        answer = request(world.by_session(name), row, ids)
        assert is_right(answer, expected), (name, answer.status_code, answer.headers.get("Location"))


def test_no_page_takes_another_method(world: World) -> None:
    client = world.by_session("olivia")
    for name in set(page_routes()) - LENIENT:
        for method in set(METHODS) - {row[0] for row in PAGES if row[1] == name}:
            answer = getattr(client, method.lower())(address_of(name, world.ids))
            assert answer.status_code == 405, (method, name)


def test_forms_of_other_sites_write_nothing(world: World) -> None:
    """N8: without our own page's token no form does anything, whoever is signed in."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(Account.objects.get(pk=world.people.olivia.id))
    before = get_rows(without={"accounts_session"})
    for row in PAGES:
        if row[0] == "POST" and row[1] not in BY_MAIL_PROGRAMS:
            for headers in ({}, {"Origin": "null"}, {"Origin": "http://testserver:8001"}):
                assert request(client, row, world.ids, headers=headers).status_code == 403, row
    assert get_rows(without={"accounts_session"}) == before


@pytest.mark.parametrize("row", BY_ID, ids=" ".join)
def test_what_one_may_not_see_is_not_there(world: World, row: tuple[str, str]) -> None:
    """N16: somebody else's, nobody's and impossible ids: one page, byte for byte. A guest link's is a way in (N40)."""
    expected = {"public": 200, "json": 422}.get(PAGES[row], 404)
    client = world.by_session("xena")
    absent = {name: new_id() for name in world.ids}
    reference = request(client, row, absent)
    assert reference.status_code == expected
    for name in world.ids:
        if f"<str:{name}>" not in page_routes()[row[1]]:
            continue
        for value in [world.ids[name], *(value for value in NOBODYS if value != "..")]:
            answer = request(client, row, absent | {name: value})
            assert answer.status_code == expected
            assert same(answer.content) == same(reference.content), value
