"""Every way into the control plane, found by walking what Django and ninja really serve; and two literal tables.

ROUTES says which rule each operation of the API follows, ANSWERS what each rule answers to each of the cast. The test
multiplies them. They are written by hand on purpose: what the code believes cannot be its own proof (B-9).
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from django.urls import URLPattern, URLResolver, get_resolver

import cast
from belvedere.control.api.app import api
from belvedere.control.core import clock

type Body = dict[str, Any]
type Method = str
type Path = str


def api_operations() -> set[tuple[Method, Path]]:
    """(method, path) of every operation that ninja serves."""
    return {
        (method, f"{prefix}{path}".lstrip("/"))
        for prefix, router in api._routers
        for path, view in router.path_operations.items()
        for operation in view.operations
        for method in operation.methods
    }


def page_routes(resolver: URLResolver | None = None) -> dict[str, str]:
    """Name → route of every page."""
    found: dict[str, str] = {}
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLPattern):
            assert pattern.name, f"{pattern.pattern} has no name, so no rule can speak of it"
            found[pattern.name] = str(pattern.pattern)
        elif pattern.namespace != "api":
            found |= page_routes(pattern)
    return found


#: (method, path) → rule
ROUTES: Final[dict[tuple[Method, Path], str]] = {
    ("GET", "me"): "own",
    ("GET", "me/qr"): "own",
    ("POST", "me/qr"): "own",
    ("GET", "me/activity"): "own",
    ("GET", "me/blocked"): "own",
    ("DELETE", "me/blocked/{sharer_id}"): "nobody",
    ("GET", "inbox"): "own",
    ("GET", "organizations"): "own",
    ("POST", "organizations"): "own",
    ("GET", "organizations/{organization_id}"): "member",
    ("PATCH", "organizations/{organization_id}"): "member",
    ("GET", "organizations/{organization_id}/sites"): "member",
    ("POST", "organizations/{organization_id}/sites"): "member",
    ("GET", "sites/{site_id}"): "member",
    ("PATCH", "sites/{site_id}"): "member",
    ("DELETE", "sites/{site_id}"): "member",
    ("GET", "organizations/{organization_id}/members"): "member",
    ("GET", "members/{member_id}"): "member",
    ("PATCH", "members/{member_id}"): "member",
    ("DELETE", "members/{member_id}"): "member",
    ("GET", "organizations/{organization_id}/invitations"): "member",
    ("POST", "organizations/{organization_id}/invitations"): "member",
    ("DELETE", "invitations/{invitation_id}"): "member",
    ("POST", "invitations/{invitation_id}/resend"): "member",
    ("POST", "invitations/{invitation_id}/accept"): "invited",
    ("POST", "invitations/{invitation_id}/decline"): "invited",
    ("POST", "invitations/by-token"): "mailed",
    ("GET", "access/explain"): "member",
    ("POST", "access/view-as"): "member",
    ("POST", "access-tests"): "member",
    ("GET", "access-tests/{test_id}"): "member",
    ("GET", "audit"): "member",
    ("GET", "audit/export"): "member",
    ("GET", "devices"): "own",
    ("POST", "devices"): "member",
    ("POST", "devices/test"): "prober",
    ("POST", "devices/discover"): "prober",
    ("POST", "devices/inspect"): "prober",
    ("POST", "devices/{device_id}/refresh"): "asker",
    ("POST", "devices/{device_id}/channels"): "asker",
    ("GET", "devices/{device_id}"): "member",
    ("PATCH", "devices/{device_id}"): "member",
    ("DELETE", "devices/{device_id}"): "member",
    ("GET", "panels"): "own",
    ("GET", "panels/{panel_id}"): "viewer",
    ("GET", "panels/{panel_id}/history"): "configurer",
    ("POST", "devices/{panel_id}/panel"): "armer",
    ("GET", "cameras/{camera_id}/ptz"): "mover",
    ("POST", "cameras/{camera_id}/ptz"): "mover",
    ("POST", "cameras/{camera_id}/ptz/presets"): "mover",
    ("DELETE", "cameras/{camera_id}/ptz/presets/{preset}"): "mover",
    ("GET", "cameras"): "own",
    ("GET", "cameras/{camera_id}"): "viewer",
    ("PUT", "cameras/{camera_id}/alias"): "viewer",
    ("GET", "cameras/{camera_id}/access"): "sharer",
    ("GET", "cameras/{camera_id}/viewers"): "sharer",
    ("GET", "cameras/{camera_id}/viewings"): "sharer",
    ("GET", "cameras/{camera_id}/recordings"): "player",
    ("GET", "cameras/{camera_id}/recording-settings"): "configurer",
    ("PATCH", "cameras/{camera_id}/recording-settings"): "configurer",
    ("GET", "cameras/{camera_id}/detector"): "configurer",
    ("PUT", "cameras/{camera_id}/detector"): "configurer",
    ("DELETE", "cameras/{camera_id}/detector"): "configurer",
    ("GET", "cameras/{camera_id}/snapshot.jpg"): "viewer",
    ("GET", "events"): "own",
    # There is an event, and no footage of it that a node could show.
    ("GET", "events/{event_id}/picture.jpg"): "nobody",
    ("GET", "notifications/preferences"): "own",
    ("PATCH", "notifications/preferences"): "person",
    ("GET", "notifications/matrix"): "own",
    ("GET", "push-subscriptions"): "person",
    ("POST", "push-subscriptions"): "person",
    ("DELETE", "push-subscriptions/{subscription_id}"): "person-owner",
    ("GET", "brokers"): "person",
    ("POST", "brokers"): "person",
    ("PATCH", "brokers/{broker_id}"): "person-owner",
    ("DELETE", "brokers/{broker_id}"): "person-owner",
    ("POST", "brokers/{broker_id}/test"): "person-owner",
    ("GET", "webhooks"): "person",
    ("POST", "webhooks"): "person",
    ("PATCH", "webhooks/{webhook_id}"): "person-owner",
    ("POST", "webhooks/{webhook_id}/secret"): "person-owner",
    ("DELETE", "webhooks/{webhook_id}"): "person-owner",
    ("GET", "webhooks/{webhook_id}/deliveries"): "person-owner",
    ("POST", "webhooks/{webhook_id}/test"): "person-owner",
    ("GET", "exports"): "own",
    ("GET", "exports/{export_id}"): "exporter",
    ("GET", "exports/{export_id}/manifest"): "exporter",
    ("POST", "cameras/{camera_id}/tickets"): "viewer",
    ("POST", "tickets"): "own",
    ("GET", "presets"): "own",
    ("POST", "presets"): "member",
    ("PATCH", "presets/{preset_id}"): "member",
    ("DELETE", "presets/{preset_id}"): "member",
    ("GET", "groups"): "member",
    ("POST", "groups"): "member",
    ("GET", "groups/{group_id}"): "member",
    ("PATCH", "groups/{group_id}"): "member",
    ("DELETE", "groups/{group_id}"): "member",
    ("DELETE", "groups/{group_id}/shares/{share_id}"): "giver",
    ("GET", "recipients"): "own",
    ("POST", "recipients"): "own",
    ("PATCH", "recipients/{recipient_id}"): "giver",
    ("DELETE", "recipients/{recipient_id}"): "giver",
    ("GET", "shares"): "own",
    ("POST", "shares"): "sharer",
    ("GET", "shares/{share_id}"): "party",
    ("PATCH", "shares/{share_id}"): "giver",
    ("DELETE", "shares/{share_id}"): "giver",
    ("POST", "shares/{share_id}/remind"): "offerer",
    ("POST", "shares/{share_id}/accept"): "offered",
    ("POST", "shares/{share_id}/reject"): "offered",
    ("POST", "shares/{share_id}/leave"): "receiver",
    ("POST", "shares/{share_id}/mute"): "receiver",
    ("POST", "shares/{share_id}/unmute"): "receiver",
    ("POST", "shares/{share_id}/block"): "receiver",
    ("GET", "receipts/{change_id}"): "giver",
    ("GET", "guest-links"): "own",
    ("POST", "guest-links"): "sharer",
    ("GET", "guest-links/{link_id}"): "giver",
    ("PATCH", "guest-links/{link_id}"): "giver",
    ("DELETE", "guest-links/{link_id}"): "giver",
    ("GET", "access-requests"): "own",
    # Whoever asks for what, the answer is one: whether there was somebody to ask is not in it.
    ("POST", "access-requests"): "own",
    ("POST", "access-requests/{request_id}/approve"): "giver",
    ("POST", "access-requests/{request_id}/deny"): "giver",
    ("GET", "organizations/{organization_id}/blocked-requesters"): "member",
    ("DELETE", "organizations/{organization_id}/blocked-requesters/{blocked_id}"): "member",
    ("GET", "device-claims"): "own",
    # Nobody's refusal but one's own is where a claim starts: Olivia has none on what is hers.
    ("POST", "device-claims"): "nobody",
    ("POST", "device-claims/{claim_id}/refuse"): "giver",
    ("GET", "handovers"): "person",
    ("POST", "handovers"): "person-giver",
    ("GET", "handovers/{handover_id}"): "person-party",
    ("DELETE", "handovers/{handover_id}"): "person-giver",
    # It was offered already, and is not true yet.
    ("PATCH", "handovers/{handover_id}"): "person-giver-late",
    ("POST", "handovers/{handover_id}/offer"): "person-giver-late",
    ("POST", "handovers/{handover_id}/undo"): "person-party-early",
    # It waits: nothing was kept yet.
    ("GET", "handovers/{handover_id}/report"): "person-nobody",
    ("GET", "handovers/{handover_id}/report.pdf"): "person-nobody",
    ("GET", "engagements"): "own",
    ("POST", "engagements"): "giver",
    ("GET", "engagements/{engagement_id}"): "party",
    ("DELETE", "engagements/{engagement_id}"): "giver",
    ("POST", "engagements/{engagement_id}/accept"): "receiver",
    ("POST", "engagements/{engagement_id}/decline"): "served",
    ("POST", "engagements/{engagement_id}/leave"): "receiver",
    ("POST", "engagements/{engagement_id}/wishes"): "served",
    ("POST", "engagement-wishes/{wish_id}/approve"): "giver",
    ("POST", "engagement-wishes/{wish_id}/deny"): "giver",
    ("GET", "report"): "member",
    ("GET", "report.pdf"): "member",
    ("POST", "handovers/{handover_id}/accept"): "person-receiver",
    ("POST", "handovers/{handover_id}/decline"): "person-receiver",
    ("GET", "tokens"): "person",
    ("GET", "organizations/{organization_id}/suspended-rights"): "person-owner",
    ("POST", "organizations/{organization_id}/suspended-rights"): "person-owner",
    ("GET", "organizations/{organization_id}/freeze"): "person-owner",
    ("POST", "organizations/{organization_id}/freeze"): "person-owner",
    ("DELETE", "organizations/{organization_id}/freeze"): "person-owner",
    ("GET", "organizations/{organization_id}/deputy"): "person-owner",
    # There is no Super Admin to be named, so that nobody is asked, agrees or claims.
    ("POST", "organizations/{organization_id}/deputy"): "person-owner-amiss",
    ("DELETE", "organizations/{organization_id}/deputy"): "person-owner",
    ("POST", "organizations/{organization_id}/deputy/agree"): "person-deputy",
    ("POST", "organizations/{organization_id}/deputy/claim"): "person-deputy",
    ("DELETE", "organizations/{organization_id}/deputy/claim"): "person-owner",
    ("GET", "me/recovery-contacts"): "person",
    ("POST", "me/recovery-contacts"): "person",
    ("DELETE", "me/recovery-contacts/{contact_id}"): "person-owner",
    ("GET", "me/recovery"): "person",
    ("DELETE", "me/recovery"): "person",
    ("POST", "recoveries/by-token"): "person-mailed",
    ("POST", "recoveries/by-token/begin"): "person-mailed",
    ("POST", "recoveries/by-token/stop"): "person-mailed",
    ("POST", "tokens"): "person",
    ("DELETE", "tokens/{token_id}"): "person-owner",
}

#: The things that stand in the routes are Olivia's: the counter, which Vera sees and Pat does not; and the pool, which
#: Pat was offered. Pat is invited as well, Mia is a member. A mail's secret is nobody's here, so that who brings it
#: makes no difference. Xena has a camera of her own. "ok": the success that the operation promises.
CAST: Final = ("anonymous", "olivia", "vera", "pat", "xena")
ANSWERS: Final[dict[str, dict[str, str | int]]] = {
    "own": {"anonymous": 401, "olivia": "ok", "vera": "ok", "pat": "ok", "xena": "ok"},
    "member": {"anonymous": 401, "olivia": "ok", "vera": 404, "pat": 404, "xena": 404},
    # No media node answers in these tests: past the guard stands 503.
    "prober": {"anonymous": 401, "olivia": 503, "vera": 404, "pat": 404, "xena": 404},
    # The counter was added by its address: past the guard there is nobody to ask.
    "asker": {"anonymous": 401, "olivia": 422, "vera": 404, "pat": 404, "xena": 404},
    "viewer": {"anonymous": 401, "olivia": "ok", "vera": "ok", "pat": 404, "xena": 404},
    # The same past the guard, for Vera too: the panel is shared with her.
    "armer": {"anonymous": 401, "olivia": 503, "vera": 503, "pat": 404, "xena": 404},
    # The same: there is no node that could move anything.
    "mover": {"anonymous": 401, "olivia": 503, "vera": 403, "pat": 404, "xena": 404},
    "sharer": {"anonymous": 401, "olivia": "ok", "vera": 403, "pat": 404, "xena": 404},
    # Vera has live view alone (N22).
    "player": {"anonymous": 401, "olivia": "ok", "vera": 403, "pat": 404, "xena": 404},
    "configurer": {"anonymous": 401, "olivia": "ok", "vera": 403, "pat": 404, "xena": 404},
    "exporter": {"anonymous": 401, "olivia": "ok", "vera": 404, "pat": 404, "xena": 404},
    "giver": {"anonymous": 401, "olivia": "ok", "vera": 404, "pat": 404, "xena": 404},
    # Of an offer that waits: Pat is who has not answered, and not who reminds.
    "offerer": {"anonymous": 401, "olivia": "ok", "vera": 404, "pat": 404, "xena": 404},
    "nobody": {"anonymous": 401, "olivia": 404, "vera": 404, "pat": 404, "xena": 404},
    "party": {"anonymous": 401, "olivia": "ok", "vera": "ok", "pat": 404, "xena": 404},
    "offered": {"anonymous": 401, "olivia": 404, "vera": 404, "pat": "ok", "xena": 404},
    "invited": {"anonymous": 401, "olivia": 404, "vera": 404, "pat": "ok", "xena": 404},
    "mailed": {"anonymous": 404, "olivia": 404, "vera": 404, "pat": 404, "xena": 404},
    "receiver": {"anonymous": 401, "olivia": 404, "vera": "ok", "pat": 404, "xena": 404},
    # It is hers already, and what she asked for waits.
    "served": {"anonymous": 401, "olivia": 404, "vera": 409, "pat": 404, "xena": 404},
    "person": {"anonymous": 401, "olivia": "ok", "vera": "ok", "pat": "ok", "xena": "ok"},
    "person-mailed": {"anonymous": 404, "olivia": 404, "vera": 404, "pat": 404, "xena": 404},
    "person-nobody": {"anonymous": 401, "olivia": 404, "vera": 404, "pat": 404, "xena": 404},
    "person-party": {"anonymous": 401, "olivia": "ok", "vera": "ok", "pat": 404, "xena": 404},
    "person-giver": {"anonymous": 401, "olivia": "ok", "vera": 403, "pat": 404, "xena": 404},
    "person-giver-late": {"anonymous": 401, "olivia": 409, "vera": 403, "pat": 404, "xena": 404},
    "person-party-early": {"anonymous": 401, "olivia": 409, "vera": 409, "pat": 404, "xena": 404},
    "person-receiver": {"anonymous": 401, "olivia": 403, "vera": "ok", "pat": 404, "xena": 404},
    "person-owner": {"anonymous": 401, "olivia": "ok", "vera": 404, "pat": 404, "xena": 404},
    "person-owner-amiss": {"anonymous": 401, "olivia": 422, "vera": 404, "pat": 404, "xena": 404},
    "person-deputy": {"anonymous": 401, "olivia": 403, "vera": 404, "pat": 404, "xena": 404},
}
#: Rules of signed-in people only: the best of tokens gets 403 (N9).
NO_TOKEN: Final = {
    "person",
    "person-mailed",
    "person-nobody",
    "person-party",
    "person-giver",
    "person-giver-late",
    "person-party-early",
    "person-receiver",
    "person-owner",
    "person-owner-amiss",
    "person-deputy",
}

#: scope → operations it opens. What is not here answers 403 to a token of that scope alone (N9).
SCOPES: Final[dict[str, set[tuple[Method, Path]]]] = {
    "read": {
        ("GET", "me"),
        ("GET", "me/blocked"),
        ("GET", "inbox"),
        ("GET", "organizations"),
        ("GET", "organizations/{organization_id}"),
        ("GET", "organizations/{organization_id}/sites"),
        ("GET", "organizations/{organization_id}/members"),
        ("GET", "organizations/{organization_id}/invitations"),
        ("GET", "sites/{site_id}"),
        ("GET", "members/{member_id}"),
        ("GET", "access/explain"),
        ("POST", "access/view-as"),
        ("GET", "access-tests/{test_id}"),
        ("GET", "devices"),
        ("GET", "devices/{device_id}"),
        ("GET", "panels"),
        ("GET", "panels/{panel_id}"),
        ("GET", "panels/{panel_id}/history"),
        ("GET", "cameras"),
        ("GET", "cameras/{camera_id}"),
        ("PUT", "cameras/{camera_id}/alias"),
        ("GET", "cameras/{camera_id}/access"),
        ("GET", "cameras/{camera_id}/viewers"),
        ("GET", "cameras/{camera_id}/viewings"),
        ("GET", "cameras/{camera_id}/recording-settings"),
        ("GET", "cameras/{camera_id}/detector"),
        ("GET", "notifications/preferences"),
        ("GET", "notifications/matrix"),
        ("GET", "presets"),
        ("GET", "groups"),
        ("GET", "groups/{group_id}"),
        ("GET", "recipients"),
        ("GET", "me/qr"),
        ("GET", "shares"),
        ("GET", "shares/{share_id}"),
        ("GET", "receipts/{change_id}"),
        ("GET", "guest-links"),
        ("GET", "guest-links/{link_id}"),
        ("GET", "access-requests"),
        ("GET", "organizations/{organization_id}/blocked-requesters"),
        ("GET", "device-claims"),
        ("GET", "engagements"),
        ("GET", "engagements/{engagement_id}"),
    },
    "watch": {
        ("GET", "me/activity"),
        ("POST", "cameras/{camera_id}/tickets"),
        ("POST", "tickets"),
        ("GET", "cameras/{camera_id}/ptz"),
        ("GET", "cameras/{camera_id}/recordings"),
        ("GET", "cameras/{camera_id}/snapshot.jpg"),
        ("GET", "events"),
        ("GET", "events/{event_id}/picture.jpg"),
        ("GET", "exports"),
        ("GET", "exports/{export_id}"),
        ("GET", "exports/{export_id}/manifest"),
    },
    "share": {
        ("POST", "engagements/{engagement_id}/accept"),
        ("POST", "engagements/{engagement_id}/decline"),
        ("POST", "engagements/{engagement_id}/leave"),
        ("POST", "engagements/{engagement_id}/wishes"),
        ("POST", "me/qr"),
        ("POST", "access-tests"),
        ("POST", "recipients"),
        ("PATCH", "recipients/{recipient_id}"),
        ("DELETE", "recipients/{recipient_id}"),
        ("POST", "shares"),
        ("PATCH", "shares/{share_id}"),
        ("DELETE", "shares/{share_id}"),
        ("POST", "presets"),
        ("PATCH", "presets/{preset_id}"),
        ("DELETE", "presets/{preset_id}"),
        ("POST", "groups"),
        ("PATCH", "groups/{group_id}"),
        ("DELETE", "groups/{group_id}"),
        ("DELETE", "groups/{group_id}/shares/{share_id}"),
        ("POST", "guest-links"),
        ("PATCH", "guest-links/{link_id}"),
        ("DELETE", "guest-links/{link_id}"),
        ("POST", "shares/{share_id}/remind"),
        ("POST", "shares/{share_id}/accept"),
        ("POST", "shares/{share_id}/reject"),
        ("POST", "shares/{share_id}/leave"),
        ("POST", "shares/{share_id}/mute"),
        ("POST", "shares/{share_id}/unmute"),
        ("POST", "shares/{share_id}/block"),
        ("DELETE", "me/blocked/{sharer_id}"),
        ("POST", "access-requests"),
        ("POST", "access-requests/{request_id}/approve"),
        ("POST", "access-requests/{request_id}/deny"),
        ("DELETE", "organizations/{organization_id}/blocked-requesters/{blocked_id}"),
        ("POST", "invitations/{invitation_id}/accept"),
        ("POST", "invitations/{invitation_id}/decline"),
        ("POST", "invitations/by-token"),
    },
    "manage": {
        ("POST", "organizations"),
        ("PATCH", "organizations/{organization_id}"),
        ("POST", "organizations/{organization_id}/sites"),
        ("PATCH", "sites/{site_id}"),
        ("DELETE", "sites/{site_id}"),
        ("PATCH", "members/{member_id}"),
        ("DELETE", "members/{member_id}"),
        ("POST", "organizations/{organization_id}/invitations"),
        ("DELETE", "invitations/{invitation_id}"),
        ("POST", "invitations/{invitation_id}/resend"),
        ("GET", "audit"),
        ("GET", "audit/export"),
        ("POST", "engagements"),
        ("DELETE", "engagements/{engagement_id}"),
        ("POST", "engagement-wishes/{wish_id}/approve"),
        ("POST", "engagement-wishes/{wish_id}/deny"),
        ("GET", "report"),
        ("GET", "report.pdf"),
    },
    "devices": {
        ("POST", "devices"),
        ("POST", "devices/test"),
        ("POST", "devices/{panel_id}/panel"),
        ("POST", "cameras/{camera_id}/ptz"),
        ("POST", "cameras/{camera_id}/ptz/presets"),
        ("DELETE", "cameras/{camera_id}/ptz/presets/{preset}"),
        ("POST", "devices/discover"),
        ("POST", "devices/inspect"),
        ("POST", "devices/{device_id}/refresh"),
        ("POST", "devices/{device_id}/channels"),
        ("PATCH", "devices/{device_id}"),
        ("PATCH", "cameras/{camera_id}/recording-settings"),
        ("PUT", "cameras/{camera_id}/detector"),
        ("DELETE", "cameras/{camera_id}/detector"),
        ("DELETE", "devices/{device_id}"),
        ("POST", "device-claims"),
        ("POST", "device-claims/{claim_id}/refuse"),
    },
}

#: operation → a body that is right for Olivia; ids in it stand as `{camera_id}` does in a path
BODIES: Final[dict[tuple[Method, Path], Body]] = {
    ("POST", "access-tests"): {"account": "vera@example.org", "cameras": ["{camera_id}"]},
    ("POST", "access/view-as"): {"account": "vera@example.org", "organization": "{organization_id}"},
    ("POST", "organizations"): {"name": "Bakery", "time_zone": "Europe/Madrid"},
    ("PATCH", "organizations/{organization_id}"): {"name": "Casa Verde"},
    ("POST", "organizations/{organization_id}/sites"): {"name": "Annex"},
    ("PATCH", "sites/{site_id}"): {"name": "Front"},
    ("PATCH", "members/{member_id}"): {"role": "operator"},
    ("POST", "organizations/{organization_id}/invitations"): {
        "account": "new@example.org",
        "role": "viewer",
        "sites": ["{site_id}"],
        "overrides": [{"site": "{other_site_id}", "role": "no_access"}],
    },
    ("POST", "invitations/by-token"): {"token": "nobodys"},
    ("POST", "recoveries/by-token"): {"token": "nobodys"},
    ("POST", "recoveries/by-token/begin"): {"token": "nobodys"},
    ("POST", "recoveries/by-token/stop"): {"token": "nobodys"},
    ("POST", "organizations/{organization_id}/deputy"): {"account": "{member_id}"},
    ("POST", "organizations/{organization_id}/suspended-rights"): {"rights": []},
    ("POST", "me/recovery-contacts"): {"address": "clara@example.org", "name": "Clara"},
    ("POST", "devices"): {
        "site": "{site_id}",
        "name": "Gate",
        "address": "rtsp://127.0.0.1:9/gate",
        "password": cast.CANARY,
        "test": False,
    },
    ("POST", "devices/test"): {"site": "{site_id}", "address": "rtsp://127.0.0.1:9/gate", "password": cast.CANARY},
    ("POST", "devices/discover"): {"site": "{site_id}"},
    ("POST", "devices/inspect"): {"site": "{site_id}", "address": "127.0.0.1:9", "password": cast.CANARY},
    ("POST", "devices/{device_id}/channels"): {"channels": [{"token": "2", "name": "Yard"}]},
    ("PATCH", "devices/{device_id}"): {"name": "Till"},
    ("POST", "devices/{panel_id}/panel"): {"command": "arm_away"},
    ("PUT", "cameras/{camera_id}/alias"): {"name": "My counter"},
    ("POST", "cameras/{camera_id}/ptz"): {"move": {"pan": 0.5}},
    ("POST", "cameras/{camera_id}/ptz/presets"): {"name": "Gate"},
    ("POST", "cameras/{camera_id}/tickets"): {"kind": "live"},
    ("PUT", "cameras/{camera_id}/detector"): {"broker": {"address": "mqtts://127.0.0.1:9"}, "name": "back_yard"},
    ("PATCH", "cameras/{camera_id}/recording-settings"): {
        "mode": "scheduled",
        "keep_days": 3,
        "hours": {"zone": "Europe/Madrid", "weekly": {"mon": [["22:00", "24:00"]]}},
    },
    ("POST", "tickets"): {"items": [{"camera": "{camera_id}"}]},
    ("POST", "recipients"): {"email": "new@example.org"},
    ("PATCH", "recipients/{recipient_id}"): {"remark": "the cook"},
    ("POST", "shares"): {
        "recipient": "new@example.org",
        "items": [{"camera": "{camera_id}", "permissions": ["live_view"]}],
    },
    ("PATCH", "shares/{share_id}"): {"add": [{"camera": "{other_camera_id}", "permissions": ["live_view"]}]},
    ("POST", "guest-links"): {
        "name": "Gardener",
        "cameras": ["{camera_id}"],
        "permissions": ["live_view"],
        "ends_at": f"{clock.now() + timedelta(hours=2):%FT%TZ}",
        "max_uses": 3,
    },
    ("PATCH", "guest-links/{link_id}"): {"name": "Gardener’s friend"},
    ("POST", "presets"): {
        "organization": "{organization_id}",
        "name": "Gardener",
        "permissions": ["live_view", "playback"],
        "footage": {"last": "P1D"},
        "weekly": {"mon": [["08:00", "12:00"]]},
    },
    ("PATCH", "presets/{preset_id}"): {"name": "Cleaner", "lasts": "PT8H"},
    ("POST", "groups"): {"organization": "{organization_id}", "name": "Front", "cameras": ["{camera_id}"]},
    ("PATCH", "groups/{group_id}"): {
        "name": "Inside",
        "add": ["{other_camera_id}"],
        "remove": ["{camera_id}"],
    },
    ("POST", "access-requests"): {
        "camera": "01zzzzzzzzzzzzzzzzzzzzzzzz",
        "permissions": ["live_view"],
        "reason": "please",
    },
    ("POST", "access-requests/{request_id}/approve"): {"items": None},
    ("POST", "access-requests/{request_id}/deny"): {"block": True},
    ("POST", "device-claims"): {
        "attempt": "{change_id}",
        "site": "{site_id}",
        "address": "rtsp://127.0.0.1:9/gate",
        "password": cast.CANARY,
    },
    ("POST", "engagements"): {
        "site": "{site_id}",
        "account": "new@example.org",
        "permissions": ["live_view", "configure"],
        "ends_at": f"{clock.now() + timedelta(days=7):%FT%TZ}",
    },
    ("POST", "engagements/{engagement_id}/wishes"): {"permissions": ["live_view"], "reason": "cable", "hours": 2},
    ("POST", "engagement-wishes/{wish_id}/approve"): {"hours": 1},
    ("POST", "handovers"): {
        "kind": "organization",
        "thing": "{mill_id}",
        "receiver": "vera@example.org",
        "afterwards": "super_admin",
    },
    ("PATCH", "handovers/{handover_id}"): {"rest": "end"},
    ("PATCH", "notifications/preferences"): {
        "choices": [{"kind": "motion", "channels": ["inbox"]}],
        "quiet": {"zone": "Europe/Madrid", "weekly": {"mon": [["22:00", "24:00"]]}},
    },
    ("POST", "push-subscriptions"): {
        "endpoint": "https://127.0.0.1:9/push",
        "keys": {
            # the generator of the curve, which is on it
            "p256dh": "BGsX0fLhLEJH-Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
            "auth": "AAAAAAAAAAAAAAAAAAAAAA",
        },
    },
    ("POST", "brokers"): {"name": "Home", "broker": {"address": "mqtts://127.0.0.1:9"}},
    ("PATCH", "brokers/{broker_id}"): {"name": "House"},
    ("POST", "webhooks"): {"name": "Lamp", "url": "http://127.0.0.1:9/lamp"},
    ("PATCH", "webhooks/{webhook_id}"): {"name": "Other lamp"},
    ("POST", "tokens"): {"name": "script", "scopes": ["read"]},
}

#: operation → a query that is right for Olivia, where one is needed
QUERIES: Final[dict[tuple[Method, Path], dict[str, str]]] = {
    ("DELETE", "sites/{site_id}"): {"move_devices_to": "{other_site_id}"},
    ("GET", "access/explain"): {"account": "vera@example.org", "camera": "{camera_id}", "permission": "live_view"},
    ("GET", "cameras/{camera_id}/recordings"): {"from": "2026-11-20T00:00:00Z", "to": "2026-11-21T00:00:00Z"},
    ("GET", "cameras/{camera_id}/viewings"): {"from": "2026-11-20T00:00:00Z", "to": "2026-11-21T00:00:00Z"},
    ("GET", "groups"): {"organization": "{organization_id}"},
    ("GET", "audit"): {"organization": "{organization_id}"},
    ("GET", "report"): {"site": "{site_id}"},
    ("GET", "report.pdf"): {"site": "{site_id}"},
    ("GET", "audit/export"): {"organization": "{organization_id}", "format": "jsonl"},
}

#: what an operation answers when all is well; 200 unless it is here
SUCCESS: Final = {
    ("DELETE", "cameras/{camera_id}/detector"): 204,
    ("POST", "access-tests"): 202,
    ("POST", "organizations"): 201,
    ("POST", "organizations/{organization_id}/sites"): 201,
    ("POST", "organizations/{organization_id}/invitations"): 201,
    ("POST", "devices"): 201,
    ("GET", "cameras/{camera_id}/snapshot.jpg"): 307,
    ("POST", "cameras/{camera_id}/tickets"): 201,
    ("POST", "tickets"): 201,
    ("POST", "recipients"): 201,
    ("POST", "shares/{share_id}/block"): 204,
    ("POST", "shares"): 201,
    ("POST", "presets"): 201,
    ("POST", "groups"): 201,
    ("POST", "guest-links"): 201,
    ("POST", "access-requests"): 202,
    ("POST", "access-requests/{request_id}/approve"): 201,
    ("POST", "engagements"): 201,
    ("POST", "engagement-wishes/{wish_id}/approve"): 201,
    ("POST", "engagement-wishes/{wish_id}/deny"): 204,
    ("POST", "handovers"): 201,
    ("POST", "push-subscriptions"): 201,
    ("DELETE", "push-subscriptions/{subscription_id}"): 204,
    ("POST", "brokers"): 201,
    ("DELETE", "brokers/{broker_id}"): 204,
    ("POST", "brokers/{broker_id}/test"): 202,
    ("POST", "webhooks"): 201,
    ("DELETE", "webhooks/{webhook_id}"): 204,
    ("POST", "webhooks/{webhook_id}/test"): 202,
    ("POST", "me/recovery-contacts"): 201,
    ("DELETE", "me/recovery-contacts/{contact_id}"): 204,
    ("POST", "tokens"): 201,
}


def fill(value: Any, ids: dict[str, str]) -> Any:
    """`value` with each `{camera_id}` in it replaced."""
    if isinstance(value, str):
        return value.format_map(ids) if value.startswith("{") else value
    if isinstance(value, list):
        return [fill(item, ids) for item in value]
    if isinstance(value, dict):
        return {key: fill(item, ids) for key, item in value.items()}
    return value


def id_places(operation: tuple[Method, Path]) -> list[str]:
    """The names of all ids that an operation takes, in path, query and body."""
    names: list[str] = []

    def look(value: Any) -> None:
        if isinstance(value, str) and value.startswith("{"):
            names.append(value[1:-1])
        elif isinstance(value, dict):
            for item in value.values():
                look(item)
        elif isinstance(value, list):
            for item in value:
                look(item)

    for part in operation[1].split("/"):
        look(part)
    look(QUERIES.get(operation))
    look(BODIES.get(operation))
    return names


type Caller = Callable[[tuple[Method, Path], dict[str, str]], Any]
