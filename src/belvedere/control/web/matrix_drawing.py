"""Drawing the matrix of shares: thousands of cells, so what they have in common is drawn once, and cells are put
together as text.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.templatetags.static import static
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import conditional_escape, escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import NONE, Permission
from belvedere.control.access.roles import TITLES, Role
from belvedere.control.accounts.selectors import Person
from belvedere.control.guests.selectors import OpenLink
from belvedere.control.sharing.selectors import MatrixCell, MatrixPerson, MatrixThing
from belvedere.control.web import panel_cards
from belvedere.control.web.cameras import SLOTS
from belvedere.control.web.context import person

_EMPTY: Final = '<td role="gridcell"></td>'
#: by kind of thing
SLOTS_OF: Final = {"camera": SLOTS, "panel": panel_cards.SLOTS}

type Row = MatrixPerson | OpenLink


class _Place(NamedTuple):
    """Where a cell stands. `name`: what is read before its rights; on a desk it stands in the head alone."""

    thing: MatrixThing
    row: Row
    name: str


class Drawing:
    """The rows and heads of one answer."""

    def __init__(self, rows: Sequence[Row], things: Sequence[MatrixThing]) -> None:
        self._rows, self._things = rows, things
        self._sprite = static("belvedere/icons.svg")
        self._base, self._links = reverse("sharing"), reverse("guest-links")
        #: what a cell shows of its rights and terms, by all that it depends on: few of thousands differ
        self._looks: dict[tuple[object, ...], str] = {}
        self._rights: dict[tuple[str, int, int, int], str] = {}

    def by_row(self, part: slice) -> list[dict[str, Any]]:
        """Rows of people and guests, with a cell for each thing."""
        names = [(thing, _name(thing.name)) for thing in self._things]
        first = next((row for row in self._rows if isinstance(row, OpenLink)), None)
        return [
            _head_of(row)
            | {"cells": self._cells(_Place(thing, row, name) for thing, name in names), "is_first_link": row is first}
            for row in self._rows[part]
        ]

    def by_thing(self, part: slice) -> list[dict[str, Any]]:
        """Rows of cameras and panels, with a cell for each of who sees them."""
        names = [(row, _name(row.name)) for row in self._rows]
        return [
            {"thing": thing, "mark": _mark(thing)}
            | {"cells": self._cells(_Place(thing, row, name) for row, name in names)}
            for thing in self._things[part]
        ]

    def thing_heads(self) -> list[dict[str, Any]]:
        """What stands above the columns: cameras and panels."""
        return [{"mark": _mark(thing), "name": thing.name, "note": thing.site_name} for thing in self._things]

    def row_heads(self) -> list[dict[str, Any]]:
        """What stands above the columns: people and guests."""
        return [_head_of(row) for row in self._rows]

    def _cells(self, places: Iterable[_Place]) -> SafeString:
        drawn = "".join(map(self._cell, places))
        return mark_safe(drawn)  # noqa: S308  names in it are escaped, the rest is our own

    def _cell(self, place: _Place) -> str:
        thing, row, name = place
        if isinstance(row, OpenLink):
            if thing.id not in row.cameras:
                return _EMPTY
            inner = name + self._look_of_link(row)
            return f'<td role="gridcell"><a class="cell" data-page href="{self._links}/{row.id}">{inner}</a></td>'
        cell = row.cell(thing.id)
        if cell is None:
            return _EMPTY
        inner = name + self._look_of(cell, thing.kind)
        if mine := cell.mine:
            address = f"{self._base}/{mine.share}/cameras/{thing.id}"
            return f'<td role="gridcell"><a class="cell" href="{address}">{inner}</a></td>'
        return f'<td role="gridcell"><div class="cell is-fixed">{inner}</div></td>'

    def _look_of(self, cell: MatrixCell, kind: str) -> str:
        key = (kind, int(cell.by_role), *((one.share, int(one.permissions), one.is_unused) for one in cell.given))
        if key not in self._looks:
            self._looks[key] = self._draw(kind, cell.permissions, cell.offered, cell.paused) + _note(cell)
        return self._looks[key]

    def _look_of_link(self, link: OpenLink) -> str:
        key = ("guest_link", link.id)
        if key not in self._looks:
            words = _until(link.ends_at, is_soon=True)
            self._looks[key] = self._draw("camera", link.permissions) + _small(words, is_warning=False)
        return self._looks[key]

    def _draw(self, kind: str, held: Permission, offered: Permission = NONE, paused: Permission = NONE) -> str:
        """The slots of what is in force, what waits, and what rests."""
        key = (kind, int(held), int(offered), int(paused))
        if key not in self._rights:
            words, drawn = [], []
            for bit, icon, label in SLOTS_OF[kind]:
                use = f'<use href="{self._sprite}#{icon}"/></svg>'
                if bit in held:
                    words.append(f"{label}.")
                    drawn.append(f'<svg class="icon">{use}')
                elif bit in offered | paused:
                    said = _("%(right)s, offered.") if bit in offered else _("%(right)s, paused.")
                    words.append(said % {"right": label})
                    drawn.append(f'<svg class="icon is-offered">{use}')
                else:
                    drawn.append('<span class="is-missing"></span>')
            said_all = escape(" ".join(words))
            self._rights[key] = f'<span class="rights" role="img" aria-label="{said_all}">{"".join(drawn)}</span>'
        return self._rights[key]

    def one(self, cell: MatrixCell | None, row: MatrixPerson, thing: MatrixThing) -> SafeString:
        """One cell alone, as it is after a change."""
        if cell is None:
            return mark_safe(_EMPTY)  # noqa: S308  our own
        return self._cells([_Place(thing, row, _name(thing.name))])


def _mark(thing: MatrixThing) -> SafeString:
    """What a row or a head is of, as an attribute: a share can begin in an empty cell."""
    if thing.kind == "panel":
        return format_html(' data-panel="{}"', reverse("panel-share", args=[thing.id]))
    return format_html(' data-camera="{}"', thing.id)


def _name(name: str) -> str:
    return f'<span class="cell-name"><bdi>{escape(name)}</bdi></span>'


def _note(cell: MatrixCell) -> str:
    """The one thing beside the rights that matters most."""
    words, is_warning = "", True
    if cell.offered:
        words = _("Pending")
    elif cell.paused:
        words = _("Paused")
    elif cell.ends_at and any(one.terms.is_ending for one in cell.given):
        words = _until(cell.ends_at, is_soon=True)
    elif any(one.is_unused for one in cell.given):
        words = _("Unused")
    else:
        words, is_warning = _standing_note(cell), False
    return _small(words, is_warning=is_warning)


def _standing_note(cell: MatrixCell) -> str:
    """What is no warning."""
    if cell.by_role:
        return _("By role") if not cell.given else _("By role, and a share")
    if any(one.terms.hours for one in cell.given):
        return _("At set hours")
    if cell.ends_at:
        return _until(cell.ends_at, is_soon=False)
    return "" if cell.mine else _("Given by somebody else")


def _small(words: str, *, is_warning: bool) -> str:
    style = "cell-note is-warn" if is_warning else "cell-note"
    return f'<small class="{style}">{conditional_escape(words)}</small>' if words else ""


def _until(at: datetime, *, is_soon: bool) -> SafeString:
    """Its own zone is the reader's, as everywhere (`web/_time.html`)."""
    if is_soon:
        return format_html(_("Ends {day}"), day=_time(at, "short", date_format(at, "j M, H:i") + " UTC"))
    return format_html(_("Until {day}"), day=_time(at, "day", date_format(at, "j M Y")))


def _time(at: datetime, style: str, words: str) -> SafeString:
    return format_html('<time datetime="{}" data-local="{}">{}</time>', at.isoformat(), style, words)


def _head_of(row: Row) -> dict[str, Any]:
    """A person, or a guest link, as the head of a row or a column."""
    if isinstance(row, OpenLink):
        note = _("Guest link") if row.is_mine else _("Guest link of %(name)s") % {"name": row.giver.name}
        return {"link": row.id, "name": row.name, "note": note, "mark": ""}
    return {
        "person": person_of(row),
        "name": row.name,
        "note": about(row),
        "mark": format_html(' data-to="{}"', row.address),
        "recipient": row.recipient,
    }


def about(row: MatrixPerson) -> str:
    """What stands under a name: one's own remark, what they are, or that they have not answered."""
    roles = [str(TITLES[role]) for role in Role if role.value in row.roles and role is not Role.NO_ACCESS]
    return ", ".join(filter(None, [row.remark, *roles])) or (row.address if row.account else _("Has not answered yet"))


def person_of(row: MatrixPerson) -> dict[str, Any]:
    """Somebody as templates show him."""
    return person(row.account or Person(row.key, "", row.address)) | {"is_waiting": row.account is None}
