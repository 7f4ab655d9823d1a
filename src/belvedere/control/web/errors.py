"""Errors as pages: what happened, what still holds, what to do. A Refusal becomes its own status everywhere."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode, urlsplit

import structlog
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from belvedere.control.core.errors import RateLimited, ReauthenticationRequired, Refusal

log = structlog.get_logger(__name__)

type View = Callable[..., HttpResponse]


def answers_refusals(view: View) -> View:
    """Turn a Refusal that the view lets through into an error page."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except ReauthenticationRequired:
            return _to_reauthenticate(request)
        except Refusal as refusal:
            return error_page(request, refusal.status, refusal.message, refusal=refusal)
        except OperationalError:
            # The path may hold a secret of a mail; the error text an address: the fact alone is the event.
            log.warning("database_does_not_answer")
            return _bare_page(request, 503)

    return wrapped


def _to_reauthenticate(request: HttpRequest) -> HttpResponse:
    """To the page that asks who is there, and from it back to where he was: after a form, to the page with the form."""
    origin = request.headers.get("HX-Current-URL") or request.headers.get("Referer", "")
    back = request.get_full_path()
    if request.method != "GET" or request.headers.get("HX-Request"):
        is_ours = url_has_allowed_host_and_scheme(origin, {request.get_host()}, require_https=request.is_secure())
        back = urlsplit(origin)._replace(scheme="", netloc="", fragment="").geturl() if is_ours else reverse("account")
    address = f"{reverse('account_reauthenticate')}?{urlencode({'next': back})}"
    if request.headers.get("HX-Request"):
        return HttpResponse(status=403, headers={"HX-Redirect": address})
    return redirect(address)


def name_route(record: logging.LogRecord) -> bool:
    """A filter for what Django logs of refusals: the route, not the address, which may hold the secret of a mail."""
    match = getattr(getattr(record, "request", None), "resolver_match", None)
    if isinstance(record.args, tuple) and record.args:
        # Django names the address last.
        record.args = (*record.args[:-1], match.route if match else "no page")
    return True


def error_page(request: HttpRequest, status: int, message: str, *, refusal: Refusal | None = None) -> HttpResponse:
    """One error page; its template is the status's own where there is one."""
    template = {404: "404.html", 403: "403.html"}.get(status, "400.html")
    response = render(request, template, {"message": message, "status": status}, status=status)
    if isinstance(refusal, RateLimited):
        response["Retry-After"] = str(refusal.retry_after)
    return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001  Django's signature
    """A form that did not come from our own page, or is older than the sign-in."""
    return error_page(
        request, 403, _("This form was not sent from this page, or is out of date. Nothing was changed. Load it again.")
    )


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  # Django names it
    """A request that makes no sense, or came by a name that is not ours."""
    return error_page(request, 400, _("That request makes no sense here. Nothing was changed."))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  # Django names it
    """Nothing here, or nothing one may see: the same page, byte for byte."""
    return error_page(request, 404, _("There is nothing here, or nothing that you may see."))


def too_many(request: HttpRequest) -> HttpResponse:
    """Too many tries from one place; what they were does not matter."""
    refusal = RateLimited(retry_after=60)
    return error_page(request, 429, refusal.message, refusal=refusal)


def server_error(request: HttpRequest) -> HttpResponse:
    """Our own fault."""
    return _bare_page(request, 500)


def _bare_page(request: HttpRequest, status: int) -> HttpResponse:
    """The page that asks nothing of a database: without the frame's context, which would fail again."""
    context = {"status": status, "csp_nonce": getattr(request, "csp_nonce", "")}
    response = HttpResponse(render_to_string("500.html", context), status=status)
    if status == 503:
        response["Retry-After"] = "5"
    return response
