"""`/report`: who can see a place and why, as signed facts and as a PDF; of now, or of a handover as it was."""

from typing import Any, Final, Literal

from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from ninja import Query, Router
from pydantic import Field

from belvedere.control.api.auth import actor_of
from belvedere.control.api.schemas import Id, In, Out, problems
from belvedere.control.core import limits
from belvedere.control.core.errors import Invalid
from belvedere.control.core.principal import Principal
from belvedere.control.handover.report_facts import get_kept_report, make_report
from belvedere.control.handover.report_paper import file_name, print_report
from belvedere.control.handover.report_seal import SealedReport, seal
from belvedere.control.handover.report_sheet import make_sheet

router = Router(tags=["reports"])
#: the same count as the pages': of one person
REPORTS_AN_HOUR: Final = 120

_REFUSALS: Final = problems(401, 403, 404, 422, 429)
_PDF: Final[dict[str, Any]] = {
    "responses": {200: {"description": "The report.", "content": {"application/pdf": {"schema": {"type": "string"}}}}}
}


class ReportQuery(In):
    """What it is about: one of the three."""

    organization: Id | None = None
    site: Id | None = None
    device: Id | None = None

    def subject(self) -> tuple[Literal["organization", "site", "device"], str]:
        """The one that is said. Raises Invalid."""
        if self.organization and not (self.site or self.device):
            return "organization", self.organization
        if self.site and not (self.organization or self.device):
            return "site", self.site
        if self.device and not (self.organization or self.site):
            return "device", self.device
        raise Invalid(_("Name one organization, one site or one device."), field="organization")


class ReportOut(Out):
    """Signed facts. Verify `signature` over the line `belvedere report 1`, a line feed, and `facts` as it stands."""

    facts: str = Field(description="JSON, exactly as it was signed")
    digest: str = Field(description="SHA-256 of `facts`, hex")
    key: str = Field(description="which of the keys at /.well-known/belvedere-keys.json")
    signature: str = Field(description="Ed25519, base64")

    @classmethod
    def of(cls, sealed: SealedReport) -> "ReportOut":
        """From what selectors return."""
        return cls(facts=sealed.text, digest=sealed.digest, key=sealed.key, signature=sealed.signature)


@router.get("/report", response={200: ReportOut, **_REFUSALS})
def report(request: HttpRequest, query: Query[ReportQuery]) -> ReportOut:
    """Who can see an organization, a site or a device just now, and why. Needs `manage` on all of it."""
    return ReportOut.of(_fresh(actor_of(request), query))


@router.get("/report.pdf", response={200: None, **_REFUSALS}, openapi_extra=_PDF)
def report_pdf(request: HttpRequest, query: Query[ReportQuery]) -> HttpResponse:
    """The same as a PDF, with the signed facts inside. Needs `manage` on all of it."""
    return _paper(_fresh(actor_of(request), query))


@router.get("/handovers/{handover_id}/report", response={200: ReportOut, **_REFUSALS})
def handover_report(request: HttpRequest, handover_id: str) -> ReportOut:
    """What a handover ended in, as it was then: for both sides of an organization's, else for the new owner."""
    return ReportOut.of(get_kept_report(actor_of(request), handover_id))


@router.get("/handovers/{handover_id}/report.pdf", response={200: None, **_REFUSALS}, openapi_extra=_PDF)
def handover_report_pdf(request: HttpRequest, handover_id: str) -> HttpResponse:
    """The same as a PDF, with the signed facts inside."""
    return _paper(get_kept_report(actor_of(request), handover_id))


def _fresh(actor: Principal, query: ReportQuery) -> SealedReport:
    kind, subject = query.subject()
    limits.hit("report", actor.id, limit=REPORTS_AN_HOUR, per_s=3600)
    return seal(make_report(actor, kind=kind, subject=subject))


def _paper(sealed: SealedReport) -> HttpResponse:
    language = get_language() or "en"
    response = HttpResponse(print_report(sealed, make_sheet(sealed, language=language)), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{file_name(sealed)}"'
    return response
