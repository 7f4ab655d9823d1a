"""Answering the access review: it is still needed. Ending it, or letting it lapse, are acts of their own (B-10)."""

from django.db import transaction

from belvedere.control.access.guard import unguarded
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock
from belvedere.control.core.principal import Principal
from belvedere.control.sharing.models import ReviewAnswer
from belvedere.control.sharing.selectors.reviewing import PUT_AWAY, find_unused, quarter_of


@unguarded("what the actor is asked about is his own share, or stands in an organization that he owns")
@transaction.atomic
def keep_unused(actor: Principal, *, kind: str, thing: str) -> None:
    """Have a share or a membership go on though nobody uses it: asked again in the next quarter. Raises NotFound."""
    row = find_unused(actor, kind, thing)
    if _answer(actor, row.id):
        write_entry(actor=actor, action="review.kept", thing=f"{row.kind}:{row.id}", recipient=row.address)


@unguarded("the actor's own wall")
@transaction.atomic
def put_review_away(actor: Principal) -> None:
    """Be reminded on the wall no more in this quarter; the inbox has it still. A second time is harmless."""
    if _answer(actor, PUT_AWAY):
        write_entry(actor=actor, action="review.put_away", thing=f"account:{actor.id}")


def _answer(actor: Principal, thing: str) -> bool:
    """Whether it is the first one in this quarter."""
    at = clock.now()
    answer = {"account_id": actor.id, "thing": thing, "quarter": quarter_of(at)}
    _row, is_new = ReviewAnswer.objects.get_or_create(**answer, defaults={"at": at})
    return is_new
