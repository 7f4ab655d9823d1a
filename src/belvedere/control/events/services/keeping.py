"""How long events are kept: those of a camera as long as its footage, those of a panel as long as the ledger."""

from datetime import timedelta
from typing import Final

from django.db.models import F, Q

from belvedere.contracts.camera_events import MAX_LENGTH_S, EventSource
from belvedere.control.access.guard import unguarded
from belvedere.control.core import clock
from belvedere.control.events.models import Event
from belvedere.control.recordings.models import DEFAULT_KEEP_DAYS, RecordingSettings

KEEP_OF_PANELS: Final = timedelta(days=90)
#: Nothing a node reports lasts longer: what it has not spoken of for so long, it will not speak of again.
_UNHEARD: Final = timedelta(seconds=MAX_LENGTH_S + 60)
_REPORTED: Final = (EventSource.ONVIF, EventSource.MQTT)


@unguarded("the worker's own housekeeping")
def end_unheard_events() -> None:
    """Events of nodes that fell silent ended when they were last heard of, as far as anybody knows."""
    rows = Event.objects.filter(ended_at=None, source__in=_REPORTED, heard_at__lt=clock.now() - _UNHEARD)
    rows.update(ended_at=F("heard_at"))


@unguarded("the worker's own housekeeping")
def purge_events() -> None:
    """Delete what is older than the footage that its camera keeps. What goes on stays."""
    at = clock.now()
    over = Event.objects.filter(ended_at__isnull=False)
    over.filter(panel__isnull=False, ended_at__lt=at - KEEP_OF_PANELS).delete()
    for days in RecordingSettings.objects.values_list("keep_days", flat=True).distinct().order_by("keep_days"):
        over.filter(camera__recording_settings__keep_days=days, ended_at__lt=at - timedelta(days=days)).delete()
    usual = Q(camera__isnull=False, camera__recording_settings=None)
    over.filter(usual, ended_at__lt=at - timedelta(days=DEFAULT_KEEP_DAYS)).delete()
