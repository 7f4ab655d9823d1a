"""How one is told what happens; what one was told; and who is told about what."""

from datetime import timedelta
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from belvedere.contracts.camera_events import EventKind
from belvedere.contracts.hours import DAYS
from belvedere.contracts.permissions import Permission
from belvedere.control.core import clock
from belvedere.control.core.errors import Invalid, NotFound
from belvedere.control.core.matters import Matter
from belvedere.control.core.principal import Principal, nobody
from belvedere.control.core.requests import client_address, principal_of
from belvedere.control.devices.panels import list_panels
from belvedere.control.devices.selectors import list_cameras
from belvedere.control.events.services import open_picture
from belvedere.control.events.words import KINDS, counted
from belvedere.control.notifications import services
from belvedere.control.notifications.channels import OF_PANELS, Channel, choose_for_matter
from belvedere.control.notifications.mails import read_unsubscribe_token
from belvedere.control.notifications.selectors import (
    Choice,
    Line,
    PreferencesView,
    get_line,
    get_notification_matrix,
    get_preferences,
    list_brokers,
    list_browsers,
    list_lines,
    list_webhooks,
)
from belvedere.control.notifications.web_push import public_key
from belvedere.control.sharing.terms import hours_wire
from belvedere.control.web.context import here, person
from belvedere.control.web.errors import answers_refusals
from belvedere.control.web.matters import ICONS, MATTERS
from belvedere.control.web.organizations import ZONES

CHANNELS: Final = {
    Channel.INBOX: ("inbox", gettext_lazy("In the inbox")),
    Channel.PUSH: ("phone", gettext_lazy("On your devices")),
    Channel.MAIL: ("mail", gettext_lazy("By e-mail")),
    Channel.WEBHOOK: ("link", gettext_lazy("To your webhooks")),
    Channel.MQTT: ("home", gettext_lazy("To your home automation")),
}
#: programs are not told of one's account
_WAYS_OF_MATTERS: Final = {Channel.INBOX.value, Channel.PUSH.value, Channel.MAIL.value}
_SNOOZES: Final = {
    "1": gettext_lazy("An hour"),
    "8": gettext_lazy("Eight hours"),
    "24": gettext_lazy("A day"),
    "168": gettext_lazy("A week"),
}


def line_card(line: Line, *, has_picture: bool) -> dict[str, Any]:
    """A line as the inbox shows it, with the addresses of its page and its picture."""
    words = str(KINDS[line.kind])
    return {
        "icon": "arm" if line.kind in OF_PANELS else "notify",
        "title": line.name,
        "text": counted(words, line.kind, line.count),
        "at": line.last_at,
        "url": f"/notifications/{line.id}",
        "picture": f"/notifications/{line.id}/picture.jpg" if has_picture else "",
    }


def inbox_lines(actor: Principal, *, limit: int = 30) -> list[dict[str, Any]]:
    """The latest of them."""
    lines = list_lines(actor, limit=limit).items
    # A picture is a look into the past: who may not look back is not led to ask for it.
    past = {view.id for view in list_cameras(actor) if view.may(Permission.PLAYBACK)} if lines else set()
    return [line_card(line, has_picture=line.resource in past) for line in lines]


@require_GET
@answers_refusals
def notification(request: HttpRequest, notification_id: str) -> HttpResponse:
    """Where a push or mail leads: to the panel, or the camera at that instant, if one is still to be told of it."""
    line = get_line(principal_of(request), notification_id)
    # The page it leads to says by `told` that it was seen: what follows links in mails, sees nothing (N10).
    if line.kind in OF_PANELS:
        return redirect(f"{reverse('panel', args=[line.resource])}#told={line.id}")
    return redirect(f"{reverse('camera', args=[line.resource])}#at={line.began_at.timestamp():.3f}&told={line.id}")


@require_POST
@answers_refusals
def notification_seen(request: HttpRequest, notification_id: str) -> HttpResponse:
    """Opened here, it need not stand on another screen of his."""
    services.see_line(principal_of(request), notification=notification_id)
    return HttpResponse(status=204)


