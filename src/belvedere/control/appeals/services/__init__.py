"""Asking a device's owner for a share, and claiming a device whose owner left it behind."""

from belvedere.control.appeals.services.claims import claim_device, refuse_claim, settle_claims
from belvedere.control.appeals.services.requests import (
    Asked,
    approve_request,
    deny_request,
    end_requests_of_closed,
    end_requests_with,
    expire_requests,
    request_access,
    unblock_requester,
)

__all__ = [
    "Asked",
    "approve_request",
    "claim_device",
    "deny_request",
    "end_requests_of_closed",
    "end_requests_with",
    "expire_requests",
    "refuse_claim",
    "request_access",
    "settle_claims",
    "unblock_requester",
]
