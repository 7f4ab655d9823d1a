"""The sample cameras and alarm: what they are called, where they hang, under which paths and topics they are served.

Only names: control makes devices of them without ever loading FFmpeg.
"""

from dataclasses import dataclass
from typing import Final, Protocol

#: All sample cameras ask for this name, and for a password made at the first start of a demo.
USERNAME: Final = "demo"
#: the organization whose members have roles
HOTELS: Final = "Harbour Hotels"


class Address(Protocol):
    """Where cameras and broker are to listen (on loopback), and what they are to ask for."""

    @property
    def port(self) -> int:
        """Of the cameras; 0 takes any free one."""

    @property
    def broker_port(self) -> int:
        """Of the broker that the alarm talks through."""

    @property
    def password(self) -> str:
        """The same for all."""


@dataclass(frozen=True)
class SampleCamera:
    """One camera. `key` is its scene, and the first part of its paths; `organization` "" is its owner's own."""

    key: str
    name: str
    site: str
    has_audio: bool = False
    has_talk: bool = False
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


@dataclass(frozen=True)
class SampleAlarm:
    """A security panel: its topics at the sample house's broker, and the code that disarms it."""

    name: str
    site: str
    code: str
    topic: str

    @property
    def state_topic(self) -> str:
        """Where it says how it is."""
        return self.topic

    @property
    def command_topic(self) -> str:
        """Where it is told."""
        return f"{self.topic}/set"

    @property
    def availability_topic(self) -> str:
        """Where it says that it is there."""
        return f"{self.topic}/available"


CAMERAS: Final = (
    SampleCamera("courtyard", "Courtyard", "House"),
    SampleCamera("frontdoor", "Front door", "House", has_audio=True, has_talk=True),
    SampleCamera("pool", "Pool", "House"),
    SampleCamera("shop", "Counter", "Bodega"),
    SampleCamera("driveway", "Driveway", "House"),
    SampleCamera("corridor", "Upper corridor", "North", organization=HOTELS),
    SampleCamera("carpark", "Car park", "South", organization=HOTELS),
)
#: in Olivia's house, and shared with nobody
ALARM: Final = SampleAlarm("Alarm", "House", "1234", "home/alarm")
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