@require_GET
@answers_refusals
def notification_picture(request: HttpRequest, notification_id: str) -> HttpResponse:
    """To the picture of when it began: for who is to be told of it now, and may look back to then (N33)."""
    actor = principal_of(request)
    line = get_line(actor, notification_id)
    if line.kind in OF_PANELS:
        raise NotFound
    ticket = open_picture(actor, event=line.event, origin=f"{request.scheme}://{request.get_host()}")
    return HttpResponseRedirect(ticket.url, preserve_request=True)


@require_GET
@answers_refusals
def account_notifications(request: HttpRequest) -> HttpResponse:
    """How one is told: ways, exceptions, peace, devices."""
    return _page(request)


@require_POST
@answers_refusals
def account_notifications_channels(request: HttpRequest) -> HttpResponse:
    """By which ways, of everything or of one kind or camera; or no exception any more."""
    resource, kind = request.POST.get("resource", ""), request.POST.get("kind", "")
    if kind not in {"", *EventKind, *Matter}:
        raise NotFound
    ways = frozenset(Channel(name) for name in request.POST.getlist("channel") if name in set(Channel))
    actor = principal_of(request)
    if "drop" in request.POST:
        services.change_preferences(actor, dropped=[(resource, kind)])
    else:
        services.change_preferences(actor, choices=[Choice(resource, kind, ways)])
    messages.success(request, _("Saved."))
    return redirect("account-notifications")


@require_POST
@answers_refusals
def account_notifications_quiet(request: HttpRequest) -> HttpResponse:
    """Quiet hours: the same each day, or none; a night goes over midnight."""
    first, last, zone = (request.POST.get(name, "") for name in ("from", "to", "zone"))
    try:
        services.change_preferences(principal_of(request), quiet=_read_quiet(first, last, zone))
    except Invalid as invalid:
        return _page(request, error=invalid.message)
    messages.success(request, _("Saved."))
    return redirect("account-notifications")


@require_POST
@answers_refusals
def account_notifications_snooze(request: HttpRequest) -> HttpResponse:
    """Nothing for a while; or go on."""
    hours = request.POST.get("hours", "")
    until = clock.now() + timedelta(hours=int(hours)) if hours in _SNOOZES else None
    services.change_preferences(principal_of(request), snooze_until=until)
    messages.success(request, _("Quiet for now. The inbox goes on.") if until else _("You are told again."))
    return redirect("account-notifications")


@require_POST
@answers_refusals
def account_notifications_test(request: HttpRequest) -> HttpResponse:
    """Something by each way outside."""
    count = services.send_test(principal_of(request))
    if count:
        messages.success(request, _("A test is on its way."))
    else:
        messages.info(request, _("There is no device, mail or webhook to send a test to yet."))
    return redirect("account-notifications")


@require_POST
@answers_refusals
def push_forget(request: HttpRequest, subscription_id: str) -> HttpResponse:
    """Push to a device no more."""
    services.unsubscribe_browser(principal_of(request), subscription=subscription_id)
    messages.success(request, _("Nothing is pushed to it any more."))
    return redirect("account-notifications")


@csrf_exempt  # a mail program presses this button (RFC 8058); the proof is in the address, and it only stops mails
@require_http_methods(["GET", "POST"])
@answers_refusals
def notifications_stop(request: HttpRequest, secret: str) -> HttpResponse:
    """Where “no more mails” leads. GET shows the button, POST stops them."""
    if request.method == "POST":
        services.stop_mails(nobody(client_address(request)), token=secret)
    elif read_unsubscribe_token(secret) is None:
        raise NotFound
    return render(request, "web/notifications_stop.html", {"is_done": request.method == "POST", "secret": secret})


@require_GET
@answers_refusals
def notification_matrix(request: HttpRequest) -> HttpResponse:
    """Who is told about what, in the chosen organization. Raises NotFound for who has nothing to share (VA 4)."""
    chosen = here(request)
    found = get_notification_matrix(principal_of(request), organization=chosen.id if chosen else "")
    if not found.things:
        raise NotFound
    asked = {name: request.GET.get(name, "").strip() for name in ("person", "thing")}
    things = [thing for thing in found.things if asked["thing"].casefold() in thing.name.casefold()]
    rows = [
        row for row in found.rows if asked["person"].casefold() in f"{row.person.name} {row.person.email}".casefold()
    ]
    context = {
        "nav": "sharing",
        "asked": asked,
        "things": things if rows else [],
        "rows": [
            {
                "person": person(row.person),
                "is_told": row.is_told,
                "cells": [
                    {"name": thing.name, "words": _kinds_words(row.kinds[thing.id], is_panel=thing.is_panel)}
                    for thing in things
                ],
            }
            for row in rows
        ],
    }
    return render(request, "web/notification_matrix.html", context)


