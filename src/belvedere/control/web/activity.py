"""What is logged about oneself, and who else can read it."""

from datetime import datetime
from typing import Any, Final

from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from belvedere.control.audit.services import INSTALLATION
from belvedere.control.core.errors import Invalid
from belvedere.control.core.principal import Principal
from belvedere.control.core.requests import principal_of
from belvedere.control.sharing.selectors import ActivityPage, MyEntry, MyViewing, list_activity
from belvedere.control.web.audit_words import Names, sentence
from belvedere.control.web.context import organizations_of, person
from belvedere.control.web.errors import answers_refusals

PAGE: Final = 50
_KINDS: Final = {
    "live": lambda: _("live"),
    "hls": lambda: _("live, in another player"),
    "playback": lambda: _("recordings"),
    "export": lambda: _("exported"),
    "snapshot": lambda: _("a picture"),
    "talk": lambda: _("spoke"),
}


@require_GET
@answers_refusals
def activity(request: HttpRequest) -> HttpResponse:
    """One's own rows of the ledger and of the audit, the latest first."""
    actor = principal_of(request)
    page = list_activity(actor, before=_unseal(request.GET.get("before", ""), actor), limit=PAGE)
    organizations = {row.id: row.name for row in organizations_of(request)}
    context = {
        "nav": "account",
        "rows": [
            _viewing(row) if isinstance(row, MyViewing) else _entry(row, page, actor, organizations)
            for row in page.items
        ],
        "more": urlencode({"before": _seal(page.before, actor)}) if page.before else "",
    }
    return render(request, "web/account_activity.html", context)


def _viewing(row: MyViewing) -> dict[str, Any]:
    sharer = row.camera.shared_by
    words = _("Seen by you, by %(who)s, and by whoever else may share this camera") if sharer else ""
    return {
        "icon": "eye",
        "at": row.at,
        "until": row.viewing.until,
        "is_viewing": True,
        "camera": row.camera.name,
        "kind": _KINDS.get(row.viewing.kind, lambda: row.viewing.kind)(),
        "watched": row.viewing.watched,
        "readers": words % {"who": sharer.name} if sharer else _("Seen by you, and by whoever may share this camera"),
    }


def _entry(row: MyEntry, page: ActivityPage, actor: Principal, organizations: dict[str, str]) -> dict[str, Any]:
    if row.chain == INSTALLATION:
        readers = _("Seen by you, and by whoever runs this server")
    elif row.chain:
        readers = _("Seen by you, and by whoever manages %(name)s") % {"name": organizations.get(row.chain, "")}
    else:
        readers = _("Seen by you, and by whoever manages what is shared with you")
    return {
        "icon": "user" if row.is_mine else "admin",
        "face": person(row.by) if row.by else None,
        "at": row.at,
        "is_viewing": False,
        "sentence": sentence(row.entry, Names(cameras=page.cameras, people={actor.id: actor.name})),
        "address": row.entry.text("address") if row.is_mine else "",
        "readers": readers,
    }


def _seal(place: tuple[datetime, str], actor: Principal) -> str:
    return signing.dumps([place[0].isoformat(), place[1]], salt=f"activity:{actor.id}")


def _unseal(text: str, actor: Principal) -> tuple[datetime, str] | None:
    """Where a page goes on. Raises Invalid for what is not one of this reader's own."""
    if not text:
        return None
    try:
        at, key = signing.loads(text, salt=f"activity:{actor.id}")
    except signing.BadSignature:
        raise Invalid(_("That page is not there. Begin at the first one."), field="before") from None
    return datetime.fromisoformat(at), key
