"""Signatures of webhooks, as Standard Webhooks has them: the receiver proves who called, when, and what. Pure."""

import base64
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Final

PREFIX: Final = "whsec_"


def new_secret() -> str:
    """32 bytes of chance, as receivers paste them."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def sign(message: str, at: datetime, body: bytes, keys: Iterable[str]) -> dict[str, str]:
    """The three headers. One signature for each secret that is good: after a change two are, for a day."""
    stamp = int(at.timestamp())
    content = f"{message}.{stamp}.".encode() + body
    signatures = [
        base64.b64encode(hmac.digest(base64.b64decode(key.removeprefix(PREFIX)), content, "sha256")).decode()
        for key in keys
    ]
    return {
        "webhook-id": message,
        "webhook-timestamp": str(stamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
