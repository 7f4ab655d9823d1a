"""The control side of a viewing session. The order of the steps is the proof; ADR 0003 says why.

ticket      guard decides → row → secret, good for 30 s, carries no right
open        claim by conditional UPDATE, *commit*, then look: credential, decision → lease
renew       decided anew each time; unknown, closed, other run, dead credential → ended
loss        after the commit of the loss: open rows touched → decide each → push → receipt
"""

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import batched
from typing import Final

import structlog
from django.db import OperationalError, transaction
from django.db.models import F

from belvedere.contracts import subjects
from belvedere.contracts.permissions import Permission
from belvedere.contracts.recordings import JOIN_S, SessionWatched
from belvedere.contracts.sessions import (
    MAX_TTL_MS,
    PUSH_TIMEOUT_S,
    RENEW_BATCH,
    RENEW_EVERY_S,
    TICKET_TTL_S,
    LeasePush,
    LeaseReceipt,
    LeaseState,
    OpenReply,
    OpenRequest,
    Quality,
    RenewReply,
    RenewRequest,
    SessionClosed,
    SessionKind,
)
from belvedere.control.access.guard import requires, unguarded
from belvedere.control.access.selectors import list_principals_of_change
from belvedere.control.accounts.models import digest_of
from belvedere.control.accounts.selectors import Person, get_persons
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock, limits, media, spans, sql
from belvedere.control.core.errors import RateLimited, SwitchedOff, Unavailable
from belvedere.control.core.ids import is_id
from belvedere.control.core.networks import place_of
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import MediaNode
from belvedere.control.devices.selectors import find_camera_path, find_node_of
from belvedere.control.outbox.services import Again
from belvedere.control.streaming.leases import decide_leases, refuse
from belvedere.control.streaming.models import ViewingSession, WatchedSpan
from belvedere.control.streaming.selectors import find_talker

log = structlog.get_logger(__name__)

MAX_SESSIONS: Final = 256
#: what is fetched by plain HTTP, where the others are sockets
BY_HTTP: Final = frozenset({SessionKind.HLS, SessionKind.EXPORT, SessionKind.SNAPSHOT})
#: more pieces than this of one session are no watching any more; the first ones stay
MAX_WATCHED: Final = 1000
KEEP: Final = timedelta(days=90)
#: who presses the button again within this goes on with what he was saying
CONVERSATION: Final = timedelta(minutes=10)
ROUND: Final = timedelta(seconds=RENEW_EVERY_S)
_TTL: Final = timedelta(milliseconds=MAX_TTL_MS)
_OPEN: Final = "SELECT * FROM streaming_viewingsession WHERE opened_at IS NOT NULL AND closed_at IS NULL"
_CLOSE: Final = "UPDATE streaming_viewingsession SET closed_at = %s WHERE id = %s"


@dataclass(frozen=True, slots=True)
class Ticket:
    """What opens a media session, once, soon."""

    session: str
    camera: str
    url: str
    expires_at: datetime


@requires(Permission.LIVE_VIEW, on="camera")
def open_ticket(
    actor: Principal,
    *,
    camera: str,
    kind: SessionKind = SessionKind.LIVE,
    quality: Quality = Quality.MAIN,
    origin: str | None = None,
) -> Ticket:
    """A ticket for what is now: live, hls or snapshot. `origin` is where the asking page stands; None for API tokens.

    Raises NotFound, Forbidden, RateLimited, SwitchedOff, Unavailable (no media node carries the camera just now).
    """
    return issue_ticket(actor, camera=camera, kind=kind, node=_node_of_now(camera), quality=quality, origin=origin)


@requires(Permission.TALK, on="camera")
def open_talk(actor: Principal, *, camera: str, origin: str | None = None) -> Ticket:
    """A ticket to speak through a camera. Whether it can be spoken through is for the node to find out.

    Raises NotFound, Forbidden, RateLimited, SwitchedOff, Unavailable.
    """
    return issue_ticket(actor, camera=camera, kind=SessionKind.TALK, node=_node_of_now(camera), origin=origin)


