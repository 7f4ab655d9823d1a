"""Moving apart from somebody: what ties the two, what ends, and what is to be done afterwards (threats.md §5).

Whoever needs these pages may be looked over the shoulder: their addresses and titles say nothing, and one button leads
away from them, signs out, and leaves an empty page.
"""

from collections.abc import Iterable
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_http_methods

from belvedere.control.access.roles import TITLES, Role
from belvedere.control.accounts.selectors import get_factors, list_sign_ins, list_tokens, require_fresh
from belvedere.control.audit.selectors import EntryView, find_caused, find_proof
from belvedere.control.core.errors import NotFound
from belvedere.control.core.principal import Principal
from belvedere.control.core.requests import principal_of
from belvedere.control.devices.selectors import list_devices
from belvedere.control.handover.services import move_out
from belvedere.control.handover.ties import Tie, Ties, get_ties, list_people, list_reconnected
from belvedere.control.streaming.selectors import list_cuts
from belvedere.control.web.context import person
from belvedere.control.web.errors import answers_refusals

_ICONS: Final = {
    "role": "user",
    "share": "eye",
    "offer": "mail",
    "given_on": "share",
    "link": "link",
    "invitation": "mail",
    "request": "mail",
    "handover": "key",
    "service": "configure",
    "deputy": "key",
    "contact": "key",
}
_LOSES: Final = {
    "role": gettext_lazy("The role %(names)s in %(where)s"),
    "share": gettext_lazy("What they see of %(where)s: %(names)s"),
    "offer": gettext_lazy("An offer that waits for them: %(names)s"),
    "given_on": gettext_lazy("What they share of %(where)s with others: %(names)s"),
    "link": gettext_lazy("A guest link they made in %(where)s: %(names)s"),
    "invitation": gettext_lazy("An invitation to %(where)s: %(names)s"),
    "request": gettext_lazy("What they ask of %(where)s: %(names)s"),
    "service": gettext_lazy("Setting up devices of %(where)s, as a service provider"),
    "deputy": gettext_lazy("Standing in for the owner of %(where)s"),
    "contact": gettext_lazy("Helping you back into your account"),
    "handover": gettext_lazy("An organization that one of you offered the other"),
}
_GIVES_BACK: Final = {
    "role": gettext_lazy("Your role %(names)s in %(where)s"),
    "share": gettext_lazy("What %(where)s shares with you: %(names)s"),
}


@require_GET
@answers_refusals
def people(request: HttpRequest) -> HttpResponse:
    """With whom there is anything to end; and what to look at first, for who leaves himself."""
    actor = principal_of(request)
    factors = get_factors(actor)
    context = {
        "nav": "account",
        "people": [{"person": person(row.person), "where": ", ".join(row.organizations)} for row in list_people(actor)],
        "other_sign_ins": sum(not row.is_this for row in list_sign_ins(actor)),
        "tokens": len(list_tokens(actor)),
        "passkeys": factors.passkeys,
        "synced": sum(key.is_synced for key in factors.passkeys),
    }
    return render(request, "web/moving_out.html", context)


@require_http_methods(["GET", "POST"])
@answers_refusals
def parting(request: HttpRequest, account_id: str) -> HttpResponse:
    """What ends with this person, in words; POST ends it."""
    actor = principal_of(request)
    if request.method == "POST":
        change_id = move_out(
            actor,
            account=account_id,
            gives_back=request.POST.get("gives_back") == "on",
            is_silent=request.POST.get("is_silent") == "on",
        )
        return redirect("moved-out", change_id)
    ties = get_ties(actor, account_id)
    require_fresh(actor)  # asked now: not after the last question was answered
    return render(request, "web/moving_out_person.html", _page(ties))


def _page(ties: Ties) -> dict[str, Any]:
    return {
        "nav": "account",
        "person": person(ties.person),
        "loses": _lines(ties.loses, _LOSES),
        "gives_back": _lines(ties.gives_back, _GIVES_BACK),
        "stays": [tie.where for tie in ties.stays],
        "devices": [device.name for device in ties.devices],
    }


def _lines(ties: Iterable[Tie], words: dict[str, Any]) -> list[dict[str, str]]:
    return [{"icon": _ICONS[tie.what], "text": words[tie.what] % _said(tie)} for tie in ties]


def _said(tie: Tie) -> dict[str, str]:
    names = [str(TITLES[Role(name)]) for name in tie.names] if tie.what == "role" else list(tie.names)
    return {"where": tie.where, "names": ", ".join(names)}


@require_GET
@answers_refusals
def moved_out(request: HttpRequest, change_id: str) -> HttpResponse:
    """The receipt: what ended, what was cut and how soon; then the passwords that are to be changed."""
    actor = principal_of(request)
    entry, proof = find_caused(actor, change_id, ["person.moved_out"]), find_proof(change_id)
    if entry is None or proof is None:
        raise NotFound
    ended, back = _ties_of(entry, "ended"), _ties_of(entry, "given_back")
    cuts = list_cuts(change_id)
    after = [(cut.cut_at - entry.at).total_seconds() for cut in cuts if cut.cut_at]
    context = {
        "nav": "account",
        "name": entry.text("person"),
        "at": entry.at,
        "is_silent": bool(entry.fields.get("is_silent")),
        "ended": _lines(ended, _LOSES),
        "given_back": _lines(back, _GIVES_BACK),
        "stays": [tie.where for tie in _ties_of(entry, "stays")],
        "cuts": _cut_words(len(cuts)),
        "took_ms": max(0, round(max(after) * 1000)) if after and len(after) == len(cuts) else None,
        "devices": _devices(actor, dict(entry.fields.get("devices") or {})),
        "audit": {"seq": proof.sequence, "hash": proof.digest},
    }
    return render(request, "web/moving_out_done.html", context)


def _ties_of(entry: EntryView, key: str) -> list[Tie]:
    return [Tie(what, "", where, tuple(names)) for what, where, names in entry.fields.get(key) or []]


def _cut_words(count: int) -> str:
    if not count:
        return _("Nothing was open at that moment, so nothing had to be cut.")
    return ngettext("One picture was open, and was cut.", "%(count)d pictures were open, and were cut.", count) % {
        "count": count
    }


def _devices(actor: Principal, revisions: dict[str, str]) -> list[dict[str, Any]]:
    """What is to get another password, and whether it has by now: the way to it was changed since."""
    done = list_reconnected(revisions)
    return [
        {"id": view.id, "name": view.name, "is_panel": view.panel is not None, "is_done": view.id in done}
        for view in list_devices(actor)
        if view.id in revisions
    ]


@require_GET
def quiet(request: HttpRequest) -> HttpResponse:
    """An empty page, for who had to leave another one at once."""
    return render(request, "web/quiet.html")
