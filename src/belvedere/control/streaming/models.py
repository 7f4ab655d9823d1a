"""The viewing session, and what was watched in it."""

from django.db import models

from belvedere.control.core.ids import new_id
from belvedere.control.devices.models import Camera


class ViewingSession(models.Model):
    """Somebody asked to watch, watches, or watched."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    secret_hash = models.CharField(max_length=64)
    principal = models.CharField(max_length=26)
    credential = models.CharField(max_length=80)
    #: who only tries what the principal may, and sees nothing by it; "": the principal himself
    probed_by = models.CharField(max_length=26, default="")
    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="viewing_sessions")
    kind = models.CharField(max_length=10)
    quality = models.CharField(max_length=4)
    #: which part of the past it is of; end_at None: from there on. Both None: of now
    start_at = models.DateTimeField(null=True)
    end_at = models.DateTimeField(null=True)
    #: where the page that asked stands; None: asked with an API token, and no browser may use it
    origin = models.CharField(max_length=300, null=True)  # noqa: DJ001  "no origin" and "any" must not look alike
    issued_at = models.DateTimeField()
    #: where it was opened from, as core.networks has it; nobody but the viewer is ever told
    network = models.CharField(max_length=49, default="")
    node = models.CharField(max_length=40)
    run = models.CharField(max_length=64, default="")
    opened_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    closed_why = models.CharField(max_length=40, default="")
    #: the change that ended it, and when that was committed; closed_at follows with the node's receipt
    change_id = models.CharField(max_length=26, default="")
    cut_asked_at = models.DateTimeField(null=True)
    #: when its node last asked for it; opened_at at first
    renewed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (
            models.Index(
                fields=("camera",),
                condition=models.Q(opened_at__isnull=False, closed_at=None),
                name="streaming_session_open",
            ),
            models.Index(
                fields=("principal",),
                condition=models.Q(opened_at__isnull=False, closed_at=None),
                name="streaming_session_principal",
            ),
            models.Index(fields=("change_id",), name="streaming_session_change"),
            models.Index(fields=("camera", "issued_at"), name="streaming_session_ledger"),
            models.Index(fields=("principal", "opened_at"), name="streaming_session_own"),
            models.Index(fields=("node",), condition=models.Q(closed_at=None), name="streaming_session_node"),
        )


class WatchedSpan(models.Model):
    """A part of the past that went to the viewer of a session. One session's are in no part the same."""

    session = models.ForeignKey(ViewingSession, on_delete=models.CASCADE, related_name="watched_spans")
    start_at = models.DateTimeField()
    end_at = models.DateTimeField()


class Steering(models.Model):
    """When somebody last moved a camera: a stretch of moving is one thing to the audit."""

    principal = models.CharField(max_length=26)
    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="steerings")
    last_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("principal", "camera"), name="streaming_steering_one_each"),)
