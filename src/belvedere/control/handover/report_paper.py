"""A report as a PDF: tagged, with a title, a language, bookmarks, and its signed facts inside as `report.json`."""

from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Final, Literal

import msgspec
import typst
from django.utils.translation import gettext as _

from belvedere.control.handover.report_seal import PURPOSE, SealedReport
from belvedere.control.handover.report_sheet import Sheet

_LAYOUT: Final = Path(__file__).with_name("report.typ")


@cache
def _fonts() -> typst.Fonts:
    """The typesetter's own fonts first; what they lack, as Chinese, the machine's, if it has any."""
    return typst.Fonts(include_system_fonts=True, include_embedded_fonts=True)


def print_report(sealed: SealedReport, sheet: Sheet) -> bytes:
    """The PDF. PDF/UA-1 as long as there is a glyph for every letter; else the same, tagged, with a box for it."""
    words = asdict(sheet) | {
        "proof-title": _("How to check it"),
        "proof-lead": _(
            "The facts of this report are inside this file as report.json. This installation signed them: the line "
            "“%(purpose)s”, a line feed, and that text, byte for byte, with Ed25519. Its public keys are at %(place)s."
        )
        % {"purpose": PURPOSE.strip(), "place": "/.well-known/belvedere-keys.json"},
        "facts-title": _("The facts of this report, as they were signed"),
    }
    inputs = {"sheet": msgspec.json.encode(words).decode(), "facts": sealed.text}
    try:
        return _typeset(inputs, "ua-1")
    except typst.TypstError:
        return _typeset(inputs, None)


def _typeset(inputs: dict[str, str], standard: Literal["ua-1"] | None) -> bytes:
    found = typst.compile(
        _LAYOUT.read_bytes(),
        font_paths=_fonts(),
        format="pdf",
        sys_inputs=inputs,
        pdf_standards=[standard] if standard else [],
    )
    assert isinstance(found, bytes)  # noqa: S101  one PDF is one file
    return found


def file_name(sealed: SealedReport) -> str:
    """`report-site-2026-11-22.pdf`: nothing that anybody typed."""
    report = sealed.report
    what = "handover" if report.handover else report.kind
    return f"report-{what}-{report.made_at:%Y-%m-%d}.pdf"
