"""Giving devices to another organization: what stood there closes, and the same devices open where they go (rule 7)."""

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from django.db import transaction

from belvedere.contracts.reach import check_address
from belvedere.control.access.guard import unguarded
from belvedere.control.access.services import end_grants
from belvedere.control.audit.services import write_entry
from belvedere.control.core import vault
from belvedere.control.core.errors import NetworkNotAllowed, NotFound
from belvedere.control.core.ids import new_id
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Binding, Camera, Device, Kind, Panel
from belvedere.control.devices.services.panels import close_panels
from belvedere.control.devices.sources import Streams, read_source, write_source
from belvedere.control.organizations.selectors import list_reach
from belvedere.control.organizations.services import touch_site
from belvedere.control.outbox.services import enqueue

REASON: Final = "handed_over"
#: what makers call the parts of a login that they let people write into an address
_LOGIN: Final = re.compile(r"(?i)[/?&;_](?:user|username|usr|login|password|passwd|pass|pwd|token|auth)=")
#: what a device is and can do: it goes with it. Whose it is, where it stands and how to get in does not
_DEVICE_FACTS: Final = (
    *("kind", "name", "shown_address", "has_sub", "transport", "manufacturer", "model", "firmware", "serial"),
    *("is_onvif", "clock_drift_s", "inspected_at", "endpoint"),
)
_CAMERA_FACTS: Final = (
    *("name", "channel", "codec", "width", "height", "fps", "bitrate", "has_audio", "has_ptz", "has_talk"),
)


def check_transfer_reach(devices: Collection[str], organization: str) -> None:
    """Whether an organization may reach what it is to own (rule 8). Raises NetworkNotAllowed; no packet is sent.

    The addresses by which they are bound are asked: nothing is looked up.
    """
    reach = list_reach(organization)
    for value in Binding.objects.filter(device__in=devices).values_list("value", flat=True):
        kind, *parts = value.split("|")
        if kind in {"rtsp", "mqtt"} and not check_address(parts[0], int(parts[1]), reach):
            raise NetworkNotAllowed


@unguarded("`handover` has decided: its owner offered them, and who manages that site accepted")
@transaction.atomic
def transfer_devices(
    actor: Principal,
    *,
    devices: Iterable[str],
    site: str,
    organization: str,
    with_credentials: bool,
    change_id: str,
    thing: str,
    at: datetime,
) -> dict[str, str]:
    """Give devices to `organization`, to stand on its `site`. Old id → new id, of devices, cameras and panels.

    What was theirs closes as if they were unbound: every right on it ends, what is watched is cut, footage stays. They
    are never without an owner, and their identities are taken by nobody else. Raises NotFound if one is bound no more.
    """
    touch_site(site)
    rows = list(Device.objects.filter(pk__in=list(devices), unbound_at=None).order_by("pk"))
    became: dict[str, str] = {}
    closed: list[str] = []
    for row in rows:
        found = _transfer(actor, row, organization, site, with_credentials=with_credentials, at=at)
        became |= found
        # A panel's id is its device's.
        closed += [pk for pk in found if pk != row.pk or row.kind == Kind.PANEL]
        _write(actor, "device.handed_over", row, row.organization_id, row.site_id, change_id)
        _write(actor, "device.taken_over", row, organization, site, change_id, pk=found[row.pk])
    if rows:
        end_grants(
            actor,
            organization=rows[0].organization_id,
            reason=REASON,
            action="devices.handed_over",
            thing=thing,
            resources=closed,
            change_id=change_id,
            details={"count": len(rows)},
        )
        # Members watch by a grant on the site or the organization: that stays, but the camera it opened is gone.
        enqueue("cameras.closed", {"change_id": change_id, "cameras": closed, "why": REASON})
        enqueue("assignments.changed", {"withdrawn": closed})
    return became


def _transfer(
    actor: Principal, row: Device, organization: str, site: str, *, with_credentials: bool, at: datetime
) -> dict[str, str]:
    # With its revision: a source that is being changed at this moment is not carried away as it was.
    held = Device.objects.filter(pk=row.pk, unbound_at=None, revision=row.revision)
    if not held.update(unbound_at=at, source=""):
        raise NotFound
    device = Device(
        organization_id=organization, site_id=site, created_at=at, bound_by=actor.id, **_copy(row, _DEVICE_FACTS)
    )
    source = vault.unseal(row.source, table="device", row=row.pk, field="source")
    kept = source if with_credentials else without_credentials(row.kind, source)
    device.source = vault.seal(kept, table="device", row=device.pk, field="source")
    device.save(force_insert=True)
    Binding.objects.filter(device=row).update(device=device)
    became = {row.pk: device.pk}
    cameras = list(Camera.objects.filter(device=row, closed_at=None).order_by("pk"))
    Camera.objects.filter(pk__in=[camera.pk for camera in cameras]).update(closed_at=at, state="unknown")
    for camera in cameras:
        became[camera.pk] = new_id()
    Camera.objects.bulk_create(
        Camera(
            pk=became[camera.pk],
            device=device,
            organization_id=organization,
            site_id=site,
            created_at=at,
            # What is switched off stays so until its new owner switches it on. Private hours end with who took them.
            disabled_at=_off_since(camera),
            disabled_by=actor.id if _off_since(camera) else "",
            **_copy(camera, _CAMERA_FACTS),
        )
        for camera in cameras
    )
    if close_panels(row.pk):
        Panel.objects.create(device=device, code=Panel.objects.values_list("code", flat=True).get(pk=row.pk))
    return became


def _off_since(camera: Camera) -> datetime | None:
    return None if camera.private_until else camera.disabled_at


def _copy(row: Device | Camera, fields: Iterable[str]) -> dict[str, Any]:
    return {field: getattr(row, field) for field in fields}


def _write(
    actor: Principal, action: str, row: Device, organization: str, site: str, change_id: str, *, pk: str = ""
) -> None:
    thing = f"device:{pk or row.pk}"
    write_entry(
        actor=actor,
        action=action,
        thing=thing,
        organization=organization,
        site=site,
        change_id=change_id,
        name=row.name,
    )


def without_credentials(kind: str, text: str) -> str:
    """A source as it is sealed, but without user and password, also those that stand in an address (threats.md §8)."""
    if kind == Kind.PANEL:
        return json.dumps(json.loads(text) | {"username": "", "password": ""}, sort_keys=True)
    source = read_source(text)
    streams = {
        channel: Streams(_without_login(pair.main), _without_login(pair.sub))
        for channel, pair in source.streams.items()
    }
    return write_source(replace(source, streams=streams, username="", password=""))


def _without_login(address: str) -> str:
    parts = urlsplit(address)
    # Some write it into the path: rtsp://camera/user=admin&password=…&channel=1
    in_path, in_query = (_LOGIN.search(f"/{text}") for text in (parts.path, parts.query))
    return urlunsplit(parts._replace(path="/" if in_path else parts.path, query="" if in_query else parts.query))
