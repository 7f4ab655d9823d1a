"""Still needed? What nobody used for sixty days, with one tap for each answer; and who left (B-10)."""

from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from belvedere.control.core import clock
from belvedere.control.core.errors import Invalid
from belvedere.control.core.principal import Principal
from belvedere.control.core.requests import principal_of
from belvedere.control.organizations.services import remove_member
from belvedere.control.sharing import services
from belvedere.control.sharing.selectors.reviewing import Leaver, Unused, find_unused, list_leavers, list_unused
from belvedere.control.web.context import here, person
from belvedere.control.web.errors import answers_refusals
from belvedere.control.web.role_words import role_name

#: a share that is left to end by itself does after so many more days without use
_LAPSE_DAYS: Final = 30
_AT_ONCE: Final = 50


@require_GET
@answers_refusals
def review(request: HttpRequest) -> HttpResponse:
    """What to look at in this quarter, and who left the organization that is chosen."""
    actor, chosen = principal_of(request), here(request)
    rows = list_unused(actor)
    leavers = list_leavers(actor, chosen.id) if chosen is not None and chosen.is_managed else []
    context = {
        "nav": "sharing",
        "rows": [_row(row) for row in rows[:_AT_ONCE]],
        "more": max(0, len(rows) - _AT_ONCE),
        "place": chosen,
        "leavers": [_leaver(row) for row in leavers],
    }
    return render(request, "web/review.html", context)


def _row(row: Unused) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "id": row.id,
        "name": row.name,
        "address": row.address,
        "place": row.organization,
        "what": ", ".join(map(role_name, row.names) if row.kind == "member" else row.names),
        "since": row.since,
        "was_used": row.was_used,
        "may_lapse": row.may_lapse,
    }


def _leaver(row: Leaver) -> dict[str, Any]:
    ended = [
        ngettext("one share", "%(count)d shares", row.shares) % {"count": row.shares} if row.shares else "",
        ngettext("one guest link", "%(count)d guest links", row.links) % {"count": row.links} if row.links else "",
    ]
    return {
        "person": person(row.person),
        "at": row.at,
        "role": role_name(row.role),
        "by": row.by,
        "ended": ", ".join(filter(None, ended)),
    }


def unused_words(count: int) -> str:
    """How much there is to answer for; "" for nothing."""
    words = ngettext("Nobody used one thing for sixty days", "Nobody used %(count)d things for sixty days", count)
    return words % {"count": count} if count else ""


def review_notices(actor: Principal) -> list[dict[str, Any]]:
    """For the inbox, as long as there is something to answer in this quarter."""
    rows = list_unused(actor)
    if not rows:
        return []
    return [
        {
            "icon": "people",
            "title": _("Still needed?"),
            "text": unused_words(len(rows)),
            "at": clock.now(),
            "url": reverse("review"),
        }
    ]


@require_POST
@answers_refusals
def review_answer(request: HttpRequest) -> HttpResponse:
    """One answer: it is kept until the next quarter, ends now, or is left to end by itself."""
    actor, answer = principal_of(request), request.POST.get("answer", "")
    row = find_unused(actor, request.POST.get("kind", ""), request.POST.get("id", ""))
    names = {"name": row.name}
    if answer == "keep":
        services.keep_unused(actor, kind=row.kind, thing=row.id)
        messages.success(request, _("Kept. You are asked again in the next quarter."))
    elif answer == "lapse" and row.may_lapse:
        services.set_lapse(actor, share=row.id, days=_LAPSE_DAYS)
        messages.success(request, _("If %(name)s does not use it, it ends. They are told in time.") % names)
    elif answer == "end" and row.kind == "share":
        services.end_share(actor, share=row.id)
        messages.success(request, _("Ended. %(name)s is told.") % names)
    elif answer == "end":
        remove_member(actor, member=row.id)
        messages.success(request, _("%(name)s is no longer a member.") % names)
    else:
        raise Invalid(_("Keep it, end it, or let it end by itself."), field="answer")
    return redirect("review")


@require_POST
@answers_refusals
def review_put_away(request: HttpRequest) -> HttpResponse:
    """Not now: the wall says it no more in this quarter."""
    services.put_review_away(principal_of(request))
    return redirect("wall")
