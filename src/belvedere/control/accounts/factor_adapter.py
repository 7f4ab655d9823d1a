"""Where allauth.mfa meets our domain: how its secrets rest, and what our passkeys are for (`MFA_ADAPTER`)."""

from typing import Any
from urllib.parse import urlsplit

from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings

from belvedere.control.core.vault import seal, unseal

_FIELD = {"table": "mfa_authenticator", "row": "", "field": "secret"}


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    """allauth asks; the vault and BELVEDERE_URL answer."""

    def encrypt(self, text: str) -> str:
        """The seed of an app or of recovery codes, sealed. allauth tells no row to bind it to."""
        return seal(text, **_FIELD)

    def decrypt(self, encrypted_text: str) -> str:
        """The seed again. Raises SealBroken."""
        return unseal(encrypted_text, **_FIELD)

    def get_totp_issuer(self) -> str:
        """What the app shows above its codes: two installations differ by their host."""
        return f"Belvedere {_host()}"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """The host of BELVEDERE_URL, never that of a request."""
        return {"id": _host(), "name": "Belvedere"}

    def get_public_key_credential_user_entity(self, user: Any) -> dict[str, Any]:
        """What the device keeps beside the key: the account's id to find it by, and words to know it by."""
        return {"id": str(user.pk).encode(), "name": user.email, "display_name": user.name}


def _host() -> str:
    return urlsplit(settings.BELVEDERE.url).hostname or "localhost"
