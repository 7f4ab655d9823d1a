"""Private hours: in a home, whoever lives there may have a camera look away for a while, and nobody reads who did.

The one blinding of which nobody is told by mail: it is seen by all alike, and ends by itself (threats.md §5, ADR 0030).
"""

from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import requires, unguarded
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Forbidden, Invalid
from belvedere.control.core.ids import new_id
from belvedere.control.core.principal import Principal, nobody
from belvedere.control.devices.blindings import get_privacy
from belvedere.control.devices.models import Blinding, Camera
from belvedere.control.devices.services.blinding import mark_blinded, mark_seeing
from belvedere.control.outbox.services import enqueue

LONGEST: Final = 12


@requires(Permission.LIVE_VIEW, on="camera")
@transaction.atomic
def take_private_hours(actor: Principal, *, camera: str, hours: int) -> None:
    """Have an indoor camera of a home see and record nothing for so many hours, for nobody.

    Raises NotFound, Forbidden (no member; no home; a camera outdoors), Invalid, Conflict (it is off already).
    """
    if not 1 <= hours <= LONGEST:
        raise Invalid(_("From one hour to twelve."), field="hours")
    if not get_privacy(actor, camera).may_take:
        raise Forbidden(_("Private hours are for those who live where the camera is, and for cameras indoors."))
    at, change_id = clock.now(), new_id()
    seeing = Camera.objects.filter(pk=camera, closed_at=None, disabled_at=None)
    if not seeing.update(disabled_at=at, disabled_by="", private_until=at + timedelta(hours=hours)):
        raise Conflict(_("The camera is off already. Nothing was changed."))
    mark_blinded(actor, cameras=[camera], kind=Blinding.Kind.PRIVATE)
    row = Camera.objects.get(pk=camera)
    # In the home's chain without a name, for all who read it alike; with one where only whoever it was reads.
    write_entry(
        actor=nobody(""),
        action="camera.private_hours",
        thing=f"camera:{camera}",
        organization=row.organization_id,
        site=row.site_id,
        name=row.name,
        hours=hours,
    )
    write_entry(actor=actor, action="camera.private_hours_taken", thing=f"account:{actor.id}", name=row.name)
    enqueue("cameras.disabled", {"change_id": change_id, "cameras": [camera], "why": "private"})
    enqueue("assignments.changed", {"withdrawn": [camera]})


@requires(Permission.LIVE_VIEW, on="camera")
@transaction.atomic
def end_private_hours(actor: Principal, *, camera: str) -> None:
    """Have it see again before their end: whoever took them alone. Raises NotFound, Forbidden, Conflict (none run)."""
    if get_privacy(actor, camera).own_until is None:
        raise Conflict(_("No private hours of yours run here. Nothing was changed."))
    _resume(camera)


@requires(Permission.CONFIGURE, on="camera", of_member=True)
@transaction.atomic
def mark_outdoor(actor: Principal, *, camera: str, is_outdoor: bool) -> None:
    """Say whether a camera looks outdoors: then nobody takes private hours there. What runs goes on. Twice is harmless.

    Raises NotFound, Forbidden.
    """
    if not Camera.objects.filter(pk=camera).exclude(is_outdoor=is_outdoor).update(is_outdoor=is_outdoor):
        return
    row = Camera.objects.get(pk=camera)
    write_entry(
        actor=actor,
        action="camera.marked_outdoor" if is_outdoor else "camera.marked_indoor",
        thing=f"camera:{camera}",
        organization=row.organization_id,
        site=row.site_id,
        name=row.name,
    )


@unguarded("the worker's own housekeeping")
def settle_private_hours() -> int:
    """Have cameras see again whose private hours are over: how many."""
    due = Camera.objects.filter(private_until__lte=clock.now()).values_list("pk", flat=True)
    return sum(_resume(camera) for camera in list(due))


@transaction.atomic
def _resume(camera: str) -> bool:
    row = Camera.objects.filter(pk=camera, private_until__isnull=False).first()
    if row is None or row.private_until is None or row.disabled_at is None:
        return False
    claimed = Camera.objects.filter(pk=camera, private_until=row.private_until)
    if not claimed.update(disabled_at=None, disabled_by="", private_until=None):
        return False
    mark_seeing(cameras=[camera], kind=Blinding.Kind.PRIVATE)
    write_entry(
        actor=nobody(""),
        action="camera.private_hours_over",
        thing=f"camera:{camera}",
        organization=row.organization_id,
        site=row.site_id,
        name=row.name,
    )
    enqueue("assignments.changed", {"withdrawn": []})
    return True
