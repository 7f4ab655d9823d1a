"""What sign-up asks beyond address and password."""

from typing import Any

from allauth.core import context
from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from belvedere.control.core.errors import Invalid
from belvedere.control.core.names import clean_name, is_phone
from belvedere.control.web.invited import find_invited_address


class NameForm(forms.Form):
    """The name that others read when one shares something with them."""

    name = forms.CharField(max_length=80, label=_("Your name"))

    field_order = ("name", "email", "password1")

    def clean_name(self) -> str:
        """One form, no tricks."""
        try:
            return clean_name(self.cleaned_data["name"])
        except Invalid as invalid:
            raise forms.ValidationError(invalid.message) from None

    def clean(self) -> dict[str, Any]:
        """Where sign-up is by invitation, it is for the address that was invited; who was by number types his own."""
        data = super().clean() or self.cleaned_data
        if settings.BELVEDERE.signup == "invited" and "email" in data:
            invited_as = find_invited_address(context.request)
            if not is_phone(invited_as) and data["email"] != invited_as:
                words = _("This invitation was sent to another address. Sign up with that one.")
                raise forms.ValidationError({"email": words})
        return data

    def signup(self, request: HttpRequest, user: object) -> None:
        """Allauth's hook; the adapter has saved the name already."""
