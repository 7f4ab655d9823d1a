"""What others share with one: the list, quiet about one of them, nothing more from one of the sharers."""

from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from belvedere.control.core.requests import principal_of
from belvedere.control.sharing import services
from belvedere.control.sharing.selectors import ReceivedShare, get_received, list_blocked_sharers, list_received
from belvedere.control.web.context import person
from belvedere.control.web.errors import answers_refusals
from belvedere.control.web.share_words import terms_line
from belvedere.control.web.sharing import item_card

PAGE: Final = 30


@require_GET
@answers_refusals
def shared_with_me(request: HttpRequest) -> HttpResponse:
    """Everything that others share with one now, the latest first, a page at a time."""
    actor = principal_of(request)
    rows = list_received(actor, states=["accepted"], before=request.GET.get("before", "")[:26], limit=PAGE + 1)
    more = urlencode({"before": rows[PAGE - 1].id}) if len(rows) > PAGE else ""
    context = {
        "nav": "inbox",
        "shares": [_card(row) for row in rows[:PAGE]],
        "more": more,
        "blocked": list_blocked_sharers(actor),
    }
    return render(request, "web/shared_with_me.html", context)


def _card(row: ReceivedShare) -> dict[str, Any]:
    return {
        "id": row.id,
        "sharer": person(row.sharer),
        "items": [item_card(item, is_offered=False) for item in row.items],
        "since": row.decided_at,
        "paused_at": row.paused_at,
        "is_muted": row.is_muted,
        "terms": terms_line(row),
    }


@require_POST
@answers_refusals
def share_mute(request: HttpRequest, share_id: str) -> HttpResponse:
    """No messages about a share, or messages again."""
    is_muted = request.POST.get("muted") == "1"
    services.mute_share(principal_of(request), share=share_id, is_muted=is_muted)
    messages.success(
        request,
        _("Quiet. You are still told when it ends.") if is_muted else _("You get messages about it again."),
    )
    return redirect("shared-with-me")


@require_POST
@answers_refusals
def sharer_block(request: HttpRequest, share_id: str) -> HttpResponse:
    """Hear no more of whoever made this offer, or gave this share."""
    actor = principal_of(request)
    sharer = get_received(actor, share_id).sharer
    services.block_sharer(actor, share=share_id)
    messages.success(
        request, _("No offer of %(name)s reaches you any more. They are not told.") % {"name": sharer.name}
    )
    return redirect("account-blocked")


@require_GET
@answers_refusals
def blocked(request: HttpRequest) -> HttpResponse:
    """Whose offers one does not get."""
    rows = list_blocked_sharers(principal_of(request))
    context = {
        "nav": "account",
        "blocked": [{"person": person(row.sharer), "since": row.blocked_at} for row in rows],
    }
    return render(request, "web/account_blocked.html", context)


@require_POST
@answers_refusals
def sharer_unblock(request: HttpRequest, sharer_id: str) -> HttpResponse:
    """Let his offers in again."""
    services.unblock_sharer(principal_of(request), sharer=sharer_id)
    messages.success(request, _("Offers of theirs reach you again."))
    return redirect("account-blocked")
