"""Errors as problem documents (RFC 9457)."""

from typing import Any

from django.http import HttpResponse, JsonResponse


def problem(status: int, code: str, detail: str, **extra: Any) -> HttpResponse:
    """One problem document. `code` is stable and for programs, `detail` is for people."""
    body = {"type": "about:blank", "title": code.replace("_", " ").capitalize(), "status": status, "code": code}
    return JsonResponse(body | {"detail": detail} | extra, status=status, content_type="application/problem+json")
