"""Who is watching, and the receipt of a loss."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, F, Max, Q, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission
from belvedere.contracts.sessions import MAX_TTL_MS, SessionKind
from belvedere.control.access.guard import check
from belvedere.control.access.selectors import GrantsOfPrincipal, ResourcePath
from belvedere.control.accounts.selectors import Person, get_persons
from belvedere.control.core import clock
from belvedere.control.core.ids import is_id
from belvedere.control.core.principal import Principal
from belvedere.control.core.spans import check_period
from belvedere.control.devices.selectors import CameraView
from belvedere.control.streaming.models import ViewingSession

MAX_LEDGER: Final = timedelta(days=366)
#: What somebody was shown of an event stands in the ledger, but he does not watch.
_A_PAST_PICTURE: Final = Q(kind=SessionKind.SNAPSHOT, start_at__isnull=False)
#: What was opened in somebody's name to see whether it opens: nobody watches.
_BY_HIMSELF: Final = Q(probed_by="")


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody watching now. No network, no device, no place (threats.md §5).

    `probed_by`: who only tries whether `account` may; he sees nothing, and `account` knows nothing of it.
    """

    session: str
    account: Person
    since: datetime
    kind: str
    probed_by: Person | None = None


@dataclass(frozen=True, slots=True)
class Viewing:
    """One line of the ledger: who watched, from when to when, and which parts of the past (from, to).

    `probed_by`: nobody watched; this one tried whether `account` may.
    """

    session: str
    account: Person
    kind: str
    since: datetime
    until: datetime | None
    watched: list[tuple[datetime, datetime]]
    probed_by: Person | None = None


@dataclass(frozen=True, slots=True)
class OwnViewing:
    """One line of one's own in the ledger: which camera, from when to when, and which parts of the past (from, to)."""

    session: str
    camera: str
    kind: str
    since: datetime
    until: datetime | None
    watched: list[tuple[datetime, datetime]]


@dataclass(frozen=True, slots=True)
class CutView:
    """One line of a receipt: closed at `cut_at`, or, not yet confirmed by its node, ended by `ends_by`."""

    session: str
    camera: str
    camera_name: str
    kind: str
    account: Person
    since: datetime | None
    cut_at: datetime | None
    ends_by: datetime | None


@dataclass(frozen=True, slots=True)
class Loss:
    """What somebody watched until a change of rights cut it, and by which kind of change."""

    camera_name: str
    why: str
    cut_at: datetime


def list_viewers(actor: Principal, camera: str) -> list[Viewer]:
    """Who watches this camera now, for those who may share it. Raises NotFound, Forbidden."""
    check(actor, Permission.SHARE, on="camera", resource=camera)
    watched = ViewingSession.objects.filter(camera_id=camera, opened_at__isnull=False, closed_at=None)
    rows = list(watched.exclude(_A_PAST_PICTURE).order_by("opened_at"))
    people = get_persons(pk for row in rows for pk in (row.principal, row.probed_by) if pk)
    return [
        Viewer(row.pk, people[row.principal], row.opened_at, row.kind, people.get(row.probed_by))
        for row in rows
        if row.principal in people and row.opened_at
    ]


def list_viewings(actor: Principal, camera: str, *, start: datetime, end: datetime) -> list[Viewing]:
    """Who watched this camera between these instants, the latest first, for those who may share it (threats.md §5).

    Recipients never see each other. Three queries. Raises NotFound, Forbidden, Invalid.
    """
    check(actor, Permission.SHARE, on="camera", resource=camera)
    check_period(start, end, longest=MAX_LEDGER, message=_("At most a year can be asked for at once."))
    # Whoever came with a ticket and was refused has seen nothing: his session ended as it began.
    rows = ViewingSession.objects.filter(camera_id=camera, opened_at__lt=end).exclude(closed_at=F("opened_at"))
    rows = rows.filter(Q(closed_at=None) | Q(closed_at__gte=start)).prefetch_related("watched_spans")
    found = list(rows.order_by("-opened_at", "-pk"))
    people = get_persons(pk for row in found for pk in (row.principal, row.probed_by) if pk)
    return [
        Viewing(
            session=row.pk,
            account=people.get(row.principal, Person(row.principal, "", "")),
            kind=row.kind,
            since=row.opened_at or row.issued_at,
            until=row.closed_at,
            watched=_watched(row),
            probed_by=people.get(row.probed_by),
        )
        for row in found
    ]


def list_own_viewings(actor: Principal, *, before: tuple[datetime, str] | None = None, limit: int) -> list[OwnViewing]:
    """What the actor watched, the latest first: his own rows of the ledger and nobody's else (threats.md §5).

    `before` is time and id of the last one that was read. Two queries.
    """
    rows = ViewingSession.objects.filter(_BY_HIMSELF, principal=actor.id, opened_at__isnull=False)
    rows = rows.exclude(closed_at=F("opened_at"))
    if before:
        rows = rows.filter(Q(opened_at__lt=before[0]) | Q(opened_at=before[0], pk__lt=before[1]))
    return [
        OwnViewing(row.pk, row.camera_id, row.kind, row.opened_at or row.issued_at, row.closed_at, _watched(row))
        for row in rows.prefetch_related("watched_spans").order_by("-opened_at", "-pk")[:limit]
    ]


