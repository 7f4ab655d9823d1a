"""One share that one gave: its page, and what can be done with it after it was given."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from belvedere.contracts.permissions import Permission
from belvedere.control.core.errors import Conflict, Forbidden, Invalid, NotFound, Refusal
from belvedere.control.core.principal import Principal
from belvedere.control.core.requests import principal_of
from belvedere.control.devices.selectors import get_camera
from belvedere.control.sharing import services
from belvedere.control.sharing.selectors import GivenShare, get_given
from belvedere.control.sharing.terms import TermsPatch
from belvedere.control.sharing.words import term_words
from belvedere.control.streaming.selectors import list_cuts
from belvedere.control.web.access import ending_lines
from belvedere.control.web.errors import answers_refusals
from belvedere.control.web.recording_words import hours_lines
from belvedere.control.web.share_form import FOOTAGES, STAMP, TermsForm, zone_of
from belvedere.control.web.sharing import given_card


@require_GET
@answers_refusals
def share_page(request: HttpRequest, share_id: str) -> HttpResponse:
    """A share: how it stands, until when, when it was used. What is done with it is done by the forms on it."""
    row = get_given(principal_of(request), share_id)
    later = row.ends_at + row.term if row.ends_at and row.term and row.state == "accepted" else None
    context = {
        "nav": "sharing",
        "share": given_card(row),
        "row": row,
        "is_open": row.state in {"pending", "accepted"},
        "has_camera": any(item.kind == "camera" for item in row.items),
        "consequence": ending_lines(request, [row.id]),
        "lapses": [(days, _("After %(count)d days") % {"count": days}) for days in services.LAPSES],
        # A tap gives once more what was given; of two taps the second finds another end.
        "prolong": {"term": term_words(row.term), "until": later, "end": row.ends_at.isoformat()}
        if later and row.term and row.ends_at
        else None,
    }
    return render(request, "web/share_page.html", context)


def _act(request: HttpRequest, share: str, act: Callable[[Principal], str | None], done: str) -> HttpResponse:
    """Do one thing, and back to the share's page with what came of it; to the receipt, where something was cut."""
    actor = principal_of(request)
    try:
        change_id = act(actor)
    except NotFound:
        raise
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return redirect("share-page", share)
    if change_id and list_cuts(change_id):
        return redirect("receipt", change_id)
    messages.success(request, done)
    return redirect("share-page", share)


@require_POST
@answers_refusals
def share_pause(request: HttpRequest, share_id: str) -> HttpResponse:
    """Let it rest: what runs on it ends at once, and leads to the receipt."""
    done = _("Paused. They see nothing of it until you let it go on.")
    return _act(request, share_id, lambda actor: services.pause_share(actor, share=share_id), done)


@require_POST
@answers_refusals
def share_resume(request: HttpRequest, share_id: str) -> HttpResponse:
    """Let it go on."""
    done = _("It goes on: they can see it again.")
    return _act(request, share_id, lambda actor: services.resume_share(actor, share=share_id), done)


@require_POST
@answers_refusals
def share_remind(request: HttpRequest, share_id: str) -> HttpResponse:
    """Remind whoever has not answered; once."""
    done = _("Reminded. That was the one reminder there is.")
    return _act(request, share_id, lambda actor: services.remind_recipient(actor, share=share_id), done)


@require_POST
@answers_refusals
def share_prolong(request: HttpRequest, share_id: str) -> HttpResponse:
    """Give it once more for as long as it was given for."""
    end, done = _read_instant(request.POST.get("end", "")), _("Given for longer. They are told.")
    return _act(request, share_id, lambda actor: services.prolong_share(actor, share=share_id, ends_at=end), done)


def _read_instant(text: str) -> datetime:
    """The end as the page wrote it. What is none is an end that no share has."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = datetime.min.replace(tzinfo=UTC)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


@require_POST
@answers_refusals
def share_lapse(request: HttpRequest, share_id: str) -> HttpResponse:
    """Whether it ends by itself if nobody uses it."""
    text = request.POST.get("days", "")
    days = int(text) if text.isdecimal() and len(text) < 4 else None
    done = _("Saved. You are both told a week before it ends.") if days else _("Saved. It does not end by itself.")
    return _act(request, share_id, lambda actor: services.set_lapse(actor, share=share_id, days=days), done)


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
    return redirect(_back(request))


def _back(request: HttpRequest) -> str:
    """Where one came from, if that is the matrix, filters and all."""
    back, table = request.POST.get("back", request.GET.get("back", "")), reverse("sharing-matrix")
    return back if back == table or back.startswith(f"{table}?") else reverse("sharing")


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
        "back": _back(request),
        "consequence": ending_lines(request, [row.id]),
    }
    return render(request, "web/share_terms.html", context, status=status)
