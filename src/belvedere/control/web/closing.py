"""Closing one's own account, and bringing it back."""

from typing import Final

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from belvedere.control.accounts.selectors import RETURN_FOR, find_return, require_fresh
from belvedere.control.accounts.services import reopen_account
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict
from belvedere.control.core.principal import Principal
from belvedere.control.core.requests import client_address, principal_of
from belvedere.control.organizations.selectors import list_organizations
from belvedere.control.sharing.selectors import list_obstacles
from belvedere.control.sharing.services import close_account
from belvedere.control.streaming.selectors import list_cuts
from belvedere.control.web.errors import answers_refusals

#: where the session of nobody keeps whose password was just right, and until when that counts
_CLOSED: Final = "closed-account"
_OFFER_S: Final = 600
_SHOWN: Final = 20


@require_http_methods(["GET", "POST"])
@answers_refusals
def close(request: HttpRequest) -> HttpResponse:
    """What stands in the way, or what closing ends; POST closes, and shows what was cut."""
    actor = principal_of(request)
    require_fresh(actor)
    if request.method == "POST":
        try:
            change_id = close_account(actor)
        except Conflict:
            return _ask(request, status=409)
        logout(request)
        context = {"cuts": len(list_cuts(change_id)), "until": clock.now() + RETURN_FOR}
        response = render(request, "web/account_closed.html", context)
        response["Clear-Site-Data"] = '"cache", "storage"'
        return response
    return _ask(request)


def _ask(request: HttpRequest, *, status: int = 200) -> HttpResponse:
    actor = principal_of(request)
    obstacles = list_obstacles(actor)
    context = {
        "nav": "account",
        "obstacles": obstacles[:_SHOWN],
        "more": max(0, len(obstacles) - _SHOWN),
        "leaves": [view.name for view in list_organizations(actor) if not view.is_owned],
        "until": clock.now() + RETURN_FOR,
    }
    return render(request, "web/account_close.html", context, status=status)


def offer_return(request: HttpRequest, account: str) -> bool:
    """Somebody just proved that this account is his, and it does not sign in. Whether he can have it back."""
    if find_return(account) is None:
        return False
    request.session[_CLOSED] = {"account": account, "until": clock.now().timestamp() + _OFFER_S}
    return True


@require_http_methods(["GET", "POST"])
@answers_refusals
def come_back(request: HttpRequest) -> HttpResponse:
    """Bring an account back that was closed. Signing in to it is the next step, with all that it asks for."""
    offered = request.session.get(_CLOSED, {})
    account = str(offered.get("account", "")) if offered.get("until", 0) > clock.now().timestamp() else ""
    until = find_return(account)
    if until is None:
        return redirect("account_login")
    if request.method == "POST":
        reopen_account(Principal(id=account, name="", address=client_address(request)))
        del request.session[_CLOSED]
        messages.success(request, _("Your account is back. Sign in to it."))
        return redirect("account_login")
    return render(request, "web/account_return.html", {"until": until})
