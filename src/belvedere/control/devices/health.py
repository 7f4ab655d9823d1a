"""How a device's cameras have been: the last day as stretches, drops, what they send. For who may configure them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from belvedere.control.core import clock
from belvedere.control.core.errors import NotFound
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Camera, StateChange
from belvedere.control.devices.selectors import DAY, DeviceView, get_camera

#: What is shorter is a hiccup; what is longer is worth a look, and later a message.
AWAY_AFTER: Final = timedelta(minutes=5)
#: A clock that is further off stamps recordings wrongly, and many devices then refuse the sign-in.
CLOCK_IS_WRONG_AFTER_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the last day in one state. `start` and `length` are parts of that day: 0 to 1, 0 a day ago."""

    start: float
    length: float
    since: datetime
    until: datetime
    is_online: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """One camera's last day. `uptime` is the online part of what is known, 0 to 1; None if nothing is known."""

    stretches: list[Stretch] = field(default_factory=list)
    drops: int = 0
    uptime: float | None = None
    codec: str = ""
    bitrate: int = 0


@dataclass(frozen=True, slots=True)
class Stability:
    """How a camera has been over the last day (VA 9)."""

    state: str
    since: datetime | None
    last_drop_at: datetime | None
    uptime_day: float | None


def list_health(device: DeviceView) -> dict[str, Health]:
    """Camera id → its health, of a device that the actor has got by `get_device`. Two queries, however many cameras."""
    now = clock.now()
    cameras = [view.id for view in device.cameras]
    changes: dict[str, list[tuple[datetime, bool]]] = {camera: [] for camera in cameras}
    rows = StateChange.objects.filter(camera__in=cameras).order_by("at", "pk").values_list("camera", "at", "is_online")
    for camera, at, is_online in rows:
        changes[camera].append((at, is_online))
    sent = Camera.objects.filter(pk__in=cameras).values_list("pk", "codec", "bitrate")
    return {pk: _health(changes[pk], now, codec=codec, bitrate=bitrate) for pk, codec, bitrate in sent}


def get_stability(actor: Principal, camera: str) -> Stability:
    """How it has been, for those to whom it belongs. Raises NotFound."""
    view = get_camera(actor, camera)
    if not view.mine:
        raise NotFound
    changes = list(StateChange.objects.filter(camera_id=camera).order_by("at", "pk").values_list("at", "is_online"))
    return Stability(view.state, view.since, view.last_drop_at, _health(changes, clock.now()).uptime)


def _health(changes: list[tuple[datetime, bool]], now: datetime, *, codec: str = "", bitrate: int = 0) -> Health:
    start = now - DAY
    ends = [*(at for at, _ in changes[1:]), now]
    stretches = [
        Stretch((max(at, start) - start) / DAY, (until - max(at, start)) / DAY, max(at, start), until, is_online)
        for (at, is_online), until in zip(changes, ends, strict=False)
        if until > max(at, start)
    ]
    known = sum(stretch.length for stretch in stretches)
    return Health(
        stretches=stretches,
        # The first word of a camera that is off is no drop: it never was on.
        drops=sum(
            at >= start and was_online and not is_online for (_, was_online), (at, is_online) in pairwise(changes)
        ),
        uptime=sum(stretch.length for stretch in stretches if stretch.is_online) / known if known else None,
        codec=codec,
        bitrate=bitrate,
    )


def is_clock_wrong(device: DeviceView) -> bool:
    """Whether the device's clock was so far off when it was last asked that it matters."""
    return device.clock_drift_s is not None and abs(device.clock_drift_s) > CLOCK_IS_WRONG_AFTER_S


def list_alerts(device: DeviceView) -> list[str]:
    """What deserves a look: `away` (longer than five minutes), `clock`. Nothing where it is switched off."""
    if not device.is_enabled:
        return []
    limit = clock.now() - AWAY_AFTER
    away = any(
        view.state == "offline" and view.since is not None and view.since < limit
        for view in device.cameras
        if view.disabled_at is None
    )
    return [word for word, is_so in (("away", away), ("clock", is_clock_wrong(device))) if is_so]
