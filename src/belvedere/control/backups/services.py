"""An owner's word on rights that came back with a backup (D3)."""

from collections import defaultdict
from collections.abc import Iterable

from django.db import transaction

from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import requires, unguarded
from belvedere.control.access.models import Grant
from belvedere.control.access.services import end_grants, lift_suspension
from belvedere.control.accounts.selectors import require_fresh
from belvedere.control.audit.services import write_entry
from belvedere.control.backups.closing import close_origins, organizations_of
from belvedere.control.backups.selectors import WAITS_FOR, list_suspended
from belvedere.control.core import clock
from belvedere.control.core.ids import new_id
from belvedere.control.core.principal import Principal, system


@requires(Permission.MANAGE, on="organization")
@transaction.atomic
def confirm_rights(actor: Principal, *, organization: str, rights: Iterable[str]) -> int:
    """Say of these suspended rights, by id, that they hold: they are in force from now on. How many.

    What is not among those that wait is passed over. Raises NotFound, Forbidden (not the owner),
    ReauthenticationRequired.
    """
    waiting = {row.id for row in list_suspended(actor, organization)}
    require_fresh(actor)
    lifted = lift_suspension(waiting & set(rights))
    if lifted:
        write_entry(
            actor=actor,
            action="rights.confirmed",
            thing=f"organization:{organization}",
            organization=organization,
            change_id=new_id(),
            confirmed=[{"account": principal, "resource": resource} for principal, resource in lifted],
        )
    return len(lifted)


@unguarded("the worker's own housekeeping")
def end_unconfirmed() -> None:
    """What nobody confirmed for thirty days ends, with what gave it."""
    over = Grant.objects.filter(ended_at=None, suspended_at__lte=clock.now() - WAITS_FOR)
    rows = list(over.order_by("pk").values_list("pk", "resource", "origin_id"))
    places = organizations_of({resource for _pk, resource, _origin in rows}) if rows else {}
    grants: dict[str, list[str]] = defaultdict(list)
    origins: dict[str, set[str]] = defaultdict(set)
    for pk, resource, origin_id in rows:
        grants[places.get(resource, "")].append(pk)
        origins[places.get(resource, "")].add(origin_id)
    for organization, ending in sorted(grants.items()):
        _end(organization, ending, origins[organization])


@transaction.atomic
def _end(organization: str, grants: list[str], origins: set[str]) -> None:
    end_grants(
        system("server"),
        organization=organization,
        reason="unconfirmed",
        action="rights.unconfirmed",
        thing=f"organization:{organization}",
        grants=grants,
        details={"count": len(grants)},
    )
    left = Grant.objects.filter(origin_id__in=origins, ended_at=None).values_list("origin_id", flat=True)
    close_origins(origins - set(left), reason="unconfirmed")
