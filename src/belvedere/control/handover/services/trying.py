"""What of an access test media nodes try, with tickets in the person's name; and what is decided without them.

A ticket is issued whether the permission is granted or not: that it opens nothing is what is to be seen (VA 15).
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from belvedere.contracts import subjects
from belvedere.contracts.camera_events import EventKind
from belvedere.contracts.permissions import Permission
from belvedere.contracts.sessions import SessionKind
from belvedere.contracts.trials import TAKEN_WITHIN_S, Trial, TryRequest, TryTaken
from belvedere.control.access.decision import Decision
from belvedere.control.access.selectors import GrantsOfPrincipal, ResourcePath
from belvedere.control.accounts.models import Account
from belvedere.control.core import clock, media
from belvedere.control.core.errors import Unavailable
from belvedere.control.core.principal import Principal
from belvedere.control.devices.selectors import find_node_of, list_paths
from belvedere.control.handover.models import AccessTest, AccessTestResult
from belvedere.control.handover.selectors.access_tests import LOCAL
from belvedere.control.handover.services.access_tests import finish_test
from belvedere.control.notifications.audience import list_allowed
from belvedere.control.outbox.services import Again
from belvedere.control.recordings.selectors import UNREADABLE, list_placements
from belvedere.control.streaming.services.probing import issue_probe

#: playback begins so long before the end of what is there
_BACK: Final = timedelta(seconds=10)
_SECOND: Final = timedelta(seconds=1)
_PRESENT: Final = {
    Permission.LIVE_VIEW: SessionKind.LIVE,
    Permission.PTZ: SessionKind.LIVE,
    Permission.TALK: SessionKind.TALK,
}
#: what is decided, and has no socket to be tried at
_DECIDED: Final = frozenset({Permission.NOTIFY, Permission.ARM})


@dataclass(frozen=True, slots=True)
class _Goal:
    """Where a ticket is to lead. `why` instead of a node: it cannot be tried."""

    kind: SessionKind = SessionKind.LIVE
    node: str = ""
    start: datetime | None = None
    end: datetime | None = None
    why: str = ""


def try_access(payload: dict[str, str]) -> None:
    """Send what is to be tried to the nodes. Handler of `access_test.started`; twice does no harm."""
    test = AccessTest.objects.get(pk=payload["test"])
    rows = list(test.results.filter(at=None, session=""))
    if not rows or clock.now() >= test.ends_at:
        return
    asker = Principal(id=test.asker, name="", credential=payload["credential"])
    trials = _prepare(asker, test, rows)
    AccessTestResult.objects.bulk_update(
        rows, ["granted", "worked", "why", "took_ms", "network", "at", "session"], batch_size=100
    )
    finish_test(test)
    refused = [node for node, some in trials.items() if not _send(node, some)]
    if refused:
        # The node has its hands full, or does not answer: other tickets, in a moment, for as long as the test runs.
        sessions = [trial.session for node in refused for trial in trials[node]]
        test.results.filter(session__in=sessions, at=None).update(session="")
        raise Again(in_s=1)


def _send(node: str, trials: list[Trial]) -> bool:
    subject = subjects.of_node(subjects.SESSION_TRY, node)
    try:
        return media.ask(subject, TryRequest(trials), TryTaken, timeout=TAKEN_WITHIN_S).accepted
    except Unavailable:
        return False


def _prepare(asker: Principal, test: AccessTest, rows: list[AccessTestResult]) -> dict[str, list[Trial]]:
    """Node → what it is to try. What needs no node is answered in its row."""
    paths = list_paths(row.camera_id for row in rows)
    grants = GrantsOfPrincipal(test.account)
    can_sign_in = Account.objects.filter(pk=test.account, is_active=True).exists()
    told = list_allowed([(test.account, camera, EventKind.MOTION) for camera in paths])
    trials: dict[str, list[Trial]] = defaultdict(list)
    for row in rows:
        permission, path = Permission[row.permission.upper()], paths[row.camera_id]
        decision = grants.decide(path)
        row.granted = can_sign_in and decision.allows(permission)
        if not can_sign_in:
            _answer(row, worked=False, why="no_sign_in")
        elif permission is Permission.NOTIFY:
            is_told = (test.account, row.camera_id, EventKind.MOTION) in told
            _answer(row, worked=is_told, why="" if is_told else "muted" if row.granted else "refused")
        elif permission in _DECIDED:
            _answer(row, worked=row.granted, why="" if row.granted else "refused")
        elif (goal := _goal_of(permission, path, decision)).why:
            _answer(row, worked=False, why=goal.why)
        else:
            row.session, secret = issue_probe(
                asker,
                principal=test.account,
                camera=row.camera_id,
                kind=goal.kind,
                node=goal.node,
                start=goal.start,
                end=goal.end,
            )
            trials[goal.node].append(Trial(row.session, secret, row.permission))
    return trials


def _answer(row: AccessTestResult, *, worked: bool, why: str) -> None:
    row.worked, row.why, row.took_ms, row.network, row.at = worked, why, 0, LOCAL, clock.now()


def _goal_of(permission: Permission, path: ResourcePath, decision: Decision) -> _Goal:
    # Sound of the past is for who may see nothing of now, but may look back.
    is_past = permission in Permission.PLAYBACK | Permission.EXPORT or (
        permission is Permission.LISTEN
        and decision.allows(Permission.PLAYBACK)
        and not decision.allows(Permission.LIVE_VIEW)
    )
    if is_past:
        return _past_goal(permission, path, decision)
    node = find_node_of(path.leaf)
    if not path.is_on or node is None:
        return _Goal(why="offline" if path.is_on else "switched_off")
    return _Goal(_PRESENT.get(permission, SessionKind.LIVE), node.pk)


def _past_goal(permission: Permission, path: ResourcePath, decision: Decision) -> _Goal:
    """The last seconds there are, or what is a minute ago where there are none: to be refused needs no footage."""
    is_export = permission is Permission.EXPORT
    kind = SessionKind.EXPORT if is_export else SessionKind.PLAYBACK
    earliest = decision.export_from if is_export else decision.playback_from
    held = _find_footage(path.leaf)
    if held is None:
        node = find_node_of(path.leaf)
        if earliest is not None or node is None:
            return _Goal(why="no_footage" if node else "offline")
        start = clock.now() - timedelta(minutes=1)
        return _Goal(kind, node.pk, start, start + _SECOND if is_export else None)
    name, first, last = held
    since = max(first, last - _BACK)
    if earliest is not None and earliest > since.timestamp():
        since = datetime.fromtimestamp(earliest, UTC)
    if earliest is not None and since > last - _SECOND:
        return _Goal(why="no_footage")
    return _Goal(kind, name, since, since + _SECOND if is_export else None)


def _find_footage(camera: str) -> tuple[str, datetime, datetime] | None:
    """Who holds the latest of it, from when to when."""
    places = [
        (place.last_at, place.first_at, place.volume.node)
        for place in list_placements(camera, 0, clock.now().timestamp())
        if place.first_at and place.last_at and place.volume.state not in UNREADABLE
    ]
    if not places:
        return None
    last, first, node = max(places)
    return node, first, last
