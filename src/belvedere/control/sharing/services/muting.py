"""No messages about what is shared with one: a recipient's own wish, share by share."""

from django.db import transaction

from belvedere.control.access.guard import unguarded
from belvedere.control.audit.services import write_entry
from belvedere.control.core.errors import NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.offers import OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.sharing.models import Share


@unguarded("the actor's own received share")
@transaction.atomic
def mute_share(actor: Principal, *, share: str, is_muted: bool) -> None:
    """Have no messages about a received share, or have them again. Its end is told all the same.

    Twice is harmless. Raises NotFound.
    """
    rows = Share.objects.filter(pk=share, accepted_by=actor.id, state=OfferState.ACCEPTED)
    if not is_id(share) or not rows.exists():
        raise NotFound
    if rows.exclude(is_muted=is_muted).update(is_muted=is_muted):
        # In the installation's chain: the sharer reads his organization's.
        action = "share.muted" if is_muted else "share.unmuted"
        write_entry(actor=actor, action=action, thing=f"account:{actor.id}", share=share)
