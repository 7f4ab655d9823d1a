"""`/devices`: bound to exactly one owner."""

from datetime import datetime
from typing import Annotated

from django.http import HttpRequest
from ninja import Router, Status
from pydantic import Field, StringConstraints

from belvedere.control.api.auth import actor_of
from belvedere.control.api.pages import DEFAULT_LIMIT, MAX_LIMIT, paginate
from belvedere.control.api.schemas import CameraOut, Id, In, Name, Out, ProblemOut, ReceiptOut
from belvedere.control.core.errors import Invalid
from belvedere.control.devices import services
from belvedere.control.devices.selectors import DeviceView, get_device, list_devices
from belvedere.control.streaming.selectors import count_watching, list_cuts

router = Router(tags=["devices"])


#: as typed: a blank at its end is part of it
type Password = Annotated[str, StringConstraints(strip_whitespace=False, max_length=200)]


class SourceIn(In):
    """Where a camera is, and how to get in."""

    site: Id
    address: str = Field(max_length=500, examples=["rtsp://192.168.1.10:554/stream1"])
    sub_address: str | None = Field(default=None, max_length=500)
    username: str = Field(default="", max_length=200)
    password: Password = ""


class DeviceIn(SourceIn):
    """A device to be bound."""

    name: Name
    kind: str = "camera"
    test: bool = Field(default=True, description="false binds without the live test, as for a camera switched off")


class DevicePatch(In):
    """What of a device can be changed."""

    name: Name


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
    site: str
    organization: str
    state: str
    created_at: datetime
    cameras: list[CameraOut]

    @classmethod
    def of(cls, view: DeviceView, watching: dict[str, int]) -> "DeviceOut":
        """From what selectors return."""
        return cls(
            id=view.id,
            kind=view.kind,
            name=view.name,
            identity=view.shown_address,
            site=view.site,
            organization=view.organization,
            state=view.state,
            created_at=view.created_at,
            cameras=[CameraOut.of(camera, watching.get(camera.id)) for camera in view.cameras],
        )


class DevicesOut(Out):
    """A page of devices."""

    items: list[DeviceOut]
    next: str | None = None


@router.get("/devices", response={200: DevicesOut, 400: ProblemOut, 401: ProblemOut})
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
    watching = count_watching(actor, [camera.id for row in rows for camera in row.cameras])
    return DevicesOut(items=[DeviceOut.of(row, watching) for row in rows], next=following)


@router.post(
    "/devices",
    response={
        201: DeviceOut,
        401: ProblemOut,
        403: ProblemOut,
        404: ProblemOut,
        409: ProblemOut,
        422: ProblemOut,
        429: ProblemOut,
        503: ProblemOut,
    },
)
def add_device(request: HttpRequest, body: DeviceIn) -> Status[DeviceOut]:
    """Bind a camera to a site's organization. 409 `already_bound`: it has an owner, ask for a share."""
    actor = actor_of(request)
    if body.kind != "camera":
        raise Invalid("Only cameras can be added so far.", field="kind")
    device = services.add_device(
        actor,
        site=body.site,
        name=body.name,
        address=body.address,
        sub_address=body.sub_address or "",
        username=body.username,
        password=body.password,
        is_tested=body.test,
    )
    return Status(201, DeviceOut.of(get_device(actor, device), {}))


@router.post(
    "/devices/test",
    response={
        200: ProbeOut,
        401: ProblemOut,
        403: ProblemOut,
        404: ProblemOut,
        422: ProblemOut,
        429: ProblemOut,
        503: ProblemOut,
    },
)
def probe_device(request: HttpRequest, body: SourceIn) -> ProbeOut:
    """Try an address live and save nothing."""
    found = services.probe_device(
        actor_of(request),
        site=body.site,
        address=body.address,
        sub_address=body.sub_address or "",
        username=body.username,
        password=body.password,
    )
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


@router.get("/devices/{device_id}", response={200: DeviceOut, 401: ProblemOut, 404: ProblemOut})
def device(request: HttpRequest, device_id: str) -> DeviceOut:
    """One device."""
    actor = actor_of(request)
    view = get_device(actor, device_id)
    return DeviceOut.of(view, count_watching(actor, [camera.id for camera in view.cameras]))


@router.patch(
    "/devices/{device_id}",
    response={200: DeviceOut, 401: ProblemOut, 403: ProblemOut, 404: ProblemOut, 422: ProblemOut},
)
def patch_device(request: HttpRequest, device_id: str, body: DevicePatch) -> DeviceOut:
    """Rename a device."""
    actor = actor_of(request)
    services.rename_device(actor, device=device_id, name=body.name)
    return DeviceOut.of(get_device(actor, device_id), {})


@router.delete("/devices/{device_id}", response={200: ReceiptOut, 401: ProblemOut, 403: ProblemOut, 404: ProblemOut})
def unbind_device(request: HttpRequest, device_id: str) -> ReceiptOut:
    """Unbind a device: its shares end, its pictures stop; the receipt says which."""
    change_id = services.unbind_device(actor_of(request), device=device_id)
    return ReceiptOut.of("unbound", change_id, list_cuts(change_id))
