"""What a program that looks at a camera's picture says of it: from which broker, and under which name."""

from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from belvedere.contracts.detectors import AWAY
from belvedere.control.core.errors import Forbidden, NotFound, Refusal
from belvedere.control.core.requests import principal_of
from belvedere.control.devices import services
from belvedere.control.devices.detectors import LISTENING, UNKNOWN, DetectorView, find_detector
from belvedere.control.devices.selectors import get_camera
from belvedere.control.web.context import follow
from belvedere.control.web.errors import answers_refusals
from belvedere.control.web.panel_cards import FAULTS as BROKER_FAULTS
from belvedere.control.web.panels import BrokerForm

_FAULTS: Final = BROKER_FAULTS | {
    AWAY: gettext_lazy("The broker says that Frigate is away."),
    UNKNOWN: gettext_lazy("No server has spoken of it yet. Look again in a moment."),
}


class DetectorForm(BrokerForm):
    """The broker, and as what the detector knows the camera there. Rules are the service's."""

    topics = forms.CharField(max_length=90, label=gettext_lazy("Topics begin with"))
    name = forms.CharField(max_length=90, label=gettext_lazy("The camera’s name in Frigate"))


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
@answers_refusals
def detector(request: HttpRequest, camera_id: str) -> HttpResponse:
    """From where a camera's detector is heard, and whether it is."""
    actor = principal_of(request)
    found = find_detector(actor, camera_id)
    if request.method == "GET":
        return _page(request, camera_id, found, DetectorForm(initial=_initial(found)))
    form = DetectorForm(request.POST)
    if not form.is_valid():
        return _page(request, camera_id, found, form, status=422)
    try:
        services.set_detector(
            actor,
            camera=camera_id,
            broker=form.wish(),
            prefix=form.cleaned_data["topics"],
            name=form.cleaned_data["name"],
        )
    except (NotFound, Forbidden):
        raise
    except Refusal as refusal:
        field = {"prefix": "topics"}.get(str(refusal.extra.get("field")), str(refusal.extra.get("field", "")))
        form.add_error(field if field in form.fields else None, refusal.message)
        return _page(request, camera_id, found, form, status=refusal.status)
    messages.success(request, _("Saved. What it sees becomes events of this camera."))
    return redirect("detector", camera_id)


@require_POST
@answers_refusals
def detector_remove(request: HttpRequest, camera_id: str) -> HttpResponse:
    """Hear of it no more."""
    services.remove_detector(principal_of(request), camera=camera_id)
    messages.success(request, _("It is heard no more, and its password is gone. Its events stay."))
    return redirect("detector", camera_id)


def _initial(found: DetectorView | None) -> dict[str, Any]:
    if found is None:
        return {"topics": "frigate"}
    is_plain = found.address.startswith("mqtt:")
    return {"address": found.address, "topics": found.prefix, "name": found.name, "is_plain_ok": is_plain}


def _page(
    request: HttpRequest, camera_id: str, found: DetectorView | None, form: DetectorForm, *, status: int = 200
) -> HttpResponse:
    camera = get_camera(principal_of(request), camera_id)
    follow(request, camera)
    context = {
        "nav": "devices",
        "camera": {"id": camera.id, "name": camera.name},
        "form": form,
        "detector": found
        and {
            "is_heard": found.state == LISTENING,
            "is_known": found.state != UNKNOWN,
            "fault": _FAULTS.get(found.state, _("Something is wrong with the line to the broker."))
            if found.state != LISTENING
            else "",
            "heard_at": found.heard_at,
        },
    }
    return render(request, "web/detector.html", context, status=status)
