"""Switching a device off and on. Off means off for everybody, and everybody sees that it is and who did it.

Nobody blinds a camera silently: the mark stands on every tile, the page and the device's list, and in the audit.
"""

from django.db import transaction

from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import requires
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock
from belvedere.control.core.ids import new_id
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Camera, Device
from belvedere.control.outbox.services import enqueue


@requires(Permission.CONFIGURE, on="device")
@transaction.atomic
def disable_device(actor: Principal, *, device: str) -> str:
    """No stream and no recording of its cameras, for anybody, until it is enabled again. The change id.

    Rights stay as they are. A second time changes nothing and gives an empty receipt. Raises NotFound, Forbidden.
    """
    change_id = new_id()
    cameras = list(
        Camera.objects.filter(device_id=device, closed_at=None, disabled_at=None).values_list("pk", flat=True)
    )
    changed = Camera.objects.filter(pk__in=cameras, closed_at=None, disabled_at=None).update(
        disabled_at=clock.now(), disabled_by=actor.id
    )
    if changed:
        _write(actor, device, "device.disabled", change_id)
        enqueue("cameras.disabled", {"change_id": change_id, "cameras": cameras, "why": "disabled"})
        enqueue("assignments.changed", {"withdrawn": cameras})
    return change_id


@requires(Permission.CONFIGURE, on="device")
@transaction.atomic
def enable_device(actor: Principal, *, device: str) -> None:
    """Carry its cameras again. A second time is harmless. Raises NotFound, Forbidden."""
    rows = Camera.objects.filter(device_id=device, closed_at=None, disabled_at__isnull=False)
    if rows.update(disabled_at=None, disabled_by=""):
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
