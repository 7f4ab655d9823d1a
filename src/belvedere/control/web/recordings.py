"""How a camera is recorded, taking a piece of footage along, and the list of what one took."""

import base64
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from belvedere.contracts.hours import DAYS
from belvedere.contracts.permissions import Permission
from belvedere.contracts.recordings import RecordMode
from belvedere.contracts.sessions import Quality
from belvedere.control.core.errors import Forbidden, Invalid, NotFound, ReauthenticationRequired, Refusal
from belvedere.control.core.requests import principal_of
from belvedere.control.core.signing import key_id, public_key
from belvedere.control.devices.selectors import CameraView, get_camera
from belvedere.control.organizations.selectors import get_site
from belvedere.control.recordings import services
from belvedere.control.recordings.manifests import KEY
from belvedere.control.recordings.selectors import (
    RecordingSettingsView,
    get_recording_settings,
    list_exports,
)
from belvedere.control.recordings.services.settings import MAX_KEEP_DAYS
from belvedere.control.web.cameras import EXPORTS_BESIDE, tile
from belvedere.control.web.context import follow
from belvedere.control.web.errors import answers_refusals
from belvedere.control.web.recording_words import (
    DAY_NAMES,
    error_words,
    export_line,
    forecast_words,
    hours_lines,
    parse_line,
    size_words,
    volume_line,
)

_GB: Final = 1_000_000_000
#: exports on one page; the API has all of them
MAX_EXPORTS: Final = 50


class RecordingForm(forms.Form):
    """How one camera is recorded. What is right, the service says."""

    mode = forms.ChoiceField(
        choices=[
            (RecordMode.CONTINUOUS.value, gettext_lazy("All the time")),
            (RecordMode.SCHEDULED.value, gettext_lazy("At certain hours")),
            (RecordMode.OFF.value, gettext_lazy("Not at all")),
        ]
    )
    quality = forms.ChoiceField(
        choices=[
            (Quality.MAIN.value, gettext_lazy("The full picture")),
            (Quality.SUB.value, gettext_lazy("The smaller stream")),
        ],
        label=gettext_lazy("Quality"),
    )
    with_audio = forms.BooleanField(required=False)
    keep_days = forms.IntegerField(min_value=1, max_value=MAX_KEEP_DAYS, label=gettext_lazy("Days"))
    keep_gb = forms.FloatField(min_value=0, required=False, label=gettext_lazy("Gigabytes"))
    zone = forms.CharField(max_length=60, required=False, label=gettext_lazy("Time zone"))

    def __init__(self, data: QueryDict | None = None, *, initial: dict[str, Any]) -> None:
        super().__init__(data, initial=initial)
        for day in DAYS:
            self.fields[day] = forms.CharField(max_length=120, required=False, label=DAY_NAMES[day])

    def wish(self) -> dict[str, Any]:
        """As the service takes it. Raises Invalid for hours that are none."""
        data = self.cleaned_data
        weekly = {}
        for day in DAYS:
            try:
                windows = parse_line(data[day])
            except ValueError:
                raise Invalid(_("Hours look like 08:00–18:00, 22:00–24:00."), field=day) from None
            if windows:
                weekly[day] = windows
        return {
            "mode": RecordMode(data["mode"]),
            "quality": Quality(data["quality"]),
            "with_audio": data["with_audio"],
            "keep_days": data["keep_days"],
            "keep_bytes": round((data["keep_gb"] or 0) * _GB),
            "hours": {"zone": data["zone"], "weekly": weekly} if weekly else None,
        }


@require_http_methods(["GET", "POST"])
@answers_refusals
def recording(request: HttpRequest, camera_id: str) -> HttpResponse:
    """When a camera is recorded, in which quality, for how long it is kept, and how its disks are."""
    actor = principal_of(request)
    view = get_recording_settings(actor, camera_id)
    camera = get_camera(actor, camera_id)
    follow(request, camera)
    initial = _initial(view, zone_of(request, camera))
    if request.method == "GET":
        return _page(request, camera, view, RecordingForm(initial=initial))
    form = RecordingForm(request.POST, initial=initial)
    if not form.is_valid():
        return _page(request, camera, view, form, status=422)
    try:
        services.change_recording_settings(actor, camera=camera_id, **form.wish())
    except (NotFound, Forbidden):
        raise
    except Refusal as refusal:
        field = {"keep_bytes": "keep_gb", "hours": DAYS[0]}.get(
            str(refusal.extra.get("field")), str(refusal.extra.get("field", ""))
        )
        form.add_error(field if field in form.fields else None, refusal.message)
        return _page(request, camera, view, form, status=refusal.status)
    messages.success(request, _("Saved. It holds from now on."))
    return redirect("recording", camera_id)


