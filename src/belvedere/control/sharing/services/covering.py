"""Ending what shares give beyond their giver's rights (rule 5), or handing them to who ends those rights."""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Q

from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import unguarded
from belvedere.control.access.selectors import list_projected
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock, sql
from belvedere.control.core.offers import OPEN_STATES, OfferState, move
from belvedere.control.core.principal import Principal
from belvedere.control.organizations.selectors import find_membership, get_standings
from belvedere.control.organizations.standing import Standing
from belvedere.control.outbox.services import enqueue
from belvedere.control.sharing.adopting import take_over
from belvedere.control.sharing.items import covers
from belvedere.control.sharing.models import IS_BOUND, THINGS, Share, ShareItem, in_states, of_things


@unguarded("asked by whatever narrows memberships or moves cameras, whose guard has decided")
@transaction.atomic(savepoint=False)
def end_uncovered_shares(
    actor: Principal, *, memberships: Iterable[str], cameras: Iterable[str], change_id: str, adopt: bool
) -> list[str]:
    """End what shares under these memberships, or of these cameras, give beyond their giver's rights (rule 5).

    With `adopt` the actor takes over a share whose cameras he may share himself: it goes on, and is his. Returns the
    grants that end with this change.
    """
    memberships, cameras = list(memberships), list(cameras)
    if not cameras and not _rests_on(memberships):
        return []
    items = list(
        ShareItem.objects.filter(Q(share__membership__in=memberships) | of_things(cameras))
        .filter(IS_BOUND, in_states(OPEN_STATES, clock.now(), of="share__"), ended_at=None)
        .select_related("share__recipient", *THINGS)
    )
    standings = get_standings({item.share.membership_id for item in items})
    lost: dict[Share, list[ShareItem]] = {}
    for item in items:
        if not _covers(standings.get(item.share.membership_id), item):
            lost.setdefault(item.share, []).append(item)
    stale: list[str] = []
    adopted, lapsed = [], []
    for share, uncovered in sorted(lost.items(), key=lambda pair: pair[0].pk):
        if adopt and _adopt(actor, share):
            adopted.append(share)
            continue
        was, grants = share.state, _end_items(actor, share, uncovered, change_id)
        stale += grants
        if share.state == OfferState.REVOKED != was:
            lapsed.append(share)
            if was == OfferState.ACCEPTED:
                enqueue("mail.share_ended", {"share": share.pk})
    # The audit's chain is held last: who holds a share and waits for the chain must not be waited for here.
    for share in adopted:
        _write(actor, share, change_id, action="share.adopted")
    for share in lapsed:
        _write(actor, share, change_id, action="share.lapsed")
    return stale


def _write(actor: Principal, share: Share, change_id: str, *, action: str) -> None:
    thing = f"share:{share.pk}"
    write_entry(actor=actor, action=action, thing=thing, organization=share.organization_id, change_id=change_id)


def _rests_on(memberships: list[str]) -> bool:
    """Whether anything was shared under these: mostly nothing was, and somebody's picture waits for the answer."""
    states, marks = list(OPEN_STATES), sql.marks
    statement = (
        f"SELECT 1 FROM sharing_share WHERE membership_id IN ({marks(memberships)}) "  # noqa: S608  marks only
        f"AND state IN ({marks(states)}) LIMIT 1"
    )
    return bool(memberships) and bool(sql.fetch(statement, *memberships, *(state.value for state in states)))


def _covers(standing: Standing | None, item: ShareItem) -> bool:
    return covers(standing, item.thing.site_id, Permission(item.permissions))


def _adopt(actor: Principal, share: Share) -> bool:
    """Make the share the actor's own, if he may give all of it. The old giver's private remark stays behind."""
    membership = find_membership(actor.id, share.organization_id, needs=Permission.SHARE)
    if membership is None or share.recipient.account_id == actor.id:
        return False
    items = share.items.filter(ended_at=None).select_related(*THINGS)
    if not all(_covers(membership.standing, item) for item in items):
        return False
    take_over([share], account=actor.id, membership=membership.id)
    return True


def _end_items(actor: Principal, share: Share, uncovered: list[ShareItem], change_id: str) -> list[str]:
    """Of one share: these cameras leave it; if none is left, it is over. The grants that end."""
    gone = {item.resource for item in uncovered}
    grants = [pk for pk, resource, _ in list_projected([share.pk]).get(share.pk, []) if resource in gone]
    at = clock.now()
    if share.items.filter(ended_at=None).exclude(pk__in=[item.pk for item in uncovered]).exists():
        ShareItem.objects.filter(pk__in=[item.pk for item in uncovered]).update(ended_at=at)
    else:
        reason = "sharer_lost_right"
        move(share, OfferState.REVOKED, at=at, ended_by=actor.id, ended_reason=reason, change_id=change_id)
    return grants
