"""The mail's way into an organization: the page of its link, the answer, and what is said when it is over.

The secret in the address is the proof, so nobody needs to be signed in; it acts for the invited account alone (VV 13).
GET shows and changes nothing (N10).
"""

from contextlib import suppress
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from belvedere.control.accounts.selectors import find_verified
from belvedere.control.core.errors import InvitationExpired, NotFound, WrongAccount
from belvedere.control.core.principal import Principal
from belvedere.control.core.requests import client_address, principal_of
from belvedere.control.organizations.selectors import (
    ReceivedInvitation,
    find_invitation_by_token,
    get_organization,
    get_received_invitation,
)
from belvedere.control.organizations.services import accept_invitation_by_token, decline_invitation_by_token
from belvedere.control.web.context import enter
from belvedere.control.web.errors import answers_refusals
from belvedere.control.web.invited import invitation_card, remember_invitation

#: session key: the invitation that this browser accepted a moment ago
_JOINED: Final = "joined"
#: what is over answers so; what leads nowhere is 404, as everything that is not there
_GONE: Final = 410


@require_safe
@answers_refusals
def invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """Who invites, to what, as what, until when; and what became of it, once it is over."""
    row = find_invitation_by_token(secret)
    if row is None:
        return _page(request, "nowhere", status=404)
    is_invited = request.user.is_authenticated and _is_for(principal_of(request), row)
    if request.user.is_authenticated and not is_invited:
        # Nothing of the organization, not its name either (VV 17).
        return _page(request, "wrong", status=403, secret=secret)
    if row.state == "accepted" and (is_invited or request.session.get(_JOINED) == row.id):
        return _page(request, "joined", card=invitation_card(row))
    if row.state == "pending":
        remember_invitation(request, row.id)
        has_account = is_invited or find_verified(row.address) is not None
        return _page(
            request,
            "pending",
            card=invitation_card(row),
            secret=secret,
            address=row.address,
            has_account=has_account,
            is_mail="@" in row.address,
        )
    is_answered = row.state in {"accepted", "declined"}
    return _page(request, row.state, status=200 if is_answered else _GONE, card=invitation_card(row))


def _is_for(actor: Principal, row: ReceivedInvitation) -> bool:
    try:
        get_received_invitation(actor, row.id)
    except NotFound:
        return False
    return True


def _page(request: HttpRequest, kind: str, *, status: int = 200, **more: Any) -> HttpResponse:
    return render(request, "web/invitation.html", {"kind": kind, **more}, status=status)


def _answerer(request: HttpRequest) -> Principal:
    """Whoever is signed in; else nobody, from wherever he comes."""
    if request.user.is_authenticated:
        return principal_of(request)
    return Principal(id="", name="", address=client_address(request))


@require_POST
@answers_refusals
def invitation_accept(request: HttpRequest, secret: str) -> HttpResponse:
    """Join as the invited account. Signs nobody in; who is signed in already is in the organization from now on."""
    actor = _answerer(request)
    try:
        organization = accept_invitation_by_token(actor, token=secret)
    except (InvitationExpired, WrongAccount):
        return redirect("invitation", secret)
    row = find_invitation_by_token(secret)
    request.session[_JOINED] = row.id if row else ""
    if actor.id:
        enter(request, get_organization(actor, organization))
    return redirect("invitation", secret)


@require_POST
@answers_refusals
def invitation_decline(request: HttpRequest, secret: str) -> HttpResponse:
    """Say no; the inviter is told (VV 18)."""
    with suppress(WrongAccount):  # the page says so
        decline_invitation_by_token(_answerer(request), token=secret)
    return redirect("invitation", secret)
