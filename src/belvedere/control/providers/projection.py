"""Engagements become grants here (rule 1): on the whole site, or on each device with its cameras."""

from belvedere.contracts.permissions import Permission
from belvedere.control.access.models import Origin
from belvedere.control.access.services import Terms, grant
from belvedere.control.devices.models import Camera
from belvedere.control.providers.models import Engagement


def list_resources(row: Engagement) -> list[str]:
    """What its grants stand on: the site; or its devices that are there still, and their cameras. Two queries."""
    devices = list(row.devices.values_list("device", flat=True))
    if not devices:
        return [row.site_id]
    there = row.devices.filter(device__site=row.site_id, device__unbound_at=None).values_list("device", flat=True)
    cameras = Camera.objects.filter(device__in=there, closed_at=None).values_list("pk", flat=True)
    return [*there, *cameras]


def project(row: Engagement) -> None:
    """Put it in force, until its end to the second."""
    assert row.provider_id is not None  # noqa: S101  somebody has accepted it
    for resource in list_resources(row):
        grant(
            principal=row.provider_id,
            resource=resource,
            permissions=Permission(row.permissions),
            origin=Origin.SERVICE,
            origin_id=row.pk,
            created_by=row.giver_id,
            terms=Terms(ends_at=row.ends_at),
        )
