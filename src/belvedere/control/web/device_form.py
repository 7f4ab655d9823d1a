"""How to reach a device, in any of the ways one may know it: the form, and its translation for the services."""

from collections.abc import Mapping
from typing import Any, Final, cast

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from belvedere.contracts.devices import MAX_CHANNELS
from belvedere.control.core.errors import Invalid
from belvedere.control.devices.services import ChannelWish, TypedFields
from belvedere.control.devices.templates import TEMPLATES, fill_template

#: the ways to a device, in the order of what asks least of whoever adds one
WAYS: Final = {
    "search": gettext_lazy("Search the network"),
    "address": gettext_lazy("Type an address"),
    "brand": gettext_lazy("By brand"),
    "label": gettext_lazy("QR code or serial"),
}


class DeviceForm(forms.Form):
    """Where a device answers, how to sign in to it, what to call it. What is right, the services say."""

    way = forms.ChoiceField(choices=[("address", ""), ("brand", "")], required=False)
    address = forms.CharField(max_length=500, required=False, label=gettext_lazy("Address"))
    sub_address = forms.CharField(max_length=500, required=False, label=gettext_lazy("Second, smaller stream"))
    template = forms.ChoiceField(
        choices=[(row.key, row.label) for row in TEMPLATES.values()], required=False, label=gettext_lazy("Brand")
    )
    host = forms.CharField(max_length=253, required=False, label=gettext_lazy("Address in the network"))
    count = forms.IntegerField(
        min_value=0, max_value=MAX_CHANNELS, required=False, label=gettext_lazy("Channels of a recorder")
    )
    token = forms.CharField(max_length=80, required=False, label=gettext_lazy("Last part of the address"))
    username = forms.CharField(max_length=200, required=False, label=gettext_lazy("User"))
    password = forms.CharField(
        max_length=200, required=False, label=gettext_lazy("Password"), strip=False, widget=forms.PasswordInput
    )
    transport = forms.ChoiceField(
        choices=[
            ("tcp", gettext_lazy("TCP: nothing gets lost")),
            ("udp", gettext_lazy("UDP: for cameras without TCP")),
        ],
        required=False,
        label=gettext_lazy("How the picture travels"),
    )
    name = forms.CharField(max_length=80, required=False, label=gettext_lazy("Name"))
    site = forms.ChoiceField(
        required=False,
        label=gettext_lazy("Site"),
        error_messages={"invalid_choice": gettext_lazy("Choose one of your own sites.")},
    )

    def __init__(
        self, data: QueryDict | None, *, sites: list[tuple[str, str]], initial: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(data, initial=dict(initial or {}))
        self.fields["site"].choices = sites  # type: ignore[attr-defined]  # it is a ChoiceField
        self._sites = sites

    @property
    def site_id(self) -> str:
        """The chosen site, else the first: what may be reached is the same on all of an organization's sites."""
        return self.cleaned_data.get("site") or (self._sites[0][0] if self._sites else "")

    @property
    def is_bare(self) -> bool:
        """Whether it names streams: those can be bound unseen. A device that speaks ONVIF has to answer."""
        data = self.cleaned_data
        return data.get("way") == "brand" or "rtsp://" in data.get("address", "").lower()

    def typed(self, *, chosen: QueryDict | None = None) -> TypedFields:
        """How to reach it, as services take it; of `chosen` the ticked channels, if a recorder was looked at.

        Raises Invalid.
        """
        data = self.cleaned_data
        wishes = _ticked(chosen) if chosen else None
        typed: dict[str, Any] = {key: data[key] for key in ("username", "password")}
        typed["transport"] = data["transport"] or "tcp"
        if data["way"] == "brand":
            typed |= self._by_brand(wishes)
        else:
            typed |= {"address": data["address"], "sub_address": data["sub_address"], "channels": wishes}
        return cast("TypedFields", typed)

    def _by_brand(self, wishes: list[ChannelWish] | None) -> dict[str, Any]:
        data = self.cleaned_data
        if not data["host"].strip():
            raise Invalid(_("Type where the device answers, like 192.168.1.20."), field="host")

        def streams(channel: int) -> dict[str, str]:
            main, sub = fill_template(data["template"], host=data["host"], channel=channel, token=data["token"])
            return {"address": main, "sub_address": sub}

        count = data["count"] or 0
        if not count:
            return streams(0)
        names = {wish.token: wish.name for wish in wishes} if wishes is not None else None
        tokens = [str(number) for number in range(1, count + 1)]
        channels = [
            ChannelWish(token=token, name=names[token] if names else "", **streams(int(token)))
            for token in tokens
            if names is None or token in names
        ]
        return {"address": streams(1)["address"], "channels": channels}


def _ticked(chosen: QueryDict) -> list[ChannelWish] | None:
    """The channels of a recorder that are ticked; None where there was no choice. Raises Invalid for no tick at all."""
    if "has_channels" not in chosen:
        return None
    tokens = list(dict.fromkeys(chosen.getlist("channel")))
    if not tokens:
        raise Invalid(_("Tick at least one channel."), field="channels")
    return [ChannelWish(token=token, name=chosen.get(f"name.{token}", "")) for token in tokens]


def show_refusal(form: DeviceForm, message: str, field: str) -> None:
    """Put a refusal's words beside the field it names, else above the form."""
    form.add_error(field if field in form.fields and field != "way" else None, message)
