"""Engagement, the devices it is bounded to, and what a provider asks for."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import models

from belvedere.control.core.ids import new_id
from belvedere.control.core.offers import OPEN_STATES, Offer, OfferState
from belvedere.control.devices.models import Device
from belvedere.control.organizations.models import Membership, Organization, Site

#: an engagement that nobody accepted, or a wish that nobody answered, for so long is over
ANSWER_WITHIN: Final = timedelta(days=14)


class Engagement(Offer):
    """A service provider may do these things on one site, or on these devices of it, until a date (HC-27).

    Nothing is in force before he accepts. `rejected`: he declined; `revoked`: the owner ended it; `left`: he did.
    """

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="engagements")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="engagements")
    #: under this membership it is given: it ends with what that manages (rule 5)
    membership = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="engagements")
    giver = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="engagements_given")
    #: whom it was offered to: an e-mail address
    address = models.CharField(max_length=254, db_index=True)
    #: the account that answered; None while it waits
    provider = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="engagements_received"
    )
    #: SHA-256 of the secret in the mail that leads somebody without an account through sign-up
    join_digest = models.CharField(max_length=64, default="", db_index=True)
    permissions = models.IntegerField()
    message = models.CharField(max_length=280, default="")
    ends_at = models.DateTimeField()
    change_id = models.CharField(max_length=26, default="", db_index=True)
    #: once it is over: what all of it was called that day, as `names_now` says. What it is called later is nobody's
    #: business who served there once
    names = models.JSONField(default=dict)

    class Meta:
        indexes = (
            models.Index(fields=("organization", "state"), name="providers_engagement_given"),
            models.Index(fields=("provider", "state"), name="providers_engagement_received"),
        )

    def names_now(self) -> dict[str, Any]:
        """What it is all called now: `{"organization", "site", "giver", "provider", "devices": {id: name}}`."""
        return {
            "organization": self.organization.name,
            "site": self.site.name,
            "giver": self.giver.name,
            "provider": self.provider.name if self.provider else "",
            "devices": {one.device_id: one.device.name for one in self.devices.select_related("device")},
        }

    def state_at(self, at: datetime) -> OfferState:
        """Where it stands at an instant: what has run out is expired, whatever the row still says."""
        state = OfferState(self.state)
        is_over = self.ends_at <= at or (state == OfferState.PENDING and self.offered_at + ANSWER_WITHIN <= at)
        return OfferState.EXPIRED if state in OPEN_STATES and is_over else state


class EngagedDevice(models.Model):
    """One device of an engagement. Without any it is for the whole site, and what is added to it later."""

    engagement = models.ForeignKey(Engagement, on_delete=models.CASCADE, related_name="devices")
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("engagement", "device"), name="providers_device_once"),)


class Wish(Offer):
    """A provider asks for more, for some hours from the answer on or until a date (HC-29). It gives nothing yet."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    #: where, and who: the engagement that he has or had
    engagement = models.ForeignKey(Engagement, on_delete=models.PROTECT, related_name="wishes")
    permissions = models.IntegerField()
    #: 1, 2, 4 or 8; None: until `until`
    hours = models.PositiveSmallIntegerField(null=True)
    until = models.DateTimeField(null=True)
    reason = models.CharField(max_length=280)
    #: what it became
    granted = models.ForeignKey(Engagement, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("engagement",), condition=models.Q(state=OfferState.PENDING), name="providers_wish_one_pending"
            ),
            models.CheckConstraint(
                condition=models.Q(hours=None, until__isnull=False) | models.Q(hours__isnull=False, until=None),
                name="providers_wish_hours_or_until",
            ),
        )

    def state_at(self, at: datetime) -> OfferState:
        """Where it stands at an instant."""
        state = OfferState(self.state)
        is_over = self.offered_at + ANSWER_WITHIN <= at or (self.until is not None and self.until <= at)
        return OfferState.EXPIRED if state == OfferState.PENDING and is_over else state
