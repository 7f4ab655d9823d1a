"""Recipient, share, item."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import models

from belvedere.control.core.ids import new_id
from belvedere.control.core.names import is_phone
from belvedere.control.core.offers import OPEN_STATES, Offer, OfferState
from belvedere.control.devices.models import Camera, Panel
from belvedere.control.organizations.models import Membership, Organization
from belvedere.control.sharing.terms import Footage, When

#: an offer that nobody answered for so long is over
ANSWER_WITHIN: Final = timedelta(days=7)
#: why a share ended whose recipient is not told so: to him it looks as if its cameras were unbound (threats.md §5)
SILENTLY: Final = "moved_out_silently"
#: what an item needs beside itself, to say its name and site
THINGS = ("camera", "panel__device")
#: items whose camera or panel is still bound
IS_BOUND = models.Q(camera__isnull=False, camera__closed_at=None) | models.Q(panel__isnull=False, panel__closed_at=None)


def of_things(resources: Collection[str]) -> models.Q:
    """Items of these cameras and panels."""
    return models.Q(camera__in=resources) | models.Q(panel__in=resources)


def in_states(states: Collection[str], at: datetime, *, of: str = "") -> models.Q:
    """Shares that are in one of these states at an instant; `of` is the way to the share, as "share__".

    No job has to mark what ran out: from the second of its end on it is expired, on every surface (rule 3).
    """
    over = [state for state in states if state not in OPEN_STATES]
    is_running = models.Q(**{f"{of}ends_at": None}) | models.Q(**{f"{of}ends_at__gt": at})
    is_answerable = models.Q(**{f"{of}offered_at__gt": at - ANSWER_WITHIN})
    found = models.Q(**{f"{of}state__in": over})
    if OfferState.PENDING in states:
        found |= models.Q(**{f"{of}state": OfferState.PENDING}) & is_running & is_answerable
    if OfferState.ACCEPTED in states:
        found |= models.Q(**{f"{of}state": OfferState.ACCEPTED}) & is_running
    if OfferState.EXPIRED in over:
        found |= models.Q(**{f"{of}state__in": OPEN_STATES, f"{of}ends_at__lte": at})
        found |= models.Q(**{f"{of}state": OfferState.PENDING, f"{of}offered_at__lte": at - ANSWER_WITHIN})
    return found


def of_address(address: str, *, of: str = "") -> models.Q:
    """Recipients with this e-mail address or telephone number; `of` is the way to the recipient, as "recipient__"."""
    return models.Q(**{f"{of}phone" if is_phone(address) else f"{of}email": address})


def of_addresses(addresses: Collection[str], *, of: str = "") -> models.Q:
    """The same of several at once: what somebody has proven to be his."""
    phones = [address for address in addresses if is_phone(address)]
    emails = [address for address in addresses if not is_phone(address)]
    return models.Q(**{f"{of}email__in": emails}) | models.Q(**{f"{of}phone__in": phones})


def of_recipient(recipient: str) -> models.Q:
    """Shares of one sharer's to one of his list: to that address, and to others of the same account once it is known.

    Somebody shared with by e-mail and by telephone number is one person as soon as he has accepted both.
    """
    account = Recipient.objects.filter(pk=recipient, account__isnull=False).values("account")
    return models.Q(recipient=recipient) | models.Q(recipient__account__in=account)


class Recipient(models.Model):
    """An address one account has shared with, an e-mail address or a telephone number.

    Whose account it is shows only once something was accepted.
    """

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    sharer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="recipients")
    email = models.CharField(max_length=254, default="")
    #: E.164
    phone = models.CharField(max_length=16, default="")
    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    #: the sharer's own note; nobody else ever reads it
    remark = models.CharField(max_length=80, default="")
    created_at = models.DateTimeField()
    #: taken off the sharer's list, with all that was shared; who is shared with again stands on it again
    removed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("sharer", "email"),
                condition=~models.Q(email=""),
                name="sharing_recipient_one_per_address",
            ),
            models.UniqueConstraint(
                fields=("sharer", "phone"), condition=~models.Q(phone=""), name="sharing_recipient_one_per_phone"
            ),
            models.CheckConstraint(
                condition=models.Q(email="") ^ models.Q(phone=""), name="sharing_recipient_email_or_phone"
            ),
        )

    @property
    def address(self) -> str:
        """What the sharer typed: the e-mail address, or the number."""
        return self.email or self.phone


class Share(Offer):
    """What one sharer offers one recipient under one membership."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="shares")
    membership = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="shares")
    sharer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="shares_given")
    recipient = models.ForeignKey(Recipient, on_delete=models.PROTECT, related_name="shares")
    message = models.CharField(max_length=280, default="")
    #: SHA-256 of the secret in the mail that leads somebody without an account through sign-up
    join_digest = models.CharField(max_length=64, default="", db_index=True)
    #: the same of the link that the sharer handed over himself
    link_digest = models.CharField(max_length=64, default="", db_index=True)
    starts_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    hours = models.TextField(default="")
    #: the account that accepted or rejected it; "" while it waits
    accepted_by = models.CharField(max_length=26, default="", db_index=True)
    #: whoever accepted it wants no messages about it; the sharer never reads this
    is_muted = models.BooleanField(default=False)
    change_id = models.CharField(max_length=26, default="", db_index=True)
    #: one more with every change: of two who edit at once the second is told
    version = models.IntegerField(default=1)
    #: since when it rests by the sharer's wish: accepted, and in force nowhere. Its end comes all the same
    paused_at = models.DateTimeField(null=True)
    #: when the recipient was reminded of the offer: once at most
    reminded_at = models.DateTimeField(null=True)
    #: one command to one panel, or 24 hours from acceptance on; and when that command was claimed
    is_once = models.BooleanField(default=False)
    used_at = models.DateTimeField(null=True)
    #: how often the panel did not take it, and the command and time of the last: it may still take that one, late
    tries = models.PositiveSmallIntegerField(default=0)
    tried_act = models.CharField(max_length=20, default="")
    tried_at = models.DateTimeField(null=True)
    #: the end before it was prolonged last: from there its present term counts
    term_from = models.DateTimeField(null=True)
    #: the end that both sides were reminded of
    reminded_end_at = models.DateTimeField(null=True)
    #: as far as the ledger was read; the ledger forgets, this does not
    last_used_at = models.DateTimeField(null=True)
    #: after so many days without use it ends by itself; None = it does not. And when both sides were told that it will
    lapse_unused_days = models.PositiveSmallIntegerField(null=True)
    lapse_warned_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=("sharer", "state"), name="sharing_share_given"),)

    def state_at(self, at: datetime) -> OfferState:
        """Where it stands at an instant: what has run out is expired, whatever the row still says."""
        state = OfferState(self.state)
        is_over = state in OPEN_STATES and (run_out := self.runs_out_at) is not None and run_out <= at
        return OfferState.EXPIRED if is_over else state

    @property
    def runs_out_at(self) -> datetime | None:
        """When it is over if nobody does anything: at its end; an offer, once it has waited too long. None: never."""
        answer_by = self.offered_at + ANSWER_WITHIN if self.state == OfferState.PENDING else None
        return min((at for at in (self.ends_at, answer_by) if at), default=None)

    @property
    def term(self) -> timedelta | None:
        """How long it was given for, or was prolonged by. None: it has no end, or was not accepted."""
        began = max((at for at in (self.starts_at, self.decided_at) if at), default=None)
        if self.term_from and self.ends_at and self.term_from < self.ends_at:
            began = self.term_from
        return self.ends_at - began if self.ends_at and began and self.ends_at > began else None

    @property
    def when(self) -> When:
        """From when until when, at which hours."""
        return When(starts_at=self.starts_at, ends_at=self.ends_at, hours=self.hours)


