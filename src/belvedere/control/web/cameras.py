"""The wall, a camera's page, and its Access panel."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from belvedere.contracts.permissions import Permission
from belvedere.control.access.services import ENDED
from belvedere.control.core.errors import NotFound
from belvedere.control.core.principal import Principal
from belvedere.control.core.requests import principal_of
from belvedere.control.devices import services as devices
from belvedere.control.devices.health import get_stability
from belvedere.control.devices.selectors import CameraView, get_camera
from belvedere.control.events.selectors import glance_at_events
from belvedere.control.guests.selectors import list_marked
from belvedere.control.recordings.glance import RecordingGlance, get_earliest, glance_at_recording
from belvedere.control.recordings.selectors import list_exports
from belvedere.control.sharing.selectors import AccessRow, find_left, find_received_of_camera, list_access
from belvedere.control.sharing.selectors.reviewing import count_to_remind_of
from belvedere.control.sharing.words import footage_words, hours_words
from belvedere.control.streaming.selectors import count_watching, find_loss, list_viewers
from belvedere.control.web.blinding import blinding_marks, private_hours
from belvedere.control.web.context import follow, list_cameras_here, list_sites_to_equip, person
from belvedere.control.web.device_words import off_mark
from belvedere.control.web.errors import answers_refusals
from belvedere.control.web.event_words import activity_line
from belvedere.control.web.panel_cards import list_panels_here, panel_card
from belvedere.control.web.recording_words import export_line, recording_chip
from belvedere.control.web.reviewing import unused_words
from belvedere.control.web.share_words import item_words, terms_line

#: the seven fixed slots, always in this order
SLOTS: Final = (
    (Permission.LIVE_VIEW, "live", gettext_lazy("Live view")),
    (Permission.LISTEN, "listen", gettext_lazy("Listen")),
    (Permission.PLAYBACK, "playback", gettext_lazy("Playback")),
    (Permission.EXPORT, "export", gettext_lazy("Export")),
    (Permission.TALK, "talk", gettext_lazy("Talk")),
    (Permission.PTZ, "ptz", gettext_lazy("Move the camera")),
    (Permission.NOTIFY, "notify", gettext_lazy("Notifications")),
)

#: exports beside a camera; the others have a page of their own
EXPORTS_BESIDE: Final = 3

#: why members lose a camera; `left` here is the organization
OF_ROLES: Final = ("role_changed", "removed", "left", "site_closed", "moved", "unbound", "released", "handed_over")


def rights_slots(permissions: Permission, *, is_offered: bool = False) -> list[dict[str, Any]]:
    """A set of permissions as the row of seven slots."""
    return [
        {
            "key": key,
            "label": label,
            "given": bit in permissions and not is_offered,
            "offered": bit in permissions and is_offered,
        }
        for bit, key, label in SLOTS
    ]


def tile(view: CameraView, watching: int | None, glance: RecordingGlance | None = None) -> dict[str, Any]:
    """A camera as the wall shows it; how its recording goes, for those who may configure it."""
    return {
        "id": view.id,
        "name": view.label,
        "own_name": view.name,
        "alias": view.alias,
        "site": view.site_name,
        "state": view.state,
        "error": view.error,
        "since": view.since,
        "off": off_mark(view),
        "ends_at": view.ends_at,
        "hours": hours_words(view.hours),
        "mine": view.mine,
        "shared_by": person(view.shared_by) if view.shared_by else None,
        "shared_with_count": view.shared_with,
        "watching": watching,
        "may_share": view.may(Permission.SHARE),
        "may_watch": view.may(Permission.LIVE_VIEW),
        "may_play_back": view.may(Permission.PLAYBACK),
        "recording": recording_chip(glance),
        "has_audio": "audio" in view.has,
        "width": view.width,
        "height": view.height,
        "fps": view.fps,
        "url": reverse("camera", args=[view.id]),
    }


@require_GET
@answers_refusals
def wall(request: HttpRequest) -> HttpResponse:
    """The cameras of the chosen organization that one may see, by site, by whose they are, by name (VV 22)."""
    actor = principal_of(request)
    everything = list_cameras_here(request)
    chosen, site, text = (request.GET.get(key, "") for key in ("show", "site", "q"))
    shown = [
        view
        for view in everything
        if (chosen != "mine" or view.mine)
        and (chosen != "shared" or not view.mine)
        and (not site or view.site == site)
        and (not text or text.casefold() in f"{view.label} {view.name} {view.site_name}".casefold())
    ]
    watching, lately = count_watching(shown), glance_at_events(shown)
    glances, marked = glance_at_recording(shown), list_marked(shown)
    mine = sum(view.mine for view in everything)
    context = {
        "nav": "wall",
        "cameras": [
            tile(view, watching.get(view.id), glances.get(view.id))
            | {"has_guest": view.id in marked, "activity": activity_line(lately.get(view.id))}
            for view in shown
        ],
        "filter": chosen or "all",
        "counts": {"all": len(everything), "mine": mine, "shared": len(everything) - mine},
        "sites": sorted({(view.site, view.site_name) for view in everything if view.site}, key=lambda row: row[1]),
        "site": site,
        "q": text,
        "may_add": not everything and bool(list_sites_to_equip(request)),
        "watching_total": sum(watching.values()),
        "panels": [panel_card(view) for view in list_panels_here(request)],
        "unused": unused_words(count_to_remind_of(actor)),
    }
    return render(request, "web/wall.html", context)


@require_GET
@answers_refusals
def camera(request: HttpRequest, camera_id: str) -> HttpResponse:
    """One camera, live; who can see it and who does. Where access ended, that it did and by whom."""
    actor = principal_of(request)
    try:
        view = get_camera(actor, camera_id)
        follow(request, view)
    except NotFound:
        return _ended(request, actor, camera_id)
    may_share = view.may(Permission.SHARE)
    access = _access(actor, view) if may_share else {}
    context = access | {
        "nav": "wall",
        "camera": tile(view, access.get("watching_count"), glance_at_recording([view]).get(view.id))
        | {
            "permissions": view.permissions.wire_names,
            "last_drop_at": view.last_drop_at,
            "stability": get_stability(actor, view.id) if view.mine else None,
            "has_guest": access.get("has_guest", False),
        },
        "rights": rights_slots(view.permissions),
        "may_share": may_share,
        "may_talk": view.may(Permission.TALK) and "talk" in view.has and view.disabled_at is None,
        "may_move": view.may(Permission.PTZ)
        and view.may(Permission.LIVE_VIEW)
        and "ptz" in view.has
        and view.disabled_at is None,
        "may_configure": view.may(Permission.CONFIGURE),
        "received": _received(actor, view.id) if not view.mine else None,
        "footage": _footage(actor, view) if view.may(Permission.PLAYBACK) else None,
        "marks": blinding_marks(actor, view),
        "private": private_hours(actor, view),
    }
    if view.may(Permission.EXPORT):
        rows = list_exports(actor, camera=view.id, limit=EXPORTS_BESIDE)
        context["exports"] = [export_line(row) for row in rows]
        context["is_running"] = any(row.state == "running" for row in rows)
    return render(request, "web/camera.html", context)


def _received(actor: Principal, camera: str) -> dict[str, Any] | None:
    """The share by which one sees it, as the page shows it."""
    row = find_received_of_camera(actor, camera)
    if row is None:
        return None
    item = next((item for item in row.items if item.resource == camera), None)
    return {
        "id": row.id,
        "sharer": row.sharer,
        "terms": terms_line(row),
        "footage": item_words(item) if item else "",
    }


def _footage(actor: Principal, view: CameraView) -> dict[str, Any]:
    """How far back one may look, and the zone of the place, for those who may know the place."""
    return {"earliest": get_earliest(actor, view.id), "zone": view.time_zone}


def _ended(request: HttpRequest, actor: Principal, camera: str) -> HttpResponse:
    """What one could see until it ended, and why it did. Raises NotFound for what one never saw."""
    share, loss = find_received_of_camera(actor, camera), find_loss(actor, camera)
    context: dict[str, Any] = {
        "nav": "wall",
        "still_open": [tile(other, None) for other in list_cameras_here(request)[:2]],
    }
    item = next((item for item in share.items if item.resource == camera), None) if share else None
    if share and item and share.paused_at:
        context |= {"camera_name": item.name, "sharer": person(share.sharer), "reason": "paused"}
    elif share and item and not share.ended_at:
        # Accepted and not over: it holds at another hour, or from another day on.
        context |= {
            "camera_name": item.name,
            "sharer": person(share.sharer),
            "reason": "later",
            "terms": terms_line(share),
        }
    elif not item and (left := find_left(actor, camera)):
        context |= {
            "camera_name": left.camera_name,
            "sharer": person(left.sharer),
            "ended_at": left.ended_at,
            "reason": "left_group",
        }
    elif share and item:
        context |= {
            "camera_name": item.name,
            "sharer": person(share.sharer),
            "ended_at": share.ended_at,
            "reason": "gave_back" if share.state == "left" else share.ended_reason,
            # What rested on a right of the sharer's that ended, he did not end himself.
            "is_by_sharer": share.ended_reason in {"revoked", "unbound", "moved_out"},
        }
    elif loss and not share and loss.why in (*OF_ROLES, ENDED):
        # To whom nothing is said it looks as if the camera were no more.
        reason = "unbound" if loss.why == ENDED else loss.why
        context |= {"camera_name": loss.camera_name, "ended_at": loss.cut_at, "reason": reason}
    else:
        raise NotFound
    return render(request, "web/camera_ended.html", context, status=404)


@require_GET
@answers_refusals
def camera_access(request: HttpRequest, camera_id: str) -> HttpResponse:
    """The Access panel alone, for refreshing in place."""
    actor = principal_of(request)
    return render(request, "web/_access_panel.html", _access(actor, get_camera(actor, camera_id)) | {"may_share": True})


def _access(actor: Principal, view: CameraView) -> dict[str, Any]:
    viewers, people = list_viewers(actor, view.id), list_access(actor, view.id)
    return {
        "camera": tile(view, None),
        "watching": [
            {
                "session": row.session,
                "account": person(row.account),
                "since": row.since,
                "kind": row.kind,
                "probed_by": row.probed_by.name if row.probed_by else "",
            }
            for row in viewers
        ],
        "watching_count": sum(row.kind != "talk" and row.probed_by is None for row in viewers),
        "people": [_access_row(row, actor.id) for row in people],
        "has_guest": any(row.origin == "guest_link" for row in people),
    }


def _access_row(row: AccessRow, me: str) -> dict[str, Any]:
    is_pending = row.state != "accepted"  # nothing of it is in force: it waits, or rests
    return {
        "account": person(row.account) if row.account else None,
        "email": row.address,
        "is_me": bool(row.account and row.account.id == me),
        "state": row.state,
        "rights": rights_slots(row.permissions, is_offered=is_pending),
        "because": [
            {
                "kind": ground.origin,
                "origin": _("Owner") if ground.origin == "owner" else ground.origin,
                "given_by": ground.given_by,
                "by_me": bool(ground.given_by and ground.given_by.id == me),
                "remark": ground.remark,
                "since": ground.since,
                "terms": {
                    "hours": hours_words(ground.hours),
                    "starts_at": None if ground.holds_now else ground.starts_at,
                    "ends_at": ground.ends_at,
                },
                "footage": footage_words(ground.footage) if Permission.PLAYBACK in ground.permissions else "",
                "holds_now": ground.holds_now,
                "rights": rights_slots(ground.permissions, is_offered=is_pending),
                "share_id": ground.share,
            }
            for ground in row.because
        ],
    }


@require_POST
@answers_refusals
def camera_alias(request: HttpRequest, camera_id: str) -> HttpResponse:
    """Give a camera a name of one's own."""
    devices.set_alias(principal_of(request), camera=camera_id, name=request.POST.get("name", ""))
    return redirect("camera", camera_id)
