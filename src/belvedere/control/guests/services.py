"""Giving, opening, changing and ending guest links.

Whoever does not bring the secret of a link that can be opened gets one answer (NotFound), be it unknown, ended, used up
or guessed (N40). Only who has the secret learns that there is a passcode, and has five tries at it.
"""

import hmac
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any, ClassVar, Final

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import unguarded
from belvedere.control.access.models import Origin
from belvedere.control.access.roles import PERMISSIONS
from belvedere.control.access.selectors import get_decision, list_projected
from belvedere.control.access.services import Terms, end_grants, grant
from belvedere.control.accounts.models import digest_of
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock, limits
from belvedere.control.core.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited, Refusal
from belvedere.control.core.ids import is_id, new_id
from belvedere.control.core.names import clean_name
from belvedere.control.core.principal import Principal
from belvedere.control.devices.selectors import find_camera_path
from belvedere.control.guests.models import GuestCamera, GuestLink, GuestVisit
from belvedere.control.guests.selectors import shown_name
from belvedere.control.organizations.selectors import find_membership, get_standings
from belvedere.control.organizations.services import touch_membership
from belvedere.control.organizations.standing import Standing
from belvedere.control.sharing.items import Item, check_items, normalize_items
from belvedere.control.sharing.terms import EVERYTHING, Footage, When

GIVABLE: Final = Permission.LIVE_VIEW | Permission.PLAYBACK
LONGEST: Final = timedelta(days=30)
MAX_USES: Final = 100
MADE_A_DAY: Final = 50
PASSCODE_LENGTHS: Final = range(6, 65)
#: so many wrong passcodes, then a rest
TRIES: Final = 5
PAUSE: Final = timedelta(minutes=15)
#: openings from one address in a minute, whatever they are of
OPENINGS_A_MINUTE: Final = 30
#: the log of use, after the end
KEEP: Final = timedelta(days=90)


class PasscodeNeeded(Refusal):
    """The secret is right, and the link asks for a passcode as well: none came, or a wrong one."""

    status: ClassVar[int] = 403
    code: ClassVar[str] = "passcode_needed"

    @classmethod
    def default_message(cls) -> str:
        """The sentence if the caller has none."""
        return _("Type the passcode that belongs to this link.")


@dataclass(frozen=True, slots=True)
class MadeLink:
    """A fresh link, and the secret of its address, which nobody can read again."""

    id: str
    secret: str


@dataclass(frozen=True, slots=True)
class Visit:
    """What opening a link gives a browser: a cookie, good until the end of the link."""

    cookie: str
    ends_at: datetime


# ── Giving ──


@unguarded("checks `share` on every camera of the link itself: all of them or none")
@transaction.atomic
def make_link(
    actor: Principal,
    *,
    name: str,
    cameras: Collection[str],
    permissions: Permission,
    ends_at: datetime,
    max_uses: int,
    passcode: str = "",
    footage: Footage | None = None,
) -> MadeLink:
    """Make a guest link. It is in force at once: there is nobody who could accept it.

    permissions   live view, playback, or both
    ends_at       within 30 days
    max_uses      how many browsers may open it, 1 to 100
    passcode      6 to 64 characters, or "" for none
    footage       how far back playback reaches; with playback it has to be said

    Raises NotFound or Forbidden (a camera; more, longer or farther back than the actor holds; plain http), Invalid,
    RateLimited.
    """
    if settings.BELVEDERE.is_plain_http_in_public and not settings.BELVEDERE.allow_http:
        raise Forbidden(_("This server is reached by plain http: whoever listens would read the secret of the link."))
    name = clean_name(name)
    _check_permissions(permissions, footage)
    _check_bounds(ends_at, max_uses)
    if passcode and len(passcode) not in PASSCODE_LENGTHS:
        raise Invalid(_("A passcode has at least 6 characters, and at most 64."), field="passcode")
    items = normalize_items([Item(camera, permissions, footage=footage) for camera in cameras])
    organization = check_items(actor, items, When(ends_at=ends_at))
    membership = find_membership(actor.id, organization, needs=Permission.SHARE)
    if membership is None:
        raise Forbidden
    touch_membership(membership.id)
    limits.hit("guest_link.made", actor.id, limit=MADE_A_DAY, per_s=86_400)
    secret = secrets.token_urlsafe(32)
    link = GuestLink.objects.create(
        organization_id=organization,
        membership_id=membership.id,
        giver_id=actor.id,
        name=name,
        secret_hash=digest_of(secret),
        passcode=make_password(passcode) if passcode else "",
        permissions=int(permissions),
        footage_last_s=footage.last_s if footage else None,
        created_at=clock.now(),
        ends_at=ends_at,
        max_uses=max_uses,
    )
    GuestCamera.objects.bulk_create(GuestCamera(link=link, camera_id=item.resource) for item in items)
    _project(link, [item.resource for item in items])
    write_entry(
        actor=actor,
        action="guest_link.made",
        thing=f"guest_link:{link.pk}",
        organization=organization,
        **_written(link, [item.resource for item in items]),
        has_passcode=bool(passcode),
    )
    return MadeLink(link.pk, secret)


