"""Offering, answering and ending shares. A share starts as an offer, always: one path, consent, no probing.

Known and unknown addresses take the same steps and get the same answer (N1): a mail goes out, and whoever proves the
address may answer.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import unguarded
from belvedere.control.access.selectors import get_decision
from belvedere.control.access.services import end_grants
from belvedere.control.accounts.selectors import list_proven, list_verified_addresses
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock, limits
from belvedere.control.core.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited
from belvedere.control.core.ids import is_id, new_id
from belvedere.control.core.names import clean_address, clean_name, is_phone
from belvedere.control.core.offers import OPEN_STATES, OfferState, move
from belvedere.control.core.principal import Principal
from belvedere.control.organizations.selectors import find_membership, get_owner
from belvedere.control.organizations.services import touch_membership
from belvedere.control.outbox.services import enqueue
from belvedere.control.sharing.following import follow_groups, hold_groups
from belvedere.control.sharing.items import Item, check_items, check_once, normalize_items
from belvedere.control.sharing.models import IS_BOUND, Recipient, Share, ShareItem, in_states, of_address, of_things
from belvedere.control.sharing.projection import (
    columns_of,
    find_path,
    list_still_givable,
    project_item,
    terms_written,
)
from belvedere.control.sharing.selectors.blocking import is_blocked
from belvedere.control.sharing.terms import When, check_when, clean_hours, end_of_once

#: new people a day; to one address: a few that were never answered, and none for a week after a rejection (HC 18)
NEW_PEOPLE_A_DAY: Final = 20
UNANSWERED_A_DAY: Final = 5
REST_AFTER_REJECTION: Final = timedelta(days=7)

_ONE: Final = "SELECT * FROM sharing_share WHERE id = %s"


@unguarded("checks `share` on every camera of the offer itself: all of them or none")
@transaction.atomic
def offer_share(
    actor: Principal,
    *,
    recipient: str,
    items: list[Item],
    remark: str = "",
    message: str = "",
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    hours: dict[str, Any] | None = None,
    is_once: bool = False,
) -> str:
    """Offer cameras to whoever holds an address; the share id.

    starts_at, ends_at  the time in which it holds, once accepted; None = no bound
    hours               weekly windows, `{"zone", "weekly"}`; None = at any hour
    is_once             of one panel: for one command, or 24 hours, whichever comes first

    Raises NotFound or Forbidden for a camera, Invalid (address, oneself, the owner, nothing offered, end in the past or
    before the start, hours that are none), Conflict (already has or is offered it), RateLimited.
    """
    address = clean_address(recipient, field="recipient")
    items = normalize_items(items)
    when = When(starts_at=starts_at, ends_at=ends_at, hours=clean_hours(hours))
    organization = check_items(actor, items, when)
    check_when(when, clock.now())
    if is_once:
        check_once(items)
    membership = find_membership(actor.id, organization, needs=Permission.SHARE)
    if membership is None:
        raise Forbidden
    hold_groups(items)
    touch_membership(membership.id)
    _refuse_pointless(actor, address, organization)
    _refuse_repeated(actor, address, items)
    row = _remember_recipient(actor, address, remark)
    share = Share.objects.create(
        organization_id=organization,
        membership_id=membership.id,
        sharer_id=actor.id,
        recipient=row,
        message=clean_name(message, field="message", optional=True, max_length=280),
        offered_at=clock.now(),
        starts_at=when.starts_at,
        ends_at=when.ends_at,
        hours=when.hours,
        is_once=is_once,
    )
    ShareItem.objects.bulk_create(
        ShareItem(share=share, **{f"{item.kind}_id": item.resource}, group_id=item.group or None, **columns_of(item))
        for item in items
    )
    follow_groups(share, items)
    write_entry(
        actor=actor,
        action="share.offered",
        thing=f"share:{share.pk}",
        organization=organization,
        recipient=address,
        cameras={item.resource: item.permissions.wire_names for item in items},
        **terms_written(when, items),
        **({"uses": "one"} if is_once else {}),
    )
    enqueue("mail.share_offered", {"share": share.pk})
    return share.pk


def _refuse_pointless(actor: Principal, address: str, organization: str) -> None:
    if address in {actor.email, *list_proven(actor.id)}:
        raise Invalid(_("That is your own address. You see this camera already."), field="recipient")
    # Members know the owner’s e-mail address; whose number it is they would only learn here.
    if address in list_verified_addresses(get_owner(organization)):
        raise Invalid(_("That is the owner’s address. The owner sees it already."), field="recipient")


def _refuse_repeated(actor: Principal, address: str, items: list[Item]) -> None:
    mine = Share.objects.filter(of_address(address, of="recipient__"), sharer_id=actor.id)
    offered = of_things([item.resource for item in items])
    if ShareItem.objects.filter(
        offered, share__in=mine.filter(in_states(OPEN_STATES, clock.now())), ended_at=None
    ).exists():
        raise Conflict(
            _("They already have one of these cameras from you, or an offer of it waits. Change or end that one first.")
        )
    at = clock.now()
    rejected = mine.filter(state=OfferState.REJECTED).order_by("-decided_at").values_list("decided_at", flat=True)
    last = rejected.first()
    if last and at < last + REST_AFTER_REJECTION:
        raise RateLimited(retry_after=int((last + REST_AFTER_REJECTION - at).total_seconds()))
    unanswered = mine.filter(offered_at__gt=at - timedelta(days=1), accepted_by="")
    if unanswered.count() >= UNANSWERED_A_DAY:
        raise RateLimited(retry_after=86400)
    if not mine.exists():
        limits.hit("offer.new", actor.id, limit=NEW_PEOPLE_A_DAY, per_s=86400)


def _remember_recipient(actor: Principal, address: str, remark: str) -> Recipient:
    remark = clean_name(remark, field="remark", optional=True)
    row, is_new = Recipient.objects.get_or_create(
        sharer_id=actor.id,
        **{"phone" if is_phone(address) else "email": address},
        defaults={"remark": remark, "created_at": clock.now()},
    )
    if remark and not is_new and remark != row.remark:
        row.remark = remark
        row.save(update_fields=["remark"])
    return row


def _get_offered(actor: Principal, share: str) -> Share:
    """A share to an address the actor has proven. Anybody else's is NotFound, like one that never was."""
    row = Share.objects.filter(pk=share).select_related("recipient").first() if is_id(share) else None
    if row is None or row.recipient.address not in list_proven(actor.id):
        raise NotFound
    if row.state != OfferState.PENDING and row.accepted_by != actor.id:
        raise NotFound
    if row.state == OfferState.PENDING and is_blocked(actor.id, row.sharer_id):
        raise NotFound
    return row


