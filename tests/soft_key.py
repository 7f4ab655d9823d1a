"""A passkey in software: what a phone or a key does when a browser asks. It obeys, lies and forgets as tests want."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256
from fido2.webauthn import Aaguid, AttestationObject, AttestedCredentialData, AuthenticatorData

ORIGIN = "http://localhost:8000"
_FLAG = AuthenticatorData.FLAG


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@dataclass
class SoftKey:
    """One passkey. `is_person_there`: whether user verification happens. `is_synced`: what it says of itself."""

    is_person_there: bool = True
    is_synced: bool = False
    origin: str = ORIGIN
    host: str = "localhost"
    account: str = ""
    _private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    _id: bytes = field(default_factory=lambda: secrets.token_bytes(16))

    @property
    def _flags(self) -> AuthenticatorData.FLAG:
        flags = _FLAG.UP
        if self.is_person_there:
            flags |= _FLAG.UV
        if self.is_synced:
            flags |= _FLAG.BE | _FLAG.BS
        return flags

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps(
            {"type": f"webauthn.{kind}", "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        ).encode()

    def _answer(self, **response: str) -> dict[str, Any]:
        return {
            "id": _text(self._id),
            "rawId": _text(self._id),
            "type": "public-key",
            "clientExtensionResults": {"credProps": {"rk": True}},
            "response": response,
        }

    def make(self, options: dict[str, Any]) -> dict[str, Any]:
        """The answer to being asked for a new key."""
        asked = options["publicKey"]
        self.account = asked["user"]["id"]
        public = ES256.from_cryptography_key(self._private.public_key())  # type: ignore[no-untyped-call]  # fido2's gap
        credential = AttestedCredentialData.create(Aaguid.NONE, self._id, public)
        data = AuthenticatorData.create(
            hashlib.sha256(self.host.encode()).digest(), self._flags | _FLAG.AT, 0, bytes(credential)
        )
        return self._answer(
            clientDataJSON=_text(self._client("create", asked["challenge"])),
            attestationObject=_text(bytes(AttestationObject.create("none", data, {}))),
        )

    def sign(self, options: dict[str, Any]) -> dict[str, Any]:
        """The answer to being asked who is there."""
        client = self._client("get", options["publicKey"]["challenge"])
        data = bytes(AuthenticatorData.create(hashlib.sha256(self.host.encode()).digest(), self._flags, 0))
        signature = self._private.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        return self._answer(
            clientDataJSON=_text(client),
            authenticatorData=_text(data),
            signature=_text(signature),
            userHandle=self.account,
        )
