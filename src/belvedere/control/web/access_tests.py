"""The second-user test: asked for on one page, followed on another, and tried by the person himself on a third.

The secret of a link stands behind the `#` of its address: the entrance reads it, and brings it along once its reader
has signed in. It is the same page for every link there is or is not.
"""

from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import segno
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from belvedere.contracts.permissions import Permission, parse_names
from belvedere.control.core import clock
from belvedere.control.core.errors import Invalid, NotFound, Refusal
from belvedere.control.core.principal import Principal
from belvedere.control.core.requests import principal_of
from belvedere.control.devices.selectors import CameraView, list_cameras
from belvedere.control.handover.selectors.access_tests import (
    AccessResult,
    AccessTestView,
    LatestTest,
    find_testable,
    get_access_test,
    get_own_test,
    latest_tests,
    mail_address_of,
)
from belvedere.control.handover.services.access_tests import (
    MAX_CAMERAS,
    SEEN,
    answer_test,
    make_test_link,
    open_test,
    start_access_test,
)
from belvedere.control.recordings.selectors import list_coverage
from belvedere.control.sharing.selectors import get_matrix
from belvedere.control.web.cameras import SLOTS
from belvedere.control.web.context import follow, here, is_in, person
from belvedere.control.web.errors import answers_refusals

#: why it could not be tried, or did not work though it is given
WHY: Final = {
    "offline": gettext_lazy("The camera is offline just now."),
    "switched_off": gettext_lazy("The camera is switched off."),
    "no_footage": gettext_lazy("There is no recording that they may see."),
    "no_sound": gettext_lazy("The camera sends no sound."),
    "no_motor": gettext_lazy("The camera cannot be moved."),
    "no_talk": gettext_lazy("The camera has no loudspeaker."),
    "busy": gettext_lazy("Somebody was talking through the camera."),
    "muted": gettext_lazy("They may be told, and do not want to be."),
    "no_sign_in": gettext_lazy("Their account is closed: they cannot sign in."),
    "no_answer": gettext_lazy("There was no answer in time."),
    "not_answered": gettext_lazy("They did not say."),
    "not_seen": gettext_lazy("They say that they do not see it."),
    "refused": gettext_lazy("It was refused."),
}
_LABELS: Final = {bit: (key, label) for bit, key, label in SLOTS} | {Permission.ARM: ("arm", gettext_lazy("Arm"))}
_NETWORKS: Final = {
    "local": gettext_lazy("from the local network"),
    "remote": gettext_lazy("from outside the local network"),
}
#: playback by hand begins so long before the end of what is there
_BACK: Final = timedelta(seconds=10)
_LOOKED_BACK: Final = timedelta(days=7)


# ── For who manages the cameras ──────────────────────────────────────────────────────────────────────────────────────


@require_GET
@answers_refusals
def access_tests(request: HttpRequest) -> HttpResponse:
    """Everybody who has anything of the chosen organization's cameras, and how their last test came out."""
    actor, chosen = principal_of(request), here(request)
    matrix = get_matrix(actor, chosen.id if chosen else "")
    cameras = {thing.id for thing in matrix.things if thing.kind == "camera"}
    if not cameras:
        raise NotFound
    latest: dict[str, list[LatestTest]] = {}
    for row in latest_tests(actor, cameras):
        latest.setdefault(row.account.id, []).append(row)
    context = {
        "nav": "sharing",
        "people": [
            {
                "person": person(row.account),
                "asked": _asked(row.account.id, sorted(row.things & cameras)),
                **_last(latest.get(row.account.id, [])),
            }
            for row in matrix.people
            if row.account and row.things & cameras
        ],
    }
    return render(request, "web/access_tests.html", context)


def _asked(account: str, cameras: list[str]) -> str:
    """The question of a form in which these are chosen."""
    return urlencode([("account", account), *(("camera", pk) for pk in cameras[:MAX_CAMERAS])])


def _last(rows: list[LatestTest]) -> dict[str, Any]:
    last = max(rows, key=lambda row: row.result.at or clock.now(), default=None)
    return {
        "last": last and {"id": last.test, "at": last.result.at},
        "otherwise": sum(row.result.outcome == "otherwise" for row in rows),
    }