def _node_of_now(camera: str) -> MediaNode:
    """Who carries a camera just now. Raises SwitchedOff, Unavailable."""
    path = find_camera_path(camera)
    if path is not None and not path.is_on:
        raise SwitchedOff
    node = find_node_of(camera)
    if node is None:
        raise Unavailable
    return node


def issue_ticket(
    actor: Principal,
    *,
    camera: str,
    kind: SessionKind,
    node: MediaNode,
    quality: Quality = Quality.MAIN,
    origin: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Ticket:
    """The ticket itself, for the services whose guard has decided. Raises RateLimited."""
    limits.hit("ticket", actor.id, limit=1200, per_s=60)
    at = clock.now()
    mine = ViewingSession.objects.filter(principal=actor.id, probed_by="", opened_at__isnull=False, closed_at=None)
    if mine.count() >= MAX_SESSIONS:
        raise RateLimited(retry_after=10)
    secret = secrets.token_urlsafe(16)
    row = ViewingSession.objects.create(
        secret_hash=digest_of(secret),
        principal=actor.id,
        credential=actor.credential,
        camera_id=camera,
        kind=kind,
        quality=quality,
        start_at=start,
        end_at=end,
        origin=origin,
        issued_at=at,
        node=node.pk,
    )
    socket = "talk" if kind is SessionKind.TALK else "live"
    address = f"http{node.url.removeprefix('ws')}/media/v1/open" if kind in BY_HTTP else f"{node.url}/media/v1/{socket}"
    return Ticket(row.pk, camera, f"{address}?ticket={row.pk}.{secret}", at + timedelta(seconds=TICKET_TTL_S))


@unguarded("asked by the media node; the ticket's secret is the proof, and the decision is taken here")
def claim_session(node: str, request: OpenRequest) -> OpenReply:
    """Somebody came to a node with a ticket. Claim, commit, *then* look."""
    session = request.session if is_id(request.session) else ""
    at = clock.now()
    # Autocommit: when this returns, the claim is committed, and every loss from here on sees an open session.
    claimed = ViewingSession.objects.filter(
        pk=session,
        secret_hash=digest_of(request.secret),
        node=node,
        opened_at=None,
        closed_at=None,
        issued_at__gt=at - timedelta(seconds=TICKET_TTL_S),
    ).update(opened_at=at, renewed_at=at, run=request.run, network=place_of(request.peer))
    if not claimed:
        return OpenReply(refuse(session, "not_found"))
    row = ViewingSession.objects.get(pk=session)
    if not _is_right_origin(row, request.origin):
        _close([row.pk], why="wrong_origin", at=at)
        return OpenReply(refuse(session, "not_found"))
    lease = decide_leases([row])[0]
    if lease.is_ended:
        _close([row.pk], why=lease.why, at=at)
    start, end = (at.timestamp() if at else None for at in (row.start_at, row.end_at))
    path = find_camera_path(row.camera_id) if row.kind == SessionKind.TALK and not lease.is_ended else None
    holder = find_talker(row.principal, path, but=row.pk) if path else ""
    return OpenReply(
        lease,
        row.camera_id,
        SessionKind(row.kind),
        Quality(row.quality),
        start,
        end,
        holder,
        is_probe=bool(row.probed_by),
    )


@unguarded("told by the opening of its session, which decided; the ticket was guarded")
@transaction.atomic
def record_talk_opened(session: str, *, address: str) -> None:
    """Somebody came with a ticket to speak: the audit says who, through which camera, from where.

    Once for a conversation: each press of the button is a session, and stands in the ledger by itself.
    """
    row = ViewingSession.objects.select_related("camera").get(pk=session)
    since = (row.opened_at or row.issued_at) - CONVERSATION
    before = ViewingSession.objects.filter(principal=row.principal, camera=row.camera_id, kind=SessionKind.TALK)
    before = before.filter(probed_by="")
    if before.filter(opened_at__gt=since).exclude(pk=session).exists():
        return
    person = get_persons([row.principal]).get(row.principal, Person(row.principal, "", ""))
    write_entry(
        actor=Principal(id=row.principal, name=person.name, email=person.email, address=address),
        action="camera.spoken_through",
        thing=f"camera:{row.camera_id}",
        organization=row.camera.organization_id,
        site=row.camera.site_id,
        name=row.camera.name,
    )


def _is_right_origin(row: ViewingSession, came_from: str | None) -> bool:
    """A page's ticket works on that page's origin alone; a program's works in no browser.

    Pictures, downloads and a video's source come without an origin from any page; what was made for one by hand, with
    `fetch`, says where from.
    """
    if row.origin is None:
        return came_from is None
    if came_from is None:
        return row.kind in BY_HTTP
    return hmac.compare_digest(row.origin.encode(), came_from.encode())


@unguarded("asked by the media node; every answer is decided anew")
def renew_sessions(node: str, request: RenewRequest) -> RenewReply:
    """Are these still so? And what a node does not ask for any more is over."""
    asked = request.sessions[:RENEW_BATCH]
    rows = list(ViewingSession.objects.filter(pk__in=asked, node=node, run=request.run, closed_at=None))
    leases = decide_leases(rows)
    known = {row.pk for row in rows}
    leases += [refuse(session, "not_found") for session in asked if session not in known]
    try:
        _note_round(node, request, leases, known)
    except OperationalError:
        # A full disk: nobody's right can end there either, so what was read still holds. Our books wait a round.
        log.warning("renewal_not_written")
    return RenewReply(leases)


def _note_round(node: str, request: RenewRequest, leases: list[LeaseState], known: set[str]) -> None:
    ended = [lease for lease in leases if lease.is_ended and lease.session in known]
    for lease in ended:
        _close([lease.session], why=lease.why, at=clock.now())
    at = clock.now()
    ViewingSession.objects.filter(pk__in=known).update(renewed_at=at)
    if request.last:
        # Missing from two full rounds: its socket is gone, and the word of it was lost.
        missing = ViewingSession.objects.filter(node=node, run=request.run, closed_at=None)
        _close(missing.filter(renewed_at__lt=at - 2.2 * ROUND).values_list("pk", flat=True), why="lost", at=at)


@unguarded("said by the media node of its own sockets")
def record_closed(node: str, closed: SessionClosed) -> None:
    """A socket ended by itself. A session that a change has ended keeps that change's reason."""
    at = min(datetime.fromtimestamp(closed.at, UTC), clock.now())
    rows = ViewingSession.objects.filter(pk=closed.session, node=node, run=closed.run, closed_at=None)
    rows.filter(closed_why="").update(closed_at=at, closed_why=closed.why[:40])
    rows.exclude(closed_why="").update(closed_at=at)


@unguarded("said by the media node of its own sessions")
@transaction.atomic
def record_watched(node: str, watched: SessionWatched) -> None:
    """These parts of the past went to a viewer. Said twice, or after the end, it is as true as said once."""
    row = ViewingSession.objects.filter(pk=watched.session, node=node, run=watched.run, opened_at__isnull=False).first()
    if row is None:
        return
    known = [(span.start_at.timestamp(), span.end_at.timestamp()) for span in row.watched_spans.all()]
    said = spans.clip(((span.start, span.end) for span in watched.spans), 0, clock.now().timestamp())
    row.watched_spans.all().delete()
    WatchedSpan.objects.bulk_create(
        WatchedSpan(session=row, start_at=datetime.fromtimestamp(start, UTC), end_at=datetime.fromtimestamp(end, UTC))
        for start, end in spans.join([*known, *said], within_s=JOIN_S)[:MAX_WATCHED]
    )


@unguarded("said by the media node itself: a fresh run fences all older ones")
def fence_node(node: str, run: str) -> None:
    """Close what older runs of this node had open. Tickets that were never opened stay good: the new run may."""
    rows = ViewingSession.objects.filter(node=node, opened_at__isnull=False, closed_at=None).exclude(run=run)
    _close(list(rows.values_list("pk", flat=True)), why="node_restarted", at=clock.now())


def _close(sessions: Iterable[str], *, why: str, at: datetime) -> None:
    sessions = list(sessions)
    if sessions:
        ViewingSession.objects.filter(pk__in=sessions, closed_at=None).update(closed_at=at, closed_why=why[:40])


# ── Loss: handlers of the outbox, run right after the commit of the change, again each second until the receipt ──


def cut_lost_access(payload: dict[str, str]) -> None:
    """Grants ended: look at every open session of everybody who lost one. Handler of `access.lost`."""
    principals = list_principals_of_change(payload["change_id"])
    rows = _list_open("principal", principals)
    _cut(rows, change_id=payload["change_id"], why=payload["why"], by=payload.get("by", ""))


def cut_lost_credentials(payload: dict[str, list[str]]) -> None:
    """Credentials died: everything opened through them ends. Handler of `credential.lost`."""
    rows = _list_open("credential", payload["credentials"])
    _cut(rows, change_id=str(payload["change_id"]), why=str(payload["why"]), by="")


def cut_changed_cameras(payload: dict[str, list[str]]) -> None:
    """Cameras closed or moved: every session on them is decided anew. Handler of `cameras.closed`, `cameras.moved`."""
    rows = _list_open("camera_id", payload["cameras"])
    _cut(rows, change_id=str(payload["change_id"]), why=str(payload["why"]), by="")


def cut_frozen_organization(payload: dict[str, str]) -> None:
    """An organization is frozen: every session on its cameras is decided anew. Handler of `organization.frozen`."""
    of_it = "camera_id IN (SELECT id FROM devices_camera WHERE organization_id = %s)"
    rows = list(ViewingSession.objects.raw(f"{_OPEN} AND {of_it}", [payload["organization"]]))
    _cut(rows, change_id=payload["change_id"], why="frozen", by=payload["by"])


def _list_open(column: str, values: list[str]) -> list[ViewingSession]:
    """Sessions open now whose `column` is one of these."""
    if not values:
        return []
    return list(ViewingSession.objects.raw(f"{_OPEN} AND {column} IN ({sql.marks(values)})", values))


def _cut(touched: list[ViewingSession], *, change_id: str, why: str, by: str) -> None:
    """Decide each of these open sessions, push what it has left, then write down the receipts.

    The push comes first: nobody watches on while we do our books. Raises Again while a node has not answered and its
    leases may still run.
    """
    at = clock.now()
    leases = {lease.session: lease for lease in decide_leases(touched, why=why, by=by)}
    ended = {row.pk: row for row in touched if leases[row.pk].is_ended}
    cut_at: dict[str, datetime] = {}
    for node in sorted({row.node for row in touched}):
        asked = [leases[row.pk] for row in touched if row.node == node]
        for batch in batched(asked, RENEW_BATCH):
            cut_at |= _push(node, list(batch))
    with transaction.atomic():
        sessions = ViewingSession.objects.filter(pk__in=ended, change_id="")
        sessions.update(change_id=change_id, closed_why=why[:40], cut_asked_at=at)
        for pk in ended.keys() & cut_at.keys():
            sql.change(_CLOSE, cut_at[pk], pk)
    if ended.keys() - cut_at.keys():
        _ask_again_or_give_up(list(ended), at)


def _push(node: str, leases: list[LeaseState]) -> dict[str, datetime]:
    """Session → when it was cut, for those that the node confirms. What it does not know (any more) is over now."""
    subject = subjects.of_node(subjects.SESSION_LEASE, node)
    try:
        answer = media.ask(subject, LeasePush(leases), LeaseReceipt, timeout=PUSH_TIMEOUT_S)
    except Unavailable:
        return {}
    return {cut.session: datetime.fromtimestamp(cut.cut_at, UTC) if cut.cut_at else clock.now() for cut in answer.cuts}


def _ask_again_or_give_up(ended: list[str], at: datetime) -> None:
    """Past commit + 15 s no lease can run any more: media closed it by itself, whether we heard of it or not."""
    pending = ViewingSession.objects.filter(pk__in=ended, closed_at=None)
    pending.filter(cut_asked_at__lte=at - _TTL).update(closed_at=F("cut_asked_at") + _TTL)
    if pending.exists():
        raise Again(in_s=1)


@unguarded("the worker's own housekeeping")
def purge_sessions() -> None:
    """Tickets nobody used, and the ledger past its time."""
    at = clock.now()
    ViewingSession.objects.filter(opened_at=None, issued_at__lt=at - timedelta(minutes=5)).delete()
    ViewingSession.objects.filter(closed_at__lt=at - KEEP).delete()
