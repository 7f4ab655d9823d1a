"""Brokers of one's own, by which a home automation is told over MQTT: made, tried, changed, switched, removed."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from belvedere.control.accounts.selectors import require_fresh
from belvedere.control.core.errors import Invalid, NotFound, ReauthenticationRequired, Refusal
from belvedere.control.core.requests import principal_of
from belvedere.control.notifications import services
from belvedere.control.notifications.selectors import BrokerView, get_broker
from belvedere.control.web.errors import answers_refusals
from belvedere.control.web.panels import BrokerForm


class OwnBrokerForm(BrokerForm):
    """A broker of one's own, and what it is called. Rules are the service's."""

    name = forms.CharField(max_length=80, label=gettext_lazy("Name"))


class NewBrokerForm(OwnBrokerForm):
    """And where on it one is told."""

    topics = forms.CharField(max_length=90, label=gettext_lazy("Topics begin with"), initial="belvedere")
    is_announced = forms.BooleanField(required=False, initial=True)


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
@answers_refusals
def broker_new(request: HttpRequest) -> HttpResponse:
    """Have a home automation told what one is told."""
    actor = principal_of(request)
    require_fresh(actor)  # asked now: not after the last question was answered
    form = NewBrokerForm(request.POST or None)
    if request.method == "GET" or not form.is_valid():
        return _form(request, form)
    data = form.cleaned_data
    try:
        made = services.create_broker(
            actor, name=data["name"], broker=form.wish(), prefix=data["topics"], is_announced=data["is_announced"]
        )
    except (NotFound, ReauthenticationRequired):
        raise
    except Refusal as refusal:
        return _refuse(request, form, refusal)
    messages.success(request, _("It is told what you are told, as long as you may know of it."))
    return redirect("broker", made)


@require_GET
@answers_refusals
def broker(request: HttpRequest, broker_id: str) -> HttpResponse:
    """Where it is, what is told there, and how it goes."""
    view = get_broker(principal_of(request), broker_id)
    return render(request, "web/broker.html", {"nav": "account", "broker": view})


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
@answers_refusals
def broker_change(request: HttpRequest, broker_id: str) -> HttpResponse:
    """Another name, another address, another login."""
    actor = principal_of(request)
    require_fresh(actor)
    view = get_broker(actor, broker_id)
    is_plain = view.shown_address.startswith("mqtt:")
    initial = {"name": view.name, "address": view.shown_address, "is_plain_ok": is_plain}
    form = OwnBrokerForm(request.POST or None, initial=initial)
    if request.method == "GET" or not form.is_valid():
        return _form(request, form, view)
    try:
        services.change_broker(actor, broker=broker_id, name=form.cleaned_data["name"], wish=form.wish())
    except (NotFound, ReauthenticationRequired):
        raise
    except Refusal as refusal:
        return _refuse(request, form, refusal, view)
    messages.success(request, _("Saved."))
    return redirect("broker", broker_id)


@require_POST
@answers_refusals
def broker_switch(request: HttpRequest, broker_id: str) -> HttpResponse:
    """Off, or on again."""
    is_on = "on" in request.POST
    services.change_broker(principal_of(request), broker=broker_id, is_enabled=is_on)
    messages.success(request, _("It is told again.") if is_on else _("It is told nothing until you switch it on."))
    return redirect("broker", broker_id)


@require_POST
@answers_refusals
def broker_test(request: HttpRequest, broker_id: str) -> HttpResponse:
    """Tell it something."""
    try:
        services.send_broker_test(principal_of(request), broker=broker_id)
    except Invalid as invalid:
        messages.error(request, invalid.message)
    else:
        messages.success(request, _("A test is on its way. Load this page again to see whether it was taken."))
    return redirect("broker", broker_id)


@require_POST
@answers_refusals
def broker_remove(request: HttpRequest, broker_id: str) -> HttpResponse:
    """Tell it nothing more, and forget how to get in."""
    services.remove_broker(principal_of(request), broker=broker_id)
    messages.success(request, _("The broker is removed."))
    return redirect("account-notifications")


def _refuse(
    request: HttpRequest, form: OwnBrokerForm, refusal: Refusal, view: BrokerView | None = None
) -> HttpResponse:
    field = {"prefix": "topics"}.get(str(refusal.extra.get("field")), str(refusal.extra.get("field", "")))
    form.add_error(field if field in form.fields else None, refusal.message)
    return _form(request, form, view, status=refusal.status)


def _form(
    request: HttpRequest, form: OwnBrokerForm, view: BrokerView | None = None, *, status: int = 0
) -> HttpResponse:
    context: dict[str, Any] = {"nav": "account", "form": form, "broker": view}
    return render(request, "web/broker_form.html", context, status=status or (422 if form.errors else 200))
