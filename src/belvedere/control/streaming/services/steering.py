"""Moving a camera for programs and pages without a socket; and what nodes tell of those who move one by a socket.

Each order is decided by itself, and once more when nothing but the bus is left before the camera (N33). A move ends by
itself within a second (contracts.ptz): who wants it to go on, says so again.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.contracts import subjects
from belvedere.contracts.permissions import Permission
from belvedere.contracts.ptz import (
    ANSWER_WITHIN_S,
    ORDERS_PER_S,
    DropPreset,
    HelmNames,
    HelmTaken,
    KeepPreset,
    Look,
    PtzAbilities,
    PtzAnswer,
    PtzOrder,
    PtzRequest,
    Stop,
)
from belvedere.control.access.guard import check, requires, unguarded
from belvedere.control.access.selectors import GrantsOfPrincipal, ResourcePath
from belvedere.control.accounts.selectors import Person, get_persons
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock, limits, media
from belvedere.control.core.errors import Conflict, RateLimited, Refusal, SwitchedOff, Unavailable
from belvedere.control.core.names import clean_name
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Camera
from belvedere.control.devices.selectors import find_node_of, list_paths
from belvedere.control.streaming.models import Steering, ViewingSession

#: who moves it again within this goes on with what he was doing
ONE_USE: Final = timedelta(minutes=10)


class CameraBusy(Conflict):
    """Somebody else moves it just now. `holder`: his name, for who may know who watches it; else None."""

    code = "busy"

    def __init__(self, holder: str) -> None:
        who = holder or _("Somebody")
        super().__init__(_("%(who)s is moving this camera just now. Try again in a moment.") % {"who": who})
        self.extra = {"holder": holder or None}


class CannotMove(Conflict):
    """It has no motor, or none that does this. `why`: no_motor or declined."""

    code = "cannot_move"

    def __init__(self, why: str) -> None:
        super().__init__(_("The camera cannot do that. It stays as it is."), why=why)


class CameraUnreachable(Refusal):
    """The camera did not answer. `why` is the node's word for it."""

    status = 503
    code = "camera_unreachable"

    def __init__(self, why: str) -> None:
        super().__init__(_("The camera does not answer just now. Nothing will be sent later."), why=why)


@requires(Permission.PTZ, on="camera")
def look_up_motor(actor: Principal, *, camera: str) -> PtzAbilities:
    """What a camera's head can do, and the presets it has. Raises what `steer_camera` does."""
    return _ask(actor, camera, Look(), Permission.PTZ).abilities or PtzAbilities()


@requires(Permission.PTZ, on="camera")
def steer_camera(actor: Principal, *, camera: str, order: PtzOrder) -> None:
    """Move it, or have it stay, now or not at all.

    Raises NotFound, Forbidden, RateLimited, SwitchedOff, CameraBusy, CannotMove, CameraUnreachable, Unavailable.
    """
    if not isinstance(order, Stop):
        limits.hit("ptz", actor.id, limit=ORDERS_PER_S, per_s=1)
    _note(actor, camera)
    _ask(actor, camera, order, Permission.PTZ)


@requires(Permission.CONFIGURE, on="camera")
def keep_preset(actor: Principal, *, camera: str, name: str) -> None:
    """Have the camera remember where it looks. Raises Invalid, and what `steer_camera` does."""
    order = KeepPreset(clean_name(name)[:64])
    limits.hit("ptz", actor.id, limit=ORDERS_PER_S, per_s=1)
    _ask(actor, camera, order, Permission.CONFIGURE)
    _write(actor, camera, "camera.preset_kept", preset=order.name)


@requires(Permission.CONFIGURE, on="camera")
def drop_preset(actor: Principal, *, camera: str, preset: str) -> None:
    """Have the camera forget a preset. Raises what `steer_camera` does."""
    limits.hit("ptz", actor.id, limit=ORDERS_PER_S, per_s=1)
    _ask(actor, camera, DropPreset(preset), Permission.CONFIGURE)
    _write(actor, camera, "camera.preset_dropped", preset=preset)


def _ask(actor: Principal, camera: str, order: PtzOrder, needs: Permission) -> PtzAnswer:
    path = list_paths([camera])[camera]
    if not path.is_on:
        raise SwitchedOff
    node = find_node_of(camera)
    if node is None or not media.has_line():
        raise Unavailable
    # Decided once more: what was read and written meanwhile took its time.
    check(actor, needs, on="camera", resource=camera)
    answer = media.ask(
        subjects.of_node(subjects.CAMERA_PTZ, node.pk),
        PtzRequest(camera, actor.id, order),
        PtzAnswer,
        timeout=ANSWER_WITHIN_S + 1,
    )
    match answer.code:
        case "ok":
            return answer
        case "busy":
            raise CameraBusy(_names([actor.id], path, answer.holder).get(actor.id, ""))
        case "too_many":
            raise RateLimited(retry_after=1)
        case "no_motor" | "declined":
            raise CannotMove(answer.code)
    raise CameraUnreachable(answer.code)


@unguarded("told by the media node of its own sockets; who may know a name is decided here")
def record_helm(node: str, taken: HelmTaken) -> HelmNames:
    """Somebody has the helm of a camera: it goes into the audit; and his name to those watchers who may know it."""
    path = list_paths([taken.camera]).get(taken.camera)
    if path is None:
        return HelmNames({})
    rows = ViewingSession.objects.filter(
        pk__in=[taken.holder, *taken.watchers], node=node, run=taken.run, camera=taken.camera
    )
    principals = dict(rows.values_list("pk", "principal"))
    holder = principals.pop(taken.holder, "")
    if holder:
        person = get_persons([holder]).get(holder, Person(holder, "", ""))
        _note(Principal(id=holder, name=person.name, email=person.email), taken.camera)
    names = _names(principals.values(), path, holder or taken.holder)
    return HelmNames({pk: names[principal] for pk, principal in principals.items() if principal in names})


def _names(watchers: Iterable[str], path: ResourcePath, holder: str) -> dict[str, str]:
    """Account → the holder's name, for those who may know who watches: they read it in the Access panel, too.

    `holder` is an account, or a session of one. Who may not move the camera (any more) is nobody to be named.
    """
    row = ViewingSession.objects.filter(pk=holder, camera=path.leaf).first()
    account = row.principal if row else holder
    if not GrantsOfPrincipal(account).decide(path).allows(Permission.PTZ):
        return {}
    person = get_persons([account]).get(account)
    allowed = [one for one in set(watchers) if GrantsOfPrincipal(one).decide(path).allows(Permission.SHARE)]
    return dict.fromkeys(allowed, person.name) if person else {}


@transaction.atomic
def _note(actor: Principal, camera: str) -> None:
    """One entry for a stretch of moving, not one for each order: a new one after ten minutes without."""
    at = clock.now()
    mine = Steering.objects.filter(principal=actor.id, camera=camera)
    if mine.filter(last_at__gt=at - ONE_USE).update(last_at=at):
        return
    Steering.objects.update_or_create(principal=actor.id, camera_id=camera, defaults={"last_at": at})
    _write(actor, camera, "camera.moved_about")


@transaction.atomic
def _write(actor: Principal, camera: str, action: str, **details: str) -> None:
    row = Camera.objects.get(pk=camera)
    write_entry(
        actor=actor,
        action=action,
        thing=f"camera:{camera}",
        organization=row.organization_id,
        site=row.site_id,
        name=row.name,
        **details,
    )
