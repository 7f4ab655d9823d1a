"""Answering the access review: it is still needed. Ending it, or letting it lapse, are acts of their own (B-10)."""

from django.db import transaction

from belvedere.control.access.guard import unguarded
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock
from belvedere.control.core.principal import Principal
from belvedere.control.sharing.models import ReviewAnswer
from belvedere.control.sharing.selectors.reviewing import find_unused, quarter_of


@unguarded("what the actor is asked about is his own share, or stands in an organization that he owns")
@transaction.atomic
def keep_unused(actor: Principal, *, kind: str, thing: str) -> None:
    """Have a share or a membership go on though nobody uses it: asked again in the next quarter. Raises NotFound."""
    row = find_unused(actor, kind, thing)
    at = clock.now()
    answer = {"account_id": actor.id, "thing": row.id, "quarter": quarter_of(at)}
    _row, is_new = ReviewAnswer.objects.get_or_create(**answer, defaults={"at": at})
    if is_new:
        write_entry(actor=actor, action="review.kept", thing=f"{row.kind}:{row.id}", recipient=row.address)
