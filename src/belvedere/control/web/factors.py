"""How one signs in: passkeys, the app that makes codes, recovery codes. Each change wants a fresh proof."""

import json
from typing import Any

import segno
from allauth.mfa.adapter import get_adapter
from allauth.mfa.totp.internal.auth import generate_totp_secret
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from belvedere.control.accounts import passkeys, services
from belvedere.control.accounts.selectors import get_factors, require_fresh
from belvedere.control.core.errors import Invalid
from belvedere.control.core.requests import principal_of
from belvedere.control.core.vault import SealBroken, seal, unseal
from belvedere.control.web.errors import answers_refusals

#: where the session keeps what a ceremony is about, until its answer comes
_PASSKEY = "passkey-state"
_SEED = "app-seed"


@require_GET
@answers_refusals
def security(request: HttpRequest) -> HttpResponse:
    """What signs one in, and what more could."""
    return render(request, "web/account_security.html", _security(request))


def _security(request: HttpRequest, *, codes: list[str] | None = None) -> dict[str, object]:
    return {"nav": "account", "factors": get_factors(principal_of(request)), "codes": codes}


@require_http_methods(["GET", "POST"])
@answers_refusals
def passkey_add(request: HttpRequest) -> HttpResponse:
    """Ask the browser for a passkey, and keep it."""
    actor = principal_of(request)
    require_fresh(actor)
    error = ""
    if request.method == "POST":
        try:
            codes = services.add_passkey(
                actor,
                name=request.POST.get("name", ""),
                state=request.session.pop(_PASSKEY, {}),
                response=_json(request.POST.get("credential", "")),
            )
        except Invalid as invalid:
            error = invalid.message
        else:
            messages.success(request, _("The passkey is kept. Other browsers were signed out."))
            return render(request, "web/account_security.html", _security(request, codes=codes))
    options, request.session[_PASSKEY] = passkeys.begin(actor)
    context = {"nav": "account", "options": options, "error": error, "name": request.POST.get("name", "")}
    return render(request, "web/account_passkey.html", context, status=422 if error else 200)


@require_POST
@answers_refusals
def passkey_rename(request: HttpRequest, passkey_id: str) -> HttpResponse:
    """Give a passkey another name."""
    services.rename_passkey(principal_of(request), passkey=passkey_id, name=request.POST.get("name", ""))
    messages.success(request, _("Saved."))
    return redirect("account-security")


@require_POST
@answers_refusals
def passkey_remove(request: HttpRequest, passkey_id: str) -> HttpResponse:
    """Let a passkey sign in no more."""
    services.remove_passkey(principal_of(request), passkey=passkey_id)
    messages.success(request, _("The passkey signs in no more. Other browsers were signed out."))
    return redirect("account-security")


@require_http_methods(["GET", "POST"])
@answers_refusals
def app(request: HttpRequest) -> HttpResponse:
    """Show the seed to the app, and see that it makes the right codes."""
    actor = principal_of(request)
    require_fresh(actor)
    seed, error = _seed(request, actor.id), ""
    if request.method == "POST":
        try:
            codes = services.activate_app(actor, seed=seed, code=request.POST.get("code", ""))
        except Invalid as invalid:
            error = invalid.message
        else:
            del request.session[_SEED]
            messages.success(request, _("Signing in asks for a code from now on. Other browsers were signed out."))
            return render(request, "web/account_security.html", _security(request, codes=codes))
    context = {"nav": "account", "seed": _in_fours(seed), "qr": _qr(request, seed), "error": error}
    return render(request, "web/account_app.html", context, status=422 if error else 200)


@require_POST
@answers_refusals
def app_remove(request: HttpRequest) -> HttpResponse:
    """Ask for no code any more."""
    services.remove_app(principal_of(request))
    messages.success(request, _("Signing in asks for no code of an app any more. Other browsers were signed out."))
    return redirect("account-security")


@require_POST
@answers_refusals
def codes_make(request: HttpRequest) -> HttpResponse:
    """New recovery codes; the page that answers shows them, once."""
    codes = services.make_recovery_codes(principal_of(request))
    return render(request, "web/account_security.html", _security(request, codes=codes))


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _seed(request: HttpRequest, account: str) -> str:
    """The seed on offer; sealed, because sessions rest in the database. The same one until it is taken."""
    place = {"table": "session", "row": account, "field": _SEED}
    try:
        return unseal(str(request.session.get(_SEED, "")), **place)
    except SealBroken:
        seed = str(generate_totp_secret())
        request.session[_SEED] = seal(seed, **place)
        return seed


def _in_fours(seed: str) -> str:
    return " ".join(seed[place : place + 4] for place in range(0, len(seed), 4))


def _qr(request: HttpRequest, seed: str) -> SafeString:
    address = get_adapter().build_totp_url(request.user, seed)
    drawn = segno.make(address).svg_inline(omitsize=True, border=2, dark="#0E1418", light="#fff")
    return mark_safe(drawn)  # noqa: S308  # paths that segno drew; no text of anybody's stands in them
