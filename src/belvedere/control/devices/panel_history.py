"""What became of a security panel: who told it what, by the audit, and what it said of itself. The past of a panel is
for those who set it up, as its events are (ADR 0020).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from belvedere.contracts.panels import PanelAct, PanelAnswerCode, PanelStateWord
from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import check
from belvedere.control.audit.selectors import EntryFilter, EntryView, Scope, list_entries
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Device, PanelChange

_COMMANDED: Final = "panel.commanded"


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelLine:
    """One line: somebody told it something (`entry`, `act`); or did, and it was not confirmed (`outcome`, too); or it
    said how it is by then (`state`).
    """

    at: datetime
    entry: EntryView | None = None
    act: PanelAct | None = None
    outcome: PanelAnswerCode | None = None
    state: PanelStateWord | None = None


@dataclass(frozen=True, slots=True)
class PanelHistory:
    """Lines, the latest first. `before` is where the next page goes on, None at the end."""

    items: list[PanelLine]
    before: datetime | None


def list_panel_history(
    actor: Principal, panel: str, *, before: datetime | None = None, limit: int = 50
) -> PanelHistory:
    """A page of a panel's history. A constant number of queries. Raises NotFound, Forbidden without `configure`."""
    # When a home is left and come back to is its members' business.
    check(actor, Permission.CONFIGURE, on="panel", resource=panel, of_member=True)
    organization = Device.objects.values_list("organization_id", flat=True).get(pk=panel)
    entries = list_entries(
        Scope(organization, None),
        EntryFilter(thing=f"device:{panel}", action="panel", end=before),
        limit=limit + 1,
    ).items
    changes = PanelChange.objects.filter(panel=panel)
    if before:
        changes = changes.filter(at__lt=before)
    said = changes.order_by("-at", "-pk").values_list("at", "state")[: limit + 1]
    lines = [_told(entry) for entry in entries]
    lines += [PanelLine(at=at, state=PanelStateWord(word)) for at, word in said]
    lines.sort(key=lambda line: line.at, reverse=True)
    page = lines[:limit]
    # Lines of one instant stay on one page: an instant is where the next one goes on.
    page += [line for line in lines[limit:] if line.at == page[-1].at]
    return PanelHistory(page, page[-1].at if len(lines) > len(page) else None)


def _told(entry: EntryView) -> PanelLine:
    """Fields are empty once they were erased; that it was told something stays."""
    act, outcome = entry.text("command"), entry.text("outcome")
    return PanelLine(
        at=entry.at,
        entry=entry,
        act=PanelAct(act) if act else None,
        outcome=PanelAnswerCode(outcome or "unanswered") if entry.action != _COMMANDED else None,
    )
