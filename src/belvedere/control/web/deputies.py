"""Who stands in for the owner: naming and agreeing, claiming, objecting. For those who watch over the organization."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from belvedere.control.access.roles import Role
from belvedere.control.accounts.recovery import list_recovery_contacts
from belvedere.control.core.errors import Invalid
from belvedere.control.core.principal import Principal
from belvedere.control.core.requests import principal_of
from belvedere.control.organizations import services
from belvedere.control.organizations.selectors import (
    OrganizationView,
    OwnershipClaimView,
    get_deputizing,
    list_ownership_claims,
)
from belvedere.control.web.errors import answers_refusals


@require_GET
@answers_refusals
def deputy(request: HttpRequest, organization_id: str) -> HttpResponse:
    """The deputy, and the claim if there is one."""
    actor = principal_of(request)
    view = get_deputizing(actor, organization_id)
    context = {
        "nav": "admin",
        "deputizing": view,
        # Who is asked already is not asked by being named again.
        "others": [one for one in view.candidates if not (view.deputy and view.deputy.account.id == one.id)],
        "has_contact": any(contact.is_confirmed for contact in list_recovery_contacts(actor)),
    }
    return render(request, "web/organization_deputy.html", context)


@require_POST
@answers_refusals
def deputy_name(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Ask somebody to be it."""
    try:
        services.name_deputy(
            principal_of(request), organization=organization_id, account=request.POST.get("account", "")
        )
    except Invalid as invalid:
        messages.error(request, invalid.message)
    else:
        messages.success(request, _("They are asked. They count once they agree."))
    return redirect("organization-deputy", organization_id)


@require_POST
@answers_refusals
def deputy_agree(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Say yes."""
    services.agree_to_deputize(principal_of(request), organization=organization_id)
    messages.success(request, _("You are the deputy owner. Nothing else has changed."))
    return redirect("organization-deputy", organization_id)


@require_POST
@answers_refusals
def deputy_end(request: HttpRequest, organization_id: str) -> HttpResponse:
    """No deputy any more."""
    services.end_deputy(principal_of(request), organization=organization_id)
    messages.success(request, _("There is no deputy owner any more."))
    return redirect("organization-deputy", organization_id)


@require_POST
@answers_refusals
def deputy_claim(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Say that the owner does not come back."""
    services.claim_ownership(principal_of(request), organization=organization_id)
    messages.success(request, _("Everybody is told. Nothing changes for fourteen days."))
    return redirect("organization-deputy", organization_id)


@require_POST
@answers_refusals
def deputy_object(request: HttpRequest, organization_id: str) -> HttpResponse:
    """End the claim: an objection, or one's own taken back."""
    services.end_ownership_claim(principal_of(request), organization=organization_id)
    messages.success(request, _("The claim is over. The owner is the same."))
    return redirect("organization-deputy", organization_id)


def list_claims_to_know(actor: Principal, organizations: list[OrganizationView]) -> list[OwnershipClaimView]:
    """Claims that every page tells of, for who watches over what is claimed."""
    watched = (row for row in organizations if row.is_owned or row.role == Role.SUPER_ADMIN)
    return list_ownership_claims(actor, [row.id for row in watched if row.is_claimed])
