"""Looking at what one manages as somebody else sees it. Nothing is given or taken: it is written down (B-4)."""

from datetime import datetime

from django.db import transaction

from belvedere.control.access.guard import unguarded
from belvedere.control.audit.services import write_entry
from belvedere.control.core.errors import NotFound
from belvedere.control.core.principal import Principal
from belvedere.control.sharing.changes import NO_CHANGE, Change
from belvedere.control.sharing.selectors.grounds import list_things
from belvedere.control.sharing.selectors.viewing_as import view_as


@unguarded("needs something there that the actor may share, and somebody he knows; it writes down that he looks")
@transaction.atomic
def open_view_as(
    actor: Principal, *, who: str, organization: str, at: datetime | None = None, change: Change = NO_CHANGE
) -> str:
    """Write down that the actor looks at this organization's cameras as somebody sees them; that one's account.

    Without an organization it is all where he may share something, and stands in the audit of each. Raises NotFound
    for who may share nothing there, and for whom he does not know; Invalid for what `view_as` cannot answer.
    """
    account = view_as(actor, who, organization=organization, at=at, change=change).account
    if account is None:
        raise NotFound
    for place in [organization] if organization else sorted({thing.organization for thing in list_things(actor)}):
        write_entry(
            actor=actor,
            action="access.viewed_as",
            thing=f"account:{account.id}",
            organization=place,
            account=account.id,
        )
    return account.id
