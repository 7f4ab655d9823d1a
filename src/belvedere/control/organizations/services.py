"""Making organizations and sites, and projecting memberships into grants."""

from ipaddress import ip_network

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import requires, unguarded
from belvedere.control.access.models import Origin
from belvedere.control.access.roles import PERMISSIONS, Role
from belvedere.control.access.services import grant
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Invalid
from belvedere.control.core.names import clean_name
from belvedere.control.core.principal import Principal
from belvedere.control.organizations.models import Membership, Organization, Reach, Site


@unguarded("a new account's own, and nobody else's")
@transaction.atomic
def register_account(actor: Principal, *, site_name: str = "") -> Organization:
    """Give a new account what each account is born with: a personal organization, one site, ownership of it.

    A second call for the same account answers with the first one's organization.
    """
    existing = Organization.objects.filter(owner_id=actor.id, is_personal=True).first()
    if existing:
        return existing
    at = clock.now()
    organization = Organization.objects.create(
        name=_("%(name)s’s home") % {"name": actor.name.split(" ")[0]},
        is_personal=True,
        owner_id=actor.id,
        created_at=at,
    )
    write_entry(
        actor=actor,
        action="organization.created",
        thing=f"organization:{organization.pk}",
        organization=organization.pk,
        name=organization.name,
    )
    Site.objects.create(organization=organization, name=site_name or _("Home"), created_at=at)
    membership = Membership.objects.create(
        organization=organization, account_id=actor.id, role=Role.OWNER, created_at=at
    )
    _project(membership, by=actor.id)
    for cidr, first, last in parse_reach(settings.BELVEDERE.reach):
        Reach.objects.create(organization=organization, cidr=cidr, first_port=first, last_port=last)
    return organization


def _project(membership: Membership, *, by: str) -> None:
    """One grant on the organization for a role on all sites (rule 1)."""
    grant(
        principal=membership.account_id,
        resource=membership.organization_id,
        permissions=PERMISSIONS[Role(membership.role)],
        origin=Origin.MEMBERSHIP,
        origin_id=membership.pk,
        created_by=by,
    )


@requires(Permission.MANAGE, on="organization")
@transaction.atomic
def add_site(actor: Principal, *, organization: str, name: str, address: str = "") -> Site:
    """A further place of an organization."""
    site = Site.objects.create(
        organization_id=organization,
        name=clean_name(name),
        address=clean_name(address, field="address", optional=True, max_length=200),
        created_at=clock.now(),
    )
    write_entry(actor=actor, action="site.created", thing=f"site:{site.pk}", organization=organization, name=site.name)
    return site


@unguarded("the operator's own act, from the command line")
@transaction.atomic
def set_reach(actor: Principal, *, organization: str, reach: str) -> None:
    """Replace the networks an organization may reach. Raises Invalid."""
    networks = parse_reach(reach)
    Reach.objects.filter(organization_id=organization).delete()
    for cidr, first, last in networks:
        Reach.objects.create(organization_id=organization, cidr=cidr, first_port=first, last_port=last)
    write_entry(
        actor=actor,
        action="organization.reach_set",
        thing=f"organization:{organization}",
        organization=organization,
        reach=reach,
    )


def parse_reach(text: str) -> list[tuple[str, int, int]]:
    """`10.0.0.0/8:554,192.168.1.0/24:8000-8999,::1/128` → (CIDR, first port, last port). Raises Invalid."""
    found = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        cidr, first, last = part, 1, 65535
        network, slash, tail = part.partition("/")
        length, colon, ports = tail.partition(":")
        if slash and colon:
            cidr = f"{network}/{length}"
            low, _dash, high = ports.partition("-")
            first, last = _port(low), _port(high or low)
        try:
            found.append((str(ip_network(cidr)), first, last))
        except ValueError:
            raise Invalid(_("%(text)s is no network, as in 192.168.1.0/24:554.") % {"text": part}) from None
    return found


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise Invalid(_("%(text)s is no port.") % {"text": text})
    return int(text)


def touch_membership(membership: str) -> None:
    """Hold this membership for the rest of the transaction. Raises Conflict if it is no longer in force.

    Called first by whatever rests on it, so that of *ending it* and *resting on it* whoever comes second sees the
    other (rule 5).
    """
    if not Membership.objects.filter(pk=membership, is_active=True).update(is_active=True):
        raise Conflict(_("The membership this rests on has ended."))
