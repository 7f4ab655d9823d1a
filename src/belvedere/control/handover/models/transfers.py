"""Handover: what one owner offers somebody to own, and what he decided on everything that hangs on it."""

from typing import Final

from django.conf import settings
from django.db import models

from belvedere.control.core.ids import new_id
from belvedere.control.core.offers import Offer
from belvedere.control.devices.models import Device
from belvedere.control.organizations.models import Organization, Site


class Kind(models.TextChoices):
    """What changes its owner."""

    ORGANIZATION = "organization"
    SITE = "site"
    DEVICE = "device"


class Afterwards(models.TextChoices):
    """What becomes of whoever gave it."""

    #: of an organization alone
    SUPER_ADMIN = "super_admin"
    LEAVES = "leaves"
    #: he leaves, and may look at its cameras until a date: who installed them answers for them that long
    WARRANTY = "warranty"


class HandoverState(models.TextChoices):
    """Where a handover stands: the life of every offer, and before it a plan that nobody but its giver knows."""

    DRAFT = "draft"
    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    REVOKED = "revoked"
    EXPIRED = "expired"


#: planned or waiting: of one thing there is one such handover
OPEN: Final = (HandoverState.DRAFT, HandoverState.PENDING)


class Handover(Offer):
    """An owner's plan, then his offer to one person, who must accept it himself. Good for fourteen days to the second.

    `offered_at` of a draft is since when it is planned; at its `expires_at` it is forgotten, thirty days after the last
    touch.
    """

    state = models.CharField(max_length=10, choices=HandoverState, default=HandoverState.DRAFT)
    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    kind = models.CharField(max_length=12, choices=Kind)
    #: whose it is until the acceptance
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="handovers")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, null=True, related_name="+")
    device = models.ForeignKey(Device, on_delete=models.PROTECT, null=True, related_name="+")
    #: the id of the organization, site or device that goes
    thing = models.CharField(max_length=26)
    giver = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="handovers_given")
    #: whose address it was offered to; None until somebody who has proven it accepts or declines
    receiver = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="handovers_received"
    )
    receiver_email = models.CharField(max_length=254, db_index=True)
    #: SHA-256 of the secret in the mail that leads somebody without an account through sign-up
    join_digest = models.CharField(max_length=64, default="", db_index=True)
    afterwards = models.CharField(max_length=12, choices=Afterwards)
    warranty_until = models.DateTimeField(null=True)
    #: the new owner gets the devices' passwords, sealed as they are; else they are deleted (threats.md §8)
    passes_credentials = models.BooleanField(default=False)
    #: SHA-256 of which devices and cameras go, when it was offered; "" = its receiver has never heard of it
    extent = models.CharField(max_length=64, default="")
    expires_at = models.DateTimeField()
    #: the change that made it true: what it cut stands in that receipt; "" before
    change_id = models.CharField(max_length=26, default="", db_index=True)
    #: until when either side can undo it
    final_at = models.DateTimeField(null=True)
    #: of a site or device: where it went, and what it is there
    destination = models.ForeignKey(Organization, on_delete=models.PROTECT, null=True, related_name="+")
    became = models.CharField(max_length=26, default="")

    class Meta:
        constraints = (
            # Two that wait would race for one owner.
            models.UniqueConstraint(
                fields=("thing",), condition=models.Q(state__in=["draft", "pending"]), name="handover_one_open"
            ),
        )
        indexes = (
            models.Index(fields=("receiver", "state"), name="handover_received"),
            models.Index(fields=("giver", "state"), name="handover_given"),
        )

    @property
    def is_leaving(self) -> bool:
        """Whether its giver leaves the organization with it."""
        return self.afterwards != Afterwards.SUPER_ADMIN


class Subject(models.TextChoices):
    """What a plan decides on."""

    SHARE = "share"
    MEMBER = "member"
    GUEST_LINK = "guest_link"
    #: of a service provider
    ENGAGEMENT = "engagement"
    #: that a person is told of what happens there
    NOTIFICATION = "notification"


class Verdict(models.TextChoices):
    """What becomes of it."""

    CARRY_OVER = "carry_over"
    END = "end"
    END_ON = "end_on"


class Decision(models.Model):
    """What the giver decided on one thing that hangs on what goes, and on which facts."""

    handover = models.ForeignKey(Handover, on_delete=models.CASCADE, related_name="decisions")
    subject = models.CharField(max_length=12, choices=Subject)
    #: of the share, membership, guest link or engagement; of the account that is told
    subject_id = models.CharField(max_length=26)
    verdict = models.CharField(max_length=10, choices=Verdict)
    ends_at = models.DateTimeField(null=True)
    #: SHA-256 of what was so when it was decided: if that has changed, it is asked again
    facts = models.CharField(max_length=64)
    #: the share or engagement that stands for it since the acceptance: what an undoing brings back
    became = models.CharField(max_length=26, default="")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("handover", "subject", "subject_id"), name="handover_decided_once"),
        )
