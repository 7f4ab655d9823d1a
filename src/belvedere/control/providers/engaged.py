"""What every step of an engagement shares: what may be given, until when, how it ends, what is written down."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import SHAREABLE, Permission, normalize
from belvedere.control.access.services import end_grants
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Invalid
from belvedere.control.core.ids import new_id
from belvedere.control.core.offers import OfferState, move
from belvedere.control.core.principal import Principal
from belvedere.control.outbox.services import enqueue
from belvedere.control.providers.models import Engagement, Wish

#: what an engagement may give
GIVABLE: Final = SHAREABLE | Permission.CONFIGURE
#: nobody is engaged for longer at once
AT_MOST: Final = timedelta(days=366)


def check_permissions(permissions: Permission) -> Permission:
    """What may be given, made whole. Raises Invalid."""
    if permissions & ~GIVABLE:
        raise Invalid(_("A service provider shares nothing and manages nobody."), field="permissions")
    if not permissions or normalize(permissions) != permissions:
        raise Invalid(
            _("Say what they may do. Listening, talking and moving need live view; export needs playback."),
            field="permissions",
        )
    return permissions


def check_end(ends_at: datetime) -> datetime:
    """An end that is to come, within a year. Raises Invalid."""
    at = clock.now()
    if ends_at <= at:
        raise Invalid(_("That end lies in the past."), field="ends_at")
    if ends_at > at + AT_MOST:
        raise Invalid(_("Engage for a year at most; you can do it again."), field="ends_at")
    return ends_at


def end(
    actor: Principal, row: Engagement, to: OfferState, action: str, *, change_id: str = "", is_told: bool = True
) -> str:
    """End it with its grants, whoever decided that, and tell the other side. Raises Conflict if it is over."""
    if row.state == to:
        return row.change_id
    was, change_id = row.state, change_id or new_id()
    if row.state_at(clock.now()) == OfferState.EXPIRED or not move(
        row, to, at=clock.now(), ended_by=actor.id, ended_reason=to.value, change_id=change_id
    ):
        raise Conflict(_("This is over already."))
    end_grants(
        actor,
        organization=row.organization_id,
        reason=to.value,
        action=action,
        thing=f"engagement:{row.pk}",
        origin_ids=[row.pk],
        change_id=change_id,
        details={"was": was, "recipient": row.address},
    )
    keep_names(row)
    if was == OfferState.ACCEPTED and is_told:
        enqueue("mail.engagement_ended", {"engagement": row.pk})
    return change_id


def take_back_wishes(actor: Principal, wishes: QuerySet[Wish]) -> None:
    """What waits of these can be answered no more: who asked has gone, and a yes gives him nothing."""
    for wish in wishes.filter(state=OfferState.PENDING).order_by("pk"):
        move(wish, OfferState.REVOKED, at=clock.now(), ended_by=actor.id, ended_reason="left")


def keep_names(row: Engagement) -> None:
    """Called by whatever ends one, in its transaction."""
    Engagement.objects.filter(pk=row.pk).update(names=row.names_now())


def write(actor: Principal, row: Engagement, action: str, **details: Any) -> None:
    """In the owner's audit."""
    write_entry(
        actor=actor,
        action=action,
        thing=f"engagement:{row.pk}",
        organization=row.organization_id,
        site=row.site_id,
        **details,
    )