@unguarded("the offer was made to an address that the actor has proven to be his own")
@transaction.atomic
def accept_share(actor: Principal, *, share: str) -> str:
    """Accept an offer: from now on its rights are in force. A second time is harmless. The share's state.

    What is given is decided again: the giver cannot give what he has lost since (rule 5). Raises NotFound, Conflict.
    """
    row = _get_offered(actor, share)
    if row.state == OfferState.ACCEPTED:
        return row.state
    touch_membership(row.membership_id)
    # As it is now, under that hold: its terms may have been changed since they were read.
    row.refresh_from_db()
    at = clock.now()
    if row.state_at(at) == OfferState.EXPIRED:
        raise Conflict(_("The time of this offer is over. Ask %(name)s for a new one.") % {"name": row.sharer.name})
    items = list_still_givable(row)
    if not items:
        raise Conflict(_("%(name)s can no longer give this. Nothing was changed.") % {"name": row.sharer.name})
    ends_at = end_of_once(row.when, at) if row.is_once else row.ends_at
    if not move(row, OfferState.ACCEPTED, at=at, accepted_by=actor.id, ends_at=ends_at):
        raise Conflict(_("This offer was withdrawn in the meantime."))
    Recipient.objects.filter(pk=row.recipient_id).update(account_id=actor.id)
    row.items.filter(ended_at=None).update(given_at=at)
    for item in items:
        project_item(row, item, given_at=at)
    write_entry(actor=actor, action="share.accepted", thing=f"share:{row.pk}", organization=row.organization_id)
    enqueue("mail.share_answered", {"share": row.pk})
    return row.state


