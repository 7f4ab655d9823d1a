"""Who is told about what: person × camera or panel, for those who may share it (VA 17).

What somebody chose for himself, and when he wants his peace, stays his own: here stands what he *may* be told.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from belvedere.contracts.camera_events import EventKind
from belvedere.contracts.permissions import Permission
from belvedere.control.access.decision import GrantFacts, decide
from belvedere.control.access.selectors import ResourcePath, asked_at, list_in_force, list_once_held
from belvedere.control.accounts.models import Account
from belvedere.control.accounts.selectors import Person
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Camera, Panel
from belvedere.control.devices.panels import list_panels, path_of_panel
from belvedere.control.devices.selectors import list_cameras, path_of
from belvedere.control.notifications.audience import needed_for
from belvedere.control.notifications.channels import OF_CAMERAS, OF_PANELS


@dataclass(frozen=True, slots=True)
class MatrixThing:
    """A camera or panel that one may share. `name` is one's own for it."""

    id: str
    name: str
    organization: str
    is_panel: bool


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """A person, present or former, and of what he is told where: resource → kinds; none: of nothing there."""

    person: Person
    kinds: dict[str, tuple[EventKind, ...]]

    @property
    def is_told(self) -> bool:
        """Of anything."""
        return any(self.kinds.values())


@dataclass(frozen=True, slots=True)
class NotificationMatrix:
    """Everybody who is told of any of these now, or ever was while they were here."""

    things: list[MatrixThing]
    rows: list[MatrixRow]


_ORDER: Final = list(EventKind)


def get_notification_matrix(actor: Principal, *, organization: str = "") -> NotificationMatrix:
    """Of all cameras and panels that the actor may share; of one organization's alone if asked. Constant queries."""
    cameras = [view for view in list_cameras(actor) if view.may(Permission.SHARE)]
    panels = [view for view in list_panels(actor) if view.may(Permission.SHARE)]
    things = [MatrixThing(view.id, view.label, view.organization or "", is_panel=False) for view in cameras]
    things += [MatrixThing(view.id, view.name, view.organization or "", is_panel=True) for view in panels]
    things = [thing for thing in things if not organization or thing.organization == organization]
    paths = _list_paths({thing.id for thing in things})
    places = {part for path in paths.values() for part in path[:3] if part}
    now = list_in_force(places)
    # Who never held `notify` here is nobody whose name belongs in this.
    people = _list_people(list_once_held(places, Permission.NOTIFY))
    rows = [MatrixRow(person, _kinds(things, paths, now.get(person.id, []))) for person in people]
    return NotificationMatrix(things, sorted(rows, key=lambda row: (not row.is_told, row.person.name.casefold())))


def _list_paths(resources: Collection[str]) -> dict[str, ResourcePath]:
    columns = ("pk", "site_id", "organization_id", "closed_at", "disabled_at")
    found = {row.pk: path_of(row) for row in Camera.objects.filter(pk__in=resources).only(*columns)}
    panels = Panel.objects.filter(pk__in=resources).select_related("device")
    return found | {row.pk: path_of_panel(row) for row in panels}


def _list_people(principals: Collection[str]) -> list[Person]:
    """Accounts alone: a guest has no way to be told."""
    rows = Account.objects.filter(pk__in=list(principals), is_active=True)
    return [Person(*row) for row in rows.values_list("pk", "name", "email")]


def _kinds(
    things: list[MatrixThing], paths: dict[str, ResourcePath], held: list[GrantFacts]
) -> dict[str, tuple[EventKind, ...]]:
    at = asked_at()
    by_resource: dict[str, list[GrantFacts]] = {}
    for grant in held:
        by_resource.setdefault(grant.resource, []).append(grant)
    # Mostly nothing or the same, where there are many of both: 500 cameras and 2,000 people are a million pairs.
    decided: dict[tuple[bool, tuple[str, ...]], tuple[EventKind, ...]] = {}
    found: dict[str, tuple[EventKind, ...]] = {}
    for thing in things:
        grants = [grant for part in paths[thing.id][:3] if part for grant in by_resource.get(part, ())]
        key = (thing.is_panel, tuple(grant.id for grant in grants))
        if key not in decided:
            decision = decide(grants, at)
            kinds = OF_PANELS if thing.is_panel else OF_CAMERAS
            decided[key] = tuple(kind for kind in _ORDER if kind in kinds and decision.allows(needed_for(kind)))
        found[thing.id] = decided[key]
    return found