def _kinds_words(kinds: tuple[EventKind, ...], *, is_panel: bool) -> str:
    if not kinds:
        return ""
    if is_panel:
        return str(KINDS[EventKind.ALARM])
    return _("Everything") if EventKind.STORAGE in kinds else _("What happens there")


def _page(request: HttpRequest, *, error: str = "") -> HttpResponse:
    actor = principal_of(request)
    view = get_preferences(actor)
    names = _list_names(actor)
    first, last, zone = _show_quiet(view)
    home = here(request)
    context = {
        "nav": "account",
        "error": error,
        "usual": _ways(view.usual),
        "exceptions": [
            {
                "resource": row.resource,
                "kind": row.kind,
                "thing": names.get(row.resource, ""),
                "kind_words": KINDS[EventKind(row.kind)] if row.kind else "",
                "ways": [words for key, (_icon, words) in CHANNELS.items() if key in row.channels],
            }
            for row in view.choices
            if row.kind not in set(Matter)
        ],
        "matters": _matters(view),
        "things": sorted(names.items(), key=lambda pair: pair[1].casefold()),
        "kinds": [(kind.value, words) for kind, words in KINDS.items()],
        # Until one chose: where one lives, as the organization says; the browser knows better where that is nowhere.
        "quiet": {"from": first, "to": last, "zone": zone or (home.time_zone if home else "UTC"), "is_set": bool(zone)},
        "zones": ZONES if not zone or zone in dict(ZONES) else [(zone, zone), *ZONES],
        "snooze_until": view.snooze_until,
        "snoozes": _SNOOZES.items(),
        "browsers": list_browsers(actor),
        "webhooks": list_webhooks(actor),
        "brokers": list_brokers(actor),
        "push_key": public_key(),
    }
    return render(request, "web/account_notifications.html", context, status=422 if error else 200)


def _matters(view: PreferencesView) -> list[dict[str, Any]]:
    """What concerns one's account and rights, and by which ways one is told of each."""
    chosen = {(row.resource, row.kind): row.channels for row in view.choices}
    found = []
    for matter, words in MATTERS.items():
        ways = [way for way in _ways(choose_for_matter(chosen, matter)) if way["value"] in _WAYS_OF_MATTERS]
        told = ", ".join(str(way["label"]) for way in ways if way["chosen"])
        found.append(
            {"kind": matter.value, "icon": ICONS[matter], "words": words, "ways": ways, "told": told or _("Not told")}
        )
    return found


def _list_names(actor: Principal) -> dict[str, str]:
    """What one can be told of: id → one's own name for it."""
    cameras = {view.id: view.label for view in list_cameras(actor) if view.may(Permission.NOTIFY)}
    return cameras | {view.id: view.name for view in list_panels(actor) if view.may(Permission.NOTIFY)}


def _ways(chosen: frozenset[Channel]) -> list[dict[str, Any]]:
    return [
        {"value": key.value, "icon": icon, "label": words, "chosen": key in chosen}
        for key, (icon, words) in CHANNELS.items()
    ]


def _read_quiet(first: str, last: str, zone: str) -> dict[str, Any] | None:
    """The same each day. Both empty: none."""
    if not first and not last:
        return None
    windows = [[first, last]] if first < last else [["00:00", last], [first, "24:00"]]
    return {"zone": zone, "weekly": {day: [pair for pair in windows if pair[0] != pair[1]] for day in DAYS}}


def _show_quiet(view: PreferencesView) -> tuple[str, str, str]:
    hours = hours_wire(view.hours)
    if not hours:
        return "", "", ""
    windows = next(iter(hours["weekly"].values()))
    first, last = (windows[0][0], windows[0][1]) if len(windows) == 1 else (windows[1][0], windows[0][1])
    return first, last, hours["zone"]
