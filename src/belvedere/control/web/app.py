"""The installed app: its manifest, its worker, and the page by which a device comes to trust the front door."""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from belvedere.control.web.middleware import SCRIPT_POLICY

_WORKER: Final = Path(__file__).parent / "static/belvedere/js/service-worker.js"
#: What the offline page is drawn with.
_DRAWN_WITH: Final = ("css/tokens.css", "css/base.css", "css/components.css", "css/pages.css", "icons.svg")


@require_GET
def manifest(_request: HttpRequest) -> HttpResponse:
    """What a phone needs to install us."""
    told = {
        "id": "/",
        "name": "Belvedere",
        "short_name": "Belvedere",
        "description": _("Your cameras, and those that others share with you."),
        "lang": get_language(),
        "start_url": reverse("wall"),
        "scope": "/",
        "display": "standalone",
        "background_color": "#F7F6F2",
        "theme_color": "#F7F6F2",
        "icons": [
            _icon("icon-192", 192),
            _icon("icon-512", 512),
            _icon("icon-maskable-512", 512) | {"purpose": "maskable"},
        ],
        "shortcuts": [{"name": _("Inbox"), "url": reverse("inbox")}],
    }
    return JsonResponse(told, content_type="application/manifest+json")


def _icon(name: str, size: int) -> dict[str, str]:
    return {"src": static(f"belvedere/img/{name}.png"), "sizes": f"{size}x{size}", "type": "image/png"}


@require_GET
def service_worker(_request: HttpRequest) -> HttpResponse:
    """The worker, at the root because it is for every page. Its own policy governs it, so it is a script's."""
    script = _WORKER.read_text(encoding="utf-8")
    given = {
        "files": [static(f"belvedere/{name}") for name in _DRAWN_WITH],
        "offline": render_to_string("web/offline.html"),
        "words": {"title": "Belvedere", "body": _("Something happened.")},
        "icon": static("belvedere/img/icon-192.png"),
        "badge": static("belvedere/img/icon-badge-96.png"),
    }
    # The storage's hash changes with every file that pages name: what was kept before goes.
    version = hashlib.sha256(f"{_hash_of_files()}{json.dumps(given)}{script}".encode()).hexdigest()[:16]
    text = f"self.BELVEDERE = {json.dumps(given | {'version': version})};\n{script}"
    # The browser loads a notification's icon and picture under the worker's policy.
    policy = f"{SCRIPT_POLICY}; img-src 'self'"
    return HttpResponse(
        text, content_type="text/javascript; charset=utf-8", headers={"Content-Security-Policy": policy}
    )


def _hash_of_files() -> str:
    return str(getattr(staticfiles_storage, "manifest_hash", ""))


@require_GET
def trust(request: HttpRequest) -> HttpResponse:
    """How a device comes to trust our own authority. Where a public one vouches for us there is nothing to trust."""
    authority = _authority()
    context: dict[str, Any] = {
        "host": settings.BELVEDERE.https,
        "fingerprint": authority.fingerprint(hashes.SHA256()).hex(":").upper().split(":"),
        "until": authority.not_valid_after_utc,
        "system": _system_of(request.headers.get("User-Agent", "")),
    }
    return render(request, "web/trust.html", context)


@require_GET
def trust_certificate(_request: HttpRequest) -> HttpResponse:
    """The authority's certificate, as every system takes it."""
    return HttpResponse(
        _authority().public_bytes(serialization.Encoding.DER),
        content_type="application/x-x509-ca-cert",
        headers={"Content-Disposition": 'attachment; filename="belvedere.crt"'},
    )


def _authority() -> x509.Certificate:
    """Of the front door. Raises Http404 where it has none of its own."""
    file = settings.BELVEDERE.door_folder / "root.crt"
    if not settings.BELVEDERE.has_own_authority or not file.is_file():
        raise Http404
    return _read_certificate(file, file.stat().st_mtime_ns)


@cache
def _read_certificate(file: Path, _changed_at: int) -> x509.Certificate:
    return x509.load_pem_x509_certificate(file.read_bytes())


def _system_of(agent: str) -> str:
    """Whose steps stand open: the rest are a tap away. The order matters, for Android says Linux, too."""
    marks = {"iPhone": "ios", "iPad": "ios", "Android": "android", "Windows": "windows", "Mac OS": "macos"}
    return next((system for mark, system in marks.items() if mark in agent), "linux")
