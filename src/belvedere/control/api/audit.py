"""`/audit`: who did what to which thing, when, from where; and all of it as a file."""

from datetime import UTC, datetime
from typing import Any, Final, Literal

from django.http import HttpRequest, StreamingHttpResponse
from django.utils.translation import gettext as _
from ninja import Query, Router
from pydantic import AwareDatetime, Field

from belvedere.control.api.auth import actor_of
from belvedere.control.api.pages import DEFAULT_LIMIT, MAX_LIMIT, seal, unseal
from belvedere.control.api.schemas import In, Out, problems
from belvedere.control.audit.exports import csv_lines, json_lines
from belvedere.control.audit.selectors import EntryFilter, EntryView, iterate_entries, list_entries
from belvedere.control.core import clock, limits
from belvedere.control.core.errors import Invalid
from belvedere.control.organizations.oversight import find_audit_scope

router = Router(tags=["audit"])
EXPORTS_AN_HOUR: Final = 20


class AuditQuery(In):
    """Which organization's, and what to look for. All filters hold at once."""

    organization: str
    person: str = Field(default="", max_length=254, description="an account's id, or a part of a name or address")
    thing: str = Field(default="", max_length=60, description="`kind:id`, or a kind alone: `share`")
    action: str = Field(default="", max_length=60, description="`share.offered`, or a group alone: `share`")
    from_: AwareDatetime | None = Field(default=None, alias="from", description="from this instant on")
    to: AwareDatetime | None = Field(default=None, description="before this instant")

    def filter(self) -> EntryFilter:
        """As selectors take it."""
        return EntryFilter(
            person=self.person, thing=self.thing, action=self.action, start=_utc(self.from_), end=_utc(self.to)
        )


class AuditPageQuery(AuditQuery):
    """One page of it."""

    limit: int = DEFAULT_LIMIT
    cursor: str | None = None


class AuditExportQuery(AuditQuery):
    """All of it, as a file."""

    format: Literal["csv", "jsonl"] = "csv"


class ActorOut(Out):
    """Who did it, by the name borne then."""

    id: str
    name: str
    kind: str = Field(description="account, or system: the server itself, or its operator")


class EntryOut(Out):
    """One entry. What was erased is null, and stays in the chain as a digest."""

    sequence: int
    at: datetime
    action: str
    thing: str
    site: str | None
    change_id: str | None
    actor: ActorOut | None
    address: str | None
    details: dict[str, Any] | None
    digest: str

    @classmethod
    def of(cls, view: EntryView) -> "EntryOut":
        """From what selectors return."""
        actor = ActorOut(id=view.text("actor"), name=view.text("actor_name"), kind=view.text("actor_kind"))
        return cls(
            sequence=view.sequence,
            at=view.at,
            action=view.action,
            thing=view.thing,
            site=view.site or None,
            change_id=view.change_id or None,
            actor=None if view.is_erased else actor,
            address=None if view.is_erased else view.text("address"),
            details=None if view.is_erased else view.details,
            digest=view.digest,
        )


class EntriesOut(Out):
    """Entries, the latest first."""

    items: list[EntryOut]
    next: str | None = None


_REFUSALS = problems(400, 401, 403, 404, 422)


@router.get("/audit", response={200: EntriesOut, **_REFUSALS})
def audit(request: HttpRequest, query: Query[AuditPageQuery]) -> EntriesOut:
    """Entries of one organization, the latest first. Needs `manage`; who manages single sites reads those alone."""
    actor = actor_of(request)
    scope = find_audit_scope(actor, query.organization)
    # Sealed to the caller and to every part of the question (N13).
    listing = f"audit:{query.model_dump_json(exclude={'limit', 'cursor'})}"
    page = list_entries(
        scope,
        query.filter(),
        before=unseal(query.cursor, actor=actor, listing=listing) if query.cursor else None,
        limit=max(1, min(query.limit, MAX_LIMIT)),
    )
    following = seal(page.before, actor=actor, listing=listing) if page.before else None
    return EntriesOut(items=[EntryOut.of(view) for view in page.items], next=following)


@router.get(
    "/audit/export",
    response={200: None, **_REFUSALS, **problems(429)},
    openapi_extra={
        "responses": {
            200: {
                "description": "The entries, the first first.",
                "content": {"text/csv": {"schema": {"type": "string"}}, "application/jsonl": {}},
            }
        }
    },
)
def export_audit(request: HttpRequest, query: Query[AuditExportQuery]) -> StreamingHttpResponse:
    """All entries that match, the first first, streamed. Needs `manage`, as `GET /audit`.

    CSV has a row for each; a cell that a spreadsheet would compute begins with an apostrophe. JSON lines hold all that
    the digests are computed from.
    """
    actor = actor_of(request)
    scope = find_audit_scope(actor, query.organization)
    limits.hit("audit.export", actor.id, limit=EXPORTS_AN_HOUR, per_s=3600)
    entries = iterate_entries(scope, query.filter())
    lines, kind = (
        (csv_lines(entries), "text/csv; charset=utf-8")
        if query.format == "csv"
        else (json_lines(entries), "application/jsonl")
    )
    response = StreamingHttpResponse(lines, content_type=kind)
    name = f"audit-{clock.now():%Y-%m-%d}.{query.format}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _utc(at: datetime | None) -> datetime | None:
    try:
        return at.astimezone(UTC) if at else None
    except OverflowError:
        raise Invalid(_("That instant lies outside all calendars.")) from None
