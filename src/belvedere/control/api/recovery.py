"""Letting an account's holder in again: a recovery contact begins and ends it, by the secret of his message (ADR 0032).

Who has the secret is a contact: nobody is signed in by it, nor has to be. The holder himself is signed in.
"""

from datetime import datetime
from typing import Self

from django.http import HttpRequest
from ninja import Router
from pydantic import Field

from belvedere.control.accounts import services
from belvedere.control.accounts.recovery import AskedContact, RecoveryView, find_asked_contact, find_recovery
from belvedere.control.api.auth import actor_of
from belvedere.control.api.schemas import In, Out, problems
from belvedere.control.core.errors import NotFound
from belvedere.control.core.principal import Principal, nobody
from belvedere.control.core.requests import client_address

router = Router(tags=["account"])


class ContactSecretIn(In):
    """What the last message to a recovery contact ends in."""

    token: str = Field(max_length=64)


class RecoveryOut(Out):
    """A recovery that waits: at `due_at` password and factors end, and a link goes to the account's own mailbox."""

    by: str = Field(description="the contact who began it, as the account's holder named him")
    begun_at: datetime
    due_at: datetime

    @classmethod
    def of(cls, view: RecoveryView | None) -> Self | None:
        """From what selectors return; None where none waits."""
        return cls(by=view.by, begun_at=view.begun_at, due_at=view.due_at) if view else None


class MyRecoveryOut(Out):
    """What waits for one's own account. One's being there ends it; so does one's word."""

    recovery: RecoveryOut | None


class ContactOut(Out):
    """Whose recovery contact the secret belongs to, and what waits. He says yes or no on the page of his message."""

    account_name: str
    name: str = Field(description="of the contact, as the account's holder named him")
    address: str = Field(description="of the contact")
    confirmed: bool
    recovery: RecoveryOut | None
    mine: bool = Field(description="he began it himself, and takes it back; else he objects")

    @classmethod
    def of(cls, view: AskedContact) -> Self:
        """From what selectors return."""
        return cls(
            account_name=view.account_name,
            name=view.name,
            address=view.address,
            confirmed=view.is_confirmed,
            recovery=RecoveryOut.of(view.recovery),
            mine=view.recovery is not None and view.recovery.contact == view.id,
        )


def _contact(token: str) -> ContactOut:
    view = find_asked_contact(token)
    if view is None:
        raise NotFound
    return ContactOut.of(view)


def _contact_itself(request: HttpRequest) -> Principal:
    """As on the page: the secret acts, whoever is signed in in the same browser."""
    return nobody(client_address(request))


@router.get("/me/recovery", response={200: MyRecoveryOut, **problems(401, 403)})
def recovery(request: HttpRequest) -> MyRecoveryOut:
    """Whether a recovery contact says that one cannot get in any more."""
    return MyRecoveryOut(recovery=RecoveryOut.of(find_recovery(actor_of(request).id)))


@router.delete("/me/recovery", response={200: MyRecoveryOut, **problems(401, 403)})
def refuse_recovery(request: HttpRequest) -> MyRecoveryOut:
    """Say that one is there: it is over. A second time is harmless."""
    actor = actor_of(request)
    services.refuse_recovery(actor)
    return MyRecoveryOut(recovery=RecoveryOut.of(find_recovery(actor.id)))


@router.post(
    "/recoveries/by-token",
    response={200: ContactOut, **problems(401, 403, 404, 422)},
    openapi_extra={"security": [{}]},
)
def recovery_by_token(request: HttpRequest, body: ContactSecretIn) -> ContactOut:
    """Look: whose contact the secret belongs to, and whether a recovery waits. Changes nothing."""
    del request  # the secret says all
    return _contact(body.token)


@router.post(
    "/recoveries/by-token/begin",
    response={200: ContactOut, **problems(401, 403, 404, 409, 422)},
    openapi_extra={"security": [{}]},
)
def begin_recovery(request: HttpRequest, body: ContactSecretIn) -> ContactOut:
    """Say that the holder lost every way in. Everybody is told, and in seven days his mailbox alone lets him in.

    A second time is harmless. 409: the holder was there, or somebody objected, or the address changed, of late.
    """
    services.begin_recovery(_contact_itself(request), token=body.token)
    return _contact(body.token)


@router.post(
    "/recoveries/by-token/stop",
    response={200: ContactOut, **problems(401, 403, 404, 422)},
    openapi_extra={"security": [{}]},
)
def stop_recovery(request: HttpRequest, body: ContactSecretIn) -> ContactOut:
    """Object to it, or take one's own back. A second time is harmless."""
    services.stop_recovery(_contact_itself(request), token=body.token)
    return _contact(body.token)
