"""The ceremony that makes a passkey, and what one says of itself. allauth.mfa runs the one that signs in with it.

A passkey is for the host of BELVEDERE_URL, and made only by a person who proves himself to his device (user
verification) on a page of ours: another port of the same host is another origin.
"""

import base64
import json
from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.webauthn.internal.auth import EXTENSIONS, build_user_payload, get_credentials
from django.conf import settings
from django.utils.translation import gettext as _
from fido2.server import Fido2Server
from fido2.webauthn import (
    AuthenticatorData,
    PublicKeyCredentialRpEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from belvedere.control.accounts.models import Account
from belvedere.control.core.errors import Invalid
from belvedere.control.core.principal import Principal


def begin(actor: Principal) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the browser is asked to make, and the state that its answer must be for; the state stays on our side."""
    account = Account(pk=actor.id, name=actor.name, email=actor.email)
    options, state = _server().register_begin(
        user=build_user_payload(account),
        credentials=get_credentials(account),
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=UserVerificationRequirement.REQUIRED,
        extensions=EXTENSIONS,
    )
    return dict(options), dict(state)


def complete(state: dict[str, Any], response: dict[str, Any]) -> AuthenticatorData:
    """What the browser made for `state`. Raises Invalid."""
    try:
        return _server().register_complete(state, response)
    except (ValueError, TypeError, KeyError, AttributeError):
        # What a parser of foreign bytes says is not for people.
        raise Invalid(_("That passkey was not made for this page, or too late. Try once more.")) from None


def is_backed_up(data: AuthenticatorData) -> bool:
    """Whether it may live on several devices of whoever is signed in to the same cloud: "synced"."""
    flags = AuthenticatorData.FLAG
    return bool(data.flags & (flags.BE | flags.BS))


def is_from_our_page(response: dict[str, Any]) -> bool:
    """Whether the browser says that a page of ours asked: libraries look at the host alone, and apps share hosts."""
    try:
        text = str(response["response"]["clientDataJSON"])
        client = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return client["origin"] in settings.BELVEDERE.origins
    except (ValueError, TypeError, KeyError):
        return False


def _server() -> Fido2Server:
    party = PublicKeyCredentialRpEntity(**get_adapter().get_public_key_credential_rp_entity())
    return Fido2Server(party, verify_origin=lambda origin: origin in settings.BELVEDERE.origins)