def _check_permissions(permissions: Permission, footage: Footage | None) -> None:
    if permissions & ~GIVABLE or not permissions:
        raise Invalid(_("A guest link opens live view, playback, or both."), field="permissions")
    if Permission.PLAYBACK in permissions and footage in (None, EVERYTHING):
        raise Invalid(_("Say how far back a guest may look."), field="footage")


def _check_bounds(ends_at: datetime, max_uses: int) -> None:
    at = clock.now()
    if ends_at <= at:
        raise Invalid(_("That end lies in the past."), field="ends_at")
    if ends_at > at + LONGEST:
        raise Invalid(_("A guest link ends within %(days)d days.") % {"days": LONGEST.days}, field="ends_at")
    if not 1 <= max_uses <= MAX_USES:
        raise Invalid(_("It can be opened once, or up to %(n)d times.") % {"n": MAX_USES}, field="max_uses")


def _project(link: GuestLink, cameras: Iterable[str]) -> None:
    for camera in cameras:
        grant(
            principal=link.pk,
            resource=camera,
            permissions=Permission(link.permissions),
            origin=Origin.GUEST_LINK,
            origin_id=link.pk,
            created_by=link.giver_id,
            terms=Terms(
                ends_at=link.ends_at,
                footage_last_s=link.footage_last_s,
                footage_from=link.created_at if link.footage.is_since_grant else None,
            ),
        )


def _written(link: GuestLink, cameras: Iterable[str]) -> dict[str, Any]:
    names = Permission(link.permissions).wire_names
    return {
        "name": link.name,
        "cameras": dict.fromkeys(cameras, names),
        "ends_at": link.ends_at.isoformat(),
        "max_uses": link.max_uses,
    }


# ── Opening ──


@unguarded("the secret is the proof, and the passcode where there is one")
def open_link(visitor: Principal, *, link: str, secret: str, passcode: str = "") -> Visit:
    """Open a link: one use of it, and a cookie that is good until it ends.

    Each step is one conditional UPDATE and commits by itself: a wrong passcode stays counted, and of those who come for
    the last use at once one gets it. Raises NotFound (all that cannot be opened), PasscodeNeeded, RateLimited.
    """
    limits.hit("guest_link.open", visitor.address, limit=OPENINGS_A_MINUTE, per_s=60)
    row = GuestLink.objects.filter(pk=link).first() if is_id(link) else None
    known = row.secret_hash if row else ""
    is_right = hmac.compare_digest(known, digest_of(secret))
    if row is None or not is_right or row.state_at(clock.now()) != "open":
        raise NotFound
    if row.passcode:
        _try_passcode(row, passcode)
    return _count_use(visitor, row)


def _try_passcode(link: GuestLink, passcode: str) -> None:
    """Raises PasscodeNeeded, or RateLimited from the sixth try on, for a while."""
    if not passcode:
        raise PasscodeNeeded
    at, mine = clock.now(), GuestLink.objects.filter(pk=link.pk)
    mine.filter(paused_until__lte=at).update(paused_until=None, tries=0)
    # A try is taken before it is made: who guesses in many connections at once has no more of them.
    if not mine.filter(paused_until=None, tries__lt=TRIES).update(tries=F("tries") + 1):
        until = mine.values_list("paused_until", flat=True).first() or at + PAUSE
        raise RateLimited(retry_after=max(1, int((until - at).total_seconds())))
    if check_password(passcode, link.passcode):
        mine.update(tries=0)
        return
    if mine.filter(paused_until=None, tries__gte=TRIES).update(paused_until=at + PAUSE):
        write_entry(
            actor=Principal(id="", name=shown_name(link.name), kind="guest"),
            action="guest_link.paused",
            thing=f"guest_link:{link.pk}",
            organization=link.organization_id,
        )
    raise PasscodeNeeded(_("That is not the passcode of this link."))


