"""Probes: alive, ready, figures. No names, no ids, no versions (N38)."""

import hmac

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from belvedere.control.core import media
from belvedere.control.core.requests import client_address


@require_GET
def healthz(_request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse("ok", content_type="text/plain")


@require_GET
def readyz(_request: HttpRequest) -> HttpResponse:
    """The database answers and the bus stands: 200, else 503. No body."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        is_ready = media.is_up()
    except Exception:
        is_ready = False
    return HttpResponse(status=200 if is_ready else 503, content_type="text/plain")


@require_GET
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus figures, for who has the token, or from this machine where none is set."""
    token = settings.BELVEDERE.metrics_token
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    is_allowed = (
        hmac.compare_digest(given.encode(), token.encode())
        if token
        else client_address(request) in {"127.0.0.1", "::1"}
        and settings.BELVEDERE.host in {"127.0.0.1", "::1"}
        and not settings.BELVEDERE.trusted_proxies
    )
    if not is_allowed:
        return HttpResponse(status=401, content_type="text/plain")
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)
