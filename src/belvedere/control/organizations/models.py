"""Organization, site, membership with its roles on sites, invitation, reach; deputy, and his claim to own it."""

from django.conf import settings
from django.db import models

from belvedere.control.access.roles import Role
from belvedere.control.core.ids import new_id
from belvedere.control.core.offers import Offer, OfferState

_ROLES = [(role.value, role.value) for role in Role]


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
    closed_at = models.DateTimeField(null=True)


class Membership(models.Model):
    """One account's role in one organization. While active it is projected into grants (rule 1)."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="memberships")
    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=12, choices=_ROLES)
    #: the role holds on all sites, future ones too, but for those in `site_roles`; False = on those alone
    is_everywhere = models.BooleanField(default=True)
    is_active = models.BooleanField(default=True)
    #: grows with every change: who edits an older one is told (two admins at once)
    version = models.IntegerField(default=1)
    created_at = models.DateTimeField()
    invited_by = models.CharField(max_length=26, default="")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("organization", "account"),
                condition=models.Q(is_active=True),
                name="organizations_membership_one_in_force",
            ),
            # Exactly one owner (VV 31): never two by this, never none by Organization.owner.
            models.UniqueConstraint(
                fields=("organization",),
                condition=models.Q(is_active=True, role=Role.OWNER),
                name="organizations_membership_one_owner",
            ),
        )


class SiteRole(models.Model):
    """A member's role on one site, beside or instead of the one he holds everywhere."""

    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="site_roles")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="site_roles")
    role = models.CharField(max_length=12, choices=_ROLES)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("membership", "site"), name="organizations_site_role_one_each"),)


class Invitation(Offer):
    """An offer of a standing in an organization, to whoever proves the address. Good for seven days to the second."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="invitations")
    #: under this membership it is given: what its holder may no longer give cannot be accepted (rule 5)
    membership = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="invitations")
    inviter = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="invitations_given")
    #: an e-mail address in lower case, or a telephone number in E.164
    address = models.CharField(max_length=254, db_index=True)
    role = models.CharField(max_length=12, choices=_ROLES)
    is_everywhere = models.BooleanField(default=True)
    #: site → role, as in SiteRole; sites may be gone when it is accepted
    site_roles = models.JSONField(default=dict)
    expires_at = models.DateTimeField()
    #: SHA-256 of the secret in the latest mail; "" before it was sent
    token_digest = models.CharField(max_length=64, default="", db_index=True)
    accepted_by = models.CharField(max_length=26, default="")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("organization", "address"),
                condition=models.Q(state=OfferState.PENDING),
                name="organizations_invitation_one_pending",
            ),
        )
        indexes = (models.Index(fields=("organization", "state"), name="organizations_invitation_list"),)


class Reach(models.Model):
    """A network this organization may make the server connect to. Set by the operator alone (rule 8)."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="reach")
    cidr = models.CharField(max_length=50)
    first_port = models.IntegerField(default=1)
    last_port = models.IntegerField(default=65535)


class Deputy(Offer):
    """Whom an owner named to claim the organization when he does not come back; `accepted`: he agreed.

    Counts only while whoever named him owns it, and while he is a Super Admin of it: both are asked when it counts.
    """

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="deputies")
    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    named_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("organization",),
                condition=models.Q(state__in=[OfferState.PENDING, OfferState.ACCEPTED]),
                name="organizations_deputy_one_each",
            ),
        )


class OwnershipClaim(Offer):
    """A deputy says that the owner does not come back. Nothing changes before `due_at`, and everybody is told.

    `accepted`: he owns it. `rejected`: somebody objected. `revoked`: withdrawn, or it ended by itself: `ended_reason`.
    """

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="claims")
    claimant = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    due_at = models.DateTimeField()
    #: how often everybody was told since the first day
    reminders = models.IntegerField(default=0)
    change_id = models.CharField(max_length=26, default="")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("organization",),
                condition=models.Q(state=OfferState.PENDING),
                name="organizations_claim_one_pending",
            ),
        )