@transaction.atomic
def _count_use(visitor: Principal, link: GuestLink) -> Visit:
    at = clock.now()
    rows = GuestLink.objects.filter(pk=link.pk, ended_at=None, ends_at__gt=at, uses__lt=F("max_uses"))
    if not rows.update(uses=F("uses") + 1):
        raise NotFound
    cookie, network = secrets.token_urlsafe(32), _network_of(visitor.address)
    GuestVisit.objects.create(link=link, cookie_hash=digest_of(cookie), opened_at=at, network=network)
    write_entry(
        actor=Principal(id=link.pk, name=shown_name(link.name), address=network, kind="guest"),
        action="guest_link.opened",
        thing=f"guest_link:{link.pk}",
        organization=link.organization_id,
    )
    return Visit(cookie, link.ends_at)


def _network_of(address: str) -> str:
    """The network an address is of, so that the log of use follows nobody home (threats.md §5)."""
    try:
        version = ip_address(address).version
    except ValueError:
        return ""
    return str(ip_network(f"{address}/{24 if version == 4 else 48}", strict=False))


# ── Changing and ending ──


@unguarded("the actor's own link; checks `share` on all that stays, and that he may give it for as long")
@transaction.atomic
def change_link(
    actor: Principal,
    *,
    link: str,
    name: str | None = None,
    ends_at: datetime | None = None,
    max_uses: int | None = None,
    cameras: Collection[str] | None = None,
) -> str:
    """Change what is given; None stays. `cameras` are those that stay in it. The change id, for the receipt.

    Raises NotFound, Forbidden, Invalid, Conflict (it is over).
    """
    row = GuestLink.objects.filter(pk=link, giver_id=actor.id).first() if is_id(link) else None
    if row is None:
        raise NotFound
    touch_membership(row.membership_id)
    row.refresh_from_db()
    held = list(row.cameras.filter(ended_at=None, camera__closed_at=None).values_list("camera_id", flat=True))
    stay = held if cameras is None else list(dict.fromkeys(cameras))
    if not stay or not set(stay) <= set(held):
        raise Invalid(_("Cameras can be taken out of a guest link, all but the last."), field="cameras")
    was_ends_at = row.ends_at
    if row.state_at(clock.now()) in {"ended", "expired"}:
        raise Conflict(_("This guest link is over already."))
    row.name = row.name if name is None else clean_name(name)
    row.ends_at, row.max_uses = ends_at or row.ends_at, row.max_uses if max_uses is None else max_uses
    _check_bounds(row.ends_at, row.max_uses)
    permissions = Permission(row.permissions)
    footage = row.footage if Permission.PLAYBACK in permissions else None
    check_items(actor, [Item(camera, permissions, footage=footage) for camera in stay], When(ends_at=row.ends_at))
    still = GuestLink.objects.filter(pk=row.pk, ended_at=None)
    if not still.update(name=row.name, ends_at=row.ends_at, max_uses=row.max_uses):
        raise Conflict(_("This guest link is over already."))
    row.cameras.filter(ended_at=None).exclude(camera__in=stay).update(ended_at=clock.now())
    is_moved = row.ends_at != was_ends_at
    projected = list_projected([row.pk]).get(row.pk, [])
    stale = [pk for pk, resource, _bits in projected if is_moved or resource not in stay]
    if is_moved:
        # What is new comes first: nobody is blind in between.
        _project(row, stay)
    return end_grants(
        actor,
        organization=row.organization_id,
        reason="share_changed",
        action="guest_link.changed",
        thing=f"guest_link:{row.pk}",
        grants=stale,
        details=_written(row, stay),
    )


@unguarded("the actor's own link, or one all of whose cameras he may share")
@transaction.atomic
def end_link(actor: Principal, *, link: str) -> str:
    """End a link and all that is watched through it. Twice is harmless. The change id. Raises NotFound."""
    row = GuestLink.objects.filter(pk=link).first() if is_id(link) else None
    if row is None or not _may_end(actor, row):
        raise NotFound
    change_id = new_id()
    if not _close(row, by=actor.id, reason="revoked", change_id=change_id):
        return row.change_id
    return end_grants(
        actor,
        organization=row.organization_id,
        reason="revoked",
        action="guest_link.revoked",
        thing=f"guest_link:{row.pk}",
        origin_ids=[row.pk],
        change_id=change_id,
        details={"name": row.name},
    )


