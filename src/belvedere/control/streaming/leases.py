"""Deciding what a session may have now. The one place where a row becomes a LeaseState."""

from collections.abc import Iterable
from typing import Final

from belvedere.contracts.permissions import NONE, Permission
from belvedere.contracts.sessions import MAX_TTL_MS, LeaseState, SessionKind
from belvedere.control.access.decision import Decision
from belvedere.control.access.selectors import ResourcePath, asked_at, get_decision
from belvedere.control.accounts.selectors import list_alive_credentials
from belvedere.control.devices.selectors import list_paths
from belvedere.control.streaming.models import ViewingSession

#: kind → what a session of it may carry at most; and what it is worth nothing without
CARRIES: Final = {
    SessionKind.LIVE: (
        # Who watches live may move what he sees; the past stays as it was.
        Permission.LIVE_VIEW | Permission.LISTEN | Permission.PLAYBACK | Permission.PTZ,
        Permission.LIVE_VIEW,
    ),
    # The same socket, begun in the past.
    SessionKind.PLAYBACK: (Permission.LIVE_VIEW | Permission.LISTEN | Permission.PLAYBACK, Permission.PLAYBACK),
    SessionKind.HLS: (Permission.LIVE_VIEW | Permission.LISTEN, Permission.LIVE_VIEW),
    # A last picture that is older is a look into the past.
    SessionKind.SNAPSHOT: (Permission.LIVE_VIEW | Permission.PLAYBACK, Permission.LIVE_VIEW),
    SessionKind.EXPORT: (Permission.EXPORT | Permission.LISTEN, Permission.EXPORT),
    # Nobody speaks into a room that he may not see; through a camera that is off, nobody at all.
    SessionKind.TALK: (Permission.LIVE_VIEW | Permission.TALK, Permission.LIVE_VIEW | Permission.TALK),
}
#: the same of the past, for kinds that are of now without a start
_OF_THE_PAST: Final = {
    SessionKind.HLS: (Permission.PLAYBACK | Permission.LISTEN, Permission.PLAYBACK),
    SessionKind.SNAPSHOT: (Permission.PLAYBACK, Permission.PLAYBACK),
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
    kind = SessionKind(row.kind)
    carries, needs = _OF_THE_PAST.get(kind, CARRIES[kind]) if row.start_at else CARRIES[kind]
    if not path.is_on:
        # There is nothing to see of now; what was recorded before is still there.
        carries &= ~Permission.LIVE_VIEW
    if needs not in carries:
        return refuse(row.pk, why or "disabled")
    at = asked_at()
    decision = get_decision(row.principal, path, at=at)
    held = _carried(decision, carries, needs)
    if not held:
        return LeaseState(session=row.pk, permissions=0, why=why or "ended", by=by)
    narrow_in = narrow_to = None
    if decision.narrows_at - at <= MAX_TTL_MS / 1000:
        narrow_in = max(0, int((decision.narrows_at - at) * 1000))
        later = get_decision(row.principal, path, at=decision.narrows_at)
        narrow_to = int(held & _carried(later, carries, needs))
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


def _carried(decision: Decision, carries: Permission, needs: Permission) -> Permission:
    return decision.permissions & carries if needs in decision.permissions else NONE
