"""Reading security panels: their state for those who may arm or are notified, and for those who set them up."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q

from belvedere.contracts.panels import FORGOTTEN_AFTER_S, PanelAct, PanelStateWord
from belvedere.contracts.permissions import Permission
from belvedere.control.access.decision import Decision
from belvedere.control.access.models import Origin
from belvedere.control.access.selectors import ResourcePath, decision_of, grants_of, shared_with
from belvedere.control.accounts.selectors import Person, get_persons
from belvedere.control.core import clock
from belvedere.control.core.errors import NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.principal import Principal, once
from belvedere.control.devices.models import Panel

#: Whoever holds one of these sees that there is a panel, and its state. A right to watch cameras is none.
READERS: Final = Permission.ARM | Permission.NOTIFY | Permission.CONFIGURE
#: What a share of a panel may carry.
SHAREABLE_OF_PANELS: Final = Permission.ARM | Permission.NOTIFY


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelView:
    """A panel as one actor sees it. What he may not know is None."""

    id: str
    name: str
    site: str | None
    site_name: str
    organization: str | None
    state: PanelStateWord
    since: datetime | None
    error: str
    code: str
    mine: bool
    shared_by: Person | None
    shared_with: int | None
    ends_at: datetime | None
    permissions: Permission

    def may(self, permission: Permission) -> bool:
        """Whether the actor holds `permission`."""
        return permission in self.permissions

    def needs_code(self, act: PanelAct) -> bool:
        """Whether people are asked for a code."""
        return self.code == "always" or (self.code == "disarm" and act is PanelAct.DISARM)


def path_of_panel(panel: Panel) -> ResourcePath:
    """The resource path of a panel. A closed or unbound one is opened by no grant (rules 6 and 7)."""
    is_live = panel.closed_at is None and panel.device.unbound_at is None
    return ResourcePath(panel.pk, panel.device.site_id, panel.device.organization_id, is_live)


def find_panel_path(panel: str) -> ResourcePath | None:
    """The guard's resolver for panels."""
    row = Panel.objects.filter(pk=panel).select_related("device").first()
    return path_of_panel(row) if row else None


@once
def list_panels(actor: Principal) -> list[PanelView]:
    """Every panel the actor may read, his own first, then by name. A constant number of queries."""
    grants = grants_of(actor)
    held = grants.resources
    rows = Panel.objects.filter(closed_at=None, device__unbound_at=None).filter(
        Q(pk__in=held) | Q(device__site__in=held) | Q(device__organization__in=held)
    )
    rows = rows.select_related("device__site")
    found = [(row, row.shared, grants.decide(path_of_panel(row))) for row in rows.annotate(shared=shared_with())]
    return _views([one for one in found if one[2].permissions & READERS])


def get_panel(actor: Principal, panel: str) -> PanelView:
    """One panel. Raises NotFound if it is absent or the actor may not read it."""
    rows = Panel.objects.filter(pk=panel).select_related("device__site") if is_id(panel) else Panel.objects.none()
    row = rows.annotate(shared=shared_with()).first()
    if row is None:
        raise NotFound
    decision = decision_of(actor, path_of_panel(row))
    if not decision.permissions & READERS:
        raise NotFound
    return _views([(row, row.shared, decision)])[0]


def _views(found: list[tuple[Panel, int, Decision]]) -> list[PanelView]:
    people = get_persons(giver for _row, _shared, decision in found for giver in _givers(decision))
    views = [_view(row, shared, decision, people) for row, shared, decision in found]
    return sorted(views, key=lambda view: (not view.mine, view.name.casefold(), view.id))


def _givers(decision: Decision) -> list[str]:
    """Who shares it with somebody whose it is not."""
    mine = any(grant.origin == Origin.MEMBERSHIP for grant in decision.because)
    return [] if mine else [grant.created_by for grant in decision.because if grant.origin == Origin.SHARE]


def _view(row: Panel, shared: int, decision: Decision, people: dict[str, Person]) -> PanelView:
    mine = any(grant.origin == Origin.MEMBERSHIP for grant in decision.because)
    ends, now = decision.narrows_at, clock.now()
    is_fresh = row.heard_at is not None and row.heard_at > now - timedelta(seconds=FORGOTTEN_AFTER_S)
    return PanelView(
        id=row.pk,
        name=row.device.name,
        site=row.device.site_id if mine else None,
        site_name=row.device.site.name if mine else "",
        organization=row.device.organization_id if mine else None,
        # What nobody has spoken of for a minute may be anything by now.
        state=PanelStateWord(row.state) if is_fresh else PanelStateWord.UNKNOWN,
        since=row.state_since if is_fresh else row.heard_at,
        error=row.error if mine else "",
        code=row.code,
        mine=mine,
        shared_by=next((people[pk] for pk in _givers(decision) if pk in people), None),
        shared_with=shared if Permission.SHARE in decision.permissions else None,
        ends_at=None if ends == float("inf") else datetime.fromtimestamp(ends, tz=now.tzinfo),
        permissions=decision.permissions,
    )
