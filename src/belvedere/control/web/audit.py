"""Admin → Audit: who did what, in sentences; filtered, exported, and verified when asked."""

from datetime import date, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from belvedere.control.accounts.selectors import get_persons
from belvedere.control.audit.selectors import EntryFilter, EntryView, Scope, list_actors, list_entries, list_names
from belvedere.control.audit.verification import verify_chain
from belvedere.control.core import limits
from belvedere.control.core.errors import Forbidden, Invalid
from belvedere.control.core.principal import Principal
from belvedere.control.devices.panels import list_panels
from belvedere.control.devices.selectors import list_cameras
from belvedere.control.organizations.oversight import find_audit_scope
from belvedere.control.organizations.selectors import list_sites
from belvedere.control.web.admin import admin_frame, sit_down
from belvedere.control.web.audit_words import GROUPS, Names, actor_name, list_mentioned, sentence
from belvedere.control.web.context import person
from belvedere.control.web.errors import answers_refusals

PAGE: Final = 50
FAULTS_SHOWN: Final = 20
VERIFICATIONS_AN_HOUR: Final = 30
#: years that every zone and database can count with
_YEARS: Final = range(1971, 9000)


@require_GET
@answers_refusals
def audit(request: HttpRequest) -> HttpResponse:
    """The page; or with htmx, only the entries that follow."""
    desk = sit_down(request)
    actor, organization = desk.actor, desk.organization
    scope = find_audit_scope(actor, organization.id)
    zone = ZoneInfo(organization.time_zone)
    look_for = _filter(request.GET, zone)
    before = request.GET.get("before", "")
    page = list_entries(
        scope, look_for, before=int(before) if before.isdecimal() and len(before) < 19 else None, limit=PAGE
    )
    asked = {key: value for key in ("person", "action", "thing", "from", "to") if (value := request.GET.get(key, ""))}
    context: dict[str, Any] = {
        "entries": _entries(actor, organization.id, scope, page.items),
        "asked": asked,
        "more_url": _url(asked | {"before": str(page.before)}) if page.before else "",
    }
    if request.headers.get("HX-Request"):
        return render(request, "web/_audit_entries.html", context)
    context |= admin_frame("audit") | {
        "zone": organization.time_zone,
        "groups": [{"value": key, "label": label} for key, label in GROUPS.items()],
        "actors": list_actors(scope),
        "is_whole": scope.is_whole,
        "everything_url": reverse("admin-audit"),
        "verify_url": _url(asked | {"verify": "1"}),
        "exports": _exports(organization.id, look_for),
        "verdict": _verdict(actor, scope) if request.GET.get("verify") else None,
    }
    return render(request, "web/admin_audit.html", context)


def _filter(query: QueryDict, zone: ZoneInfo) -> EntryFilter:
    """From the form; days are those of the organization's zone, the last one included. Raises Invalid."""
    last = _day(query.get("to", ""), zone)
    return EntryFilter(
        person=query.get("person", "").strip()[:254],
        thing=query.get("thing", "")[:60],
        action=query.get("action", "")[:60],
        start=_day(query.get("from", ""), zone),
        end=_day((last + timedelta(days=1)).date().isoformat(), zone) if last else None,
    )


def _day(text: str, zone: ZoneInfo) -> datetime | None:
    """Midnight of a day."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if day.year not in _YEARS:
        raise Invalid(_("Write days as in 2026-11-30."))
    return datetime.combine(day, time.min, zone)


def _entries(actor: Principal, organization: str, scope: Scope, entries: list[EntryView]) -> list[dict[str, Any]]:
    mentioned = [list_mentioned(entry) for entry in entries]
    names = Names(
        things=list_names(scope, set().union(*(row["things"] for row in mentioned))),
        sites={site.id: site.name for site in list_sites(actor, organization)},
        cameras={row.id: row.name for row in list_cameras(actor)} | {row.id: row.name for row in list_panels(actor)},
        people={
            pk: found.name or found.email
            for pk, found in get_persons(set().union(*(row["people"] for row in mentioned))).items()
        },
    )
    return [_entry(entry, names) for entry in entries]


def _entry(entry: EntryView, names: Names) -> dict[str, Any]:
    is_person = entry.text("actor_kind") == "account" and bool(entry.text("actor"))
    return {
        "sequence": entry.sequence,
        "at": entry.at,
        "sentence": sentence(entry, names),
        "face": person(Principal(id=entry.text("actor"), name=actor_name(entry))) if is_person else None,
        "address": entry.text("address"),
        "site": names.sites.get(entry.site, ""),
        "is_erased": entry.is_erased,
        "thing_url": _url({"thing": entry.thing}),
    }


def _exports(organization: str, look_for: EntryFilter) -> list[dict[str, str]]:
    """The API's files, for the same question as the page's."""
    question = {
        "organization": organization,
        "person": look_for.person,
        "thing": look_for.thing,
        "action": look_for.action,
        "from": look_for.start.isoformat() if look_for.start else "",
        "to": look_for.end.isoformat() if look_for.end else "",
    }
    asked = {key: value for key, value in question.items() if value}
    path = reverse("api:export_audit")
    return [
        {"label": label, "url": f"{path}?{urlencode(asked | {'format': kind})}"}
        for kind, label in (("csv", "CSV"), ("jsonl", "JSON Lines"))
    ]


def _verdict(actor: Principal, scope: Scope) -> dict[str, Any]:
    """What verifying the whole chain says; only for who may read all of it, and not on every look."""
    if not scope.is_whole:
        raise Forbidden
    limits.hit("audit.verify", actor.id, limit=VERIFICATIONS_AN_HOUR, per_s=3600)
    verdict = verify_chain(scope.chain)
    return {
        "length": verdict.length,
        "head": verdict.head,
        "signed": verdict.signed,
        "signed_at": datetime.fromisoformat(verdict.signed.at) if verdict.signed else None,
        "faults": verdict.faults[:FAULTS_SHOWN],
        "more_faults": max(0, len(verdict.faults) - FAULTS_SHOWN),
    }


def _url(query: dict[str, str]) -> str:
    return f"{reverse('admin-audit')}?{urlencode(query)}"
