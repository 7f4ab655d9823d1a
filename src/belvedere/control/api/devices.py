"""`/devices`: bound to exactly one owner."""

from datetime import datetime
from typing import Annotated, Literal

from django.http import HttpRequest
from ninja import Router, Status
from pydantic import Field, StringConstraints

from belvedere.contracts.devices import Channel
from belvedere.control.api.auth import actor_of
from belvedere.control.api.pages import DEFAULT_LIMIT, MAX_LIMIT, paginate
from belvedere.control.api.panels import BrokerIn, PanelOut, TopicsIn, TrustIn, read_wish
from belvedere.control.api.schemas import CameraOut, Id, In, Name, Out, ReceiptOut, problems
from belvedere.control.core.errors import Invalid
from belvedere.control.devices import services
from belvedere.control.devices.panel_sources import PanelWish
from belvedere.control.devices.selectors import DeviceView, get_device, list_devices
from belvedere.control.devices.services import DraftChannel
from belvedere.control.streaming.selectors import count_watching, list_cuts

router = Router(tags=["devices"])


#: as typed: a blank at its end is part of it
type Password = Annotated[str, StringConstraints(strip_whitespace=False, max_length=200)]


class SourceIn(In):
    """Where a device is, and how to get in: a camera's rtsp:// address, or a device that speaks ONVIF."""

    site: Id
    address: str = Field(max_length=500, examples=["rtsp://192.168.1.10:554/stream1", "192.168.1.20"])
    sub_address: str | None = Field(default=None, max_length=500)
    username: str = Field(default="", max_length=200)
    password: Password = ""
    transport: Literal["tcp", "udp"] = "tcp"

    def typed(self) -> services.TypedFields:
        """As services take it."""
        return {
            "address": self.address,
            "sub_address": self.sub_address or "",
            "username": self.username,
            "password": self.password,
            "transport": self.transport,
        }


class ChannelIn(In):
    """A channel of a recorder: by ONVIF its token says all; else it brings its own addresses."""

    token: str = Field(min_length=1, max_length=64)
    name: str = Field(default="", max_length=80)
    address: str = Field(default="", max_length=500)
    sub_address: str | None = Field(default=None, max_length=500)

    def wish(self) -> services.ChannelWish:
        """As services take it."""
        return services.ChannelWish(
            token=self.token, name=self.name, address=self.address, sub_address=self.sub_address or ""
        )


class DeviceIn(SourceIn):
    """A device to be bound."""

    name: Name
    kind: Literal["camera", "recorder", "panel"] = "camera"
    topics: TopicsIn | None = Field(default=None, description="of a panel, whose address is mqtts://…")
    trust: TrustIn | None = Field(default=None, description="of a panel")
    code: Literal["never", "disarm", "always"] = Field(default="disarm", description="when a panel asks for its code")
    channels: list[ChannelIn] | None = Field(default=None, max_length=64, description="null = all that it lists")
    test: bool = Field(default=True, description="false binds without the live test, as for a camera switched off")

    def typed(self) -> services.TypedFields:
        """As services take it."""
        return {
            **super().typed(),
            "channels": [row.wish() for row in self.channels] if self.channels is not None else None,
        }


class DevicePatch(In):
    """What of a device can be changed, one at a time."""

    name: Name | None = None
    site: Id | None = None
    enabled: bool | None = None
    broker: BrokerIn | None = Field(default=None, description="of a panel")


class ChannelsIn(In):
    """Channels to bind as well."""

    channels: list[ChannelIn] = Field(min_length=1, max_length=64)


class SiteIn(In):
    """Where to look."""

    site: Id


class FoundOut(Out):
    """A device that answered."""

    endpoint: str
    address: str
    host: str
    name: str
    hardware: str
    location: str


class DiscoveryOut(Out):
    """Everybody who answered in time; `is_cut`: there were more."""

    items: list[FoundOut]
    is_cut: bool


class ChannelOut(Out):
    """One picture that a device has."""

    token: str
    name: str
    codec: str = ""
    width: int = 0
    height: int = 0
    fps: float = 0.0
    has: list[str]


