"""Reading the marks of who took a camera's sight, and who may have it look away for himself."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from django.db.models import Exists, OuterRef, Q

from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import check
from belvedere.control.access.models import Origin
from belvedere.control.access.roles import Role
from belvedere.control.accounts.selectors import Person, get_persons
from belvedere.control.core import clock
from belvedere.control.core.errors import NotFound
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Blinding, Camera
from belvedere.control.organizations.models import Membership

#: who is told of what was taken: those who answer for the whole organization, whoever of them it was
OWNERS: Final = (Role.OWNER, Role.SUPER_ADMIN)
_LATEST: Final = 20
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class BlindingView:
    """A mark: what was taken of which camera, from when to when (None: still), by whom.

    `by` is read by those to whom the camera belongs; of private hours by nobody.
    """

    id: str
    camera: str
    camera_name: str
    kind: str
    start: datetime
    end: datetime | None
    by: Person | None


def list_blindings(actor: Principal, camera: str, start: datetime, end: datetime) -> list[BlindingView]:
    """The marks of a camera between two instants, as far back as the actor may look; the first first.

    Needs `playback`. Raises NotFound, Forbidden.
    """
    decision = check(actor, Permission.PLAYBACK, on="camera", resource=camera)
    earliest = datetime.fromtimestamp(max(decision.playback_from or 0.0, 0.0), UTC)
    is_mine = any(grant.origin == Origin.MEMBERSHIP for grant in decision.because)
    rows = Blinding.objects.filter(camera=camera, began_at__lt=end).select_related("camera")
    rows = rows.filter(Q(ended_at=None) | Q(ended_at__gt=max(start, earliest)))
    return _views(list(rows.order_by("began_at", "pk")), earliest=earliest, names_people=is_mine)


def list_blinded_since(actor: Principal, since: datetime) -> list[BlindingView]:
    """What was taken of late, or is still, from cameras that the actor answers for as an owner, or as one of its Super
    Admins; the latest first. Of private hours nobody is told.
    """
    owned = Membership.objects.filter(account_id=actor.id, is_active=True, role__in=OWNERS).values("organization")
    rows = Blinding.objects.filter(camera__organization__in=owned, camera__closed_at=None)
    rows = rows.filter(Q(ended_at=None) | Q(began_at__gte=since)).exclude(kind=Blinding.Kind.PRIVATE)
    found = list(rows.select_related("camera").order_by("-began_at", "-pk")[:_LATEST])
    return _views(found, names_people=True)


def _views(rows: list[Blinding], *, names_people: bool, earliest: datetime = _LONG_AGO) -> list[BlindingView]:
    named = {row.by for row in rows if names_people and row.kind != Blinding.Kind.PRIVATE}
    people = get_persons(named) if named else {}
    return [
        BlindingView(
            row.pk,
            row.camera_id,
            row.camera.name,
            row.kind,
            max(row.began_at, earliest),
            row.ended_at,
            people.get(row.by) if row.kind != Blinding.Kind.PRIVATE else None,
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Privacy:
    """What somebody may do about his privacy before a camera.

    own_until  until when private hours of his own run; None: there are none, or somebody else's
    """

    is_at_home: bool
    is_outdoor: bool
    lives_there: bool
    own_until: datetime | None

    @property
    def may_take(self) -> bool:
        """Whether private hours are his to take: he lives there, and it looks indoors. If he holds live view."""
        return self.is_at_home and self.lives_there and not self.is_outdoor


def get_privacy(actor: Principal, camera: str) -> Privacy:
    """How private the actor may be before a camera, which he may see. One query. Raises NotFound."""
    members = Membership.objects.filter(account_id=actor.id, is_active=True, organization=OuterRef("organization"))
    own = Blinding.objects.filter(camera=OuterRef("pk"), kind=Blinding.Kind.PRIVATE, by=actor.id, ended_at=None)
    rows = Camera.objects.filter(pk=camera, closed_at=None).select_related("organization")
    row = rows.annotate(lives_there=Exists(members), is_own=Exists(own)).first()
    if row is None:
        raise NotFound
    runs = row.is_own and row.private_until is not None and row.private_until > clock.now()
    return Privacy(row.organization.is_personal, row.is_outdoor, row.lives_there, row.private_until if runs else None)
