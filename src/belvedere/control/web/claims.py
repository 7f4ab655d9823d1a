"""Claiming a device that its owner left behind; and refusing that."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from belvedere.control.appeals import services
from belvedere.control.appeals.selectors import ClaimView, find_attempt_device, get_claim
from belvedere.control.core.errors import NotFound, Refusal
from belvedere.control.core.requests import principal_of
from belvedere.control.web.context import list_sites_to_equip
from belvedere.control.web.errors import answers_refusals


class ClaimForm(forms.Form):
    """How to get into the device, typed anew. Rules are the service's."""

    site = forms.ChoiceField(
        label=gettext_lazy("Site"), error_messages={"invalid_choice": gettext_lazy("Choose one of your own sites.")}
    )
    address = forms.CharField(max_length=500, label=gettext_lazy("Address"))
    username = forms.CharField(max_length=200, required=False, label=gettext_lazy("User"))
    password = forms.CharField(max_length=200, label=gettext_lazy("Password"), strip=False)

    def __init__(self, data: QueryDict | None, *, sites: list[tuple[str, str]]) -> None:
        super().__init__(data)
        self.fields["site"].choices = sites  # type: ignore[attr-defined]  # it is a ChoiceField


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
@answers_refusals
def claim_new(request: HttpRequest) -> HttpResponse:
    """What it means, and the device's own password. Only from a refusal of one's own."""
    actor = principal_of(request)
    attempt = (request.POST if request.method == "POST" else request.GET).get("attempt", "")
    if find_attempt_device(actor, attempt) is None:
        raise NotFound
    form = ClaimForm(request.POST or None, sites=[(site.id, site.name) for site in list_sites_to_equip(request)])
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            claim = services.claim_device(actor, attempt=attempt, **form.cleaned_data)
        except NotFound:
            raise
        except Refusal as refusal:
            field = str(refusal.extra.get("field", ""))
            form.add_error(field if field in form.fields else None, refusal.message)
            status = refusal.status
        else:
            return redirect("claim", claim)
    elif form.errors:
        status = 422
    return render(request, "web/claim_new.html", {"nav": "devices", "form": form, "attempt": attempt}, status=status)


def claim_card(view: ClaimView) -> dict[str, Any]:
    """A claim as templates show it; the inbox lists those that wait."""
    return {
        "id": view.id,
        "state": view.state,
        "is_mine": view.is_mine,
        "claimant": view.claimant,
        "device": view.device_name,
        "claimed_at": view.claimed_at,
        "due_at": view.due_at,
        "ended_at": view.ended_at,
        "why": view.ended_reason,
    }


@require_GET
@answers_refusals
def claim(request: HttpRequest, claim_id: str) -> HttpResponse:
    """One claim, from either side: what it means and until when; then what became of it."""
    view = get_claim(principal_of(request), claim_id)
    return render(request, "web/claim.html", {"nav": "inbox", "claim": claim_card(view)})


@require_POST
@answers_refusals
def claim_refuse(request: HttpRequest, claim_id: str) -> HttpResponse:
    """Say no: it stays one's own."""
    services.refuse_claim(principal_of(request), claim=claim_id)
    messages.success(request, _("Refused. It stays yours. Change its password: somebody else knows it."))
    return redirect("claim", claim_id)
