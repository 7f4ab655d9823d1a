"""Freezing an organization: what it means, who began it, and how it ends. Every member may look."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from belvedere.control.access.selectors import grants_of
from belvedere.control.core.principal import Principal
from belvedere.control.core.requests import principal_of
from belvedere.control.devices.selectors import list_paths
from belvedere.control.organizations import services
from belvedere.control.organizations.selectors import OrganizationView, get_freezing
from belvedere.control.streaming.selectors import list_cuts
from belvedere.control.web.errors import answers_refusals


@require_GET
@answers_refusals
def freezing(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Whether it is frozen, until when, by whom; and the one button there is."""
    view = get_freezing(principal_of(request), organization_id)
    # Who was cut is for those who could have done it, and for nobody else.
    cuts = list_cuts(view.freeze.change_id) if view.freeze and view.may_act else []
    return render(request, "web/organization_freeze.html", {"nav": "admin", "freezing": view, "cuts": cuts})


@require_POST
@answers_refusals
def freeze(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Freeze it."""
    services.freeze_organization(principal_of(request), organization=organization_id)
    messages.success(request, _("Frozen. Recording goes on, and nobody watches."))
    return redirect("organization-freezing", organization_id)


@require_POST
@answers_refusals
def thaw(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Agree that it ends."""
    if services.thaw_organization(principal_of(request), organization=organization_id):
        messages.success(request, _("It is not frozen any more. Rights are what they were."))
    else:
        messages.info(request, _("You agree. It ends once the other side agrees, too."))
    return redirect("organization-freezing", organization_id)


def list_freezes(actor: Principal, organizations: list[OrganizationView]) -> list[dict[str, Any]]:
    """What every page says while something the actor may otherwise see is frozen: `{"id", "name", "until"}`.

    Of an organization one does not belong to, a recipient learns the end, and no name.
    """
    grants = grants_of(actor)
    frozen = grants.frozen
    if not frozen:
        return []
    mine = {row.id: row.name for row in organizations}
    shared = {path.organization for path in list_paths(grants.resources).values()}
    return [
        {"id": pk if pk in mine else "", "name": mine.get(pk, ""), "until": until}
        for pk, until in sorted(frozen.items())
        if pk in mine or pk in shared
    ]
