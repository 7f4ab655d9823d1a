"""Inviting members: offered to an address, accepted by whoever proves it, within seven days to the second.

The page of the mail, the portal's list and the phone act on one invitation; a second acceptance is harmless (VV 16).
"""

from datetime import timedelta
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from belvedere.control.access.guard import unguarded
from belvedere.control.accounts.models import digest_of
from belvedere.control.accounts.selectors import Person, find_by_address, list_proven
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock, limits
from belvedere.control.core.errors import Conflict, Forbidden, Invalid, InvitationExpired, NotFound, WrongAccount
from belvedere.control.core.ids import is_id
from belvedere.control.core.names import clean_address
from belvedere.control.core.offers import OfferState, move
from belvedere.control.core.principal import Principal, system
from belvedere.control.organizations.models import Invitation, Membership, Site
from belvedere.control.organizations.selectors.invitations import (
    get_invitation,
    standing_offered,
)
from belvedere.control.organizations.selectors.members import Management, Tenure, get_management, get_standings
from belvedere.control.organizations.services.founding import hold_organization
from belvedere.control.organizations.services.freezing import require_thawed
from belvedere.control.organizations.services.members import Wish, describe, resolve_wish, touch_membership
from belvedere.control.organizations.services.projection import project, write_standing
from belvedere.control.organizations.standing import NOBODY, Standing, may_change
from belvedere.control.outbox.services import enqueue

VALID: Final = timedelta(days=7)
INVITATIONS_A_DAY: Final = 200


@unguarded("decided by `may_change`: nobody invites above or beyond himself")
@transaction.atomic
def invite_member(actor: Principal, *, organization: str, address: str, wish: Wish) -> str:
    """Invite whoever holds an address or a telephone number to a role on sites; the invitation's id.

    It replaces one that waits there.

    Known and unknown addresses take the same steps (N1). Raises NotFound, Forbidden, Invalid (oneself, a member, a role
    or site that makes no sense), RateLimited.
    """
    management = get_management(actor, organization)
    address = clean_address(address)
    standing = resolve_wish(management, wish, before=None)
    _refuse_pointless(actor, organization, address)
    limits.hit("invitation", actor.id, limit=INVITATIONS_A_DAY, per_s=86400)
    touch_membership(management.membership)
    _demand_givable(management.standing, standing, organization)
    for row in Invitation.objects.filter(organization_id=organization, address=address, state=OfferState.PENDING):
        if move(row, OfferState.REVOKED, at=clock.now(), ended_by=actor.id, ended_reason="replaced"):
            _write(actor, row, "invitation.replaced")
    return _send(actor, management, address, standing)


def _send(actor: Principal, management: Management, address: str, standing: Standing) -> str:
    at = clock.now()
    invitation = Invitation(
        organization_id=management.organization,
        membership_id=management.membership,
        inviter_id=actor.id,
        address=address,
        role=standing.role,
        is_everywhere=standing.sites is None,
        site_roles=dict.fromkeys(standing.sites or (), standing.role.value)
        | {site: role.value for site, role in standing.overrides.items()},
        offered_at=at,
        expires_at=at + VALID,
    )
    try:
        with transaction.atomic():
            invitation.save(force_insert=True)
    except IntegrityError:
        raise Conflict(_("Somebody else invited this address just now. Look again, then decide.")) from None
    _write(actor, invitation, "invitation.sent", recipient=address, **describe(standing))
    enqueue("mail.invitation_sent", {"invitation": invitation.pk})
    return invitation.pk


def _refuse_pointless(actor: Principal, organization: str, address: str) -> None:
    if address in {actor.email, *list_proven(actor.id)}:
        raise Invalid(_("That is your own address. You are a member already."), field="account")
    rows = Membership.objects.filter(organization_id=organization, is_active=True)
    # By the address that members are listed under: which others somebody has is nobody's business.
    if rows.filter(account__email=address).exists():
        raise Invalid(_("They are a member already. Change their role in the list instead."), field="account")


def _demand_givable(giver: Standing, standing: Standing, organization: str) -> None:
    sites = Site.objects.filter(organization_id=organization, closed_at=None).values_list("pk", flat=True)
    if not may_change(giver, NOBODY, standing, list(sites)):
        raise Forbidden(_("That reaches above or beyond what you are yourself. Nothing was changed."))


def _write(actor: Principal, row: Invitation, action: str, **details: Any) -> None:
    write_entry(actor=actor, action=action, thing=f"invitation:{row.pk}", organization=row.organization_id, **details)


def _get_sent(actor: Principal, invitation: str) -> Invitation:
    """One that the actor could have sent himself. Raises NotFound, Forbidden."""
    view = get_invitation(actor, invitation)
    row = Invitation.objects.get(pk=invitation)
    _demand_givable(get_management(actor, view.organization).standing, standing_offered(row), view.organization)
    return row


