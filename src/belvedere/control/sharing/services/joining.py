"""The way in for somebody who has no account yet: a link with a secret, in the message or handed over by the sharer."""

import secrets

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.control.access.guard import unguarded
from belvedere.control.accounts.models import digest_of
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock, limits
from belvedere.control.core.errors import Conflict, NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.offers import OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.sharing.models import Share, in_states

LINKS_AN_HOUR = 30


@unguarded(
    "the actor's own offer; the link gives nothing: it leads to sign-up, and only the number's holder may accept"
)
@transaction.atomic
def make_join_link(actor: Principal, *, share: str) -> str:
    """A link to hand over by oneself, for an offer to a number that waits. The link before it is void, no text is.

    Whether anybody has that number, it does not say (N1). Raises NotFound, Conflict (answered, over, or to an e-mail
    address: its mail is the proof of that address), RateLimited.
    """
    rows = Share.objects.filter(pk=share, sharer_id=actor.id).select_related("recipient")
    row = rows.first() if is_id(share) else None
    if row is None:
        raise NotFound
    if not row.recipient.phone or not rows.filter(in_states([OfferState.PENDING], clock.now())).exists():
        raise Conflict(_("This offer needs no link any more."))
    limits.hit("offer.link", actor.id, limit=LINKS_AN_HOUR, per_s=3600)
    write_entry(actor=actor, action="share.link_made", thing=f"share:{row.pk}", organization=row.organization_id)
    secret = secrets.token_urlsafe(32)
    # Not the message's own secret: a text that goes out after this would make void what was just handed over.
    rows.update(link_digest=digest_of(secret))
    return f"{settings.BELVEDERE.url}/join/{secret}"


@unguarded("asked for where a message goes out")
def renew_join_secret(share: str) -> str:
    """A secret for one message alone: it waits in no queue, and makes the one before it void."""
    secret = secrets.token_urlsafe(32)
    Share.objects.filter(pk=share).update(join_digest=digest_of(secret))
    return secret
