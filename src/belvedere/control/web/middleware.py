"""Plain functions round every page: the headers of every answer, our names, and the gate that knows every address.

The gate refuses what `rules.py` does not name: a new page opens for nobody until somebody has decided for whom.
"""

import secrets
from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import DisallowedHost
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse

from belvedere.control.core.answers import Answers
from belvedere.control.core.requests import believe_proxy
from belvedere.control.web.rules import RULES, Rule

type Answer = Callable[[HttpRequest], HttpResponse]

_ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: Chromium then sends "Origin: null" on our own forms, which CSRF refuses.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=(), payment=(), usb=(), display-capture=()",
    "X-Robots-Tag": "noindex",
}
_NOT_A_PAGE: Final = "default-src 'none'; frame-ancestors 'none'; sandbox"
#: a script's own policy governs the workers that are made of it
SCRIPT_POLICY: Final = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'"


def _media_pictures() -> str:
    """Where pictures of the past come from: the media plane, by the scheme of its sockets."""
    return f"http{settings.BELVEDERE.media_url.removeprefix('ws')}"


def _page_policy(nonce: str) -> str:
    return (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self'; "
        f"img-src 'self' blob: data: {_media_pictures()}; "
        f"media-src 'self' blob:; connect-src 'self' {settings.BELVEDERE.media_url}; font-src 'self'; "
        "worker-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
        "object-src 'none'"
    )


def set_headers(headers: Any, *, nonce: str, is_page: bool) -> None:
    """Put the header set on one answer (N38). What is set already stays."""
    for name, value in _ALWAYS.items():
        headers.setdefault(name, value)
    headers.setdefault("Content-Security-Policy", _page_policy(nonce) if is_page else _NOT_A_PAGE)
    headers.setdefault("Cache-Control", "no-store")
    # A promise for a year is for a name that can keep it: not for an address, or a name of one network.
    if settings.IS_HTTPS and settings.BELVEDERE.has_public_name:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")


def security_headers(get_response: Answer) -> Answer:
    """Every answer carries the header set, errors and redirects too."""

    def middleware(request: HttpRequest) -> HttpResponse:
        believe_proxy(request)
        nonce = secrets.token_urlsafe(16)
        request.csp_nonce = nonce  # type: ignore[attr-defined]  # read by the frame's context
        response = get_response(request)
        is_page = response.get("Content-Type", "").startswith("text/html")
        set_headers(response.headers, nonce=nonce, is_page=is_page)
        return response

    return middleware


#: asked by probes that know an address and no name; they say nothing
_NAMELESS: Final = {"/healthz", "/readyz"}


def known_hosts(get_response: Answer) -> Answer:
    """Answer to our own names alone: a page of another name that resolves to us is no page of ours (N39)."""

    def middleware(request: HttpRequest) -> HttpResponse:
        try:
            request.get_host()
        except DisallowedHost:
            if request.path_info not in _NAMELESS:
                return HttpResponse("This server does not go by that name.", status=421, content_type="text/plain")
        return get_response(request)

    return middleware


def renew_sessions(get_response: Answer) -> Answer:
    """Who comes back is seen, and stays signed in: every hour once, so that reading a page writes nothing."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated and request.session.is_stale:  # type: ignore[attr-defined]  # our own store's
            request.session.modified = True
        return get_response(request)

    return middleware


def ask_once(get_response: Answer) -> Answer:
    """What only reads asks the same question once: a page and its frame want to know much the same."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.method not in {"GET", "HEAD"}:
            return get_response(request)
        answers = request.answers = Answers()  # type: ignore[attr-defined]  # `principal_of` hands it to the actor
        try:
            with connection.execute_wrapper(answers.watch):
                return get_response(request)
        finally:
            answers.end()

    return middleware


def guard_pages(get_response: Answer) -> Answer:
    """Ask `rules.py` about every page before its view runs. The API has a gate of its own."""

    def middleware(request: HttpRequest) -> HttpResponse:
        return get_response(request)

    def process_view(request: HttpRequest, *_view: object) -> HttpResponse | None:
        match = request.resolver_match
        name = match.view_name if match else ""
        if name.startswith("api:"):
            return None
        rule = RULES.get(name)
        if rule is None:
            raise Http404
        if rule is Rule.ACCOUNT and not request.user.is_authenticated:
            if request.headers.get("HX-Request"):
                return HttpResponse(status=401, headers={"HX-Redirect": "/"})
            return redirect_to_login(request.get_full_path())
        return None

    middleware.process_view = process_view  # type: ignore[attr-defined]  # Django's hook on function middleware
    return middleware