@unguarded("for who may give what the invitation gives")
@transaction.atomic
def resend_invitation(actor: Principal, *, invitation: str) -> str:
    """Send it again: the old secret is void, and it is good for seven new days (VV 11). The id to go by from now on.

    What ran out stays so; a new one of the same content takes its place. Raises NotFound, Forbidden, Conflict,
    RateLimited.
    """
    row = _get_sent(actor, invitation)
    limits.hit("invitation", actor.id, limit=INVITATIONS_A_DAY, per_s=86400)
    management = get_management(actor, row.organization_id)
    touch_membership(management.membership)
    at = clock.now()
    if row.state == OfferState.PENDING and at >= row.expires_at:
        _expire(row)
    if row.state == OfferState.EXPIRED:
        return _send(actor, management, row.address, standing_offered(row))
    changed = Invitation.objects.filter(pk=row.pk, state=OfferState.PENDING).update(
        token_digest="", offered_at=at, expires_at=at + VALID, inviter_id=actor.id, membership_id=management.membership
    )
    if not changed:
        raise Conflict(_("This invitation was answered, cancelled or replaced already."))
    _write(actor, row, "invitation.resent")
    enqueue("mail.invitation_sent", {"invitation": row.pk})
    return row.pk


@unguarded("for who may give what the invitation gives")
@transaction.atomic
def cancel_invitation(actor: Principal, *, invitation: str) -> None:
    """Take it back. A second time is harmless. Raises NotFound, Forbidden, Conflict (it was answered)."""
    row = _get_sent(actor, invitation)
    if row.state == OfferState.REVOKED:
        return
    at = clock.now()
    if not move(
        row, OfferState.REVOKED, at=at, only_from=OfferState.PENDING, ended_by=actor.id, ended_reason="cancelled"
    ):
        raise Conflict(_("This invitation was answered already, or ran out."))
    _write(actor, row, "invitation.cancelled")


@unguarded("the operator's own act, from the command line")
@transaction.atomic
def cancel_all_invitations(actor: Principal) -> int:
    """Take back every invitation that waits: how many. What was accepted stays."""
    rows = Invitation.objects.filter(state=OfferState.PENDING).order_by("organization_id", "pk")
    cancelled = [
        row
        for row in rows
        if move(row, OfferState.REVOKED, at=clock.now(), only_from=OfferState.PENDING, ended_reason="cancelled")
    ]
    for row in cancelled:
        _write(actor, row, "invitation.cancelled")
    return len(cancelled)


@unguarded("the invitation was sent to an address that the actor has proven to be his own")
def accept_invitation(actor: Principal, *, invitation: str) -> str:
    """Join; the organization's id. A second time is harmless. Raises NotFound, Conflict, InvitationExpired."""
    row = Invitation.objects.filter(pk=invitation).first() if is_id(invitation) else None
    if row is None or row.address not in list_proven(actor.id):
        raise NotFound
    return _accept(actor, row)


@unguarded("the secret of the mail is the proof of its address; it acts for the account that holds that address alone")
def accept_invitation_by_token(actor: Principal | None, *, token: str) -> str:
    """Join as the invited account, whoever is signed in; the organization's id (VV 13).

    Raises NotFound (no such secret, or a later mail made it void; also where nobody holds that address yet),
    WrongAccount (somebody else is signed in), Conflict, InvitationExpired.
    """
    row, invited = _get_by_token(actor, token)
    return _accept(Principal(id=invited.id, name=invited.name, email=invited.email, address=_from(actor)), row)


def _from(actor: Principal | None) -> str:
    return actor.address if actor else ""


def _get_by_token(actor: Principal | None, token: str) -> tuple[Invitation, Person]:
    row = Invitation.objects.filter(token_digest=digest_of(token)).first() if token else None
    if row is None:
        raise NotFound
    if actor and actor.id and row.address not in list_proven(actor.id):
        raise WrongAccount(_("This invitation is for another account. Sign out, then open the mail’s link again."))
    invited = find_by_address(row.address)
    if invited is None:
        raise NotFound
    return row, invited


def _accept(actor: Principal, row: Invitation) -> str:
    """Not atomic as a whole: that an invitation was found expired outlives the refusal, and a clock set back."""
    if row.state == OfferState.ACCEPTED and row.accepted_by == actor.id:
        return row.organization_id
    if row.state == OfferState.PENDING and clock.now() >= row.expires_at:
        _expire(row)
    if row.state == OfferState.EXPIRED:
        raise InvitationExpired
    return _join(actor, row)


