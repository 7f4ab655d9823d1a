"""Reading devices and cameras: only what the actor holds something on, and only the fields he may know (N14)."""

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from django.db.models import FilteredRelation, Q, QuerySet

from belvedere.contracts.panels import PanelStateWord
from belvedere.contracts.permissions import Permission
from belvedere.control.access.decision import Decision, GrantFacts
from belvedere.control.access.guard import find_path
from belvedere.control.access.models import Origin
from belvedere.control.access.selectors import ResourcePath, decision_of, grants_of, shared_with
from belvedere.control.accounts.selectors import Person, get_persons
from belvedere.control.core import clock, sql
from belvedere.control.core.errors import Frozen, NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.principal import Principal, once, tell
from belvedere.control.devices.models import BindAttempt, Camera, Device, MediaNode, Panel
from belvedere.control.devices.panels import PanelView, list_panels

DAY = timedelta(days=1)
NODE_IS_GONE_AFTER = timedelta(seconds=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraView:
    """A camera as one actor sees it. What he may not know is None."""

    id: str
    name: str
    alias: str
    device: str | None
    site: str | None
    site_name: str
    #: of the site; "" for whom does not know the place
    time_zone: str
    organization: str | None
    state: str
    since: datetime | None
    last_drop_at: datetime | None
    error: str
    mine: bool
    shared_by: Person | None
    shared_with: int | None
    #: when the last of his grants ends, and the weekly hours they all keep to; None = without
    ends_at: datetime | None
    hours: dict[str, Any] | None
    permissions: Permission
    #: the earliest footage, in seconds since the epoch; None without playback, -inf without bound
    playback_from: float | None
    width: int
    height: int
    fps: float
    has: list[str]
    #: since when nobody can watch it, and who did that; the name only for those to whom the camera belongs
    disabled_at: datetime | None
    disabled_by: Person | None
    #: until when, where a member took private hours: who it was, nobody reads
    private_until: datetime | None

    @property
    def label(self) -> str:
        """The name to show: one's own, if one gave it one."""
        return self.alias or self.name

    def may(self, permission: Permission) -> bool:
        """Whether the actor holds `permission`."""
        return permission in self.permissions


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceView:
    """A device as those see it who may configure it."""

    id: str
    kind: str
    name: str
    site: str
    site_name: str
    organization: str
    shown_address: str
    manufacturer: str
    model: str
    firmware: str
    serial: str
    is_onvif: bool
    transport: str
    clock_drift_s: float | None
    inspected_at: datetime | None
    #: where it seems to answer now, while it is away from `shown_address`; "" where nobody like it was found
    found_address: str
    created_at: datetime
    cameras: list[CameraView]
    #: what it says of itself, if it is a security panel
    panel: PanelView | None = None

    @property
    def is_enabled(self) -> bool:
        """Whether anybody can watch: not all of its cameras are switched off."""
        return not self.cameras or any(camera.disabled_at is None for camera in self.cameras)

    @property
    def mine(self) -> bool:
        """Whether the actor is a member, and no service provider: it is his to switch off and to unbind."""
        return all(camera.mine for camera in self.cameras) and (self.panel is None or self.panel.mine)

    @property
    def state(self) -> str:
        """Online if all of its cameras are; a panel is while it can be heard."""
        if self.panel:
            return "unknown" if self.panel.state is PanelStateWord.UNKNOWN else "online"
        states = {camera.state for camera in self.cameras}
        return states.pop() if len(states) == 1 else "offline" if "offline" in states else "unknown"


class _Row(NamedTuple):
    """A camera as lists read it: rows of a model cost three times as much, and lists are long."""

    id: str
    device_id: str
    site_id: str
    site_name: str
    time_zone: str
    organization_id: str
    name: str
    closed_at: datetime | None
    disabled_at: datetime | None
    disabled_by: str
    private_until: datetime | None
    state: str
    state_since: datetime | None
    last_drop_at: datetime | None
    error: str
    width: int
    height: int
    fps: float
    has_audio: bool
    has_talk: bool
    has_ptz: bool
    alias: str | None
    #: for who may share it, and nobody else
    shared_with: int


class _DeviceRow(NamedTuple):
    """A device as lists read it: without what is sealed."""

    id: str
    kind: str
    name: str
    site_id: str
    site_name: str
    organization_id: str
    shown_address: str
    manufacturer: str
    model: str
    firmware: str
    serial: str
    is_onvif: bool
    transport: str
    clock_drift_s: float | None
    inspected_at: datetime | None
    found_address: str
    created_at: datetime


_ELSEWHERE: Final = {"site_name": "site__name", "time_zone": "site__time_zone", "alias": "own__name"}


def _fetch(actor: Principal, rows: QuerySet[Camera]) -> list[_Row]:
    """With the name that the actor gave each of them, if he did."""
    own = FilteredRelation("aliases", condition=Q(aliases__account=actor.id))
    rows = rows.annotate(own=own, shared_with=shared_with())
    return [_Row._make(row) for row in rows.values_list(*(_ELSEWHERE.get(name, name) for name in _Row._fields))]


def path_of(camera: Camera | _Row) -> ResourcePath:
    """The resource path of a camera. A closed one is opened by no grant (rules 6 and 7)."""
    return ResourcePath(
        camera.id, camera.site_id, camera.organization_id, camera.closed_at is None, camera.disabled_at is None
    )


def find_camera_path(camera: str) -> ResourcePath | None:
    """The guard's resolver for cameras."""
    row = Camera.objects.filter(pk=camera).only("pk", "site_id", "organization_id", "closed_at", "disabled_at").first()
    return path_of(row) if row else None


def find_device_path(device: str) -> ResourcePath | None:
    """The guard's resolver for devices: what one holds on its site or organization."""
    row = Device.objects.filter(pk=device, unbound_at=None).first()
    return ResourcePath(row.pk, row.site_id, row.organization_id) if row else None


def list_paths(cameras: Iterable[str]) -> dict[str, ResourcePath]:
    """Camera id → its path, for those that exist. One query."""
    asked = set(cameras)
    if not asked:
        return {}
    columns = "id, site_id, organization_id, closed_at IS NULL, disabled_at IS NULL"
    rows = sql.fetch(f"SELECT {columns} FROM devices_camera WHERE id IN ({sql.marks(asked)})", *asked)  # noqa: S608  constants
    return {
        pk: ResourcePath(pk, site, organization, bool(is_live), bool(is_on))
        for pk, site, organization, is_live, is_on in rows
    }


def things_to_share(actor: Principal, organization: str) -> tuple[QuerySet[Camera], QuerySet[Panel]]:
    """Cameras and panels of an organization that the actor may share, to be counted."""
    grants = grants_of(actor)
    if grants.frozen_until(ResourcePath("", "", organization)):
        return Camera.objects.none(), Panel.objects.none()
    held = [pk for pk in grants.resources if grants.decide(ResourcePath(pk, "", "")).allows(Permission.SHARE)]
    cameras = Camera.objects.filter(Q(site__in=held) | Q(organization__in=held), organization=organization)
    of_panel = Q(device__site__in=held) | Q(device__organization__in=held)
    panels = Panel.objects.filter(of_panel, device__organization=organization)
    return cameras.filter(closed_at=None), panels.filter(closed_at=None)


def list_cameras(actor: Principal, *, ids: Iterable[str] | None = None) -> list[CameraView]:
    """Every camera the actor holds anything on, his own first, then by name. A constant number of queries."""
    return _list_all(actor) if ids is None else _list(actor, Q(pk__in=set(ids)))


@once
def _list_all(actor: Principal) -> list[CameraView]:
    return _list(actor, Q())


def _list(actor: Principal, where: Q) -> list[CameraView]:
    grants = grants_of(actor)
    resources = grants.resources
    rows = Camera.objects.filter(where, closed_at=None).filter(
        Q(pk__in=resources) | Q(site__in=resources) | Q(organization__in=resources)
    )
    found = [(row, grants.decide(path_of(row))) for row in _fetch(actor, rows)]
    return _views([(row, decision) for row, decision in found if decision.permissions])


@once
def get_camera(actor: Principal, camera: str) -> CameraView:
    """One camera. Raises NotFound if it is absent or the actor holds nothing on it."""
    rows = _fetch(actor, Camera.objects.filter(pk=camera)) if is_id(camera) else []
    if not rows:
        raise NotFound
    row = rows[0]
    path = path_of(row)
    tell(find_path, path, actor, "camera", row.id)
    decision = decision_of(actor, path)
    if decision.frozen_until is not None:
        raise Frozen
    if not decision.permissions:
        raise NotFound
    return _views([(row, decision)])[0]


def _views(found: list[tuple[_Row, Decision]]) -> list[CameraView]:
    is_mine = {row.id: _is_mine(decision) for row, decision in found}
    people = get_persons(
        [
            *(grant.created_by for row, decision in found if not is_mine[row.id] for grant in _shares(decision)),
            *(row.disabled_by for row, _ in found if row.disabled_by and is_mine[row.id]),
        ]
    )
    views = [_view(row, decision, people, mine=is_mine[row.id]) for row, decision in found]
    return sorted(views, key=lambda view: (not view.mine, view.label.casefold(), view.id))


def _shares(decision: Decision) -> list[GrantFacts]:
    return [grant for grant in decision.because if grant.origin == Origin.SHARE]


def _is_mine(decision: Decision) -> bool:
    return any(grant.origin == Origin.MEMBERSHIP for grant in decision.because)


def _view(row: _Row, decision: Decision, people: dict[str, Person], *, mine: bool) -> CameraView:
    ends = [grant.ends_at for grant in decision.because]
    hours = {grant.hours for grant in decision.because}
    sharer = next((people[grant.created_by] for grant in _shares(decision) if grant.created_by in people), None)
    may_share = Permission.SHARE in decision.permissions
    # A service provider sets up what is not his: he knows it as its members do (HC-27).
    is_run = mine or Permission.CONFIGURE in decision.permissions
    return CameraView(
        id=row.id,
        name=row.name,
        alias=row.alias or "",
        device=row.device_id if is_run else None,
        site=row.site_id if is_run else None,
        site_name=row.site_name if is_run else "",
        time_zone=row.time_zone if is_run else "",
        organization=row.organization_id if is_run else None,
        state=row.state,
        since=row.state_since,
        last_drop_at=row.last_drop_at if is_run else None,
        error=row.error if is_run else "",
        mine=mine,
        shared_by=None if mine else sharer,
        shared_with=row.shared_with if may_share else None,
        ends_at=None if None in ends else datetime.fromtimestamp(max(end for end in ends if end), UTC),
        hours=json.loads(found) if len(hours) == 1 and (found := hours.pop()) else None,
        permissions=decision.permissions,
        playback_from=decision.playback_from,
        width=row.width,
        height=row.height,
        fps=row.fps,
        has=[name for name in ("audio", "talk", "ptz") if getattr(row, f"has_{name}")],
        disabled_at=row.disabled_at,
        disabled_by=people.get(row.disabled_by) if mine else None,
        private_until=row.private_until,
    )


def list_devices(actor: Principal) -> list[DeviceView]:
    """Devices whose site the actor may configure."""
    return _devices(Device.objects.all(), list_cameras(actor), list_panels(actor))


def get_device(actor: Principal, device: str) -> DeviceView:
    """One device the actor may configure. Raises NotFound."""
    ids = Camera.objects.filter(device_id=device, closed_at=None).values_list("pk", flat=True) if is_id(device) else []
    panels = [row for row in list_panels(actor) if row.id == device]
    found = _devices(Device.objects.filter(pk=device), list_cameras(actor, ids=ids), panels)
    if not found:
        raise NotFound
    return found[0]


def _devices(rows: QuerySet[Device], cameras: Iterable[CameraView], panels: Iterable[PanelView]) -> list[DeviceView]:
    by_device: dict[str, list[CameraView]] = {}
    sites: set[str | None] = set()
    for view in cameras:
        if view.device and view.may(Permission.CONFIGURE):
            by_device.setdefault(view.device, []).append(view)
            sites.add(view.site)
    by_id = {view.id: view for view in panels if view.may(Permission.CONFIGURE)}
    sites.update(view.site for view in by_id.values())
    # Asked for by their few sites: a thousand ids would cost more than the rows they save.
    columns = ("site__name" if name == "site_name" else name for name in _DeviceRow._fields)
    found = rows.filter(site__in=sites, unbound_at=None).order_by("name", "pk").values_list(*columns)
    return [
        _device_view(row, by_device.get(row.id, []), by_id.get(row.id))
        for row in map(_DeviceRow._make, found)
        if row.id in by_device or row.id in by_id
    ]


def _device_view(row: _DeviceRow, cameras: list[CameraView], panel: PanelView | None) -> DeviceView:
    return DeviceView(
        id=row.id,
        kind=row.kind,
        name=row.name,
        site=row.site_id,
        site_name=row.site_name,
        organization=row.organization_id,
        shown_address=row.shown_address,
        manufacturer=row.manufacturer,
        model=row.model,
        firmware=row.firmware,
        serial=row.serial,
        is_onvif=row.is_onvif,
        transport=row.transport,
        clock_drift_s=row.clock_drift_s,
        inspected_at=row.inspected_at,
        found_address=row.found_address,
        created_at=row.created_at,
        cameras=cameras,
        panel=panel,
    )


def find_node_of(camera: str) -> MediaNode | None:
    """The live media node that carries this camera, by rendezvous hashing; None if no node lives."""
    nodes = MediaNode.objects.filter(last_seen_at__gt=clock.now() - NODE_IS_GONE_AFTER)
    return choose_node(camera, list(nodes))


def is_key_unwanted(node: str, public_key: str) -> bool:
    """Whether this node is to use that key no more, and to make another one."""
    return MediaNode.objects.filter(pk=node, unwanted_key=public_key).exists()


def choose_node(camera: str, nodes: list[MediaNode]) -> MediaNode | None:
    """The node with the highest hash: when one goes, only its cameras move."""
    return max(nodes, key=lambda node: zlib.crc32(f"{camera}|{node.pk}".encode()), default=None)


def list_bind_attempts(actor: Principal, *, since: datetime) -> list[tuple[str, datetime]]:
    """(device name, when) of refused attempts to bind what the actor owns (VA 3)."""
    rows = (
        BindAttempt.objects.filter(device__organization__owner_id=actor.id, at__gte=since)
        .order_by("-at")
        .values_list("device__name", "at")
    )
    return list(rows[:20])


def is_in_use(device: str) -> bool:
    """Whether its owner may still use it: unless every camera has been offline for a day, as far as anybody knows.

    What is switched off, or unknown, is not: nobody can tell whether the stored password would open it, and its owner
    is given the benefit.
    """
    cameras = Camera.objects.filter(device=device, closed_at=None)
    left_behind = Q(state="offline", state_since__lte=clock.now() - DAY, disabled_at=None)
    return cameras.exclude(left_behind).exists()
