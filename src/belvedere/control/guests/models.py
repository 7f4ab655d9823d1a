"""Guest link, its cameras, and who came with it."""

from datetime import datetime
from typing import Literal

from django.conf import settings
from django.db import models

from belvedere.control.core.ids import new_id
from belvedere.control.devices.models import Camera
from belvedere.control.organizations.models import Membership, Organization
from belvedere.control.sharing.terms import Footage

#: `used_up`: nobody else can open it, who has come may still watch
type LinkState = Literal["open", "used_up", "expired", "ended"]


class GuestLink(models.Model):
    """What somebody gives, under one membership, to whoever brings the secret (and the passcode)."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="guest_links")
    membership = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="guest_links")
    giver = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="guest_links")
    #: for whom it is, in the giver's words; the guest never reads it
    name = models.CharField(max_length=80)
    #: SHA-256 of the secret, which is shown once
    secret_hash = models.CharField(max_length=64)
    #: Argon2id; "" = none is asked for
    passcode = models.CharField(max_length=128, default="")
    permissions = models.IntegerField()
    #: how far back playback reaches: so many seconds, or not before the link was made
    footage_last_s = models.IntegerField(null=True)
    created_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    max_uses = models.IntegerField()
    uses = models.IntegerField(default=0)
    #: passcodes tried since the last right one or the last pause
    tries = models.IntegerField(default=0)
    paused_until = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=26, default="")
    ended_reason = models.CharField(max_length=40, default="")
    change_id = models.CharField(max_length=26, default="", db_index=True)

    class Meta:
        indexes = (models.Index(fields=("giver", "created_at"), name="guests_link_given"),)

    @property
    def footage(self) -> Footage:
        """How far back playback reaches; without a number, to when the link was made."""
        return Footage(self.footage_last_s, is_since_grant=self.footage_last_s is None)

    def state_at(self, at: datetime) -> LinkState:
        """Where it stands at an instant: no job has to mark what ran out."""
        if self.ended_at is not None:
            return "ended"
        if self.ends_at <= at:
            return "expired"
        return "used_up" if self.uses >= self.max_uses else "open"


class GuestCamera(models.Model):
    """One camera of a link."""

    link = models.ForeignKey(GuestLink, on_delete=models.CASCADE, related_name="cameras")
    camera = models.ForeignKey(Camera, on_delete=models.PROTECT, related_name="guest_cameras")
    #: this camera left the link while the rest goes on
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("link", "camera"), name="guests_camera_once_in_a_link"),)


class GuestVisit(models.Model):
    """One use of a link: a browser that came with the secret, and may come back with its cookie until the end."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    link = models.ForeignKey(GuestLink, on_delete=models.CASCADE, related_name="visits")
    #: SHA-256 of the cookie
    cookie_hash = models.CharField(max_length=64, unique=True)
    opened_at = models.DateTimeField()
    #: the network it came from: /24 or /48, no address (threats.md §5)
    network = models.CharField(max_length=43)
