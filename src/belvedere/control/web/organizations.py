"""Choosing among organizations, joining one, founding one."""

from typing import Any, Final
from zoneinfo import available_timezones

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from belvedere.control.core.errors import Invalid, Refusal
from belvedere.control.core.names import clean_name
from belvedere.control.core.requests import principal_of
from belvedere.control.organizations import services
from belvedere.control.organizations.selectors import get_organization
from belvedere.control.web.context import choose
from belvedere.control.web.errors import answers_refusals
from belvedere.control.web.role_words import role_name

ZONES: Final = [
    (zone, zone.replace("_", " ")) for zone in sorted(available_timezones()) if "/" in zone or zone == "UTC"
]
STEPS: Final = ("organization", "site", "summary")


@require_GET
@answers_refusals
def organizations(request: HttpRequest) -> HttpResponse:
    """Where one belongs, and where one is invited to: what to choose from after signing in (VV 19, 22)."""
    # The frame of every page knows both already.
    return render(request, "web/organizations.html", {"nav": ""})


@require_POST
@answers_refusals
def organization_switch(request: HttpRequest) -> HttpResponse:
    """Choose an organization, and stay in it."""
    return choose(request, get_organization(principal_of(request), request.POST.get("organization", "")))


@require_POST
@answers_refusals
def organization_join(request: HttpRequest, invitation_id: str) -> HttpResponse:
    """Accept, signed in: and in it at once (VV 14, 15)."""
    actor = principal_of(request)
    joined = get_organization(actor, services.accept_invitation(actor, invitation=invitation_id))
    words = _("You are now %(role)s of %(name)s.")
    messages.success(request, words % {"role": role_name(joined.role), "name": joined.name})
    return choose(request, joined)


@require_POST
@answers_refusals
def organization_decline(request: HttpRequest, invitation_id: str) -> HttpResponse:
    """Say no; the inviter is told (VV 18)."""
    services.decline_invitation(principal_of(request), invitation=invitation_id)
    messages.success(request, _("Declined. They are told that you said no, and nothing else."))
    return redirect("organizations")


# ── Founding: two short forms and a summary, everything so far in the form; nothing is made before *Done* (VV 30) ────


class _PlaceForm(forms.Form):
    """What organizations and sites have in common."""

    name = forms.CharField(max_length=80, label=gettext_lazy("Name"))
    region = forms.CharField(max_length=60, required=False, label=gettext_lazy("Region"))
    time_zone = forms.ChoiceField(choices=ZONES, initial="UTC", label=gettext_lazy("Time zone"))

    def clean(self) -> dict[str, Any]:
        """The field's own words for what the domain would refuse at the end."""
        data = super().clean() or self.cleaned_data
        for name in {"name", "region", "address"} & data.keys():
            try:
                data[name] = clean_name(data[name], field=name, optional=name != "name", max_length=200)
            except Invalid as invalid:
                self.add_error(name, invalid.message)
        return data


class OrganizationForm(_PlaceForm):
    """The organization itself."""

    prefix = "organization"


class SiteForm(_PlaceForm):
    """Its first site."""

    prefix = "site"
    address = forms.CharField(max_length=200, required=False, label=gettext_lazy("Address"))


@require_http_methods(["GET", "POST"])
@answers_refusals
def organization_new(request: HttpRequest) -> HttpResponse:
    """Organization → first site, or none yet → summary → Done."""
    data = request.POST if request.method == "POST" else QueryDict()
    wanted = data.get("step", "organization")
    organization = OrganizationForm(data or None)
    site = SiteForm(data) if "site-name" in data and wanted != "skip" else None
    if wanted == "organization" or not organization.is_valid():
        # A site that was not even named yet needs not be carried along.
        kept = site if data.get("site-name") else None
        return _step(request, "organization", organization, kept, is_refused=wanted != "organization")
    if wanted == "site" and site is None:
        # Where the organization is, its first site most likely is too.
        place = {key: organization.cleaned_data[key] for key in ("region", "time_zone")}
        return _step(request, "site", organization, SiteForm(initial=place))
    if site and (wanted == "site" or not site.is_valid()):
        return _step(request, "site", organization, site, is_refused=wanted != "site")
    if wanted != "done":
        return _step(request, "summary", organization, site)
    return _found(request, organization, site)


def _found(request: HttpRequest, organization: OrganizationForm, site: SiteForm | None) -> HttpResponse:
    actor, place = principal_of(request), organization.cleaned_data
    first = services.FirstSite(**site.cleaned_data) if site else None
    try:
        made = services.found_organization(actor, **place, site=first)
    except Refusal as refusal:
        return _step(request, "summary", organization, site, error=refusal.message, status=refusal.status)
    messages.success(request, _("%(name)s is founded, and you own it.") % {"name": place["name"]})
    return choose(request, get_organization(actor, made))


def _step(
    request: HttpRequest,
    step: str,
    organization: OrganizationForm,
    site: SiteForm | None,
    *,
    is_refused: bool = False,
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {
        "step": step,
        "step_number": STEPS.index(step) + 1,
        "organization_form": organization,
        "site_form": site,
        "error": error,
    }
    return render(request, "web/organization_new.html", context, status=422 if is_refused else status)
