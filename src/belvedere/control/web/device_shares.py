"""What came to a recorder after it was shared: asked about share by share, never added by itself."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from belvedere.control.core.errors import NotFound, Refusal
from belvedere.control.core.principal import Principal
from belvedere.control.core.requests import principal_of
from belvedere.control.devices.selectors import DeviceView, get_device
from belvedere.control.sharing import services
from belvedere.control.sharing.selectors import Extension, list_extensions
from belvedere.control.web.cameras import rights_slots
from belvedere.control.web.context import person
from belvedere.control.web.errors import answers_refusals


def newcomers(actor: Principal, view: DeviceView) -> list[dict[str, Any]]:
    """The cameras that came after other cameras of the device were shared, each with those shares."""
    found = list_extensions(actor, view.id)
    return [
        {"id": camera.id, "name": camera.name, "shares": [_line(camera.id, row) for row in found[camera.id]]}
        for camera in view.cameras
        if camera.id in found
    ]


def _line(camera: str, row: Extension) -> dict[str, Any]:
    face = person(Principal(id=row.recipient_id, name=row.recipient_name or row.recipient_address))
    return {
        "value": _value(camera, row),
        "person": face | {"email": row.recipient_address},
        "remark": row.remark,
        "is_waiting": row.state == "pending",
        "rights": rights_slots(row.permissions, is_offered=row.state == "pending"),
    }


def _value(camera: str, row: Extension) -> str:
    return f"{row.share}.{camera}"


@require_POST
@answers_refusals
def device_extend(request: HttpRequest, device_id: str) -> HttpResponse:
    """Add to the ticked shares what is ticked, with what they have of the device's other cameras; and to no other."""
    actor = principal_of(request)
    view = get_device(actor, device_id)
    ticked = set(request.POST.getlist("share"))
    additions: dict[str, list[services.Item]] = {}
    # What was added meanwhile is asked no more: a second time is harmless.
    for camera, rows in list_extensions(actor, device_id).items():
        for row in rows:
            if _value(camera, row) in ticked:
                item = services.Item(camera, row.permissions, footage=row.footage)
                additions.setdefault(row.share, []).append(item)
    if not additions:
        messages.info(request, _("Nothing was added: no share was chosen."))
        return redirect("device", view.id)
    try:
        services.extend_shares(actor, additions=additions)
    except NotFound:
        raise
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return redirect("device", view.id)
    count = len(additions)
    messages.success(
        request,
        ngettext("Added to one share.", "Added to %(count)d shares.", count) % {"count": count}
        + f" {_('Those who accepted see it now, and are told.')}",
    )
    return redirect("device", view.id)
