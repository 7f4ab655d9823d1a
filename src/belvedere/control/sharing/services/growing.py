"""Adding to shares that there are: a recorder's new channels above all, which never join by themselves (rule 9)."""

from collections.abc import Mapping
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.control.access.guard import unguarded
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Invalid
from belvedere.control.core.ids import new_id
from belvedere.control.core.offers import OPEN_STATES, OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.organizations.services import touch_membership
from belvedere.control.outbox.services import enqueue
from belvedere.control.sharing.following import follow_groups, hold_groups
from belvedere.control.sharing.items import MAX_ITEMS, Item, check_items, normalize_items
from belvedere.control.sharing.models import Share, ShareItem, in_states, of_things
from belvedere.control.sharing.projection import claim_version, get_own_share, put_in, terms_written

MAX_SHARES: Final = 500


@unguarded("the actor's own given shares; checks `share` on everything that is added: all of it or nothing")
@transaction.atomic
def extend_shares(actor: Principal, *, additions: Mapping[str, list[Item]]) -> str:
    """Add cameras or panels to shares the actor gave, by share; the change id.

    In a share that was accepted they are in force at once, with its end, and its recipient is told; in an offer they
    wait with the rest. Raises NotFound or Forbidden (a share, a camera), Invalid (nothing, too much, another
    organization's), Conflict (a share is over, or its recipient has it from the actor already).
    """
    if not additions or len(additions) > MAX_SHARES:
        raise Invalid(_("Choose at least one share to add to."), field="shares")
    change_id = new_id()
    # In one order for all: of two who extend the same shares neither holds what the other waits for.
    for share in sorted(additions):
        _extend(actor, share, normalize_items(additions[share]), change_id)
    return change_id


def _extend(actor: Principal, share: str, items: list[Item], change_id: str) -> None:
    row = get_own_share(actor, share)
    hold_groups(items)
    touch_membership(row.membership_id)
    claim_version(row)
    if row.is_once:
        raise Invalid(_("What is for one time takes nothing else along. Share the rest for itself."), field="items")
    if check_items(actor, items, row.when) != row.organization_id:
        raise Invalid(_("The cameras of one share belong to one organization."), field="items")
    _refuse_held(row, items)
    put_in(row, items, at=clock.now())
    follow_groups(row, items)
    write_entry(
        actor=actor,
        action="share.extended",
        thing=f"share:{row.pk}",
        organization=row.organization_id,
        change_id=change_id,
        recipient=row.recipient.address,
        cameras={item.resource: item.permissions.wire_names for item in items},
        **terms_written(row.when, items),
    )
    if row.state == OfferState.ACCEPTED:
        added = [item.resource for item in items]
        enqueue("mail.share_extended", {"share": row.pk, "added": added, "at": clock.now().isoformat()})


def _refuse_held(share: Share, items: list[Item]) -> None:
    there = ShareItem.objects.filter(in_states(OPEN_STATES, clock.now(), of="share__"), ended_at=None)
    held = there.filter(of_things([item.resource for item in items]), share__recipient=share.recipient_id)
    if held.exists():
        raise Conflict(_("They already have one of these cameras from you, or an offer of it waits."))
    if there.filter(share=share).count() + len(items) > MAX_ITEMS:
        raise Invalid(_("Choose at least one camera, and at most %(count)d.") % {"count": MAX_ITEMS}, field="items")
