"""Accepting a handover: everything changes hands in one transaction, or nothing does. A second time is harmless."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import check, unguarded
from belvedere.control.access.roles import PERMISSIONS
from belvedere.control.access.selectors import list_projected
from belvedere.control.access.services import end_grants
from belvedere.control.accounts.selectors import require_fresh
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Forbidden, Invalid
from belvedere.control.core.ids import new_id
from belvedere.control.core.offers import OfferState, move
from belvedere.control.core.principal import Principal
from belvedere.control.devices.selectors import list_paths
from belvedere.control.devices.services import check_transfer_reach, transfer_devices
from belvedere.control.guests.services import close_links, narrow_links
from belvedere.control.handover.models import Afterwards, Decision, Handover, HandoverState, Kind, Subject, Verdict
from belvedere.control.handover.selectors.plan import extent_of, list_extent, list_goes, list_rows
from belvedere.control.handover.selectors.plan_rows import PlanRow
from belvedere.control.handover.selectors.transfers import list_receivers
from belvedere.control.handover.services.closing import drop_plans, refuse_over, tell, write_plan_entry
from belvedere.control.handover.services.offering import find_as, is_addressed_to, return_to_plan
from belvedere.control.handover.services.reports import keep_report
from belvedere.control.organizations.selectors import get_site, get_standings
from belvedere.control.organizations.services import (
    add_site,
    change_owner,
    close_site,
    create_organization,
    end_memberships,
    hold_organization,
    require_thawed,
)
from belvedere.control.providers.services import (
    adopt_engagements,
    carry_engagements,
    close_engagements,
    leave_engagements,
    narrow_engagements,
)
from belvedere.control.sharing.services import (
    Carried,
    adopt_shares,
    carry_shares,
    close_shares,
    narrow_shares,
    share_until,
    tell_shares_ended,
)

#: so long either side can undo it
UNDO_WITHIN: Final = timedelta(hours=24)


class _Stale(Exception):  # noqa: N818  a reason to roll back and ask again, not a fault
    """What was decided is not what is: nothing of it may be applied."""

    def __init__(self, changed: list[str]) -> None:
        self.changed = changed
        super().__init__()


@unguarded("the receiver's own acceptance of what the owner offered him; both are decided again here")
def accept_handover(actor: Principal, *, handover: str, organization: str = "", found: str = "", site: str = "") -> str:
    """Become the owner; the change id. A second time is harmless.

    organization, found   where a site goes: into one that the actor manages, or one that is founded under this name
    site                  where a device goes: a site of the actor's on which he may add devices

    Not atomic as a whole: that it was found expired or out of date outlives the refusal. Raises NotFound, Forbidden,
    ReauthenticationRequired, Invalid, NetworkNotAllowed (its new organization may not reach it), Conflict (answered,
    withdrawn, expired; one of the two is no longer what he was; something changed, and its giver is asked again).
    """
    row = find_as(actor, handover, is_giver=False)
    if row.state == HandoverState.ACCEPTED:
        return row.change_id
    require_fresh(actor)
    try:
        return _take(actor, row, organization=organization, found=found, site=site)
    except _Stale as stale:
        row.refresh_from_db()  # nothing of what was written stands
        return_to_plan(row, changed=stale.changed)
        raise Conflict(
            _("Something changed since this was offered. They are asked again, then it is offered anew.")
        ) from None


@transaction.atomic
def _take(actor: Principal, row: Handover, *, organization: str, found: str, site: str) -> str:
    # Held in one order by everybody: the organization, the handover, the memberships.
    owner = hold_organization(row.organization_id)
    require_thawed(row.organization_id)
    if row.state == HandoverState.PENDING and not is_addressed_to(row, actor.id):
        raise Forbidden
    at, change_id = clock.now(), new_id()
    changes: dict[str, Any] = {"receiver_id": actor.id, "change_id": change_id, "final_at": at + UNDO_WITHIN}
    if not move(row, OfferState.ACCEPTED, at=at, **changes):
        row.refresh_from_db()
        if row.state == HandoverState.ACCEPTED:
            return row.change_id
        raise refuse_over(row)
    if not row.giver.is_active:
        raise Conflict(_("The account that offered this no longer works. Nothing was changed."))
    if owner != row.giver_id:
        raise Conflict(_("The owner changed in the meantime. Nothing was changed."))
    rows = list_rows(row)
    changed = [one.key for one in rows if one.is_open]
    if changed or extent_of(row) != row.extent:
        raise _Stale(changed or ["extent"])
    if row.kind == Kind.ORGANIZATION:
        _take_organization(actor, row, rows)
    else:
        place = _place(actor, row, organization, found, site)
        _take_things(actor, row, rows, *place)
    write_plan_entry(actor, row, "handover.accepted")
    keep_report(actor, handover=row.pk)
    tell(row, "giver", "receiver")
    return change_id


def _ids(rows: Iterable[PlanRow], subject: Subject, *verdicts: Verdict) -> list[str]:
    return [row.id for row in rows if row.subject is subject and row.verdict in verdicts]


def _carried(rows: list[PlanRow], subject: Subject) -> dict[str, Carried]:
    """How each share or engagement that goes on does."""
    silent = set(_ids(rows, Subject.NOTIFICATION, Verdict.END))
    return {
        row.id: Carried(row.until, is_told=row.account not in silent)
        for row in rows
        if row.subject is subject and row.verdict is not Verdict.END
    }


# ── An organization: its owner changes, all else stands where it stood ───────────────────────────────────────────────


def _take_organization(actor: Principal, row: Handover, rows: list[PlanRow]) -> None:
    if not list_receivers(row.organization_id).filter(account_id=actor.id).exists():
        raise Conflict(_("Only a Super Admin of this organization with a confirmed address can take it over."))
    organization = row.organization_id
    carried, engaged = _carried(rows, Subject.SHARE), _carried(rows, Subject.ENGAGEMENT)
    ended = _ids(rows, Subject.SHARE, Verdict.END)
    links = _ids(rows, Subject.GUEST_LINK, Verdict.END)
    leaving = [one for one in rows if one.subject is Subject.MEMBER and one.verdict is not Verdict.CARRY_OVER]
    gone = {one.account for one in leaving} | ({row.giver_id} if row.is_leaving else set())
    # In bulk, and before those who gave them go: else each would be looked at alone while its giver's rights end.
    mine = adopt_shares(actor, shares=carried, givers=gone, account=actor.id, organization=organization)
    his = adopt_engagements(actor, engagements=engaged, givers=gone, account=actor.id, organization=organization)
    row.decisions.filter(_of(Subject.SHARE, mine) | _of(Subject.ENGAGEMENT, his)).update(became=_SAME)
    close_shares(actor, shares=ended, change_id=row.change_id)
    close_links(actor, links=links, reason="handed_over", change_id=row.change_id)
    stale = [pk for held in list_projected([*ended, *links]).values() for pk, _resource, _bits in held]
    stale += narrow_shares(actor, shares=_narrowed(carried))
    stale += narrow_engagements(actor, engagements=_narrowed(engaged))
    stale += narrow_links(
        actor, links={one.id: one.until for one in rows if one.subject is Subject.GUEST_LINK and one.until}
    )
    end_grants(
        actor,
        organization=organization,
        reason="handed_over",
        action="handover.settled",
        thing=f"handover:{row.pk}",
        grants=stale,
        change_id=row.change_id,
        details={
            "ended": len(ended) + len(links),
            "adopted": len(mine) + len(his),
            "narrowed": len(_narrowed(carried | engaged)),
        },
    )
    tell_shares_ended(ended)
    close_engagements(actor, engagements=_ids(rows, Subject.ENGAGEMENT, Verdict.END), change_id=row.change_id)
    change_owner(
        actor, organization=organization, giver=row.giver_id, is_leaving=row.is_leaving, change_id=row.change_id
    )
    standings = get_standings(one.id for one in leaving if one.until)
    end_memberships(actor, members=[one.id for one in leaving], change_id=row.change_id)
    resources = list_extent(row)
    places = list_paths(resources) if standings else {}
    for one in leaving:
        if one.until and one.id in standings:
            # What he could see, and no more: a date takes away, it gives nothing.
            roles = {pk: standings[one.id].on(path.site) for pk, path in places.items()}
            seen = [pk for pk, role in roles.items() if Permission.LIVE_VIEW in PERMISSIONS[role]]
            _look_on(actor, row, one.id, one.account, organization, seen, one.until)
    _keep_warranty(actor, row, organization, resources)
    drop_plans(actor, organization=organization, owner=actor.id)


def _of(subject: Subject, ids: list[str]) -> Q:
    return Q(subject=subject, subject_id__in=ids)


def _narrowed(carried: dict[str, Carried]) -> dict[str, Carried]:
    return {pk: one for pk, one in carried.items() if one.until or not one.is_told}


#: of a share or an engagement that went on as it was, under another giver
_SAME: Final = "same"


def _look_on(
    actor: Principal, row: Handover, member: str, account: str, organization: str, resources: list[str], until: datetime
) -> None:
    share = share_until(
        actor, account=actor.id, to=account, organization=organization, resources=resources, until=until
    )
    row.decisions.update_or_create(
        subject=Subject.MEMBER,
        subject_id=member,
        defaults={"became": share},
        create_defaults={"became": share, "verdict": Verdict.END_ON, "ends_at": until, "facts": ""},
    )


def _keep_warranty(actor: Principal, row: Handover, organization: str, resources: list[str]) -> None:
    if row.afterwards == Afterwards.WARRANTY and row.warranty_until:
        _look_on(actor, row, row.giver_id, row.giver_id, organization, resources, row.warranty_until)


# ── A site or a device: it closes where it stood, and opens where it goes (rule 7) ───────────────────────────────────


def _place(actor: Principal, row: Handover, organization: str, found: str, site: str) -> tuple[str, str]:
    """(organization, site) where it goes. What the new owner may not add to, he cannot put it into."""
    if row.kind == Kind.DEVICE:
        check(actor, Permission.CONFIGURE, on="site", resource=site)
        organization = get_site(actor, site).organization
    elif found:
        organization = create_organization(actor, name=found)
    elif organization:
        check(actor, Permission.MANAGE, on="organization", resource=organization)
    else:
        raise Invalid(_("Choose where it goes: an organization of yours, or a new one."), field="organization")
    if organization == row.organization_id:
        raise Invalid(_("It is there already. Choose another organization."), field="organization")
    if row.kind == Kind.SITE:
        assert row.site is not None  # noqa: S101  a site's handover names it
        old = row.site
        site = add_site(
            actor,
            organization=organization,
            name=old.name,
            region=old.region,
            time_zone=old.time_zone,
            address=old.address,
        ).pk
    return organization, site


def _take_things(actor: Principal, row: Handover, rows: list[PlanRow], organization: str, site: str) -> None:
    devices = [one.id for one in list_goes(row)]
    extent = list_extent(row)
    check_transfer_reach(devices, organization)
    assert row.decided_at is not None  # noqa: S101  it was accepted just now
    became = transfer_devices(
        actor,
        devices=devices,
        organization=organization,
        site=site,
        with_credentials=row.passes_credentials,
        change_id=row.change_id,
        thing=f"handover:{row.pk}",
        at=row.decided_at,
    )
    things = {old: became[old] for old in extent}
    carried = carry_shares(
        actor,
        shares=_carried(rows, Subject.SHARE),
        became=things,
        account=actor.id,
        organization=organization,
        site=site,
    )
    settle_shares(actor, row, [one.id for one in rows if one.subject is Subject.SHARE], extent, carried)
    engaged = carry_engagements(
        actor,
        engagements=_carried(rows, Subject.ENGAGEMENT),
        became={old: became[old] for old in devices},
        account=actor.id,
        organization=organization,
        site=site,
        is_whole=row.kind == Kind.SITE,
    )
    for subject, found in ((Subject.SHARE, carried), (Subject.ENGAGEMENT, engaged)):
        for old, new in found.items():
            row.decisions.filter(subject=subject, subject_id=old).update(became=new)
    place = row.thing if row.kind == Kind.SITE else ""
    settle_engagements(actor, row, row.organization_id, devices, site=place, kept=engaged)
    _keep_warranty(actor, row, organization, list(things.values()))
    if row.kind == Kind.SITE:
        close_site(actor, site=row.thing, change_id=row.change_id)
    Handover.objects.filter(pk=row.pk).update(
        destination_id=organization, became=site if row.kind == Kind.SITE else became[row.thing]
    )


def settle_shares(
    actor: Principal, row: Handover, shares: list[str], extent: list[str], carried: Iterable[str]
) -> None:
    """Close what was shared of what went, and tell whoever has nothing of it any more."""
    close_shares(actor, shares=shares, resources=extent, change_id=row.change_id)
    tell_shares_ended(set(shares) - set(carried))


def settle_engagements(
    actor: Principal, row: Handover, organization: str, devices: list[str], *, site: str, kept: Collection[str]
) -> None:
    """End what service providers had of these devices where they stood, and of `site`, if it closes.

    Of those in `kept`, which go on elsewhere, nobody is told that they ended.
    """
    stale = leave_engagements(actor, site=site, devices=devices, kept=kept, change_id=row.change_id)
    if stale:
        end_grants(
            actor,
            organization=organization,
            reason="handed_over",
            action="handover.settled",
            thing=f"handover:{row.pk}",
            grants=stale,
            change_id=row.change_id,
            details={"narrowed": len(stale)},
        )


@dataclass(frozen=True, slots=True)
class BroughtBack:
    """What an undoing returns: what went on as it was, and what was made anew, old → new."""

    same: list[str]
    anew: dict[str, str]


def list_brought_back(row: Handover, *subjects: Subject) -> BroughtBack:
    """What went on by this handover, of these subjects."""
    rows = Decision.objects.filter(handover=row, subject__in=subjects).exclude(became="").order_by("pk")
    found = dict(rows.values_list("subject_id", "became"))
    same = [old for old, new in found.items() if new == _SAME]
    return BroughtBack(same, {old: new for old, new in found.items() if new != _SAME})
