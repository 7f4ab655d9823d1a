"""One's own account: name, sign-ins, tokens; the way out; the way in by an offer's mail."""

from collections.abc import Callable
from contextlib import suppress

from allauth.account import views as allauth
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from belvedere.control.accounts import services
from belvedere.control.accounts.recovery import list_recovery_contacts
from belvedere.control.accounts.selectors import (
    find_crowded,
    get_factors,
    list_phones,
    list_proven,
    list_sign_ins,
    list_tokens,
    require_fresh,
)
from belvedere.control.accounts.sign_ins import list_new_places
from belvedere.control.accounts.tokens import SCOPES
from belvedere.control.core.errors import NotFound
from belvedere.control.core.names import is_phone
from belvedere.control.core.requests import principal_of
from belvedere.control.handover.selectors import find_handover_address
from belvedere.control.providers.selectors import find_engagement_address
from belvedere.control.sharing.selectors import find_join_address, list_blocked_sharers
from belvedere.control.web.errors import answers_refusals
from belvedere.control.web.invited import remember_offer


@require_http_methods(["GET", "POST"])
@answers_refusals
def account(request: HttpRequest) -> HttpResponse:
    """Profile, sign-ins and tokens; POST renames."""
    actor = principal_of(request)
    if request.method == "POST":
        services.rename(actor, name=request.POST.get("name", ""))
        messages.success(request, _("Saved."))
        return redirect("account")
    return render(request, "web/account.html", _account(request))


def _account(request: HttpRequest, *, new_token: str = "") -> dict[str, object]:
    actor = principal_of(request)
    return {
        "nav": "account",
        "profile": {"name": actor.name, "email": actor.email},
        "tokens": list_tokens(actor),
        "sessions": list_sign_ins(actor),
        "phones": list_phones(actor),
        "factors": get_factors(actor),
        "recovery_contacts": list_recovery_contacts(actor),
        "blocked": list_blocked_sharers(actor),
        "crowded_at": find_crowded(actor),
        "new_places": list_new_places(actor),
        "scopes": [{"value": key, "label": text} for key, text in SCOPES.items()],
        "new_token": new_token,
    }


@answers_refusals
def addresses(request: HttpRequest) -> HttpResponse:
    """One's addresses: ours change them, allauth's adds one and mails its link."""
    if request.method != "POST":
        return _allauth(allauth.email, request)
    actor = principal_of(request)
    email = request.POST.get("email", "")
    if "action_primary" in request.POST:
        services.make_address_primary(actor, email=email)
        messages.success(request, _("Your mail goes there from now on. Other browsers were signed out."))
        return redirect("account_email")
    if "action_remove" in request.POST:
        services.remove_address(actor, email=email)
        messages.success(request, _("The address is removed."))
        return redirect("account_email")
    require_fresh(actor)
    return _allauth(allauth.email, request)


@answers_refusals
def password_set(request: HttpRequest) -> HttpResponse:
    """A first password, for who signs in without one. Changing one asks for the old, which is proof enough."""
    require_fresh(principal_of(request))
    return _allauth(allauth.password_set, request)


def _allauth(view: Callable[[HttpRequest], HttpResponse], request: HttpRequest) -> HttpResponse:
    return view(request)


@require_POST
@answers_refusals
def token_create(request: HttpRequest) -> HttpResponse:
    """Make a token; the page that answers shows its secret, once."""
    days = request.POST.get("days", "90")
    _token, secret = services.create_token(
        principal_of(request),
        name=request.POST.get("name", ""),
        scopes=request.POST.getlist("scope"),
        days=int(days) if days.isdigit() and len(days) < 5 else 0,
    )
    return render(request, "web/account.html", _account(request, new_token=secret))


@require_POST
@answers_refusals
def token_revoke(request: HttpRequest, token_id: str) -> HttpResponse:
    """End a token."""
    services.revoke_token(principal_of(request), token=token_id)
    messages.success(request, _("The token is dead, and what was opened with it has stopped."))
    return redirect("account")


@require_POST
@answers_refusals
def session_end(request: HttpRequest, session_id: str) -> HttpResponse:
    """Sign one other browser out."""
    services.end_session(principal_of(request), session=session_id)
    messages.success(request, _("Signed out there."))
    return redirect("account")


@require_POST
@answers_refusals
def sessions_end_others(request: HttpRequest) -> HttpResponse:
    """Sign every other browser out."""
    services.end_other_sessions(principal_of(request))
    messages.success(request, _("Signed out everywhere else."))
    return redirect("account")


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Sign this browser out: its streams end, its caches go. `next` is a page of ours that waits for somebody else."""
    actor = principal_of(request)
    with suppress(NotFound):  # it is signed out already
        services.end_session(actor, session=actor.credential.removeprefix("session:"))
    logout(request)
    back = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    response = redirect(back if is_ours else "account_login")
    # Not "cookies": that would empty the whole domain.
    response["Clear-Site-Data"] = '"cache", "storage"'
    return response


@require_GET
def join(request: HttpRequest, secret: str) -> HttpResponse:
    """The link in the message to somebody without an account: to sign-up, and then on (VA 5). Changes nothing (N10)."""
    address = find_join_address(secret) or find_handover_address(secret) or find_engagement_address(secret)
    if request.user.is_authenticated:
        if is_phone(address) and address not in list_proven(principal_of(request).id):
            words = _("Confirm the number %(phone)s, and what is offered to it waits in your inbox.")
            messages.info(request, words % {"phone": address})
            return redirect("account-phones")
        return redirect("inbox")
    if address:
        remember_offer(request, secret)
    context = {"address": address, "is_phone": is_phone(address)}
    return render(request, "web/join.html", context, status=200 if address else 404)
