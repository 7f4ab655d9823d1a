"""allauth.mfa's forms with our rules: a code is spent in the database, a passkey was asked for by a page of ours."""

from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import forms as base
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn import forms as webauthn
from django import forms
from fido2.webauthn import AuthenticationResponse

from belvedere.control.accounts import passkeys, services
from belvedere.control.core.errors import RateLimited


class CodeForm(base.AuthenticateForm):  # type: ignore[misc]  # allauth ships no types
    """The second step by a code: of the app, or a recovery code."""

    #: who comes this far knows the password
    is_sign_in = True

    def clean_code(self) -> str:
        """Spend it, here and for every other process (N5)."""
        code = str(self.cleaned_data["code"])
        try:
            spent = services.use_code(self.user.pk, code=code)
        except RateLimited as refusal:
            self._note_wrong()
            raise forms.ValidationError(refusal.message) from None
        if spent is None:
            self._note_wrong()
            raise get_adapter().validation_error("incorrect_code")
        self.authenticator = spent
        return code

    def _note_wrong(self) -> None:
        if self.is_sign_in:
            services.note_wrong_code(self.user.pk)


class CodeAgainForm(CodeForm, base.ReauthenticateForm):  # type: ignore[misc]  # allauth ships no types
    """The same, for somebody who is signed in."""

    is_sign_in = False


class _OfOurPage:
    """What a browser signs is signed for a page: an application on another port of this host is not ours."""

    cleaned_data: dict[str, Any]

    def clean_credential(self) -> Authenticator:
        response = self.cleaned_data["credential"]
        if not isinstance(response, dict) or not passkeys.is_from_our_page(response):
            raise get_adapter().validation_error("incorrect_code")
        authenticator: Authenticator = super().clean_credential()  # type: ignore[misc]  # of allauth's form beside it
        data = AuthenticationResponse.from_dict(response).response.authenticator_data
        services.note_passkey_use(authenticator, backed_up=passkeys.is_backed_up(data))
        return authenticator


class PasskeyForm(_OfOurPage, webauthn.AuthenticateWebAuthnForm):  # type: ignore[misc]  # allauth ships no types
    """The second step by a passkey."""

    def clean_credential(self) -> Authenticator:
        """One that is refused says as much as a wrong code."""
        try:
            return super().clean_credential()
        except forms.ValidationError:
            services.note_wrong_code(self.user.pk)
            raise


class PasskeyAgainForm(_OfOurPage, webauthn.ReauthenticateWebAuthnForm):  # type: ignore[misc]  # allauth ships no types
    """The same, for somebody who is signed in."""


class PasskeySignInForm(_OfOurPage, webauthn.LoginWebAuthnForm):  # type: ignore[misc]  # allauth ships no types
    """Signing in with a passkey and nothing else."""
