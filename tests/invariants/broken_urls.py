"""Addresses whose handlers break, with something in hand that must not get out."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from belvedere.control import urls


def broken(_request: HttpRequest) -> HttpResponse:
    """Fail with a secret in the message."""
    message = "canary-in-an-exception"
    raise RuntimeError(message)


urlpatterns = [
    path("healthz", broken, name="healthz"),
    path("api/v1/broken", broken, name="readyz"),
    *urls.urlpatterns,
]
handler400 = urls.handler400
handler404 = urls.handler404
handler500 = urls.handler500
