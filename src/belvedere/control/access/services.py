"""Giving and ending rights. Called by the services of other apps, whose guard has decided.

Every loss of access ends in `end_grants`: revoke, leave, role change, removal, unbind, transfer.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet, Subquery

from belvedere.contracts.permissions import Permission, normalize
from belvedere.control.access.models import Grant, Origin
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock, sql
from belvedere.control.core.ids import new_id
from belvedere.control.core.principal import Principal
from belvedere.control.outbox.services import enqueue

#: all that is said to whom nothing is said
ENDED: Final = "ended"

_END: Final = (
    "UPDATE access_grant SET ended_at = %s, ended_by = %s, ended_reason = %s, change_id = %s WHERE ended_at IS NULL"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """When, and how far back."""

    starts_at: datetime | None = None
    ends_at: datetime | None = None
    hours: str = ""
    footage_last_s: int | None = None
    footage_from: datetime | None = None


@transaction.atomic
def grant(
    *,
    principal: str,
    resource: str,
    permissions: Permission,
    origin: Origin,
    origin_id: str,
    created_by: str,
    terms: Terms | None = None,
) -> Grant | None:
    """Put one right in force. What is worth nothing without another permission is dropped; nothing left = no grant.

    What comes of something suspended is so, too: nothing but its owner's word puts it in force.
    """
    permissions = normalize(permissions)
    if not permissions:
        return None
    terms = terms or Terms()
    return Grant.objects.create(
        principal=principal,
        resource=resource,
        permissions=int(permissions),
        origin=origin,
        origin_id=origin_id,
        starts_at=terms.starts_at,
        ends_at=terms.ends_at,
        hours=terms.hours,
        footage_last_s=terms.footage_last_s,
        footage_from=terms.footage_from,
        created_at=clock.now(),
        created_by=created_by,
        suspended_at=Subquery(_suspended_of(origin_id)),
    )


def _suspended_of(origin_id: str) -> QuerySet[Grant, datetime | None]:
    """Since when what this comes of is suspended; nothing where it is not."""
    rows = Grant.objects.filter(origin_id=origin_id, suspended_at__isnull=False)
    return rows.order_by("suspended_at").values_list("suspended_at", flat=True)[:1]


@transaction.atomic(savepoint=False)
def lift_suspension(grants: Iterable[str]) -> list[tuple[str, str]]:
    """Put these suspended grants in force, on the word of whoever may give it: (principal, resource) of each."""
    waiting = Grant.objects.filter(suspended_at__isnull=False)
    rows = waiting.filter(pk__in=list(grants), ended_at=None)
    lifted = list(rows.order_by("pk").values_list("pk", "principal", "resource", "origin_id"))
    Grant.objects.filter(pk__in=[pk for pk, *_rest in lifted]).update(suspended_at=None)
    origins = {origin_id for *_rest, origin_id in lifted}
    # Where nothing waits any more, what comes next of the same is in force at once.
    still = set(waiting.filter(origin_id__in=origins, ended_at=None).values_list("origin_id", flat=True))
    waiting.filter(origin_id__in=origins - still).update(suspended_at=None)
    return [(principal, resource) for _pk, principal, resource, _origin in lifted]


@transaction.atomic(savepoint=False)
def end_grants(
    actor: Principal,
    *,
    organization: str,
    reason: str,
    action: str,
    thing: str,
    grants: Iterable[str] = (),
    origin_ids: Iterable[str] = (),
    resources: Iterable[str] = (),
    change_id: str = "",
    details: dict[str, Any] | None = None,
    is_silent: bool = False,
) -> str:
    """End these grants, or every grant in force of these origins, or on these resources. Returns the change id.

    Writes the end, the audit entry and the message that cuts what rests on it, in the caller's transaction. The change
    exists even where no grant did: withdrawing an offer is a change too. Bring `change_id` where rows of yours carry it
    already. `is_silent`: whoever watches reads that it ended, and neither why nor by whom (threats.md §5).
    """
    change_id = change_id or new_id()
    origins, closed = list(origin_ids), list(resources)
    for column, ids in (("id", list(grants)), ("origin_id", origins), ("resource", closed)):
        if ids:
            sql.change(f"{_END} AND {column} IN ({sql.marks(ids)})", clock.now(), actor.id, reason, change_id, *ids)
            break
    write_entry(
        actor=actor, action=action, thing=thing, organization=organization, change_id=change_id, **(details or {})
    )
    told = {"why": ENDED, "by": ""} if is_silent else {"why": reason, "by": actor.name}
    enqueue("access.lost", {"change_id": change_id} | told)
    # After the cut, which is what somebody waits for. Kept apart, so that no backup brings it back (D3).
    enqueue("lost.rights", {"change_id": change_id, "origins": origins, "resources": closed})
    return change_id


def hand_grants(origin_ids: Iterable[str], *, to: str) -> None:
    """From now on `to` gives what stands on these origins: nothing begins or ends with it, and no picture blinks."""
    Grant.objects.filter(origin_id__in=list(origin_ids), ended_at=None).update(created_by=to)
