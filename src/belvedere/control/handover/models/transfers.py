"""Handover: what one owner offers somebody to own."""

from django.conf import settings
from django.db import models

from belvedere.control.core.ids import new_id
from belvedere.control.core.offers import Offer, OfferState
from belvedere.control.organizations.models import Organization


class Kind(models.TextChoices):
    """What changes its owner."""

    ORGANIZATION = "organization"


class Afterwards(models.TextChoices):
    """What becomes of whoever gave it."""

    SUPER_ADMIN = "super_admin"
    LEAVES = "leaves"


class Handover(Offer):
    """An owner's offer to one person, who must accept it himself. Good for fourteen days to the second."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    kind = models.CharField(max_length=12, choices=Kind)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="handovers")
    giver = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="handovers_given")
    receiver = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="handovers_received")
    afterwards = models.CharField(max_length=12, choices=Afterwards)
    expires_at = models.DateTimeField()
    #: the change that made it true: what it cut stands in that receipt; "" before
    change_id = models.CharField(max_length=26, default="", db_index=True)

    class Meta:
        constraints = (
            # Two that wait would race for one owner; of other kinds several may wait in one organization.
            models.UniqueConstraint(
                fields=("organization",),
                condition=models.Q(state=OfferState.PENDING, kind=Kind.ORGANIZATION),
                name="handover_organization_one_pending",
            ),
        )
        indexes = (
            models.Index(fields=("receiver", "state"), name="handover_received"),
            models.Index(fields=("giver", "state"), name="handover_given"),
        )

    @property
    def is_leaving(self) -> bool:
        """Whether its giver leaves the organization with it."""
        return self.afterwards == Afterwards.LEAVES