class ShareItem(models.Model):
    """One camera of a share, or one panel, with its own set of permissions."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    share = models.ForeignKey(Share, on_delete=models.CASCADE, related_name="items")
    camera = models.ForeignKey(Camera, on_delete=models.PROTECT, null=True, related_name="share_items")
    panel = models.ForeignKey(Panel, on_delete=models.PROTECT, null=True, related_name="share_items")
    permissions = models.IntegerField()
    #: how far back playback reaches; neither = all there is
    footage_last_s = models.IntegerField(null=True)
    is_since_grant = models.BooleanField(default=False)
    #: when it came into force: at acceptance, or later, if it joined an accepted share
    given_at = models.DateTimeField(null=True)
    #: this item left the share while the rest goes on: the giver may not share it any more
    ended_at = models.DateTimeField(null=True)
    #: why, where it was not the giver's own change of this share: `left_group`, `group_deleted`
    ended_reason = models.CharField(max_length=40, default="")
    #: the group that brought it: it leaves the share with the group. None: it was chosen by hand
    group = models.ForeignKey("CameraGroup", on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("share", "camera"), name="sharing_item_one_per_camera"),
            models.UniqueConstraint(fields=("share", "panel"), name="sharing_item_one_per_panel"),
            models.CheckConstraint(
                condition=models.Q(camera=None, panel__isnull=False) | models.Q(camera__isnull=False, panel=None),
                name="sharing_item_camera_or_panel",
            ),
        )

    @property
    def thing(self) -> Camera | Panel:
        """What is shared: it has a name and a site."""
        found = self.camera or self.panel
        assert found is not None  # noqa: S101  the constraint says so
        return found

    @property
    def footage(self) -> Footage:
        """How far back playback reaches."""
        return Footage(self.footage_last_s, self.is_since_grant)

    @property
    def resource(self) -> str:
        """Its id, as grants know it."""
        return self.camera_id or self.panel_id or ""


class SharePreset(models.Model):
    """A preset that an organization made for itself: what to begin a share with."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="presets")
    name = models.CharField(max_length=80)
    #: the name as it is compared: no two that differ by capitals alone
    key = models.CharField(max_length=240)
    permissions = models.IntegerField()
    footage_last_s = models.IntegerField(null=True)
    is_since_grant = models.BooleanField(default=False)
    #: JSON of `{"mon": [["08:00", "18:00"]]}`, in whatever zone the camera is; "" = at any hour
    weekly = models.TextField(default="")
    #: how long after it was offered a share ends; None = it does not
    lasts_s = models.IntegerField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("organization", "key"), name="sharing_preset_one_per_name"),)


