"""The shares between two people: what each has of the other. The caller has decided who may ask."""

from collections.abc import Collection

from django.db.models import Q, QuerySet

from belvedere.control.accounts.selectors import get_persons
from belvedere.control.core import clock
from belvedere.control.core.offers import OPEN_STATES, OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.sharing.models import Share, in_states


def shares_that_end(actor: Principal, account: str, organizations: Collection[str]) -> QuerySet[Share]:
    """What an account has, or was offered at its main address, of the actor and in organizations that he manages whole.

    Not what waits at its other addresses: that they are its own, nobody is told (N1).
    """
    person = get_persons([account]).get(account)
    his = Q(accepted_by=account)
    if person and person.email:
        his |= Q(state=OfferState.PENDING, recipient__email=person.email)
    rows = Share.objects.filter(in_states(OPEN_STATES, clock.now()), his).exclude(sharer_id=account)
    return rows.filter(Q(sharer_id=actor.id) | Q(organization__in=organizations))


def shares_given_back(actor: Principal, account: str, organizations: Collection[str]) -> QuerySet[Share]:
    """What the actor has of an account, or in organizations that belong to it."""
    rows = Share.objects.filter(in_states([OfferState.ACCEPTED], clock.now()), accepted_by=actor.id)
    return rows.filter(Q(sharer_id=account) | Q(organization__in=organizations))


def list_counterparts(actor: Principal, organizations: Collection[str]) -> set[str]:
    """Accounts that have something of the actor or in these organizations, or of whom he has something. Two queries."""
    rows = Share.objects.filter(in_states([OfferState.ACCEPTED], clock.now()))
    given = rows.filter(Q(sharer_id=actor.id) | Q(organization__in=organizations))
    received = rows.filter(accepted_by=actor.id)
    found = {*given.values_list("accepted_by", flat=True), *received.values_list("sharer_id", flat=True)}
    return found - {actor.id, ""}
