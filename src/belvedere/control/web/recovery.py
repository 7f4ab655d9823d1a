"""Recovery contacts: one's own, and the page of the message that asks somebody to be one. And the end of everything.

The secret in the address is the proof, so nobody needs to be signed in, and nobody is afterwards. GET shows and changes
nothing (N10).
"""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from belvedere.control.accounts import services
from belvedere.control.accounts.recovery import find_asked_contact, find_recovery, list_recovery_contacts
from belvedere.control.accounts.selectors import get_factors
from belvedere.control.core.errors import Conflict, Invalid
from belvedere.control.core.principal import nobody
from belvedere.control.core.requests import client_address, principal_of
from belvedere.control.web.errors import answers_refusals


@require_http_methods(["GET", "POST"])
@answers_refusals
def contacts(request: HttpRequest) -> HttpResponse:
    """One's recovery contacts; POST asks one more, or one that waits once more."""
    actor = principal_of(request)
    typed = {key: request.POST.get(key, "") for key in ("name", "address")}
    error: Invalid | None = None
    if request.method == "POST":
        try:
            services.add_recovery_contact(actor, address=typed["address"], name=typed["name"])
        except Invalid as invalid:
            error = invalid
        else:
            messages.success(request, _("They are asked. They count once they said yes."))
            return redirect("account-recovery")
    context = {
        "nav": "account",
        "contacts": list_recovery_contacts(actor),
        "factors": get_factors(actor),
        "recovery": find_recovery(actor.id),
        "typed": typed,
        "error": error.message if error else "",
        "wrong": error.field if error else "",
    }
    return render(request, "web/account_recovery.html", context, status=422 if error else 200)


@require_POST
@answers_refusals
def contact_remove(request: HttpRequest, contact_id: str) -> HttpResponse:
    """Take a recovery contact back."""
    services.remove_recovery_contact(principal_of(request), contact=contact_id)
    messages.success(request, _("Removed. Nobody hears of a recovery there any more."))
    return redirect("account-recovery")


@require_safe
@answers_refusals
def asked(request: HttpRequest, secret: str) -> HttpResponse:
    """Who asks to be helped, with what, and the answer."""
    row = find_asked_contact(secret)
    context = {"asked": row, "secret": secret}
    return render(request, "web/recovery_asked.html", context, status=200 if row else 404)


@require_POST
@answers_refusals
def asked_confirm(request: HttpRequest, secret: str) -> HttpResponse:
    """Yes."""
    try:
        services.confirm_recovery_contact(nobody(client_address(request)), token=secret)
    except Conflict as conflict:
        messages.error(request, conflict.message)
    return redirect("recovery-asked", secret)


@require_POST
@answers_refusals
def asked_begin(request: HttpRequest, secret: str) -> HttpResponse:
    """They cannot get in any more."""
    try:
        services.begin_recovery(nobody(client_address(request)), token=secret)
    except Conflict as conflict:
        messages.error(request, conflict.message)
    return redirect("recovery-asked", secret)


@require_POST
@answers_refusals
def asked_stop(request: HttpRequest, secret: str) -> HttpResponse:
    """One's own taken back, or another contact's objected to."""
    services.stop_recovery(nobody(client_address(request)), token=secret)
    return redirect("recovery-asked", secret)


@require_POST
@answers_refusals
def refuse(request: HttpRequest) -> HttpResponse:
    """I am here."""
    services.refuse_recovery(principal_of(request))
    messages.success(request, _("It is over. Your password and second step are as they were."))
    return redirect("account-recovery")


@require_http_methods(["GET", "POST"])
@answers_refusals
def link(request: HttpRequest) -> HttpResponse:
    """A recovery contact has his link sent once more: he says whose contact he is, and where he reads."""
    typed = {key: request.POST.get(key, "") for key in ("email", "address")}
    error: Invalid | None = None
    if request.method == "POST":
        try:
            services.ask_for_recovery_link(nobody(client_address(request)), **typed)
        except Invalid as invalid:
            error = invalid
        else:
            return render(request, "web/recovery_link.html", {"is_done": True})
    context = {"typed": typed, "error": error.message if error else "", "wrong": error.field if error else ""}
    return render(request, "web/recovery_link.html", context, status=422 if error else 200)


@require_POST
@answers_refusals
def asked_decline(request: HttpRequest, secret: str) -> HttpResponse:
    """No, or no more."""
    services.decline_recovery_contact(nobody(client_address(request)), token=secret)
    return render(request, "web/recovery_asked.html", {"is_declined": True})


@require_http_methods(["GET", "POST"])
@answers_refusals
def cancel(request: HttpRequest) -> HttpResponse:
    """End every sign-in, token and guest link of an account by one of its recovery codes. Signs nobody in."""
    error = ""
    if request.method == "POST":
        try:
            services.cancel_all(
                nobody(client_address(request)),
                email=request.POST.get("email", ""),
                code=request.POST.get("code", ""),
            )
        except Invalid as invalid:
            error = invalid.message
        else:
            return render(request, "web/cancel_all.html", {"is_done": True})
    context = {"error": error, "email": request.POST.get("email", "")}
    return render(request, "web/cancel_all.html", context, status=422 if error else 200)
