"""A security panel's page, what it is told there, adding one, another broker for one, and sharing one."""

from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from belvedere.contracts.panels import PanelAct, PanelAnswerCode
from belvedere.contracts.permissions import Permission, parse_names
from belvedere.control.core import clock
from belvedere.control.core.errors import AlreadyBound, Forbidden, Invalid, NotFound, Refusal
from belvedere.control.core.principal import Principal
from belvedere.control.core.requests import principal_of
from belvedere.control.devices import services
from belvedere.control.devices.brokers import BrokerWish
from belvedere.control.devices.panel_history import list_panel_history
from belvedere.control.devices.panel_sources import PanelWish
from belvedere.control.devices.panels import get_panel
from belvedere.control.devices.selectors import DeviceView, get_device
from belvedere.control.organizations.selectors import get_site
from belvedere.control.sharing.selectors import (
    AccessRow,
    find_received_of_panel,
    get_given,
    is_used_up,
    list_panel_access,
)
from belvedere.control.sharing.services import Item, offer_share
from belvedere.control.sharing.services.once import UsedUp
from belvedere.control.web.context import follow, list_sites_to_equip, person
from belvedere.control.web.errors import answers_refusals
from belvedere.control.web.panel_cards import LINES, panel_card, panel_lines, panel_slots
from belvedere.control.web.role_words import role_name


class PanelForm(forms.Form):
    """What is needed to bind a panel. Rules are the service's."""

    name = forms.CharField(max_length=80, label=gettext_lazy("Name"))
    site = forms.ChoiceField(
        label=gettext_lazy("Site"), error_messages={"invalid_choice": gettext_lazy("Choose one of your own sites.")}
    )
    address = forms.CharField(max_length=500, label=gettext_lazy("Broker"))
    username = forms.CharField(max_length=200, required=False, label=gettext_lazy("User"))
    password = forms.CharField(max_length=200, required=False, label=gettext_lazy("Password"), strip=False)
    state_topic = forms.CharField(max_length=200, label=gettext_lazy("State topic"))
    command_topic = forms.CharField(max_length=200, label=gettext_lazy("Command topic"))
    availability_topic = forms.CharField(max_length=200, required=False, label=gettext_lazy("Availability topic"))
    code = forms.ChoiceField(
        label=gettext_lazy("Ask for a code"),
        initial="disarm",
        choices=[
            ("disarm", gettext_lazy("To disarm")),
            ("always", gettext_lazy("To arm and to disarm")),
            ("never", gettext_lazy("Never")),
        ],
    )
    fingerprint = forms.CharField(max_length=100, required=False, label=gettext_lazy("Certificate’s SHA-256"))
    is_plain_ok = forms.BooleanField(required=False)

    def __init__(self, data: QueryDict | None, *, sites: list[tuple[str, str]]) -> None:
        super().__init__(data)
        self.fields["site"].choices = sites  # type: ignore[attr-defined]  # it is a ChoiceField


class BrokerForm(forms.Form):
    """Where a bound panel's broker is by now. What is left empty stays, where the service grants that."""

    address = forms.CharField(max_length=500, label=gettext_lazy("Broker"))
    username = forms.CharField(max_length=200, required=False, label=gettext_lazy("User"))
    password = forms.CharField(max_length=200, required=False, label=gettext_lazy("Password"), strip=False)
    is_open = forms.BooleanField(required=False)
    fingerprint = forms.CharField(max_length=100, required=False, label=gettext_lazy("Certificate’s SHA-256"))
    is_plain_ok = forms.BooleanField(required=False)

    def wish(self) -> BrokerWish:
        """As the service takes it."""
        data = self.cleaned_data
        nothing = "" if data["is_open"] else None
        return BrokerWish(
            address=data["address"],
            username=nothing if data["is_open"] else data["username"] or None,
            password=nothing if data["is_open"] else data["password"] or None,
            fingerprint=data["fingerprint"] or None,
            is_plain_ok=data["is_plain_ok"],
        )


@require_GET
@answers_refusals
def panel(request: HttpRequest, panel_id: str) -> HttpResponse:
    """One panel: its state, what it can be told, and who else may. Asked for by a script: the state, if it changed."""
    if request.headers.get("HX-Request"):
        return _news(request, panel_id)
    try:
        follow(request, get_panel(principal_of(request), panel_id))
    except NotFound:
        if is_used_up(principal_of(request), panel_id):
            raise UsedUp from None
        raise
    return _page(request, panel_id)