@require_http_methods(["GET", "POST"])
@answers_refusals
def access_test_new(request: HttpRequest) -> HttpResponse:
    """Whom, on which cameras, and what; then either tried at once, or by a link."""
    actor, data = principal_of(request), request.POST if request.method == "POST" else request.GET
    cameras = _manageable(request, data.getlist("camera"))
    account = data.get("account", "")[:254]
    if not account:
        raise NotFound
    chosen = [view.id for view in cameras if view.id in data.getlist("camera")]
    if request.method == "GET":
        chosen = chosen[:MAX_CAMERAS]
    # Whoever the actor does not know is not there, before anything is asked.
    tested, _organization = find_testable(actor, account=account, cameras=chosen or [cameras[0].id])
    if request.method == "GET":
        return _form(request, person(tested), cameras, chosen)
    try:
        asked = parse_names(data.getlist("permission"))
        if data.get("how") == "link":
            test, secret = make_test_link(actor, account=tested.id, cameras=chosen, permissions=asked & SEEN)
            return _show_link(request, get_access_test(actor, test), secret)
        test = start_access_test(actor, account=tested.id, cameras=chosen, permissions=asked)
    except NotFound:
        raise
    except ValueError:
        raise Invalid(_("Choose one of what is offered."), field="permission") from None
    except Refusal as refusal:
        return _form(request, person(tested), cameras, chosen, error=refusal.message, status=refusal.status)
    return redirect("access-test", test)


def _manageable(request: HttpRequest, asked: list[str]) -> list[CameraView]:
    """The chosen organization's cameras that the actor may share, after a link to one of them. Raises NotFound."""
    everything = [view for view in list_cameras(principal_of(request)) if view.may(Permission.SHARE)]
    for view in everything:
        if view.id in asked:
            follow(request, view)
    chosen = here(request)
    found = [view for view in everything if is_in(view, chosen)]
    if not found:
        raise NotFound
    return found


