"""What came back with a backup and waits for its owner's word: a list, person by person, and one button."""

from itertools import groupby
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_POST

from belvedere.contracts.permissions import Permission
from belvedere.control.backups import services
from belvedere.control.backups.selectors import SuspendedRight, list_owned_waiting, list_suspended
from belvedere.control.core.principal import Principal
from belvedere.control.core.requests import principal_of
from belvedere.control.sharing.terms import Footage
from belvedere.control.web.context import person
from belvedere.control.web.errors import answers_refusals
from belvedere.control.web.share_words import can_words, sees_words

#: what somebody may decide there, beside what he sees
_RULES: Final = (
    (Permission.SHARE, gettext_lazy("share it")),
    (Permission.CONFIGURE, gettext_lazy("set it up")),
    (Permission.MANAGE, gettext_lazy("manage people")),
)


@require_GET
@answers_refusals
def restored(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Everything that waits there."""
    actor = principal_of(request)
    rows = list_suspended(actor, organization_id)
    people = [
        {"person": person(of), "rights": [_right(row) for row in held]}
        for of, held in groupby(rows, key=lambda row: row.person)
    ]
    until = min((row.ends_unless_confirmed_at for row in rows), default=None)
    context = {
        "nav": "admin",
        "organization_id": organization_id,
        "name": next((row.name for row in list_owned_waiting(actor) if row.organization == organization_id), ""),
        "people": people,
        "until": until,
    }
    return render(request, "web/organization_restored.html", context)


def _right(row: SuspendedRight) -> dict[str, Any]:
    rules = ", ".join(str(word) for bit, word in _RULES if bit in row.permissions)
    parts = (sees_words(row.permissions, Footage()), can_words(row.permissions), rules)
    may = " · ".join(capfirst(part) for part in parts if part)
    return {"id": row.id, "name": row.resource_name, "is_whole": row.kind == "organization", "may": may}


@require_POST
@answers_refusals
def restored_confirm(request: HttpRequest, organization_id: str) -> HttpResponse:
    """These hold."""
    chosen = request.POST.getlist("right")
    count = services.confirm_rights(principal_of(request), organization=organization_id, rights=chosen)
    if count:
        words = ngettext("One right holds again.", "%(count)d rights hold again.", count)
        messages.success(request, words % {"count": count})
    else:
        messages.info(request, _("Nothing was chosen, so nothing was changed."))
    return redirect("organization-restored", organization_id)


def restored_notices(actor: Principal) -> list[dict[str, Any]]:
    """For an owner's inbox, as long as something waits."""
    return [
        {
            "icon": "clock",
            "title": _("Do these rights still hold?"),
            "text": ngettext(
                "%(name)s came back from a backup: one right waits for your word",
                "%(name)s came back from a backup: %(count)d rights wait for your word",
                row.count,
            )
            % {"name": row.name, "count": row.count},
            "at": row.since,
            "url": reverse("organization-restored", args=[row.organization]),
        }
        for row in list_owned_waiting(actor)
    ]
