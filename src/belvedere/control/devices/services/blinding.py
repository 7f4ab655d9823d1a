"""Nobody blinds a camera silently: each act that takes its sight leaves a mark for good, and is told to the owners.

A mark ends when the camera sees again, and stays where it is on the time line (threats.md §5).
"""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from belvedere.control.access.guard import unguarded
from belvedere.control.core import clock
from belvedere.control.core.principal import Principal
from belvedere.control.devices.blindings import OWNERS
from belvedere.control.devices.models import Blinding, Camera
from belvedere.control.organizations.models import Membership
from belvedere.control.outbox.services import enqueue


@unguarded("asked by what takes a camera's sight, whose guard has decided")
@transaction.atomic(savepoint=False)
def mark_blinded(actor: Principal, *, cameras: Collection[str], kind: Blinding.Kind, before: str = "") -> None:
    """Begin a mark on each of these cameras, which are of one organization, and tell the owners of it.

    What is blinded in that way already begins anew: it is told again, and what it was before counts on.
    """
    at = clock.now()
    running = Blinding.objects.filter(camera__in=cameras, kind=kind, ended_at=None)
    known = dict(running.values_list("camera_id", "before"))
    running.update(ended_at=at)
    rows = Blinding.objects.bulk_create(
        Blinding(camera_id=camera, kind=kind, by=actor.id, began_at=at, before=known.get(camera) or before)
        for camera in sorted(cameras)
    )
    # Private hours are everybody's to see, and nobody's to be told of.
    if rows and kind != Blinding.Kind.PRIVATE:
        _tell_owners([row.pk for row in rows], rows[0].camera_id)


def _tell_owners(blindings: list[str], camera: str) -> None:
    organization = Camera.objects.values_list("organization_id", flat=True).get(pk=camera)
    owners = Membership.objects.filter(organization=organization, is_active=True, role__in=OWNERS)
    for owner in owners.filter(account__is_active=True).values_list("account_id", flat=True).order_by("pk"):
        enqueue("mail.camera_blinded", {"blindings": blindings, "to": owner})


@unguarded("asked by what gives a camera its sight back, whose guard has decided")
@transaction.atomic(savepoint=False)
def mark_seeing(
    *,
    cameras: Collection[str],
    kind: Blinding.Kind,
    at: datetime | None = None,
    begun_before: datetime | None = None,
) -> None:
    """End the marks of this kind on these cameras, those begun later left alone. That they were there stays."""
    running = Blinding.objects.filter(camera__in=cameras, kind=kind, ended_at=None)
    if begun_before:
        running = running.filter(began_at__lt=begun_before)
    running.update(ended_at=at or clock.now())