def _form(
    request: HttpRequest,
    tested: dict[str, Any],
    cameras: list[CameraView],
    chosen: list[str],
    *,
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    ticked = _ticked(request.POST) if request.method == "POST" else None
    context = {
        "nav": "sharing",
        "person": tested,
        "cameras": [
            {"id": view.id, "name": view.label, "site": view.site_name, "chosen": view.id in chosen} for view in cameras
        ],
        "most": MAX_CAMERAS,
        "choices": [
            {"value": bit.wire_names[0], "icon": key, "label": label, "chosen": ticked is None or bit in ticked}
            for bit, key, label in SLOTS
        ],
        "error": error,
    }
    return render(request, "web/access_test_new.html", context, status=status)


def _ticked(data: QueryDict) -> Permission:
    names = set(data.getlist("permission"))
    return sum((bit for bit, _key, _label in SLOTS if bit.wire_names[0] in names), start=Permission(0))


def _show_link(request: HttpRequest, view: AccessTestView, secret: str) -> HttpResponse:
    address = f"{request.build_absolute_uri(reverse('access-test-entrance', args=[view.id]))}#{secret}"
    context = {"nav": "sharing", "address": address, "picture": _picture(address), **_test(view)}
    context["is_mailed"] = bool(mail_address_of(view.account.id))
    return render(request, "web/access_test_link.html", context)


def _picture(text: str) -> SafeString:
    drawn = segno.make(text, error="m").svg_inline(omitsize=True, border=2, dark="#0E1418", light="#fff")
    return mark_safe(drawn)  # noqa: S308  # paths that segno drew; no text of anybody's stands in them


@require_GET
@answers_refusals
def access_test(request: HttpRequest, test_id: str) -> HttpResponse:
    """How far it is, and what came of it; fetched again each second while it runs."""
    context = {"nav": "sharing", **_test(get_access_test(principal_of(request), test_id))}
    is_part = request.headers.get("HX-Request") == "true"
    return render(request, "web/_access_test.html" if is_part else "web/access_test.html", context)


def _test(view: AccessTestView) -> dict[str, Any]:
    cameras: dict[str, dict[str, Any]] = {}
    for result in view.results:
        row = cameras.setdefault(result.camera, {"id": result.camera, "name": result.camera_name, "results": []})
        row["results"].append(_result(result))
    return {
        "test": {
            "id": view.id,
            "is_running": view.state == "running",
            "is_by_person": view.is_by_person,
            "started_at": view.started_at,
            "ends_at": view.ends_at,
            "opened_at": view.opened_at,
            "asker": view.asker.name,
            "done": len(view.results) - view.count("pending"),
            "all": len(view.results),
            "as_granted": view.count("as_granted"),
            "otherwise": view.count("otherwise"),
            "untested": view.count("untested"),
        },
        "person": person(view.account),
        "tested": list(cameras.values()),
        "again": _asked(view.account.id, list(cameras)),
    }


def _result(row: AccessResult) -> dict[str, Any]:
    key, label = _LABELS[row.permission]
    is_told = row.outcome == "untested" or (row.outcome == "otherwise" and not row.worked)
    return {
        "key": key,
        "label": label,
        "outcome": row.outcome,
        "worked": row.worked,
        "why": WHY.get(row.why, _("Something stood in the way.")) if is_told else "",
        "seconds": row.took_ms / 1000 if row.took_ms and row.worked else None,
        "network": _NETWORKS.get(row.network, ""),
        "is_remote": row.network == "remote",
        "at": row.at,
    }


# ── For the person who tries ─────────────────────────────────────────────────────────────────────────────────────────


@require_GET
@answers_refusals
def access_test_entrance(request: HttpRequest, test_id: str) -> HttpResponse:  # noqa: ARG001  # the script reads it
    """The way in, which says nothing of the test: the same for every address."""
    context = {"is_signed_in": request.user.is_authenticated}
    return render(request, "web/access_test_entrance.html", context)


@require_POST
@answers_refusals
def access_test_open(request: HttpRequest, test_id: str) -> HttpResponse:
    """Come with the secret, once."""
    open_test(principal_of(request), test=test_id, secret=request.POST.get("secret", "")[:128])
    return redirect("access-test-own", test_id)


@require_http_methods(["GET", "POST"])
@answers_refusals
def access_test_own(request: HttpRequest, test_id: str) -> HttpResponse:
    """Each picture, and whether one sees it."""
    actor = principal_of(request)
    if request.method == "POST":
        data = request.POST
        try:
            permission = parse_names([data.get("permission", "")])
        except ValueError:
            raise NotFound from None
        took = data.get("took_ms", "")
        answer_test(
            actor,
            test=test_id,
            camera=data.get("camera", ""),
            permission=permission,
            worked=data.get("sees") == "yes",
            took_ms=int(took) if took.isascii() and took.isdecimal() and len(took) < 8 else None,
        )
        return redirect("access-test-own", test_id)
    view = get_own_test(actor, test_id)
    names = {camera.id: camera.label for camera in list_cameras(actor)}
    rows = [_own(actor, row, names) for row in view.results if row.why != "refused"]
    context = {
        "nav": "",
        "test_id": test_id,
        "asker": person(view.asker),
        "rows": rows,
        "left": sum(row["is_open"] for row in rows),
        "is_over": view.state == "done",
    }
    return render(request, "web/access_test_own.html", context)


def _own(actor: Principal, row: AccessResult, names: dict[str, str]) -> dict[str, Any]:
    is_past, is_open = row.permission is Permission.PLAYBACK, row.at is None
    return {
        "camera": row.camera,
        "name": names.get(row.camera, row.camera_name),
        "permission": row.permission.wire_names[0],
        "is_past": is_past,
        "is_open": is_open,
        "worked": row.worked,
        "plays_from": _latest(actor, row.camera) if is_past and is_open else None,
    }


def _latest(actor: Principal, camera: str) -> datetime | None:
    """A little before the end of what is recorded, as far as the actor may see; None where there is nothing."""
    at = clock.now()
    try:
        covered = list_coverage(actor, camera, at - _LOOKED_BACK, at).covered
    except Refusal:
        return None
    return max(covered[-1].start, covered[-1].end - _BACK) if covered else None
