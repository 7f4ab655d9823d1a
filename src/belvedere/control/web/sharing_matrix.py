"""Who can see what, as one table: people × cameras or cameras × people, each cell changed where it stands."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from belvedere.contracts.permissions import NONE, Permission
from belvedere.control.audit.exports import harmless
from belvedere.control.core.errors import Invalid, NotFound, Refusal
from belvedere.control.core.requests import principal_of
from belvedere.control.devices.selectors import CameraView
from belvedere.control.sharing import services
from belvedere.control.sharing.changes import Change
from belvedere.control.sharing.selectors import (
    GivenCell,
    GivenShare,
    Matrix,
    MatrixCell,
    MatrixPerson,
    get_given,
    get_matrix,
    list_consequences,
)
from belvedere.control.streaming.selectors import list_cuts
from belvedere.control.web.access import consequence_lines
from belvedere.control.web.cameras import SLOTS
from belvedere.control.web.context import here
from belvedere.control.web.errors import answers_refusals
from belvedere.control.web.matrix_drawing import Drawing, about, person_of

#: rows that come at once, fewer of wide ones; the next ones when one scrolls to them
ROWS: Final = 25
_CELLS: Final = 2500
SHOWS: Final = {
    "ending": gettext_lazy("End this week"),
    "pending": gettext_lazy("Pending"),
    "unused": gettext_lazy("Unused"),
}
_COLUMNS: Final = (
    "person",
    "address",
    "remark",
    "camera",
    "site",
    "by",
    "state",
    "permissions",
    "starts_at",
    "ends_at",
    "hours",
    "unused_30_days",
)
#: permissions that a camera must be made for
_NEEDS: Final = {Permission.LISTEN: "audio", Permission.TALK: "talk", Permission.PTZ: "ptz"}


@dataclass(frozen=True, slots=True)
class _Asked:
    """What of the matrix is asked for. `by`: what its rows are."""

    q: str
    site: str
    show: str
    by: str

    @classmethod
    def of(cls, request: HttpRequest) -> "_Asked":
        data = request.GET
        show, by = data.get("show", ""), data.get("by", "")
        return cls(
            q=data.get("q", "").strip()[:254],
            site=data.get("site", ""),
            show=show if show in SHOWS else "",
            by="camera" if by == "camera" else "person",
        )

    def query(self, **other: str | int) -> str:
        """The same as an address, but for these; what is empty is left out."""
        fields = {"q": self.q, "site": self.site, "show": self.show, "by": self.by} | other
        return urlencode({key: value for key, value in fields.items() if value and (key, value) != ("by", "person")})


@require_GET
@answers_refusals
def matrix(request: HttpRequest) -> HttpResponse:
    """The table, its filters, and where to get it as a file. A part of its rows, asked for by the table itself."""
    whole, asked = _matrix(request), _Asked.of(request)
    people, cameras = _filtered(whole, asked)
    start = request.GET.get("start", "")
    first = int(start) if start.isdecimal() and len(start) < 6 else 0
    total, width = len(people), len(cameras)
    if asked.by == "camera":
        total, width = width, total
    after = first + min(ROWS, max(10, _CELLS // (width or 1)))
    draw, part = Drawing(people, cameras), slice(first, after)
    rows = draw.by_camera(part) if asked.by == "camera" else draw.by_person(part)
    context: dict[str, Any] = {
        "nav": "sharing",
        "rows": rows,
        "more_url": f"{request.path}?{asked.query(start=after)}" if after < total else "",
    }
    if request.headers.get("HX-Request"):
        return render(request, "web/_matrix_rows.html", context)
    context |= {
        "asked": asked,
        "columns": draw.camera_heads() if asked.by == "person" else draw.person_heads(),
        "counts": {"people": len(people), "cameras": len(cameras)},
        "has_any": bool(whole.people),
        "sites": sorted({(view.site or "", view.site_name) for view in whole.cameras}, key=lambda row: row[1]),
        "views": [
            {"label": label, "url": f"{request.path}?{asked.query(by=by)}", "is_on": asked.by == by}
            for by, label in (("person", _("By person")), ("camera", _("By camera")))
        ],
        "shows": _shows(request, whole, asked),
        "csv_url": f"{reverse('sharing-matrix-csv')}?{asked.query()}",
        "legend": SLOTS,
    }
    return render(request, "web/sharing_matrix.html", context)


def _matrix(request: HttpRequest) -> Matrix:
    chosen = here(request)
    found = get_matrix(principal_of(request), chosen.id) if chosen else Matrix([], [])
    if not found.cameras:
        raise NotFound
    return found


def _shows(request: HttpRequest, whole: Matrix, asked: _Asked) -> list[dict[str, Any]]:
    counts = {key: sum(_is_shown(row, key) for row in whole.people) for key in SHOWS}
    return [
        {
            "label": label,
            "count": counts[key],
            "is_on": asked.show == key,
            "url": f"{request.path}?{asked.query(show='' if asked.show == key else key)}",
        }
        for key, label in SHOWS.items()
        if counts[key] or asked.show == key
    ]


def _is_shown(row: MatrixPerson, show: str) -> bool:
    return not show or bool(getattr(row, f"is_{show}"))


def _filtered(whole: Matrix, asked: _Asked) -> tuple[list[MatrixPerson], list[CameraView]]:
    """Of people those whose name, address or remark has the words; if none has, of cameras those that do."""
    cameras = [view for view in whole.cameras if not asked.site or view.site == asked.site]
    people, words = whole.people, asked.q.casefold()
    if words:
        named = [row for row in people if words in f"{row.name} {row.address} {row.remark}".casefold()]
        if not named:
            cameras = [view for view in cameras if words in f"{view.label} {view.name}".casefold()]
        people = named or (people if cameras else [])
    if asked.show:
        people = [row for row in people if _is_shown(row, asked.show)]
    if asked.site or (words and people is whole.people):
        shown = {view.id for view in cameras}
        people = [row for row in people if not shown.isdisjoint(row.cells)]
    return people, cameras


# ── One cell ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@require_http_methods(["GET", "POST"])
@answers_refusals
def cell(request: HttpRequest, share_id: str, camera_id: str) -> HttpResponse:
    """What a share gives on one camera; POST changes it, at once, and shows the receipt.

    Its own page; inside the table, as a dialog. Without any right the camera leaves the share; the last one ends it.
    """
    actor = principal_of(request)
    given = get_given(actor, share_id)
    item = next((one for one in given.items if one.kind == "camera" and one.resource == camera_id), None)
    if item is None:
        raise NotFound
    error, status = "", 200
    if request.method == "POST":
        try:
            wanted = NONE if "end" in request.POST else _wanted(request)
            change_id = _change(request, given, camera_id, wanted)
        except NotFound:
            raise
        except Refusal as refusal:
            error, status = refusal.message, refusal.status
        else:
            if not request.headers.get("HX-Request"):
                return redirect("receipt", change_id)
            return _done(request, change_id, given, camera_id)
    return _cell_page(request, given, camera_id, item.permissions, error=error, status=status)


def _wanted(request: HttpRequest) -> Permission:
    shown = {bit.wire_names[0]: bit for bit, _key, _label in SLOTS}
    names = request.POST.getlist("permission")
    if not shown.keys() >= set(names):
        raise Invalid(_("Choose what they may do."), field="permission")
    return reduce(or_, (shown[name] for name in names), NONE)


def _change(request: HttpRequest, given: GivenShare, camera: str, wanted: Permission) -> str:
    actor = principal_of(request)
    if not wanted and len(given.items) == 1:
        return services.end_share(actor, share=given.id)
    version = request.POST.get("version", "")
    return services.change_share(
        actor,
        share=given.id,
        items=[services.Item(camera, wanted)],
        version=int(version) if version.isdecimal() and len(version) < 10 else None,
    )


def _cell_page(
    request: HttpRequest, given: GivenShare, camera: str, held: Permission, *, error: str, status: int
) -> HttpResponse:
    found = _matrix(request)
    view = next((one for one in found.cameras if one.id == camera), None)
    row = _row_of(found, given)
    if view is None or row is None:
        raise NotFound
    by_role = row.cells[camera].by_role
    may_give = [
        (bit, key, label)
        for bit, key, label in SLOTS
        if bit in held or (view.may(bit) and (bit not in _NEEDS or _NEEDS[bit] in view.has))
    ]
    context = {
        "nav": "sharing",
        "share": given,
        "camera": view,
        "person": person_of(row),
        "note": about(row),
        "choices": [
            {
                "value": bit.wire_names[0],
                "key": key,
                "label": label,
                "is_on": bit in held,
                "is_by_role": bit in by_role,
            }
            for bit, key, label in may_give
        ],
        "is_pending": given.state == "pending",
        "consequence": consequence_lines(
            list_consequences(principal_of(request), Change(narrowed={(given.id, camera): NONE}))
        ),
        "is_last": len(given.items) == 1,
        "error": error,
    }
    template = "web/_share_cell.html" if request.headers.get("HX-Request") else "web/share_cell.html"
    return render(request, template, context, status=status)


def _row_of(found: Matrix, given: GivenShare) -> MatrixPerson | None:
    for row in found.people:
        if any(one.share == given.id for cell in row.cells.values() for one in cell.given):
            return row
    return None


def _done(request: HttpRequest, change_id: str, given: GivenShare, camera: str) -> HttpResponse:
    """What was cut, and the cell as it is now."""
    found = _matrix(request)
    view = next(one for one in found.cameras if one.id == camera)
    row = next((row for row in found.people if row.recipient == given.recipient_id), None)
    now = row.cells.get(camera) if row else None
    context = {
        "change_id": change_id,
        "cuts": list_cuts(change_id),
        "cell": Drawing([], []).one(now, view),
    }
    return render(request, "web/_share_cell_done.html", context)


# ── As a file ────────────────────────────────────────────────────────────────────────────────────────────────────────


@require_GET
@answers_refusals
def matrix_csv(request: HttpRequest) -> HttpResponse:
    """What the table shows, one line for each grant. No cell of it is one that a spreadsheet computes (N32)."""
    people, cameras = _filtered(_matrix(request), _Asked.of(request))
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="who-can-see-what.csv"'
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for row in people:
        for view in cameras:
            if cell := row.cells.get(view.id):
                for line in _lines(cell):
                    cells = (
                        row.account.name if row.account else "",
                        row.address,
                        row.remark,
                        view.label,
                        view.site_name,
                    )
                    writer.writerow(harmless(text) for text in cells + line)
    answer.write(text.getvalue())
    return answer


def _lines(cell: MatrixCell) -> Iterable[tuple[str, ...]]:
    if cell.by_role:
        yield ("role", "accepted", " ".join(cell.by_role.wire_names), "", "", "", "")
    for one in cell.given:
        yield _line(one)


def _line(one: GivenCell) -> tuple[str, ...]:
    return (
        "share" if one.is_mine else "share of somebody else",
        "pending" if one.is_pending else "accepted",
        " ".join(one.permissions.wire_names),
        one.starts_at.isoformat() if one.starts_at else "",
        one.ends_at.isoformat() if one.ends_at else "",
        one.hours,
        "yes" if one.is_unused else "",
    )
