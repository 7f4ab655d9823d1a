"""What sign-up asks beyond address and password."""

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from belvedere.control.core.errors import Invalid
from belvedere.control.core.names import clean_name


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

    def signup(self, request: HttpRequest, user: object) -> None:
        """Allauth's hook; the adapter has saved the name already."""
