"""What happened in front of a camera, to it, or at a security panel."""

from django.db import models

from belvedere.contracts.camera_events import EventSource
from belvedere.control.core.ids import new_id
from belvedere.control.devices.models import Camera, Panel
from belvedere.control.organizations.models import Organization


class Event(models.Model):
    """One thing that happened, from its beginning to its end. Of a camera or of a panel, never of both.

    Rows of cameras are written with one statement by hand (`services.reports`): a column more is one more there.
    """

    #: made by whoever noticed it, when it began
    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="events")
    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="events", null=True)
    panel = models.ForeignKey(Panel, on_delete=models.CASCADE, related_name="events", null=True)
    kind = models.CharField(max_length=20)
    source = models.CharField(max_length=10)
    #: what its source calls what it saw, where it knows more than the kind: “dog, cat”
    label = models.CharField(max_length=100, default="")
    started_at = models.DateTimeField()
    #: None while it goes on
    ended_at = models.DateTimeField(null=True)
    #: how often its source said so; many are a storm
    count = models.IntegerField(default=1)
    #: further events of this camera that began in the same minute, and were not kept
    unkept = models.IntegerField(default=0)
    #: of the node that said it: another run may not change it, nor may a run's older words
    run = models.CharField(max_length=64, default="")
    sequence = models.BigIntegerField(default=0)
    heard_at = models.DateTimeField()

    class Meta:
        indexes = (
            models.Index(fields=("camera", "started_at"), name="events_of_camera"),
            models.Index(fields=("panel", "started_at"), name="events_of_panel"),
            models.Index(fields=("camera", "heard_at"), name="events_heard_lately"),
            models.Index(fields=("heard_at",), condition=models.Q(ended_at=None), name="events_open"),
        )
        constraints = (
            models.CheckConstraint(
                condition=models.Q(camera__isnull=True, panel__isnull=False)
                | models.Q(camera__isnull=False, panel__isnull=True),
                name="events_of_one_thing",
            ),
            # What is noticed by looking is noticed by whoever looks: two of them must not make two events of it.
            models.UniqueConstraint(
                fields=("camera", "kind"),
                condition=models.Q(ended_at=None, source=EventSource.OURSELVES.value),
                name="events_one_open_of_camera",
            ),
            models.UniqueConstraint(
                fields=("panel",), condition=models.Q(ended_at=None), name="events_one_open_of_panel"
            ),
        )