def _initial(view: RecordingSettingsView, zone: str) -> dict[str, Any]:
    return {
        "mode": view.mode.value,
        "quality": view.quality.value,
        "with_audio": view.with_audio,
        "keep_days": view.keep_days,
        "keep_gb": f"{view.keep_bytes / _GB:g}" if view.keep_bytes else "",
        "zone": view.hours["zone"] if view.hours else zone,
        **hours_lines(view.hours),
    }


def _page(
    request: HttpRequest, camera: CameraView, view: RecordingSettingsView, form: RecordingForm, *, status: int = 200
) -> HttpResponse:
    context = {
        "nav": "devices",
        "camera": tile(camera, None) | {"device": camera.device},
        "form": form,
        "days": [form[day] for day in DAYS],
        "zones": sorted(available_timezones()),
        "is_recording": view.is_recording,
        "error": error_words(view.error),
        "first": view.first,
        "last": view.last,
        "bytes": size_words(view.bytes) if view.bytes else "",
        "rate": size_words(view.rate) if view.rate else "",
        "forecast": forecast_words(view.forecast),
        "volumes": [volume_line(row) for row in view.volumes],
    }
    return render(request, "web/recording.html", context, status=status)


def zone_of(request: HttpRequest, camera: CameraView) -> str:
    """The zone of a camera's site, for those who may know the site; UTC for others."""
    try:
        return get_site(principal_of(request), camera.site).time_zone if camera.site else "UTC"
    except NotFound:
        return "UTC"


# ── Exports ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@require_GET
@answers_refusals
def exports(request: HttpRequest) -> HttpResponse:
    """What one took along, and how to prove what it is. Asked for by a script: the list alone."""
    camera = request.GET.get("camera", "")
    rows = list_exports(principal_of(request), camera=camera)
    shown = rows[: EXPORTS_BESIDE if camera else MAX_EXPORTS]
    context = {
        "nav": "wall",
        "exports": [export_line(row) for row in shown],
        "is_running": any(row.state == "running" for row in shown),
    }
    if request.headers.get("HX-Request"):
        return render(request, "web/_exports.html", context | {"camera": {"id": camera}, "is_short": bool(camera)})
    key = base64.b64encode(public_key(KEY)).decode()
    return render(request, "web/exports.html", context | {"key": key, "key_id": key_id(KEY)})


@require_POST
@answers_refusals
def camera_export(request: HttpRequest, camera_id: str) -> HttpResponse:
    """Take a piece of footage along, without scripts: the answer holds the link to the file, good for half a minute."""
    actor = principal_of(request)
    camera = get_camera(actor, camera_id)
    if not camera.may(Permission.EXPORT):
        raise Forbidden
    zone = zone_of(request, camera)
    try:
        start, end = (_instant(request.POST.get(name, ""), zone) for name in ("from", "to"))
        ticket = services.open_export(
            actor,
            camera=camera_id,
            start=start,
            end=end,
            origin=f"{request.scheme}://{request.get_host()}",
        )
    except (NotFound, Forbidden, ReauthenticationRequired):
        raise
    except Refusal as refusal:
        return render(
            request,
            "web/export_ready.html",
            {"camera": tile(camera, None), "message": refusal.message},
            status=refusal.status,
        )
    context = {"camera": tile(camera, None), "url": ticket.url, "start": start, "end": end}
    return render(request, "web/export_ready.html", context)


def _instant(text: str, zone: str) -> datetime:
    """What a field for date and time sends: wall time there. Raises Invalid."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(_("Say from when to when."), field="from") from None
    return at.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) if at.tzinfo is None else at
