"""Shares of what changes its owner: each ended, or carried over to the new owner, as was decided one by one (HC 25).

Asked by `handover` in its one transaction, many shares at a time: a constant number of statements for what is adopted
or ended.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission, normalize
from belvedere.control.access.guard import unguarded
from belvedere.control.access.roles import PERMISSIONS
from belvedere.control.access.selectors import list_projected
from belvedere.control.accounts.selectors import get_persons
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict
from belvedere.control.core.offers import OPEN_STATES, OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Camera
from belvedere.control.organizations.selectors import find_membership
from belvedere.control.organizations.standing import Standing
from belvedere.control.outbox.services import enqueue_many
from belvedere.control.sharing.adopting import recipients_of, take_over
from belvedere.control.sharing.items import Item
from belvedere.control.sharing.models import Recipient, Share, ShareItem, in_states, of_things
from belvedere.control.sharing.projection import columns_of, project_item

#: why an old owner's share is over
REASON: Final = "handed_over"
_TERMS: Final = ("message", "starts_at", "hours", "is_once", "lapse_unused_days", "paused_at", "last_used_at")


@dataclass(frozen=True, slots=True)
class Carried:
    """How a share goes on: until when at most (None: as it is), and whether it goes on telling."""

    until: datetime | None = None
    is_told: bool = True


def _open_shares(shares: Iterable[str]) -> list[Share]:
    rows = Share.objects.filter(in_states(OPEN_STATES, clock.now()), pk__in=list(shares))
    return list(rows.select_related("recipient").order_by("pk"))


@unguarded("`handover` has decided: the new owner takes over what the old one gave")
@transaction.atomic
def adopt_shares(
    actor: Principal, *, shares: Collection[str], givers: Collection[str], account: str, organization: str
) -> list[str]:
    """Make those of these open shares that `givers` gave `account`'s own: they go on, and are his. Which those are.

    No picture blinks. What was shared with himself stays as it was. Raises Conflict if he may not share there.
    """
    del actor  # who accepted or undid it is the handover's to write down
    membership = find_membership(account, organization, needs=Permission.SHARE)
    if membership is None:
        raise Conflict(_("The new owner may share nothing there. Nothing was changed."))
    given = (row for row in _open_shares(shares) if row.sharer_id in givers)
    rows = [row for row in given if account not in {row.recipient.account_id, row.sharer_id}]
    take_over(rows, account=account, membership=membership.id)
    _tell_carried(rows)
    return [row.pk for row in rows]


def _tell_carried(rows: Iterable[Share]) -> None:
    told = [row for row in rows if row.state == OfferState.ACCEPTED]
    enqueue_many("mail.share_handed_over", (({"share": row.pk}, "") for row in told))


@unguarded("`handover` has decided, as its giver did on each of them")
@transaction.atomic
def close_shares(actor: Principal, *, shares: Collection[str], change_id: str, resources: Collection[str] = ()) -> int:
    """Mark open shares as over, and tell who had them: of `resources` alone if given; how many. The caller ends grants.

    A share of more than those goes on without them.
    """
    at = clock.now()
    rows = _open_shares(shares)
    gone = ShareItem.objects.filter(share__in=rows, ended_at=None)
    if resources:
        gone.filter(of_things(resources)).update(ended_at=at, ended_reason=REASON)
        going_on = set(gone.values_list("share", flat=True))
        rows = [row for row in rows if row.pk not in going_on]
    Share.objects.filter(pk__in=[row.pk for row in rows]).update(
        state=OfferState.REVOKED, ended_at=at, ended_by=actor.id, ended_reason=REASON, change_id=change_id
    )
    return len(rows)


@unguarded("`handover` has decided: those who had them are told")
@transaction.atomic
def tell_shares_ended(shares: Collection[str]) -> None:
    """A mail to everybody whose share ended with a handover and was not carried over."""
    ended = Share.objects.filter(pk__in=list(shares), state=OfferState.REVOKED).exclude(accepted_by="")
    enqueue_many("mail.share_ended", (({"share": pk}, "") for pk in ended.values_list("pk", flat=True)))


@unguarded("`handover` has decided, as its giver did on each of them")
@transaction.atomic
def narrow_shares(actor: Principal, *, shares: Mapping[str, Carried]) -> list[str]:
    """Let open shares end at a date, or tell of nothing any more; the grants that end with it. Nobody is blind between.

    It only narrows: an earlier end stays, and what told of nothing goes on telling of nothing.
    """
    del actor
    stale: list[str] = []
    for row in _open_shares(shares):
        carried = shares[row.pk]
        row.ends_at = min((at for at in (row.ends_at, carried.until) if at), default=None)
        row.version += 1
        row.save(update_fields=["ends_at", "version"])
        stale += [pk for pk, _resource, _bits in list_projected([row.pk]).get(row.pk, [])]
        for held in row.items.filter(ended_at=None):
            item = _carried_item(held, carried)
            ShareItem.objects.filter(pk=held.pk).update(**columns_of(item))
            if row.state == OfferState.ACCEPTED:
                project_item(row, item, given_at=held.given_at or row.decided_at or clock.now())
    return stale


def _carried_item(held: ShareItem, carried: Carried, resource: str = "") -> Item:
    permissions = Permission(held.permissions)
    if not carried.is_told:
        permissions &= ~Permission.NOTIFY
    return Item(resource or held.resource, normalize(permissions), "panel" if held.panel_id else "camera", held.footage)


@unguarded("`handover` has decided: the new owner gives anew what its old owner's recipients had")
@transaction.atomic
def carry_shares(
    actor: Principal,
    *,
    shares: Mapping[str, Carried],
    became: Mapping[str, str],
    account: str,
    organization: str,
    site: str,
) -> dict[str, str]:
    """New shares by `account` for these accepted ones, of the cameras and panels that `became` new ones; old → new.

    In force at once, for those who accepted the old ones: they are told whose it is now. Never more than `account` may
    give on that site (rule 5); footage begins with the new cameras (rule 7). Raises Conflict if he may not share there.
    """
    del actor
    membership = find_membership(account, organization, needs=Permission.SHARE)
    if shares and membership is None:
        raise Conflict(_("You may share nothing there: choose another place. Nothing was changed."))
    assert membership is not None or not shares  # noqa: S101  said for the types; the line above has seen to it
    rows = [row for row in _open_shares(shares) if row.state == OfferState.ACCEPTED and row.accepted_by != account]
    recipients = recipients_of(account, (row.recipient for row in rows))
    found: dict[str, str] = {}
    made = []
    for row in rows:
        held = row.items.filter(of_things(list(became)), ended_at=None)
        items = [_carried_item(item, shares[row.pk], became[item.resource]) for item in held]
        assert membership is not None  # noqa: S101  there are shares
        items = [item for item in (_givable(item, membership.standing, site) for item in items) if item.permissions]
        until = min((at for at in (row.ends_at, shares[row.pk].until) if at), default=None)
        if items:
            recipient = recipients[row.recipient.email, row.recipient.phone]
            share = _share(row.accepted_by, account, membership.id, organization, recipient, until, like=row)
            _put(share, items)
            found[row.pk] = share.pk
            made.append(share)
    _tell_carried(made)
    return found


def _givable(item: Item, standing: Standing, site: str) -> Item:
    held = PERMISSIONS[standing.on(site)]
    permissions = normalize(item.permissions & held) if Permission.SHARE in held else Permission(0)
    return Item(item.resource, permissions, item.kind, item.footage)


def _share(
    accepted_by: str,
    sharer: str,
    membership: str,
    organization: str,
    recipient: Recipient,
    until: datetime | None,
    *,
    like: Share | None = None,
) -> Share:
    at = clock.now()
    terms = {field: getattr(like, field) for field in _TERMS} if like else {}
    return Share.objects.create(
        state=OfferState.ACCEPTED,
        offered_at=at,
        decided_at=at,
        organization_id=organization,
        membership_id=membership,
        sharer_id=sharer,
        recipient=recipient,
        accepted_by=accepted_by,
        ends_at=until,
        **terms,
    )


def _put(share: Share, items: list[Item]) -> None:
    ShareItem.objects.bulk_create(
        ShareItem(share=share, given_at=share.decided_at, **{f"{item.kind}_id": item.resource}, **columns_of(item))
        for item in items
    )
    for item in items:
        project_item(share, item, given_at=share.offered_at)


@unguarded("`handover` has decided: the new owner lets somebody who left look on until a date, and both agreed to it")
@transaction.atomic
def share_until(
    actor: Principal, *, account: str, to: str, organization: str, resources: Collection[str], until: datetime
) -> str:
    """Live view of what changed hands for somebody who has nothing there any more; the share's id, "" for nothing.

    Given by `account`, in force at once, over at `until`: for an installer's warranty (HC 29).
    """
    del actor
    membership = find_membership(account, organization, needs=Permission.SHARE)
    cameras = Camera.objects.filter(pk__in=list(resources), closed_at=None).order_by("pk")
    items = [Item(pk, Permission.LIVE_VIEW) for pk in cameras.values_list("pk", flat=True)]
    if membership is None or not items:
        return ""
    person = get_persons([to])[to]
    [recipient] = [
        row
        for (email, _phone), row in recipients_of(account, [Recipient(email=person.email, account_id=to)]).items()
        if email == person.email
    ]
    share = _share(to, account, membership.id, organization, recipient, until)
    _put(share, items)
    return share.pk
