"""The share flow: recipient → cameras → permissions → review → sent. Each step is a page of its own.

All that was chosen so far travels in the form: nothing is kept in between, and every step works without scripts.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import reduce
from itertools import groupby
from operator import or_
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from belvedere.contracts.permissions import NONE, Permission
from belvedere.control.accounts.texts import can_send
from belvedere.control.core.errors import Invalid, NotFound, Refusal
from belvedere.control.core.names import clean_address
from belvedere.control.core.principal import Principal
from belvedere.control.core.requests import principal_of
from belvedere.control.devices.health import get_stability
from belvedere.control.devices.selectors import CameraView, list_cameras
from belvedere.control.sharing import services
from belvedere.control.sharing.presets import Preset
from belvedere.control.sharing.selectors import (
    GroupView,
    get_given,
    list_groups,
    list_own_presets,
    list_recipients,
)
from belvedere.control.web.cameras import SLOTS, rights_slots, tile
from belvedere.control.web.context import follow, here, is_in
from belvedere.control.web.errors import answers_refusals
from belvedere.control.web.share_form import TermsForm, check_chosen, chosen_of, filled_in, grid, preset_names, zone_of
from belvedere.control.web.share_words import can_words, cannot_words, sees_words, when_words
from belvedere.control.web.sharing import face, given_card

STEPS: Final = ("recipient", "cameras", "permissions", "review")


@dataclass(frozen=True, slots=True)
class Shelf:
    """What there is to choose from: cameras of one organization, its groups, and its own presets."""

    cameras: list[CameraView]
    groups: list[GroupView]
    presets: list[Preset]


@dataclass(frozen=True, slots=True)
class Draft:
    """What was chosen so far. `names`: permissions as they were ticked; `zone`: where the first camera is."""

    to: str
    remark: str
    message: str
    cameras: list[CameraView]
    names: list[str]
    terms: TermsForm
    #: groups whose later cameras come to the share by themselves: ticked, and with a camera that is chosen
    follows: list[GroupView]

    @property
    def zone(self) -> str:
        """The zone that instants and hours are meant in."""
        return self.terms.zone

    def items(self) -> list[services.Item]:
        """As the service takes them."""
        chosen = [(view.id, chosen_of(self.names, view)) for view in self.cameras]
        by_group = {view.id: group.id for group in reversed(self.follows) for view in group.cameras}
        return [
            services.Item(
                pk,
                bits,
                footage=self.terms.reach if Permission.PLAYBACK in bits else None,
                group=by_group.get(pk, ""),
            )
            for pk, bits in chosen
        ]


@require_http_methods(["GET", "POST"])
@answers_refusals
def share(request: HttpRequest) -> HttpResponse:
    """One step of the flow; a preset fills the third one in."""
    actor = principal_of(request)
    data = request.POST if request.method == "POST" else request.GET
    shareable = [view for view in list_cameras(actor) if view.may(Permission.SHARE)]
    for view in shareable:
        if view.id == data.get("camera"):
            follow(request, view)
    mine = [view for view in shareable if is_in(view, here(request))]
    if not mine:
        raise NotFound
    organization = mine[0].organization or ""
    shelf = Shelf(mine, list_groups(actor, organization), list_own_presets(actor, organization))
    draft = _draft(actor, data, shelf)
    step, error, draft = _next_step(request, actor, draft)
    if step == "sent":
        return _send(request, actor, draft, shelf)
    return _page(request, actor, step, draft, shelf, error=error)


def _draft(actor: Principal, data: QueryDict, shelf: Shelf) -> Draft:
    ticked = _ticked(data, shelf.groups)
    chosen = [view for view in shelf.cameras if view.id in ticked]
    zone = zone_of(actor, (chosen or shelf.cameras)[0])
    filled = filled_in(data.get("preset", ""), chosen, zone, shelf.presets)
    names, fields = filled or (data.getlist("permission"), data)
    if not names and "asked" not in data:
        names = ["live_view"]
    return Draft(
        to=data.get("to", "").strip(),
        remark=data.get("remark", "").strip(),
        message=data.get("message", "").strip(),
        cameras=chosen,
        names=names,
        terms=TermsForm(fields, zone=zone),
        follows=[
            group
            for group in shelf.groups
            if group.id in data.getlist("follow") and any(view.id in ticked for view in group.cameras)
        ],
    )


def _ticked(data: QueryDict, groups: list[GroupView]) -> set[str]:
    """The cameras that are ticked. A tap on a group ticks all of its cameras, or none if all of them were."""
    ticked = set(data.getlist("camera"))
    tapped = {view.id for group in groups if group.id == data.get("group") for view in group.cameras}
    return ticked - tapped if tapped <= ticked else ticked | tapped


def _next_step(request: HttpRequest, actor: Principal, draft: Draft) -> tuple[str, str, Draft]:
    """Where the form wants to go, or back to the step whose answer is missing, with what is wrong."""
    data = request.POST if request.method == "POST" else request.GET
    wanted = data.get("step", "recipient")
    if data.get("preset"):
        wanted = "permissions"
    elif data.get("group"):
        wanted = "cameras"
    if wanted not in (*STEPS, "sent") or (wanted == "sent" and request.method != "POST"):
        return "recipient", "", draft
    for step in STEPS[:3]:
        if step == wanted:
            break
        if error := _missing(step, actor, draft):
            return step, error, draft
    with suppress(Invalid):
        draft = replace(draft, to=clean_address(draft.to))
    return wanted, "", draft


def _missing(step: str, actor: Principal, draft: Draft) -> str:
    """What is wrong with a step's answer, in a sentence; "" for nothing."""
    if step == "recipient":
        try:
            is_own = clean_address(draft.to) == actor.email
        except Invalid as invalid:
            return invalid.message
        return _("That is your own address. You see this camera already.") if is_own else ""
    if step == "cameras":
        return "" if draft.cameras else _("Choose at least one camera.")
    if error := check_chosen(draft.names, draft.cameras):
        return error
    return "" if draft.terms.is_valid() else _("Look at when, and how far back: something there is not right.")


