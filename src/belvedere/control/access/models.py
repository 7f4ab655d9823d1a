"""The Grant: one positive right of one principal on one resource. The Freeze: a while in which grants open nothing."""

from django.db import models

from belvedere.control.core.ids import new_id


class Origin(models.TextChoices):
    """What projected a grant, and whose life it shares."""

    MEMBERSHIP = "membership"
    SHARE = "share"
    GUEST_LINK = "guest_link"
    #: a service provider's: it never switches off, unbinds or removes
    SERVICE = "service"


class Grant(models.Model):
    """`permissions` of `principal` on `resource` and all beneath it, while in force."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    principal = models.CharField(max_length=26)
    #: an organization, a site, a camera or a panel: one opaque id
    resource = models.CharField(max_length=26)
    #: bits of contracts.permissions.Permission
    permissions = models.IntegerField()
    origin = models.CharField(max_length=10, choices=Origin)
    origin_id = models.CharField(max_length=26, db_index=True)
    starts_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    #: JSON of `{"zone": …, "weekly": {"mon": [["09:00", "12:00"]]}}`; "" = at any hour
    hours = models.TextField(default="")
    #: playback reaches back so many seconds, and never before this instant; both None = all there is
    footage_last_s = models.IntegerField(null=True)
    footage_from = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=26)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=26, default="")
    ended_reason = models.CharField(max_length=40, default="")
    change_id = models.CharField(max_length=26, default="", db_index=True)
    #: it came back with a backup, and nobody knows whether it had ended: opens nothing until its owner says (ADR 0031)
    suspended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (
            # The decision's index: it holds what is in force and nothing else.
            models.Index(
                fields=("principal", "resource"), condition=models.Q(ended_at=None), name="access_grant_in_force"
            ),
            models.Index(fields=("resource",), condition=models.Q(ended_at=None), name="access_grant_on_resource"),
            # Nearly always empty: whether anything waits is asked often.
            models.Index(
                fields=("suspended_at",),
                condition=models.Q(ended_at=None, suspended_at__isnull=False),
                name="access_grant_suspended",
            ),
        )


class Freeze(models.Model):
    """Until `ends_at` no grant on anything of `organization` opens anything. The grants themselves stay as they are.

    Ended early, `ends_at` is moved to then.
    """

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    organization = models.CharField(max_length=26)
    begun_at = models.DateTimeField()
    #: an account; "" = whoever runs the server
    begun_by = models.CharField(max_length=26)
    ends_at = models.DateTimeField()
    #: when the owner, and when a Super Admin, said that it may end
    owner_agreed_at = models.DateTimeField(null=True)
    admin_agreed_at = models.DateTimeField(null=True)
    change_id = models.CharField(max_length=26)

    class Meta:
        indexes = (models.Index(fields=("organization", "ends_at"), name="access_freeze_in_force"),)
