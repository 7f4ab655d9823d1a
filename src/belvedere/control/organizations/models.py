"""Organization, site, membership, reach."""

from django.conf import settings
from django.db import models

from belvedere.control.access.roles import Role
from belvedere.control.core.ids import new_id


class Organization(models.Model):
    """What owns devices. Each account is born with a personal one. Exactly one owner, always."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    name = models.CharField(max_length=80)
    is_personal = models.BooleanField(default=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="owned_organizations")
    region = models.CharField(max_length=60, default="")
    time_zone = models.CharField(max_length=60, default="UTC")
    created_at = models.DateTimeField()


class Site(models.Model):
    """A place of an organization."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="sites")
    name = models.CharField(max_length=80)
    region = models.CharField(max_length=60, default="")
    time_zone = models.CharField(max_length=60, default="UTC")
    address = models.CharField(max_length=200, default="")
    created_at = models.DateTimeField()


class Membership(models.Model):
    """One account's role in one organization. While active it is projected into grants (rule 1)."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="memberships")
    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=12, choices=[(role.value, role.value) for role in Role])
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("organization", "account"),
                condition=models.Q(is_active=True),
                name="organizations_membership_one_in_force",
            ),
        )


class Reach(models.Model):
    """A network this organization may make the server connect to. Set by the operator alone (rule 8)."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="reach")
    cidr = models.CharField(max_length=50)
    first_port = models.IntegerField(default=1)
    last_port = models.IntegerField(default=65535)
