"""What the inbox says of one's own account and of rights; and the page that asks “was this you?”."""

from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from belvedere.control.accounts import services
from belvedere.control.accounts.selectors import get_factors, require_fresh
from belvedere.control.accounts.sign_ins import Way, get_new_place
from belvedere.control.core import clock
from belvedere.control.core.matters import Matter
from belvedere.control.core.principal import Principal
from belvedere.control.core.requests import principal_of
from belvedere.control.notifications.selectors import MatterView, get_matter, list_matters
from belvedere.control.notifications.selectors.matters import SHOWN_FOR
from belvedere.control.notifications.services import see_matter
from belvedere.control.web.errors import answers_refusals

#: what of a matter can be chosen how to be told, in words
MATTERS: Final = {
    Matter.SIGN_IN: gettext_lazy("Sign-in from a new place"),
    Matter.GUESSES: gettext_lazy("Many wrong passwords"),
    Matter.WRONG_CODES: gettext_lazy("Wrong codes after the right password"),
    Matter.MANY_PLACES: gettext_lazy("Sign-in used in several places at once"),
    Matter.RIGHTS: gettext_lazy("Rights that changed"),
}
ICONS: Final = {
    Matter.SIGN_IN: "key",
    Matter.GUESSES: "lock",
    Matter.WRONG_CODES: "lock",
    Matter.MANY_PLACES: "warn",
    Matter.RIGHTS: "people",
}
_WAYS: Final = {
    Way.PASSWORD: gettext_lazy("With the password"),
    Way.CODE: gettext_lazy("With the password and a code"),
    Way.RECOVERY_CODE: gettext_lazy("With the password and a recovery code"),
    Way.PASSKEY: gettext_lazy("With a passkey"),
}


def matter_notices(actor: Principal) -> list[dict[str, Any]]:
    """For the inbox: `{icon, title, text, at, url}`."""
    return [
        {
            "icon": ICONS[view.kind],
            "title": view.title,
            "text": view.text,
            "at": view.at,
            "url": reverse("matter", args=[view.id]),
        }
        for view in list_matters(actor, since=clock.now() - SHOWN_FOR)
    ]


@require_GET
@answers_refusals
def matter(request: HttpRequest, matter_id: str) -> HttpResponse:
    """Where a push, a mail or the inbox leads: to where something can be done about it."""
    view = get_matter(principal_of(request), matter_id)
    return redirect(f"{_page_of(view)}#told=matters/{view.id}")


@require_POST
@answers_refusals
def matter_seen(request: HttpRequest, matter_id: str) -> HttpResponse:
    """Opened here, it need not stand on another screen of his."""
    see_matter(principal_of(request), matter=matter_id)
    return HttpResponse(status=204)


def _page_of(view: MatterView) -> str:
    if view.kind is Matter.SIGN_IN:
        return reverse("account-sign-in", args=[view.event])
    if view.kind is Matter.RIGHTS:
        audit = f"{reverse('admin-audit')}?organization={view.organization}"
        return audit if view.organization else reverse("shared-with-me")
    return reverse("account" if view.kind is Matter.MANY_PLACES else "account-security")


@require_GET
@answers_refusals
def sign_in(request: HttpRequest, place_id: str) -> HttpResponse:
    """Was this you? Says when, how and with what, and never where from (threats §5)."""
    place = get_new_place(principal_of(request), place_id)
    return render(request, "web/account_sign_in.html", {"nav": "account", "place": place, "way": _WAYS[place.way]})


@require_POST
@answers_refusals
def sign_in_confirm(request: HttpRequest, place_id: str) -> HttpResponse:
    """It was."""
    services.confirm_sign_in(principal_of(request), place=place_id)
    messages.success(request, _("Good. That browser is known from now on."))
    return redirect("inbox")


@require_POST
@answers_refusals
def sign_in_deny(request: HttpRequest, place_id: str) -> HttpResponse:
    """It was not: everybody else is out; a new password is next."""
    actor = principal_of(request)
    require_fresh(actor)
    services.deny_sign_in(actor, place=place_id)
    messages.success(request, _("Every other browser and every token is signed out. Now choose a new password."))
    return redirect("account_change_password" if get_factors(actor).has_password else "account-security")


@require_POST
@answers_refusals
def many_places_dismiss(request: HttpRequest) -> HttpResponse:
    """Read."""
    services.dismiss_many_places(principal_of(request))
    return redirect("account")
