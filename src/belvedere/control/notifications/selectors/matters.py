"""The lines of inboxes that are about no camera, in words: about the account itself, and about rights."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from typing import Final

from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission
from belvedere.control.access.decision import decide
from belvedere.control.access.selectors import asked_at, list_frozen, list_grants
from belvedere.control.accounts.models import Account
from belvedere.control.accounts.selectors import get_persons, list_crowded
from belvedere.control.accounts.sign_ins import list_unanswered
from belvedere.control.core.errors import NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.matters import Matter
from belvedere.control.core.principal import Principal
from belvedere.control.notifications.models import MatterLine
from belvedere.control.organizations.models import Organization
from belvedere.control.sharing.selectors.lives import list_running_shares

#: as long as inboxes show them, and it is asked whether a sign-in was one's own
SHOWN_FOR: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class MatterView:
    """One of them. `organization`: whose rights changed, where it is about others; else "".

    is_open     its account has not answered it, and what it is about has not ended
    until       the next instant at which that may end by itself, seconds since the epoch; inf: it does not
    """

    id: str
    account: str
    kind: Matter
    event: str
    organization: str
    at: datetime
    title: str
    text: str
    is_open: bool = True
    until: float = inf


def list_matters(actor: Principal, *, since: datetime) -> list[MatterView]:
    """One's own that are open, the latest first. A constant number of queries."""
    rows = MatterLine.objects.filter(account=actor.id, is_kept=True, at__gt=since).order_by("-at", "-pk")
    return [view for view in _views(rows[:100]) if view.is_open]


def get_matter(actor: Principal, matter: str) -> MatterView:
    """One of one's own. Raises NotFound: also where one manages that organization no more."""
    views = _views(MatterLine.objects.filter(pk=matter, account=actor.id)) if is_id(matter) else []
    if not views:
        raise NotFound
    return views[0]


def list_tellable_matters(lines: Collection[str]) -> list[MatterView]:
    """Those whose account is to be told of them now. The caller acts for the server. A constant number of queries."""
    return [view for view in _views(MatterLine.objects.filter(pk__in=lines)) if view.is_open]


def _views(rows: Iterable[MatterLine]) -> list[MatterView]:
    """Of those that their account may read."""
    rows = list(rows)
    people = get_persons({row.by for row in rows if row.by})
    places = {row.organization for row in rows if row.organization}
    names = dict(Organization.objects.filter(pk__in=places).values_list("pk", "name")) if places else {}
    active = set(
        Account.objects.filter(pk__in={row.account_id for row in rows}, is_active=True).values_list("pk", flat=True)
    )
    managed = _list_managed({(row.account_id, row.organization) for row in rows if not row.is_own})
    ends = _list_open(rows) | {row.pk: managed[key] for row in rows if (key := _management_of(row)) in managed}
    found = []
    for row in rows:
        if row.account_id not in active or (not row.is_own and row.pk not in ends):
            continue
        who = people[row.by].name if row.by in people else ""
        place = row.place or names.get(row.organization, "")
        title, text = _words(Matter(row.kind), who, place, is_own=row.is_own)
        found.append(
            MatterView(
                id=row.pk,
                account=row.account_id,
                kind=Matter(row.kind),
                event=row.event,
                organization="" if row.is_own else row.organization,
                at=row.at,
                title=title,
                text=text,
                is_open=row.pk in ends,
                until=ends.get(row.pk, inf),
            )
        )
    return found


def _management_of(row: MatterLine) -> tuple[str, str] | None:
    """Who must manage what for this to be his to read; None: it is about himself."""
    return None if row.is_own else (row.account_id, row.organization)


def _list_open(rows: Collection[MatterLine]) -> dict[str, float]:
    """Those about the account itself that are open → until when at least. Three queries at most."""
    of = {kind: [row for row in rows if row.is_own and row.kind == kind] for kind in Matter}
    found = {row.pk: inf for kind in (Matter.GUESSES, Matter.WRONG_CODES) for row in of[kind]}
    if asked := of[Matter.SIGN_IN]:
        unanswered = list_unanswered([row.event for row in asked])
        found |= {row.pk: inf for row in asked if row.event in unanswered}
    if asked := of[Matter.MANY_PLACES]:
        crowded = list_crowded([row.account_id for row in asked])
        found |= {row.pk: inf for row in asked if row.account_id in crowded}
    # What one's role is now is told as long as the line stands: also that one has none any more.
    found |= {row.pk: inf for row in of[Matter.RIGHTS] if row.organization}
    if asked := [row for row in of[Matter.RIGHTS] if not row.organization]:
        running = list_running_shares([row.event for row in asked])
        found |= {row.pk: _seconds(running[row.event]) for row in asked if row.event in running}
    return found


def _seconds(ends_at: datetime | None) -> float:
    return ends_at.timestamp() if ends_at else inf


def _list_managed(pairs: Collection[tuple[str, str]]) -> dict[tuple[str, str], float]:
    """Those (account, organization) where the account manages all of it now → until when at least."""
    held = list_grants({account for account, _place in pairs}, {place for _account, place in pairs}) if pairs else {}
    frozen = list_frozen() if pairs else {}
    at = asked_at()
    decided = {
        (account, place): decide([grant for grant in held.get(account, []) if grant.resource == place], at)
        for account, place in pairs
        if place not in frozen
    }
    return {pair: decision.narrows_at for pair, decision in decided.items() if decision.allows(Permission.MANAGE)}


def _words(kind: Matter, who: str, organization: str, *, is_own: bool) -> tuple[str, str]:
    if kind is Matter.SIGN_IN:
        return _("A new sign-in to your account"), _("Was it you? If not, end it here.")
    if kind is Matter.GUESSES:
        return _("Many wrong passwords for your account"), _("Nobody has come in with them.")
    if kind is Matter.WRONG_CODES:
        return _("Somebody knows your password"), _("Wrong codes were typed after it. Choose a new password.")
    if kind is Matter.MANY_PLACES:
        return (
            _("Your sign-in is used in several places at once"),
            _("If somebody else uses it, share the cameras with them instead."),
        )
    who = who or _("Somebody")
    words = _("%(who)s changed what you may see") if is_own else _("%(who)s changed who may see what")
    return words % {"who": who}, organization
