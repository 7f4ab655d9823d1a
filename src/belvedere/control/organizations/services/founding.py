"""Founding organizations, editing them, changing their owner, and setting their reach."""

from dataclasses import replace
from datetime import datetime
from ipaddress import ip_network
from typing import Final
from zoneinfo import available_timezones

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import requires, unguarded
from belvedere.control.access.models import Origin
from belvedere.control.access.roles import PERMISSIONS, Role
from belvedere.control.access.services import grant
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock, limits, sql
from belvedere.control.core.errors import Conflict, Invalid, NotFound
from belvedere.control.core.names import clean_name
from belvedere.control.core.principal import Principal
from belvedere.control.organizations.models import Membership, Organization, Reach, Site
from belvedere.control.organizations.selectors.members import list_tenures
from belvedere.control.organizations.services.projection import project, write_standing
from belvedere.control.organizations.standing import NOBODY, Standing
from belvedere.control.outbox.services import enqueue

MAX_OWNED: Final = 20


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
    _write_created(actor, organization)
    Site.objects.create(organization=organization, name=site_name or _("Home"), created_at=at)
    _become_owner(organization, actor.id, at)
    for cidr, first, last in parse_reach(settings.BELVEDERE.reach):
        Reach.objects.create(organization=organization, cidr=cidr, first_port=first, last_port=last)
    return organization


def _become_owner(organization: Organization, account: str, at: datetime) -> None:
    membership = Membership.objects.create(
        organization=organization, account_id=account, role=Role.OWNER, created_at=at
    )
    grant(
        principal=account,
        resource=organization.pk,
        permissions=PERMISSIONS[Role.OWNER],
        origin=Origin.MEMBERSHIP,
        origin_id=membership.pk,
        created_by=account,
    )


@unguarded("anybody may found an organization; its founder owns it")
@transaction.atomic
def create_organization(actor: Principal, *, name: str, region: str = "", time_zone: str = "UTC") -> str:
    """Found an organization and own it; its id. The first site may come later (VV 30).

    It reaches the networks that the founder's own organization reaches: what the operator trusts one person with.
    Raises Invalid (also beyond MAX_OWNED), RateLimited.
    """
    name, region = clean_name(name), clean_name(region, field="region", optional=True, max_length=60)
    clean_zone(time_zone)
    limits.hit("organization.new", actor.id, limit=10, per_s=3600)
    if Organization.objects.filter(owner_id=actor.id).count() >= MAX_OWNED:
        raise Invalid(_("One account owns at most %(count)d organizations.") % {"count": MAX_OWNED})
    at = clock.now()
    organization = Organization.objects.create(
        name=name, owner_id=actor.id, region=region, time_zone=time_zone, created_at=at
    )
    _write_created(actor, organization)
    _become_owner(organization, actor.id, at)
    personal = Reach.objects.filter(organization__owner_id=actor.id, organization__is_personal=True)
    for cidr, first, last in personal.values_list("cidr", "first_port", "last_port"):
        Reach.objects.create(organization=organization, cidr=cidr, first_port=first, last_port=last)
    return organization.pk


def _write_created(actor: Principal, organization: Organization) -> None:
    write_entry(
        actor=actor,
        action="organization.created",
        thing=f"organization:{organization.pk}",
        organization=organization.pk,
        name=organization.name,
    )


def clean_zone(text: str) -> str:
    """A time zone that this server knows. Raises Invalid."""
    if text not in available_timezones():
        raise Invalid(_("%(zone)s is no time zone, as in Europe/Madrid.") % {"zone": text[:60]}, field="time_zone")
    return text


@requires(Permission.MANAGE, on="organization")
@transaction.atomic
def edit_organization(
    actor: Principal, *, organization: str, name: str | None = None, region: str | None = None, zone: str | None = None
) -> None:
    """Change name, region or time zone; None leaves it. Raises NotFound, Forbidden, Invalid."""
    changes: dict[str, str] = {}
    if name is not None:
        changes["name"] = clean_name(name)
    if region is not None:
        changes["region"] = clean_name(region, field="region", optional=True, max_length=60)
    if zone is not None:
        changes["time_zone"] = clean_zone(zone)
    if not changes:
        return
    before = Organization.objects.values(*changes).get(pk=organization)
    if before == changes:
        return
    Organization.objects.filter(pk=organization).update(**changes)
    write_entry(
        actor=actor,
        action="organization.edited",
        thing=f"organization:{organization}",
        organization=organization,
        before=before,
        **changes,
    )