def _news(request: HttpRequest, panel_id: str) -> HttpResponse:
    """What changed since the page was made. Where the right has ended, the page is to look for itself."""
    actor = principal_of(request)
    try:
        view = get_panel(actor, panel_id)
    except NotFound:
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    shown = panel_card(view)
    if shown["seen"] == request.GET.get("seen"):
        return HttpResponse(status=204)  # nothing is swapped, and nothing read out anew
    context: dict[str, Any] = {"panel": shown, "is_partial": True}
    if view.may(Permission.CONFIGURE):
        context["history"] = panel_lines(list_panel_history(actor, panel_id, limit=LINES))
    return render(request, "web/_panel_news.html", context)


def _page(request: HttpRequest, panel_id: str, *, error: str = "", status: int = 200) -> HttpResponse:
    actor = principal_of(request)
    view = get_panel(actor, panel_id)
    context: dict[str, Any] = {
        "nav": "wall",
        "panel": panel_card(view),
        "rights": panel_slots(view.permissions),
        "error": error,
        "received": find_received_of_panel(actor, panel_id) if not view.mine else None,
        "may_configure": view.may(Permission.CONFIGURE),
    }
    if view.may(Permission.CONFIGURE):
        before = _before(request.GET.get("before", ""))
        context["history"] = panel_lines(list_panel_history(actor, panel_id, before=before, limit=LINES))
        context["is_past"] = before is not None
    if view.may(Permission.SHARE):
        context["people"] = [_access_row(row, actor) for row in list_panel_access(actor, panel_id)]
    return render(request, "web/panel.html", context, status=status)


def _before(text: str) -> datetime | None:
    """Where a page of the history goes on. Raises Invalid for what is no instant."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Invalid(_("That page is not there. Begin at the first one."), field="before")
    return at


def _access_row(row: AccessRow, me: Principal) -> dict[str, Any]:
    return {
        "account": person(row.account) if row.account else None,
        "email": row.address,
        "is_me": bool(row.account and row.account.id == me.id),
        "state": row.state,
        "origin": row.origin if row.origin == "share" else role_name(row.origin),
        "rights": panel_slots(row.permissions, is_offered=row.state != "accepted"),
        "since": row.since,
        "share_id": row.share,
    }


@sensitive_post_parameters("code")
@require_POST
@answers_refusals
def panel_command(request: HttpRequest, panel_id: str) -> HttpResponse:
    """Arm or disarm, and see what came of it. The code goes with the command and is kept nowhere."""
    actor = principal_of(request)
    try:
        act = PanelAct(request.POST.get("command", ""))
    except ValueError:
        get_panel(actor, panel_id)
        return _page(request, panel_id, error=_("Choose what the panel is to do."), status=422)
    try:
        answer = services.command_panel(actor, panel=panel_id, act=act, code=request.POST.get("code", ""))
    except NotFound:
        if is_used_up(actor, panel_id):
            raise UsedUp from None
        raise
    except Refusal as refusal:
        return _page(request, panel_id, error=refusal.message, status=refusal.status)
    if answer.code is not PanelAnswerCode.OK:
        words = _NOT_CONFIRMED[answer.code]()
        return _page(request, panel_id, error=words) if _is_there(actor, panel_id) else _was_once(request, words)
    if not _is_there(actor, panel_id):
        return _was_once(request, _("The panel took it."))
    messages.success(request, _("The panel took it."))
    return redirect("panel", panel_id)


#: of a command that went out
_NOT_CONFIRMED: Final = {
    PanelAnswerCode.NOT_TAKEN: lambda: _(
        "The panel heard it, but stayed as it was for five seconds. Was the code right?"
    ),
    PanelAnswerCode.UNANSWERED: lambda: _(
        "It was sent, but the panel did not confirm it: nobody can tell whether it took it. Was the code right?"
    ),
}


def _is_there(actor: Principal, panel: str) -> bool:
    """Whether the right outlived the command."""
    try:
        return bool(get_panel(actor, panel))
    except NotFound:
        return False


def _was_once(request: HttpRequest, words: str) -> HttpResponse:
    """The command was the one that there was: the panel's page is no longer his."""
    messages.info(request, f"{words} {_('You had this for one time, and that was it.')}")
    return redirect("inbox")


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
@answers_refusals
def panel_add(request: HttpRequest) -> HttpResponse:
    """Bind a panel. One that has an owner leads to the page that says so."""
    sites = [(site.id, site.name) for site in list_sites_to_equip(request)]
    form = PanelForm(request.POST or None, sites=sites)
    if request.method == "POST" and form.is_valid():
        data = dict(form.cleaned_data)
        site, name = data.pop("site"), data.pop("name")
        try:
            device = services.add_panel(principal_of(request), site=site, name=name, wish=PanelWish(**data))
        except AlreadyBound as refusal:
            context = {"nav": "devices", "name": name, "message": refusal.message, "is_panel": True, **refusal.extra}
            return render(request, "web/already_bound.html", context, status=refusal.status)
        except NotFound:
            raise
        except Refusal as refusal:
            field = str(refusal.extra.get("field", ""))
            form.add_error(field if field in form.fields else None, refusal.message)
            return render(request, "web/panel_add.html", {"nav": "devices", "form": form}, status=refusal.status)
        messages.success(request, _("%(name)s is yours. Nobody else can see it yet.") % {"name": name})
        return redirect("panel", device)
    status = 422 if form.errors else 200
    return render(request, "web/panel_add.html", {"nav": "devices", "form": form}, status=status)


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
@answers_refusals
def panel_address(request: HttpRequest, panel_id: str) -> HttpResponse:
    """Another broker, or another login at the same one."""
    view = get_device(principal_of(request), panel_id)
    if view.panel is None:
        return redirect("device-address", panel_id)
    if request.method == "GET":
        is_plain = view.shown_address.startswith("mqtt:")
        return _address_page(
            request, view, BrokerForm(initial={"address": view.shown_address, "is_plain_ok": is_plain})
        )
    form = BrokerForm(request.POST)
    if not form.is_valid():
        return _address_page(request, view, form, status=422)
    try:
        services.readdress_panel(principal_of(request), device=panel_id, wish=form.wish())
    except AlreadyBound as refusal:
        context = {"nav": "devices", "name": view.name, "message": refusal.message, "is_panel": True, **refusal.extra}
        return render(request, "web/already_bound.html", context, status=refusal.status)
    except NotFound:
        raise
    except Refusal as refusal:
        field = str(refusal.extra.get("field", ""))
        form.add_error(field if field in form.fields else None, refusal.message)
        return _address_page(request, view, form, status=refusal.status)
    messages.success(request, _("Saved. The panel is heard from there now; everybody keeps what they may do."))
    return redirect("panel", panel_id)


