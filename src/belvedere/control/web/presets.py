"""Presets to begin a share from: those that are built in, and the organization's own."""

from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from belvedere.contracts.permissions import NONE, Permission
from belvedere.control.core.errors import NotFound, Refusal
from belvedere.control.core.requests import principal_of
from belvedere.control.sharing import services
from belvedere.control.sharing.presets import PRESETS, Preset
from belvedere.control.sharing.selectors import get_own_preset, list_own_presets, may_change_presets
from belvedere.control.sharing.terms import DAY, EVERYTHING, HOUR, span_wire
from belvedere.control.sharing.words import hours_words
from belvedere.control.web.cameras import SLOTS, rights_slots
from belvedere.control.web.context import list_shareable_here
from belvedere.control.web.errors import answers_refusals
from belvedere.control.web.recording_words import hours_lines
from belvedere.control.web.share_form import WeekForm, footage_key
from belvedere.control.web.share_words import can_words, sees_words

#: how long a share may last by a preset; one that the API made may say another span
SPANS: Final = {
    "": gettext_lazy("Until one of you ends it"),
    "PT2H": gettext_lazy("2 hours"),
    "PT8H": gettext_lazy("8 hours"),
    "P1D": gettext_lazy("A day"),
    "P7D": gettext_lazy("A week"),
    "P30D": gettext_lazy("30 days"),
    "P365D": gettext_lazy("A year"),
}
_SECONDS: Final = {
    "PT2H": 2 * HOUR,
    "PT8H": 8 * HOUR,
    "P1D": DAY,
    "P7D": 7 * DAY,
    "P30D": 30 * DAY,
    "P365D": 365 * DAY,
}


class PresetForm(WeekForm):
    """A preset as it is typed."""

    name = forms.CharField(max_length=80, label=gettext_lazy("Name"))
    lasts = forms.ChoiceField(required=False, label=gettext_lazy("It lasts"))

    def __init__(self, data: QueryDict | dict[str, Any], *, lasts_s: int | None = None) -> None:
        super().__init__(data)
        self.spans = dict(_SECONDS)
        choices: list[tuple[str, Any]] = list(SPANS.items())
        if lasts_s and lasts_s not in self.spans.values():
            self.spans[span_wire(lasts_s)] = lasts_s
            choices.append((span_wire(lasts_s), span_words(lasts_s)))
        field = self.fields["lasts"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  declared above
        field.choices = choices

    def patch(self, permissions: Permission) -> services.PresetPatch:
        """As the service takes it."""
        return {
            "name": self.cleaned_data["name"],
            "permissions": permissions,
            "footage": self.reach if Permission.PLAYBACK in permissions else None,
            "weekly": self.cleaned_data["weekly"],
            "lasts_s": self.spans.get(self.cleaned_data["lasts"]),
        }


def span_words(seconds: int) -> str:
    """`3 days`, `5 hours`."""
    if seconds % DAY == 0:
        return ngettext("%(count)d day", "%(count)d days", seconds // DAY) % {"count": seconds // DAY}
    return ngettext("%(count)d hour", "%(count)d hours", seconds // HOUR) % {"count": seconds // HOUR}


def _card(row: Preset) -> dict[str, Any]:
    seen = sees_words(row.permissions, row.footage or EVERYTHING)
    can = can_words(row.permissions)
    said = [
        seen,
        can,
        hours_words({"weekly": row.weekly}) if row.weekly else "",
        _("for %(span)s") % {"span": span_words(row.lasts_s)} if row.lasts_s else "",
    ]
    words = ", ".join(filter(None, said))
    return {
        "id": row.id,
        "name": row.name,
        "words": words[:1].upper() + words[1:],
        "rights": rights_slots(row.permissions),
    }


def _organization(request: HttpRequest) -> str:
    """The chosen one. Raises NotFound for who has nothing to share there."""
    return list_shareable_here(request)[0].organization or ""


@require_GET
@answers_refusals
def presets(request: HttpRequest) -> HttpResponse:
    """What there is to begin from."""
    actor, organization = principal_of(request), _organization(request)
    context = {
        "nav": "sharing",
        "own": [_card(row) for row in list_own_presets(actor, organization)],
        "built_in": [_card(row) for row in PRESETS],
        "may_change": may_change_presets(actor, organization),
        "most": services.MAX_PRESETS,
    }
    return render(request, "web/presets.html", context)


@require_http_methods(["GET", "POST"])
@answers_refusals
def preset_new(request: HttpRequest) -> HttpResponse:
    """Make one, in the chosen organization."""
    actor, organization = principal_of(request), _organization(request)
    if not may_change_presets(actor, organization):
        raise NotFound
    if request.method == "GET":
        return _page(request, PresetForm({"footage": "day"}), Permission.LIVE_VIEW)
    form, permissions = PresetForm(request.POST), _permissions(request.POST)
    if not form.is_valid():
        return _page(request, form, permissions, status=422)
    try:
        services.make_preset(actor, organization=organization, **form.patch(permissions))
    except NotFound:
        raise
    except Refusal as refusal:
        return _page(request, form, permissions, error=refusal.message, status=refusal.status)
    messages.success(request, _("Made. Whoever shares here finds it beside the others."))
    return redirect("presets")


@require_http_methods(["GET", "POST"])
@answers_refusals
def preset(request: HttpRequest, preset_id: str) -> HttpResponse:
    """Change one."""
    actor = principal_of(request)
    row = get_own_preset(actor, preset_id)
    if not may_change_presets(actor, row.organization):
        raise NotFound
    if request.method == "GET":
        return _page(request, PresetForm(_fields(row), lasts_s=row.lasts_s), row.permissions, row=row)
    form, permissions = PresetForm(request.POST, lasts_s=row.lasts_s), _permissions(request.POST)
    if not form.is_valid():
        return _page(request, form, permissions, row=row, status=422)
    try:
        services.change_preset(actor, preset=preset_id, changes=form.patch(permissions))
    except NotFound:
        raise
    except Refusal as refusal:
        return _page(request, form, permissions, row=row, error=refusal.message, status=refusal.status)
    messages.success(request, _("Saved. What was shared before stays as it is."))
    return redirect("presets")


@require_POST
@answers_refusals
def preset_remove(request: HttpRequest, preset_id: str) -> HttpResponse:
    """Give one up."""
    services.remove_preset(principal_of(request), preset=preset_id)
    messages.success(request, _("Removed. What was shared by it stays as it is."))
    return redirect("presets")


def _permissions(data: QueryDict) -> Permission:
    bits = NONE
    for bit, _key, _label in SLOTS:
        if bit.wire_names[0] in data.getlist("permission"):
            bits |= bit
    return bits


def _fields(row: Preset) -> dict[str, Any]:
    return {
        "name": row.name,
        "footage": footage_key(row.footage) if row.footage else "day",
        "lasts": span_wire(row.lasts_s) if row.lasts_s else "",
        **hours_lines({"zone": "UTC", "weekly": row.weekly} if row.weekly else None),
    }


def _page(
    request: HttpRequest,
    form: PresetForm,
    permissions: Permission,
    *,
    row: Preset | None = None,
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {
        "nav": "sharing",
        "preset": row,
        "terms": form,
        "days": form.days,
        # What was not sent yet has nothing wrong in it.
        "is_sent": request.method == "POST",
        "choices": [
            {"value": bit.wire_names[0], "icon": key, "label": label, "chosen": bit in permissions}
            for bit, key, label in SLOTS
        ],
        "error": error,
    }
    return render(request, "web/preset.html", context, status=status)
