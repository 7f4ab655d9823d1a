"""How a camera is recorded, and for how long its footage is kept. Whoever has less recorded leaves a mark for good."""

import json
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.contracts.hours import validate_hours
from belvedere.contracts.permissions import Permission
from belvedere.contracts.recordings import RecordMode
from belvedere.contracts.sessions import Quality
from belvedere.control.access.guard import requires
from belvedere.control.audit.services import write_entry
from belvedere.control.core.errors import Invalid
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Blinding, Camera
from belvedere.control.devices.services import mark_blinded, mark_seeing
from belvedere.control.outbox.services import enqueue
from belvedere.control.recordings.models import RecordingSettings
from belvedere.control.recordings.narrowing import Recorded, records_all_of
from belvedere.control.recordings.selectors import settings_of

MAX_KEEP_DAYS: Final = 365
#: less would be deleted before anybody could look at it
MIN_KEEP_BYTES: Final = 100_000_000
MAX_KEEP_BYTES: Final = 10**15
#: a whole page of plans goes through the bus at once; three windows on each day are 490
MAX_HOURS: Final = 640


@requires(Permission.CONFIGURE, on="camera", of_member=True)
@transaction.atomic
def change_recording_settings(
    actor: Principal,
    *,
    camera: str,
    mode: RecordMode | None = None,
    quality: Quality | None = None,
    with_audio: bool | None = None,
    keep_days: int | None = None,
    keep_bytes: int | None = None,
    hours: dict[str, Any] | None = None,
) -> None:
    """Change how a camera is recorded; None leaves it. What is older than `keep_days` from now on is deleted soon.

    keep_bytes  0 takes the bound away
    hours       weekly windows, `{"zone", "weekly"}`; needed for the mode scheduled
    Raises NotFound, Forbidden, Invalid.
    """
    row = settings_of(camera)
    wish = {
        "mode": mode,
        "quality": quality,
        "with_audio": with_audio,
        "keep_days": keep_days,
        "keep_bytes": keep_bytes,
        "hours": None if hours is None else _clean_hours(hours),
    }
    after = {field: value for field, value in wish.items() if value is not None and value != getattr(row, field)}
    _check_bounds(keep_days, keep_bytes)
    if (mode or row.mode) == RecordMode.SCHEDULED and not (after.get("hours") or row.hours):
        raise Invalid(_("Say at which hours it is to record."), field="hours")
    if not after:
        return
    before = {field: getattr(row, field) for field in after}
    was, becomes = (row.mode, row.hours), (str(after.get("mode", row.mode)), str(after.get("hours", row.hours)))
    RecordingSettings.objects.update_or_create(camera_id=camera, defaults=after)
    _mark(actor, camera, was, becomes)
    stands = Camera.objects.get(pk=camera)
    write_entry(
        actor=actor,
        action="camera.recording_changed",
        thing=f"camera:{camera}",
        organization=stands.organization_id,
        site=stands.site_id,
        name=stands.name,
        before=before,
        after=after,
    )
    enqueue("assignments.changed", {"withdrawn": []})


def _mark(actor: Principal, camera: str, was: Recorded, becomes: Recorded) -> None:
    """End the marks of what is recorded again; begin one if less is from now on."""
    for kind, before in (
        Blinding.objects.filter(camera=camera, ended_at=None).exclude(before="").values_list("kind", "before")
    ):
        if records_all_of(becomes, tuple(json.loads(before))):
            mark_seeing(cameras=[camera], kind=Blinding.Kind(kind))
    if not records_all_of(becomes, was):
        is_off = becomes[0] == RecordMode.OFF
        kind = Blinding.Kind.RECORDING if is_off else Blinding.Kind.HOURS
        mark_blinded(actor, cameras=[camera], kind=kind, before=json.dumps(was))


def _check_bounds(keep_days: int | None, keep_bytes: int | None) -> None:
    if keep_days is not None and not 1 <= keep_days <= MAX_KEEP_DAYS:
        raise Invalid(_("Footage is kept from 1 to %(days)d days.") % {"days": MAX_KEEP_DAYS}, field="keep_days")
    if keep_bytes and not MIN_KEEP_BYTES <= keep_bytes <= MAX_KEEP_BYTES:
        raise Invalid(_("The bound is at least 0.1 GB; 0 takes it away."), field="keep_bytes")


def _clean_hours(hours: dict[str, Any]) -> str:
    """The stored form. Raises Invalid."""
    try:
        text = validate_hours(hours)
    except ValueError:
        message = _("Hours are windows from 00:00 to 24:00 on the days mon to sun, in a known time zone.")
        raise Invalid(message, field="hours") from None
    if len(text) > MAX_HOURS:
        raise Invalid(_("These are too many windows: three on each day fit."), field="hours")
    return text
