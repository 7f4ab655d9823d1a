"""Deciding what a session may have now. The one place where a row becomes a LeaseState."""

from collections.abc import Iterable

from belvedere.contracts.permissions import NONE, Permission
from belvedere.contracts.sessions import MAX_TTL_MS, LeaseState, SessionKind
from belvedere.control.access.decision import Decision
from belvedere.control.access.selectors import ResourcePath, asked_at, get_decision
from belvedere.control.accounts.selectors import list_alive_credentials
from belvedere.control.devices.selectors import list_paths
from belvedere.control.streaming.models import ViewingSession

#: kind → what a session of it may carry at most; and what it is worth nothing without
CARRIES = {
    SessionKind.LIVE: (Permission.LIVE_VIEW | Permission.LISTEN | Permission.PLAYBACK, Permission.LIVE_VIEW),
}


def decide_leases(rows: Iterable[ViewingSession], *, why: str = "", by: str = "") -> list[LeaseState]:
    """What each session may have now, decided from the database as it is now."""
    rows = list(rows)
    alive = list_alive_credentials(row.credential for row in rows)
    paths = list_paths(row.camera_id for row in rows)
    return [_decide(row, paths.get(row.camera_id), is_alive=row.credential in alive, why=why, by=by) for row in rows]


def refuse(session: str, why: str) -> LeaseState:
    """Nothing, for good."""
    return LeaseState(session=session, permissions=0, why=why)


def _decide(row: ViewingSession, path: ResourcePath | None, *, is_alive: bool, why: str, by: str) -> LeaseState:
    if not is_alive:
        return refuse(row.pk, why or "signed_out")
    if path is None or not path.is_live:
        return refuse(row.pk, why or "unbound")
    if not path.is_on:
        return refuse(row.pk, "disabled")
    at = asked_at()
    decision = get_decision(row.principal, path, at=at)
    held = _carried(decision, SessionKind(row.kind))
    if not held:
        return LeaseState(session=row.pk, permissions=0, why=why or "ended", by=by)
    narrow_in = narrow_to = None
    if decision.narrows_at - at <= MAX_TTL_MS / 1000:
        narrow_in = max(0, int((decision.narrows_at - at) * 1000))
        later = get_decision(row.principal, path, at=decision.narrows_at)
        narrow_to = int(held & _carried(later, SessionKind(row.kind)))
    return LeaseState(
        session=row.pk,
        permissions=int(held),
        ttl_ms=MAX_TTL_MS,
        playback_from=_instant(decision.playback_from),
        export_from=_instant(decision.export_from),
        narrow_in_ms=narrow_in,
        narrow_to=narrow_to or 0,
        why="expired" if narrow_in is not None and not narrow_to else "",
    )


def _instant(value: float | None) -> float | None:
    """No bound at all is the beginning of time, which JSON can carry."""
    return 0.0 if value == float("-inf") else value


def _carried(decision: Decision, kind: SessionKind) -> Permission:
    carries, needs = CARRIES[kind]
    return decision.permissions & carries if needs in decision.permissions else NONE