class ChannelsOut(Out):
    """Channels that are not bound yet."""

    items: list[ChannelOut]


class InspectionOut(Out):
    """What an ONVIF device says of itself."""

    manufacturer: str
    model: str
    firmware: str
    serial: str
    clock_drift_s: float | None
    channels: list[ChannelOut]


class ProbeOut(Out):
    """What a live test found. `code` is ok, or what is wrong in one stable word."""

    ok: bool
    code: str
    detail: str
    codec: str
    width: int
    height: int
    fps: float
    audio: str
    took_ms: int


class DeviceOut(Out):
    """A device one may configure. Its credentials are in no answer, ever."""

    id: str
    kind: str
    name: str
    identity: str
    #: where it seems to answer now, while it is away; "" if nowhere. A kept password goes there only when typed anew
    found_at: str
    site: str
    organization: str
    state: str
    enabled: bool
    manufacturer: str
    model: str
    firmware: str
    serial: str
    clock_drift_s: float | None
    created_at: datetime
    cameras: list[CameraOut]
    panel: PanelOut | None = None

    @classmethod
    def of(cls, view: DeviceView, watching: dict[str, int]) -> "DeviceOut":
        """From what selectors return."""
        return cls(
            id=view.id,
            kind=view.kind,
            name=view.name,
            identity=view.shown_address,
            found_at=view.found_address,
            site=view.site,
            organization=view.organization,
            state=view.state,
            enabled=view.is_enabled,
            manufacturer=view.manufacturer,
            model=view.model,
            firmware=view.firmware,
            serial=view.serial,
            clock_drift_s=view.clock_drift_s,
            created_at=view.created_at,
            cameras=[CameraOut.of(camera, watching.get(camera.id)) for camera in view.cameras],
            panel=PanelOut.of(view.panel) if view.panel else None,
        )


class DevicesOut(Out):
    """A page of devices."""

    items: list[DeviceOut]
    next: str | None = None


@router.get("/devices", response={200: DevicesOut, **problems(400, 401)})
def devices(request: HttpRequest, limit: int = DEFAULT_LIMIT, cursor: str | None = None) -> DevicesOut:
    """Devices the caller may configure."""
    actor = actor_of(request)
    rows, following = paginate(
        list_devices(actor),
        actor=actor,
        listing="devices",
        key=lambda row: row.id,
        limit=max(1, min(limit, MAX_LIMIT)),
        cursor=cursor,
    )
    watching = count_watching(camera for row in rows for camera in row.cameras)
    return DevicesOut(items=[DeviceOut.of(row, watching) for row in rows], next=following)


@router.post("/devices", response={201: DeviceOut, **problems(401, 403, 404, 409, 422, 429, 503)})
def add_device(request: HttpRequest, body: DeviceIn) -> Status[DeviceOut]:
    """Bind a camera, or a recorder with its channels, to a site's organization. 409 `already_bound`: has an owner."""
    actor = actor_of(request)
    if body.kind == "panel":
        device = services.add_panel(actor, site=body.site, name=body.name, wish=_panel_wish(body))
    else:
        device = services.add_device(actor, site=body.site, name=body.name, is_tested=body.test, **body.typed())
    return Status(201, DeviceOut.of(get_device(actor, device), {}))


def _panel_wish(body: DeviceIn) -> PanelWish:
    if body.topics is None:
        raise Invalid("A panel needs its topics.", field="topics")
    return read_wish(
        address=body.address,
        username=body.username,
        password=body.password,
        topics=body.topics,
        trust=body.trust,
        code=body.code,
    )


@router.post("/devices/test", response={200: ProbeOut, **problems(401, 403, 404, 422, 429, 503)})
def probe_device(request: HttpRequest, body: SourceIn) -> ProbeOut:
    """Try an address live and save nothing."""
    found = services.probe_device(actor_of(request), site=body.site, **body.typed())
    return ProbeOut(
        ok=found.is_playable,
        code=found.code,
        detail=services.explain_probe(found),
        codec=found.codec,
        width=found.width,
        height=found.height,
        fps=found.fps,
        audio=found.audio,
        took_ms=found.took_ms,
    )


