"""Detectors: programs like Frigate that look at a camera's picture themselves, and say over MQTT what they see.

A node listens to the detectors of its cameras as it listens to the cameras: by assignments that it asks for, sealed to
its key. What comes of it are events like any others (`camera_events`).
"""

from typing import Final

import msgspec

from belvedere.contracts.brokers import BrokerSource

#: A node says how each of them is at least this often: what nobody spoke of for a minute is unknown.
STATES_EVERY_S: Final = 15.0
FORGOTTEN_AFTER_S: Final = 60.0
#: what a node says beside the words of SourceError and BrokerError: the broker is there, the program is not
AWAY: Final = "detector_offline"


class DetectorSource(BrokerSource, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is inside the seal: the broker, and as what the detector knows the camera.

    prefix  what its topics begin with: `frigate`
    name    what it calls the camera there
    """

    prefix: str
    name: str


class DetectorsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """media → control, `event.detectors.<node>`: whose detectors am I to listen to? Paged by `after`."""

    run: str
    after: str = ""


class DetectorAssignment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One camera's. `sealed` is a base64 HPKE box for the node's public key around a DetectorSource."""

    camera: str
    sealed: str


class DetectorsReply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One page. `next` is empty on the last one."""

    detectors: list[DetectorAssignment]
    next: str = ""


class DetectorState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """media → control, `detector.state.<node>`: how the line to a camera's detector is. The last one wins.

    error     "" while it is listened to, else why not
    heard_at  when it last said something of this camera, seconds since the epoch; None: not in this run
    """

    run: str
    sequence: int
    camera: str
    error: str = ""
    heard_at: float | None = None