def _page(
    request: HttpRequest,
    actor: Principal,
    step: str,
    draft: Draft,
    shelf: Shelf,
    *,
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    recipients = list_recipients(actor)
    known = next((row for row in recipients if row.address == draft.to), None)
    first = (draft.cameras or shelf.cameras)[0]
    rights = {view.id: chosen_of(draft.names, view) for view in draft.cameras}
    context = {
        "nav": "sharing",
        "step": step,
        "step_number": STEPS.index(step) + 1,
        "error": error,
        "to": draft.to,
        "to_name": (known.name if known and known.name else draft.to),
        "remark": draft.remark or (known.remark if known else ""),
        "message": draft.message,
        "recipients": [
            face(row.id, row.name or row.address) | {"email": row.address, "remark": row.remark, "sees": row.sees}
            for row in recipients
        ],
        "cameras": [tile(view, None) | {"chosen": view in draft.cameras} for view in shelf.cameras],
        "groups": _group_taps(draft, shelf.groups),
        "follows": [{"id": group.id, "name": group.name} for group in draft.follows],
        "chosen": [tile(view, None) | {"rights": rights_slots(rights[view.id])} for view in draft.cameras],
        "kept": _kept(draft) if step != "permissions" else [],
        "grid": grid(draft.names, draft.cameras),
        "presets": preset_names(shelf.presets),
        "terms": draft.terms,
        "days": draft.terms.days,
        "permissions_words": _chosen_words(rights.values()),
        "camera": tile(first, None),
        "stability": get_stability(actor, first.id) if first.mine else None,
    }
    if step == "review":
        context |= _said(draft)
    return render(request, "web/share.html", context, status=422 if error and status == 200 else status)


def _group_taps(draft: Draft, groups: list[GroupView]) -> list[dict[str, Any]]:
    """The groups that can be tapped: those with a camera. One can be followed once all of its cameras are ticked."""
    chosen = {view.id for view in draft.cameras}
    return [
        {
            "id": group.id,
            "name": group.name,
            "count": len(group.cameras),
            "is_chosen": {view.id for view in group.cameras} <= chosen,
            "is_followed": group in draft.follows,
        }
        for group in groups
        if group.cameras
    ]


def _chosen_words(rights: Iterable[Permission]) -> str:
    """`Live view, Playback`: what any of the cameras gives."""
    every = reduce(or_, rights, NONE)
    return ", ".join(str(label) for bit, _key, label in SLOTS if bit in every)


def _kept(draft: Draft) -> list[tuple[str, str]]:
    """The third step's answers, for the other steps' forms."""
    fields = [(name, draft.terms[name].value() or "") for name in draft.terms.fields]
    return [*(("permission", name) for name in draft.names), *((name, value) for name, value in fields if value)]


def _said(draft: Draft) -> dict[str, Any]:
    """What will be true, in words: cameras that get the same stand together."""
    terms = draft.terms.when
    items = {item.resource: item for item in draft.items()}
    by_rights = sorted(draft.cameras, key=lambda view: -items[view.id].permissions)
    groups = []
    every = NONE
    for permissions, views in groupby(by_rights, key=lambda view: items[view.id].permissions):
        together = list(views)
        every |= permissions
        groups.append(
            {
                "cameras": [view.label for view in together],
                "sees": sees_words(permissions, items[together[0].id].reach),
                "can": can_words(permissions),
            }
        )
    return {
        "groups": groups,
        "when": when_words(terms["starts_at"], terms["ends_at"], terms["hours"], draft.zone),
        "zone": draft.zone if any(terms.values()) else "",
        "cannot": cannot_words(every),
    }


def _send(request: HttpRequest, actor: Principal, draft: Draft, shelf: Shelf) -> HttpResponse:
    try:
        share_id = services.offer_share(
            actor,
            recipient=draft.to,
            items=draft.items(),
            remark=draft.remark,
            message=draft.message,
            **draft.terms.when,
        )
    except NotFound:
        raise
    except Refusal as refusal:
        return _page(request, actor, "review", draft, shelf, error=refusal.message, status=refusal.status)
    given = get_given(actor, share_id)
    context = {
        "nav": "sharing",
        "share": given_card(given),
        "permissions_words": _chosen_words(item.permissions for item in given.items),
        "can_text": can_send(),
    }
    return render(request, "web/share_sent.html", context)
