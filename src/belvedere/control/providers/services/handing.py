"""Engagements where something changes its owner: each goes on or ends, as was decided one by one (HC-25, HC-27).

Asked by `handover` in its one transaction. What goes on is the new owner's to end from then on, and never lasts longer
or gives more than it did.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission, normalize
from belvedere.control.access.guard import unguarded
from belvedere.control.access.roles import PERMISSIONS
from belvedere.control.access.selectors import list_projected
from belvedere.control.access.services import hand_grants
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict
from belvedere.control.core.offers import OPEN_STATES, OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.organizations.selectors import find_membership, is_member
from belvedere.control.outbox.services import enqueue
from belvedere.control.providers.engaged import end, write
from belvedere.control.providers.models import EngagedDevice, Engagement
from belvedere.control.providers.projection import list_resources, project
from belvedere.control.sharing.services import Carried


def _open(engagements: Iterable[str]) -> list[Engagement]:
    at = clock.now()
    rows = Engagement.objects.filter(pk__in=list(engagements), state__in=OPEN_STATES).order_by("pk")
    return [row for row in rows if row.state_at(at) != OfferState.EXPIRED]


@unguarded("`handover` has decided: the new owner takes over what the old one gave")
@transaction.atomic
def adopt_engagements(
    actor: Principal, *, engagements: Collection[str], givers: Collection[str], account: str, organization: str
) -> list[str]:
    """Make those of these that `givers` gave `account`'s own: they go on, and are his. Which those are.

    Raises Conflict if he manages nobody there.
    """
    del actor  # who accepted or undid it is the handover's to write down
    membership = find_membership(account, organization, needs=Permission.MANAGE)
    if membership is None:
        raise Conflict(_("The new owner may engage nobody there. Nothing was changed."))
    adopted = [row for row in _open(engagements) if row.giver_id in givers]
    keys = [row.pk for row in adopted]
    Engagement.objects.filter(pk__in=keys).update(giver_id=account, membership_id=membership.id)
    hand_grants(keys, to=account)
    _tell_carried(adopted)
    return keys


def _tell_carried(rows: Iterable[Engagement]) -> None:
    for row in rows:
        if row.state == OfferState.ACCEPTED:
            enqueue("mail.engagement_handed_over", {"engagement": row.pk})


@unguarded("`handover` has decided, as its giver did on each of them")
@transaction.atomic
def narrow_engagements(actor: Principal, *, engagements: Mapping[str, Carried]) -> list[str]:
    """Let them end at a date, or tell of nothing any more; the grants that end with it. An earlier end stays."""
    del actor
    stale: list[str] = []
    for row in _open(engagements):
        row.ends_at, row.permissions = _terms(row, engagements[row.pk])
        row.save(update_fields=["ends_at", "permissions"])
        stale += [pk for pk, _resource, _bits in list_projected([row.pk]).get(row.pk, [])]
        if row.state == OfferState.ACCEPTED:
            project(row)
    return stale


def _terms(row: Engagement, carried: Carried) -> tuple[datetime, int]:
    permissions = Permission(row.permissions)
    if not carried.is_told:
        permissions = normalize(permissions & ~Permission.NOTIFY)
    return min(row.ends_at, carried.until or row.ends_at), int(permissions)


@unguarded("`handover` has decided, as its giver did on each of them")
@transaction.atomic
def close_engagements(
    actor: Principal, *, engagements: Iterable[str], change_id: str, kept: Collection[str] = ()
) -> None:
    """End these at once with all that stands on them, and tell both sides: not of those in `kept`, which go on."""
    for row in _open(engagements):
        _close(actor, row, change_id, kept)


def _close(actor: Principal, row: Engagement, change_id: str, kept: Collection[str]) -> None:
    end(actor, row, OfferState.REVOKED, "engagement.ended", change_id=change_id, is_told=row.pk not in kept)


@unguarded("`handover` has decided: the new owner engages anew whom the old one had, as was decided")
@transaction.atomic
def carry_engagements(
    actor: Principal,
    *,
    engagements: Mapping[str, Carried],
    became: Mapping[str, str],
    account: str,
    organization: str,
    site: str,
    is_whole: bool,
) -> dict[str, str]:
    """New engagements by `account` for these accepted ones, on the devices that `became` new ones; old → new.

    is_whole  the site goes whole: who was engaged for all of it still is; else for what went and no device more

    In force at once, for those who had accepted the old ones. None for who is a member there, or where `account` does
    not manage the site: that ends, and is told.
    """
    membership = find_membership(account, organization, needs=Permission.MANAGE)
    if membership is None or Permission.MANAGE not in PERMISSIONS[membership.standing.on(site)]:
        return {}
    found: dict[str, str] = {}
    for row in _open(engagements):
        provider = row.provider_id
        if row.state != OfferState.ACCEPTED or provider is None or is_member(provider, organization):
            continue
        engaged = set(row.devices.values_list("device", flat=True))
        whole = is_whole and not engaged
        devices = [] if whole else [new for old, new in became.items() if old in engaged or not engaged]
        if not devices and not whole:
            continue
        ends_at, permissions = _terms(row, engagements[row.pk])
        at = clock.now()
        new = Engagement.objects.create(
            organization_id=organization,
            site_id=site,
            membership_id=membership.id,
            giver_id=account,
            address=row.address,
            provider_id=provider,
            permissions=permissions,
            message=row.message,
            state=OfferState.ACCEPTED,
            offered_at=at,
            decided_at=at,
            ends_at=ends_at,
        )
        EngagedDevice.objects.bulk_create(EngagedDevice(engagement=new, device_id=pk) for pk in devices)
        project(new)
        rights = Permission(permissions).wire_names
        write(actor, new, "engagement.carried_over", recipient=new.address, rights=rights, until=ends_at.isoformat())
        _tell_carried([new])
        found[row.pk] = new.pk
    return found


@unguarded("`handover` has decided: these devices stand elsewhere now")
@transaction.atomic
def leave_engagements(
    actor: Principal, *, devices: Collection[str], site: str, kept: Collection[str], change_id: str
) -> list[str]:
    """End what is left without anything, where devices went from; of the others, the grants that are left over.

    site  closes with it, if any: whoever was engaged there is no more
    kept  those that go on elsewhere: of these nobody is told that they ended
    """
    concerned = Engagement.objects.filter(Q(site=site) | Q(devices__device__in=list(devices)), state__in=OPEN_STATES)
    stale: list[str] = []
    for row in _open(concerned.values_list("pk", flat=True)):
        resources = [] if row.site_id == site else list_resources(row)
        if resources:
            held = list_projected([row.pk]).get(row.pk, [])
            stale += [pk for pk, resource, _bits in held if resource not in resources]
        else:
            _close(actor, row, change_id, kept)
    return stale
