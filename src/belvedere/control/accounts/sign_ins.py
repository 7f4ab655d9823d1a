"""Reading what is known of where an account signs in: its own holder's alone, and never as a place (threats §5)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from django.db.models import Q

from belvedere.control.accounts.models import Account, SignInPlace
from belvedere.control.core import clock
from belvedere.control.core.errors import NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.principal import Principal

#: how long an alert goes to the address that was there before: who changes it is not alone with what follows
FORMER_FOR: Final = timedelta(days=30)
#: how long it is asked whether a sign-in was one's own
ASKED_FOR: Final = timedelta(days=30)


class Way(StrEnum):
    """How somebody proved who he is."""

    PASSWORD = "password"  # noqa: S105  a name
    CODE = "code"
    RECOVERY_CODE = "recovery_code"
    PASSKEY = "passkey"


@dataclass(frozen=True, slots=True)
class NewPlace:
    """A sign-in from a place that was new then. `browser` as “Firefox, Linux”; "" for a program."""

    id: str
    at: datetime
    way: Way
    browser: str
    is_this: bool
    is_confirmed: bool


def find_alert_address(account: str) -> str:
    """Where alerts about an account go: to its address, or to the one before if that changed within thirty days."""
    email, former, changed_at = Account.objects.values_list("email", "former_email", "email_changed_at").get(pk=account)
    is_recent = changed_at is not None and clock.now() - changed_at < FORMER_FOR
    return former if former and is_recent else email


def get_new_place(actor: Principal, place: str) -> NewPlace:
    """One of one's own sign-ins that one was told of. Raises NotFound."""
    row = SignInPlace.objects.filter(pk=place, account_id=actor.id, is_told=True).first() if is_id(place) else None
    if row is None:
        raise NotFound
    return _view(actor, row)


def list_new_places(actor: Principal) -> list[NewPlace]:
    """Those that one has not said anything about yet, the latest first."""
    rows = SignInPlace.objects.filter(_is_unanswered(), account_id=actor.id)
    return [_view(actor, row) for row in rows.order_by("-first_at")]


def list_unanswered(places: Collection[str]) -> set[str]:
    """Those of these places that nobody has said anything about yet. The caller acts for the server. One query."""
    return set(SignInPlace.objects.filter(_is_unanswered(), pk__in=places).values_list("pk", flat=True))


def _is_unanswered() -> Q:
    return Q(is_told=True, confirmed_at=None, first_at__gt=clock.now() - ASKED_FOR)


def _view(actor: Principal, row: SignInPlace) -> NewPlace:
    return NewPlace(
        row.pk,
        row.first_at,
        Way(row.way),
        row.browser,
        actor.credential == f"session:{row.session}",
        row.confirmed_at is not None,
    )
