"""Tickets for the past: playback, a list of past footage, an export. What is before one's window is not there (N23)."""

from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission
from belvedere.contracts.sessions import TICKET_TTL_S, Quality, SessionKind
from belvedere.control.access.guard import check, requires, unguarded
from belvedere.control.accounts.selectors import require_fresh
from belvedere.control.core import clock
from belvedere.control.core.errors import Invalid, RateLimited, Refusal, Unavailable
from belvedere.control.core.principal import Principal
from belvedere.control.core.spans import Pair, check_period
from belvedere.control.devices.models import Camera, MediaNode
from belvedere.control.recordings.models import Export
from belvedere.control.recordings.selectors import (
    ask_coverage,
    clip_to_window,
    is_any_dark,
    list_nodes_with_footage,
)
from belvedere.control.streaming import services as streaming
from belvedere.control.streaming.services import Ticket

MAX_LIST: Final = timedelta(days=1)
MAX_EXPORT: Final = timedelta(days=1)
#: an export that is longer wants a fresh identity (threats V7.5)
FRESH_BEYOND: Final = timedelta(hours=1)
#: exports of one account at the same time
MAX_EXPORTS: Final = 3
#: playback begins where most of the time after its start is at hand
_SOON_S: Final = 3600.0
#: a picture is at hand where there is footage of so much around it
_ONE_PICTURE_S: Final = 5.0


class NothingThere(Refusal):
    """There is no footage of that time, or none that the actor may know of: one answer for both (N23)."""

    status: ClassVar[int] = 404
    code: ClassVar[str] = "nothing_there"

    @classmethod
    def default_message(cls) -> str:
        """The sentence if the caller has none."""
        return _("There is no recording of that time here that you may see.")


@unguarded("each of the services it calls is guarded by itself")
def open_ticket(
    actor: Principal,
    *,
    camera: str,
    kind: SessionKind = SessionKind.LIVE,
    quality: Quality = Quality.MAIN,
    start: datetime | None = None,
    end: datetime | None = None,
    origin: str | None = None,
) -> Ticket:
    """A ticket of any kind: of now without `start`, else of the past. Raises what the service of its kind does."""
    if kind is SessionKind.PLAYBACK and start and not end:
        return open_playback(actor, camera=camera, start=start, quality=quality, origin=origin)
    if kind is SessionKind.HLS and start:
        return open_past_list(actor, camera=camera, start=start, end=end, quality=quality, origin=origin)
    if kind is SessionKind.EXPORT and start and end:
        return open_export(actor, camera=camera, start=start, end=end, quality=quality, origin=origin)
    if kind is SessionKind.TALK and not start and not end:
        return streaming.open_talk(actor, camera=camera, origin=origin)
    if kind not in {SessionKind.LIVE, SessionKind.HLS, SessionKind.SNAPSHOT} or start or end:
        raise Invalid(
            _("Playback takes “from” alone, an export “from” and “to”, a list both, one or none; the others neither."),
            field="from",
        )
    return streaming.open_ticket(actor, camera=camera, kind=kind, quality=quality, origin=origin)


@requires(Permission.PLAYBACK, on="camera")
def open_playback(
    actor: Principal, *, camera: str, start: datetime, quality: Quality = Quality.MAIN, origin: str | None = None
) -> Ticket:
    """A ticket for the socket that plays from `start` on. What is before one's window begins with the window.

    Raises NotFound, Forbidden, NothingThere, RateLimited, Unavailable (who holds the footage does not answer).
    """
    window = _window(actor, Permission.PLAYBACK, camera, start, clock.now())
    node = _choose_node(camera, (window[0], min(window[1], window[0] + _SOON_S)), window)
    return streaming.issue_ticket(
        actor,
        camera=camera,
        kind=SessionKind.PLAYBACK,
        node=node,
        quality=quality,
        origin=origin,
        start=datetime.fromtimestamp(window[0], UTC),
    )