def hold_organization(organization: str) -> str:
    """Hold this organization for the rest of the transaction; the account that owns it. Raises NotFound.

    Called first by whatever changes its members or sites: what one projects, the other has not changed meanwhile.
    """
    held = sql.fetch(
        "UPDATE organizations_organization SET created_at = created_at WHERE id = %s RETURNING owner_id", organization
    )
    if not held:
        raise NotFound
    return str(held[0][0])


@unguarded("the new owner's own acceptance; `handover` has decided that it was offered to him by the owner")
@transaction.atomic
def change_owner(
    actor: Principal, *, organization: str, giver: str, is_leaving: bool, receiver: str = "", change_id: str = ""
) -> str:
    """A Super Admin, the actor unless told, becomes owner in place of `giver`, who stays as Super Admin or leaves.
    The change id.

    Both roles mean the same permissions: who stays loses none, and nobody's picture blinks. Raises Conflict if `giver`
    is not the owner (any more) or the actor is no Super Admin (any more).
    """
    if hold_organization(organization) != giver:
        raise Conflict(_("The owner changed in the meantime. Nothing was changed."))
    receiver = receiver or actor.id
    rows = Membership.objects.filter(organization_id=organization, is_active=True)
    # Both are held first, in the order in which changes of members hold theirs.
    both = sorted(rows.filter(account_id__in=[giver, receiver]).values_list("pk", flat=True))
    for pk in both:
        rows.filter(pk=pk).update(is_active=True)
    if not rows.filter(account_id=receiver, role=Role.SUPER_ADMIN).exists():
        raise Conflict(_("Only a Super Admin of the organization can become its owner. Nothing was changed."))
    # Down before up: the database never lets two owners stand.
    rows.filter(account_id=giver).update(role=Role.SUPER_ADMIN, version=F("version") + 1)
    rows.filter(account_id=receiver).update(role=Role.OWNER, version=F("version") + 1)
    Organization.objects.filter(pk=organization).update(owner_id=receiver)
    enqueue("lost.owner", {"organization": organization, "owner": receiver})
    tenures = {tenure.account: tenure for tenure in list_tenures(both).values()}
    old = tenures[giver]
    if is_leaving:
        rows.filter(pk=old.id).update(is_active=False, ended_at=clock.now())
        old = replace(old, standing=NOBODY)
    return project(
        actor,
        [old, tenures[receiver]],
        organization=organization,
        reason="left" if is_leaving else "role_changed",
        action="organization.owner_changed",
        thing=f"organization:{organization}",
        # What a leaving owner shared goes on: the new one answers for it from now on. Who stays still does so himself.
        adopt=True,
        change_id=change_id,
        details={"before": giver, "is_leaving": is_leaving},
    )


@unguarded("`handover` has decided: its two sides agreed that it can be undone")
@transaction.atomic
def return_owner(actor: Principal, *, organization: str, giver: str, receiver: str, change_id: str) -> None:
    """`receiver` owns it again, as if `giver` had handed it back; he is a member again if he is none, and `giver` what
    he was: Super Admin. Raises Conflict if `giver` is not the owner (any more).
    """
    hold_organization(organization)
    rows = Membership.objects.filter(organization_id=organization, account_id=receiver, is_active=True)
    membership = rows.values_list("pk", flat=True).first()
    if membership:
        # Whole again, whatever the owner in between made of him.
        write_standing(membership, Standing(Role.SUPER_ADMIN))
    else:
        Membership.objects.create(
            organization_id=organization, account_id=receiver, role=Role.SUPER_ADMIN, created_at=clock.now()
        )
    change_owner(
        actor, organization=organization, giver=giver, is_leaving=False, receiver=receiver, change_id=change_id
    )


@unguarded("accounts are erased by the worker, once nobody can bring them back")
@transaction.atomic
def erase_organizations(payload: dict[str, str]) -> None:
    """Forget what a closed account called its own organizations, and where they were. Handler of `account.erased`."""
    owned = Organization.objects.filter(owner_id=payload["account"])
    Site.objects.filter(organization__in=owned).update(name=_("Closed"), region="", address="")
    owned.update(name=_("Closed"), region="")


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
