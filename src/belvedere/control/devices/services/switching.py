"""Switching a device off and on. Off means off for everybody, and everybody sees that it is and who did it.

Nobody blinds a camera silently: the mark stands on every tile, the page and the device's list, on the time line for
good, and in the audit.
"""

from django.db import transaction
from django.db.models import Q

from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import requires
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock
from belvedere.control.core.ids import new_id
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Blinding, Camera, Device
from belvedere.control.devices.services.blinding import mark_blinded, mark_seeing
from belvedere.control.outbox.services import enqueue


@requires(Permission.CONFIGURE, on="device", of_member=True)
@transaction.atomic
def disable_device(actor: Principal, *, device: str) -> str:
    """No stream and no recording of its cameras, for anybody, until it is enabled again. The change id.

    Rights stay as they are. A second time changes nothing and gives an empty receipt. Raises NotFound, Forbidden.
    """
    change_id = new_id()
    # Private hours end by themselves; this does not: it takes their place.
    rows = Camera.objects.filter(Q(disabled_at=None) | Q(private_until__isnull=False), device_id=device, closed_at=None)
    cameras = list(rows.values_list("pk", flat=True))
    changed = rows.filter(pk__in=cameras).update(disabled_at=clock.now(), disabled_by=actor.id, private_until=None)
    if changed:
        mark_seeing(cameras=cameras, kind=Blinding.Kind.PRIVATE)
        mark_blinded(actor, cameras=cameras, kind=Blinding.Kind.OFF)
        _write(actor, device, "device.disabled", change_id)
        enqueue("cameras.disabled", {"change_id": change_id, "cameras": cameras, "why": "disabled"})
        enqueue("assignments.changed", {"withdrawn": cameras})
    return change_id


@requires(Permission.CONFIGURE, on="device", of_member=True)
@transaction.atomic
def enable_device(actor: Principal, *, device: str) -> None:
    """Carry its cameras again; private hours run on. A second time is harmless. Raises NotFound, Forbidden."""
    rows = Camera.objects.filter(device_id=device, closed_at=None, disabled_at__isnull=False, private_until=None)
    cameras = list(rows.values_list("pk", flat=True))
    if rows.filter(pk__in=cameras).update(disabled_at=None, disabled_by=""):
        mark_seeing(cameras=cameras, kind=Blinding.Kind.OFF)
        _write(actor, device, "device.enabled", "")
        enqueue("assignments.changed", {"withdrawn": []})


def _write(actor: Principal, device: str, action: str, change_id: str) -> None:
    row = Device.objects.get(pk=device)
    write_entry(
        actor=actor,
        action=action,
        thing=f"device:{device}",
        organization=row.organization_id,
        site=row.site_id,
        change_id=change_id,
        name=row.name,
    )