@requires(Permission.PLAYBACK, on="camera")
def open_past_list(
    actor: Principal,
    *,
    camera: str,
    start: datetime,
    end: datetime | None = None,
    quality: Quality = Quality.MAIN,
    origin: str | None = None,
) -> Ticket:
    """A ticket for a list of past footage (HLS), of a day at most; without `end`, up to now.

    Raises as `open_playback` does, and Invalid.
    """
    end = end or max(clock.now(), start + timedelta(microseconds=1))
    check_period(start, end, longest=MAX_LIST, message=_("A list holds a day at most."))
    window = _window(actor, Permission.PLAYBACK, camera, start, end)
    first, last = (datetime.fromtimestamp(at, UTC) for at in window)
    return streaming.issue_ticket(
        actor,
        camera=camera,
        kind=SessionKind.HLS,
        node=_choose_node(camera, window),
        quality=quality,
        origin=origin,
        start=first,
        end=last,
    )


@requires(Permission.PLAYBACK, on="camera")
def open_past_picture(actor: Principal, *, camera: str, at: datetime, origin: str | None = None) -> Ticket:
    """A ticket for what was recorded at an instant, as one picture. Raises as `open_playback` does."""
    window = _window(actor, Permission.PLAYBACK, camera, at, clock.now())
    if window[0] > at.timestamp():
        raise NothingThere
    return streaming.issue_ticket(
        actor,
        camera=camera,
        kind=SessionKind.SNAPSHOT,
        node=_choose_node(camera, (window[0], window[0] + _ONE_PICTURE_S)),
        origin=origin,
        start=at,
    )


@requires(Permission.EXPORT, on="camera")
def open_export(
    actor: Principal,
    *,
    camera: str,
    start: datetime,
    end: datetime,
    quality: Quality = Quality.MAIN,
    origin: str | None = None,
) -> Ticket:
    """A ticket for a range as one file, of a day at most. One of more than an hour needs a fresh identity.

    The export is in `list_exports`, and in the audit, from when somebody comes with the ticket. Raises NotFound,
    Forbidden, Invalid, ReauthenticationRequired, RateLimited (three at once), NothingThere, Unavailable.
    """
    check_period(start, end, longest=MAX_EXPORT, message=_("An export holds 24 hours at most. Export day by day."))
    if end - start > FRESH_BEYOND:
        require_fresh(actor)
    if _count_running(actor) >= MAX_EXPORTS:
        raise RateLimited(retry_after=10)
    window = _window(actor, Permission.EXPORT, camera, start, end)
    covered, unknown = ask_coverage(camera, *window)
    if not covered:
        raise Unavailable if unknown else NothingThere
    first, last = (datetime.fromtimestamp(at, UTC) for at in window)
    node = _choose_node(camera, window)
    with transaction.atomic():
        ticket = streaming.issue_ticket(
            actor,
            camera=camera,
            kind=SessionKind.EXPORT,
            node=node,
            quality=quality,
            origin=origin,
            start=first,
            end=last,
        )
        name = Camera.objects.values_list("name", flat=True).get(pk=camera)
        Export.objects.create(
            session_id=ticket.session, camera_id=camera, camera_name=name, by=actor.id, start_at=first, end_at=last
        )
    return ticket


def _window(actor: Principal, permission: Permission, camera: str, start: datetime, end: datetime) -> Pair:
    """The part of a period that the actor may have. Raises NothingThere."""
    decision = check(actor, permission, on="camera", resource=camera)
    earliest = decision.export_from if permission is Permission.EXPORT else decision.playback_from
    window = clip_to_window(earliest, start, end)
    if window is None:
        raise NothingThere
    return window


def _choose_node(camera: str, *windows: Pair) -> MediaNode:
    """The node that holds most of the first of these periods of which any node holds something.

    Raises NothingThere, Unavailable.
    """
    for window in windows:
        if nodes := list_nodes_with_footage(camera, *window):
            return nodes[0]
    raise Unavailable if is_any_dark(camera, *windows[-1]) else NothingThere


def _count_running(actor: Principal) -> int:
    """Exports that run now, or may begin any moment."""
    fresh = clock.now() - timedelta(seconds=TICKET_TTL_S)
    rows = Export.objects.filter(by=actor.id, signature="", session__closed_at=None)
    return rows.filter(Q(session__opened_at__isnull=False) | Q(session__issued_at__gt=fresh)).count()
