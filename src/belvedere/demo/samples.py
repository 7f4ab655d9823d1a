"""The sample cameras: what they are called, where they hang, and under which paths they are served.

Only names: control makes devices of them without ever loading FFmpeg.
"""

from dataclasses import dataclass
from typing import Final

#: All sample cameras ask for this name, and for a password made at the first start of a demo.
USERNAME: Final = "demo"
#: the organization whose members have roles
HOTELS: Final = "Harbour Hotels"


@dataclass(frozen=True)
class SampleCamera:
    """One camera. `key` is its scene, and the first part of its paths; `organization` "" is its owner's own."""

    key: str
    name: str
    site: str
    has_audio: bool = False
    organization: str = ""

    @property
    def main(self) -> str:
        """Path of the large picture, 1280x720."""
        return f"/{self.key}/main"

    @property
    def sub(self) -> str:
        """Path of the small one, 640x360."""
        return f"/{self.key}/sub"


@dataclass(frozen=True)
class SampleDevice:
    """A device that speaks ONVIF and is nobody's yet. `channels`: a name, and the scene that it shows."""

    key: str
    name: str
    model: str
    serial: str
    mac: str
    channels: tuple[tuple[str, str], ...]
    is_dome: bool = False


CAMERAS: Final = (
    SampleCamera("courtyard", "Courtyard", "House"),
    SampleCamera("frontdoor", "Front door", "House", has_audio=True),
    SampleCamera("pool", "Pool", "House"),
    SampleCamera("shop", "Counter", "Bodega"),
    SampleCamera("driveway", "Driveway", "House"),
    SampleCamera("corridor", "Upper corridor", "North", organization=HOTELS),
    SampleCamera("carpark", "Car park", "South", organization=HOTELS),
)
#: For a search to find: a recorder of eight channels, and a camera that turns, hears and speaks.
DEVICES: Final = (
    SampleDevice(
        "recorder",
        "Warehouse recorder",
        "BV-NVR8",
        "BV8-2026-0417",
        "00:00:5e:00:53:08",
        (
            ("Gate", "driveway"),
            ("Yard", "courtyard"),
            ("Ramp", "carpark"),
            ("Aisle", "corridor"),
            ("Till", "shop"),
            ("Side door", "frontdoor"),
            ("Basin", "pool"),
            ("Passage", "corridor"),
        ),
    ),
    SampleDevice(
        "dome", "Harbour dome", "BV-PTZ", "BVP-2026-0093", "00:00:5e:00:53:09", (("Harbour", "carpark"),), is_dome=True
    ),
)
