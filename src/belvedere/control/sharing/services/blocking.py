"""Hearing no more of somebody. He sees what he would see of whoever never answers, and nothing else (threats.md §5).

So an offer of his is made, stands and runs out as any other does: it is only kept from the account that blocked him.
"""

from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.control.access.guard import unguarded
from belvedere.control.accounts.selectors import list_proven
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.principal import Principal
from belvedere.control.sharing.models import BlockedSharer, Share, of_addresses

MAX_BLOCKED = 500


@unguarded("the actor's own list, of those who have offered him something or share with him")
@transaction.atomic
def block_sharer(actor: Principal, *, share: str) -> None:
    """Let no offer of whoever made this one reach the actor, neither those that wait nor any later one.

    What the actor has accepted of him stays until one of them ends it. Twice is harmless. Raises NotFound, Conflict
    (very many are blocked).
    """
    rows = Share.objects.filter(accepted_by=actor.id) | Share.objects.filter(
        of_addresses(list_proven(actor.id), of="recipient__"), accepted_by=""
    )
    sharer = rows.filter(pk=share).values_list("sharer_id", flat=True).first() if is_id(share) else None
    if sharer is None:
        raise NotFound
    mine = BlockedSharer.objects.filter(account_id=actor.id)
    if mine.exclude(sharer_id=sharer).count() >= MAX_BLOCKED:
        raise Conflict(_("That is as many as can be blocked. Take somebody off the list first."))
    _row, is_new = mine.get_or_create(account_id=actor.id, sharer_id=sharer, defaults={"blocked_at": clock.now()})
    if is_new:
        # In the installation's chain: that of the sharer's organization is read by him.
        write_entry(actor=actor, action="sharer.blocked", thing=f"account:{actor.id}", sharer=sharer)


@unguarded("the actor's own list")
@transaction.atomic
def unblock_sharer(actor: Principal, *, sharer: str) -> None:
    """Let his offers in again, those that still wait too. Raises NotFound."""
    rows = BlockedSharer.objects.filter(account_id=actor.id, sharer_id=sharer)
    if not is_id(sharer) or not rows.delete()[0]:
        raise NotFound
    write_entry(actor=actor, action="sharer.unblocked", thing=f"account:{actor.id}", sharer=sharer)
