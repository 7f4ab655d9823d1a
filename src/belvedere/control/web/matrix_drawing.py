"""Drawing the matrix of shares: thousands of cells, so each set of rights is drawn once, and cells are put together
as text.
"""

from collections.abc import Iterable
from typing import Any, Final

from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission
from belvedere.control.access.roles import TITLES, Role
from belvedere.control.accounts.selectors import Person
from belvedere.control.devices.selectors import CameraView
from belvedere.control.sharing.selectors import MatrixCell, MatrixPerson
from belvedere.control.web.cameras import SLOTS
from belvedere.control.web.context import person

_EMPTY: Final = '<td role="gridcell"></td>'


class Drawing:
    """The rows and heads of one answer."""

    def __init__(self, people: list[MatrixPerson], cameras: list[CameraView]) -> None:
        self._people, self._cameras = people, cameras
        self._sprite = static("belvedere/icons.svg")
        self._base = reverse("sharing")
        self._rights: dict[tuple[int, int], str] = {}

    def by_person(self, part: slice) -> list[dict[str, Any]]:
        """Rows of people, with a cell for each camera."""
        names = {view.id: str(escape(view.label)) for view in self._cameras}
        return [
            {
                "key": row.key,
                "person": person_of(row),
                "note": about(row),
                "to": row.address,
                "recipient": row.recipient,
            }
            | {"cells": self._cells((row.cells.get(pk), pk, name) for pk, name in names.items())}
            for row in self._people[part]
        ]

    def by_camera(self, part: slice) -> list[dict[str, Any]]:
        """Rows of cameras, with a cell for each person."""
        names = [(row, str(escape(row.name))) for row in self._people]
        return [
            {"key": view.id, "camera": view}
            | {"cells": self._cells((row.cells.get(view.id), view.id, name) for row, name in names)}
            for view in self._cameras[part]
        ]

    def camera_heads(self) -> list[dict[str, str]]:
        """What stands above the columns: cameras."""
        return [{"id": view.id, "name": view.label, "note": view.site_name} for view in self._cameras]

    def person_heads(self) -> list[dict[str, str]]:
        """What stands above the columns: people."""
        return [{"to": row.address, "name": row.name, "note": about(row)} for row in self._people]

    def _cells(self, cells: Iterable[tuple[MatrixCell | None, str, str]]) -> SafeString:
        drawn = "".join(self._cell(*cell) if cell[0] else _EMPTY for cell in cells)
        return mark_safe(drawn)  # noqa: S308  names in it are escaped, the rest is our own

    def _cell(self, cell: MatrixCell | None, camera: str, name: str) -> str:
        if cell is None:
            return _EMPTY
        inner = f'<span class="cell-name"><bdi>{name}</bdi></span>{self._rights_of(cell)}{_note(cell)}'
        if mine := cell.mine:
            address = f"{self._base}/{mine.share}/cameras/{camera}"
            return f'<td role="gridcell"><a class="cell" href="{address}">{inner}</a></td>'
        return f'<td role="gridcell"><div class="cell is-fixed">{inner}</div></td>'

    def _rights_of(self, cell: MatrixCell) -> str:
        key = (int(cell.permissions), int(cell.offered & ~cell.permissions))
        if key not in self._rights:
            self._rights[key] = rights(Permission(key[0]), Permission(key[1]), self._sprite)
        return self._rights[key]

    def one(self, cell: MatrixCell | None, camera: CameraView) -> SafeString:
        """One cell alone, as it is after a change."""
        return self._cells([(cell, camera.id, str(escape(camera.label)))])


def rights(given: Permission, offered: Permission, sprite: str) -> str:
    """The seven slots of what is in force and what waits."""
    slots = [
        {"key": key, "label": label, "given": bit in given, "offered": bit in offered} for bit, key, label in SLOTS
    ]
    return render_to_string("web/_rights.html", {"rights": slots, "sprite": sprite})


def _note(cell: MatrixCell) -> str:
    """The one thing beside the rights that matters most."""
    if cell.offered:
        words, is_warning = _("Pending"), True
    elif any(one.is_ending for one in cell.given):
        words, is_warning = _("Ends %(day)s") % {"day": _day(cell, "j M, H:i")}, True
    elif any(one.is_unused for one in cell.given):
        words, is_warning = _("Unused 30 days"), True
    elif cell.by_role:
        words, is_warning = _("By role") if not cell.given else _("By role, and a share"), False
    elif any(one.hours for one in cell.given):
        words, is_warning = _("At set hours"), False
    elif cell.ends_at:
        words, is_warning = _("Until %(day)s") % {"day": _day(cell, "j M Y")}, False
    elif not cell.mine:
        words, is_warning = _("Given by somebody else"), False
    else:
        return ""
    return f'<small class="{"cell-note is-warn" if is_warning else "cell-note"}">{escape(words)}</small>'


def _day(cell: MatrixCell, style: str) -> str:
    return date_format(cell.ends_at, style) if cell.ends_at else ""


def about(row: MatrixPerson) -> str:
    """What stands under a name: one's own remark, what they are, or that they have not answered."""
    roles = [str(TITLES[role]) for role in Role if role.value in row.roles and role is not Role.NO_ACCESS]
    return ", ".join(filter(None, [row.remark, *roles])) or (row.address if row.account else _("Has not answered yet"))


def person_of(row: MatrixPerson) -> dict[str, Any]:
    """Somebody as templates show him."""
    return person(row.account or Person(row.key, "", row.address)) | {"is_waiting": row.account is None}
