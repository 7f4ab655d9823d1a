"""The audit as a file: CSV for people with a spreadsheet, JSON lines for programs that verify it themselves."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Final

from belvedere.control.audit.models import instant
from belvedere.control.audit.selectors import EntryView

#: a spreadsheet takes a cell that begins so for a formula (N32)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
COLUMNS: Final = (
    *("sequence", "at", "actor", "actor_name", "actor_kind", "address", "action", "thing", "site", "change_id"),
    *("details", "digest"),
)


def csv_lines(entries: Iterable[EntryView]) -> Iterator[str]:
    """Rows with a head; `details` as JSON. Erased fields are empty."""
    yield _row(COLUMNS)
    for entry in entries:
        yield _row(
            (
                str(entry.sequence),
                instant(entry.at),
                entry.text("actor"),
                entry.text("actor_name"),
                entry.text("actor_kind"),
                entry.text("address"),
                entry.action,
                entry.thing,
                entry.site,
                entry.change_id,
                json.dumps(entry.details, ensure_ascii=False, sort_keys=True) if entry.details else "",
                entry.digest,
            )
        )


def json_lines(entries: Iterable[EntryView]) -> Iterator[str]:
    """One object a line, with all that the digests are computed from."""
    for entry in entries:
        yield json.dumps(asdict(entry) | {"at": instant(entry.at)}, ensure_ascii=False) + "\n"


def _row(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(harmless(cell) for cell in cells)
    return line.getvalue()


def harmless(cell: str) -> str:
    """A cell that no spreadsheet computes: a leading apostrophe makes it text."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