def is_probe_of(session: str, node: str) -> bool:
    """Whether this node was given the ticket of this session to try: nobody speaks for another."""
    return ViewingSession.objects.filter(pk=session, node=node).exclude(probed_by="").exists()


def _watched(row: ViewingSession) -> list[tuple[datetime, datetime]]:
    """What went to the viewer. An export is had as a file: all of its range counts."""
    if row.kind == SessionKind.EXPORT and row.start_at and row.end_at:
        return [(row.start_at, row.end_at)]
    return sorted((span.start_at, span.end_at) for span in row.watched_spans.all())


def count_watching(views: Iterable[CameraView]) -> dict[str, int]:
    """Camera → how many sessions watch it now, of those that the actor of these views may share. One query.

    Who talks is not counted: he sees nothing by that.
    """
    asked = [view.id for view in views if view.may(Permission.SHARE)]
    counted = dict(
        ViewingSession.objects.filter(_BY_HIMSELF, camera__in=asked, opened_at__isnull=False, closed_at=None)
        .exclude(kind=SessionKind.TALK)
        .exclude(_A_PAST_PICTURE)
        .values_list("camera_id")
        .annotate(count=Count("pk"))
    )
    return {pk: counted.get(pk, 0) for pk in asked}


def count_watching_as(principals: Iterable[str]) -> dict[str, int]:
    """Principal → how many sessions are open in its name now, of those that have any. One query.

    The caller has decided that its actor may know: what these principals see is what he gave them.
    """
    rows = ViewingSession.objects.filter(_BY_HIMSELF, principal__in=list(principals), closed_at=None)
    rows = rows.filter(opened_at__isnull=False)
    return dict(rows.values_list("principal").annotate(count=Count("pk")))


def find_talker(principal: str, path: ResourcePath, *, but: str) -> str:
    """The name of who talks through a camera now, for who may know who watches it; else "". `but`: his own session."""
    rows = ViewingSession.objects.filter(_BY_HIMSELF, camera_id=path.leaf, kind=SessionKind.TALK, closed_at=None)
    row = rows.exclude(opened_at=None).exclude(pk=but).order_by("-opened_at").first()
    if row is None or not GrantsOfPrincipal(principal).decide(path).allows(Permission.SHARE):
        return ""
    person = get_persons([row.principal]).get(row.principal)
    return person.name if person else ""


def list_last_viewed(*, since: datetime, cameras: Collection[str] | None = None) -> dict[tuple[str, str], datetime]:
    """(account, camera) → until when that account watched it last, of what was watched since then; of these cameras,
    or of all. Whoever watches just now: now. The caller may share them. One query.
    """
    at = clock.now()
    rows = ViewingSession.objects.filter(_BY_HIMSELF, opened_at__isnull=False).exclude(closed_at=F("opened_at"))
    rows = rows.filter(Q(closed_at=None) | Q(closed_at__gte=since))
    if cameras is not None:
        rows = rows.filter(camera__in=cameras)
    last = Max(Coalesce("closed_at", Value(at)))
    return {
        (principal, camera): until
        for principal, camera, until in rows.values_list("principal", "camera_id").annotate(last=last)
    }


def list_cuts(change_id: str) -> list[CutView]:
    """The receipt: every session that this change ended. Whoever caused the change may read it.

    What no node has confirmed yet ends by itself, at the latest when its lease does.
    """
    if not change_id:
        return []
    rows = ViewingSession.objects.filter(_BY_HIMSELF, change_id=change_id).select_related("camera")
    rows = rows.order_by("closed_at", "pk")
    people = get_persons(row.principal for row in rows)
    return [
        CutView(
            session=row.pk,
            camera=row.camera_id,
            camera_name=row.camera.name,
            kind=row.kind,
            account=people.get(row.principal, Person(row.principal, "", "")),
            since=row.opened_at,
            cut_at=row.closed_at,
            ends_by=_ends_by(row),
        )
        for row in rows
    ]


def _ends_by(row: ViewingSession) -> datetime | None:
    if row.closed_at:
        return None
    return (row.cut_asked_at or row.issued_at) + timedelta(milliseconds=MAX_TTL_MS)


def find_loss(actor: Principal, camera: str) -> Loss | None:
    """How the actor's last look at a camera was cut. Who never watched it learns nothing of it, its name neither."""
    rows = ViewingSession.objects.filter(_BY_HIMSELF, principal=actor.id, camera_id=camera, opened_at__isnull=False)
    row = rows.select_related("camera").order_by("-issued_at").first() if is_id(camera) else None
    if row is None or not row.change_id or row.cut_asked_at is None:
        return None
    return Loss(row.camera.name, row.closed_why, row.cut_asked_at)
