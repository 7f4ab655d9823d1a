"""Reading detectors: for those who set the camera up."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from belvedere.contracts.detectors import FORGOTTEN_AFTER_S
from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import check
from belvedere.control.core import clock
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Detector

#: where no node has spoken of it lately
UNKNOWN: Final = "unknown"
LISTENING: Final = "listening"


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorView:
    """A camera's detector, without its credentials.

    state     `listening`, `unknown`, or a word for what is wrong
    heard_at  when it last said something of the camera
    """

    camera: str
    address: str
    prefix: str
    name: str
    state: str
    heard_at: datetime | None


def find_detector(actor: Principal, camera: str) -> DetectorView | None:
    """The detector of a camera that the actor may set up; None where it has none. Raises NotFound, Forbidden."""
    check(actor, Permission.CONFIGURE, on="camera", resource=camera)
    row = Detector.objects.filter(camera=camera).first()
    if row is None:
        return None
    is_fresh = row.told_at is not None and row.told_at > clock.now() - timedelta(seconds=FORGOTTEN_AFTER_S)
    return DetectorView(
        camera=camera,
        address=row.shown_address,
        prefix=row.prefix,
        name=row.name,
        state=(row.error or LISTENING) if is_fresh else UNKNOWN,
        heard_at=row.heard_at,
    )
