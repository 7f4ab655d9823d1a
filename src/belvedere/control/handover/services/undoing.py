"""Undoing a handover within a day: what went comes back by the same steps, in one transaction.

What it ended stays ended: a key that was taken back is given again by a person, not by a button.
"""

from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import unguarded
from belvedere.control.access.selectors import list_projected
from belvedere.control.access.services import end_grants
from belvedere.control.accounts.selectors import require_fresh
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Forbidden
from belvedere.control.core.ids import new_id
from belvedere.control.core.offers import OfferState, move
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Camera, Device
from belvedere.control.devices.services import transfer_devices
from belvedere.control.handover.models import Handover, Kind, Subject
from belvedere.control.handover.selectors.transfers import UNDONE, find_handover, state_of
from belvedere.control.handover.services.closing import drop_plans, tell, write_plan_entry
from belvedere.control.handover.services.taking import list_brought_back, settle_engagements
from belvedere.control.organizations.models import Site
from belvedere.control.organizations.selectors import find_membership
from belvedere.control.organizations.services import (
    close_site,
    hold_organization,
    reopen_site,
    require_thawed,
    return_owner,
)
from belvedere.control.providers.models import Engagement
from belvedere.control.providers.services import adopt_engagements, carry_engagements, close_engagements
from belvedere.control.sharing.models import Share, ShareItem, of_things
from belvedere.control.sharing.services import Carried, adopt_shares, carry_shares, close_shares, tell_shares_ended


@unguarded("either side of an accepted handover, for one day; both agreed to that with it")
def undo_handover(actor: Principal, *, handover: str) -> str:
    """Give back, or take back, what changed hands less than a day ago; the change id. A second time is harmless.

    Raises NotFound, ReauthenticationRequired, Forbidden (its receiver looks after it no more), Conflict (it is final,
    would come back to another owner, or has moved on since).
    """
    row = find_handover(actor, handover)
    if state_of(row) == UNDONE:
        return row.change_id
    require_fresh(actor)
    return _undo(actor, row)


@transaction.atomic
def _undo(actor: Principal, row: Handover) -> str:
    owners = {}
    for organization in sorted({row.organization_id, row.destination_id or row.organization_id}):
        owners[organization] = hold_organization(organization)
        require_thawed(organization)
    at, change_id = clock.now(), new_id()
    is_final = state_of(row) != "accepted"
    changes = {"ended_by": actor.id, "ended_reason": UNDONE, "change_id": change_id}
    if is_final or not move(row, OfferState.REVOKED, at=at, only_from=OfferState.ACCEPTED, **changes):
        row.refresh_from_db()
        if state_of(row) == UNDONE:
            return row.change_id
        raise Conflict(_("This handover is final. To give it back, hand it over again."))
    if not row.giver.is_active:
        raise Conflict(_("The account that offered this no longer works. Nothing was changed."))
    if row.kind == Kind.ORGANIZATION:
        _return_organization(actor, row)
    else:
        # Whoever owns it by now has agreed to nothing: neither that things come to him, nor that somebody takes them.
        if owners[row.organization_id] != row.giver_id:
            raise Conflict(_("The owner changed in the meantime. Nothing was changed."))
        if actor.id != row.giver_id:
            _require_still_his(actor, row)
        _return_things(actor, row)
    write_plan_entry(actor, row, "handover.undone")
    tell(row, "giver", "receiver")
    return change_id


def _require_still_his(actor: Principal, row: Handover) -> None:
    """Who took it could put it there; who may not any more does not take it away. Raises Forbidden."""
    needed = Permission.MANAGE if row.kind == Kind.SITE else Permission.CONFIGURE
    if find_membership(actor.id, row.destination_id or "", needs=needed) is None:
        raise Forbidden(_("You no longer look after where it went. Ask whoever does. Nothing was changed."))


def _end(actor: Principal, row: Handover, shares: list[str], organization: str) -> None:
    """Shares that are nobody's any more: what the giver got to look on by, and what the receiver gave of it since."""
    close_shares(actor, shares=shares, change_id=row.change_id)
    end_grants(
        actor,
        organization=organization,
        reason="handed_over",
        action="handover.settled",
        thing=f"handover:{row.pk}",
        grants=[pk for held in list_projected(shares).values() for pk, _resource, _bits in held],
        change_id=row.change_id,
        details={"ended": len(shares)},
    )


