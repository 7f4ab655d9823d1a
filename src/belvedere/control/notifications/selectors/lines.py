"""The lines of one's inbox: of what one may be told now, and of nothing else (VA 18)."""

from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

from django.db.models import Q

from belvedere.contracts.camera_events import EventKind
from belvedere.control.core.errors import NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.principal import Principal
from belvedere.control.notifications.audience import list_allowed
from belvedere.control.notifications.models import Notification

#: Looked through for one page: of who lost much there may be many that are not shown.
_CHUNK: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one was told. `name` is what one calls the camera or panel."""

    id: str
    resource: str
    name: str
    kind: EventKind
    event: str
    count: int
    began_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class LinePage:
    """Lines, the latest first. `before`: where the next page begins; None on the last one."""

    items: list[Line]
    before: list[str] | None


def list_lines(actor: Principal, *, before: list[str] | None = None, limit: int = 30) -> LinePage:
    """One's inbox, the latest first."""
    rows = Notification.objects.filter(account=actor.id, is_kept=True).order_by("-last_at", "-pk")
    if before:
        at, pk = datetime.fromisoformat(before[0]), before[1]
        rows = rows.filter(Q(last_at__lt=at) | Q(last_at=at, pk__lt=pk))
    chunk = list(rows[: max(limit + 1, _CHUNK)])
    lines = list(islice(_lines(actor, chunk), limit + 1))
    if len(lines) > limit:
        last = lines[limit - 1]
        return LinePage(lines[:limit], [last.last_at.isoformat(), last.id])
    if len(chunk) == max(limit + 1, _CHUNK):
        return LinePage(lines, [chunk[-1].last_at.isoformat(), chunk[-1].pk])
    return LinePage(lines, None)


def get_line(actor: Principal, notification: str) -> Line:
    """One of them. Raises NotFound: also where one is not to be told of it any more (N33)."""
    row = Notification.objects.filter(pk=notification, account=actor.id).first() if is_id(notification) else None
    lines = _lines(actor, [row] if row else [])
    if not lines:
        raise NotFound
    return lines[0]


def _lines(actor: Principal, rows: list[Notification]) -> list[Line]:
    allowed = list_allowed([(actor.id, row.resource, row.kind) for row in rows], is_muted=False) if rows else {}
    return [
        Line(
            id=row.pk,
            resource=row.resource,
            name=allowed[actor.id, row.resource, row.kind],
            kind=EventKind(row.kind),
            event=row.event,
            count=row.count,
            began_at=row.began_at,
            last_at=row.last_at,
        )
        for row in rows
        if (actor.id, row.resource, row.kind) in allowed
    ]
