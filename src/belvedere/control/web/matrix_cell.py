"""One cell of the matrix: what a share gives on one camera or panel, changed where it stands."""

from functools import reduce
from operator import or_
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from belvedere.contracts.permissions import NONE, Permission
from belvedere.control.core.errors import Invalid, NotFound, Refusal
from belvedere.control.core.requests import principal_of
from belvedere.control.sharing import services
from belvedere.control.sharing.changes import Change
from belvedere.control.sharing.selectors import (
    GivenShare,
    ItemView,
    Matrix,
    MatrixPerson,
    MatrixThing,
    get_given,
    list_consequences,
)
from belvedere.control.sharing.terms import Footage
from belvedere.control.streaming.selectors import list_cuts
from belvedere.control.web.access import consequence_lines
from belvedere.control.web.errors import answers_refusals
from belvedere.control.web.matrix_drawing import SLOTS_OF, Drawing, about, person_of
from belvedere.control.web.share_form import FOOTAGE_CHOICES, FOOTAGES, footage_key, footage_title
from belvedere.control.web.sharing_matrix import matrix_of

#: permissions that a camera must be made for
_NEEDS: Final = {Permission.LISTEN: "audio", Permission.TALK: "talk", Permission.PTZ: "ptz"}


@require_http_methods(["GET", "POST"])
@answers_refusals
def cell(request: HttpRequest, share_id: str, camera_id: str) -> HttpResponse:
    """What a share gives on one camera, or panel; POST changes it, at once, and shows the receipt.

    Its own page; inside the table, as a dialog. Without any right the camera leaves the share; the last one ends it.
    """
    given = get_given(principal_of(request), share_id)
    item = next((one for one in given.items if one.resource == camera_id), None)
    if item is None:
        raise NotFound
    if request.method == "GET":
        return _page(request, given, item)
    try:
        change_id = _change(request, given, item)
    except NotFound:
        raise
    except Refusal as refusal:
        return _page(request, given, item, error=refusal.message, status=refusal.status)
    if not request.headers.get("HX-Request"):
        return redirect("receipt", change_id)
    return _done(request, change_id, given, camera_id)


def _change(request: HttpRequest, given: GivenShare, item: ItemView) -> str:
    actor, version = principal_of(request), request.POST.get("version", "")
    wanted = NONE if "end" in request.POST else _wanted(request, item)
    if not wanted and len(given.items) == 1:
        return services.end_share(actor, share=given.id)
    changed = services.Item(item.resource, wanted, item.kind, _footage(request, wanted, item))
    return services.change_share(
        actor,
        share=given.id,
        items=[changed],
        version=int(version) if version.isdecimal() and len(version) < 10 else None,
    )


def _wanted(request: HttpRequest, item: ItemView) -> Permission:
    """What is ticked. Raises Invalid."""
    shown = {bit.wire_names[0]: bit for bit, _key, _label in SLOTS_OF[item.kind]}
    names = request.POST.getlist("permission")
    if not shown.keys() >= set(names):
        raise Invalid(_("Choose what they may do."), field="permission")
    return reduce(or_, (shown[name] for name in names), NONE)


def _footage(request: HttpRequest, wanted: Permission, item: ItemView) -> Footage | None:
    """How far back it reaches from now on; None: as it was. Raises Invalid."""
    said = request.POST.get("footage", "")
    if Permission.PLAYBACK not in wanted or not said or said == footage_key(item.footage):
        return None
    if said not in FOOTAGES:
        raise Invalid(_("Choose one of what is offered."), field="footage")
    return FOOTAGES[said]


def _page(
    request: HttpRequest, given: GivenShare, item: ItemView, *, error: str = "", status: int = 200
) -> HttpResponse:
    found = matrix_of(request)
    thing = next((one for one in found.things if one.id == item.resource), None)
    row = _row_of(found, given, item.resource)
    if thing is None or row is None:
        raise NotFound
    actor = principal_of(request)
    context = {
        "nav": "sharing",
        "share": given,
        "camera": thing,
        "person": person_of(row),
        "note": about(row),
        "choices": _choices(row, thing, item.permissions),
        "footages": _footages(item) if item.kind == "camera" and thing.may(Permission.PLAYBACK) else [],
        "footage": footage_key(item.footage) if Permission.PLAYBACK in item.permissions else "day",
        "terms_url": f"{reverse('share-terms', args=[given.id])}?{urlencode({'back': _where(request)})}",
        "is_pending": given.state == "pending",
        "consequence": consequence_lines(list_consequences(actor, Change(narrowed={(given.id, item.resource): NONE}))),
        "is_last": len(given.items) == 1,
        "error": error,
    }
    template = "web/_share_cell.html" if request.headers.get("HX-Request") else "web/share_cell.html"
    return render(request, template, context, status=status)


def _row_of(found: Matrix, given: GivenShare, thing: str) -> MatrixPerson | None:
    for row in found.people:
        if any(one.share == given.id for one in row.given.get(thing, ())):
            return row
    return None


def _choices(row: MatrixPerson, thing: MatrixThing, held: Permission) -> list[dict[str, Any]]:
    """What they have, and what the actor could add: what he holds, and the camera is made for."""
    by_role = row.by_role.get(thing.id, NONE)
    return [
        {
            "value": bit.wire_names[0],
            "key": key,
            "label": label,
            "is_on": bit in held,
            "is_by_role": bit in by_role,
        }
        for bit, key, label in SLOTS_OF[thing.kind]
        if bit in held or (thing.may(bit) and (bit not in _NEEDS or _NEEDS[bit] in thing.has))
    ]


def _footages(item: ItemView) -> list[tuple[str, str]]:
    """How far back it may reach; as it does now first, where that is none of the usual ones."""
    key = footage_key(item.footage)
    own = [] if key in FOOTAGES else [(key, footage_title(item.footage))]
    return own + [(value, str(words)) for value, words in FOOTAGE_CHOICES]


def _where(request: HttpRequest) -> str:
    """The table as it is looked at, filters and all, to come back to."""
    current = urlsplit(request.headers.get("HX-Current-URL", ""))
    table = reverse("sharing-matrix")
    return f"{table}?{current.query}" if current.path == table and current.query else table


def _done(request: HttpRequest, change_id: str, given: GivenShare, thing_id: str) -> HttpResponse:
    """What was cut, and the cell as it is now."""
    found = matrix_of(request)
    thing = next(one for one in found.things if one.id == thing_id)
    row = next((row for row in found.people if row.recipient == given.recipient_id), MatrixPerson("", ""))
    context = {
        "change_id": change_id,
        "cuts": list_cuts(change_id),
        "cell": Drawing([], []).one(row.cell(thing_id), row, thing),
    }
    return render(request, "web/_share_cell_done.html", context)
