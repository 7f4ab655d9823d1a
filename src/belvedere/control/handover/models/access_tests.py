"""Access tests: what somebody is let do with cameras, tried and not merely looked up (VA 14-16, B 3)."""

from django.db import models

from belvedere.control.core.ids import new_id
from belvedere.control.devices.models import Camera
from belvedere.control.organizations.models import Organization


class Way(models.TextChoices):
    """Who tries."""

    #: the server, at its own door, with tickets in the person's name
    PROBE = "probe"
    #: the person himself, by a link
    PERSON = "person"


class AccessTest(models.Model):
    """One person, some cameras of one organization, some permissions."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="access_tests")
    way = models.CharField(max_length=6, choices=Way)
    #: whose access is tried, and who wants to know
    account = models.CharField(max_length=26)
    asker = models.CharField(max_length=26)
    started_at = models.DateTimeField()
    #: what has no answer by then has none
    ends_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    #: of a link: its secret, and when the person came with it; it opens once
    secret_hash = models.CharField(max_length=64, default="")
    #: of the secret in the mail, which is another: it waits in no queue. Either opens it, once
    mailed_hash = models.CharField(max_length=64, default="")
    opened_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (
            models.Index(fields=("organization", "account", "started_at"), name="handover_test_of_person"),
            models.Index(fields=("ends_at",), condition=models.Q(finished_at=None), name="handover_test_running"),
        )


class AccessTestResult(models.Model):
    """What became of one permission on one camera; of what has no `at` yet, nothing."""

    test = models.ForeignKey(AccessTest, on_delete=models.CASCADE, related_name="results")
    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="access_test_results")
    #: its name on the wire
    permission = models.CharField(max_length=12)
    #: what the person's rights said when it was tried
    granted = models.BooleanField(null=True)
    worked = models.BooleanField(null=True)
    #: why it did not work: a stable word; "" where it did
    why = models.CharField(max_length=40, default="")
    took_ms = models.PositiveIntegerField(null=True)
    #: `local` or `remote`, as the request stood to the organization's networks; never an address
    network = models.CharField(max_length=6, default="")
    at = models.DateTimeField(null=True)
    #: the probe's ticket, while a node has it
    session = models.CharField(max_length=26, default="")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("test", "camera", "permission"), name="handover_test_result_one_each"),
        )
        indexes = (
            models.Index(fields=("session",), condition=~models.Q(session=""), name="handover_test_session"),
            models.Index(fields=("camera", "at"), name="handover_test_of_camera"),
        )
