"""The report of a handover, as it was when it was done."""

from django.db import models

from belvedere.control.handover.models.transfers import Handover


class KeptReport(models.Model):
    """Written once, at the acceptance, and never changed: its signature says so to whoever has a copy."""

    handover = models.OneToOneField(Handover, on_delete=models.PROTECT, primary_key=True, related_name="report")
    made_at = models.DateTimeField()
    #: the facts, byte for byte as they were signed; their SHA-256 stands in the audit too
    text = models.TextField()
    digest = models.CharField(max_length=64)
    key = models.CharField(max_length=16)
    signature = models.CharField(max_length=100)
