"""Reading guest links: what one gave or may end, and what a guest may see."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission
from belvedere.control.accounts.models import digest_of
from belvedere.control.accounts.selectors import Person, get_persons
from belvedere.control.core import clock
from belvedere.control.core.errors import NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.principal import Principal
from belvedere.control.devices.selectors import CameraView, list_cameras
from belvedere.control.guests.models import GuestCamera, GuestLink, GuestVisit, LinkState
from belvedere.control.sharing.terms import Footage
from belvedere.control.streaming.selectors import count_watching_as

#: of the log of use, the latest
VISITS_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class VisitView:
    """One use of a link: when, and from which network."""

    at: datetime
    network: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestLinkView:
    """A guest link as its giver sees it, and whoever may share all of its cameras. Its secret nobody can read.

    cameras     id → name, of those that are still in it
    footage     how far back playback reaches; None without playback
    watching    how many pictures run through it now
    """

    id: str
    name: str
    giver: Person
    is_mine: bool
    cameras: dict[str, str]
    permissions: Permission
    footage: Footage | None
    has_passcode: bool
    state: LinkState
    created_at: datetime
    ends_at: datetime
    max_uses: int
    uses: int
    watching: int
    paused_until: datetime | None
    ended_at: datetime | None
    ended_reason: str
    change_id: str
    visits: list[VisitView]


def list_links(actor: Principal) -> list[GuestLinkView]:
    """Links that the actor gave, or all of whose cameras he may share; the latest first. Constant queries."""
    shareable = _shareable(actor)
    there = GuestCamera.objects.filter(camera__in=shareable, ended_at=None).values("link")
    rows = _with_parts(GuestLink.objects.filter(giver_id=actor.id) | GuestLink.objects.filter(pk__in=there))
    found = [row for row in rows.order_by("-created_at", "-pk").distinct() if _may_read(actor, row, shareable)]
    return _views(actor, found)


def get_link(actor: Principal, link: str) -> GuestLinkView:
    """One of them. Raises NotFound."""
    row = _with_parts(GuestLink.objects.filter(pk=link)).first() if is_id(link) else None
    if row is None or not _may_read(actor, row, _shareable(actor)):
        raise NotFound
    return _views(actor, [row])[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLink:
    """A link that opens cameras just now, for whom it is as its giver calls it, and which of the asked cameras."""

    id: str
    name: str
    giver: Person
    is_mine: bool
    cameras: set[str]
    permissions: Permission
    ends_at: datetime


def list_open_links(actor: Principal, cameras: Collection[str]) -> list[OpenLink]:
    """Links in force on these cameras, which the actor may share: his own, and those of which he may share every
    camera. By name. Three queries.
    """
    there = GuestCamera.objects.filter(camera__in=cameras, ended_at=None).values("link")
    rows = GuestLink.objects.filter(pk__in=there, ended_at=None, ends_at__gt=clock.now())
    found = list(rows.prefetch_related(Prefetch("cameras", GuestCamera.objects.filter(ended_at=None))))
    people, shareable = get_persons(row.giver_id for row in found), set(cameras)
    links = [
        OpenLink(
            id=row.pk,
            name=row.name,
            giver=people[row.giver_id],
            is_mine=row.giver_id == actor.id,
            cameras={one.camera_id for one in row.cameras.all()} & shareable,
            permissions=Permission(row.permissions),
            ends_at=row.ends_at,
        )
        for row in found
        if _may_read(actor, row, shareable)
    ]
    return sorted(links, key=lambda link: (link.name.casefold(), link.id))


def list_marked(cameras: Iterable[CameraView]) -> set[str]:
    """Of somebody's cameras, those that a guest link opens just now, as far as he may share them. One query."""
    shareable = [view.id for view in cameras if view.may(Permission.SHARE)]
    rows = GuestCamera.objects.filter(
        camera__in=shareable, ended_at=None, link__ended_at=None, link__ends_at__gt=clock.now()
    )
    return set(rows.values_list("camera_id", flat=True))


def _shareable(actor: Principal) -> set[str]:
    return {view.id for view in list_cameras(actor) if view.may(Permission.SHARE)}


def _may_read(actor: Principal, link: GuestLink, shareable: set[str]) -> bool:
    held = {row.camera_id for row in link.cameras.all() if row.ended_at is None}
    return link.giver_id == actor.id or (bool(held) and held <= shareable)


def _with_parts(rows: QuerySet[GuestLink]) -> QuerySet[GuestLink]:
    cameras = GuestCamera.objects.select_related("camera").order_by("camera__name", "pk")
    visits = GuestVisit.objects.order_by("-opened_at")
    return rows.prefetch_related(Prefetch("cameras", cameras), Prefetch("visits", visits))


def _views(actor: Principal, rows: list[GuestLink]) -> list[GuestLinkView]:
    people, at = get_persons(row.giver_id for row in rows), clock.now()
    watching = count_watching_as(row.pk for row in rows)
    return [_view(actor, row, people[row.giver_id], watching.get(row.pk, 0), at) for row in rows]


def _view(actor: Principal, row: GuestLink, giver: Person, watching: int, at: datetime) -> GuestLinkView:
    permissions = Permission(row.permissions)
    return GuestLinkView(
        id=row.pk,
        name=row.name,
        giver=giver,
        is_mine=row.giver_id == actor.id,
        # What ended keeps the names of what it opened.
        cameras={one.camera_id: one.camera.name for one in row.cameras.all() if one.ended_at is None or row.ended_at},
        permissions=permissions,
        footage=row.footage if Permission.PLAYBACK in permissions else None,
        has_passcode=bool(row.passcode),
        state=row.state_at(at),
        created_at=row.created_at,
        ends_at=row.ends_at,
        max_uses=row.max_uses,
        uses=row.uses,
        watching=watching,
        paused_until=row.paused_until if row.paused_until and row.paused_until > at else None,
        ended_at=row.ended_at or (row.ends_at if row.ends_at <= at else None),
        ended_reason=row.ended_reason,
        change_id=row.change_id,
        visits=[VisitView(visit.opened_at, visit.network) for visit in list(row.visits.all())[:VISITS_SHOWN]],
    )


# ── The guest ──


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody who came with a link: as whom he acts, and until when."""

    actor: Principal
    ends_at: datetime


def find_guest(link: str, cookie: str, *, address: str) -> Guest | None:
    """Whose cookie this is, while its link is in force; None for anything else."""
    if not (is_id(link) and cookie):
        return None
    rows = GuestVisit.objects.filter(
        cookie_hash=digest_of(cookie), link=link, link__ended_at=None, link__ends_at__gt=clock.now()
    )
    visit = rows.select_related("link").first()
    if visit is None:
        return None
    name = shown_name(visit.link.name)
    actor = Principal(id=link, name=name, credential=f"guest:{visit.pk}", address=address, kind="guest")
    return Guest(actor, visit.link.ends_at)


def shown_name(name: str) -> str:
    """How a guest is called wherever people are."""
    return _("Guest: %(name)s") % {"name": name}


def find_guests(ids: Iterable[str]) -> dict[str, Person]:
    """Link id → the guest as a person, for those that are guest links. Who may know is decided by who asks."""
    rows = GuestLink.objects.filter(pk__in=list(ids)).values_list("pk", "name")
    return {pk: Person(pk, shown_name(name), "") for pk, name in rows}
