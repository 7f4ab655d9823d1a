"""Guides: the tasks people come with, each a short page that ends at the button which starts it.

A guide is a template of its own under `web/guides/`, and a line here. Who may not do a thing has no guide to it (VA 4).
Links that lead to a button name it as `data-shows`; a test follows each and looks for it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from belvedere.contracts.permissions import Permission
from belvedere.control.core.requests import principal_of
from belvedere.control.web.context import (
    has_things_to_share,
    here,
    is_administered,
    list_cameras_here,
    list_sites_to_equip,
)

#: cameras that a guide offers to start with; all others are a tap away
_FIRST: Final = 6


class For(StrEnum):
    """Who can do what a guide leads through."""

    ALL = "all"
    SHARES = "shares"
    ADMIN = "admin"
    OWNER = "owner"


@dataclass(frozen=True, slots=True)
class Guide:
    """A line of the list. `minutes`: what it takes somebody who reads along."""

    slug: str
    title: Promise
    summary: Promise
    icon: str
    minutes: int
    whose: For = For.SHARES


GUIDES: Final = (
    Guide(
        "share-a-camera",
        _("Share a camera"),
        _("Family, staff or a neighbour sees it too. You keep the keys."),
        "share",
        1,
    ),
    Guide(
        "share-a-device",
        _("Share a single device, right by right"),
        _("Choose cameras of a recorder, or a security panel, and what each person may do with it."),
        "recorder",
        3,
    ),
    Guide(
        "hand-a-user-over",
        _("Bring in a second user properly"),
        _("Their own account, only what they need, tested, and it is written down who is told."),
        "people",
        10,
    ),
    Guide(
        "invite-a-manager",
        _("Invite a manager"),
        _("Somebody who manages sites with you: a role, the sites, seven days to accept."),
        "admin",
        3,
        For.ADMIN,
    ),
    Guide(
        "hand-over-an-installation",
        _("Hand an installation over"),
        _("From whoever set it up to whoever will own it, with nobody left holding a key."),
        "key",
        15,
        For.OWNER,
    ),
    Guide(
        "when-somebody-leaves",
        _("When somebody leaves"),
        _("An employee, a flatmate, a partner: everything ends in one step, with a receipt."),
        "arrow",
        3,
        For.ALL,
    ),
    Guide(
        "already-bound",
        _("“This device already has an owner”"),
        _("Why it says so, and the three ways on."),
        "lock",
        2,
        For.ALL,
    ),
    Guide(
        "shared-with-you",
        _("Something was shared with you"),
        _("Accept it, give it your own name, choose when it may disturb you, leave it."),
        "inbox",
        1,
        For.ALL,
    ),
)


def _roles(request: HttpRequest) -> set[For]:
    """What the reader can do where he is now."""
    chosen = here(request)
    shares = chosen is not None and has_things_to_share(principal_of(request), chosen.id)
    answers = {
        For.ALL: True,
        For.SHARES: shares,
        For.ADMIN: chosen is not None and is_administered(chosen, is_equipped=shares),
        For.OWNER: chosen is not None and chosen.is_owned and shares,
    }
    return {role for role, is_so in answers.items() if is_so}


@require_GET
def guides(request: HttpRequest) -> HttpResponse:
    """Every guide for what the reader can do."""
    roles = _roles(request)
    return render(request, "web/guides.html", {"guides": [row for row in GUIDES if row.whose in roles]})


@require_GET
def guide(request: HttpRequest, slug: str) -> HttpResponse:
    """One of them. Raises Http404 for one that is not there, or leads where the reader may not go."""
    roles = _roles(request)
    found = next((row for row in GUIDES if row.slug == slug and row.whose in roles), None)
    if found is None:
        raise Http404
    mine = [view for view in list_cameras_here(request) if view.mine and view.may(Permission.SHARE)]
    context: dict[str, Any] = {
        "guide": found,
        "cameras": mine[:_FIRST],
        "has_more": len(mine) > _FIRST,
        "others": [row for row in GUIDES if row.whose in roles and row is not found][:3],
        "may_add": bool(list_sites_to_equip(request)),
    }
    return render(request, f"web/guides/{found.slug}.html", context)
