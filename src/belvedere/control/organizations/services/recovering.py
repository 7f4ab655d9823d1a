"""What whoever runs the server may do for an organization that nobody can get into any more; and its changing hands.

He could read the disk anyway (threats §7). So each of these is told to everybody who watches over the organization, and
to the owner by every way there is to him.
"""

from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.control.access.guard import unguarded
from belvedere.control.access.roles import Role
from belvedere.control.access.selectors import list_projected
from belvedere.control.access.services import lift_suspension
from belvedere.control.accounts.selectors import get_persons
from belvedere.control.accounts.services import make_reset_link
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, NotFound
from belvedere.control.core.ids import new_id
from belvedere.control.core.principal import Principal
from belvedere.control.organizations.models import Membership, Organization
from belvedere.control.organizations.selectors.members import Tenure, find_tenure
from belvedere.control.organizations.services.founding import change_owner, hold_organization, register_account
from belvedere.control.organizations.services.freezing import require_thawed
from belvedere.control.organizations.services.members import describe
from belvedere.control.organizations.services.projection import project, write_standing
from belvedere.control.organizations.services.telling import tell_everyway, tell_watchers
from belvedere.control.organizations.standing import Standing

_SUPER_ADMIN: Final = Standing(Role.SUPER_ADMIN)


@unguarded("the operator's own act, from the command line")
@transaction.atomic
def recover_account(actor: Principal, *, account: str) -> str:
    """A link that sets a new password once, for an owner who lost every other way. Raises NotFound."""
    link = make_reset_link(actor, account=account)
    for row in Organization.objects.filter(owner_id=account).order_by("pk"):
        write_entry(
            actor=actor,
            action="organization.owner_recovery",
            thing=f"organization:{row.pk}",
            organization=row.pk,
            account=account,
        )
        tell_watchers(row.pk, "owner_recovery", detail=_name(account), but=account)
    return link


@unguarded("the operator's own act, from the command line")
@transaction.atomic
def make_owner(actor: Principal, *, organization: str, account: str) -> str:
    """Make this account the owner, whatever it was there before; the former owner stays as Super Admin. The change id.

    For the owner himself, whose rights a restore has suspended, it is the operator's word that they hold: they are in
    force again (ADR 0031). Raises NotFound, Conflict (it owns it already), Frozen.
    """
    giver = hold_organization(organization)
    if giver == account:
        return _vouch(actor, organization, account)
    require_thawed(organization)
    _raise_to_super_admin(actor, organization, account)
    change_id = pass_on(actor, organization, giver=giver, taker=account)
    _lift_suspension(account, organization)
    write_entry(
        actor=actor,
        action="organization.owner_set",
        thing=f"organization:{organization}",
        organization=organization,
        change_id=change_id,
        account=account,
        before=giver,
    )
    tell_everyway(organization, "owner_set", owner=giver, detail=_name(account))
    return change_id


def _vouch(actor: Principal, organization: str, owner: str) -> str:
    if not _lift_suspension(owner, organization):
        raise Conflict(_("They own it already."))
    change_id = new_id()
    write_entry(
        actor=actor,
        action="organization.owner_vouched",
        thing=f"organization:{organization}",
        organization=organization,
        change_id=change_id,
        account=owner,
    )
    tell_everyway(organization, "restored", owner=owner)
    return change_id


def _lift_suspension(account: str, organization: str) -> bool:
    """Whether any right of this member was suspended."""
    tenure = find_tenure(account, organization)
    held = list_projected([tenure.id]).get(tenure.id, []) if tenure else []
    return bool(lift_suspension(pk for pk, _resource, _bits in held))


@unguarded("told by accounts, where a recovery contact's word has been decided on")
@transaction.atomic
def tell_of_recovery(payload: dict[str, str]) -> None:
    """Tell whoever else watches over what an account owns of a step of its recovery. Handler of `account.recovery`."""
    who = _name(payload["account"])
    for pk in Organization.objects.filter(owner_id=payload["account"]).order_by("pk").values_list("pk", flat=True):
        tell_watchers(pk, payload["what"], who=who, detail=payload["detail"], but=payload["account"])


def _name(account: str) -> str:
    person = get_persons([account]).get(account)
    if person is None:
        raise NotFound
    return person.name


def _raise_to_super_admin(actor: Principal, organization: str, account: str) -> None:
    """Ownership goes to a Super Admin: whoever is to have it is one first."""
    tenure = find_tenure(account, organization)
    if tenure is not None and tenure.standing.role is Role.SUPER_ADMIN:
        return
    if tenure is None:
        row = Membership.objects.create(
            organization_id=organization, account_id=account, role=Role.SUPER_ADMIN, created_at=clock.now()
        )
        tenure, action, reason = Tenure(row.pk, organization, account, _SUPER_ADMIN), "member.joined", "joined"
        details: dict[str, Any] = {"account": account, **describe(_SUPER_ADMIN)}
    else:
        details = {"account": account, "before": describe(tenure.standing), "after": describe(_SUPER_ADMIN)}
        tenure, action, reason = (
            Tenure(tenure.id, organization, account, _SUPER_ADMIN),
            "member.changed",
            "role_changed",
        )
    write_standing(tenure.id, _SUPER_ADMIN)
    project(
        actor,
        [tenure],
        organization=organization,
        reason=reason,
        action=action,
        thing=f"member:{tenure.id}",
        details=details,
    )


def pass_on(actor: Principal, organization: str, *, giver: str, taker: str) -> str:
    """Ownership itself, in the caller's transaction; the change id. The giver stays as Super Admin.

    What came with an account is an organization like any other from now on, and its former owner gets an empty one.
    """
    people = get_persons([giver, taker])
    change_id = change_owner(actor, organization=organization, giver=giver, is_leaving=False, receiver=taker)
    if Organization.objects.filter(pk=organization, is_personal=True).update(is_personal=False):
        register_account(Principal(id=giver, name=people[giver].name, email=people[giver].email))
    return change_id
