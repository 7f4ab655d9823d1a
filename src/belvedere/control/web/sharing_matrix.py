"""Who can see what, as one table: people and guests × cameras and panels, or the other way round."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from belvedere.control.audit.exports import harmless
from belvedere.control.core import clock
from belvedere.control.core.errors import NotFound
from belvedere.control.core.requests import principal_of
from belvedere.control.guests.selectors import OpenLink, list_open_links
from belvedere.control.sharing.selectors import (
    ENDING_WITHIN,
    GivenCell,
    Matrix,
    MatrixCell,
    MatrixThing,
    get_matrix,
)
from belvedere.control.web import panel_cards
from belvedere.control.web.cameras import SLOTS
from belvedere.control.web.context import here
from belvedere.control.web.errors import answers_refusals
from belvedere.control.web.matrix_drawing import Drawing, Row

#: rows that come at once, fewer of wide ones; the next ones when one scrolls to them
ROWS: Final = 25
_CELLS: Final = 1500
SHOWS: Final = {
    "ending": gettext_lazy("End this week"),
    "pending": gettext_lazy("Pending"),
    "paused": gettext_lazy("Paused"),
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
    "unused",
)


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
    whole, asked = _Table.of(request), _Asked.of(request)
    shown = whole.filtered(asked)
    start = request.GET.get("start", "")
    first = int(start) if start.isdecimal() and len(start) < 6 else 0
    total, width = len(shown.rows), len(shown.things)
    if asked.by == "camera":
        total, width = width, total
    after = first + min(ROWS, max(10, _CELLS // (width or 1)))
    draw, part = Drawing(shown.rows, shown.things), slice(first, after)
    context: dict[str, Any] = {
        "nav": "sharing",
        "rows": draw.by_thing(part) if asked.by == "camera" else draw.by_row(part),
        "more_url": f"{request.path}?{asked.query(start=after)}" if after < total else "",
    }
    if request.headers.get("HX-Request"):
        return render(request, "web/_matrix_rows.html", context)
    context |= {
        "asked": asked,
        "columns": draw.row_heads() if asked.by == "camera" else draw.thing_heads(),
        "counts": {
            "people": sum(not isinstance(row, OpenLink) for row in shown.rows),
            "links": sum(isinstance(row, OpenLink) for row in shown.rows),
            "things": len(shown.things),
        },
        "has_any": bool(whole.rows),
        "sites": sorted({(thing.site, thing.site_name) for thing in whole.things}, key=lambda row: row[1]),
        "views": [
            {"label": label, "url": f"{request.path}?{asked.query(by=by)}", "is_on": asked.by == by}
            for by, label in (("person", _("By person")), ("camera", _("By camera")))
        ],
        "shows": _shows(request, whole, asked),
        "csv_url": f"{reverse('sharing-matrix-csv')}?{asked.query()}",
        "legend": SLOTS if all(thing.kind == "camera" for thing in shown.things) else (*SLOTS, panel_cards.SLOTS[0]),
    }
    return render(request, "web/sharing_matrix.html", context)


def matrix_of(request: HttpRequest) -> Matrix:
    """That of the chosen organization. Raises NotFound, where one may share nothing of it."""
    chosen = here(request)
    found = get_matrix(principal_of(request), chosen.id) if chosen else Matrix([], [])
    if not found.things:
        raise NotFound
    return found


@dataclass(frozen=True, slots=True)
class _Table:
    """Rows are people, then guest links: whoever has such a link needs no account."""

    rows: list[Row]
    things: list[MatrixThing]

    @classmethod
    def of(cls, request: HttpRequest) -> "_Table":
        """All of it. Raises NotFound."""
        found = matrix_of(request)
        links = list_open_links(principal_of(request), {thing.id for thing in found.things if thing.kind == "camera"})
        return cls([*found.people, *links], found.things)

    def filtered(self, asked: _Asked) -> "_Table":
        """Of rows those whose name, address or remark has the words; if none has, of cameras those that do."""
        things = [thing for thing in self.things if not asked.site or thing.site == asked.site]
        rows, words = self.rows, asked.q.casefold()
        if words:
            named = [row for row in rows if words in _words_of(row)]
            if not named:
                things = [thing for thing in things if words in thing.name.casefold()]
            rows = named or (rows if things else [])
        if asked.show:
            rows = [row for row in rows if _is_shown(row, asked.show)]
        if asked.site or (words and len(things) < len(self.things)):
            shown = {thing.id for thing in things}
            rows = [row for row in rows if not shown.isdisjoint(_things_of(row))]
        return _Table(rows, things)


def _words_of(row: Row) -> str:
    words = row.name if isinstance(row, OpenLink) else f"{row.name} {row.address} {row.remark}"
    return words.casefold()


def _things_of(row: Row) -> set[str]:
    return row.cameras if isinstance(row, OpenLink) else row.things


def _is_shown(row: Row, show: str) -> bool:
    if isinstance(row, OpenLink):
        return show == "ending" and row.ends_at <= clock.now() + ENDING_WITHIN
    return bool(getattr(row, f"is_{show}"))


def _shows(request: HttpRequest, whole: _Table, asked: _Asked) -> list[dict[str, Any]]:
    counts = {key: sum(_is_shown(row, key) for row in whole.rows) for key in SHOWS}
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


# ── As a file ────────────────────────────────────────────────────────────────────────────────────────────────────────


@require_GET
@answers_refusals
def matrix_csv(request: HttpRequest) -> HttpResponse:
    """What the table shows, one line for each grant. No cell of it is one that a spreadsheet computes (N32)."""
    shown = _Table.of(request).filtered(_Asked.of(request))
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="who-can-see-what.csv"'
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for row in shown.rows:
        who = _who(row)
        for thing in shown.things:
            for line in _lines_of(row, thing):
                writer.writerow([harmless(text) for text in (*who, thing.name, thing.site_name, *line)])
    answer.write(text.getvalue())
    return answer


def _who(row: Row) -> tuple[str, str, str]:
    """Name, address, and the actor's own remark."""
    if isinstance(row, OpenLink):
        return row.name, "", ""
    return row.account.name if row.account else "", row.address, row.remark


def _lines_of(row: Row, thing: MatrixThing) -> Iterable[tuple[str, ...]]:
    if isinstance(row, OpenLink):
        if thing.id in row.cameras:
            yield ("guest link", "open", " ".join(row.permissions.wire_names), "", row.ends_at.isoformat(), "", "")
    elif cell := row.cell(thing.id):
        yield from _lines(cell)


def _lines(cell: MatrixCell) -> Iterable[tuple[str, ...]]:
    if cell.by_role:
        yield ("role", "accepted", " ".join(cell.by_role.wire_names), "", "", "", "")
    for one in cell.given:
        yield _line(one)


def _line(one: GivenCell) -> tuple[str, ...]:
    terms = one.terms
    return (
        "share" if terms.is_mine else "share of somebody else",
        "pending" if terms.is_pending else "paused" if terms.is_paused else "accepted",
        " ".join(one.permissions.wire_names),
        terms.starts_at.isoformat() if terms.starts_at else "",
        terms.ends_at.isoformat() if terms.ends_at else "",
        terms.hours,
        "yes" if one.is_unused else "",
    )
