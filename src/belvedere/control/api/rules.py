"""Every operation of the API, and the scope a token needs for it.

`PERSON`: a signed-in person only; no token makes tokens (N9). An operation that is not here answers 404; a test walks
all of them.
"""

from typing import Final

PERSON: Final = "person"

RULES: Final[dict[tuple[str, str], str]] = {
    ("GET", "me"): "read",
    ("GET", "inbox"): "read",
    ("GET", "organizations"): "read",
    ("POST", "organizations"): "manage",
    ("GET", "organizations/{organization_id}"): "read",
    ("PATCH", "organizations/{organization_id}"): "manage",
    ("GET", "organizations/{organization_id}/sites"): "read",
    ("POST", "organizations/{organization_id}/sites"): "manage",
    ("GET", "sites/{site_id}"): "read",
    ("PATCH", "sites/{site_id}"): "manage",
    ("DELETE", "sites/{site_id}"): "manage",
    ("GET", "organizations/{organization_id}/members"): "read",
    ("GET", "members/{member_id}"): "read",
    ("PATCH", "members/{member_id}"): "manage",
    ("DELETE", "members/{member_id}"): "manage",
    ("GET", "organizations/{organization_id}/invitations"): "read",
    ("POST", "organizations/{organization_id}/invitations"): "manage",
    ("DELETE", "invitations/{invitation_id}"): "manage",
    ("POST", "invitations/{invitation_id}/resend"): "manage",
    ("POST", "invitations/{invitation_id}/accept"): "share",
    ("POST", "invitations/{invitation_id}/decline"): "share",
    ("POST", "invitations/by-token"): "share",
    ("GET", "access/explain"): "read",
    ("GET", "audit"): "manage",
    ("GET", "audit/export"): "manage",
    ("GET", "devices"): "read",
    ("POST", "devices"): "devices",
    ("POST", "devices/test"): "devices",
    ("POST", "devices/discover"): "devices",
    ("POST", "devices/inspect"): "devices",
    ("POST", "devices/{device_id}/refresh"): "devices",
    ("POST", "devices/{device_id}/channels"): "devices",
    ("GET", "devices/{device_id}"): "read",
    ("PATCH", "devices/{device_id}"): "devices",
    ("DELETE", "devices/{device_id}"): "devices",
    ("GET", "panels"): "read",
    ("GET", "panels/{panel_id}"): "read",
    # It moves locks and sirens: what only reads or watches must not.
    ("POST", "devices/{panel_id}/panel"): "devices",
    ("GET", "cameras"): "read",
    ("GET", "cameras/{camera_id}"): "read",
    ("PUT", "cameras/{camera_id}/alias"): "read",
    ("GET", "cameras/{camera_id}/access"): "read",
    ("GET", "cameras/{camera_id}/viewers"): "read",
    ("POST", "cameras/{camera_id}/tickets"): "watch",
    ("POST", "tickets"): "watch",
    ("GET", "recipients"): "read",
    ("PATCH", "recipients/{recipient_id}"): "share",
    ("GET", "shares"): "read",
    ("POST", "shares"): "share",
    ("GET", "shares/{share_id}"): "read",
    ("DELETE", "shares/{share_id}"): "share",
    ("POST", "shares/{share_id}/accept"): "share",
    ("POST", "shares/{share_id}/reject"): "share",
    ("POST", "shares/{share_id}/leave"): "share",
    ("GET", "receipts/{change_id}"): "read",
    ("GET", "handovers"): PERSON,
    ("POST", "handovers"): PERSON,
    ("GET", "handovers/{handover_id}"): PERSON,
    ("DELETE", "handovers/{handover_id}"): PERSON,
    ("POST", "handovers/{handover_id}/accept"): PERSON,
    ("POST", "handovers/{handover_id}/decline"): PERSON,
    ("GET", "tokens"): PERSON,
    ("POST", "tokens"): PERSON,
    ("DELETE", "tokens/{token_id}"): PERSON,
}

#: Who is signed in nowhere may call these too: their body carries the proof. A token needs the scope all the same.
PUBLIC: Final = {("POST", "invitations/by-token")}
