"""Adding to shares that there are: a recorder's new channels above all, which never join by themselves (rule 9)."""

from collections.abc import Mapping
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.control.access.guard import unguarded
from belvedere.control.access.models import Origin
from belvedere.control.access.services import Terms, grant
from belvedere.control.audit.services import write_entry
from belvedere.control.core.errors import Conflict, Invalid, NotFound
from belvedere.control.core.ids import is_id, new_id
from belvedere.control.core.offers import OPEN_STATES, OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.organizations.services import touch_membership
from belvedere.control.outbox.services import enqueue
from belvedere.control.sharing.items import MAX_ITEMS, Item, check_items, normalize_items
from belvedere.control.sharing.models import Share, ShareItem, of_things

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
    row = (
        Share.objects.filter(pk=share, sharer_id=actor.id).select_related("recipient").first() if is_id(share) else None
    )
    if row is None:
        raise NotFound
    touch_membership(row.membership_id)
    # The conditional UPDATE comes first: what is being accepted or ended at this instant waits, or is seen.
    if row.state not in OPEN_STATES or not Share.objects.filter(pk=share, state=row.state).update(state=row.state):
        raise Conflict(_("This share is over, or was answered just now. Nothing was changed."))
    if check_items(actor, items) != row.organization_id:
        raise Invalid(_("The cameras of one share belong to one organization."), field="items")
    _refuse_held(row, items)
    for item in items:
        # What left this share before comes back to its old place.
        ShareItem.objects.update_or_create(
            share=row,
            camera_id=item.resource if item.kind == "camera" else None,
            panel_id=item.resource if item.kind == "panel" else None,
            defaults={"permissions": int(item.permissions), "ended_at": None},
        )
        if row.state == OfferState.ACCEPTED:
            grant(
                principal=row.accepted_by,
                resource=item.resource,
                permissions=item.permissions,
                origin=Origin.SHARE,
                origin_id=row.pk,
                created_by=actor.id,
                terms=Terms(starts_at=row.starts_at, ends_at=row.ends_at, hours=row.hours),
            )
    write_entry(
        actor=actor,
        action="share.extended",
        thing=f"share:{row.pk}",
        organization=row.organization_id,
        change_id=change_id,
        recipient=row.recipient.email,
        cameras={item.resource: item.permissions.wire_names for item in items},
    )
    if row.state == OfferState.ACCEPTED:
        enqueue("mail.share_extended", {"share": row.pk, "added": [item.resource for item in items]})


def _refuse_held(share: Share, items: list[Item]) -> None:
    there = ShareItem.objects.filter(ended_at=None, share__state__in=OPEN_STATES)
    held = there.filter(of_things([item.resource for item in items]), share__recipient=share.recipient_id)
    if held.exists():
        raise Conflict(_("They already have one of these cameras from you, or an offer of it waits."))
    if there.filter(share=share).count() + len(items) > MAX_ITEMS:
        raise Invalid(_("Choose at least one camera, and at most %(count)d.") % {"count": MAX_ITEMS}, field="items")
