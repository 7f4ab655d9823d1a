"""A row is something to be done once the change it belongs to is true."""

from django.db import models

from belvedere.control.core.ids import new_id


class Message(models.Model):
    """One thing to do. Done, failed for good, or due."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    kind = models.CharField(max_length=60)
    payload = models.JSONField()
    #: whom it goes to, where only so much may be under way there at once: see `take`
    to = models.CharField(max_length=80, default="")
    due_at = models.DateTimeField()
    attempts = models.IntegerField(default=0)
    claimed_until = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=200, default="")

    class Meta:
        indexes = (
            models.Index(
                fields=("due_at",),
                condition=models.Q(done_at=None, failed_at=None),
                name="outbox_message_due",
            ),
        )