def _may_end(actor: Principal, link: GuestLink) -> bool:
    if link.giver_id == actor.id:
        return True
    cameras = link.cameras.filter(ended_at=None).values_list("camera_id", flat=True)
    paths = [find_camera_path(camera) for camera in cameras]
    return bool(paths) and all(path and get_decision(actor.id, path).allows(Permission.SHARE) for path in paths)


def _close(link: GuestLink, *, by: str, reason: str, change_id: str) -> bool:
    """Whether it was us who ended it."""
    rows = GuestLink.objects.filter(pk=link.pk, ended_at=None)
    changes = {"ended_at": clock.now(), "ended_by": by, "ended_reason": reason, "change_id": change_id}
    if not rows.update(**changes):
        link.refresh_from_db()
        return False
    return True


# ── Ending with what it rests on ──


@unguarded("asked by whatever narrows memberships or moves cameras, whose guard has decided")
@transaction.atomic(savepoint=False)
def end_uncovered_links(
    actor: Principal, *, memberships: Iterable[str], cameras: Iterable[str], change_id: str, adopt: bool
) -> list[str]:
    """End what links under these memberships, or of these cameras, open beyond their giver's rights (rule 5).

    Nobody takes a link over, `adopt` or not: whom the giver sent it to, only he knows. Returns the grants that end.
    """
    del adopt
    resting = GuestCamera.objects.filter(
        Q(link__membership__in=list(memberships)) | Q(camera__in=list(cameras)),
        ended_at=None,
        link__ended_at=None,
        link__ends_at__gt=clock.now(),
    )
    rows = list(resting.select_related("link", "camera"))
    standings = get_standings({row.link.membership_id for row in rows}) if rows else {}
    lost: dict[GuestLink, list[GuestCamera]] = {}
    for row in rows:
        if not _covers(standings.get(row.link.membership_id), row):
            lost.setdefault(row.link, []).append(row)
    stale: list[str] = []
    for link, uncovered in sorted(lost.items(), key=lambda pair: pair[0].pk):
        gone = {row.camera_id for row in uncovered}
        projected = list_projected([link.pk]).get(link.pk, [])
        stale += [pk for pk, resource, _bits in projected if resource in gone]
        _drop(actor, link, gone, reason="sharer_lost_right", change_id=change_id)
    return stale


def _covers(standing: Standing | None, row: GuestCamera) -> bool:
    if standing is None:
        return False
    held = PERMISSIONS[standing.on(row.camera.site_id)]
    return Permission.SHARE in held and not Permission(row.link.permissions) & ~held


def _drop(actor: Principal, link: GuestLink, gone: Collection[str], *, reason: str, change_id: str) -> None:
    """These cameras leave the link; if none is left, it is over."""
    rest = link.cameras.filter(ended_at=None, camera__closed_at=None).exclude(camera__in=gone)
    if rest.exists():
        link.cameras.filter(ended_at=None, camera__in=gone).update(ended_at=clock.now())
    elif _close(link, by=actor.id, reason=reason, change_id=change_id):
        write_entry(
            actor=actor,
            action="guest_link.lapsed",
            thing=f"guest_link:{link.pk}",
            organization=link.organization_id,
            change_id=change_id,
        )


@unguarded("cameras are closed by unbinding, whose guard has decided")
@transaction.atomic
def end_links_of_closed(payload: dict[str, Any]) -> None:
    """Links of which nothing is left end. Handler of `cameras.closed`, beside streaming's, which cuts the pictures."""
    touched = GuestCamera.objects.filter(camera__in=payload["cameras"], ended_at=None).values("link")
    for link in GuestLink.objects.filter(pk__in=touched, ended_at=None):
        if not link.cameras.filter(ended_at=None, camera__closed_at=None).exists():
            _close(link, by="", reason=payload["why"], change_id=payload["change_id"])


@unguarded("the worker's own housekeeping")
def purge_visits() -> None:
    """The log of use, once its link has been over for as long as the viewing ledger is kept."""
    over = clock.now() - KEEP
    GuestVisit.objects.filter(Q(link__ended_at__lt=over) | Q(link__ends_at__lt=over)).delete()
