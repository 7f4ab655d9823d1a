"""Access request, requesters an organization hears no more of, device claim."""

from django.conf import settings
from django.db import models

from belvedere.control.core.ids import new_id
from belvedere.control.core.offers import Offer, OfferState
from belvedere.control.devices.models import BindAttempt, Camera, Device
from belvedere.control.organizations.models import Organization, Site
from belvedere.control.sharing.models import Share


class AccessRequest(Offer):
    """Somebody asks a device's owner to share it. It gives nothing: what it becomes is an ordinary offer (rule 9).

    `rejected` was denied; `accepted` became `share`, which the requester still has to accept.
    """

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    requester = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="access_requests")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="access_requests")
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="access_requests")
    #: the one camera it is for; None: the requester knows no more than that the device has an owner
    camera = models.ForeignKey(Camera, on_delete=models.PROTECT, null=True, related_name="access_requests")
    permissions = models.IntegerField()
    #: until when it is wanted
    ends_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=280)
    #: False: kept for its requester's eyes alone, who is not to learn that he was blocked
    is_heard = models.BooleanField(default=True)
    decided_by = models.CharField(max_length=26, default="")
    share = models.ForeignKey(Share, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("requester", "device"),
                condition=models.Q(state=OfferState.PENDING),
                name="appeals_request_one_pending",
            ),
        )
        indexes = (
            models.Index(fields=("organization", "state"), name="appeals_request_received"),
            models.Index(fields=("requester", "state"), name="appeals_request_sent"),
        )


class BlockedRequester(models.Model):
    """Whose requests an organization hears no more of. He is not told."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    requester = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    blocked_by = models.CharField(max_length=26)
    at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("organization", "requester"), name="appeals_blocked_once_each"),)


class DeviceClaim(Offer):
    """Somebody holds a device that its owner left behind: its own password, from its own network (HC 26).

    `accepted`: the waiting time passed, the device is free. `rejected`: its owner refused. `revoked`: it ended by
    itself, `ended_reason` says why.
    """

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    claimant = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="device_claims")
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="claims")
    attempt = models.ForeignKey(BindAttempt, on_delete=models.CASCADE, related_name="+")
    #: where the claimant wanted to bind it: whose reach it was tried from
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")
    due_at = models.DateTimeField()
    change_id = models.CharField(max_length=26, default="")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("device",), condition=models.Q(state=OfferState.PENDING), name="appeals_claim_one_pending"
            ),
        )