@router.post("/devices/discover", response={200: DiscoveryOut, **problems(401, 403, 404, 422, 429, 503)})
def discover_devices(request: HttpRequest, body: SiteIn) -> DiscoveryOut:
    """Who answers ONVIF's search in the networks that the site's organization reaches."""
    reply = services.discover_devices(actor_of(request), site=body.site)
    items = [
        FoundOut(
            endpoint=row.endpoint,
            address=row.address,
            host=row.host,
            name=row.name,
            hardware=row.hardware,
            location=row.location,
        )
        for row in reply.found
    ]
    return DiscoveryOut(items=items, is_cut=reply.is_cut)


@router.post("/devices/inspect", response={200: InspectionOut, **problems(401, 403, 404, 422, 429, 503)})
def inspect_device(request: HttpRequest, body: SourceIn) -> InspectionOut:
    """Ask an ONVIF device what it is and which channels it has; nothing is saved."""
    found = services.inspect_device(actor_of(request), site=body.site, **body.typed())
    return InspectionOut(
        manufacturer=found.manufacturer,
        model=found.model,
        firmware=found.firmware,
        serial=found.serial,
        clock_drift_s=found.clock_drift_s,
        channels=[
            ChannelOut(
                token=row.token,
                name=row.name,
                codec=row.main.codec,
                width=row.main.width,
                height=row.main.height,
                fps=row.main.fps,
                has=_abilities(row),
            )
            for row in found.channels
        ],
    )


def _abilities(row: Channel | DraftChannel) -> list[str]:
    return [name for name in ("audio", "talk", "ptz") if getattr(row, f"has_{name}")]


@router.post("/devices/{device_id}/refresh", response={200: ChannelsOut, **problems(401, 403, 404, 409, 422, 429, 503)})
def refresh_device(request: HttpRequest, device_id: str) -> ChannelsOut:
    """Ask a bound ONVIF device again; the channels that are not bound yet."""
    rows = services.refresh_device(actor_of(request), device=device_id)
    return ChannelsOut(items=[ChannelOut(token=row.token, name=row.name, has=_abilities(row)) for row in rows])


@router.post("/devices/{device_id}/channels", response={200: DeviceOut, **problems(401, 403, 404, 409, 422, 429, 503)})
def add_channels(request: HttpRequest, device_id: str, body: ChannelsIn) -> DeviceOut:
    """Bind further channels of a recorder. Nobody but members sees them until they are shared."""
    actor = actor_of(request)
    services.add_channels(actor, device=device_id, channels=[row.wish() for row in body.channels])
    return DeviceOut.of(get_device(actor, device_id), {})


@router.get("/devices/{device_id}", response={200: DeviceOut, **problems(401, 404)})
def device(request: HttpRequest, device_id: str) -> DeviceOut:
    """One device."""
    actor = actor_of(request)
    view = get_device(actor, device_id)
    return DeviceOut.of(view, count_watching(view.cameras))


@router.patch("/devices/{device_id}", response={200: DeviceOut, **problems(401, 403, 404, 409, 422)})
def patch_device(request: HttpRequest, device_id: str, body: DevicePatch) -> DeviceOut:
    """Rename a device, move it to another site, switch it off and on, or give a panel another broker: one at a time.

    Moving and switching off end pictures at once; `receipts/{change_id}` of the audit says which.
    """
    actor = actor_of(request)
    services.edit_device(
        actor,
        device=device_id,
        name=body.name,
        site=body.site,
        is_enabled=body.enabled,
        broker=body.broker.wish() if body.broker else None,
    )
    return DeviceOut.of(get_device(actor, device_id), {})


@router.delete("/devices/{device_id}", response={200: ReceiptOut, **problems(401, 403, 404)})
def unbind_device(request: HttpRequest, device_id: str) -> ReceiptOut:
    """Unbind a device: its shares end, its pictures stop; the receipt says which."""
    change_id = services.unbind_device(actor_of(request), device=device_id)
    return ReceiptOut.of("unbound", change_id, list_cuts(change_id))