@unguarded("the offer was made to an address that the actor has proven to be his own")
@transaction.atomic
def reject_share(actor: Principal, *, share: str) -> str:
    """Turn an offer down; the giver reads that it was. The share's state. Raises NotFound, Conflict."""
    row = _get_offered(actor, share)
    if row.state == OfferState.REJECTED:
        return row.state
    if row.state_at(clock.now()) == OfferState.EXPIRED:
        raise Conflict(_("The time of this offer is over. Nothing is left to answer."))
    if not move(row, OfferState.REJECTED, at=clock.now(), accepted_by=actor.id):
        raise Conflict(_("This offer was already answered or withdrawn."))
    write_entry(actor=actor, action="share.rejected", thing=f"share:{row.pk}", organization=row.organization_id)
    enqueue("mail.share_answered", {"share": row.pk})
    return row.state


@unguarded("the actor's own received share")
@transaction.atomic
def leave_share(actor: Principal, *, share: str) -> str:
    """Give a received share back. Needs nobody's consent. The change id. Raises NotFound, Conflict."""
    row = Share.objects.filter(pk=share, accepted_by=actor.id).first() if is_id(share) else None
    if row is None or row.state == OfferState.REJECTED:
        raise NotFound
    if row.state == OfferState.LEFT:
        return row.change_id
    if row.state_at(clock.now()) == OfferState.EXPIRED:
        raise Conflict(_("This share is over already."))
    return _end(actor, row, OfferState.LEFT, action="share.left")


@unguarded("the actor's own given share, or one of an organization whose sharing the actor manages")
@transaction.atomic
def end_share(actor: Principal, *, share: str) -> str:
    """Withdraw an offer, or end a share and everything that rests on it. Twice is harmless. The change id.

    Raises NotFound for a share the actor neither gave nor manages, Conflict for one that was rejected or left.
    """
    row = next(iter(Share.objects.raw(_ONE, [share])), None) if is_id(share) else None
    if row is None or not _may_end(actor, row):
        raise NotFound
    if row.state == OfferState.REVOKED:
        return row.change_id
    if row.state_at(clock.now()) == OfferState.EXPIRED:
        raise Conflict(_("This share is over already."))
    return _end(actor, row, OfferState.REVOKED, action="share.revoked")


def _may_end(actor: Principal, share: Share) -> bool:
    if share.sharer_id == actor.id:
        return True
    paths = [find_path(item) for item in share.items.filter(ended_at=None)]
    return bool(paths) and all(path and get_decision(actor.id, path).allows(Permission.SHARE) for path in paths)


def _end(actor: Principal, share: Share, to: OfferState, *, action: str) -> str:
    was, change_id = share.state, new_id()
    if not move(share, to, at=clock.now(), ended_by=actor.id, ended_reason=to.value, change_id=change_id):
        raise Conflict(_("This share is over already."))
    end_grants(
        actor,
        organization=share.organization_id,
        reason=to.value,
        action=action,
        thing=f"share:{share.pk}",
        origin_ids=[share.pk],
        change_id=change_id,
        details={"was": was},
    )
    if was == OfferState.ACCEPTED:
        enqueue("mail.share_ended", {"share": share.pk})
    return change_id


@unguarded("the actor's own note on somebody he shared with")
@transaction.atomic
def set_remark(actor: Principal, *, recipient: str, remark: str) -> None:
    """Change the private note on a recipient. Raises NotFound."""
    remark = clean_name(remark, field="remark", optional=True)
    rows = Recipient.objects.filter(pk=recipient, sharer_id=actor.id)
    if not is_id(recipient) or not rows.update(remark=remark):
        raise NotFound


@unguarded("cameras and panels are closed by unbinding, whose guard has decided")
@transaction.atomic
def end_shares_of_closed(payload: dict[str, Any]) -> None:
    """Shares of which nothing is left end, with the reason: unbound, or released to who stood at the device.

    Handler of `cameras.closed`, beside streaming's.
    """
    at = clock.now()
    hit = ShareItem.objects.filter(of_things(payload["cameras"])).values("share")
    for row in Share.objects.filter(state__in=OPEN_STATES, pk__in=hit):
        if row.items.filter(IS_BOUND, ended_at=None).exists():
            continue
        was = row.state
        if move(row, OfferState.REVOKED, at=at, ended_reason=payload["why"], change_id=payload["change_id"]) and (
            was == OfferState.ACCEPTED
        ):
            enqueue("mail.share_ended", {"share": row.pk})
