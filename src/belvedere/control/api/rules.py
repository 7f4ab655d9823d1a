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
    ("GET", "organizations/{organization_id}"): "read",
    ("GET", "organizations/{organization_id}/sites"): "read",
    ("POST", "organizations/{organization_id}/sites"): "devices",
    ("GET", "devices"): "read",
    ("POST", "devices"): "devices",
    ("POST", "devices/test"): "devices",
    ("GET", "devices/{device_id}"): "read",
    ("PATCH", "devices/{device_id}"): "devices",
    ("DELETE", "devices/{device_id}"): "devices",
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
    ("GET", "tokens"): PERSON,
    ("POST", "tokens"): PERSON,
    ("DELETE", "tokens/{token_id}"): PERSON,
}