def _address_page(request: HttpRequest, view: DeviceView, form: BrokerForm, *, status: int = 200) -> HttpResponse:
    context = {
        "nav": "devices",
        "panel": {"id": view.id, "name": view.name, "address": view.shown_address},
        "form": form,
    }
    return render(request, "web/panel_address.html", context, status=status)


#: for how long somebody may
_SPANS: Final = (
    ("once", gettext_lazy("Once")),
    ("day", gettext_lazy("24 hours")),
    ("until", gettext_lazy("Until…")),
    ("always", gettext_lazy("Always")),
)


def _end(span: str, until: str, zone: str) -> datetime | None:
    """When it ends. Raises Invalid for what is no span, or no time."""
    if span == "day":
        return clock.now() + timedelta(hours=24)
    if span == "until":
        try:
            return datetime.fromisoformat(until).replace(tzinfo=ZoneInfo(zone))
        except ValueError:
            raise Invalid(_("Say until when, with day and hour."), field="ends_at") from None
    if span not in dict(_SPANS):
        raise Invalid(_("Choose for how long."), field="span")
    return None


@require_http_methods(["GET", "POST"])
@answers_refusals
def panel_share(request: HttpRequest, panel_id: str) -> HttpResponse:
    """Offer somebody to arm and disarm, or to be told of alarms: one page, for there is little to choose."""
    actor = principal_of(request)
    view = get_panel(actor, panel_id)
    if not view.may(Permission.SHARE):
        raise Forbidden
    follow(request, view)
    names = request.POST.getlist("permission") if request.method == "POST" else ["arm"]
    draft = {key: request.POST.get(key, "").strip() for key in ("to", "remark", "message", "until")}
    span = request.POST.get("span", "always")
    zone = get_site(actor, view.site).time_zone if view.site else "UTC"
    context: dict[str, Any] = {
        "nav": "sharing",
        "panel": panel_card(view),
        **draft,
        "span": span,
        "spans": _SPANS,
        "zone": zone,
        "choices": [{**slot, "chosen": slot["key"] in names} for slot in panel_slots(Permission.ARM)],
    }
    if request.method != "POST":
        return render(request, "web/panel_share.html", context)
    try:
        permissions = parse_names([name for name in names if name in {"arm", "notify"}])
        share = offer_share(
            actor,
            recipient=draft["to"],
            items=[Item(panel_id, permissions, "panel")],
            remark=draft["remark"],
            message=draft["message"],
            ends_at=_end(span, draft["until"], zone),
            is_once=span == "once",
        )
    except NotFound:
        raise
    except Refusal as refusal:
        return render(request, "web/panel_share.html", context | {"error": refusal.message}, status=refusal.status)
    given = get_given(actor, share)
    messages.success(
        request, _("Offered to %(email)s. Nothing opens before they accept.") % {"email": given.recipient_address}
    )
    return redirect("panel", panel_id)
