"""Who took a camera's sight, in words; and private hours, which anybody takes who lives there."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from belvedere.contracts.permissions import Permission
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict
from belvedere.control.core.principal import Principal
from belvedere.control.core.requests import principal_of
from belvedere.control.devices import services
from belvedere.control.devices.blindings import (
    BlindingView,
    get_privacy,
    list_blinded_since,
    list_blindings,
)
from belvedere.control.devices.selectors import CameraView
from belvedere.control.organizations.selectors import list_organizations
from belvedere.control.web.errors import answers_refusals

#: beside the time line, which has all of them
_BESIDE: Final = 5
_LOOKS_BACK: Final = timedelta(days=7)
_WORDS: Final = {
    "switched_off": gettext_lazy("Switched off"),
    "recording_off": gettext_lazy("Not recorded"),
    "recorded_less": gettext_lazy("Recorded at fewer hours"),
    "alerts_off": gettext_lazy("A detector heard of no more"),
    "private_hours": gettext_lazy("Paused by a member"),
}
_BY: Final = {
    "switched_off": gettext_lazy("Switched off by %(who)s"),
    "recording_off": gettext_lazy("Not recorded, by %(who)s"),
    "recorded_less": gettext_lazy("Recorded at fewer hours, by %(who)s"),
    "alerts_off": gettext_lazy("A detector heard of no more, by %(who)s"),
}


def _words(view: BlindingView) -> str:
    return str(_BY[view.kind]) % {"who": view.by.name} if view.by else str(_WORDS[view.kind])


def blinding_marks(actor: Principal, view: CameraView) -> list[dict[str, Any]]:
    """The latest marks of a camera that the actor may look back at: `{text, at, until}`, the latest first."""
    if not view.may(Permission.PLAYBACK):
        return []
    at = clock.now()
    rows = list_blindings(actor, view.id, at - _LOOKS_BACK, at)[-_BESIDE:]
    return [{"text": _words(row), "at": row.start, "until": row.end} for row in reversed(rows)]


def blinding_notices(actor: Principal, since: datetime) -> list[dict[str, Any]]:
    """For the inbox of who answers for cameras: what was taken from them of late, or is still."""
    return [
        {
            "icon": "cameraoff",
            "title": _words(row),
            "text": row.camera_name,
            "at": row.start,
            "url": reverse("camera", args=[row.camera]),
        }
        for row in list_blinded_since(actor, since)
    ]


def private_hours(actor: Principal, view: CameraView) -> dict[str, Any] | None:
    """Whether the actor may have a camera look away, or until when he does, and whether he may say where it looks; None
    where there is nothing to offer.
    """
    # The frame knows the actor's organizations: a company's cameras are asked about no further.
    if not view.mine or view.organization not in {row.id for row in list_organizations(actor) if row.is_personal}:
        return None
    privacy = get_privacy(actor, view.id)
    may_take = not view.disabled_at and view.may(Permission.LIVE_VIEW) and privacy.may_take
    may_mark = view.may(Permission.CONFIGURE)
    shown = {"until": privacy.own_until, "may_take": may_take, "may_mark": may_mark, "is_outdoor": privacy.is_outdoor}
    return shown if privacy.own_until or may_take or may_mark else None


@require_POST
@answers_refusals
def camera_private(request: HttpRequest, camera_id: str) -> HttpResponse:
    """Have a camera look away for so many hours; with none, let it see again. Or say where it looks."""
    actor, hours = principal_of(request), request.POST.get("hours", "")
    try:
        if "outdoor" in request.POST:
            services.mark_outdoor(actor, camera=camera_id, is_outdoor=request.POST["outdoor"] == "yes")
        elif hours == "0":
            services.end_private_hours(actor, camera=camera_id)
        else:
            number = int(hours) if hours.isdecimal() and len(hours) < 3 else 0
            services.take_private_hours(actor, camera=camera_id, hours=number)
            messages.success(request, _("It looks away. It sees again by itself."))
    except Conflict as conflict:
        messages.info(request, conflict.message)
    return redirect("camera", camera_id)
