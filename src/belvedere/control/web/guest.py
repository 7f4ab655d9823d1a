"""A guest's side of a guest link: no account, a cookie of the link's own, and its cameras until it ends.

The secret stands behind the `#` of the address, which browsers send nobody: the page reads it and posts it. Fetching
the page therefore counts no use, whoever fetches it, and says the same of every link there is or is not (N40).
"""

import json
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from belvedere.contracts.permissions import Permission
from belvedere.contracts.sessions import Quality, SessionKind
from belvedere.control.core import clock
from belvedere.control.core.errors import Invalid, NotFound, RateLimited, Refusal
from belvedere.control.core.principal import nobody
from belvedere.control.core.requests import client_address
from belvedere.control.devices.selectors import CameraView, list_cameras
from belvedere.control.events.selectors import list_marks
from belvedere.control.guests.selectors import Guest, find_guest
from belvedere.control.guests.services import open_link
from belvedere.control.recordings.glance import get_earliest
from belvedere.control.recordings.selectors import Period, list_coverage
from belvedere.control.recordings.services import open_ticket
from belvedere.control.web.device_words import off_mark
from belvedere.control.web.errors import answers_refusals

#: no `__Host-`: that one needs the path to be `/`
COOKIE: Final = "__Secure-bv-guest" if settings.IS_HTTPS else "bv-guest"
#: what a guest may ask a ticket for: nothing that leaves a file, or works in another player
KINDS: Final = frozenset({SessionKind.LIVE, SessionKind.PLAYBACK})
MAX_BODY: Final = 2048


@require_GET
@answers_refusals
def guest(request: HttpRequest, link_id: str) -> HttpResponse:
    """The cameras, for who has come in; for everybody else the way in, which says nothing of the link."""
    found = _find(request, link_id)
    if found is None:
        return render(request, "web/guest_entrance.html")
    views = list_cameras(found.actor)
    asked = request.GET.get("camera", "")
    chosen = next((view for view in views if view.id == asked), views[0] if len(views) == 1 else None)
    context = {
        "cameras": [_card(link_id, view) for view in views],
        "camera": _card(link_id, chosen) | {"footage": _footage(found, chosen)} if chosen else None,
        "ends_at": found.ends_at,
        "url": reverse("guest", args=[link_id]),
    }
    return render(request, "web/guest.html", context)


def _card(link: str, view: CameraView) -> dict[str, Any]:
    """A camera as a guest knows it: its name, and the way to its picture."""
    return {
        "id": view.id,
        "name": view.name,
        "off": off_mark(view),
        "may_watch": view.may(Permission.LIVE_VIEW),
        "ticket_url": reverse("guest-ticket", args=[link, view.id]),
        "coverage_url": reverse("guest-recordings", args=[link, view.id]),
    }


def _footage(found: Guest, view: CameraView) -> dict[str, float] | None:
    return {"earliest": get_earliest(found.actor, view.id)} if view.may(Permission.PLAYBACK) else None


def _find(request: HttpRequest, link: str) -> Guest | None:
    return find_guest(link, request.COOKIES.get(COOKIE, ""), address=client_address(request))


# ── What the page asks for: JSON in, JSON out ──


def _answers_json(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A Refusal as the player reads it: the same fields as the API's."""

    @wraps(view)
    def wrapped(request: HttpRequest, **ids: str) -> HttpResponse:
        try:
            return view(request, **ids)
        except Refusal as refusal:
            body = {"status": refusal.status, "code": refusal.code, "detail": refusal.message}
            response = JsonResponse(body, status=refusal.status, content_type="application/problem+json")
            if isinstance(refusal, RateLimited):
                response["Retry-After"] = str(refusal.retry_after)
            return response

    return wrapped


def _body(request: HttpRequest) -> dict[str, str]:
    """The body, an object of strings. Raises Invalid."""
    is_json = request.content_type == "application/json"
    try:
        body = json.loads(request.body) if is_json and len(request.body) <= MAX_BODY else None
    except ValueError:
        body = None
    if not isinstance(body, dict) or not all(isinstance(value, str) for value in body.values()):
        raise Invalid(_("That request makes no sense here. Nothing was changed."))
    return body


@require_POST
@_answers_json
def guest_open(request: HttpRequest, link_id: str) -> HttpResponse:
    """`{"secret", "passcode"}` → a cookie for this link alone, until it ends."""
    body = _body(request)
    visit = open_link(
        nobody(client_address(request)),
        link=link_id,
        secret=body.get("secret", ""),
        passcode=body.get("passcode", ""),
    )
    response = HttpResponse(status=204)
    response.set_cookie(
        COOKIE,
        visit.cookie,
        max_age=max(0, int((visit.ends_at - clock.now()).total_seconds())),
        path=reverse("guest", args=[link_id]),
        secure=settings.IS_HTTPS,
        httponly=True,
        samesite="Lax",
    )
    return response


@require_POST
@_answers_json
def guest_ticket(request: HttpRequest, link_id: str, camera_id: str) -> HttpResponse:
    """`{"kind", "quality", "from"}` → what opens the picture, on this page alone."""
    found = _find(request, link_id)
    if found is None:
        raise NotFound
    body = _body(request)
    try:
        kind, quality = SessionKind(body.get("kind", "live")), Quality(body.get("quality", "main"))
    except ValueError:
        raise Invalid(_("That request makes no sense here. Nothing was changed."), field="kind") from None
    if kind not in KINDS:
        raise NotFound
    ticket = open_ticket(
        found.actor,
        camera=camera_id,
        kind=kind,
        quality=quality,
        start=_instant(body["from"]) if "from" in body else None,
        origin=f"{request.scheme}://{request.get_host()}",
    )
    return JsonResponse({"url": ticket.url, "expires_at": ticket.expires_at}, status=201)


@require_GET
@_answers_json
def guest_recordings(request: HttpRequest, link_id: str, camera_id: str) -> HttpResponse:
    """When there is footage, as far back as the guest may look."""
    found = _find(request, link_id)
    if found is None:
        raise NotFound
    start, end = _instant(request.GET.get("from", "")), _instant(request.GET.get("to", ""))
    coverage = list_coverage(found.actor, camera_id, start, end)
    marks = [
        {
            "id": mark.id,
            "kind": mark.kind,
            "label": mark.label,
            "from": mark.start,
            "to": mark.end,
            "count": mark.count,
        }
        for mark in list_marks(found.actor, camera_id, start, end)
    ]
    return JsonResponse({"coverage": _spans(coverage.covered), "unknown": _spans(coverage.unknown), "events": marks})


def _instant(text: str) -> datetime:
    """ISO 8601 with its zone. Raises Invalid."""
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Invalid(_("An instant is written as in 2026-01-31T18:00:00Z."), field="from")
    return found


def _spans(periods: list[Period]) -> list[dict[str, datetime]]:
    return [{"from": period.start, "to": period.end} for period in periods]