class CameraGroup(models.Model):
    """Cameras of one organization under a name, to be shared together: “Outside”."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="camera_groups")
    name = models.CharField(max_length=80)
    #: the name as it is compared: no two that differ by capitals alone
    key = models.CharField(max_length=240)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("organization", "key"), name="sharing_group_one_per_name"),)


#: why a camera left a share that it had come to by a group
LEFT_GROUP: Final = "left_group"
GROUP_DELETED: Final = "group_deleted"


class GroupCamera(models.Model):
    """One camera of a group."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    group = models.ForeignKey(CameraGroup, on_delete=models.CASCADE, related_name="members")
    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="in_groups")
    added_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("group", "camera"), name="sharing_group_camera_once"),)


class ShareGroup(models.Model):
    """A share that follows a group: its sharer decided in advance on cameras that are added to it later (rule 9)."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    share = models.ForeignKey(Share, on_delete=models.CASCADE, related_name="follows")
    group = models.ForeignKey(CameraGroup, on_delete=models.CASCADE, related_name="followers")
    #: what a camera that is added gives, at most
    permissions = models.IntegerField()
    footage_last_s = models.IntegerField(null=True)
    is_since_grant = models.BooleanField(default=False)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("share", "group"), name="sharing_follows_once"),)

    @property
    def footage(self) -> Footage:
        """How far back playback of it reaches."""
        return Footage(self.footage_last_s, self.is_since_grant)


class BlockedSharer(models.Model):
    """Somebody whose offers reach an account no more. He is not told, and nothing he can see tells him."""

    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    sharer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    blocked_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("account", "sharer"), name="sharing_blocked_sharer_once"),)


class ReviewAnswer(models.Model):
    """Somebody said that a share, or a membership, is still needed: asked again in the next quarter (B-10)."""

    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    #: the id of the share or membership; "" = the reminder on the wall, put away
    thing = models.CharField(max_length=26)
    #: `2026Q4`
    quarter = models.CharField(max_length=6)
    at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("account", "thing", "quarter"), name="sharing_review_answered_once"),
        )
