"""The lines of inboxes that are about no camera, in words: about the account itself, and about rights."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission
from belvedere.control.access.decision import decide
from belvedere.control.access.selectors import asked_at, list_frozen, list_grants
from belvedere.control.accounts.models import Account
from belvedere.control.accounts.selectors import find_crowded, get_persons
from belvedere.control.accounts.sign_ins import list_new_places
from belvedere.control.core.errors import NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.matters import Matter
from belvedere.control.core.principal import Principal
from belvedere.control.notifications.models import MatterLine
from belvedere.control.organizations.models import Organization


@dataclass(frozen=True, slots=True, kw_only=True)
class MatterView:
    """One of them. `organization`: whose rights changed, where it is about others; else ""."""

    id: str
    account: str
    kind: Matter
    event: str
    organization: str
    at: datetime
    title: str
    text: str


def list_matters(actor: Principal, *, since: datetime) -> list[MatterView]:
    """One's own, the latest first, without what one has answered or put away. A constant number of queries."""
    rows = list(MatterLine.objects.filter(account=actor.id, is_kept=True, at__gt=since).order_by("-at", "-pk")[:100])
    kinds = {row.kind for row in rows}
    asked = {place.id for place in list_new_places(actor)} if Matter.SIGN_IN in kinds else set()
    is_crowded = Matter.MANY_PLACES in kinds and find_crowded(actor) is not None
    return [
        view
        for view in _views(rows)
        if (view.kind is not Matter.SIGN_IN or view.event in asked)
        and (view.kind is not Matter.MANY_PLACES or is_crowded)
    ]


def get_matter(actor: Principal, matter: str) -> MatterView:
    """One of one's own. Raises NotFound: also where one manages that organization no more."""
    views = _views(MatterLine.objects.filter(pk=matter, account=actor.id)) if is_id(matter) else []
    if not views:
        raise NotFound
    return views[0]


def list_tellable_matters(lines: Collection[str]) -> list[MatterView]:
    """Those whose account is to be told of them now. The caller acts for the server. A constant number of queries."""
    return _views(MatterLine.objects.filter(pk__in=lines))


def _views(rows: Iterable[MatterLine]) -> list[MatterView]:
    rows = list(rows)
    people = get_persons({row.by for row in rows if row.by})
    places = {row.organization for row in rows if row.organization}
    names = dict(Organization.objects.filter(pk__in=places).values_list("pk", "name")) if places else {}
    active = set(
        Account.objects.filter(pk__in={row.account_id for row in rows}, is_active=True).values_list("pk", flat=True)
    )
    managed = _list_managed({(row.account_id, row.organization) for row in rows if not row.is_own})
    found = []
    for row in rows:
        if row.account_id not in active or (not row.is_own and (row.account_id, row.organization) not in managed):
            continue
        who = people[row.by].name if row.by in people else ""
        title, text = _words(Matter(row.kind), who, names.get(row.organization, ""), is_own=row.is_own)
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
            )
        )
    return found


def _list_managed(pairs: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those (account, organization) where the account manages all of it now."""
    held = list_grants({account for account, _place in pairs}, {place for _account, place in pairs}) if pairs else {}
    frozen = list_frozen() if pairs else {}
    at = asked_at()
    return {
        (account, place)
        for account, place in pairs
        if place not in frozen
        and decide([grant for grant in held.get(account, []) if grant.resource == place], at).allows(Permission.MANAGE)
    }


def _words(kind: Matter, who: str, organization: str, *, is_own: bool) -> tuple[str, str]:
    if kind is Matter.SIGN_IN:
        return _("A new sign-in to your account"), _("Was it you? If not, end it here.")
    if kind is Matter.GUESSES:
        return _("Many wrong passwords for your account"), _("Nobody has come in with them.")
    if kind is Matter.MANY_PLACES:
        return (
            _("Your sign-in is used in several places at once"),
            _("If somebody else uses it, share the cameras with them instead."),
        )
    who = who or _("Somebody")
    words = _("%(who)s changed what you may see") if is_own else _("%(who)s changed who may see what")
    return words % {"who": who}, organization
