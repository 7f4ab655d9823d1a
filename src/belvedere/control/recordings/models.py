"""How a camera is recorded, the volumes and what they hold of whom, exports with their manifests."""

from typing import Final

from django.db import models

from belvedere.contracts.recordings import RecordMode
from belvedere.contracts.sessions import Quality
from belvedere.control.core.ids import new_id
from belvedere.control.devices.models import Camera
from belvedere.control.streaming.models import ViewingSession

#: threats.md §6
DEFAULT_KEEP_DAYS: Final = 7


class RecordingSettings(models.Model):
    """How one camera is recorded. A camera without a row is recorded by these defaults: all the time, without sound."""

    camera = models.OneToOneField(Camera, on_delete=models.CASCADE, primary_key=True, related_name="recording_settings")
    mode = models.CharField(max_length=10, default=RecordMode.CONTINUOUS.value)
    quality = models.CharField(max_length=4, default=Quality.MAIN.value)
    with_audio = models.BooleanField(default=False)
    keep_days = models.IntegerField(default=DEFAULT_KEEP_DAYS)
    #: 0: no bound but the volume's
    keep_bytes = models.BigIntegerField(default=0)
    #: weekly, as in a grant; kept while the mode is another, so that going back to it is one step
    hours = models.TextField(default="")


class Volume(models.Model):
    """A disk with footage, as its node says it is. The same disk behind another node is another row."""

    node = models.CharField(max_length=40)
    volume = models.CharField(max_length=64)
    state = models.CharField(max_length=20)
    total = models.BigIntegerField()
    free = models.BigIntegerField()
    footage = models.BigIntegerField()
    error = models.CharField(max_length=40, default="")
    seen_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("node", "volume"), name="recordings_volume_once"),)


class Placement(models.Model):
    """What a volume holds of one camera, or is about to: its node records it. Both instants None: nothing yet."""

    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="placements")
    volume = models.ForeignKey(Volume, on_delete=models.CASCADE, related_name="placements")
    first_at = models.DateTimeField(null=True)
    last_at = models.DateTimeField(null=True)
    bytes = models.BigIntegerField()
    #: bytes a day, over the last day of recording
    rate = models.BigIntegerField()
    is_recording = models.BooleanField()
    error = models.CharField(max_length=40, default="")
    seen_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("camera", "volume"), name="recordings_placement_once"),)


class Export(models.Model):
    """A range of one camera as one file, while it is made and after. Who may have it, its session says.

    It is kept as long as its session is in the ledger; a ticket that nobody used takes it along.
    """

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    session = models.OneToOneField(ViewingSession, on_delete=models.CASCADE, related_name="export")
    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="exports")
    #: as it was called then
    camera_name = models.CharField(max_length=80)
    by = models.CharField(max_length=26)
    start_at = models.DateTimeField()
    end_at = models.DateTimeField()
    #: bytes
    sent = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, default="")
    #: exactly the bytes that were signed, and the signature: Ed25519, base64
    manifest = models.TextField(default="")
    signature = models.CharField(max_length=100, default="")
    made_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=("by",), name="recordings_export_by"),)
