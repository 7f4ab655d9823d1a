"""From what concerns an account, or rights, to lines of inboxes and what is sent. Told twice, it does no harm."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from belvedere.contracts.permissions import Permission
from belvedere.control.access.decision import decide
from belvedere.control.access.guard import unguarded
from belvedere.control.access.selectors import ResourcePath, asked_at, list_candidates
from belvedere.control.accounts.models import Account
from belvedere.control.accounts.sign_ins import find_alert_address
from belvedere.control.core import clock
from belvedere.control.core.matters import Matter
from belvedere.control.notifications.channels import Channel, choose_for_matter
from belvedere.control.notifications.models import MatterLine, PushSubscription
from belvedere.control.notifications.parcels import KINDS
from belvedere.control.notifications.selectors.choices import list_choices
from belvedere.control.organizations.models import Organization
from belvedere.control.outbox.services import enqueue, enqueue_many

KEEP: Final = timedelta(days=30)
#: What the same person changes in one sitting is told once.
ONE_SITTING: Final = timedelta(minutes=10)
#: Managers of one organization that are told; of more, those who were there first.
_MOST: Final = 500
#: where a mail leads
_PAGES: Final = {
    Matter.SIGN_IN: "/account/sign-ins/{event}",
    Matter.GUESSES: "/account/security",
    Matter.WRONG_CODES: "/account/security",
    Matter.MANY_PLACES: "/account",
}


@unguarded("an account is told of itself")
@transaction.atomic
def tell_of_matter(payload: Mapping[str, str]) -> None:
    """Tell an account of itself. Handler of `account.matter`: `kind`, `account`, `event`, `detail` for the mail."""
    kind, account, event = Matter(payload["kind"]), payload["account"], payload["event"]
    if not Account.objects.filter(pk=account, is_active=True).exists():
        return
    line = MatterLine(account_id=account, kind=kind, event=event, at=clock.now())
    if channels := _keep([line]).get(account):
        if Channel.MAIL in channels:
            page = _PAGES[kind].format(event=event)
            to = find_alert_address(account)
            enqueue("mail.account_notice", {"to": to, "what": kind, "detail": payload["detail"], "page": page})
        _push([line])


@unguarded("somebody is told what he himself may do from now on")
@transaction.atomic
def tell_of_own_rights(account: str, *, event: str, by: str, at: datetime, organization: str = "") -> bool:
    """Rights of this account changed `at` an instant: whether a mail is to say so, too.

    `event`: what they come from, one line each, which says what changed last: what led to it leads there still. Told
    again of the same change, nothing is pushed again.
    """
    place = Organization.objects.filter(pk=organization).values_list("name", flat=True).first()
    changes = {"by": by, "organization": organization, "place": place or "", "at": at}
    line = MatterLine(account_id=account, kind=Matter.RIGHTS, event=event, **changes)
    former = MatterLine.objects.select_for_update().filter(account=account, event=event).first()
    chosen = list_choices([account]).get(account, {})
    if former is None:
        lines = [line]
        _keep(lines)
        _push(lines)
    elif former.at < at:
        is_kept = Channel.INBOX in choose_for_matter(chosen, Matter.RIGHTS)
        MatterLine.objects.filter(pk=former.pk).update(**changes, is_kept=is_kept, seen_at=None)
        if former.at <= at - ONE_SITTING:
            _push([former])
    return Channel.MAIL in chosen.get(("", Matter.RIGHTS), {Channel.MAIL})


@unguarded("rights that changed; who manages the organization, and so is told, is decided here")
@transaction.atomic
def tell_of_rights(payload: Mapping[str, str]) -> None:
    """Tell who manages an organization what somebody else changed. Handler of `rights.changed`."""
    organization, by, event = payload["organization"], payload["by"], payload["event"]
    at = asked_at()
    place = ResourcePath(organization, organization, organization)
    managers = {
        account
        for account, grants in list_candidates(place, Permission.MANAGE, limit=_MOST)
        if account != by and decide(grants, at).allows(Permission.MANAGE)
    }
    same = MatterLine.objects.filter(
        account__in=managers, kind=Matter.RIGHTS, organization=organization, by=by, is_own=False
    ).filter(at__gt=clock.now() - ONE_SITTING)
    told = set(same.values_list("account", flat=True))
    lines = [
        MatterLine(
            account_id=account,
            kind=Matter.RIGHTS,
            event=event,
            organization=organization,
            is_own=False,
            by=by,
            at=clock.now(),
        )
        for account in sorted(
            Account.objects.filter(pk__in=managers - told, is_active=True).values_list("pk", flat=True)
        )
    ]
    channels = _keep(lines)
    _push(lines)
    mailed = [line for line in lines if Channel.MAIL in channels.get(line.account_id, ())]
    enqueue_many(KINDS[Channel.MAIL], [({"notification": line.pk, "to": line.account_id}, "mail") for line in mailed])


@unguarded("the worker's own housekeeping")
def purge_matters() -> None:
    """Delete lines that nobody looks for any more."""
    MatterLine.objects.filter(at__lt=clock.now() - KEEP).delete()


@unguarded("accounts are erased by the worker, once nobody can bring them back")
def forget_matters(payload: Mapping[str, str]) -> None:
    """Delete what an account that is no more was told. Handler of `account.erased`."""
    MatterLine.objects.filter(account=payload["account"]).delete()


def _keep(lines: list[MatterLine]) -> dict[str, frozenset[Channel]]:
    """Write what was not told before; account → the ways it goes. Of others `lines` keeps none."""
    accounts = {line.account_id for line in lines}
    choices = list_choices(accounts)
    channels = {
        line.account_id: choose_for_matter(choices.get(line.account_id, {}), Matter(line.kind)) for line in lines
    }
    for line in lines:
        line.is_kept = Channel.INBOX in channels[line.account_id]
    MatterLine.objects.bulk_create(lines, ignore_conflicts=True)
    written = set(MatterLine.objects.filter(pk__in=[line.pk for line in lines]).values_list("pk", flat=True))
    lines[:] = [line for line in lines if line.pk in written]
    return {line.account_id: channels[line.account_id] for line in lines}


def _push(lines: Iterable[MatterLine]) -> None:
    """To every browser of theirs; whether they want it is decided when it is sent."""
    of_account = {line.account_id: line.pk for line in lines}
    browsers = PushSubscription.objects.filter(account__in=of_account).values_list("account", "pk", "host")
    enqueue_many(
        KINDS[Channel.PUSH],
        [({"notification": of_account[account], "to": pk}, host) for account, pk, host in browsers],
    )