def _return_organization(actor: Principal, row: Handover) -> None:
    receiver = row.receiver_id or ""
    return_owner(
        actor, organization=row.organization_id, giver=receiver, receiver=row.giver_id, change_id=row.change_id
    )
    drop_plans(actor, organization=row.organization_id, owner=row.giver_id)
    shares = list_brought_back(row, Subject.SHARE, Subject.MEMBER)
    engaged = list_brought_back(row, Subject.ENGAGEMENT)
    giver, organization = row.giver_id, row.organization_id
    adopt_shares(actor, shares=shares.same, givers={receiver}, account=giver, organization=organization)
    adopt_engagements(actor, engagements=engaged.same, givers={receiver}, account=giver, organization=organization)
    _end(actor, row, list(shares.anew.values()), row.organization_id)


def _return_things(actor: Principal, row: Handover) -> None:
    destination = row.destination_id or ""
    assert row.decided_at is not None  # noqa: S101  it was accepted
    rows = Device.objects.filter(organization=destination, unbound_at=None)
    # What came with the handover, wherever it stands by now. A device that its new owner bound himself stays his.
    rows = rows.filter(created_at=row.decided_at) if row.kind == Kind.SITE else rows.filter(pk=row.became)
    devices = list(rows.values_list("pk", flat=True))
    is_open = Site.objects.filter(pk=row.became, closed_at=None).exists()
    is_there = bool(devices) or is_open
    if not is_there:
        raise Conflict(_("It has gone on since: there is nothing left to undo. Nothing was changed."))
    site = _old_site(actor, row)
    cameras = [*Camera.objects.filter(device__in=devices, closed_at=None).values_list("pk", flat=True), *devices]
    shares = list(
        ShareItem.objects.filter(of_things(cameras), ended_at=None).values_list("share", flat=True).distinct()
    )
    became = transfer_devices(
        actor,
        devices=devices,
        organization=row.organization_id,
        site=site,
        # The new owner typed his own by now, perhaps: those are deleted as the old one's were.
        with_credentials=False,
        change_id=row.change_id,
        thing=f"handover:{row.pk}",
        at=row.ended_at or clock.now(),
    )
    # Not what the giver got to look on by: it is his own again.
    new = list_brought_back(row, Subject.SHARE).anew.values()
    back = Share.objects.filter(pk__in=list(new)).exclude(accepted_by=row.giver_id)
    carried = carry_shares(
        actor,
        shares={pk: Carried() for pk in back.values_list("pk", flat=True)},
        became={old: new for old, new in became.items() if old in cameras},
        account=row.giver_id,
        organization=row.organization_id,
        site=site,
    )
    close_shares(actor, shares=shares, resources=cameras, change_id=row.change_id)
    tell_shares_ended(set(shares) - carried.keys())
    is_closing = is_open and not Device.objects.filter(site=row.became, unbound_at=None).exists()
    _return_engagements(actor, row, site, {old: became[old] for old in devices}, is_closing=is_closing)
    if is_closing:
        close_site(actor, site=row.became, change_id=row.change_id)


def _return_engagements(
    actor: Principal, row: Handover, site: str, became: dict[str, str], *, is_closing: bool
) -> None:
    """Service providers who went along come back; where their old engagement has the whole site, it has this again."""
    anew = list_brought_back(row, Subject.ENGAGEMENT).anew
    still = Engagement.objects.filter(pk__in=anew, state=OfferState.ACCEPTED, devices=None, site=site)
    kept = {anew[pk] for pk in still.values_list("pk", flat=True)}
    carried = carry_engagements(
        actor,
        engagements={pk: Carried() for pk in {*anew.values()} - kept},
        became=became,
        account=row.giver_id,
        organization=row.organization_id,
        site=site,
        is_whole=row.kind == Kind.SITE,
    )
    kept |= carried.keys()
    close_engagements(actor, engagements=anew.values(), kept=kept, change_id=row.change_id)
    place = row.became if is_closing else ""
    settle_engagements(actor, row, row.destination_id or "", list(became), site=place, kept=kept)


def _old_site(actor: Principal, row: Handover) -> str:
    """Where it stood: a site that went opens again; of a device's that was closed since, any other of its owner's."""
    if row.kind == Kind.SITE:
        return reopen_site(actor, site=row.thing, change_id=row.change_id)
    assert row.device is not None  # noqa: S101  a device's handover names it
    rows = Site.objects.filter(organization=row.organization_id, closed_at=None)
    site = rows.filter(pk=row.device.site_id).first() or rows.order_by("created_at").first()
    if site is None:
        raise Conflict(_("There is no site left for it to come back to. Add one first. Nothing was changed."))
    return site.pk
