"""Freezing an organization whose owner and Super Admins are in dispute (threats §5).

Recording goes on, nobody watches, no right changes. Either side begins it, for seventy-two hours; both end it earlier.
The rule itself stands in the decision: here is who may begin and end it, what is cut, and who is told.
"""

from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.control.access.guard import unguarded
from belvedere.control.access.models import Freeze
from belvedere.control.access.roles import Role
from belvedere.control.accounts.selectors import require_fresh
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Forbidden, Frozen, NotFound
from belvedere.control.core.ids import is_id, new_id
from belvedere.control.core.principal import Principal
from belvedere.control.organizations.selectors.freezes import find_freeze
from belvedere.control.organizations.selectors.members import find_tenure_in_force
from belvedere.control.organizations.selectors.trust import list_watchers
from belvedere.control.organizations.services.founding import hold_organization
from belvedere.control.organizations.services.telling import tell_watchers
from belvedere.control.organizations.standing import WHOLE
from belvedere.control.outbox.services import enqueue

LASTS: Final = timedelta(hours=72)
#: how soon nobody freezes the same organization again: a quarrel is not to blind a house for good
REST: Final = timedelta(days=30)


def require_thawed(organization: str) -> None:
    """Called by what puts a right in force on another's word than the giver's. Raises Frozen."""
    if find_freeze(organization):
        raise Frozen


@unguarded("the owner and the Super Admins alone: a rule on roles, which no permission says")
@transaction.atomic
def freeze_organization(actor: Principal, *, organization: str) -> str:
    """Stop all watching of an organization for seventy-two hours; recording goes on. The change id.

    A second time while it lasts is harmless. Raises NotFound, Forbidden, ReauthenticationRequired, Conflict (the actor
    froze it of late).
    """
    _role_of(actor, organization)
    require_fresh(actor)
    hold_organization(organization)
    if now := find_freeze(organization):
        return now.change_id
    at = clock.now()
    mine = Freeze.objects.filter(organization=organization, begun_by=actor.id)
    if mine.filter(begun_at__gt=at - REST).exists():
        raise Conflict(_("You froze this organization within the last thirty days. Nothing was changed."))
    return _freeze(actor, organization)


@unguarded("the operator's own act, from the command line")
@transaction.atomic
def freeze_by_operator(actor: Principal, *, organization: str) -> str:
    """The same, by whoever runs the server, at any time. The change id. Raises NotFound."""
    hold_organization(organization)
    now = find_freeze(organization)
    return now.change_id if now else _freeze(actor, organization)


def _freeze(actor: Principal, organization: str) -> str:
    at, change_id = clock.now(), new_id()
    Freeze.objects.create(
        organization=organization, begun_at=at, begun_by=actor.id, ends_at=at + LASTS, change_id=change_id
    )
    write_entry(
        actor=actor,
        action="organization.frozen",
        thing=f"organization:{organization}",
        organization=organization,
        change_id=change_id,
    )
    enqueue("organization.frozen", {"organization": organization, "change_id": change_id, "by": actor.name})
    enqueue("lost.watching", {"organization": organization})
    tell_watchers(organization, "frozen", who=_who(actor))
    return change_id


@unguarded("the owner and the Super Admins alone: a rule on roles, which no permission says")
@transaction.atomic
def thaw_organization(actor: Principal, *, organization: str) -> bool:
    """Agree that the freeze ends; True: it is over, since the other side had agreed, or there is no other side.

    Harmless when it is over already. Raises NotFound, Forbidden.
    """
    role = _role_of(actor, organization)
    hold_organization(organization)
    now = find_freeze(organization)
    if now is None:
        return True
    side, other = ("owner", "admin") if role is Role.OWNER else ("admin", "owner")
    rows = Freeze.objects.filter(pk=now.id)
    is_new = rows.filter(**{f"{side}_agreed_at": None}).update(**{f"{side}_agreed_at": clock.now()})
    row = rows.get()
    is_alone = len(list_watchers(organization)) == 1
    if not is_alone and getattr(row, f"{other}_agreed_at") is None:
        if not is_new:
            return False  # everybody was told
        write_entry(
            actor=actor,
            action="organization.thaw_agreed",
            thing=f"organization:{organization}",
            organization=organization,
        )
        tell_watchers(organization, "thaw_asked", who=_who(actor))
        return False
    _thaw(actor, organization)
    return True


@unguarded("the operator's own act, from the command line")
@transaction.atomic
def thaw_by_operator(actor: Principal, *, organization: str) -> None:
    """End a freeze, whoever began it. Raises NotFound, Conflict (it is not frozen)."""
    hold_organization(organization)
    if find_freeze(organization) is None:
        raise Conflict(_("This organization is not frozen."))
    _thaw(actor, organization)


def _thaw(actor: Principal, organization: str) -> None:
    at = clock.now()
    Freeze.objects.filter(organization=organization, ends_at__gt=at).update(ends_at=at)
    enqueue("lost.watching", {"organization": organization})
    write_entry(
        actor=actor, action="organization.thawed", thing=f"organization:{organization}", organization=organization
    )
    tell_watchers(organization, "thawed", who=_who(actor))


def _role_of(actor: Principal, organization: str) -> Role:
    """Owner or Super Admin. Raises NotFound for who is no member, Forbidden for who is less."""
    tenure = find_tenure_in_force(actor.id, organization) if is_id(organization) else None
    if tenure is None:
        raise NotFound
    if tenure.standing.role not in WHOLE:
        raise Forbidden(_("Only the owner and Super Admins freeze an organization. Nothing was changed."))
    return tenure.standing.role


def _who(actor: Principal) -> str:
    """As others read him; "" for whoever runs the server."""
    return actor.name if actor.kind == "account" else ""
