"""Webhooks of one's own: made, tried, changed, with what their receivers answered of late."""

from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from belvedere.contracts.camera_events import EventKind
from belvedere.control.accounts.selectors import require_fresh
from belvedere.control.core.errors import Invalid, NetworkNotAllowed
from belvedere.control.core.requests import principal_of
from belvedere.control.events.words import KINDS
from belvedere.control.notifications import services
from belvedere.control.notifications.selectors import DeliveryView, get_webhook, list_deliveries
from belvedere.control.web.errors import answers_refusals

#: why there was no answer → what its owner reads; of anything else there is nothing to say but that
_WHY: Final = {
    "network_not_allowed": gettext_lazy("This server may send nothing there"),
    "no_address": gettext_lazy("That is no address"),
    "unknown_host": gettext_lazy("Nobody knows that host"),
    "no_http": gettext_lazy("What answered speaks no HTTP"),
    "TimeoutError": gettext_lazy("No answer in time"),
    "SSLCertVerificationError": gettext_lazy("Its certificate is not good"),
}


@require_http_methods(["GET", "POST"])
@answers_refusals
def webhook_new(request: HttpRequest) -> HttpResponse:
    """Have a program told. Its secret is shown once, in the answer."""
    actor = principal_of(request)
    require_fresh(actor)  # asked now: not after the last question was answered
    if request.method == "GET":
        return _form(request, {"name": "", "url": "", "kinds": []})
    typed = _read(request)
    try:
        made, secret = services.create_webhook(actor, **typed)
    except (Invalid, NetworkNotAllowed) as refusal:
        return _form(request, typed, refusal=refusal)
    return _page(request, made, secret=secret)


@require_GET
@answers_refusals
def webhook(request: HttpRequest, webhook_id: str) -> HttpResponse:
    """What it hears of, and what it answered."""
    return _page(request, webhook_id)


@require_http_methods(["GET", "POST"])
@answers_refusals
def webhook_change(request: HttpRequest, webhook_id: str) -> HttpResponse:
    """Another name, another address, other kinds. Its address is kept sealed: an empty field leaves it."""
    actor = principal_of(request)
    require_fresh(actor)
    view = get_webhook(actor, webhook_id)
    if request.method == "GET":
        kinds = [kind.value for kind in view.kinds]
        return _form(request, {"name": view.name, "url": "", "kinds": kinds}, webhook=view)
    typed = _read(request)
    try:
        services.change_webhook(actor, webhook=webhook_id, **typed | {"url": typed["url"] or None})
    except (Invalid, NetworkNotAllowed) as refusal:
        return _form(request, typed, webhook=view, refusal=refusal)
    messages.success(request, _("Saved."))
    return redirect("webhook", webhook_id)


@require_POST
@answers_refusals
def webhook_switch(request: HttpRequest, webhook_id: str) -> HttpResponse:
    """Off, or on again."""
    is_on = "on" in request.POST
    services.change_webhook(principal_of(request), webhook=webhook_id, is_enabled=is_on)
    messages.success(request, _("It is told again.") if is_on else _("It is told nothing until you switch it on."))
    return redirect("webhook", webhook_id)


@require_POST
@answers_refusals
def webhook_secret(request: HttpRequest, webhook_id: str) -> HttpResponse:
    """Another secret, shown once; the one before is good for a day."""
    return _page(request, webhook_id, secret=services.renew_webhook_secret(principal_of(request), webhook=webhook_id))


@require_POST
@answers_refusals
def webhook_test(request: HttpRequest, webhook_id: str) -> HttpResponse:
    """Send it something."""
    try:
        services.send_webhook_test(principal_of(request), webhook=webhook_id)
    except Invalid as invalid:
        messages.error(request, invalid.message)
    else:
        messages.success(request, _("A test is on its way. Load this page again to see the answer."))
    return redirect("webhook", webhook_id)


@require_POST
@answers_refusals
def webhook_remove(request: HttpRequest, webhook_id: str) -> HttpResponse:
    """Tell it nothing more, and forget it."""
    services.remove_webhook(principal_of(request), webhook=webhook_id)
    messages.success(request, _("The webhook is removed."))
    return redirect("account-notifications")


def _read(request: HttpRequest) -> dict[str, Any]:
    chosen = [EventKind(name) for name in request.POST.getlist("kind") if name in set(EventKind)]
    return {"name": request.POST.get("name", ""), "url": request.POST.get("url", "").strip(), "kinds": chosen}


def _form(
    request: HttpRequest, typed: dict[str, Any], *, refusal: Invalid | NetworkNotAllowed | None = None, **more: Any
) -> HttpResponse:
    context = {
        "nav": "account",
        "name": typed["name"],
        "url": typed["url"],
        "kinds": [(kind.value, words, kind in typed["kinds"]) for kind, words in KINDS.items()],
        "error": refusal.message if refusal else "",
        "is_url": isinstance(refusal, NetworkNotAllowed) or getattr(refusal, "field", "") == "url",
        **more,
    }
    return render(request, "web/webhook_form.html", context, status=422 if refusal else 200)


def _page(request: HttpRequest, webhook: str, *, secret: str = "") -> HttpResponse:
    actor = principal_of(request)
    view = get_webhook(actor, webhook)
    context = {
        "nav": "account",
        "webhook": view,
        "kinds": [KINDS[kind] for kind in view.kinds],
        "deliveries": [_delivery(row) for row in list_deliveries(actor, webhook)],
        "secret": secret,
    }
    return render(request, "web/webhook.html", context)


def _delivery(row: DeliveryView) -> dict[str, Any]:
    return {
        "id": row.id,
        "what": KINDS[row.kind] if row.kind else _("Test"),
        "answer": row.status or _WHY.get(row.why, _("Nobody answered")),
        "is_taken": row.is_taken,
        "attempts": row.attempts,
        "at": row.tried_at,
    }
