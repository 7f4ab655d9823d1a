"""Groups of cameras: which there are, what is in them, and which shares follow them."""

from collections.abc import Collection
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from belvedere.contracts.permissions import Permission
from belvedere.control.core.errors import NotFound, Refusal
from belvedere.control.core.principal import Principal
from belvedere.control.core.requests import principal_of
from belvedere.control.devices.selectors import CameraView, list_cameras
from belvedere.control.sharing import services
from belvedere.control.sharing.selectors import Follower, GroupView, get_group, list_followers, list_groups
from belvedere.control.streaming.selectors import list_cuts
from belvedere.control.web.cameras import rights_slots, tile
from belvedere.control.web.context import list_shareable_here, person
from belvedere.control.web.errors import answers_refusals
from belvedere.control.web.share_words import sees_words

#: names of cameras on a card, before “and 12 more”
SHOWN: Final = 6


def _card(row: GroupView) -> dict[str, Any]:
    cameras = [view.label for view in row.cameras]
    return {
        "id": row.id,
        "name": row.name,
        "cameras": cameras[:SHOWN],
        "count": len(cameras),
        "more": max(0, len(cameras) - SHOWN),
        "has_others": row.has_others,
        "followers": row.followers,
        "share_url": _share_url(row),
    }


def _share_url(row: GroupView) -> str:
    return f"{reverse('share')}?{urlencode([('camera', view.id) for view in row.cameras])}"


def _follower(row: Follower) -> dict[str, Any]:
    return {
        "share": row.share,
        "is_mine": row.is_mine,
        "recipient": row.recipient,
        "sharer": person(row.sharer),
        "is_pending": row.state == "pending",
        "sees": sees_words(row.permissions, row.footage),
        "rights": rights_slots(row.permissions),
        "missing": row.missing,
    }


def _shareable(actor: Principal, organization: str) -> list[CameraView]:
    return [view for view in list_cameras(actor) if view.organization == organization and view.may(Permission.SHARE)]


@require_GET
@answers_refusals
def groups(request: HttpRequest) -> HttpResponse:
    """The groups of the chosen organization."""
    organization = list_shareable_here(request)[0].organization or ""
    rows = list_groups(principal_of(request), organization)
    context = {"nav": "sharing", "groups": [_card(row) for row in rows]}
    return render(request, "web/groups.html", context)


@require_http_methods(["GET", "POST"])
@answers_refusals
def group_new(request: HttpRequest) -> HttpResponse:
    """Put cameras together under a name."""
    actor, cameras = principal_of(request), list_shareable_here(request)
    organization = cameras[0].organization or ""
    if request.method == "GET":
        return _form(request, cameras, chosen=request.GET.getlist("camera"))
    name, chosen = request.POST.get("name", ""), request.POST.getlist("camera")
    try:
        made = services.make_group(actor, organization=organization, name=name, cameras=set(chosen))
    except NotFound:
        raise
    except Refusal as refusal:
        return _form(request, cameras, name=name, chosen=chosen, error=refusal.message, status=refusal.status)
    messages.success(request, _("Made. It is one tap in the share form from now on."))
    return redirect("group", made)


@require_http_methods(["GET", "POST"])
@answers_refusals
def group(request: HttpRequest, group_id: str) -> HttpResponse:
    """One group: its name, its cameras, and the shares that follow it. What leaves it may lead to the receipt.

    The form says what was ticked when the page was read: of two who change it at once both have their way.
    """
    actor = principal_of(request)
    row = get_group(actor, group_id)
    cameras = _shareable(actor, row.organization)
    if request.method == "GET":
        return _form(request, cameras, row=row, name=row.name, chosen=[view.id for view in row.cameras])
    name, chosen = request.POST.get("name", ""), request.POST.getlist("camera")
    was = set(request.POST.getlist("was"))
    gone = (was - set(chosen)) & {view.id for view in row.cameras}
    try:
        change_id = services.change_group(actor, group=group_id, name=name, add=set(chosen) - was, remove=gone)
    except NotFound:
        raise
    except Refusal as refusal:
        return _form(request, cameras, row=row, name=name, chosen=chosen, error=refusal.message, status=refusal.status)
    if list_cuts(change_id):
        return redirect("receipt", change_id)
    messages.success(request, _("Saved."))
    return redirect("group", group_id) if chosen else redirect("groups")


@require_http_methods(["GET", "POST"])
@answers_refusals
def group_remove(request: HttpRequest, group_id: str) -> HttpResponse:
    """Asks what becomes of what came by it; POST gives the group up."""
    actor = principal_of(request)
    row = get_group(actor, group_id)
    error, status = "", 200
    if request.method == "POST":
        try:
            change_id = services.remove_group(actor, group=group_id, ends_items=request.POST.get("shares") == "end")
        except NotFound:
            raise
        except Refusal as refusal:
            error, status = refusal.message, refusal.status
        else:
            if list_cuts(change_id):
                return redirect("receipt", change_id)
            messages.success(request, _("The group is gone. Its cameras are as they were."))
            return redirect("groups")
    context = {
        "nav": "sharing",
        "group": _card(row),
        "followers": [_follower(follower) for follower in list_followers(actor, group_id)],
        "error": error,
    }
    return render(request, "web/group_remove.html", context, status=status)


@require_POST
@answers_refusals
def group_unfollow(request: HttpRequest, group_id: str, share_id: str) -> HttpResponse:
    """A share no longer gets what is added."""
    services.unfollow_group(principal_of(request), group=group_id, share=share_id)
    messages.success(request, _("What is added from now on does not come to that share. What it gives stays."))
    return redirect("group", group_id)


def _form(
    request: HttpRequest,
    cameras: list[CameraView],
    *,
    row: GroupView | None = None,
    name: str = "",
    chosen: Collection[str] = (),
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {
        "nav": "sharing",
        "group": _card(row) if row else None,
        "was": [view.id for view in row.cameras] if row else [],
        "name": name,
        "cameras": [tile(view, None) | {"chosen": view.id in chosen} for view in cameras],
        "followers": [_follower(found) for found in list_followers(principal_of(request), row.id)] if row else [],
        "most": services.MAX_CAMERAS,
        "error": error,
    }
    return render(request, "web/group.html", context, status=status)
