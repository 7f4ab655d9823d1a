"""Moving out: everything between two people ends in one step, with one receipt (threats.md §5).

It takes a fresh proof of who acts, and nobody's consent. All of it or nothing; what was ended before is
simply not there any more, so that it may be done in any order, and again.
"""

from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.control.access.guard import unguarded
from belvedere.control.access.services import end_grants
from belvedere.control.accounts.selectors import require_fresh
from belvedere.control.accounts.services import drop_recovery_contacts
from belvedere.control.appeals.services import end_requests_with
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Forbidden
from belvedere.control.core.ids import new_id
from belvedere.control.core.offers import OfferState, move
from belvedere.control.core.principal import Principal
from belvedere.control.handover.models import Handover, HandoverState
from belvedere.control.handover.models.transfers import OPEN
from belvedere.control.handover.ties import (
    Ties,
    get_ties,
    list_deputizing,
    list_engagements_of,
    list_leftovers,
    list_open_handovers,
    list_open_invitations,
)
from belvedere.control.organizations.models import OwnershipClaim
from belvedere.control.organizations.services import hold_organization, remove_member
from belvedere.control.outbox.services import enqueue
from belvedere.control.providers.engaged import take_back_wishes
from belvedere.control.providers.models import Wish
from belvedere.control.sharing.services import end_shares_with, give_back_shares, hear_no_more

REASON: Final = "moved_out"


@unguarded("by a fresh proof; what the actor may end, the selector has found, and each act decides for itself")
@transaction.atomic
def move_out(actor: Principal, *, account: str, gives_back: bool = False, is_silent: bool = False) -> str:
    """End all that an account has of the actor and in what he manages whole; the change id, for the receipt.

    gives_back   the actor leaves what is the other's, too, and gives back what he has of him
    is_silent    the other is told nothing: no mail, no reason, and what he tries looks as if it were no more

    Raises Forbidden (by a token), ReauthenticationRequired, NotFound (nothing ties the two).
    """
    if actor.scopes is not None:
        raise Forbidden(_("Only a signed-in person moves out."))
    require_fresh(actor)
    before = get_ties(actor, account)
    # Held in one order by everybody: organizations, memberships, shares, and the audit's chains last.
    for organization in sorted({*before.managed, *(before.his if gives_back else ())}):
        hold_organization(organization)
    ties = get_ties(actor, account)
    change_id = new_id()
    _end_waiting(actor, ties)
    _end_trust(actor, ties, change_id, is_silent=is_silent)
    end_shares_with(actor, account=account, organizations=ties.managed, change_id=change_id, is_silent=is_silent)
    for tie in ties.loses:
        if tie.what == "role":
            remove_member(actor, member=tie.id, change_id=change_id, is_silent=is_silent)
    _sweep(actor, ties, change_id, is_silent=is_silent)
    if gives_back:
        # Last: whatever is cut is cut in the words of the first message of a change.
        _leave(actor, ties, change_id, is_silent=is_silent)
    hear_no_more(actor, account=account)
    drop_recovery_contacts(actor, account=account, is_silent=is_silent)
    _write(actor, ties, change_id, gives_back=gives_back, is_silent=is_silent)
    return change_id


def _leave(actor: Principal, ties: Ties, change_id: str, *, is_silent: bool) -> None:
    give_back_shares(actor, account=ties.person.id, organizations=ties.his, change_id=change_id, is_silent=is_silent)
    for tie in ties.gives_back:
        if tie.what == "role":
            remove_member(actor, member=tie.id, change_id=change_id, is_silent=is_silent)


def _end_waiting(actor: Principal, ties: Ties) -> None:
    """What was offered or asked, and not answered: it can be answered no more. Nobody is told by this."""
    at = clock.now()
    for invitation in list_open_invitations(ties.person, ties.managed):
        move(invitation, OfferState.REVOKED, at=at, ended_by=actor.id, ended_reason=REASON)
    for handover in list_open_handovers(actor.id, ties.person):
        # A plan that nobody was told of goes as an offer does.
        claimed = Handover.objects.filter(pk=handover.pk, state__in=OPEN)
        state = HandoverState.REVOKED if handover.giver_id == actor.id else HandoverState.REJECTED
        claimed.update(state=state, ended_at=at, ended_by=actor.id, ended_reason=REASON)
    end_requests_with(actor, account=ties.person.id, organizations=ties.managed)


def _end_trust(actor: Principal, ties: Ties, change_id: str, *, is_silent: bool) -> None:
    """Setting up, standing in, helping back in. What a service provider was granted is swept up after this."""
    at = clock.now()
    for engagement in list_engagements_of(ties.person, ties.managed):
        was = engagement.state
        ended = move(engagement, OfferState.REVOKED, at=at, ended_by=actor.id, ended_reason=REASON, change_id=change_id)
        if ended and was == OfferState.ACCEPTED and not is_silent:
            enqueue("mail.engagement_ended", {"engagement": engagement.pk})
    his = Wish.objects.filter(engagement__provider=ties.person.id, engagement__organization__in=ties.managed)
    take_back_wishes(actor, his)
    for deputy in list_deputizing(ties.person.id, ties.managed):
        if move(deputy, OfferState.REVOKED, at=at, ended_by=actor.id, ended_reason=REASON):
            enqueue("lost.helper", {"deputy": deputy.pk})
    claims = OwnershipClaim.objects.filter(claimant_id=ties.person.id, organization__in=ties.managed)
    for claim in claims.filter(state=OfferState.PENDING).order_by("pk"):
        move(claim, OfferState.REVOKED, at=at, ended_by=actor.id, ended_reason=REASON)


def _sweep(actor: Principal, ties: Ties, change_id: str, *, is_silent: bool) -> None:
    """Whatever else gave him something there: nothing is left that was not named."""
    kept = [tie.id for tie in ties.stays]
    for organization, grants in sorted(list_leftovers(ties.person.id, ties.managed, but=kept).items()):
        end_grants(
            actor,
            organization=organization,
            reason=REASON,
            action="person.rest_ended",
            thing=f"organization:{organization}",
            grants=grants,
            change_id=change_id,
            details={"account": ties.person.id},
            is_silent=is_silent,
        )


def _write(actor: Principal, ties: Ties, change_id: str, *, gives_back: bool, is_silent: bool) -> None:
    # In the installation's chain, about the actor: nobody else reads whom he moved away from.
    write_entry(
        actor=actor,
        action="person.moved_out",
        thing=f"account:{actor.id}",
        change_id=change_id,
        account=ties.person.id,
        person=ties.person.name,
        is_silent=is_silent,
        ended=[[tie.what, tie.where, list(tie.names)] for tie in ties.loses],
        given_back=[[tie.what, tie.where, list(tie.names)] for tie in ties.gives_back] if gives_back else [],
        stays=[[tie.what, tie.where, list(tie.names)] for tie in ties.stays],
        devices={device.id: device.revision for device in ties.devices},
    )
