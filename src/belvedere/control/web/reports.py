"""Reports: who can see a place and why, on a page and on paper; of now, or of the day it changed hands."""

from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_GET

from belvedere.control.core import limits
from belvedere.control.core.errors import NotFound
from belvedere.control.core.requests import principal_of
from belvedere.control.handover.report import Kind
from belvedere.control.handover.report_facts import get_kept_report, make_report
from belvedere.control.handover.report_paper import file_name, print_report
from belvedere.control.handover.report_seal import SealedReport, seal
from belvedere.control.handover.report_sheet import make_sheet
from belvedere.control.web.errors import answers_refusals

#: of one person: a report of a large place reads much
REPORTS_AN_HOUR: Final = 120
_KINDS: Final[tuple[Kind, ...]] = ("organization", "site", "device")


@require_GET
@answers_refusals
def report(request: HttpRequest) -> HttpResponse:
    """Of an organization, a site or a device that one manages, as it is now."""
    kind, subject = _subject(request)
    return _page(request, _fresh(request), paper_url=f"{reverse('report-paper')}?{urlencode([(kind, subject)])}")


@require_GET
@answers_refusals
def report_paper(request: HttpRequest) -> HttpResponse:
    """The same as a PDF."""
    return paper(_fresh(request))


@require_GET
@answers_refusals
def handover_report(request: HttpRequest, handover_id: str) -> HttpResponse:
    """What one of one's own handovers ended in, as it was then."""
    sealed = get_kept_report(principal_of(request), handover_id)
    return _page(request, sealed, paper_url=reverse("handover-report-paper", args=[handover_id]))


@require_GET
@answers_refusals
def handover_report_paper(request: HttpRequest, handover_id: str) -> HttpResponse:
    """The same as a PDF."""
    return paper(get_kept_report(principal_of(request), handover_id))


def _subject(request: HttpRequest) -> tuple[Kind, str]:
    found = [(kind, request.GET[kind]) for kind in _KINDS if kind in request.GET]
    if len(found) != 1:
        raise NotFound
    return found[0]


def _fresh(request: HttpRequest) -> SealedReport:
    actor = principal_of(request)
    kind, subject = _subject(request)
    limits.hit("report", actor.id, limit=REPORTS_AN_HOUR, per_s=3600)
    return seal(make_report(actor, kind=kind, subject=subject))


def _page(request: HttpRequest, sealed: SealedReport, *, paper_url: str) -> HttpResponse:
    context: dict[str, Any] = {
        "nav": "admin",
        "sheet": make_sheet(sealed),
        "is_ours": sealed.is_ours(),
        "is_kept": bool(sealed.report.handover),
        "paper_url": paper_url,
    }
    return render(request, "web/report.html", context)


def paper(sealed: SealedReport) -> HttpResponse:
    """The PDF, to be kept in a folder."""
    language = get_language() or "en"
    response = HttpResponse(print_report(sealed, make_sheet(sealed, language=language)), content_type="application/pdf")
    # From kind and day alone: a name of somebody's has no business in a header (N24).
    response["Content-Disposition"] = f'attachment; filename="{file_name(sealed)}"'
    return response
