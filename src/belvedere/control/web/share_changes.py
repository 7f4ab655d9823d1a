"""Changing when a share holds and how far back it reaches, after it was given."""

from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from belvedere.contracts.permissions import Permission
from belvedere.control.core.errors import Conflict, Forbidden, Invalid, NotFound, Refusal
from belvedere.control.core.principal import Principal
from belvedere.control.core.requests import principal_of
from belvedere.control.devices.selectors import get_camera
from belvedere.control.sharing import services
from belvedere.control.sharing.selectors import GivenShare, get_given
from belvedere.control.sharing.terms import TermsPatch
from belvedere.control.streaming.selectors import list_cuts
from belvedere.control.web.access import ending_lines
from belvedere.control.web.errors import answers_refusals
from belvedere.control.web.recording_words import hours_lines
from belvedere.control.web.share_form import FOOTAGES, STAMP, TermsForm, zone_of
from belvedere.control.web.sharing import given_card


@require_http_methods(["GET", "POST"])
@answers_refusals
def share_terms(request: HttpRequest, share_id: str) -> HttpResponse:
    """The terms of a share one gave; less acts at once, and leads to the receipt."""
    actor = principal_of(request)
    row = get_given(actor, share_id)
    if row.state not in {"pending", "accepted"}:
        raise NotFound
    zone = _zone(actor, row)
    if request.method == "GET":
        return _page(request, row, TermsForm(_fields(row, zone), zone=zone), version=str(row.version))
    form, version = TermsForm(request.POST, zone=zone), request.POST.get("version", "")
    if not form.is_valid() or not version.isdecimal():
        return _page(request, row, form, version=version, status=422)
    terms: TermsPatch = {**form.when}  # type: ignore[typeddict-item]  # its three keys, as the form has cleaned them
    if form.cleaned_data["footage"] and _has_past(row):
        terms["footage"] = form.reach
    try:
        change_id = services.change_share(actor, share=share_id, terms=terms, version=int(version[:9]))
    except NotFound:
        raise
    except Conflict as conflict:
        # As it is now, to be looked at again: what was typed was about something else.
        row = get_given(actor, share_id)
        fresh = TermsForm(_fields(row, zone), zone=zone)
        return _page(request, row, fresh, version=str(row.version), error=conflict.message, status=conflict.status)
    except Refusal as refusal:
        return _page(request, row, form, version=version, error=refusal.message, status=refusal.status)
    if list_cuts(change_id):
        return redirect("receipt", change_id)
    messages.success(request, _("Changed. It holds from now on."))
    return redirect("sharing")


def _zone(actor: Principal, row: GivenShare) -> str:
    """The zone its hours are in, or that of its first camera's site."""
    if row.hours:
        return str(row.hours["zone"])
    for item in row.items:
        if item.kind == "camera":
            try:
                return zone_of(actor, get_camera(actor, item.resource))
            except (NotFound, Forbidden, Invalid):
                continue
    return "UTC"


def _has_past(row: GivenShare) -> bool:
    return any(Permission.PLAYBACK in item.permissions for item in row.items)


def _fields(row: GivenShare, zone: str) -> dict[str, Any]:
    """The form as the share is. A footage that no button says, or that differs, is none: it stays."""
    windows = {item.footage for item in row.items if Permission.PLAYBACK in item.permissions}
    found = [key for key, footage in FOOTAGES.items() if {footage} == windows]
    starts, ends = (at.astimezone(ZoneInfo(zone)).strftime(STAMP) if at else "" for at in (row.starts_at, row.ends_at))
    return {
        "time": "between" if starts else "until" if ends else "always",
        "starts": starts,
        "ends": ends,
        "footage": found[0] if found else "",
        **hours_lines(row.hours),
    }


def _page(
    request: HttpRequest, row: GivenShare, form: TermsForm, *, version: str, error: str = "", status: int = 200
) -> HttpResponse:
    context = {
        "nav": "sharing",
        "share": given_card(row),
        "terms": form,
        "days": form.days,
        "version": version,
        "error": error,
        "has_past": _has_past(row),
        "is_kept": True,
        "consequence": ending_lines(request, [row.id]),
    }
    return render(request, "web/share_terms.html", context, status=status)