@transaction.atomic
def _join(actor: Principal, row: Invitation) -> str:
    hold_organization(row.organization_id)
    require_thawed(row.organization_id)
    _touch_inviter(row)
    giver = get_standings([row.membership_id]).get(row.membership_id, NOBODY)
    standing = _of_open_sites(standing_offered(row), row.organization_id)
    sites = list(Site.objects.filter(organization_id=row.organization_id, closed_at=None).values_list("pk", flat=True))
    # Decided again: nobody gives what he does not hold any more (rule 5).
    if not may_change(giver, NOBODY, standing, sites):
        raise Conflict(_("Whoever invited you may no longer do so. Ask for a new invitation."))
    if standing.sites is not None and not standing.sites and not standing.overrides:
        raise Conflict(_("The sites of this invitation are gone. Ask for a new one."))
    at = clock.now()
    if not move(row, OfferState.ACCEPTED, at=at, accepted_by=actor.id):
        row.refresh_from_db()
        if row.state == OfferState.ACCEPTED and row.accepted_by == actor.id:
            return row.organization_id
        raise Conflict(_("This invitation was cancelled or answered in the meantime."))
    # Not before: of two acceptances at once the later is to read that it was done, not that he is a member already.
    if Membership.objects.filter(organization_id=row.organization_id, account_id=actor.id, is_active=True).exists():
        raise Conflict(_("You are a member of this organization already. Nothing was changed."))
    membership = Membership(
        organization_id=row.organization_id,
        account_id=actor.id,
        role=standing.role,
        is_everywhere=standing.sites is None,
        created_at=at,
        invited_by=row.inviter_id,
    )
    try:
        with transaction.atomic():
            membership.save(force_insert=True)
    except IntegrityError:
        raise Conflict(_("You are a member of this organization already. Nothing was changed.")) from None
    write_standing(membership.pk, standing)
    project(
        Principal(id=row.inviter_id, name=row.inviter.name),
        [Tenure(membership.pk, row.organization_id, actor.id, standing)],
        organization=row.organization_id,
        reason="joined",
        action="member.joined",
        thing=f"member:{membership.pk}",
        details={"account": actor.id, "invitation": row.pk, **describe(standing)},
    )
    _write(actor, row, "invitation.accepted")
    enqueue("mail.invitation_answered", {"invitation": row.pk})
    return row.organization_id


def _touch_inviter(row: Invitation) -> None:
    """The membership that an invitation rests on. Raises Conflict in the words of who was invited."""
    try:
        touch_membership(row.membership_id)
    except Conflict:
        raise Conflict(_("Whoever invited you may no longer do so. Ask for a new invitation.")) from None


def _of_open_sites(standing: Standing, organization: str) -> Standing:
    """Without the sites that were closed since."""
    sites = set(Site.objects.filter(organization_id=organization, closed_at=None).values_list("pk", flat=True))
    named = None if standing.sites is None else standing.sites & sites
    return Standing(standing.role, named, {site: role for site, role in standing.overrides.items() if site in sites})


@unguarded("the invitation was sent to an address that the actor has proven to be his own")
@transaction.atomic
def decline_invitation(actor: Principal, *, invitation: str) -> None:
    """Turn it down; the inviter is told (VV 18). A second time is harmless. Raises NotFound, Conflict."""
    row = Invitation.objects.filter(pk=invitation).first() if is_id(invitation) else None
    if row is None or row.address not in list_proven(actor.id):
        raise NotFound
    _decline(actor, row)


@unguarded("the secret of the mail is the proof of its address")
@transaction.atomic
def decline_invitation_by_token(actor: Principal | None, *, token: str) -> None:
    """Turn it down from the mail, with or without an account. Raises NotFound, WrongAccount, Conflict."""
    row = Invitation.objects.filter(token_digest=digest_of(token)).first() if token else None
    if row is None:
        raise NotFound
    if actor and actor.id and row.address not in list_proven(actor.id):
        raise WrongAccount(_("This invitation is for another account. Sign out, then open the mail’s link again."))
    _decline(actor or Principal(id="", name=row.address), row)


def _decline(actor: Principal, row: Invitation) -> None:
    if row.state == OfferState.REJECTED:
        return
    if not move(row, OfferState.REJECTED, at=clock.now(), accepted_by=actor.id):
        raise Conflict(_("This invitation was answered or cancelled already."))
    _write(actor, row, "invitation.declined")
    enqueue("mail.invitation_answered", {"invitation": row.pk})


@transaction.atomic
def _expire(row: Invitation) -> None:
    if move(row, OfferState.EXPIRED, at=clock.now()):
        _write(system("server"), row, "invitation.expired")


@unguarded("the worker's own housekeeping")
def expire_invitations() -> int:
    """Write down what ran out: how many."""
    rows = list(Invitation.objects.filter(state=OfferState.PENDING, expires_at__lte=clock.now())[:500])
    for row in rows:
        _expire(row)
    return len(rows)
