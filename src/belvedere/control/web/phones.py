"""Phone numbers of one's own: add, confirm by the code that was sent there, remove."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from belvedere.control.accounts import services
from belvedere.control.accounts.selectors import list_phones
from belvedere.control.core.errors import Invalid
from belvedere.control.core.requests import principal_of
from belvedere.control.web.errors import answers_refusals


@require_http_methods(["GET", "POST"])
@answers_refusals
def phones(request: HttpRequest) -> HttpResponse:
    """One's numbers; POST sends a code to one more, or another code to one that waits."""
    error = ""
    if request.method == "POST":
        try:
            services.add_phone(principal_of(request), number=request.POST.get("number", ""))
        except Invalid as invalid:
            error = invalid.message
        else:
            messages.success(request, _("A code is on its way to that number."))
            return redirect("account-phones")
    return _page(request, number_error=error)


@require_POST
@answers_refusals
def phone_confirm(request: HttpRequest, phone_id: str) -> HttpResponse:
    """Type the code."""
    try:
        services.confirm_phone(principal_of(request), phone=phone_id, code=request.POST.get("code", ""))
    except Invalid as invalid:
        return _page(request, code_error=invalid.message, code_of=phone_id)
    messages.success(request, _("The number is confirmed."))
    return redirect("account-phones")


@require_POST
@answers_refusals
def phone_remove(request: HttpRequest, phone_id: str) -> HttpResponse:
    """Give a number up."""
    services.remove_phone(principal_of(request), phone=phone_id)
    messages.success(request, _("The number is removed."))
    return redirect("account-phones")


def _page(request: HttpRequest, **wrong: str) -> HttpResponse:
    context = {
        "nav": "account",
        "phones": list_phones(principal_of(request)),
        "number": request.POST.get("number", ""),
        **wrong,
    }
    return render(request, "web/account_phones.html", context, status=422 if any(wrong.values()) else 200)
